//! What is known of training, done again: each [`Experiment`] trains networks with this crate's kernels, draws one
//! picture, and says whether the claims it is there for hold on this data.
//!
//! ```
//! use flatgrad::data::{OpenOptions, open_digits};
//! use flatgrad::reproduce::{Experiment, Setup};
//! let data = open_digits(&OpenOptions::default())?;
//! let setup = Setup { seeds: 1, quick: true, hidden: true, ..Setup::new(data) };
//! let finding = Experiment::named("adagrad").unwrap().run(&setup)?;
//! assert!(finding.claims.iter().all(|claim| claim.held));
//! assert!(finding.picture.to_svg().starts_with("<svg"));
//! # Ok::<(), flatgrad::Error>(())
//! ```

mod adagrad;
mod augmentation;
mod batch_norm_rates;
mod course;
mod covariate_shift;
mod dropout;
mod early_stopping;
mod finding;
mod lab;
mod learning_rate;
mod nets;
mod normalizations;
mod optimizers;
mod sigmoid_input;
mod spread;

pub use finding::{Claim, Compared, Finding, Picture, Table};
pub use lab::Setup;

use crate::error::Result;
use lab::Lab;

/// Something known of training, and how to see it.
#[derive(Clone, Copy, Debug)]
pub struct Experiment {
    /// What it is called.
    pub name: &'static str,
    /// What is to be seen, in a line.
    pub about: &'static str,
    /// About how long it takes on MNIST, with three seeds, on two threads.
    pub time: &'static str,
    run: fn(&Lab) -> Result<Finding>,
}

impl Experiment {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self {
            name: "optimizers",
            about: "RMSprop and Adam lower the loss further than SGD in as many steps, at usual rates",
            time: "1 minute",
            run: optimizers::run,
        },
        Self {
            name: "adagrad",
            about: "Adagrad's effective rate only falls; RMSprop's rises again, too",
            time: "seconds",
            run: adagrad::run,
        },
        Self {
            name: "early-stopping",
            about: "training loss falls while validation loss rises: stop, keep the best weights",
            time: "seconds",
            run: early_stopping::run,
        },
        Self {
            name: "dropout",
            about: "dropout lowers the errors of an MLP; the three forms at test time agree",
            time: "8 minutes",
            run: dropout::run,
        },
        Self {
            name: "augmentation",
            about: "augmentation lowers the errors, the more the fewer samples there are",
            time: "2 minutes",
            run: augmentation::run,
        },
        Self {
            name: "covariate-shift",
            about: "batch norm trains faster, and the inputs of a sigmoid drift less",
            time: "1 minute",
            run: covariate_shift::run,
        },
        Self {
            name: "batch-norm-rates",
            about: "batch norm allows larger learning rates, which train faster still",
            time: "1 minute",
            run: batch_norm_rates::run,
        },
        Self {
            name: "learning-rate",
            about: "a rate too low learns slowly, one too high not at all",
            time: "seconds",
            run: learning_rate::run,
        },
        Self {
            name: "normalizations",
            about: "batch, layer, instance and group normalization beside none",
            time: "half a minute",
            run: normalizations::run,
        },
    ];

    /// The experiment of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|experiment| experiment.name == name)
    }

    /// Trains, measures and draws.
    ///
    /// # Errors
    ///
    /// As [`Setup::check`]; those of training.
    pub fn run(&self, setup: &Setup) -> Result<Finding> {
        let lab = Lab::new(setup, self.name)?;
        Ok(Finding { name: self.name, about: self.about, setting: lab.setting(), ..(self.run)(&lab)? })
    }
}
