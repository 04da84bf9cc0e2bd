//! Vector mathematics: elementary functions of each element of a slice.
//!
//! # Numerics
//!
//! Each function is written once from IEEE operations, none of them fused, so its bits are the same on every
//! instruction set; [`reference::math`](crate::reference::math) has the plain formulas. The largest errors over **all**
//! finite inputs whose result is finite, subnormal inputs and results included, in units in the last place (ULP) of the
//! `f32` nearest to the true value:
//!
//! | function | largest error, ULP | at |
//! |---|---|---|
//! | [`exp`] | 0.990 | 7.04031e1 |
//! | [`ln`] | 0.846 | 7.05924e-1 |
//! | [`log1p`] | 1.389 | 4.1896138e-1 |
//! | [`expm1`] | 1.048 | 1.7146378e1 |
//! | [`tanh`] | 1.330 | 6.2830955e-1 |
//! | [`sigmoid`] | 1.967 | -6.237699e0 |
//! | [`erf`] | 1.319 | 9.96785e-1 |
//! | [`rsqrt`] | 1.490 | 1.1827658e-38 |
//!
//! NaN gives NaN, and infinities give the limits that are written at each function.

use crate::error::{Result, check_len};
use crate::machine::Context;
use crate::simd::{dispatch, math};
use crate::slice;

/// `y[i] = f(x[i])`, after the check of the lengths.
macro_rules! each {
    ($ctx:expr, $x:expr, $y:expr, $f:path) => {{
        check_len("y", $x.len(), $y.len())?;
        slice::share($ctx, [$x], [$y], &|[x], [y]| {
            dispatch!($ctx.isa(), |s| slice::map(
                s,
                [x],
                y,
                #[inline(always)]
                |[x]| $f(s, x)
            ))
        });
        Ok(())
    }};
}

/// `y = e^x`.
///
/// # Numerics
///
/// 0 below -103.98 (subnormal results below -87.33), infinity above 88.73; never falls as `x` grows.
///
/// `x` is limited to -104 to 89. `n` is the integer nearest to `x * LOG2_E` (an `f32` product; ties to even). Then,
/// each operation rounded, the constants being the nearest `f32`:
///
/// ```text
/// r = (x - n * 0.693359375) + n * 2.1219444e-4
/// p = 1.9875691e-4, then p = p * r + c for each c of 1.3981999e-3, 8.333452e-3, 4.1665796e-2, 1.6666665e-1, 0.5
/// y = ((p * (r * r) + r) + 1) * 2^n
/// ```
///
/// The multiplication by `2^n` rounds once, where the result is subnormal or overflows.
///
/// # Errors
///
/// [`Error::Length`](crate::Error::Length) if `y` is not as long as `x`.
///
/// ```
/// use flatgrad_core::{Context, Isa, math::exp};
/// let (ctx, mut y) = (Context::serial(Isa::detect()), [0.0; 3]);
/// exp(ctx, &[0.0, 1.0, f32::NEG_INFINITY], &mut y)?;
/// assert_eq!(y, [1.0, std::f32::consts::E, 0.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn exp(ctx: Context, x: &[f32], y: &mut [f32]) -> Result {
    each!(ctx, x, y, math::exp)
}

/// `y = ln(x)`, the natural logarithm.
///
/// # Numerics
///
/// Negative infinity for a zero of either sign, NaN for a negative number, infinity for infinity; never falls as `x`
/// grows.
///
/// `x = 2^e (1 + f)` with `s <= 1 + f < 2 s`, where `s` is the `f32` with the bits `0x3f3504f3`, nearly `sqrt(1/2)`;
/// `e` and `f` are exact, for subnormal numbers too. Then, each operation rounded, the constants being the nearest
/// `f32`:
///
/// ```text
/// z  = f * f
/// p  = 7.0376836e-2, then p = p * f + c for each c of -1.151461e-1, 1.1676999e-1, -1.2420141e-1, 1.4249323e-1,
///      -1.6668058e-1, 2.0000715e-1, -2.4999994e-1, 3.333333e-1
/// y  = (f * z * p - e * 2.1219444e-4) - 0.5 * z
/// ln = (f + y) + e * 0.693359375
/// ```
///
/// # Errors
///
/// [`Error::Length`](crate::Error::Length) if `y` is not as long as `x`.
///
/// ```
/// use flatgrad_core::{Context, Isa, math::ln};
/// let (ctx, mut y) = (Context::serial(Isa::detect()), [0.0; 3]);
/// ln(ctx, &[1.0, 0.0, -1.0], &mut y)?;
/// assert_eq!(y[..2], [0.0, f32::NEG_INFINITY]);
/// assert!(y[2].is_nan());
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn ln(ctx: Context, x: &[f32], y: &mut [f32]) -> Result {
    each!(ctx, x, y, math::ln)
}

