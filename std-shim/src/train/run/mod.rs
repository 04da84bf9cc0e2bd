//! The training loop: shuffled epochs, evaluation after each, a stop at the first loss that is not a number.

mod close;
pub(super) mod identity;
mod ranks;
mod resume;
mod steps;
mod watch;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use flatgrad_core::Context;
use flatgrad_core::net::Trainer;

use super::evaluate::evaluate_in;
use super::feed::Feed;
use super::{Callback, Evaluation, Fit, History, Loading, Outcome, Position, RunEnd, RunStart, Settings};
use crate::augment::{Augmentation, Mixing};
use crate::data::{Loader, Scaling};
use crate::distributed::Group;
use crate::error::{Error, Result};
use crate::model;
use watch::Watch;

/// [`Fit::run_in`].
pub(super) fn run(
    fit: Fit,
    ctx: Context,
    group: &mut dyn Group,
    callbacks: &mut [&mut dyn Callback],
) -> Result<Outcome> {
    let settings = fit.settings;
    let begin = || {
        let plan = fit.plan_in(ctx, group)?;
        let arena = arena(plan.train_len())?;
        let normalizer = settings.normalize.fit(fit.train, settings.loading.workers)?;
        let identity = identity::identity(&fit, &plan, group.size())?;
        Ok((plan, arena, normalizer, identity))
    };
    let begun = begin();
    let (plan, mut arena, normalizer, identity) = ranks::all_or_none(group, begun)?;
    let Loading { workers, drop_last } = settings.loading;
    let (rank, size) = (group.rank(), group.size());
    let loader =
        |part| Loader::new(part, &normalizer, settings.batch).seed(settings.seed).workers(workers).share(rank, size);
    let mixing = fit.augmentation.map_or(Mixing::DEFAULT, Augmentation::mixing);
    let training =
        loader(fit.train).drop_last(drop_last).pipeline(fit.augmentation.map(Augmentation::train)).mixing(mixing);
    let testing = |part| loader(part).pipeline(fit.augmentation.map(Augmentation::test));
    let parts = Parts {
        train: Feed::new(training, settings),
        test: testing(fit.test),
        validation: fit.validation.map(testing),
        train_eval: fit.train_eval.then(|| testing(fit.train)),
        scaling: normalizer.scaling(),
    };
    let trainer = Trainer::new(ctx, &plan, &mut arena, settings.seed)?;
    let mut run = Run {
        ctx,
        settings,
        position: Position { epoch: 1, ..Position::default() },
        average: settings.ema.map(|_| trainer.weights()[..plan.parameters()].to_vec()),
        evaluated: trainer.weights().to_vec(),
        trainer,
        history: History::default(),
        callbacks,
        identity,
        group,
        targets: Vec::new(),
        losses: Vec::new(),
        classes: fit.train.task().is_classes(),
        correct: 0,
        // The others would write down the same, of other samples.
        watch: (fit.stats && rank == 0).then(|| Watch::new(&plan)),
        sums: Vec::new(),
        pass: Pass::default(),
        all: Pass::default(),
    };
    run.take_up(fit.resume)?;
    run.check_start(fit.train_eval)?;
    let start = Instant::now();
    let complete = run.epochs(&parts)?;
    run.finish(&parts, complete, start)
}

/// The loaders, and what normalizes for all of them.
struct Parts<'a> {
    scaling: &'a Scaling,
    train: Feed<'a>,
    test: Loader<'a>,
    validation: Option<Loader<'a>>,
    /// The training part as at test time.
    train_eval: Option<Loader<'a>>,
}

/// Some samples, of this process.
#[derive(Clone, Copy, Default)]
struct Pass {
    samples: usize,
    time: Duration,
    /// Seconds.
    waited: f64,
}

impl Pass {
    /// Samples per second.
    fn rate(&self) -> f64 {
        self.samples as f64 / self.time.as_secs_f64().max(1e-9)
    }
}

