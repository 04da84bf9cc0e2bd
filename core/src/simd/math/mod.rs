//! Vector mathematics, written once from add, multiply, divide and bit operations: no fused multiply-add, so that an
//! instruction set without one pays nothing. [`crate::math`] says how exact each function is.

mod exponential;
mod logarithm;
mod normal;
#[cfg(test)]
mod tests;

pub(crate) use exponential::{exp, exp_of_sum, expm1, sigmoid, tanh};
pub(crate) use logarithm::{ln, log1p};
pub(crate) use normal::{erf, gaussian, scaled_tail};

use super::Simd;

/// `1.5 * 2^23`: adding it to a small number rounds that number to an integer, to even on a tie, which then stands in
/// the low bits of the sum.
const ROUND: f32 = 12_582_912.0;

/// `2^-25`: below it `e^x - 1` and `ln(1 + x)` are `x`, correctly rounded but for the last bit.
const TINY: f32 = 2.980_232_2e-8;

/// `1 / sqrt(x)`: a square root and a division, each correctly rounded.
#[inline(always)]
pub(crate) fn rsqrt<S: Simd>(s: S, x: S::V) -> S::V {
    s.div(s.splat(1.0), s.sqrt(x))
}

/// `2^n` for `rounded = n + ROUND`, `-127 < n < 128`: `n` goes from the low bits to the exponent.
#[inline(always)]
fn power_of_two<S: Simd>(s: S, rounded: S::V) -> S::V {
    s.add_bits(s.shl_bits::<23>(rounded), s.splat(1.0))
}

/// `p[0] x^n + .. + p[n]` by Horner's rule.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, x: S::V, p: &[f32; N]) -> S::V {
    let mut y = s.splat(p[0]);
    for c in &p[1..] {
        y = s.add(s.mul(y, x), s.splat(*c));
    }
    y
}

/// `|x|`
#[inline(always)]
pub(crate) fn abs<S: Simd>(s: S, x: S::V) -> S::V {
    s.and(x, s.splat_bits(0x7fff_ffff))
}

/// `-x`, of a zero and a NaN too.
#[inline(always)]
pub(crate) fn negated<S: Simd>(s: S, x: S::V) -> S::V {
    s.xor(x, s.splat_bits(0x8000_0000))
}

/// `y` with the sign of `x`, for a `y` without one.
#[inline(always)]
fn with_sign_of<S: Simd>(s: S, x: S::V, y: S::V) -> S::V {
    s.or(y, s.and(x, s.splat_bits(0x8000_0000)))
}

/// True for a NaN: the only value that lies on both wrong sides of what min and max make of it.
///
/// The addition makes a signalling NaN quiet (and changes no answer): with a constant on one side LLVM turns the
/// portable minimum into AArch64's `fminnm`, which gives the other operand for a quiet NaN only.
#[inline(always)]
pub(crate) fn is_nan<S: Simd>(s: S, x: S::V) -> S::M {
    let x = s.add(x, x);
    s.lt(s.max(x, s.splat(f32::NEG_INFINITY)), s.min(x, s.splat(f32::INFINITY)))
}
