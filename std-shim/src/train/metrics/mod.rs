//! What a network's outputs are worth: measured batch by batch, over as many as there are.
//!
//! ```
//! use flatgrad::train::metrics::{Accuracy, Confusion, Metric, TopK};
//! use flatgrad_core::loss::Target;
//! let (mut first, mut two, mut confusion) = (Accuracy::default(), TopK::new(2), Confusion::new(3));
//! // Three samples, three classes.
//! let outputs = [0.1, 0.7, 0.2, 0.6, 0.3, 0.1, 0.2, 0.3, 0.5];
//! for metric in [&mut first as &mut dyn Metric, &mut two, &mut confusion] {
//!     metric.add(&outputs, Target::Classes(&[1, 1, 0]))?;
//! }
//! assert_eq!((first.value(), two.value()), (1.0 / 3.0, 2.0 / 3.0));
//! assert_eq!(confusion.counts()[3..6], [1, 1, 0]); // of class 1, one was taken for class 0
//! assert_eq!((confusion.precision(1), confusion.recall(1)), (Some(1.0), Some(0.5)));
//! # Ok::<(), flatgrad::Error>(())
//! ```

mod accuracy;
mod confusion;
mod means;
mod measure_all;
mod rows;

use flatgrad_core::loss::Target;
use flatgrad_core::net::Trainer;

pub use accuracy::{Accuracy, TopK};
pub use confusion::Confusion;
pub use means::{CrossEntropy, MeanAbsoluteError};
pub use measure_all::measure_all;

use crate::error::Result;

/// A number measured over many samples.
pub trait Metric {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// Takes in the outputs `[n, outputs]` of a network for `n` samples, and what they should be.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) if outputs and target do not fit together, or the metric is not for
    /// such targets. Nothing has been counted then.
    fn add(&mut self, outputs: &[f32], target: Target) -> Result;

    /// The number, over everything so far; NaN before the first sample.
    fn value(&self) -> f64;
}

/// Adds the outputs of a network for the samples `x` to all metrics.
///
/// # Errors
///
/// As [`Trainer::infer`] and [`Metric::add`].
pub fn measure(trainer: &mut Trainer, x: &[f32], target: Target, metrics: &mut [&mut dyn Metric]) -> Result {
    let outputs = trainer.infer(x)?;
    metrics.iter_mut().try_for_each(|metric| metric.add(outputs, target))
}
