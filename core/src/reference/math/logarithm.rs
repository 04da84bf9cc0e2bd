//! Logarithms.

use super::exponential::{ROUND, power_of_two};
use super::polynomial;

/// Of `(ln(1 + f) - f + f^2 / 2) / f^3`.
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

/// `x = 2^e (1 + f)` with `sqrt(1/2) <= 1 + f < sqrt(2)`, for a normal positive `x`.
fn split(x: f32) -> (f32, f32) {
    let bits = x.to_bits().wrapping_add(0x004a_fb0d);
    let f = f32::from_bits((bits & 0x007f_ffff) + 0x3f35_04f3) - 1.0;
    (f, (bits >> 23) as f32 - 127.0)
}

/// `ln(1 + f) + e ln 2`.
fn ln_of_parts(f: f32, e: f32) -> f32 {
    let z = f * f;
    let y = (f * z * polynomial(f, &LN) - e * 2.121_944_4e-4) - 0.5 * z;
    (f + y) + e * (355.0 / 512.0)
}

/// The natural logarithm: negative infinity for a zero of either sign, NaN for a negative number.
pub fn ln(x: f32) -> f32 {
    if x < 0.0 {
        f32::NAN
    } else if x == 0.0 {
        f32::NEG_INFINITY
    } else if x < f32::MIN_POSITIVE {
        let (f, e) = split(x * 8_388_608.0);
        ln_of_parts(f, e - 23.0)
    } else if x < f32::INFINITY {
        let (f, e) = split(x);
        ln_of_parts(f, e)
    } else {
        x
    }
}

/// `ln(1 + x)`: `x` itself where `|x| < 2^-25`, negative infinity for -1, NaN below.
pub fn log1p(x: f32) -> f32 {
    if x < -1.0 {
        f32::NAN
    } else if x == -1.0 {
        f32::NEG_INFINITY
    } else if x.abs() < 2.980_232_2e-8 {
        x
    } else if x < f32::INFINITY {
        let u = 1.0 + x;
        let (f, e) = split(u);
        // What the addition lost, exactly; for a large x it does not matter.
        let v = u - 1.0;
        let lost = (1.0 - (u - v)) + (x - v);
        ln_of_parts(f + if x < 1e9 { lost * power_of_two(ROUND - e) } else { 0.0 }, e)
    } else {
        x
    }
}
