//! Trials: training runs of a subject, or of a variant of it, and how they went.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use flatgrad_core::Context;

use super::Part;
use crate::augment::Augmentation;
use crate::data::{Dataset, Label};
use crate::error::{Error, Result};
use crate::model::{LayerStore, Network};
use crate::train::{Callback, EpochEnd, EpochRecord, Fit, Flow, History, Interrupt, RunEnd, Settings, StepRecord};

/// A training run to be.
#[derive(Clone)]
pub(super) struct Trial {
    pub(super) network: Network,
    pub(super) settings: Settings,
    pub(super) augmentation: Option<Augmentation>,
    pub(super) train: Part,
    /// Samples of training on which it is evaluated, as at test time.
    pub(super) probe: Part,
    /// Stop at the end of an epoch with this score on the probe.
    pub(super) until: Option<f64>,
    pub(super) interrupt: Option<Arc<AtomicBool>>,
}

impl Trial {
    /// The same at another rate.
    pub(super) fn at_rate(mut self, lr: f32) -> Self {
        self.settings.optimizer = self.settings.optimizer.with_lr(lr);
        self
    }

    /// Trains, and evaluates after each epoch.
    pub(super) fn run(&self, ctx: Context, held_out: &Part) -> Result<Course> {
        let store = LayerStore::default();
        let net = self.network.net(&store)?;
        let mut recorder = Recorder { until: self.until, scale: score_scale(&*self.probe), ..Recorder::default() };
        let mut fit = Fit::with_parts(net, &self.train, &self.probe, &self.settings).validation(held_out);
        if let Some(augmentation) = &self.augmentation {
            fit = fit.augment(augmentation);
        }
        let mut interrupt = Interrupt(self.interrupt.clone().unwrap_or_default());
        let diverged = match fit.run(ctx, &mut [&mut recorder, &mut interrupt]) {
            Ok(_) => None,
            Err(Error::Diverged { step, .. }) => Some(step),
            Err(other) => return Err(other),
        };
        let Recorder { history, weights, best, scale, .. } = recorder;
        Ok(Course { history, weights, best, diverged, scale })
    }
}

/// The variance of the targets: by what a squared error is measured. 0 for classes.
fn score_scale(part: &dyn Dataset) -> f64 {
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for index in 0..part.len() {
        if let Label::Values(values) = part.target(index) {
            for &value in values {
                let value = f64::from(value);
                (n, sum, squares) = (n + 1.0, sum + value, squares + value * value);
            }
        }
    }
    if n == 0.0 { 0.0 } else { (squares / n - (sum / n).powi(2)).max(0.0) }
}

/// Writes down a trial, whatever becomes of it.
#[derive(Default)]
struct Recorder {
    history: History,
    weights: Vec<f32>,
    best: Best,
    until: Option<f64>,
    scale: f64,
}

/// The weights with the lowest loss on held-out samples.
#[derive(Clone, Default)]
pub(super) struct Best {
    pub(super) weights: Vec<f32>,
    loss: Option<f32>,
}

impl Callback for Recorder {
    fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
        self.history.batch(step)
    }
    fn epoch(&mut self, end: &EpochEnd) -> Result<Flow> {
        self.history.epoch(end)?;
        self.weights = end.weights.to_vec();
        if self.best.loss.is_none_or(|best| end.loss < best) {
            self.best = Best { weights: end.weights.to_vec(), loss: Some(end.loss) };
        }
        let score = score(self.scale, end.record.test_loss, end.record.test_accuracy);
        Ok(if self.until.is_some_and(|until| score >= until) { Flow::STOP } else { Flow::CONTINUE })
    }
    fn end(&mut self, end: &mut RunEnd) -> Result {
        self.weights = end.weights.clone();
        Ok(())
    }
}

/// The share of right answers; of values, the share of the variance that is explained.
fn score(scale: f64, loss: f32, accuracy: Option<f64>) -> f64 {
    accuracy.unwrap_or(1.0 - f64::from(loss) / scale.max(1e-30))
}

/// How a trial went.
#[derive(Clone)]
pub(super) struct Course {
    pub(super) history: History,
    /// The last weights that were evaluated; none if it diverged in its first epoch.
    pub(super) weights: Vec<f32>,
    pub(super) best: Best,
    /// The step of the first loss that was not finite.
    pub(super) diverged: Option<u64>,
    scale: f64,
}

impl Course {
    /// After each epoch, the score on samples of training, and on held-out ones.
    pub(super) fn scores(&self) -> Vec<[f64; 2]> {
        let of = |epoch: &EpochRecord| {
            let held_out = epoch.validation_loss.unwrap_or(f32::NAN);
            [
                score(self.scale, epoch.test_loss, epoch.test_accuracy),
                score(self.scale, held_out, epoch.validation_accuracy),
            ]
        };
        self.history.epochs.iter().map(of).collect()
    }

    /// The last of these; the worst if it diverged.
    pub(super) fn last_scores(&self) -> [f64; 2] {
        if self.diverged.is_some() {
            return [f64::NEG_INFINITY; 2];
        }
        self.scores().last().copied().unwrap_or([f64::NEG_INFINITY; 2])
    }

    /// The best score on samples of training.
    pub(super) fn best_score(&self) -> f64 {
        self.scores().iter().map(|scores| scores[0]).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The mean loss of the last fifth of all steps; infinite if it diverged.
    pub(super) fn last_loss(&self) -> f64 {
        if self.diverged.is_some() {
            return f64::INFINITY;
        }
        let losses = &self.history.step_losses;
        let last = &losses[losses.len() - losses.len().div_ceil(5)..];
        last.iter().map(|&loss| f64::from(loss)).sum::<f64>() / last.len().max(1) as f64
    }
}
