//! Weights that are too large: the constraint that the dropout papers train with.

use super::check_rate;
use super::clip::{norm, scale};
use crate::error::{Result, check_len, checked_len};
use crate::machine::Context;
use crate::simd::{Simd, dispatch};
use crate::slice::{self, ChannelsMut, share_channels};

/// Columns that are taken together: a stripe that stays in the cache, and an array on the stack.
const BLOCK: usize = 64;

/// Added to the norm before dividing by it: `torch.renorm`.
const EPS: f32 = 1e-7;

/// Where the incoming weights of one neuron stand in a matrix `[rows, cols]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neurons {
    /// A row each: convolution weights `[oc, ic / groups * kh * kw]`, and linear weights as PyTorch stores them.
    Rows,
    /// A column each: this crate's dense weights `[inputs, outputs]`.
    Columns,
}

/// Scales the incoming weights of each neuron whose norm is above `limit` down to that norm; the others keep their
/// bits. Called after an optimizer's step. `weight` is `[rows, cols]`; any sizes, 0 too.
///
/// `torch.renorm(weight, 2, dim, limit)`. Source: Srivastava et al., "Dropout: a simple way to prevent neural networks
/// from overfitting", JMLR 2014, with limits of 3 to 4. A norm that is NaN is not above the limit: these weights stay
/// as they are; an infinite norm makes finite weights 0 and infinite ones NaN.
///
/// # Errors
///
/// [`Parameter`](crate::Error::Parameter) unless `limit` is finite and not negative, [`Length`](crate::Error::Length)
/// or [`Overflow`](crate::Error::Overflow) unless `weight` has `rows * cols` elements.
///
/// # Numerics
///
/// The norm of a row is computed as by [`grad_norm`](super::grad_norm). The squares of a column are added row after row
/// in `f32`, from 0; the root is taken in `f32`. If the norm is above `limit`, each weight is multiplied by
/// `limit / (norm + 1e-7)`, rounded to `f32`.
///
/// ```
/// use flatgrad_core::optim::{Neurons, max_norm};
/// use flatgrad_core::{Context, Isa};
/// let mut w = [3.0, 0.5, 4.0, 0.5]; // two inputs, two neurons: (3, 4) and (0.5, 0.5)
/// max_norm(Context::serial(Isa::detect()), Neurons::Columns, [2, 2], 1.0, &mut w)?;
/// assert!((w[0] - 0.6).abs() < 1e-6 && (w[2] - 0.8).abs() < 1e-6);
/// assert_eq!((w[1], w[3]), (0.5, 0.5));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn max_norm(ctx: Context, neurons: Neurons, [rows, cols]: [usize; 2], limit: f32, weight: &mut [f32]) -> Result {
    check_rate("limit", limit)?;
    let len = checked_len("weight", &[rows, cols])?;
    check_len("weight", len, weight.len())?;
    // A matrix as channels: a neuron is a plane of one row, or an element of every row.
    let shape = match neurons {
        Neurons::Rows => [1, rows, cols],
        Neurons::Columns => [rows, cols, 1],
    };
    if weight.is_empty() {
        return Ok(());
    }
    share_channels(ctx, len, [ChannelsMut::new(weight, shape)], &|[weight]| {
        dispatch!(ctx.isa(), |s| match neurons {
            Neurons::Rows => limit_rows(s, limit, weight),
            Neurons::Columns => limit_columns(s, rows, limit, weight),
        })
    });
    Ok(())
}

#[inline(always)]
fn limit_rows<S: Simd>(s: S, limit: f32, mut weight: ChannelsMut) {
    for c in 0..weight.count() {
        let row = weight.plane(0, c);
        let norm = norm(s, row);
        if norm > limit {
            scale(s, limit / (norm + EPS), row);
        }
    }
}

#[inline(always)]
fn limit_columns<S: Simd>(s: S, rows: usize, limit: f32, mut weight: ChannelsMut) {
    let count = weight.count();
    let mut at = 0;
    while at < count {
        let width = BLOCK.min(count - at);
        let mut factors = [0.0; BLOCK];
        let factors = factors.get_mut(..width).unwrap_or_default();
        for r in 0..rows {
            add_squares(s, stripe(&mut weight, r, at, width), factors);
        }
        if to_factors(s, limit, factors) {
            for r in 0..rows {
                multiply(s, factors, stripe(&mut weight, r, at, width));
            }
        }
        at += width;
    }
}

/// `width` columns of a row.
#[inline(always)]
fn stripe<'a>(weight: &'a mut ChannelsMut, row: usize, at: usize, width: usize) -> &'a mut [f32] {
    weight.sample(row).get_mut(at..at + width).unwrap_or_default()
}

/// `sum += x^2`
#[inline(always)]
fn add_squares<S: Simd>(s: S, x: &[f32], sum: &mut [f32]) {
    slice::update(
        s,
        [x],
        [sum],
        #[inline(always)]
        |[x], [sum]| [s.add(sum, s.mul(x, x))],
    );
}

/// Turns sums of squares into what the weights are multiplied by: 1 where the norm fits. False if it does everywhere.
#[inline(always)]
fn to_factors<S: Simd>(s: S, limit: f32, squares: &mut [f32]) -> bool {
    let (one, eps, limit) = (s.splat(1.0), s.splat(EPS), s.splat(limit));
    slice::update(
        s,
        [],
        [squares],
        #[inline(always)]
        |[], [squares]| {
            let norm = s.sqrt(squares);
            [s.select(s.lt(limit, norm), s.div(limit, s.add(norm, eps)), one)]
        },
    );
    squares.iter().any(|f| *f != 1.0)
}

#[inline(always)]
fn multiply<S: Simd>(s: S, factors: &[f32], x: &mut [f32]) {
    slice::update(
        s,
        [factors],
        [x],
        #[inline(always)]
        |[f], [x]| [s.mul(x, f)],
    );
}
