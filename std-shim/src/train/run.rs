//! The training loop: shuffled epochs, evaluation after each, a stop at the first loss that is not a number.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use flatgrad_core::Context;
use flatgrad_core::loss::Target;
use flatgrad_core::net::{Kind, LayerInfo, Trainer};
use flatgrad_core::optim::ema_update;

use super::feed::{Feed, Part, fingerprint};
use super::{Callback, Checkpoint, Clip, EpochEnd, Evaluation, Fit, Flow, Loading, Outcome, Position};
use super::{RunEnd, RunStart, Saved, Settings, StepRecord, evaluate};
use crate::augment::{Augmentation, Mixing};
use crate::data::{Loader, Normalizer, Scaling};
use crate::error::{Error, Result};
use crate::model;
use crate::report::{EpochRecord, History};

/// At most so many of an epoch's whole batches count for batch norm's running averages ([`Trainer::calibrate`]).
const CALIBRATION_BATCHES: u32 = 64;

/// [`Fit::run`].
pub(super) fn run(fit: Fit, ctx: Context, callbacks: &mut [&mut dyn Callback]) -> Result<Outcome> {
    let settings = fit.settings;
    let plan = fit.plan(ctx)?;
    let mut arena = arena(plan.train_len())?;
    let normalizer = Normalizer::fit_with(fit.train, settings.loading.workers)?;
    let Loading { workers, drop_last } = settings.loading;
    let loader = |part| Loader::new(part, &normalizer, settings.batch).seed(settings.seed).workers(workers);
    let mixing = fit.augmentation.map_or(Mixing::DEFAULT, Augmentation::mixing);
    let training =
        loader(fit.train).drop_last(drop_last).pipeline(fit.augmentation.map(Augmentation::train)).mixing(mixing);
    let testing = |part| loader(part).pipeline(fit.augmentation.map(Augmentation::test));
    let parts = Parts {
        train: Feed::new(training, settings),
        test: testing(fit.test),
        validation: fit.validation.map(testing),
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
        identity: identity(&fit)?,
        targets: Vec::new(),
        step_loss: 0.0,
        pass: Pass::default(),
        all: Pass::default(),
    };
    if let Some(checkpoint) = fit.resume {
        run.load(checkpoint)?;
    }
    let start = Instant::now();
    let complete = run.epochs(&parts)?;
    run.finish(&parts, complete, start)
}

/// The settings, and the fingerprint of the data, for checkpoints.
fn identity(fit: &Fit) -> Result<(BTreeMap<String, String>, String)> {
    let mut configuration = fit.settings.describe();
    configuration.insert("network".into(), format!("{:?}", fit.net));
    let augmentation = fit.augmentation.map_or_else(String::new, Augmentation::describe);
    configuration.insert("augmentation".into(), augmentation);
    Ok((configuration, fingerprint(&[Some(fit.train), fit.validation, Some(fit.test)])?))
}

/// The loaders, and what normalizes for all of them.
struct Parts<'a> {
    scaling: &'a Scaling,
    train: Feed<'a>,
    test: Loader<'a>,
    validation: Option<Loader<'a>>,
}

/// Some samples, of this process.
#[derive(Clone, Copy, Default)]
struct Pass {
    samples: usize,
    time: Duration,
    /// Seconds.
    waited: f64,
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
    /// The settings and the fingerprint of the data, for checkpoints.
    identity: (BTreeMap<String, String>, String),
    /// Targets with class weights.
    targets: Vec<f32>,
    /// The sum of the losses of the step so far.
    step_loss: f32,
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

    /// The rest of an epoch; says why it ended early, if it did.
    fn epoch(&mut self, feed: &Feed) -> Result<Flow> {
        let (start, before) = (Instant::now(), self.position.samples);
        let (mut flow, mut waited) = (Flow::CONTINUE, 0.0);
        if self.position.step_in_epoch < feed.steps() && !self.is_over() {
            waited = feed.epoch(self.position.epoch, self.position.step_in_epoch, |part| {
                self.accumulate(&part)?;
                if !part.last {
                    return Ok(true);
                }
                let samples_before = self.position.samples - before;
                flow = self.step(part.total, rate(samples_before + part.total, start.elapsed()))?;
                if flow.save && !flow.abort {
                    self.checkpoint()?;
                }
                Ok(!flow.stop && !flow.abort && !self.is_over())
            })?;
        }
        self.pass = Pass { samples: self.position.samples - before, time: start.elapsed(), waited };
        self.all.samples += self.pass.samples;
        self.all.time += self.pass.time;
        self.all.waited += waited;
        Ok(flow)
    }

