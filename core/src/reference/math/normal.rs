//! The error function and the tail of the normal distribution.

use super::exponential::{exp, exp_of_sum};
use super::{polynomial, with_sign_of};

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

/// The error function: a polynomial below 1, `1 - e^p(|x|)` with the sign of `x` from there on.
pub fn erf(x: f32) -> f32 {
    let a = if 4.0 < x.abs() { 4.0 } else { x.abs() };
    let y = if a < 1.0 { a + a * polynomial(a * a, &SMALL) } else { 1.0 - exp(polynomial(a, &LARGE)) };
    with_sign_of(x, y)
}

/// `e^(-a^2 / 2)` for `0 <= a <= 15`, with the square in two parts.
pub fn gaussian(a: f32) -> f32 {
    let square = a * a;
    let high = f32::from_bits(a.to_bits() & 0xffff_f000);
    let low = a - high;
    let lost = ((high * high - square) + 2.0 * (high * low)) + low * low;
    exp_of_sum(-0.5 * square, -0.5 * lost)
}

/// `Q(a) e^(a^2 / 2)` for `0 <= a <= 15`, where `Q(a)` is the probability that a normal variable exceeds `a`:
/// `gaussian(a) * scaled_tail(a)` is `Q(a)` with a small relative error however small it is.
pub fn scaled_tail(a: f32) -> f32 {
    let w = 1.0 / (a + 4.0);
    w * polynomial((a - 4.0) * w, &TAIL)
}
