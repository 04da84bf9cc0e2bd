//! Looking on while a network is trained, and having a say.

use std::collections::BTreeMap;
use std::ops::BitOr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Checkpoint;
use crate::error::{Error, Result};
use crate::report::{EpochRecord, History};

/// Hears what happens during training, and may ask for a checkpoint or the end. All methods do nothing by default.
///
/// ```
/// use flatgrad::train::{self, Callback, Flow, Settings, StepRecord};
/// use flatgrad::{Result, data};
/// use flatgrad_core::net::{Layer, Net, Optimizer};
/// use flatgrad_core::{Context, Isa};
///
/// /// Stops at the first batch with a loss below this.
/// struct GoodEnough(f32);
///
/// impl Callback for GoodEnough {
///     fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
///         Ok(if step.batch_loss < self.0 { Flow::STOP } else { Flow::CONTINUE })
///     }
/// }
///
/// const NET: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
/// let settings = Settings { epochs: 50, ..Settings::new(Optimizer::adam(1e-2)) };
/// let ctx = Context::serial(Isa::detect());
/// let outcome = train::train(ctx, NET, &data::digits()?, &settings, &mut [&mut GoodEnough(0.5)])?;
/// assert!(outcome.history.step_losses.last().unwrap() < &0.5 && outcome.steps < 100);
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub trait Callback: Send {
    /// Training begins, or goes on after a checkpoint (and after [`Callback::load`]).
    ///
    /// # Errors
    ///
    /// Whatever makes training pointless; it does not begin then.
    fn start(&mut self, run: &RunStart) -> Result {
        let _ = run;
        Ok(())
    }

    /// The weights have been changed once more.
    ///
    /// # Errors
    ///
    /// Whatever makes training pointless; it ends then.
    fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
        let _ = step;
        Ok(Flow::CONTINUE)
    }

    /// An epoch is over (or training has stopped inside it) and its weights have been evaluated.
    ///
    /// # Errors
    ///
    /// Whatever makes training pointless; it ends then.
    fn epoch(&mut self, epoch: &EpochEnd) -> Result<Flow> {
        let _ = epoch;
        Ok(Flow::CONTINUE)
    }

    /// Somebody asked for a checkpoint, or training stops before its last epoch.
    ///
    /// # Errors
    ///
    /// If it cannot be written; training ends then.
    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result {
        let _ = checkpoint;
        Ok(())
    }

    /// Training is over; the weights may still be exchanged, and are evaluated again then.
    ///
    /// # Errors
    ///
    /// Whatever went wrong.
    fn end(&mut self, end: &mut RunEnd) -> Result {
        let _ = end;
        Ok(())
    }

    /// Puts into a checkpoint what must not be forgotten.
    fn save(&self, saved: &mut Saved) {
        let _ = saved;
    }

    /// Takes out of a checkpoint what [`Callback::save`] has put in.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if it is not as expected.
    fn load(&mut self, saved: &Saved) -> Result {
        let _ = saved;
        Ok(())
    }
}

/// What a [`Callback`] asks for; `|` asks for both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// A checkpoint.
    pub save: bool,
    /// The end, with everything that belongs to it.
    pub stop: bool,
    /// The end at once, after a checkpoint: training gives [`Error::Interrupted`].
    pub abort: bool,
}

impl Flow {
    /// Nothing: training goes on.
    pub const CONTINUE: Self = Self { save: false, stop: false, abort: false };
    /// [`Flow::save`]
    pub const SAVE: Self = Self { save: true, ..Self::CONTINUE };
    /// [`Flow::stop`]
    pub const STOP: Self = Self { stop: true, ..Self::CONTINUE };
    /// [`Flow::abort`]
    pub const ABORT: Self = Self { abort: true, ..Self::CONTINUE };
}

impl BitOr for Flow {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self { save: self.save || other.save, stop: self.stop || other.stop, abort: self.abort || other.abort }
    }
}

/// What a [`Callback`] hears at the beginning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunStart {
    /// All epochs of the run.
    pub epochs: usize,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Steps made before, if training goes on.
    pub step: u64,
}

/// What a [`Callback`] hears of a step.
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

/// What a [`Callback`] hears of an epoch.
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

/// What a [`Callback`] may change at the end.
#[derive(Debug)]
pub struct RunEnd<'a> {
    /// The weights that training gives, in the order of the arena.
    pub weights: &'a mut Vec<f32>,
    /// What was measured.
    pub history: &'a History,
    /// Whether all epochs have been trained.
    pub complete: bool,
}

/// What callbacks keep in a checkpoint, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    /// Anything that fits in JSON; floating-point numbers come back exactly, if they are finite.
    pub values: BTreeMap<String, Value>,
    /// Long rows of numbers.
    pub tensors: BTreeMap<String, Vec<f32>>,
}

impl Saved {
    /// Keeps a value.
    ///
    /// ```
    /// use flatgrad::train::Saved;
    /// let mut saved = Saved::default();
    /// saved.put("best", &0.1f32);
    /// assert_eq!(saved.get::<f32>("best")?, Some(0.1));
    /// assert!(saved.get::<String>("best").is_err());
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    pub fn put(&mut self, name: &str, value: &impl Serialize) {
        self.values.insert(name.to_string(), serde_json::to_value(value).unwrap_or_default());
    }

    /// A value, if it was kept.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if it is of another type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.values.get(name) else { return Ok(None) };
        T::deserialize(value).map(Some).map_err(|e| Error::weights(format!("checkpoint: {name}"), e.to_string()))
    }
}

/// Writes everything down.
impl Callback for History {
    fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
        self.step_losses.push(step.batch_loss);
        Ok(Flow::CONTINUE)
    }
    fn epoch(&mut self, epoch: &EpochEnd) -> Result<Flow> {
        self.epochs.push(epoch.record.clone());
        self.epoch_ends.push(epoch.step as usize);
        Ok(Flow::CONTINUE)
    }
    fn save(&self, saved: &mut Saved) {
        saved.tensors.insert("history.step_losses".into(), self.step_losses.clone());
        saved.put("history.epochs", &self.epochs);
        saved.put("history.epoch_ends", &self.epoch_ends);
    }
    fn load(&mut self, saved: &Saved) -> Result {
        self.step_losses = saved.tensors.get("history.step_losses").cloned().unwrap_or_default();
        self.epochs = saved.get("history.epochs")?.unwrap_or_default();
        self.epoch_ends = saved.get("history.epoch_ends")?.unwrap_or_default();
        Ok(())
    }
}

/// Ends training after the step in which a flag was raised, such as by a handler of Ctrl-C; a checkpoint is made first.
#[derive(Clone, Debug)]
pub struct Interrupt(pub Arc<AtomicBool>);

impl Callback for Interrupt {
    fn batch(&mut self, _: &StepRecord) -> Result<Flow> {
        Ok(if self.0.load(Ordering::Relaxed) { Flow::ABORT } else { Flow::CONTINUE })
    }
}
