//! Stopping when the validation loss no longer falls.

use super::{Callback, EpochEnd, Flow, RunEnd, Saved};
use crate::error::Result;

/// Stops training when the loss over the validation part (without one: over the test part) has not become smaller for
/// some epochs, and gives back the weights with which it was smallest.
///
/// Prechelt, "Early Stopping - But When?", 1998; as Keras' `EarlyStopping` with `restore_best_weights`.
///
/// ```
/// use flatgrad::train::{self, EarlyStopping, Settings};
/// use flatgrad::data;
/// use flatgrad_core::net::{Layer, Net, Optimizer};
/// use flatgrad_core::{Context, Isa};
///
/// const NET: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
/// let digits = data::digits()?;
/// let settings = Settings { epochs: 100, ..Settings::new(Optimizer::adam(0.1)) };
/// let mut stopping = EarlyStopping::new(2);
/// let outcome = train::train(Context::serial(Isa::detect()), NET, &digits, &settings, &mut [&mut stopping])?;
/// let losses: Vec<f32> = outcome.history.epochs.iter().map(|epoch| epoch.test_loss).collect();
/// assert!(losses.len() < 100);
/// assert_eq!(outcome.test.loss, losses.into_iter().reduce(f32::min).unwrap());
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyStopping {
    patience: u64,
    min_delta: f32,
    best: Option<f32>,
    best_epoch: usize,
    bad: u64,
    weights: Vec<f32>,
}

impl EarlyStopping {
    /// Stops at the `patience`-th epoch in a row whose loss is not smaller than the smallest before; 0 counts as 1.
    pub const fn new(patience: u64) -> Self {
        Self { patience, min_delta: 0.0, best: None, best_epoch: 0, bad: 0, weights: Vec::new() }
    }

    /// A loss counts as smaller if it is smaller by more than this; 0 by default.
    pub fn min_delta(self, min_delta: f32) -> Self {
        Self { min_delta, ..self }
    }

    /// The epoch, counted from 1, with the smallest loss; 0 before the first.
    pub const fn best_epoch(&self) -> usize {
        self.best_epoch
    }
}

impl Callback for EarlyStopping {
    fn epoch(&mut self, epoch: &EpochEnd) -> Result<Flow> {
        if self.best.is_none_or(|best| epoch.loss < best - self.min_delta) {
            (self.best, self.best_epoch, self.bad) = (Some(epoch.loss), epoch.record.epoch, 0);
            self.weights.clear();
            self.weights.extend(epoch.weights);
            return Ok(Flow::CONTINUE);
        }
        self.bad += 1;
        Ok(if self.bad >= self.patience { Flow::STOP } else { Flow::CONTINUE })
    }

    fn end(&mut self, end: &mut RunEnd) -> Result {
        if self.weights.len() == end.weights.len() {
            end.weights.copy_from_slice(&self.weights);
        }
        Ok(())
    }

    fn save(&self, saved: &mut Saved) {
        saved.put("early_stopping", &(self.best, self.best_epoch, self.bad));
        if !self.weights.is_empty() {
            saved.tensors.insert("early_stopping.weights".into(), self.weights.clone());
        }
    }

    fn load(&mut self, saved: &Saved) -> Result {
        if let Some(state) = saved.get("early_stopping")? {
            (self.best, self.best_epoch, self.bad) = state;
        }
        self.weights = saved.tensors.get("early_stopping.weights").cloned().unwrap_or_default();
        Ok(())
    }
}
