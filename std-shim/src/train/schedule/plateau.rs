//! Down when nothing gets better.

use serde::{Deserialize, Serialize};

use super::require;
use crate::error::Result;

/// `ReduceLROnPlateau` in mode `min`: a value counts as better if it is below `best * (1 - threshold)`.
///
/// The rate is reduced at the first value that makes the number of values in a row that are not better more than
/// `patience`: with the default, at the eleventh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    /// What the rate is multiplied by; above 0, below 1.
    pub factor: f64,
    /// Values that may be no better before the rate is reduced.
    pub patience: u64,
    /// How much better a value must be, as a part of the best.
    pub threshold: f64,
    /// Values after a reduction that count as neither.
    pub cooldown: u64,
    /// The rate is not reduced below this.
    pub min_lr: f64,
    /// Reductions smaller than this are not made.
    pub eps: f64,
}

impl Plateau {
    /// PyTorch's defaults: a tenth of the rate, after more than 10 values that are not better by 0.01 %.
    pub const DEFAULT: Self = Self { factor: 0.1, patience: 10, threshold: 1e-4, cooldown: 0, min_lr: 0.0, eps: 1e-8 };

    /// Takes in a value; `base` is the optimizer's own rate.
    pub(super) fn observe(&self, base: f64, value: f64, state: &mut PlateauState) {
        if value < state.best.map_or(f64::INFINITY, |best| best * (1.0 - self.threshold)) {
            (state.best, state.bad) = (Some(value), 0);
        } else {
            state.bad += 1;
        }
        if state.cooldown > 0 {
            (state.cooldown, state.bad) = (state.cooldown - 1, 0);
        }
        if state.bad > self.patience {
            let lr = state.lr.unwrap_or(base);
            let reduced = (lr * self.factor).max(self.min_lr);
            if lr - reduced > self.eps {
                state.lr = Some(reduced);
            }
            (state.cooldown, state.bad) = (self.cooldown, 0);
        }
    }

    pub(super) fn check(&self) -> Result {
        require(self.factor > 0.0 && self.factor < 1.0, "factor", "must be between 0 and 1")?;
        require((0.0..1.0).contains(&self.threshold), "schedule", "threshold must be from 0, below 1")?;
        require(self.min_lr >= 0.0 && self.min_lr.is_finite(), "min_lr", "must be a number from 0 on")?;
        require(self.eps >= 0.0, "schedule", "eps must not be negative")
    }
}

impl Default for Plateau {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What [`Shape::Plateau`](super::Shape::Plateau) remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlateauState {
    /// The smallest value so far.
    pub best: Option<f64>,
    /// Values in a row that were not better.
    pub bad: u64,
    /// Values still to come that count as neither.
    pub cooldown: u64,
    /// The rate, once it has been reduced.
    pub lr: Option<f64>,
}
