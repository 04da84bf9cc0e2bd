//! Cross entropy of yes-or-no answers.

use super::LossReport;
use super::samples::{self, row};
use crate::error::{Result, check_len, check_param};
use crate::machine::Context;
use crate::simd::{Simd, dispatch, math};
use crate::slice;

/// `loss_i = sum_j -(t_ij ln(p_ij) + (1 - t_ij) ln(1 - p_ij))` with `p = 1 / (1 + exp(-x))`, for logits `x` and targets
/// `t` in 0..=1, both `[n, features]`. The report's loss is the sum over the samples; divide by `n * features` for
/// PyTorch's `binary_cross_entropy_with_logits`. `correct` counts features: those where `x > 0` says what `t > 0.5`
/// says.
///
/// # Numerics
///
/// `(max(x, 0) - x * t) + log1p(exp(-|x|))` with the functions of [`math`](crate::math), finite for all finite logits
/// whose sum is; a sample's terms in 16 virtual lanes, the samples' losses one after another, in order. `correct` is
/// exact up to 2^24 features a sample.
///
/// # Errors
///
/// [`Error::Length`](crate::Error::Length) unless `logits` and `target` hold `n * features` elements;
/// [`Error::Overflow`](crate::Error::Overflow) if the product overflows; [`Error::Parameter`](crate::Error::Parameter)
/// with the first target outside 0..=1.
///
/// ```
/// use flatgrad_core::{Context, Isa, loss::binary_cross_entropy};
/// let report = binary_cross_entropy(Context::serial(Isa::detect()), [1, 2], &[0.0, 1000.0], &[1.0, 1.0])?;
/// assert!((report.loss_sum - 2f32.ln()).abs() < 1e-6);
/// assert_eq!(report.correct, 1); // a logit of 0 says no
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn binary_cross_entropy(
    ctx: Context,
    [n, features]: [usize; 2],
    logits: &[f32],
    target: &[f32],
) -> Result<LossReport> {
    check([n, features], logits, target)?;
    Ok(samples::run(ctx, [n, features], logits, &mut [], &|i, x, _| {
        dispatch!(ctx.isa(), |s| score(s, x, row(target, i, features)))
    }))
}

/// [`binary_cross_entropy`] and its gradient: `dlogits = (p - t) * grad_scale` with `p = 1 / (1 + exp(-x))`;
/// `grad_scale` is `1 / (n * features)` for the gradient of PyTorch's mean.
///
/// # Numerics
///
/// [`math::sigmoid`](crate::math::sigmoid), then a subtraction and a multiplication; the report has the bits of
/// [`binary_cross_entropy`].
///
/// # Errors
///
/// As [`binary_cross_entropy`], and [`Error::Length`](crate::Error::Length) unless `dlogits` is as long as `logits`.
///
/// ```
/// use flatgrad_core::{Context, Isa, loss::binary_cross_entropy_backward};
/// let ctx = Context::serial(Isa::detect());
/// let mut dlogits = [0.0; 2];
/// binary_cross_entropy_backward(ctx, [1, 2], 1.0, &[0.0, -1000.0], &[1.0, 1.0], &mut dlogits)?;
/// assert_eq!(dlogits, [-0.5, -1.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn binary_cross_entropy_backward(
    ctx: Context,
    [n, features]: [usize; 2],
    grad_scale: f32,
    logits: &[f32],
    target: &[f32],
    dlogits: &mut [f32],
) -> Result<LossReport> {
    check([n, features], logits, target)?;
    check_len("dlogits", logits.len(), dlogits.len())?;
    Ok(samples::run(ctx, [n, features], logits, dlogits, &|i, x, dx| {
        let target = row(target, i, features);
        dispatch!(ctx.isa(), |s| {
            slice::map(
                s,
                [x, target],
                dx,
                #[inline(always)]
                |[x, t]| s.mul(s.sub(math::sigmoid(s, x), t), s.splat(grad_scale)),
            );
            score(s, x, target)
        })
    }))
}

fn check([n, features]: [usize; 2], logits: &[f32], target: &[f32]) -> Result {
    samples::check([n, features], logits, target)?;
    match target.iter().find(|t| !(0.0..=1.0).contains(*t)) {
        Some(&t) => check_param(false, "target", "in 0..=1", t),
        None => Ok(()),
    }
}

/// A sample's loss and the number of its features that are right.
#[inline(always)]
fn score<S: Simd>(s: S, x: &[f32], target: &[f32]) -> (f32, f32) {
    let (zero, one, half) = (s.splat(0.0), s.splat(1.0), s.splat(0.5));
    let [loss, right] = slice::sum(
        s,
        [x, target],
        #[inline(always)]
        |[x, t]| {
            let linear = s.sub(s.max(zero, x), s.mul(x, t));
            let loss = s.add(linear, math::log1p(s, math::exp(s, minus_magnitude(s, x))));
            // Right is 1 where both say yes, or both no.
            let (yes, no) = (s.select(s.lt(half, t), one, zero), s.select(s.lt(half, t), zero, one));
            [loss, s.select(s.lt(zero, x), yes, no)]
        },
    );
    (loss, right)
}

/// `-|x|`
#[inline(always)]
fn minus_magnitude<S: Simd>(s: S, x: S::V) -> S::V {
    s.or(x, s.splat_bits(0x8000_0000))
}
