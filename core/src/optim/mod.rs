//! Optimizers: one pass over parameters, gradients and state, in PyTorch's order of operations.
//!
//! A step is a function of its arguments. The hyper-parameters are a small struct that the caller owns, so a schedule is
//! an assignment to `lr` between two steps; the step number is the caller's too. Equal lengths of all slices are all that
//! is asked: one call may cover the parameters of a whole network, or a call each its tensors, with the same bits.
//!
//! Hyper-parameters outside their range are refused before anything is written. A gradient that is not finite is not
//! looked for: it makes the parameters NaN, as everywhere.

mod adam;
mod sgd;

pub use adam::{Adam, adam_step};
pub use sgd::{Sgd, sgd_step};

use crate::error::{Result, check_dim, check_param};
use crate::simd::Simd;

/// Finite and not negative: learning rates, weight decay, momentum.
const fn check_rate(what: &'static str, rate: f32) -> Result {
    check_param(rate >= 0.0 && rate.is_finite(), what, "finite and not negative", rate)
}

/// Steps count from 1.
const fn check_step(step: u32) -> Result {
    check_dim(step > 0, "step", "at least 1", step as usize)
}

/// `g + decay * p`; a `decay` of 0 leaves `g` as it is, even where `p` is not finite.
#[inline(always)]
fn decayed<S: Simd>(s: S, decay: f32, g: S::V, p: S::V) -> S::V {
    if decay == 0.0 { g } else { s.add(g, s.mul(s.splat(decay), p)) }
}
