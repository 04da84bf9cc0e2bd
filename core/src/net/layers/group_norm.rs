//! Group and instance normalization.

use super::shapes::check_eps;
use super::{About, Backward, Cost, Forward, Pass, Shapes, Slot, Step, halves, halves_mut, some};
use crate::error::{Problem, Result};
use crate::keys::{Keys, Value};
use crate::net::describe::{Kind, Layer};
use crate::net::linked::Parts;
use crate::norm::{Affine, Gradients, GroupNorm, Saved, group_norm, group_norm_backward};

impl Layer<'_> {
    /// Group normalization (Wu and He, 2018): eps 1e-5, with scale and shift.
    pub const fn group_norm(groups: usize) -> Self {
        Self::of(Kind::GroupNorm { groups: Some(groups), eps: 1e-5, affine: true })
    }

    /// Instance normalization (Ulyanov et al., 2016): eps 1e-5, without scale and shift, as in PyTorch; see
    /// [`Layer::affine`].
    pub const fn instance_norm() -> Self {
        Self::of(Kind::GroupNorm { groups: None, eps: 1e-5, affine: false })
    }
}

impl Parts {
    /// Group and instance normalization.
    pub const GROUP_NORM: Self = Self::layer(3);
}

pub(super) const GROUP: About = About { stem: Some("gn"), ..About::norm("group_norm") };
pub(super) const INSTANCE: About = About { stem: Some("in"), ..About::norm("instance_norm") };

const fn groups_of(slot: &Slot, groups: Option<usize>) -> usize {
    match groups {
        Some(groups) => groups,
        None => slot.input[0],
    }
}

const fn shape_of(slot: &Slot, n: usize, groups: Option<usize>, eps: f32) -> GroupNorm {
    let [c, h, w] = slot.input;
    GroupNorm::new(n, c, h * w, groups_of(slot, groups)).eps(eps)
}

pub(super) const fn shapes(
    groups: Option<usize>,
    eps: f32,
    affine: bool,
    input: [usize; 3],
) -> Result<Shapes, Problem> {
    let [c, h, w] = input;
    let groups = match groups {
        Some(groups) => groups,
        None => c,
    };
    if groups == 0 || c % groups != 0 {
        return Err(Problem::Groups { groups, inputs: c, outputs: c });
    }
    if c / groups == 1 && h == 1 && w == 1 {
        return Err(Problem::Parameter { what: "a group of one element has no variance" });
    }
    let learnt = if affine { c } else { 0 };
    match check_eps(eps) {
        Ok(()) => Ok(Shapes { output: input, weight: learnt, bias: learnt }),
        Err(e) => Err(e),
    }
}

/// Mean and standard deviation of each group: at most half of the input, or it has been refused.
pub(super) const fn cost(slot: &Slot, groups: Option<usize>) -> Cost {
    Cost { statistics: 2 * groups_of(slot, groups), per_sample: true, ..Cost::NONE }
}

pub(super) const fn keys(groups: Option<usize>, eps: f32, affine: bool) -> Keys {
    let keys = match groups {
        Some(groups) => Keys::NONE.and("groups", Value::Size(groups)),
        None => Keys::NONE,
    };
    keys.and("eps", Value::Number(eps)).and("affine", Value::Flag(affine))
}

pub(super) const fn with(values: &[Value]) -> Option<Kind> {
    match *values {
        [Value::Size(groups), Value::Number(eps), Value::Flag(affine)] => {
            Some(Kind::GroupNorm { groups: Some(groups), eps, affine })
        }
        [Value::Number(eps), Value::Flag(affine)] => Some(Kind::GroupNorm { groups: None, eps, affine }),
        _ => None,
    }
}

pub(super) fn forward(pass: &Pass, groups: Option<usize>, eps: f32, t: Forward) -> Result {
    let (shape, (mean, rstd)) = (shape_of(pass.slot, pass.n, groups, eps), halves_mut(t.saved));
    let affine = Affine { weight: pass.scale(), bias: pass.bias() };
    group_norm(pass.ctx, &shape, t.x, affine, t.y, Saved { mean, rstd })
}

pub(super) fn backward(pass: &Pass, groups: Option<usize>, eps: f32, step: Step, t: Backward) -> Result {
    let (shape, (mean, rstd)) = (shape_of(pass.slot, pass.n, groups, eps), halves(t.saved));
    let gradients = Gradients { x: t.dx, weight: some(t.dw), bias: some(t.db) };
    group_norm_backward(pass.ctx, &shape, t.x, t.dy, pass.scale(), Saved { mean, rstd }, step.update, gradients)
}
