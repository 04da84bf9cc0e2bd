//! The error function and the tail of the normal distribution. `reference::math` has the same in scalars; the
//! coefficients were fitted for this project (weighted minimax, relative error of the result below `2^-26`).

use super::{abs, exp, exp_of_sum, polynomial, with_sign_of};
use crate::simd::Simd;

/// Of `erf(a) / a - 1` in `a^2`, `a < 1`.
const SMALL: [f32; 7] =
    [7.853_858e-5, -8.010_192_5e-4, 5.188_327_7e-3, -2.685_381_1e-2, 1.128_358_54e-1, -3.761_262_6e-1, 1.283_791_7e-1];

/// Of `ln(1 - erf(a))`, `1 <= a <= 4`.
const LARGE: [f32; 8] = [
    -2.168_685e-5,
    4.413_363_6e-4,
    -4.204_562e-3,
    2.520_825_7e-2,
    -1.084_185_8e-1,
    -6.332_199e-1,
    -1.129_578_5,
    1.880_402_3e-4,
];

/// Of [`scaled_tail`] `(a + 4)` in `(a - 4) / (a + 4)`, `0 <= a <= 15`.
const TAIL: [f32; 10] = [
    -1.341_974_3e-4,
    1.746_572_7e-4,
    1.568_408_2e-3,
    -3.510_209_5e-3,
    -7.524_004e-3,
    6.040_349e-2,
    -1.865_236_6e-1,
    3.871_369e-1,
    -6.078_965_7e-1,
    7.552_851_4e-1,
];

/// The error function: a polynomial below 1, from there on `1 - e^p(|x|)`; 1 from 4 on.
#[inline(always)]
pub(crate) fn erf<S: Simd>(s: S, x: S::V) -> S::V {
    let a = s.min(s.splat(4.0), abs(s, x));
    let small = s.add(a, s.mul(a, polynomial(s, s.mul(a, a), &SMALL)));
    let large = s.sub(s.splat(1.0), exp(s, polynomial(s, a, &LARGE)));
    with_sign_of(s, x, s.select(s.lt(a, s.splat(1.0)), small, large))
}

/// `e^(-a^2 / 2)` for `0 <= a <= 15`. The square's own rounding would cost 60 ULP at 15: it is taken in two parts,
/// exactly, by cutting `a` into halves of 12 bits.
#[inline(always)]
pub(crate) fn gaussian<S: Simd>(s: S, a: S::V) -> S::V {
    let square = s.mul(a, a);
    let high = s.and(a, s.splat_bits(0xffff_f000));
    let low = s.sub(a, high);
    let lost = s.add(s.sub(s.mul(high, high), square), s.mul(s.splat(2.0), s.mul(high, low)));
    let lost = s.add(lost, s.mul(low, low));
    exp_of_sum(s, s.mul(s.splat(-0.5), square), s.mul(s.splat(-0.5), lost))
}

/// `Q(a) e^(a^2 / 2)` for `0 <= a <= 15`, where `Q(a)` is the probability that a normal variable exceeds `a`.
#[inline(always)]
pub(crate) fn scaled_tail<S: Simd>(s: S, a: S::V) -> S::V {
    let w = s.div(s.splat(1.0), s.add(a, s.splat(4.0)));
    s.mul(w, polynomial(s, s.mul(s.sub(a, s.splat(4.0)), w), &TAIL))
}
