//! Root mean square normalization.

use super::shapes::whole_norm;
use super::{About, Backward, Cost, Forward, Pass, Shapes, Slot, Step, some};
use crate::error::{Problem, Result};
use crate::keys::{Keys, Value};
use crate::net::describe::{Kind, Layer};
use crate::net::linked::Parts;
use crate::norm::{Gradients, RmsNorm, rms_norm, rms_norm_backward};

impl Layer<'_> {
    /// Root mean square normalization (Zhang and Sennrich, 2019) over all of a sample: eps 1.1920929e-7, with a scale.
    pub const fn rms_norm() -> Self {
        Self::of(Kind::RmsNorm { eps: f32::EPSILON, affine: true })
    }
}

impl Parts {
    /// Root mean square normalization.
    pub const RMS_NORM: Self = Self::layer(5);
}

pub(super) const ABOUT: About = About { stem: Some("rms"), ..About::norm("rms_norm") };

/// The root mean square of each sample.
pub(super) const COST: Cost = Cost { statistics: 1, per_sample: true, ..Cost::NONE };

pub(super) const fn shapes(eps: f32, affine: bool, input: [usize; 3]) -> Result<Shapes, Problem> {
    whole_norm(eps, affine, false, input)
}

pub(super) const fn keys(eps: f32, affine: bool) -> Keys {
    Keys::NONE.and("eps", Value::Number(eps)).and("affine", Value::Flag(affine))
}

pub(super) const fn with(values: &[Value]) -> Option<Kind> {
    match *values {
        [Value::Number(eps), Value::Flag(affine)] => Some(Kind::RmsNorm { eps, affine }),
        _ => None,
    }
}

const fn shape_of(slot: &Slot, n: usize, eps: f32) -> RmsNorm {
    RmsNorm::new(n, slot.input_len()).eps(eps)
}

pub(super) fn forward(pass: &Pass, eps: f32, t: Forward) -> Result {
    rms_norm(pass.ctx, &shape_of(pass.slot, pass.n, eps), t.x, pass.scale(), t.y, t.saved)
}

pub(super) fn backward(pass: &Pass, eps: f32, step: Step, t: Backward) -> Result {
    let shape = shape_of(pass.slot, pass.n, eps);
    let gradients = Gradients { x: t.dx, weight: some(t.dw), bias: () };
    rms_norm_backward(pass.ctx, &shape, t.x, t.dy, pass.scale(), t.saved, step.update, gradients)
}