    /// Adds the gradients of a batch to those of its step.
    fn accumulate(&mut self, part: &Part) -> Result {
        let batch = part.batch;
        let report = if part.weights.is_empty() {
            self.trainer.accumulate(batch.x(), batch.target(), part.total)?
        } else {
            let outputs = part.weights.len();
            self.targets.clear();
            self.targets.resize(outputs * batch.len(), 0.0);
            for (row, &label) in self.targets.chunks_exact_mut(outputs).zip(batch.labels()) {
                row[label as usize] = part.weights[label as usize];
            }
            self.trainer.accumulate(batch.x(), Target::Values(&self.targets), part.total)?
        };
        self.step_loss += report.loss_sum;
        self.position.loss_sum += f64::from(report.loss_sum);
        Ok(())
    }

    /// The step, once its gradients are there.
    fn step(&mut self, samples: usize, samples_per_second: f64) -> Result<Flow> {
        match self.settings.clip {
            Some(Clip::Norm(limit)) => {
                self.trainer.clip_by_norm(limit)?;
            }
            Some(Clip::Value(limit)) => self.trainer.clip_by_value(limit)?,
            None => {}
        }
        let optimizer = self.settings.optimizer.with_lr(self.lr());
        self.trainer.update(&optimizer)?;
        if let (Some(average), Some(decay)) = (&mut self.average, self.settings.ema) {
            let params = &self.trainer.weights()[..average.len()];
            // The average begins with the parameters after the first step.
            match self.position.step {
                0 => average.copy_from_slice(params),
                _ => ema_update(self.ctx, decay, params, average)?,
            }
        }
        let batch_loss = self.step_loss / samples as f32;
        self.step_loss = 0.0;
        let position = &mut self.position;
        position.step += 1;
        position.step_in_epoch += 1;
        position.samples += samples;
        let record = StepRecord {
            step: position.step,
            epoch: position.epoch,
            batch_loss,
            loss: position.loss_sum / position.samples as f64,
            lr: optimizer.lr(),
            samples_per_second,
        };
        self.check_finite(batch_loss)?;
        self.history.batch(&record)?;
        let mut flow = Flow::CONTINUE;
        for callback in &mut *self.callbacks {
            flow = flow | callback.batch(&record)?;
        }
        Ok(flow)
    }

    /// Evaluates, tells everybody, and turns to the next epoch if this one is `whole`.
    fn close_epoch(&mut self, parts: &Parts, whole: bool) -> Result<Flow> {
        let Position { epoch, samples, loss_sum, step, .. } = self.position;
        let lr = self.lr_of(step.saturating_sub(1));
        let kept = self.average.as_ref().map(|_| self.trainer.weights().to_vec());
        if let Some(average) = &self.average {
            self.trainer.weights_mut()[..average.len()].copy_from_slice(average);
        }
        self.calibrate(&parts.train)?;
        let test = evaluate(self.ctx, &mut self.trainer, &parts.test)?;
        self.check_finite(test.loss)?;
        let validation =
            parts.validation.as_ref().map(|part| evaluate(self.ctx, &mut self.trainer, part)).transpose()?;
        self.evaluated.clear();
        self.evaluated.extend(self.trainer.weights());
        if let Some(kept) = kept {
            self.trainer.weights_mut().copy_from_slice(&kept);
        }
        let record = EpochRecord {
            epoch,
            train_loss: (loss_sum / samples.max(1) as f64) as f32,
            test_loss: test.loss,
            test_accuracy: test.accuracy,
            test_mae: test.mae,
            validation_loss: validation.map(|v| v.loss),
            validation_accuracy: validation.and_then(|v| v.accuracy),
            validation_mae: validation.and_then(|v| v.mae),
            seconds: self.pass.time.as_secs_f64(),
            samples_per_second: rate(self.pass.samples, self.pass.time),
            lr,
        };
        let loss = validation.map_or(test.loss, |v| v.loss);
        let end = EpochEnd { record: &record, step, loss, weights: &self.evaluated };
        self.history.epoch(&end)?;
        let base = f64::from(self.settings.optimizer.lr());
        let mut flow = Flow::CONTINUE;
        for callback in &mut *self.callbacks {
            flow = flow | callback.epoch(&end)?;
        }
        if whole {
            self.settings.schedule.observe(base, f64::from(loss), &mut self.position.plateau);
            let Position { step, plateau, .. } = self.position;
            self.position = Position { step, plateau, epoch: epoch + 1, ..Position::default() };
            let unfinished = !flow.stop && self.position.epoch <= self.settings.epochs;
            if flow.save || flow.abort || (unfinished && self.is_over()) {
                self.checkpoint()?;
            }
        }
        if flow.abort { Err(Error::Interrupted { step }) } else { Ok(flow) }
    }

