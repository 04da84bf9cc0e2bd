//! What is diagnosed, and trials with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flatgrad_core::net::{Kind, Net, Optimizer, Plan};
use flatgrad_core::{Context, Isa};
use sha2::{Digest, Sha256};

use super::trial::{Course, Trial};
use crate::augment::Augmentation;
use crate::data::{Dataset, Loader, Subset, split};
use crate::error::{Error, Result};
use crate::files::hexadecimal;
use crate::model::{LayerStore, Network};
use crate::train::{Fit, Settings};

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

impl Subject {
    /// A hash by which a subject is known again: its settings, network, augmentation and data.
    ///
    /// # Errors
    ///
    /// As [`Fit::plan`], which refuses what training would refuse, and those of reading the data.
    pub fn identity(&self, ctx: Context) -> Result<String> {
        let store = LayerStore::default();
        let fit = self.fit(self.network.net(&store)?);
        let (settings, data) = fit.identity(&self.plan(ctx, &fit)?)?;
        let mut hash = Sha256::new();
        settings.iter().for_each(|(name, value)| hash.update(format!("{name} = {value}\n")));
        hash.update(data);
        Ok(hexadecimal(hash))
    }

    fn fit<'s>(&'s self, net: Net<'s>) -> Fit<'s> {
        let mut fit = Fit::with_parts(net, &self.train, &self.test, &self.settings);
        if let Some(validation) = &self.validation {
            fit = fit.validation(validation);
        }
        if let Some(augmentation) = &self.augmentation {
            fit = fit.augment(augmentation);
        }
        fit
    }

    /// The plan of the run itself: everything that training refuses is refused here, too.
    fn plan(&self, ctx: Context, fit: &Fit) -> Result<Plan> {
        fit.plan(ctx).map_err(|error| match error {
            Error::Core(flatgrad_core::Error::Net(error)) => self.network.explain(error),
            other => other,
        })
    }

    /// The same, of this network.
    pub(super) fn checked_plan(&self, ctx: Context, net: Net) -> Result<Plan> {
        self.plan(ctx, &self.fit(net))
    }
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

    /// The rate with which the optimizer usually begins.
    pub(super) fn usual_rate(&self) -> f32 {
        let optimizer = self.subject.settings.optimizer;
        Optimizer::named(optimizer.name()).map_or(optimizer.lr(), |usual| usual.lr())
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
pub(super) fn key(optimizer: &Optimizer, name: &str) -> Option<f32> {
    optimizer.keys().iter().find(|(key, _)| *key == name).and_then(|(_, value)| match value {
        flatgrad_core::net::Value::Number(number) => Some(number),
        _ => None,
    })
}

/// The optimizer with another weight decay.
pub(super) fn with_decay(optimizer: Optimizer, decay: f32) -> Optimizer {
    with_key(optimizer, "weight_decay", decay)
}

pub(super) fn with_key(optimizer: Optimizer, name: &str, number: f32) -> Optimizer {
    use flatgrad_core::net::Value;
    let changed = |(key, value)| if key == name { Value::Number(number) } else { value };
    let values: Vec<Value> = optimizer.keys().iter().map(changed).collect();
    optimizer.with(&values).unwrap_or(optimizer)
}
