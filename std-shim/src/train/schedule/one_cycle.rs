//! Up and down again.

use std::f64::consts::PI;

use super::{positive, require};
use crate::error::Result;

/// `OneCycleLR` with cosine annealing in two phases; `lr`, the optimizer's rate, is the largest (`max_lr`).
///
/// Smith and Topin, "Super-Convergence", 2018.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneCycle {
    /// All steps of the cycle; at least 1. After them the last rate stays.
    pub steps: u64,
    /// The part of the steps in which the rate rises; 0 to 1.
    pub pct_start: f64,
    /// The first rate is `lr / div_factor`.
    pub div_factor: f64,
    /// The last rate is `lr / div_factor / final_div_factor`.
    pub final_div_factor: f64,
}

impl OneCycle {
    /// PyTorch's defaults: 30 % rising, from `lr / 25`, down to `lr / 250,000`.
    pub const fn new(steps: u64) -> Self {
        Self { steps, pct_start: 0.3, div_factor: 25.0, final_div_factor: 1e4 }
    }

    pub(super) fn lr(&self, lr: f64, t: u64) -> f64 {
        let (first, last) = (lr / self.div_factor, lr / self.div_factor / self.final_div_factor);
        let (t, top, end) = (t as f64, self.pct_start * self.steps as f64 - 1.0, self.steps as f64 - 1.0);
        if t <= top { anneal(first, lr, t / top) } else { anneal(lr, last, (t.min(end) - top) / (end - top)) }
    }

    pub(super) fn check(&self) -> Result {
        require(self.steps > 0, "schedule", "leaves no steps after the warm-up")?;
        require((0.0..=1.0).contains(&self.pct_start), "schedule", "pct_start must be from 0 to 1")?;
        let divisors = positive(self.div_factor) && positive(self.final_div_factor);
        require(divisors, "schedule", "the divisors of the cycle must be finite numbers above 0")
    }
}

/// From `start` to `end` along half a cosine.
fn anneal(start: f64, end: f64, part: f64) -> f64 {
    // 0 / 0 where a phase has one step only: it is at its end.
    let part = if part.is_nan() { 1.0 } else { part.clamp(0.0, 1.0) };
    end + (start - end) / 2.0 * (1.0 + libm::cos(PI * part))
}
