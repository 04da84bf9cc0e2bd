//! The training loop: shuffled epochs, evaluation after each, a stop at the first loss that is not a number.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use flatgrad_core::Context;
use flatgrad_core::loss::Target;
use flatgrad_core::net::{Kind, LayerInfo, Net, Trainer};
use flatgrad_core::optim::ema_update;

use super::feed::{Feed, Part, fingerprint};
use super::{Callback, Checkpoint, Clip, EpochEnd, Flow, Position, RunEnd, RunStart, Saved, Settings, StepRecord};
use crate::data::{DataSplit, Dataset, Normalizer};
use crate::error::{Error, Result};
use crate::model::{self, StateDict};
use crate::report::{EpochRecord, History};

/// At most so many of an epoch's whole batches count for batch norm's running averages ([`Trainer::calibrate`]).
const CALIBRATION_BATCHES: u32 = 64;

/// What training gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The trained weights.
    pub weights: StateDict,
    /// How they do on the test part.
    pub test: Evaluation,
    /// What was measured on the way; it has at least one epoch.
    pub history: History,
    /// Steps made.
    pub steps: u64,
    /// Whether training went on to its last epoch, or a callback ended it; `false` after [`Settings::max_steps`].
    pub complete: bool,
    /// Seconds from the first step to the last evaluation, of this process.
    pub seconds: f64,
    /// Training samples per second, evaluation excluded.
    pub samples_per_second: f64,
}

/// Measured on some samples, as at test time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// The mean loss.
    pub loss: f32,
    /// The share of correct answers, 0 to 1.
    pub accuracy: f64,
}

/// A training run to be: what, on which data, how, and from where.
///
/// ```
/// use flatgrad::train::{EarlyStopping, Fit, Settings, hold_out};
/// use flatgrad::data;
/// use flatgrad_core::net::{Layer, Net, Optimizer};
/// use flatgrad_core::{Context, Isa};
///
/// const NET: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
/// let mut digits = data::digits()?;
/// let (train, validation) = hold_out(&digits.train, 0.1, 0)?;
/// digits.train = train;
/// let settings = Settings { epochs: 30, ..Settings::new(Optimizer::adam(3e-2)) };
/// let mut stopping = EarlyStopping::new(3);
/// let fit = Fit::new(NET, &digits, &settings).validation(&validation);
/// let outcome = fit.run(Context::serial(Isa::detect()), &mut [&mut stopping])?;
/// assert!(outcome.test.accuracy > 0.9);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fit<'a> {
    net: Net<'a>,
    data: &'a DataSplit,
    validation: Option<&'a Dataset>,
    settings: &'a Settings,
    resume: Option<Checkpoint>,
}

impl<'a> Fit<'a> {
    /// Training of `net` on `data.train` from scratch, with evaluation on `data.test` after every epoch.
    pub const fn new(net: Net<'a>, data: &'a DataSplit, settings: &'a Settings) -> Self {
        Self { net, data, validation: None, settings, resume: None }
    }

    /// Also evaluates this part after every epoch; what depends on a loss goes by it, and the test part is only looked at.
    pub fn validation(self, validation: &'a Dataset) -> Self {
        Self { validation: Some(validation), ..self }
    }

    /// Goes on where a checkpoint was made.
    pub fn resume(self, checkpoint: Checkpoint) -> Self {
        Self { resume: Some(checkpoint), ..self }
    }

