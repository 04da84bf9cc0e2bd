//! Functions made of `e^x`. `reference::math` has the same in scalars.

use super::{ROUND, abs, negated, polynomial, power_of_two, with_sign_of};
use crate::machine::target::MICROCONTROLLER;
use crate::simd::Simd;

/// Of `(e^r - 1 - r) / r^2`, `|r| <= ln(2) / 2`: the coefficients of Cephes' `expf`.
const EXP: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1];

/// `x = n ln 2 + (high + low)` with an integer `n` and `|high + low| <= ln(2) / 2`.
///
/// `ln 2` stands in two parts, of which the first has so few bits that `n` times it is exact (Cody and Waite, "Software
/// Manual for the Elementary Functions", 1980).
#[inline(always)]
fn reduce<S: Simd>(s: S, x: S::V) -> (S::V, S::V, S::V) {
    let n = s.sub(s.add(s.mul(x, s.splat(core::f32::consts::LOG2_E)), s.splat(ROUND)), s.splat(ROUND));
    (n, s.sub(x, s.mul(n, s.splat(355.0 / 512.0))), s.mul(n, s.splat(2.121_944_4e-4)))
}

/// Between `low` and 89. Min and max give their second operand for a NaN.
#[inline(always)]
fn clamp<S: Simd>(s: S, x: S::V, low: f32) -> S::V {
    s.min(s.splat(89.0), s.max(s.splat(low), x))
}

/// `y * 2^n`, in two steps since `2^n` itself may be no normal number.
#[inline(always)]
fn scale<S: Simd>(s: S, y: S::V, n: S::V) -> S::V {
    let half = s.add(s.mul(n, s.splat(0.5)), s.splat(ROUND));
    let rest = s.add(s.sub(n, s.sub(half, s.splat(ROUND))), s.splat(ROUND));
    s.mul(s.mul(y, power_of_two(s, half)), power_of_two(s, rest))
}

/// `e^x`: reduction, a polynomial, a power of two. Infinity from 88.73 on, 0 from -103.98 down, NaN for a NaN.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::V) -> S::V {
    if MICROCONTROLLER { shared_exp(s, x) } else { inline_exp(s, x) }
}

#[inline(never)]
fn shared_exp<S: Simd>(s: S, x: S::V) -> S::V {
    inline_exp(s, x)
}

#[inline(always)]
fn inline_exp<S: Simd>(s: S, x: S::V) -> S::V {
    let (n, high, low) = reduce(s, clamp(s, x, -104.0));
    let r = s.add(high, low);
    let y = s.add(s.add(s.mul(polynomial(s, r, &EXP), s.mul(r, r)), r), s.splat(1.0));
    scale(s, y, n)
}

/// `e^(x + rest)` for a `rest` much smaller than 1, with what the roundings of [`exp`] lose added again.
#[inline(always)]
pub(crate) fn exp_of_sum<S: Simd>(s: S, x: S::V, rest: S::V) -> S::V {
    let (n, high, low) = reduce(s, clamp(s, x, -104.0));
    let low = s.add(low, rest);
    let r = s.add(high, low);
    let lost = s.add(s.sub(high, r), low);
    let y = s.add(s.splat(1.0), r);
    let small = s.add(s.mul(polynomial(s, r, &EXP), s.mul(r, r)), lost);
    scale(s, s.add(y, s.add(s.sub(r, s.sub(y, s.splat(1.0))), small)), n)
}

/// `e^x - 1`, as `2^n (1 + r + ..) - 1` with what the sums lose; half of it first, since `2^n` may overflow.
#[inline(always)]
pub(crate) fn expm1<S: Simd>(s: S, x: S::V) -> S::V {
    let (n, high, low) = reduce(s, clamp(s, x, -18.0));
    let r = s.add(high, low);
    let lost = s.add(s.sub(high, r), low);
    let half = power_of_two(s, s.add(n, s.splat(ROUND - 1.0)));
    let (a, b) = (s.sub(half, s.splat(0.5)), s.mul(half, r));
    let y = s.add(a, b);
    let small = s.mul(half, s.add(s.mul(polynomial(s, r, &EXP), s.mul(r, r)), lost));
    let y = s.mul(s.splat(2.0), s.add(y, s.add(s.sub(b, s.sub(y, a)), small)));
    s.select(s.lt(abs(s, x), s.splat(super::TINY)), x, y)
}

/// `1 / (1 + e^-|x|)`, or for a negative `x` `e^-|x| / (1 + e^-|x|)`; then what the sum lost is made good.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::V) -> S::V {
    let one = s.splat(1.0);
    let e = exp_of_sum(s, negated(s, abs(s, x)), s.splat(0.0));
    let sum = s.add(one, e);
    let lost = s.sub(e, s.sub(sum, one));
    // Changes no bit, but keeps `y * lost` out of the subnormal range, where a multiplication can take 100 cycles.
    let lost = s.select(s.lt(e, s.splat(1e-12)), s.splat(0.0), lost);
    let negative = s.lt(x, s.splat(0.0));
    let y = s.div(s.select(negative, e, one), sum);
    let reciprocal = s.select(negative, s.sub(one, y), y);
    s.sub(y, s.mul(y, s.mul(lost, reciprocal)))
}

/// The hyperbolic tangent: Cephes' polynomial below 0.625, from there on `1 - 2 / (e^2|x| + 1)`.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(s: S, x: S::V) -> S::V {
    let a = abs(s, x);
    let z = s.mul(a, a);
    let p = polynomial(s, z, &[-5.704_988_7e-3, 2.063_909e-2, -5.373_971_6e-2, 1.333_144_2e-1, -3.333_328e-1]);
    let small = s.add(a, s.mul(a, s.mul(z, p)));
    let large = s.sub(s.splat(1.0), s.div(s.splat(2.0), s.add(exp(s, s.add(a, a)), s.splat(1.0))));
    with_sign_of(s, x, s.select(s.lt(a, s.splat(0.625)), small, large))
}
