//! The learning rate of each step.

use std::f64::consts::PI;

use crate::error::{Error, Result};

/// How the learning rate changes: a function of the step, and for [`Shape::Plateau`] of what has been measured
/// ([`PlateauState`]), so that training that was interrupted goes on exactly.
///
/// All shapes are PyTorch's (`torch.optim.lr_scheduler`), with one step of the scheduler for each step of the optimizer.
///
/// ```
/// use flatgrad::train::{PlateauState, Schedule, Shape};
/// let schedule = Schedule::new(Shape::Cosine { steps: 100, min: 0.0 }).warmup(10);
/// let lr = |step| schedule.lr(0.3, step, &PlateauState::default());
/// assert!((lr(0) - 0.1).abs() < 1e-12 && (lr(10) - 0.3).abs() < 1e-12);
/// assert!((lr(60) - 0.15).abs() < 1e-12 && lr(110) == 0.0);
/// ```
///
/// # Numerics
///
/// In f64 with `libm`, the same on every machine; what an optimizer gets is rounded to f32 once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// What comes after the warm-up.
    pub shape: Shape,
    /// Steps in which the rate rises linearly (`LinearLR`, then the shape from its beginning); 0 for none.
    pub warmup: u64,
    /// The part of the rate with which a warm-up begins; above 0, at most 1. PyTorch's default is 1/3.
    pub warmup_start: f64,
}

/// The shape of a [`Schedule`]; `t` counts steps from 0 after the warm-up, `lr` is the optimizer's rate.
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

    fn lr(&self, lr: f64, t: u64) -> f64 {
        let (first, last) = (lr / self.div_factor, lr / self.div_factor / self.final_div_factor);
        let (t, top, end) = (t as f64, self.pct_start * self.steps as f64 - 1.0, self.steps as f64 - 1.0);
        if t <= top { anneal(first, lr, t / top) } else { anneal(lr, last, (t.min(end) - top) / (end - top)) }
    }
}

/// From `start` to `end` along half a cosine.
fn anneal(start: f64, end: f64, part: f64) -> f64 {
    // 0 / 0 where a phase has one step only: it is at its end.
    let part = if part.is_nan() { 1.0 } else { part.clamp(0.0, 1.0) };
    end + (start - end) / 2.0 * (1.0 + libm::cos(PI * part))
}

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
}

impl Default for Plateau {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What [`Shape::Plateau`] remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
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

impl Schedule {
    /// The optimizer's own rate at every step.
    pub const CONSTANT: Self = Self::new(Shape::Constant);

    /// The shape, without a warm-up.
    pub const fn new(shape: Shape) -> Self {
        Self { shape, warmup: 0, warmup_start: 1.0 / 3.0 }
    }

    /// With a linear rise over so many steps before it.
    pub const fn warmup(self, steps: u64) -> Self {
        Self { warmup: steps, ..self }
    }

    /// The rate of a step, counted from 0; `base` is the optimizer's own.
    pub fn lr(&self, base: f64, step: u64, plateau: &PlateauState) -> f64 {
        if step < self.warmup {
            let part = step as f64 / self.warmup as f64;
            return base * (self.warmup_start + (1.0 - self.warmup_start) * part);
        }
        let t = step - self.warmup;
        match self.shape {
            Shape::Constant => base,
            Shape::Step { every, gamma } => base * libm::pow(gamma, (t / every.max(1)) as f64),
            Shape::Exponential { gamma } => base * libm::pow(gamma, t as f64),
            Shape::Cosine { steps, min } if t < steps => {
                min + (base - min) * (1.0 + libm::cos(PI * t as f64 / steps as f64)) / 2.0
            }
            Shape::Cosine { min, .. } => min,
            Shape::OneCycle(cycle) => cycle.lr(base, t),
            Shape::Plateau(_) => plateau.lr.unwrap_or(base),
        }
    }

    /// Takes in a value to be minimized, such as the validation loss after an epoch; only [`Shape::Plateau`] cares.
    ///
    /// ```
    /// use flatgrad::train::{Plateau, PlateauState, Schedule, Shape};
    /// let schedule = Schedule::new(Shape::Plateau(Plateau { patience: 1, ..Plateau::DEFAULT }));
    /// let mut state = PlateauState::default();
    /// for loss in [0.5, 0.4, 0.4, 0.4] {
    ///     schedule.observe(1.0, loss, &mut state);
    /// }
    /// assert_eq!(schedule.lr(1.0, 0, &state), 0.1);
    /// ```
    pub fn observe(&self, base: f64, value: f64, state: &mut PlateauState) {
        let Shape::Plateau(plateau) = self.shape else { return };
        if value < state.best.map_or(f64::INFINITY, |best| best * (1.0 - plateau.threshold)) {
            (state.best, state.bad) = (Some(value), 0);
        } else {
            state.bad += 1;
        }
        if state.cooldown > 0 {
            (state.cooldown, state.bad) = (state.cooldown - 1, 0);
        }
        if state.bad > plateau.patience {
            let lr = state.lr.unwrap_or(base);
            let reduced = (lr * plateau.factor).max(plateau.min_lr);
            if lr - reduced > plateau.eps {
                state.lr = Some(reduced);
            }
            (state.cooldown, state.bad) = (plateau.cooldown, 0);
        }
    }

    /// Refuses numbers outside their range.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] that names the number.
    pub fn check(&self) -> Result {
        let require = |ok: bool, what, fault: &str| if ok { Ok(()) } else { Err(Error::setting(what, fault)) };
        let positive = |x: f64| x.is_finite() && x > 0.0;
        require(self.warmup_start > 0.0 && self.warmup_start <= 1.0, "warmup", "must begin above 0 and at most at 1")?;
        match self.shape {
            Shape::Constant => Ok(()),
            Shape::Step { every, gamma } => {
                require(every > 0, "step-size", "must be at least 1 step")?;
                require(positive(gamma), "gamma", "must be a finite number above 0")
            }
            Shape::Exponential { gamma } => require(positive(gamma), "gamma", "must be a finite number above 0"),
            Shape::Cosine { steps, min } => {
                require(steps > 0, "schedule", "leaves no steps after the warm-up")?;
                require(min.is_finite() && min >= 0.0, "min-lr", "must be a finite number from 0 on")
            }
            Shape::OneCycle(cycle) => {
                require(cycle.steps > 0, "schedule", "leaves no steps after the warm-up")?;
                require((0.0..=1.0).contains(&cycle.pct_start), "schedule", "pct_start must be from 0 to 1")?;
                let divisors = positive(cycle.div_factor) && positive(cycle.final_div_factor);
                require(divisors, "schedule", "the divisors of the cycle must be finite numbers above 0")
            }
            Shape::Plateau(plateau) => {
                require(plateau.factor > 0.0 && plateau.factor < 1.0, "gamma", "must be between 0 and 1")?;
                require((0.0..1.0).contains(&plateau.threshold), "schedule", "threshold must be from 0, below 1")?;
                require(plateau.min_lr >= 0.0 && plateau.min_lr.is_finite(), "min-lr", "must be a number from 0 on")?;
                require(plateau.eps >= 0.0, "schedule", "eps must not be negative")
            }
        }
    }
}
