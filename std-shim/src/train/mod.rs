//! The training loop: shuffled epochs, evaluation after each, a stop at the first loss that is not a number.

mod evaluate;

use std::time::{Duration, Instant};

use flatgrad_core::Context;
use flatgrad_core::net::{Config, Kind, LayerInfo, Net, Optimizer, Plan, Trainer};

use crate::data::{Batch, DataSplit, Dataset, Loader, Normalizer, Scaling, Transform};
use crate::error::{Error, Result};
use crate::model::{self, StateDict};
use crate::report::{EpochRecord, History};

pub use evaluate::{Evaluation, evaluate, loss_for};

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
    /// How samples are fetched.
    pub loading: Loading,
}

/// How samples are fetched. The number of workers changes the speed and no bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loading {
    /// Threads that fetch batches ahead; 0: the training thread fetches them. At most [`Loader::MAX_WORKERS`].
    pub workers: usize,
    /// Leave out an epoch's last batch if it is not full.
    pub drop_last: bool,
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
    /// Seconds of training, evaluation excluded, in which there was nothing to do but to wait for samples.
    pub data_wait_seconds: f64,
    /// How a sample becomes the network's input, as measured on the training part.
    pub scaling: Scaling,
}

impl Settings {
    /// The memory plan of `net` under these settings, checked against the data.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there are no epochs, no samples in a batch or no steps, if a batch is larger than the
    /// training part, if there are too many workers, or if the data does not fit the network; [`Error::Core`] if the plan
    /// is refused.
    pub fn plan<D: Dataset>(&self, ctx: Context, net: &Net, data: &DataSplit<D>) -> Result<Plan> {
        let samples = data.train.len();
        if self.epochs == 0 {
            return Err(Error::setting("epochs", "must be at least 1"));
        }
        if self.max_steps == Some(0) {
            return Err(Error::setting("max-steps", "must be at least 1"));
        }
        if self.batch == 0 || self.batch > samples {
            let fault = format!("must be from 1 to the {samples} training samples, got {}", self.batch);
            return Err(Error::setting("batch", fault));
        }
        if self.loading.workers > Loader::MAX_WORKERS {
            return Err(Error::setting("workers", format!("must be at most {}", Loader::MAX_WORKERS)));
        }
        check_data(net, &data.train, &data.test)?;
        let config = Config::new(self.batch, self.optimizer).threads(ctx.threads()).align(16);
        let config = config.loss(loss_for(data.train.task()));
        Ok(Plan::try_new(net, config).map_err(flatgrad_core::Error::Net)?)
    }
}

/// Whether both parts fit the network, and each other.
fn check_data(net: &Net, train: &dyn Dataset, test: &dyn Dataset) -> Result {
    for part in [train, test] {
        let (shape, count, input, outputs) = (part.shape(), part.task().outputs(), net.input(), net.outputs());
        let classes = part.task().is_classes();
        let fits = if classes { count <= outputs } else { count == outputs };
        if shape != input || !fits {
            let what = if classes { format!("in {count} classes") } else { format!("with {count} values to predict") };
            let fault = format!("samples {shape:?} {what}; the network takes {input:?} and gives {outputs}");
            return Err(Error::setting("data", fault));
        }
    }
    if train.white() != test.white() || train.task() != test.task() {
        return Err(Error::setting("data", "the training and the test part are not of one kind"));
    }
    Ok(())
}

/// Trains `net` on `data.train` from scratch and evaluates it on `data.test` after every epoch: for classes by cross
/// entropy, for values by the mean squared error.
///
/// The weights depend on the network, the data and the settings alone, not on the context or the number of workers: bit
/// for bit.
///
/// # Errors
///
/// As [`Settings::plan`]; [`Error::Setting`] if there is no memory for the plan; [`Error::Diverged`] at the first
/// loss that is not finite; [`Error::Core`] if a kernel refuses a hyper-parameter; those of reading the data.
pub fn train<D: Dataset>(
    ctx: Context,
    net: Net,
    data: &DataSplit<D>,
    settings: &Settings,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    train_with(ctx, net, data, settings, None, observer)
}

