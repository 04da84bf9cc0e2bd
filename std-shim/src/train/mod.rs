//! Training: the loop, its settings and schedules, and everything that looks on.
//!
//! [`train`] is all of it in one call; [`Fit`] adds a validation part and goes on after a [`Checkpoint`]. A
//! [`Callback`] hears of every step and epoch: [`EarlyStopping`], [`Checkpoints`], [`Interrupt`] and
//! [`History`](crate::report::History) are callbacks like your own.

mod callback;
mod checkpoint;
mod early_stopping;
mod feed;
mod fit;
mod schedule;
mod settings;

pub mod metrics;

pub use callback::{Callback, EpochEnd, Flow, Interrupt, RunEnd, RunStart, Saved, StepRecord};
pub use checkpoint::{Checkpoint, Checkpoints, Position};
pub use early_stopping::EarlyStopping;
pub use feed::hold_out;
pub use fit::{Evaluation, Fit, Outcome};
pub use schedule::{OneCycle, Plateau, PlateauState, Schedule, Shape};
pub use settings::{Clip, Settings};

use flatgrad_core::Context;
use flatgrad_core::net::Net;

use crate::data::DataSplit;
use crate::error::Result;

/// Trains `net` on `data.train` from scratch and evaluates it on `data.test` after every epoch.
///
/// The weights depend on the network, the data and the settings alone, not on the context: bit for bit.
///
/// # Errors
///
/// As [`Fit::run`].
pub fn train(
    ctx: Context,
    net: Net,
    data: &DataSplit,
    settings: &Settings,
    callbacks: &mut [&mut dyn Callback],
) -> Result<Outcome> {
    Fit::new(net, data, settings).run(ctx, callbacks)
}
