//! Gradients that are too large.

use super::check_rate;
use crate::error::Result;
use crate::machine::Context;
use crate::simd::{Simd, dispatch};
use crate::slice::{self, share};

/// Elements that are added up in `f32`; their sums are added up in `f64`.
pub(super) const BLOCK: usize = 1024;

/// The Euclidean norm of all gradients, `sqrt(sum(g^2))`; 0 for an empty slice.
///
/// # Errors
///
/// None: any length is legal. The result is there because every kernel has one.
///
/// # Numerics
///
/// The squares of each block of 1024 elements are rounded to `f32` and added in 16 lanes (rule 2 of [the bit
/// contract](crate#the-bit-contract)); the sums of the blocks are added in order in `f64`; the root is taken in `f64`
/// and rounded to `f32`. So the relative error is at most 2.1e-6, whatever the length (1e-8 to 1e-7 in practice).
/// Squares overflow from 1.8e19 on, which makes the norm infinite, and vanish below 1e-23; PyTorch does the same. The
/// pass runs on one thread: it reads once what an optimizer's step reads and writes several times.
///
/// ```
/// use flatgrad_core::optim::grad_norm;
/// use flatgrad_core::{Context, Isa};
/// assert_eq!(grad_norm(Context::serial(Isa::detect()), &[3.0, -4.0])?, 5.0);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn grad_norm(ctx: Context, grads: &[f32]) -> Result<f32> {
    Ok(dispatch!(ctx.isa(), |s| norm(s, grads)))
}

/// The same, for the rows of a matrix.
#[inline(always)]
pub(super) fn norm<S: Simd>(s: S, x: &[f32]) -> f32 {
    let mut total = 0.0;
    for block in x.chunks(BLOCK) {
        let [squares] = slice::sum(
            s,
            [block],
            #[inline(always)]
            |[x]| [s.mul(x, x)],
        );
        total += squares as f64;
    }
    libm::sqrt(total) as f32
}

/// Scales all gradients down to the norm `max_norm` if theirs is larger, and gives the norm they had:
/// `torch.nn.utils.clip_grad_norm_`.
///
/// Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.
///
/// An infinite norm makes every finite gradient 0 and every infinite one NaN; a norm that is NaN makes all of them NaN.
/// So does PyTorch, unless told to raise an error. To skip such a step, look at the norm that comes back.
///
/// # Errors
///
/// [`Parameter`](crate::Error::Parameter) unless `max_norm` is finite and not negative.
///
/// # Numerics
///
/// `coefficient = max_norm / (norm + 1e-6)` in `f32`, with the norm of [`grad_norm`]. Where it is 1 or more nothing is
/// written; else each gradient is multiplied by it.
///
/// ```
/// use flatgrad_core::optim::clip_by_norm;
/// use flatgrad_core::{Context, Isa};
/// let mut g = [30.0, -40.0];
/// assert_eq!(clip_by_norm(Context::serial(Isa::detect()), 5.0, &mut g)?, 50.0);
/// assert!((g[0] - 3.0).abs() < 1e-6 && (g[1] + 4.0).abs() < 1e-6);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn clip_by_norm(ctx: Context, max_norm: f32, grads: &mut [f32]) -> Result<f32> {
    check_rate("max_norm", max_norm)?;
    let norm = grad_norm(ctx, grads)?;
    let coefficient = max_norm / (norm + 1e-6);
    let fits = coefficient >= 1.0; // not for a NaN
    if !fits {
        share(ctx, [], [grads], &|[], [g]| dispatch!(ctx.isa(), |s| scale(s, coefficient, g)));
    }
    Ok(norm)
}

/// `x *= factor`
#[inline(always)]
pub(super) fn scale<S: Simd>(s: S, factor: f32, x: &mut [f32]) {
    let factor = s.splat(factor);
    slice::update(
        s,
        [],
        [x],
        #[inline(always)]
        |[], [x]| [s.mul(x, factor)],
    );
}

/// Limits each gradient to `[-limit, limit]`: `torch.nn.utils.clip_grad_value_`. Unlike clipping by norm it changes the
/// direction. A NaN stays one.
///
/// # Errors
///
/// [`Parameter`](crate::Error::Parameter) unless `limit` is finite and not negative.
///
/// # Numerics
///
/// Two comparisons: exact.
///
/// ```
/// use flatgrad_core::optim::clip_by_value;
/// use flatgrad_core::{Context, Isa};
/// let mut g = [0.25, -7.0, f32::INFINITY];
/// clip_by_value(Context::serial(Isa::detect()), 0.5, &mut g)?;
/// assert_eq!(g, [0.25, -0.5, 0.5]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn clip_by_value(ctx: Context, limit: f32, grads: &mut [f32]) -> Result {
    check_rate("limit", limit)?;
    share(ctx, [], [grads], &|[], [g]| dispatch!(ctx.isa(), |s| clamp(s, limit, g)));
    Ok(())
}

#[inline(always)]
fn clamp<S: Simd>(s: S, limit: f32, x: &mut [f32]) {
    let (low, high) = (s.splat(-limit), s.splat(limit));
    slice::update(
        s,
        [],
        [x],
        #[inline(always)]
        // Both give their second operand for a NaN.
        |[], [x]| [s.max(low, s.min(high, x))],
    );
}
