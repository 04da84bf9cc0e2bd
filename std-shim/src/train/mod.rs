//! Training: the loop, its settings and schedules, and everything that looks on.
//!
//! [`train`] is all of it in one call; [`Fit`] adds a validation part and goes on after a [`Checkpoint`]. A
//! [`Callback`] hears of every step and epoch: [`EarlyStopping`], [`Checkpoints`], [`Interrupt`] and
//! [`History`] are callbacks like your own.
//!
//! After every 32nd step the loop calls [`Trainer::flush_state`](flatgrad_core::net::Trainer::flush_state). A loop of
//! one's own, such as a device's, that is to have the same bits does so too.

mod callback;
mod checkpoint;
mod early_stopping;
mod evaluate;
mod feed;
mod fit;
mod history;
mod run;
mod schedule;
mod settings;

pub mod metrics;
pub mod stats;

pub use callback::{Callback, EpochEnd, Flow, Interrupt, RunEnd, RunStart, Saved, StepRecord};
pub use checkpoint::{Checkpoint, Checkpoints, Position};
pub use early_stopping::EarlyStopping;
pub use evaluate::{Evaluation, evaluate, loss_for};
pub use fit::{Fit, Outcome};
pub use history::{EpochRecord, History};
pub use schedule::{OneCycle, Plateau, PlateauState, Schedule, Shape};
pub use settings::{Clip, Loading, Settings};

use flatgrad_core::Context;
use flatgrad_core::net::Net;

use crate::data::{DataSplit, Dataset};
use crate::error::Result;

/// Trains `net` on `data.train` from scratch and evaluates it on `data.test` after every epoch: for classes by cross
/// entropy, for values by the mean squared error.
///
/// The weights depend on the network, the data and the settings alone, not on the context or the number of workers: bit
/// for bit.
///
/// # Errors
///
/// As [`Fit::run`].
pub fn train<D: Dataset>(
    ctx: Context,
    net: Net,
    data: &DataSplit<D>,
    settings: &Settings,
    callbacks: &mut [&mut dyn Callback],
) -> Result<Outcome> {
    Fit::new(net, data, settings).run(ctx, callbacks)
}