/// [`train`], with training samples changed on their way.
///
/// # Errors
///
/// As [`train`].
pub fn train_with<D: Dataset>(
    ctx: Context,
    net: Net,
    data: &DataSplit<D>,
    settings: &Settings,
    transform: Option<&dyn Transform>,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    let plan = settings.plan(ctx, &net, data)?;
    let mut arena = arena(plan.train_len())?;
    let Settings { batch, seed, loading: Loading { workers, drop_last }, .. } = *settings;
    let normalizer = Normalizer::fit_with(&data.train, workers)?;
    let loader = |part| Loader::new(part, &normalizer, batch).seed(seed).workers(workers);
    let mut run = Run {
        trainer: Trainer::new(ctx, &plan, &mut arena, seed)?,
        settings,
        train: loader(&data.train).drop_last(drop_last).transform(transform),
        history: History::default(),
        observer,
    };
    let test = loader(&data.test);
    let start = Instant::now();
    let (mut samples, mut training, mut waited) = (0, Duration::ZERO, Duration::ZERO);
    for epoch in 1..=settings.epochs {
        let pass = run.epoch(epoch)?;
        run.calibrate(epoch, &pass)?;
        let evaluation = evaluate(ctx, &mut run.trainer, &test)?;
        run.check_finite(epoch, evaluation.loss)?;
        run.record(epoch, &pass, evaluation);
        samples += pass.samples;
        training += pass.time;
        waited += pass.waited;
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
        data_wait_seconds: waited.as_secs_f64(),
        scaling: normalizer.scaling().clone(),
    })
}

struct Run<'a, 'b> {
    trainer: Trainer<'a>,
    settings: &'b Settings,
    train: Loader<'b>,
    history: History,
    observer: &'b mut dyn Observer,
}

/// One pass over the training part, or the beginning of one.
#[derive(Default)]
struct Pass {
    samples: usize,
    loss_sum: f64,
    time: Duration,
    waited: Duration,
}

impl Run<'_, '_> {
    fn epoch(&mut self, epoch: usize) -> Result<Pass> {
        let (start, mut pass, loader) = (Instant::now(), Pass::default(), self.train);
        loader.epoch(epoch as u64 - 1, |batches| {
            while !self.is_over()
                && let Some(batch) = batches.next_batch()?
            {
                self.step(epoch, batch, &mut pass, start)?;
            }
            pass.waited = batches.waited();
            Ok(())
        })?;
        pass.time = start.elapsed();
        Ok(pass)
    }

    fn step(&mut self, epoch: usize, batch: &Batch, pass: &mut Pass, start: Instant) -> Result {
        let report = self.trainer.step(&self.settings.optimizer, batch.x(), batch.target())?;
        let loss = report.loss_sum / batch.len() as f32;
        self.history.step_losses.push(loss);
        self.check_finite(epoch, loss)?;
        pass.samples += batch.len();
        pass.loss_sum += f64::from(report.loss_sum);
        let samples_per_second = rate(pass.samples, start.elapsed());
        self.observer.step(&StepRecord { epoch, loss: pass.loss_sum / pass.samples as f64, samples_per_second });
        Ok(())
    }

    /// Estimates the running averages of batch norm anew, for the weights as they are now: training goes on as it would
    /// have without, evaluation and saved weights do not depend on which batches came last.
    fn calibrate(&mut self, epoch: usize, pass: &Pass) -> Result {
        let normalizes = |layer: LayerInfo| matches!(layer.kind, Kind::BatchNorm { .. });
        if !self.trainer.plan().layers().any(normalizes) {
            return Ok(());
        }
        let whole = pass.samples / self.settings.batch;
        let loader = self.train;
        loader.epoch(epoch as u64 - 1, |batches| {
            for number in 1..=CALIBRATION_BATCHES.min(whole as u32) {
                let Some(batch) = batches.next_batch()? else { break };
                self.trainer.calibrate(batch.x(), number)?;
            }
            Ok(())
        })
    }

    fn record(&mut self, epoch: usize, pass: &Pass, Evaluation { loss, accuracy, mae }: Evaluation) {
        let record = EpochRecord {
            epoch,
            train_loss: (pass.loss_sum / pass.samples.max(1) as f64) as f32,
            test_loss: loss,
            test_accuracy: accuracy,
            test_mae: mae,
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
