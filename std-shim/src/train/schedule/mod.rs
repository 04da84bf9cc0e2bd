//! The learning rate of each step.

mod one_cycle;
mod plateau;
mod shape;

pub use one_cycle::OneCycle;
pub use plateau::{Plateau, PlateauState};
pub use shape::Shape;

use crate::error::{Error, Result};

/// How the learning rate changes: a function of the step, and for [`Shape::Plateau`] of what has been measured
/// ([`PlateauState`]), so that training that was interrupted goes on exactly.
///
/// All shapes are PyTorch's (`torch.optim.lr_scheduler`), with one step of the scheduler for each step of the
/// optimizer.
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
        self.shape.lr(base, step - self.warmup, plateau)
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
        if let Shape::Plateau(plateau) = self.shape {
            plateau.observe(base, value, state);
        }
    }

    /// Refuses numbers outside their range.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] that names the number.
    pub fn check(&self) -> Result {
        let start = self.warmup_start;
        require(start > 0.0 && start <= 1.0, "warmup", "must begin above 0 and at most at 1")?;
        self.shape.check()
    }
}

fn require(ok: bool, what: &'static str, fault: &str) -> Result {
    if ok { Ok(()) } else { Err(Error::setting(what, fault)) }
}

fn positive(x: f64) -> bool {
    x.is_finite() && x > 0.0
}
