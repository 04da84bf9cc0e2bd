//! Logarithms. `reference::math` has the same in scalars.

use super::{ROUND, TINY, abs, polynomial, power_of_two};
use crate::simd::Simd;

/// Of `(ln(1 + f) - f + f^2 / 2) / f^3`: the coefficients of Cephes' `logf`.
const LN: [f32; 9] = [
    7.037_683_6e-2,
    -1.151_461e-1,
    1.167_699_9e-1,
    -1.242_014_1e-1,
    1.424_932_3e-1,
    -1.666_805_8e-1,
    2.000_071_5e-1,
    -2.499_999_4e-1,
    3.333_333e-1,
];

/// `x = 2^e (1 + f)` with `sqrt(1/2) <= 1 + f < sqrt(2)`, for a normal positive `x`; gives `f` and `e + bias`.
///
/// The bits of `sqrt(1/2)` are taken off those of `x`: then the exponent is `e`, and what is left is put back on top of
/// `sqrt(1/2)`. An integer that stands in the low bits of `2^23` is a float after a subtraction.
#[inline(always)]
fn split<S: Simd>(s: S, x: S::V) -> (S::V, S::V) {
    let bits = s.add_bits(x, s.splat_bits(0x004a_fb0d));
    let m = s.add_bits(s.and(bits, s.splat_bits(0x007f_ffff)), s.splat_bits(0x3f35_04f3));
    let e = s.sub(s.or(s.shr_bits::<23>(bits), s.splat(8_388_608.0)), s.splat(8_388_608.0));
    (s.sub(m, s.splat(1.0)), e)
}

/// `ln(1 + f) + e ln 2`, with `ln 2` in two parts; the largest terms are added last.
#[inline(always)]
fn ln_of_parts<S: Simd>(s: S, f: S::V, e: S::V) -> S::V {
    let z = s.mul(f, f);
    let y = s.sub(s.mul(s.mul(f, z), polynomial(s, f, &LN)), s.mul(e, s.splat(2.121_944_4e-4)));
    let y = s.sub(y, s.mul(s.splat(0.5), z));
    s.add(s.add(f, y), s.mul(e, s.splat(355.0 / 512.0)))
}

/// The natural logarithm. Negative infinity for a zero, NaN for a negative number.
#[inline(always)]
pub(crate) fn ln<S: Simd>(s: S, x: S::V) -> S::V {
    let subnormal = s.lt(x, s.splat(f32::MIN_POSITIVE));
    let (f, e) = split(s, s.select(subnormal, s.mul(x, s.splat(8_388_608.0)), x));
    let y = ln_of_parts(s, f, s.sub(e, s.select(subnormal, s.splat(127.0 + 23.0), s.splat(127.0))));
    let y = s.select(s.lt(x, s.splat(f32::INFINITY)), y, x);
    let y = s.select(s.lt(x, s.splat(0.0)), s.splat(f32::NAN), y);
    s.select(s.lt(abs(s, x), s.splat_bits(1)), s.splat(f32::NEG_INFINITY), y)
}

/// `ln(1 + x)`: the logarithm of the sum, with what the sum lost in the fraction.
#[inline(always)]
pub(crate) fn log1p<S: Simd>(s: S, x: S::V) -> S::V {
    let one = s.splat(1.0);
    let u = s.add(one, x);
    // Knuth's two-sum: `lost` is what the addition lost, exactly. For a large x it does not matter.
    let v = s.sub(u, one);
    let lost = s.add(s.sub(one, s.sub(u, v)), s.sub(x, v));
    let (f, e) = split(s, u);
    let e = s.sub(e, s.splat(127.0));
    let lost = s.mul(lost, power_of_two(s, s.sub(s.splat(ROUND), e)));
    let f = s.add(f, s.select(s.lt(x, s.splat(1e9)), lost, s.splat(0.0)));
    let y = s.select(s.lt(x, s.splat(f32::INFINITY)), ln_of_parts(s, f, e), x);
    let y = s.select(s.lt(x, s.splat(-1.0)), s.splat(f32::NAN), y);
    let y = s.select(s.lt(abs(s, u), s.splat(TINY)), s.splat(f32::NEG_INFINITY), y);
    s.select(s.lt(abs(s, x), s.splat(TINY)), x, y)
}
