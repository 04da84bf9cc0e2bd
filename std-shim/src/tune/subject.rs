//! What is diagnosed, and trials with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flatgrad_core::net::{Kind, Plan};
use flatgrad_core::{Context, Isa};

use crate::augment::Augmentation;
use crate::data::{Dataset, Label, Loader, Subset, split};
use crate::error::{Error, Result};
use crate::model::{LayerStore, Network};
use crate::train::{Callback, EpochEnd, Fit, Flow, History, Interrupt, RunEnd, Settings, StepRecord};

/// A part of the data.
pub type Part = Arc<dyn Dataset>;

/// A training run, as it is diagnosed: what `train` would do, with which data.
#[derive(Clone)]
pub struct Subject {
    /// The network.
    pub network: Network,
    /// The training part.
    pub train: Part,
    /// Held out of it; if there is none, some samples are.
    pub validation: Option<Part>,
    /// The test part: its inputs are compared with those of training, nothing is chosen by it.
    pub test: Part,
    /// How to train.
    pub settings: Settings,
    /// What is done to samples.
    pub augmentation: Option<Augmentation>,
}

/// The share of the training part that is held out if the subject has no validation part.
const HELD_OUT: f64 = 0.15;
/// Training samples on which a trial is evaluated at most, and held-out ones.
const PROBE: usize = 2000;

/// The subject, with its parts for trials.
pub(super) struct Lab<'a> {
    pub(super) ctx: Context<'a>,
    pub(super) subject: &'a Subject,
    /// What trials learn from.
    pub(super) train: Part,
    /// What they are judged by.
    pub(super) held_out: Part,
    /// Some of the samples that they learn from.
    pub(super) probe: Part,
    /// By which factor trials are longer than a diagnosis has them, up to 1.
    pub(super) scale: f64,
    interrupt: Option<Arc<AtomicBool>>,
}

impl<'a> Lab<'a> {
    pub(super) fn new(ctx: Context<'a>, subject: &'a Subject, interrupt: Option<Arc<AtomicBool>>) -> Result<Self> {
        let (train, held_out) = match &subject.validation {
            Some(validation) => (Arc::clone(&subject.train), Arc::clone(validation)),
            None => {
                let parts = split(Arc::clone(&subject.train), HELD_OUT, subject.settings.seed)?.shared();
                (parts.train, parts.test)
            }
        };
        let (held_out, probe) = (spread(&held_out, PROBE)?, spread(&train, PROBE)?);
        Ok(Self { ctx, subject, train, held_out, probe, scale: 1.0, interrupt })
    }

    /// The subject's network and settings, on what is left for training.
    pub(super) fn trial(&self) -> Trial {
        let Subject { network, settings, augmentation, .. } = self.subject;
        let batch = settings.batch.min(self.train.len());
        Trial {
            network: network.clone(),
            settings: Settings { batch, ..settings.clone() },
            augmentation: augmentation.clone(),
            train: Arc::clone(&self.train),
            probe: Arc::clone(&self.probe),
            until: None,
            interrupt: self.interrupt.clone(),
        }
    }

    /// Whether somebody wants it to end.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupt.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// The subject without anything that holds it back: no dropout, decay, limits, smoothing, augmentation.
    pub(super) fn free_trial(&self) -> Trial {
        let trial = self.trial();
        let mut settings = without_decay(trial.settings);
        (settings.label_smoothing, settings.ema) = (0.0, None);
        Trial { network: trial.network.unregularized(), settings, augmentation: None, ..trial }
    }

    /// Floating-point operations of a training step, for each sample: a rough count that depends on the network alone.
    pub(super) fn work(&self, network: &Network) -> Result<f64> {
        let store = LayerStore::default();
        let net = network.net(&store)?;
        let plan = Plan::try_new(&net, flatgrad_core::net::Config::new(1, self.subject.settings.optimizer));
        let plan = plan.map_err(|error| network.explain(error))?;
        let of = |layer: flatgrad_core::net::LayerInfo| {
            let [channels, height, width] = layer.output;
            let products = match layer.kind {
                Kind::Conv2d { .. } | Kind::Dense { .. } => layer.parameters * height * width,
                _ => 0,
            };
            6.0 * products as f64 + 60.0 * (channels * height * width) as f64
        };
        Ok(3000.0 + plan.layers().map(of).sum::<f64>())
    }