/// `y = ln(1 + x)`, exact for small `x` too.
///
/// # Numerics
///
/// `x` itself where `|x| < 2^-25`, a negative zero included; negative infinity for -1, NaN below.
/// Never falls as `x` grows.
///
/// # Errors
///
/// [`Error::Length`](crate::Error::Length) if `y` is not as long as `x`.
///
/// ```
/// use flatgrad_core::{Context, Isa, math::log1p};
/// let (ctx, mut y) = (Context::serial(Isa::detect()), [0.0; 2]);
/// log1p(ctx, &[1e-10, -1.0], &mut y)?;
/// assert_eq!(y, [1e-10, f32::NEG_INFINITY]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn log1p(ctx: Context, x: &[f32], y: &mut [f32]) -> Result {
    each!(ctx, x, y, math::log1p)
}

/// `y = e^x - 1`, exact for small `x` too.
///
/// # Numerics
///
/// `x` itself where `|x| < 2^-25`, a negative zero included; -1 below -17.33, infinity above 88.73.
/// Never falls as `x` grows.
///
/// # Errors
///
/// [`Error::Length`](crate::Error::Length) if `y` is not as long as `x`.
///
/// ```
/// use flatgrad_core::{Context, Isa, math::expm1};
/// let (ctx, mut y) = (Context::serial(Isa::detect()), [0.0; 2]);
/// expm1(ctx, &[1e-10, f32::NEG_INFINITY], &mut y)?;
/// assert_eq!(y, [1e-10, -1.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn expm1(ctx: Context, x: &[f32], y: &mut [f32]) -> Result {
    each!(ctx, x, y, math::expm1)
}

/// `y = tanh(x)`.
///
/// # Numerics
///
/// Keeps the sign of a zero; exactly 1 above 9.02, odd: `tanh(-x)` is `-tanh(x)`. Never falls as `x` grows.
///
/// # Errors
///
/// [`Error::Length`](crate::Error::Length) if `y` is not as long as `x`.
///
/// ```
/// use flatgrad_core::{Context, Isa, math::tanh};
/// let (ctx, mut y) = (Context::serial(Isa::detect()), [0.0; 3]);
/// tanh(ctx, &[-0.5, 0.5, f32::INFINITY], &mut y)?;
/// assert_eq!((y[0], y[2]), (-y[1], 1.0));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn tanh(ctx: Context, x: &[f32], y: &mut [f32]) -> Result {
    each!(ctx, x, y, math::tanh)
}

/// `y = 1 / (1 + e^-x)`, the logistic function.
///
/// # Numerics
///
/// `e^x / (1 + e^x)` for a negative `x`, so small results are as exact as large ones: 0 only below -103.98; exactly 1
/// above 17.33.
///
/// # Errors
///
/// [`Error::Length`](crate::Error::Length) if `y` is not as long as `x`.
///
/// ```
/// use flatgrad_core::{Context, Isa, math::sigmoid};
/// let (ctx, mut y) = (Context::serial(Isa::detect()), [0.0; 2]);
/// sigmoid(ctx, &[0.0, -100.0], &mut y)?;
/// assert!(y[0] == 0.5 && (y[1] / 3.72e-44 - 1.0).abs() < 0.02);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn sigmoid(ctx: Context, x: &[f32], y: &mut [f32]) -> Result {
    each!(ctx, x, y, math::sigmoid)
}

/// `y = 2 / sqrt(pi) * integral from 0 to x of e^(-t^2) dt`, the error function.
///
/// # Numerics
///
/// Keeps the sign of a zero; exactly 1 above 3.93, odd: `erf(-x)` is `-erf(x)`.
///
/// # Errors
///
/// [`Error::Length`](crate::Error::Length) if `y` is not as long as `x`.
///
/// ```
/// use flatgrad_core::{Context, Isa, math::erf};
/// let (ctx, mut y) = (Context::serial(Isa::detect()), [0.0; 3]);
/// erf(ctx, &[-0.0, 0.476_936_28, 5.0], &mut y)?;
/// assert!(y[0].is_sign_negative() && (y[1] - 0.5).abs() < 1e-7 && y[2] == 1.0);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn erf(ctx: Context, x: &[f32], y: &mut [f32]) -> Result {
    each!(ctx, x, y, math::erf)
}

/// `y = 1 / sqrt(x)`.
///
/// # Numerics
///
/// A square root and a division, each correctly rounded. Infinity with the sign of `x` for a zero, 0 for infinity, NaN
/// for a negative number.
///
/// # Errors
///
/// [`Error::Length`](crate::Error::Length) if `y` is not as long as `x`.
///
/// ```
/// use flatgrad_core::{Context, Isa, math::rsqrt};
/// let (ctx, mut y) = (Context::serial(Isa::detect()), [0.0; 2]);
/// rsqrt(ctx, &[0.25, f32::INFINITY], &mut y)?;
/// assert_eq!(y, [2.0, 0.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn rsqrt(ctx: Context, x: &[f32], y: &mut [f32]) -> Result {
    each!(ctx, x, y, math::rsqrt)
}
