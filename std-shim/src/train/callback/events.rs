//! What a callback hears.

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
    /// Mean training loss of the epoch so far.
    pub loss: f64,
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