    /// What a network with these weights answers to a part, `[n, outputs]`, and the labels.
    pub(super) fn answers(&self, part: &Part, weights: &[f32]) -> Result<(Vec<f32>, Vec<u32>)> {
        let (store, subject) = (LayerStore::default(), self.subject);
        let net = subject.network.net(&store)?;
        let batch = 64.min(part.len());
        let config = flatgrad_core::net::Config::new(batch, subject.settings.optimizer).threads(self.ctx.threads());
        let plan = Plan::try_new(&net, config.align(16)).map_err(|error| subject.network.explain(error))?;
        let mut work = vec![0.0; plan.infer_work_len()];
        let normalizer = subject.settings.normalize.fit(&*self.train, subject.settings.loading.workers)?;
        let pipeline = subject.augmentation.as_ref().map(Augmentation::test);
        let loader = Loader::new(&**part, &normalizer, batch).pipeline(pipeline);
        let (mut outputs, mut labels) = (Vec::new(), Vec::new());
        loader.each(|batch| {
            outputs.extend_from_slice(flatgrad_core::net::infer(self.ctx, &plan, weights, batch.x(), &mut work)?);
            labels.extend_from_slice(batch.labels());
            Ok(())
        })?;
        Ok((outputs, labels))
    }

    /// Trains, in threads of the context.
    pub(super) fn run(&self, trial: &Trial) -> Result<Course> {
        trial.run(self.ctx, &self.held_out)
    }

    /// Trains several, side by side, each in one thread: the bits do not depend on it.
    pub(super) fn run_all(&self, trials: &[Trial]) -> Result<Vec<Course>> {
        use rayon::prelude::*;
        let isa: Isa = self.ctx.isa();
        trials.par_iter().map(|trial| trial.run(Context::serial(isa), &self.held_out)).collect()
    }
}

/// At most `limit` samples, evenly spread.
pub(super) fn spread(part: &Part, limit: usize) -> Result<Part> {
    if part.len() <= limit {
        return Ok(Arc::clone(part));
    }
    let indices = (0..limit).map(|i| (i * part.len() / limit) as u32).collect();
    Ok(Arc::new(Subset::new(Arc::clone(part), indices)?))
}

/// The settings with weight decay 0.
pub(super) fn without_decay(settings: Settings) -> Settings {
    Settings { optimizer: with_decay(settings.optimizer, 0.0), ..settings }
}

/// An optimizer's key, if it has it.
pub(super) fn key(optimizer: &flatgrad_core::net::Optimizer, name: &str) -> Option<f32> {
    optimizer.keys().iter().find(|(key, _)| *key == name).and_then(|(_, value)| match value {
        flatgrad_core::net::Value::Number(number) => Some(number),
        _ => None,
    })
}

/// The optimizer with another weight decay.
pub(super) fn with_decay(optimizer: flatgrad_core::net::Optimizer, decay: f32) -> flatgrad_core::net::Optimizer {
    with_key(optimizer, "weight_decay", decay)
}

pub(super) fn with_key(
    optimizer: flatgrad_core::net::Optimizer,
    name: &str,
    number: f32,
) -> flatgrad_core::net::Optimizer {
    use flatgrad_core::net::Value;
    let changed = |(key, value)| if key == name { Value::Number(number) } else { value };
    let values: Vec<Value> = optimizer.keys().iter().map(changed).collect();
    optimizer.with(&values).unwrap_or(optimizer)
}

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

    fn run(&self, ctx: Context, held_out: &Part) -> Result<Course> {
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
        let of = |epoch: &crate::train::EpochRecord| {
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
