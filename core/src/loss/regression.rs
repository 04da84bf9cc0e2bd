//! Losses between numbers.

use super::samples::{self, row};
use crate::error::{Result, check_len, check_param};
use crate::machine::Context;
use crate::simd::{Simd, dispatch};
use crate::slice;

/// `loss_i = sum_j (x_ij - t_ij)^2` for `x` and `target` `[n, features]`; the result is the sum over the samples.
/// Divide by `n * features` for PyTorch's `mse_loss`.
///
/// # Numerics
///
/// `d = x - t`, `d * d`; a sample's terms in 16 virtual lanes, the samples' losses one after another, in order.
///
/// # Errors
///
/// [`Error::Length`](crate::Error::Length) unless `x` and `target` hold `n * features` elements;
/// [`Error::Overflow`](crate::Error::Overflow) if the product overflows.
///
/// ```
/// use flatgrad_core::{Context, Isa, loss::mean_squared};
/// let sum = mean_squared(Context::serial(Isa::detect()), [2, 2], &[1.0, 2.0, 3.0, 4.0], &[1.0, 0.0, 2.0, 1.0])?;
/// assert_eq!(sum / 4.0, 3.5); // the mean of 0, 4, 1, 9
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn mean_squared(ctx: Context, [n, features]: [usize; 2], x: &[f32], target: &[f32]) -> Result<f32> {
    samples::check([n, features], x, target)?;
    let report = samples::run(ctx, [n, features], x, &mut [], &|i, x, _| {
        (dispatch!(ctx.isa(), |s| squares(s, x, row(target, i, features))), 0.0)
    });
    Ok(report.loss_sum)
}

/// [`mean_squared`] and its gradient: `dx = 2 (x - t) * grad_scale`; `grad_scale` is `1 / (n * features)` for the
/// gradient of PyTorch's mean.
///
/// # Numerics
///
/// `d = x - t`, `(d + d) * grad_scale`; the loss has the bits of [`mean_squared`].
///
/// # Errors
///
/// As [`mean_squared`], and [`Error::Length`](crate::Error::Length) unless `dx` is as long as `x`.
///
/// ```
/// use flatgrad_core::{Context, Isa, loss::mean_squared_backward};
/// let mut dx = [0.0; 2];
/// let sum = mean_squared_backward(Context::serial(Isa::detect()), [1, 2], 0.5, &[1.0, 2.0], &[1.0, 0.0], &mut dx)?;
/// assert_eq!((sum, dx), (4.0, [0.0, 2.0]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn mean_squared_backward(
    ctx: Context,
    [n, features]: [usize; 2],
    grad_scale: f32,
    x: &[f32],
    target: &[f32],
    dx: &mut [f32],
) -> Result<f32> {
    samples::check([n, features], x, target)?;
    check_len("dx", x.len(), dx.len())?;
    let report = samples::run(ctx, [n, features], x, dx, &|i, x, dx| {
        let target = row(target, i, features);
        dispatch!(ctx.isa(), |s| {
            slice::map(
                s,
                [x, target],
                dx,
                #[inline(always)]
                |[x, t]| {
                    let d = s.sub(x, t);
                    s.mul(s.add(d, d), s.splat(grad_scale))
                },
            );
            (squares(s, x, target), 0.0)
        })
    });
    Ok(report.loss_sum)
}

#[inline(always)]
fn squares<S: Simd>(s: S, x: &[f32], target: &[f32]) -> f32 {
    let [sum] = slice::sum(
        s,
        [x, target],
        #[inline(always)]
        |[x, t]| {
            let d = s.sub(x, t);
            [s.mul(d, d)]
        },
    );
    sum
}

