//! The training loop: shuffled epochs, evaluation after each, a stop at the first loss that is not a number.

use std::time::{Duration, Instant};

use flatgrad_core::Context;
use flatgrad_core::net::{Config, Kind, LayerInfo, Net, Optimizer, Plan, Trainer};

use crate::data::{Batches, DataSplit, Dataset, Normalizer, epoch_order};
use crate::error::{Error, Result};
use crate::model::{self, StateDict};
use crate::report::{EpochRecord, History};

/// At most so many of an epoch's whole batches count for batch norm's running averages ([`Trainer::calibrate`]).
const CALIBRATION_BATCHES: u32 = 64;

/// How to train.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Passes over the training part.
    pub epochs: usize,
    /// Samples per step; an epoch's last step takes what is left.
    pub batch: usize,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// Decides initial weights, order of samples and dropout.
    pub seed: u64,
    /// Stop after so many steps, even inside an epoch.
    pub max_steps: Option<u64>,
}

/// Looks on while a network is trained.
pub trait Observer {
    /// A step was made.
    fn step(&mut self, step: &StepRecord);
    /// An epoch is over and the test part has been evaluated.
    fn epoch(&mut self, record: &EpochRecord);
}

/// Looks away.
impl Observer for () {
    fn step(&mut self, _: &StepRecord) {}
    fn epoch(&mut self, _: &EpochRecord) {}
}

/// What an [`Observer`] hears of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRecord {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Mean training loss of the epoch so far.
    pub loss: f64,
    /// Training samples per second of the epoch so far.
    pub samples_per_second: f64,
}

/// What training gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The trained weights.
    pub weights: StateDict,
    /// What was measured on the way; it has at least one epoch.
    pub history: History,
    /// Steps made.
    pub steps: u64,
    /// Seconds from the first step to the last evaluation.
    pub seconds: f64,
    /// Training samples per second, evaluation excluded.
    pub samples_per_second: f64,
}

impl Settings {
    /// The memory plan of `net` under these settings, checked against the data.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there are no epochs, no samples in a batch or no steps, if a batch is larger than the
    /// training part, or if the data does not fit the network; [`Error::Core`] if the plan is refused.
    pub fn plan(&self, ctx: Context, net: &Net, data: &DataSplit) -> Result<Plan> {
        let samples = data.train.len();
        if self.epochs == 0 {
            return Err(Error::setting("epochs", "must be at least 1"));
        }
        if self.max_steps == Some(0) {
            return Err(Error::setting("max-steps", "must be at least 1"));
        }
        if self.batch == 0 || self.batch > samples {
            let fault = format!("must be from 1 to the {samples} training images, got {}", self.batch);
            return Err(Error::setting("batch", fault));
        }
        for part in [&data.train, &data.test] {
            if part.shape() != net.input() || part.classes() > net.outputs() {
                let (shape, classes, input, outputs) = (part.shape(), part.classes(), net.input(), net.outputs());
                let fault =
                    format!("images {shape:?} in {classes} classes; the network takes {input:?} and gives {outputs}");
                return Err(Error::setting("data", fault));
            }
        }
        let config = Config::new(self.batch, self.optimizer).threads(ctx.threads()).align(16);
        Ok(Plan::try_new(net, config).map_err(flatgrad_core::Error::Net)?)
    }
}

/// Trains `net` on `data.train` from scratch and evaluates it on `data.test` after every epoch.
///
/// The weights depend on the network, the data and the settings alone, not on the context: bit for bit.
///
/// # Errors
///
/// As [`Settings::plan`]; [`Error::Setting`] if there is no memory for the plan; [`Error::Diverged`] at the first
/// loss that is not finite; [`Error::Core`] if a kernel refuses a hyper-parameter.
pub fn train(
    ctx: Context,
    net: Net,
    data: &DataSplit,
    settings: &Settings,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    let plan = settings.plan(ctx, &net, data)?;
    let mut arena = arena(plan.train_len())?;
    let normalizer = Normalizer::fit(&data.train);
    let mut run = Run {
        trainer: Trainer::new(ctx, &plan, &mut arena, settings.seed)?,
        settings,
        train: Batches::new(&data.train, &normalizer, settings.batch),
        history: History::default(),
        observer,
    };
    let mut test = Batches::new(&data.test, &normalizer, settings.batch);
    let start = Instant::now();
    let (mut samples, mut training) = (0, Duration::ZERO);
    for epoch in 1..=settings.epochs {
        let pass = run.epoch(epoch, &data.train)?;
        run.calibrate(epoch, &pass, &data.train)?;
        let (test_loss, test_accuracy) = evaluate(&mut run.trainer, &data.test, &mut test, settings.batch)?;
        run.check_finite(epoch, test_loss)?;
        run.record(epoch, &pass, test_loss, test_accuracy);
        samples += pass.samples;
        training += pass.time;
        if run.is_over() {
            break;
        }
    }
    Ok(Outcome {
        weights: model::state_dict(&run.trainer)?,
        steps: run.history.step_losses.len() as u64,
        history: run.history,
        seconds: start.elapsed().as_secs_f64(),
        samples_per_second: rate(samples, training),
    })
}

