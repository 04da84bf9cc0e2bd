//! What a callback hears.

use crate::train::stats::EpochStats;
use crate::train::{EpochRecord, History};

/// What a [`Callback`](super::Callback) hears at the beginning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunStart {
    /// All epochs of the run.
    pub epochs: usize,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Steps made before, if training goes on.
    pub step: u64,
}

/// What a [`Callback`](super::Callback) hears of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRecord {
    /// The step, counted from 1 over the whole run.
    pub step: u64,
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Mean loss of the step's samples.
    pub batch_loss: f32,
    /// Share of the step's samples that were classified correctly, from 0 to 1, before it changed the weights; if the
    /// task is about classes.
    pub batch_accuracy: Option<f64>,
    /// Mean training loss of the epoch so far.
    pub loss: f64,
    /// As `batch_accuracy`, of the epoch so far.
    pub accuracy: Option<f64>,
    /// The learning rate.
    pub lr: f32,
    /// Training samples per second of the epoch so far.
    pub samples_per_second: f64,
}

/// What a [`Callback`](super::Callback) hears of an epoch.
#[derive(Clone, Copy, Debug)]
pub struct EpochEnd<'a> {
    /// What was measured.
    pub record: &'a EpochRecord,
    /// Steps made since the beginning of the run.
    pub step: u64,
    /// The loss by which weights are chosen: over the validation part if there is one, else over the test part.
    pub loss: f32,
    /// The weights that were evaluated, in the order of the arena.
    pub weights: &'a [f32],
    /// What the layers computed in some of the epoch's steps, if that is wanted ([`Fit::stats`]); on rank 0.
    ///
    /// [`Fit::stats`]: crate::train::Fit::stats
    pub stats: Option<&'a EpochStats>,
}

/// What a [`Callback`](super::Callback) may change at the end.
#[derive(Debug)]
pub struct RunEnd<'a> {
    /// The weights that training gives, in the order of the arena.
    pub weights: &'a mut Vec<f32>,
    /// What was measured.
    pub history: &'a History,
    /// Whether all epochs have been trained.
    pub complete: bool,
}