struct Run<'a, 'b, 'c> {
    ctx: Context<'a>,
    trainer: Trainer<'a>,
    settings: &'b Settings,
    position: Position,
    average: Option<Vec<f32>>,
    /// The weights that were evaluated last.
    evaluated: Vec<f32>,
    history: History,
    callbacks: &'b mut [&'c mut dyn Callback],
    group: &'b mut dyn Group,
    /// The settings and the fingerprint of the data, for checkpoints.
    identity: (BTreeMap<String, String>, String),
    /// Targets with class weights.
    targets: Vec<f32>,
    /// For each batch of the step so far, the sum of its samples' losses.
    losses: Vec<f32>,
    /// Whether the task is about classes.
    classes: bool,
    /// Right answers of the step so far.
    correct: usize,
    /// What the layers compute, if that is wanted.
    watch: Option<Watch>,
    /// What is added up over all ranks.
    sums: Vec<f32>,
    /// The epoch.
    pass: Pass,
    /// All epochs.
    all: Pass,
}

impl Run<'_, '_, '_> {
    /// Epoch after epoch; says whether the run is complete.
    fn epochs(&mut self, parts: &Parts) -> Result<bool> {
        let (epochs, steps_per_epoch) = (self.settings.epochs, parts.train.steps());
        let info = RunStart { epochs, steps_per_epoch, step: self.position.step };
        self.callbacks.iter_mut().try_for_each(|callback| callback.start(&info))?;
        let mut complete = false;
        while self.position.epoch <= epochs {
            let flow = self.epoch(&parts.train)?;
            let whole = self.position.step_in_epoch >= steps_per_epoch;
            if !whole || flow.abort {
                self.checkpoint()?;
            }
            if flow.abort {
                return Err(Error::Interrupted { step: self.position.step });
            }
            let stop = self.close_epoch(parts, whole)?.stop;
            complete = stop || flow.stop || (whole && self.position.epoch > epochs);
            if stop || flow.stop || self.is_over() {
                break;
            }
        }
        Ok(complete)
    }

    fn finish(mut self, parts: &Parts, complete: bool, start: Instant) -> Result<Outcome> {
        let mut weights = std::mem::take(&mut self.evaluated);
        let before = weights.clone();
        let mut end = RunEnd { weights: &mut weights, history: &self.history, complete };
        self.callbacks.iter_mut().try_for_each(|callback| callback.end(&mut end))?;
        if weights.len() != before.len() {
            return Err(Error::weights("callback", "has changed the number of weights"));
        }
        self.take_firsts(&mut weights)?;
        self.trainer.weights_mut().copy_from_slice(&weights);
        let test = match self.history.epochs.last() {
            Some(last) if weights == before => {
                Evaluation { loss: last.test_loss, accuracy: last.test_accuracy, mae: last.test_mae }
            }
            _ => evaluate_in(self.ctx, self.group, &mut self.trainer, &parts.test)?,
        };
        Ok(Outcome {
            weights: model::state_dict(&self.trainer)?,
            test,
            steps: self.position.step,
            history: self.history,
            complete,
            seconds: start.elapsed().as_secs_f64(),
            samples_per_second: self.all.rate(),
            data_wait_seconds: self.all.waited,
            scaling: parts.scaling.clone(),
        })
    }

    fn check_finite(&self, loss: f32) -> Result {
        let Position { step, epoch, .. } = self.position;
        if loss.is_finite() { Ok(()) } else { Err(Error::Diverged { step, epoch, loss }) }
    }

    fn is_over(&self) -> bool {
        self.settings.max_steps.is_some_and(|max| self.position.step >= max)
    }
}

/// Zeros; a plan too large for the machine is an error and not the end of the process.
fn arena(len: usize) -> Result<Vec<f32>> {
    let mut arena = Vec::new();
    let megabytes = len / (1 << 18);
    let refused = |_| Error::setting("batch", format!("no memory for {megabytes} MB; try a smaller batch"));
    arena.try_reserve_exact(len).map_err(refused)?;
    arena.resize(len, 0.0);
    Ok(arena)
}
