//! Softmax and log-softmax over the rows of a matrix.

use crate::error::{Result, check_len, checked_len};
use crate::machine::Context;
use crate::scalar::ln_of_sum;
use crate::simd::{Simd, dispatch, math};
use crate::slice;

/// `y[i, j] = exp(x[i, j] - max_i) / sum_j exp(x[i, j] - max_i)` for each row of `[n, classes]` (PyTorch's `softmax`
/// over the last dimension).
///
/// # Numerics
///
/// Per row: the maximum; `e = exp(x - max)` ([`reference::math::exp`](crate::reference::math::exp), below 1 ULP); their
/// sum in 16 virtual lanes ([`reference::math::sum`](crate::reference::math::sum)); `e / sum`, IEEE division. The
/// formula of `exp` is at [`math::exp`](crate::math::exp). A row with a NaN or positive infinity, or of negative
/// infinities only, becomes NaN.
///
/// # Errors
///
/// [`Error::Length`](crate::Error::Length) unless `x` and `y` hold `n * classes` elements;
/// [`Error::Overflow`](crate::Error::Overflow) if that product overflows.
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::softmax};
/// let mut y = [0.0; 4];
/// softmax(Context::serial(Isa::detect()), [2, 2], &[5.0, 5.0, 1000.0, 0.0], &mut y)?;
/// assert_eq!(y, [0.5, 0.5, 1.0, 0.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn softmax(ctx: Context, [n, classes]: [usize; 2], x: &[f32], y: &mut [f32]) -> Result {
    rows(ctx, [n, classes], [("x", x)], ("y", y), &|[x], y| {
        dispatch!(ctx.isa(), |s| {
            let (_, sum) = exp_row(s, x, y);
            divide_row(s, y, sum);
        })
    })
}

/// `y[i, j] = x[i, j] - max_i - ln(sum_j exp(x[i, j] - max_i))` for each row of `[n, classes]` (PyTorch's `log_softmax`
/// over the last dimension).
///
/// # Numerics
///
/// Maximum and sum as in [`softmax`]; the logarithm is that of [`cross_entropy`](crate::loss::cross_entropy), not
/// [`math::ln`](crate::math::ln); then `(x - max) - ln(sum)`.
///
/// # Errors
///
/// As [`softmax`].
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::log_softmax};
/// let mut y = [0.0; 2];
/// log_softmax(Context::serial(Isa::detect()), [1, 2], &[7.0, 7.0], &mut y)?;
/// assert!((y[0] + 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn log_softmax(ctx: Context, [n, classes]: [usize; 2], x: &[f32], y: &mut [f32]) -> Result {
    rows(ctx, [n, classes], [("x", x)], ("y", y), &|[x], y| {
        dispatch!(ctx.isa(), |s| {
            let (max, sum) = sum_exp(s, x);
            let (max, log) = (s.splat(max), s.splat(ln_of_sum(sum)));
            slice::map(
                s,
                [x],
                y,
                #[inline(always)]
                |[x]| s.sub(s.sub(x, max), log),
            );
        })
    })
}

/// `dx[i, j] = (dy[i, j] - sum_k dy[i, k] y[i, k]) y[i, j]` for each row of `[n, classes]`; `y` is the output of
/// [`softmax`].
///
/// # Numerics
///
/// Per row: the sum of `dy * y` in 16 virtual lanes ([`reference::math::sum`](crate::reference::math::sum)), then
/// `(dy - sum) * y`.
///
/// # Errors
///
/// [`Error::Length`](crate::Error::Length) unless `y`, `dy` and `dx` hold `n * classes` elements;
/// [`Error::Overflow`](crate::Error::Overflow) if that product overflows.
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::softmax_backward};
/// let mut dx = [0.0; 2];
/// softmax_backward(Context::serial(Isa::detect()), [1, 2], &[0.5, 0.5], &[1.0, 3.0], &mut dx)?;
/// assert_eq!(dx, [-0.5, 0.5]); // the gradient of a row sums to zero
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn softmax_backward(ctx: Context, [n, classes]: [usize; 2], y: &[f32], dy: &[f32], dx: &mut [f32]) -> Result {
    rows(ctx, [n, classes], [("y", y), ("dy", dy)], ("dx", dx), &|[y, dy], dx| {
        dispatch!(ctx.isa(), |s| {
            let [dot] = slice::sum(
                s,
                [y, dy],
                #[inline(always)]
                |[y, dy]| [s.mul(dy, y)],
            );
            let dot = s.splat(dot);
            slice::map(
                s,
                [y, dy],
                dx,
                #[inline(always)]
                |[y, dy]| s.mul(s.sub(dy, dot), y),
            );
        })
    })
}

