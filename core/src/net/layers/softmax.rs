//! Softmax over the features, and its logarithm.

use super::{About, Backward, Forward, Needs, Pass, Shapes};
use crate::activation::{log_softmax, log_softmax_backward, softmax, softmax_backward};
use crate::error::{Problem, Result};
use crate::net::describe::{Kind, Layer};
use crate::net::linked::Parts;

impl Layer<'_> {
    /// Softmax over the features. A loss from logits has one built in; this is for networks that end in probabilities.
    pub const fn softmax() -> Self {
        Self::of(Kind::Softmax)
    }

    /// The logarithm of softmax over the features.
    pub const fn log_softmax() -> Self {
        Self::of(Kind::LogSoftmax)
    }
}

impl Parts {
    /// Softmax.
    pub const SOFTMAX: Self = Self::layer(9);
    /// Log-softmax.
    pub const LOG_SOFTMAX: Self = Self::layer(10);
}

pub(super) const ABOUT: About = About { needs: Needs::Output, needs_frozen: Needs::Output, ..About::new("softmax") };
pub(super) const ABOUT_LOG: About = About { name: "log_softmax", ..ABOUT };

pub(super) const fn shapes(input: [usize; 3]) -> Result<Shapes, Problem> {
    if input[1] == 1 && input[2] == 1 { Ok(Shapes::same(input)) } else { Err(Problem::NotFlat { input }) }
}

pub(super) fn forward(pass: &Pass, t: Forward) -> Result {
    softmax(pass.ctx, [pass.n, pass.slot.input_len()], t.x, t.y)
}

pub(super) fn backward(pass: &Pass, t: Backward) -> Result {
    softmax_backward(pass.ctx, [pass.n, pass.slot.input_len()], t.y, t.dy, t.dx)
}

pub(super) fn log_forward(pass: &Pass, t: Forward) -> Result {
    log_softmax(pass.ctx, [pass.n, pass.slot.input_len()], t.x, t.y)
}

pub(super) fn log_backward(pass: &Pass, t: Backward) -> Result {
    log_softmax_backward(pass.ctx, [pass.n, pass.slot.input_len()], t.y, t.dy, t.dx)
}