/// `loss_i = sum_j h(x_ij - t_ij)` for `x` and `target` `[n, features]`, where `h(d)` is `d^2 / 2` for `|d| < delta`
/// and `delta (|d| - delta / 2)` beyond: squares near the target, straight lines far from it (Huber, "Robust Estimation
/// of a Location Parameter", 1964). The result is the sum over the samples; divide by `n * features` for PyTorch's
/// `huber_loss`, whose `delta` is 1 if nothing else is said.
///
/// # Numerics
///
/// `z = |x - t|`, then `(0.5 * z) * z` or `delta * (z - 0.5 * delta)`; a sample's terms in 16 virtual lanes, the
/// samples' losses one after another, in order.
///
/// # Errors
///
/// [`Error::Parameter`](crate::Error::Parameter) unless `delta` is above 0; [`Error::Length`](crate::Error::Length)
/// unless `x` and `target` hold `n * features` elements; [`Error::Overflow`](crate::Error::Overflow) if the product
/// overflows.
///
/// ```
/// use flatgrad_core::{Context, Isa, loss::huber};
/// let sum = huber(Context::serial(Isa::detect()), [1, 2], 1.0, &[0.5, 10.0], &[0.0, 0.0])?;
/// assert_eq!(sum, 0.125 + 9.5);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn huber(ctx: Context, [n, features]: [usize; 2], delta: f32, x: &[f32], target: &[f32]) -> Result<f32> {
    check_param(delta > 0.0, "delta", "above 0", delta)?;
    samples::check([n, features], x, target)?;
    let report = samples::run(ctx, [n, features], x, &mut [], &|i, x, _| {
        (dispatch!(ctx.isa(), |s| hubers(s, x, row(target, i, features), delta)), 0.0)
    });
    Ok(report.loss_sum)
}

/// [`huber`] and its gradient: `dx = clamp(x - t, -delta, delta) * grad_scale`; `grad_scale` is `1 / (n * features)`
/// for the gradient of PyTorch's mean.
///
/// # Numerics
///
/// One subtraction, one multiplication; a NaN stays one. The loss has the bits of [`huber`].
///
/// # Errors
///
/// As [`huber`], and [`Error::Length`](crate::Error::Length) unless `dx` is as long as `x`.
///
/// ```
/// use flatgrad_core::{Context, Isa, loss::huber_backward};
/// let mut dx = [0.0; 2];
/// huber_backward(Context::serial(Isa::detect()), [1, 2], 1.0, 2.0, &[0.5, -10.0], &[0.0, 0.0], &mut dx)?;
/// assert_eq!(dx, [1.0, -2.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn huber_backward(
    ctx: Context,
    [n, features]: [usize; 2],
    delta: f32,
    grad_scale: f32,
    x: &[f32],
    target: &[f32],
    dx: &mut [f32],
) -> Result<f32> {
    check_param(delta > 0.0, "delta", "above 0", delta)?;
    samples::check([n, features], x, target)?;
    check_len("dx", x.len(), dx.len())?;
    let report = samples::run(ctx, [n, features], x, dx, &|i, x, dx| {
        let target = row(target, i, features);
        dispatch!(ctx.isa(), |s| {
            slice::map(
                s,
                [x, target],
                dx,
                #[inline(always)]
                |[x, t]| {
                    // Min and max give their second operand for a NaN.
                    let d = s.max(s.splat(-delta), s.sub(x, t));
                    s.mul(s.min(s.splat(delta), d), s.splat(grad_scale))
                },
            );
            (hubers(s, x, target, delta), 0.0)
        })
    });
    Ok(report.loss_sum)
}

#[inline(always)]
fn hubers<S: Simd>(s: S, x: &[f32], target: &[f32], delta: f32) -> f32 {
    let (half, delta, half_delta) = (s.splat(0.5), s.splat(delta), s.splat(0.5 * delta));
    let [sum] = slice::sum(
        s,
        [x, target],
        #[inline(always)]
        |[x, t]| {
            let z = s.and(s.sub(x, t), s.splat_bits(0x7fff_ffff));
            [s.select(s.lt(z, delta), s.mul(s.mul(half, z), z), s.mul(delta, s.sub(z, half_delta)))]
        },
    );
    sum
}