/// `dx[i, j] = dy[i, j] - exp(y[i, j]) sum_k dy[i, k]` for each row of `[n, classes]`; `y` is the output of
/// [`log_softmax`].
///
/// # Numerics
///
/// Per row: the sum of `dy` in 16 virtual lanes, then `dy - exp(y) * sum`.
///
/// # Errors
///
/// As [`softmax_backward`].
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::log_softmax_backward};
/// let (y, mut dx) = ([0.5f32.ln(); 2], [0.0; 2]);
/// log_softmax_backward(Context::serial(Isa::detect()), [1, 2], &y, &[1.0, 3.0], &mut dx)?;
/// assert!((dx[0] + 1.0).abs() < 1e-6 && (dx[1] - 1.0).abs() < 1e-6);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn log_softmax_backward(ctx: Context, [n, classes]: [usize; 2], y: &[f32], dy: &[f32], dx: &mut [f32]) -> Result {
    rows(ctx, [n, classes], [("y", y), ("dy", dy)], ("dx", dx), &|[y, dy], dx| {
        dispatch!(ctx.isa(), |s| {
            let [sum] = slice::sum(
                s,
                [dy],
                #[inline(always)]
                |[dy]| [dy],
            );
            let sum = s.splat(sum);
            slice::map(
                s,
                [y, dy],
                dx,
                #[inline(always)]
                |[y, dy]| s.sub(dy, s.mul(math::exp(s, y), sum)),
            );
        })
    })
}

/// A row of each input, and the output's.
type Row<'a, const N: usize> = dyn Fn([&[f32]; N], &mut [f32]) + Sync + 'a;

/// Checks the lengths and runs `f` on each row: the rows of the inputs, the row of the output.
fn rows<const N: usize>(
    ctx: Context,
    [n, classes]: [usize; 2],
    inputs: [(&'static str, &[f32]); N],
    (name, out): (&'static str, &mut [f32]),
    f: &Row<N>,
) -> Result {
    let len = checked_len(inputs.first().map_or(name, |x| x.0), &[n, classes])?;
    for (name, x) in inputs {
        check_len(name, len, x.len())?;
    }
    check_len(name, len, out.len())?;
    slice::share_chunks(slice::worth(ctx, len), out, classes, &mut [], 0, &|first, out, _| {
        for (i, out) in slice::chunks_mut(out, classes).enumerate() {
            let at = (first + i) * classes;
            f(inputs.map(|(_, x)| x.get(at..at + classes).unwrap_or(&[])), out);
        }
    });
    Ok(())
}

/// `e = exp(x - max)` of one row; gives the maximum and the sum of `e`.
#[inline(always)]
pub(crate) fn exp_row<S: Simd>(s: S, x: &[f32], e: &mut [f32]) -> (f32, f32) {
    let max = slice::maximum(s, x);
    let m = s.splat(max);
    slice::map(
        s,
        [x],
        e,
        #[inline(always)]
        |[x]| math::exp(s, s.sub(x, m)),
    );
    let [sum] = slice::sum(
        s,
        [&*e],
        #[inline(always)]
        |[e]| [e],
    );
    (max, sum)
}

/// [`exp_row`] without storing the exponentials.
#[inline(always)]
pub(crate) fn sum_exp<S: Simd>(s: S, x: &[f32]) -> (f32, f32) {
    let max = slice::maximum(s, x);
    let m = s.splat(max);
    let [sum] = slice::sum(
        s,
        [x],
        #[inline(always)]
        |[x]| [math::exp(s, s.sub(x, m))],
    );
    (max, sum)
}

#[inline(always)]
fn divide_row<S: Simd>(s: S, y: &mut [f32], sum: f32) {
    let sum = s.splat(sum);
    slice::update(
        s,
        [],
        [y],
        #[inline(always)]
        |[], [e]| [s.div(e, sum)],
    );
}
