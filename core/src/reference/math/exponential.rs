//! Functions made of `e^x`.

use super::{polynomial, with_sign_of};

/// 1.5 * 2^23: adding it rounds a small number to an integer, which then stands in the low bits.
pub(super) const ROUND: f32 = 12_582_912.0;

/// Of `(e^r - 1 - r) / r^2`, `|r| <= ln(2) / 2`.
const EXP: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1];

/// `2^n` for `rounded = n + ROUND`.
pub(super) fn power_of_two(rounded: f32) -> f32 {
    f32::from_bits((rounded.to_bits() << 23).wrapping_add(0x3f80_0000))
}

/// `x = n ln 2 + (high + low)`: the integer nearest to `x / ln 2`, and what is left of `x`.
fn reduce(x: f32) -> (f32, f32, f32) {
    let n = (x * core::f32::consts::LOG2_E + ROUND) - ROUND;
    (n, x - n * (355.0 / 512.0), n * 2.121_944_4e-4)
}

/// A NaN stays one.
fn clamp(x: f32, low: f32) -> f32 {
    let x = if low > x { low } else { x };
    if 89.0 < x { 89.0 } else { x }
}

/// `y * 2^n`, in two steps since `2^n` itself may be no normal number.
fn scale(y: f32, n: f32) -> f32 {
    let half = n * 0.5 + ROUND;
    let rest = (n - (half - ROUND)) + ROUND;
    y * power_of_two(half) * power_of_two(rest)
}

/// `e^x`, at most 2 ULP from the true value; gradual underflow, infinity above 88.73, NaN for a NaN.
pub fn exp(x: f32) -> f32 {
    let (n, high, low) = reduce(clamp(x, -104.0));
    let r = high + low;
    scale((polynomial(r, &EXP) * (r * r) + r) + 1.0, n)
}

/// `e^(x + rest)` for a `rest` much smaller than 1, as [`exp`] but with what its roundings lose added again: at most
/// 0.7 ULP from the true value in the normal range.
pub fn exp_of_sum(x: f32, rest: f32) -> f32 {
    let (n, high, low) = reduce(clamp(x, -104.0));
    let low = low + rest;
    let r = high + low;
    let lost = (high - r) + low;
    let y = 1.0 + r;
    scale(y + ((r - (y - 1.0)) + (polynomial(r, &EXP) * (r * r) + lost)), n)
}

/// `e^x - 1`: `x` itself below `2^-25`, -1 from -17.33 down, infinity above 88.73.
pub fn expm1(x: f32) -> f32 {
    if x.abs() < 2.980_232_2e-8 {
        return x;
    }
    let (n, high, low) = reduce(clamp(x, -18.0));
    let r = high + low;
    let lost = (high - r) + low;
    // Half of the result, since 2^n may overflow: 2^(n-1) (1 + r + ..) - 1/2.
    let half = power_of_two(n + (ROUND - 1.0));
    let (a, b) = (half - 0.5, half * r);
    let y = a + b;
    2.0 * (y + ((b - (y - a)) + half * (polynomial(r, &EXP) * (r * r) + lost)))
}

/// `1 / (1 + e^-x)`, computed as `e^x / (1 + e^x)` for a negative `x`; then what the sum lost is made good.
pub fn sigmoid(x: f32) -> f32 {
    let e = exp_of_sum(-x.abs(), 0.0);
    let sum = 1.0 + e;
    let lost = e - (sum - 1.0);
    if x < 0.0 {
        let y = e / sum;
        y - y * (lost * (1.0 - y))
    } else {
        let y = 1.0 / sum;
        y - y * (lost * y)
    }
}

/// The hyperbolic tangent: a polynomial below 0.625, `1 - 2 / (e^2|x| + 1)` with the sign of `x` from there on.
pub fn tanh(x: f32) -> f32 {
    let a = x.abs();
    let z = a * a;
    let p = polynomial(z, &[-5.704_988_7e-3, 2.063_909e-2, -5.373_971_6e-2, 1.333_144_2e-1, -3.333_328e-1]);
    let y = if a < 0.625 { a + a * (z * p) } else { 1.0 - 2.0 / (exp(a + a) + 1.0) };
    with_sign_of(x, y)
}
