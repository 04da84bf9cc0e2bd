//! What a learning rate does after its warm-up.

use std::f64::consts::PI;

use super::{OneCycle, Plateau, PlateauState, positive, require};
use crate::error::Result;

/// The shape of a [`Schedule`](super::Schedule); `t` counts steps from 0 after the warm-up, `lr` is the optimizer's
/// rate.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// `lr`
    Constant,
    /// `lr * gamma^floor(t / every)`: `StepLR`, whose gamma is 0.1 by default.
    Step {
        /// Steps between changes; at least 1.
        every: u64,
        /// The factor of each change.
        gamma: f64,
    },
    /// `lr * gamma^t`: `ExponentialLR`.
    Exponential {
        /// The factor of each step.
        gamma: f64,
    },
    /// `min + (lr - min) * (1 + cos(pi * t / steps)) / 2`: `CosineAnnealingLR`; from `t = steps` on, `min`.
    ///
    /// Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.
    Cosine {
        /// Steps down to the minimum; at least 1.
        steps: u64,
        /// The minimum, PyTorch's `eta_min`; 0 by default.
        min: f64,
    },
    /// Up to `lr` and down again: `OneCycleLR`.
    OneCycle(OneCycle),
    /// Down when what is measured no longer gets better: `ReduceLROnPlateau`.
    Plateau(Plateau),
}

impl Shape {
    /// The rate of step `t` after the warm-up.
    pub(super) fn lr(&self, base: f64, t: u64, plateau: &PlateauState) -> f64 {
        match *self {
            Self::Constant => base,
            Self::Step { every, gamma } => base * libm::pow(gamma, (t / every.max(1)) as f64),
            Self::Exponential { gamma } => base * libm::pow(gamma, t as f64),
            Self::Cosine { steps, min } if t < steps => {
                min + (base - min) * (1.0 + libm::cos(PI * t as f64 / steps as f64)) / 2.0
            }
            Self::Cosine { min, .. } => min,
            Self::OneCycle(cycle) => cycle.lr(base, t),
            Self::Plateau(_) => plateau.lr.unwrap_or(base),
        }
    }

    /// Refuses numbers outside their range.
    pub(super) fn check(&self) -> Result {
        match *self {
            Self::Constant => Ok(()),
            Self::Step { every, gamma } => {
                require(every > 0, "every", "must be at least 1 step")?;
                require(positive(gamma), "gamma", "must be a finite number above 0")
            }
            Self::Exponential { gamma } => require(positive(gamma), "gamma", "must be a finite number above 0"),
            Self::Cosine { steps, min } => {
                require(steps > 0, "schedule", "leaves no steps after the warm-up")?;
                require(min.is_finite() && min >= 0.0, "min", "must be a finite number from 0 on")
            }
            Self::OneCycle(cycle) => cycle.check(),
            Self::Plateau(plateau) => plateau.check(),
        }
    }
}