    /// Trains.
    ///
    /// The weights depend on the network, the data and the settings alone, not on the context, nor on interruptions: bit
    /// for bit.
    ///
    /// # Errors
    ///
    /// As [`Settings::plan`]; [`Error::Setting`] if there is no memory for the plan, or if the checkpoint is of other
    /// settings, another network or other data; [`Error::Diverged`] at the first loss that is not finite;
    /// [`Error::Interrupted`] if a callback ends it at once; [`Error::Core`] if a kernel refuses a hyper-parameter; those
    /// of callbacks.
    pub fn run(self, ctx: Context, callbacks: &mut [&mut dyn Callback]) -> Result<Outcome> {
        let (settings, data) = (self.settings, self.data);
        let plan = settings.plan(ctx, &self.net, data)?;
        let mut arena = arena(plan.train_len())?;
        let normalizer = Normalizer::fit(&data.train);
        let feed = |part| Feed::new(part, &normalizer, settings.batch, settings.accumulate, settings.seed);
        let mut train = feed(&data.train).class_weights(&settings.class_weights);
        let (mut test, mut validation) = (feed(&data.test), self.validation.map(feed));
        let trainer = Trainer::new(ctx, &plan, &mut arena, settings.seed)?;
        let average = settings.ema.map(|_| trainer.weights()[..plan.parameters()].to_vec());
        let mut configuration = settings.describe();
        configuration.insert("network".into(), format!("{:?}", self.net));
        let mut run = Run {
            ctx,
            settings,
            position: Position { epoch: 1, ..Position::default() },
            average,
            evaluated: trainer.weights().to_vec(),
            trainer,
            history: History::default(),
            callbacks,
            identity: (configuration, fingerprint(data, self.validation)),
            targets: Vec::new(),
            step_loss: 0.0,
            pass: (0, Duration::ZERO),
            samples: 0,
            training: Duration::ZERO,
        };
        if let Some(checkpoint) = self.resume {
            run.load(checkpoint)?;
        }
        let start = Instant::now();
        let (epochs, steps_per_epoch) = (settings.epochs, settings.steps_per_epoch(train.len()));
        let info = RunStart { epochs, steps_per_epoch, step: run.position.step };
        run.callbacks.iter_mut().try_for_each(|callback| callback.start(&info))?;
        let mut complete = false;
        while run.position.epoch <= settings.epochs {
            let flow = run.epoch(&mut train, steps_per_epoch)?;
            let whole = run.position.step_in_epoch >= steps_per_epoch;
            if !whole || flow.abort {
                run.checkpoint()?;
            }
            if flow.abort {
                return Err(Error::Interrupted { step: run.position.step });
            }
            let stop = run.close_epoch(&mut train, &mut test, validation.as_mut(), whole)?.stop;
            complete = stop || flow.stop || (whole && run.position.epoch > settings.epochs);
            if stop || flow.stop || run.is_over() {
                break;
            }
        }
        run.finish(&mut test, complete, start)
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
    /// The settings and the fingerprint of the data, for checkpoints.
    identity: (BTreeMap<String, String>, String),
    /// Targets with class weights.
    targets: Vec<f32>,
    /// The sum of the losses of the step so far.
    step_loss: f32,
    /// Samples and time of the epoch, of this process.
    pass: (usize, Duration),
    /// The same of all epochs.
    samples: usize,
    training: Duration,
}

impl Run<'_, '_, '_> {
    /// The rest of an epoch; says why it ended early, if it did.
    fn epoch(&mut self, feed: &mut Feed, steps_per_epoch: u64) -> Result<Flow> {
        let (start, before) = (Instant::now(), self.position.samples);
        let mut flow = Flow::CONTINUE;
        if self.position.step_in_epoch < steps_per_epoch && !self.is_over() {
            feed.epoch(self.position.epoch, self.position.step_in_epoch, |part| {
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
        self.pass = (self.position.samples - before, start.elapsed());
        self.samples += self.pass.0;
        self.training += self.pass.1;
        Ok(flow)
    }

    /// Adds the gradients of a batch to those of its step.
    fn accumulate(&mut self, part: &Part) -> Result {
        let report = if part.weights.is_empty() {
            self.trainer.accumulate(part.x, part.labels, part.total)?
        } else {
            let outputs = part.weights.len();
            self.targets.clear();
            self.targets.resize(outputs * part.labels.len(), 0.0);
            for (row, &label) in self.targets.chunks_exact_mut(outputs).zip(part.labels) {
                row[label as usize] = part.weights[label as usize];
            }
            self.trainer.accumulate(part.x, Target::Values(&self.targets), part.total)?
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
    fn close_epoch(
        &mut self,
        train: &mut Feed,
        test: &mut Feed,
        validation: Option<&mut Feed>,
        whole: bool,
    ) -> Result<Flow> {
        let Position { epoch, samples, loss_sum, step, .. } = self.position;
        let lr = self.lr_of(step.saturating_sub(1));
        let kept = self.average.as_ref().map(|_| self.trainer.weights().to_vec());
        if let Some(average) = &self.average {
            self.trainer.weights_mut()[..average.len()].copy_from_slice(average);
        }
        self.calibrate(train)?;
        let test = evaluate(&mut self.trainer, test)?;
        self.check_finite(test.loss)?;
        let validation = validation.map(|feed| evaluate(&mut self.trainer, feed)).transpose()?;
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
            validation_loss: validation.map(|v| v.loss),
            validation_accuracy: validation.map(|v| v.accuracy),
            seconds: self.pass.1.as_secs_f64(),
            samples_per_second: rate(self.pass.0, self.pass.1),
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
    fn calibrate(&mut self, feed: &mut Feed) -> Result {
        let normalizes = |layer: LayerInfo| matches!(layer.kind, Kind::BatchNorm { .. });
        if !self.trainer.plan().layers().any(normalizes) {
            return Ok(());
        }
        let Position { epoch, samples, .. } = self.position;
        feed.whole_batches(epoch, samples, CALIBRATION_BATCHES, |x, number| Ok(self.trainer.calibrate(x, number)?))
    }

    fn finish(mut self, test: &mut Feed, complete: bool, start: Instant) -> Result<Outcome> {
        let mut weights = std::mem::take(&mut self.evaluated);
        let before = weights.clone();
        let mut end = RunEnd { weights: &mut weights, history: &self.history, complete };
        self.callbacks.iter_mut().try_for_each(|callback| callback.end(&mut end))?;
        if weights.len() != before.len() {
            return Err(Error::weights("callback", "has changed the number of weights"));
        }
        self.trainer.weights_mut().copy_from_slice(&weights);
        let test = match self.history.epochs.last() {
            Some(last) if weights == before => Evaluation { loss: last.test_loss, accuracy: last.test_accuracy },
            _ => evaluate(&mut self.trainer, test)?,
        };
        Ok(Outcome {
            weights: model::state_dict(&self.trainer)?,
            test,
            steps: self.position.step,
            history: self.history,
            complete,
            seconds: start.elapsed().as_secs_f64(),
            samples_per_second: rate(self.samples, self.training),
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

/// All samples of a part.
fn evaluate(trainer: &mut Trainer, feed: &mut Feed) -> Result<Evaluation> {
    let (mut loss_sum, mut correct) = (0.0, 0);
    feed.in_order(|x, labels| {
        let report = trainer.evaluate(x, labels)?;
        loss_sum += f64::from(report.loss_sum);
        correct += report.correct;
        Ok(())
    })?;
    let samples = feed.len() as f64;
    Ok(Evaluation { loss: (loss_sum / samples) as f32, accuracy: correct as f64 / samples })
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
