//! Vector mathematics, written once from add, multiply and bit operations: no fused multiply-add, so that an
//! instruction set without one pays nothing.

use super::Simd;

/// `1.5 * 2^23`: adding it to a small number rounds that number to an integer, to even on a tie, which then stands in the
/// low bits of the sum.
const ROUND: f32 = 12_582_912.0;

/// `e^x`, at most 2 ULP from the true value everywhere (0.991 over all inputs); the subnormal range underflows gradually.
///
/// `x = n ln 2 + r` with `|r| <= ln(2) / 2`: `ln 2` in two parts of which the first has so few bits that `n` times it is
/// exact (Cody and Waite, "Software Manual for the Elementary Functions", 1980), a polynomial in `r` (the coefficients
/// are those of Cephes' `expf`), then two multiplications by powers of two, since `2^n` itself may be no normal number.
/// Infinity from 88.73 on, 0 from -103.98 down, NaN for a NaN. `reference::math::exp` is the same in scalars.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::V) -> S::V {
    // Min and max give their second operand for a NaN.
    let x = s.min(s.splat(89.0), s.max(s.splat(-104.0), x));
    let n = s.sub(s.add(s.mul(x, s.splat(core::f32::consts::LOG2_E)), s.splat(ROUND)), s.splat(ROUND));
    let r = s.sub(x, s.mul(n, s.splat(355.0 / 512.0)));
    let r = s.add(r, s.mul(n, s.splat(2.121_944_4e-4)));
    let mut p = s.splat(1.987_569_1e-4);
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
        p = s.add(s.mul(p, r), s.splat(c));
    }
    let y = s.add(s.add(s.mul(p, s.mul(r, r)), r), s.splat(1.0));
    let half = s.add(s.mul(n, s.splat(0.5)), s.splat(ROUND));
    let rest = s.add(s.sub(n, s.sub(half, s.splat(ROUND))), s.splat(ROUND));
    s.mul(s.mul(y, power_of_two(s, half)), power_of_two(s, rest))
}

/// `2^n` for `rounded = n + ROUND`, `-127 < n < 128`: `n` goes from the low bits to the exponent.
#[inline(always)]
fn power_of_two<S: Simd>(s: S, rounded: S::V) -> S::V {
    s.add_bits(s.shl_bits::<23>(rounded), s.splat(1.0))
}

/// True for a NaN: the only value that lies on both wrong sides of what min and max make of it.
///
/// The addition makes a signalling NaN quiet (and changes no answer): with a constant on one side LLVM turns the portable
/// minimum into AArch64's `fminnm`, which gives the other operand for a quiet NaN only.
#[inline(always)]
pub(crate) fn is_nan<S: Simd>(s: S, x: S::V) -> S::M {
    let x = s.add(x, x);
    s.lt(s.max(x, s.splat(f32::NEG_INFINITY)), s.min(x, s.splat(f32::INFINITY)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::reference;
    use crate::simd::dispatch;
    use crate::slice;

    extern crate std;
    use std::vec::Vec;

    fn awkward() -> Vec<f32> {
        let special = [0.0, 1e-45, 1e-38, 88.722_83, 88.722_84, 89.0, 103.9, 104.0, f32::MAX, f32::INFINITY, f32::NAN];
        let all = (0..=u32::MAX).step_by(40_009).map(f32::from_bits);
        all.chain((-1050..900).map(|i| i as f32 * 0.1)).chain(special).chain(special.map(|x| -x)).collect()
    }

    #[test]
    fn exp_has_the_bits_of_the_reference() {
        let x = awkward();
        let want: Vec<f32> = x.iter().map(|&x| reference::math::exp(x)).collect();
        for isa in Isa::available() {
            let mut y = std::vec![0.0; x.len()];
            dispatch!(isa, |s| slice::map(
                s,
                [&x],
                &mut y,
                #[inline(always)]
                |[x]| exp(s, x)
            ));
            for ((x, y), w) in x.iter().zip(&y).zip(&want) {
                let same = y.to_bits() == w.to_bits() || (y.is_nan() && w.is_nan());
                assert!(same, "{}: exp({x:e}) is {y:e}, expected {w:e}", isa.name());
            }
        }
    }

    #[test]
    fn nan_is_found_and_nothing_else() {
        let x = awkward();
        for isa in Isa::available() {
            let mut y = std::vec![0.0; x.len()];
            dispatch!(isa, |s| slice::map(
                s,
                [&x],
                &mut y,
                #[inline(always)]
                |[x]| s.select(is_nan(s, x), s.splat(1.0), s.splat(0.0))
            ));
            assert!(x.iter().zip(&y).all(|(x, y)| x.is_nan() == (*y == 1.0)), "{}", isa.name());
        }
    }
}
