//! Layer normalization.

use super::shapes::whole_norm;
use super::{About, Backward, Cost, Forward, Pass, Shapes, Slot, Step, halves, halves_mut, some};
use crate::error::{Problem, Result};
use crate::keys::{Keys, Value};
use crate::net::describe::{Kind, Layer};
use crate::net::linked::Parts;
use crate::norm::{Affine, Gradients, LayerNorm, Saved, layer_norm, layer_norm_backward};

impl Layer<'_> {
    /// Layer normalization (Ba et al., 2016) over all of a sample: eps 1e-5, with scale and shift.
    pub const fn layer_norm() -> Self {
        Self::of(Kind::LayerNorm { eps: 1e-5, affine: true })
    }
}

impl Parts {
    /// Layer normalization.
    pub const LAYER_NORM: Self = Self::layer(4);
}

pub(super) const ABOUT: About = About { stem: Some("ln"), ..About::norm("layer_norm") };

/// Mean and standard deviation of each sample.
pub(super) const COST: Cost = Cost { statistics: 2, per_sample: true, ..Cost::NONE };

pub(super) const fn shapes(eps: f32, affine: bool, input: [usize; 3]) -> Result<Shapes, Problem> {
    whole_norm(eps, affine, affine, input)
}

pub(super) const fn keys(eps: f32, affine: bool) -> Keys {
    Keys::NONE.and("eps", Value::Number(eps)).and("affine", Value::Flag(affine))
}

pub(super) const fn with(values: &[Value]) -> Option<Kind> {
    match *values {
        [Value::Number(eps), Value::Flag(affine)] => Some(Kind::LayerNorm { eps, affine }),
        _ => None,
    }
}

const fn shape_of(slot: &Slot, n: usize, eps: f32) -> LayerNorm {
    LayerNorm::new(n, slot.input_len()).eps(eps)
}

pub(super) fn forward(pass: &Pass, eps: f32, t: Forward) -> Result {
    let (shape, (mean, rstd)) = (shape_of(pass.slot, pass.n, eps), halves_mut(t.saved));
    let affine = Affine { weight: pass.scale(), bias: pass.bias() };
    layer_norm(pass.ctx, &shape, t.x, affine, t.y, Saved { mean, rstd })
}

pub(super) fn backward(pass: &Pass, eps: f32, step: Step, t: Backward) -> Result {
    let (shape, (mean, rstd)) = (shape_of(pass.slot, pass.n, eps), halves(t.saved));
    let gradients = Gradients { x: t.dx, weight: some(t.dw), bias: some(t.db) };
    layer_norm_backward(pass.ctx, &shape, t.x, t.dy, pass.scale(), Saved { mean, rstd }, step.update, gradients)
}