/// Mean loss, and share of correct answers from 0 to 1, on all samples of `data`.
fn evaluate(trainer: &mut Trainer, data: &Dataset, batches: &mut Batches, batch: usize) -> Result<(f32, f64)> {
    let (mut loss_sum, mut correct) = (0.0, 0);
    let order: Vec<u32> = (0..data.len() as u32).collect();
    for indices in order.chunks(batch) {
        let (x, labels) = batches.load(indices)?;
        let report = trainer.evaluate(x, labels)?;
        loss_sum += f64::from(report.loss_sum);
        correct += report.correct;
    }
    let samples = data.len() as f64;
    Ok(((loss_sum / samples) as f32, correct as f64 / samples))
}

struct Run<'a, 'b> {
    trainer: Trainer<'a>,
    settings: &'b Settings,
    train: Batches<'b>,
    history: History,
    observer: &'b mut dyn Observer,
}

/// One pass over the training part, or the beginning of one.
struct Pass {
    samples: usize,
    loss_sum: f64,
    time: Duration,
}

impl Run<'_, '_> {
    fn epoch(&mut self, epoch: usize, data: &Dataset) -> Result<Pass> {
        let start = Instant::now();
        let mut pass = Pass { samples: 0, loss_sum: 0.0, time: Duration::ZERO };
        let order = epoch_order(self.settings.seed, epoch as u64 - 1, data.len() as u32);
        for indices in order.chunks(self.settings.batch) {
            if self.is_over() {
                break;
            }
            let (x, labels) = self.train.load(indices)?;
            let report = self.trainer.step(&self.settings.optimizer, x, labels)?;
            let samples = labels.len();
            let loss = report.loss_sum / samples as f32;
            self.history.step_losses.push(loss);
            self.check_finite(epoch, loss)?;
            pass.samples += samples;
            pass.loss_sum += f64::from(report.loss_sum);
            let samples_per_second = rate(pass.samples, start.elapsed());
            self.observer.step(&StepRecord { epoch, loss: pass.loss_sum / pass.samples as f64, samples_per_second });
        }
        pass.time = start.elapsed();
        Ok(pass)
    }

    /// Estimates the running averages of batch norm anew, for the weights as they are now: training goes on as it would
    /// have without, evaluation and saved weights do not depend on which batches came last.
    fn calibrate(&mut self, epoch: usize, pass: &Pass, data: &Dataset) -> Result {
        let normalizes = |layer: LayerInfo| matches!(layer.kind, Kind::BatchNorm { .. });
        if !self.trainer.plan().layers().any(normalizes) {
            return Ok(());
        }
        let mut order = epoch_order(self.settings.seed, epoch as u64 - 1, data.len() as u32);
        order.truncate(pass.samples);
        for (batch, indices) in (1..=CALIBRATION_BATCHES).zip(order.chunks_exact(self.settings.batch)) {
            let (x, _) = self.train.load(indices)?;
            self.trainer.calibrate(x, batch)?;
        }
        Ok(())
    }

    fn record(&mut self, epoch: usize, pass: &Pass, test_loss: f32, test_accuracy: f64) {
        let record = EpochRecord {
            epoch,
            train_loss: (pass.loss_sum / pass.samples.max(1) as f64) as f32,
            test_loss,
            test_accuracy,
            seconds: pass.time.as_secs_f64(),
            samples_per_second: rate(pass.samples, pass.time),
            lr: self.settings.optimizer.lr(),
        };
        self.observer.epoch(&record);
        self.history.epochs.push(record);
        self.history.epoch_ends.push(self.history.step_losses.len());
    }

    fn check_finite(&self, epoch: usize, loss: f32) -> Result {
        let step = self.history.step_losses.len() as u64;
        if loss.is_finite() { Ok(()) } else { Err(Error::Diverged { step, epoch, loss }) }
    }

    fn is_over(&self) -> bool {
        self.settings.max_steps.is_some_and(|max| self.history.step_losses.len() as u64 >= max)
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