    /// Estimates the running averages of batch norm anew, for the weights as they are now: training goes on as it would
    /// have without, evaluation and saved weights do not depend on which batches came last.
    fn calibrate(&mut self, feed: &Feed) -> Result {
        let normalizes = |layer: LayerInfo| matches!(layer.kind, Kind::BatchNorm { .. });
        if !self.trainer.plan().layers().any(normalizes) {
            return Ok(());
        }
        let Position { epoch, samples, .. } = self.position;
        feed.whole_batches(epoch, samples, CALIBRATION_BATCHES, |x, number| Ok(self.trainer.calibrate(x, number)?))
    }

    fn finish(mut self, parts: &Parts, complete: bool, start: Instant) -> Result<Outcome> {
        let mut weights = std::mem::take(&mut self.evaluated);
        let before = weights.clone();
        let mut end = RunEnd { weights: &mut weights, history: &self.history, complete };
        self.callbacks.iter_mut().try_for_each(|callback| callback.end(&mut end))?;
        if weights.len() != before.len() {
            return Err(Error::weights("callback", "has changed the number of weights"));
        }
        self.trainer.weights_mut().copy_from_slice(&weights);
        let test = match self.history.epochs.last() {
            Some(last) if weights == before => {
                Evaluation { loss: last.test_loss, accuracy: last.test_accuracy, mae: last.test_mae }
            }
            _ => evaluate(self.ctx, &mut self.trainer, &parts.test)?,
        };
        Ok(Outcome {
            weights: model::state_dict(&self.trainer)?,
            test,
            steps: self.position.step,
            history: self.history,
            complete,
            seconds: start.elapsed().as_secs_f64(),
            samples_per_second: rate(self.all.samples, self.all.time),
            data_wait_seconds: self.all.waited,
            scaling: parts.scaling.clone(),
        })
    }

    /// Gives everybody a checkpoint.
    fn checkpoint(&mut self) -> Result {
        let mut saved = Saved::default();
        self.history.save(&mut saved);
        self.callbacks.iter().for_each(|callback| callback.save(&mut saved));
        let checkpoint = Checkpoint {
            position: self.position,
            settings: self.identity.0.clone(),
            data: self.identity.1.clone(),
            weights: self.trainer.weights().to_vec(),
            optimizer: self.trainer.state().to_vec(),
            average: self.average.clone(),
            saved,
        };
        self.callbacks.iter_mut().try_for_each(|callback| callback.checkpoint(&checkpoint))
    }

    fn load(&mut self, checkpoint: Checkpoint) -> Result {
        checkpoint.check(&self.identity.0, &self.identity.1)?;
        if checkpoint.position.epoch > self.settings.epochs {
            let fault = format!("the run has made all its {} epochs; ask for more with --epochs", self.settings.epochs);
            return Err(Error::setting("resume", fault));
        }
        let fits = checkpoint.weights.len() == self.trainer.weights().len()
            && checkpoint.optimizer.len() == self.trainer.state().len()
            && checkpoint.average.as_ref().map(Vec::len) == self.average.as_ref().map(Vec::len);
        let steps = u32::try_from(checkpoint.position.step).ok().filter(|_| fits);
        let steps = steps.ok_or_else(|| Error::weights("checkpoint", "is not of this network"))?;
        self.trainer.weights_mut().copy_from_slice(&checkpoint.weights);
        self.trainer.state_mut().copy_from_slice(&checkpoint.optimizer);
        self.trainer.set_steps(steps);
        self.evaluated = checkpoint.weights;
        self.average = checkpoint.average;
        self.position = checkpoint.position;
        self.history.load(&checkpoint.saved)?;
        self.callbacks.iter_mut().try_for_each(|callback| callback.load(&checkpoint.saved))
    }

    /// The rate of the next step.
    fn lr(&self) -> f32 {
        self.lr_of(self.position.step)
    }

    fn lr_of(&self, step: u64) -> f32 {
        let base = f64::from(self.settings.optimizer.lr());
        self.settings.schedule.lr(base, step, &self.position.plateau) as f32
    }

    fn check_finite(&self, loss: f32) -> Result {
        let Position { step, epoch, .. } = self.position;
        if loss.is_finite() { Ok(()) } else { Err(Error::Diverged { step, epoch, loss }) }
    }

    fn is_over(&self) -> bool {
        self.settings.max_steps.is_some_and(|max| self.position.step >= max)
    }
}

fn rate(samples: usize, time: Duration) -> f64 {
    samples as f64 / time.as_secs_f64().max(1e-9)
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
