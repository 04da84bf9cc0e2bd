//! Logarithms, sine and cosine of single numbers, made of basic operations. The functions of a library may give other
//! bits in its next version; the square root may not, because it is correctly rounded.

mod divide;
pub(crate) mod double;

pub(crate) use divide::{ceil_div, nonzero};

/// The natural logarithm of a sum of exponentials: `x` is at least 1, or NaN. FreeBSD's `e_logf.c`, without its
/// special cases.
pub(crate) fn ln_of_sum(x: f32) -> f32 {
    if !x.is_finite() {
        return x;
    }
    // x = 2^k (1 + f), with sqrt(1/2) <= 1 + f < sqrt(2).
    const SQRT_HALF: u32 = 0x3f35_04f3;
    let bits = x.to_bits().wrapping_add(0x3f80_0000 - SQRT_HALF);
    let k = (bits >> 23) as f32 - 127.0;
    let f = f32::from_bits((bits & 0x007f_ffff) + SQRT_HALF) - 1.0;
    let s = f / (2.0 + f);
    let (z, h) = (s * s, 0.5 * f * f);
    let w = z * z;
    let r = z * (0.666_666_6 + w * 0.284_987_87) + w * (0.400_009_7 + w * 0.242_790_79);
    s * (h + r) + k * 9.058_001e-6 - h + f + k * 0.693_138_1
}

/// The natural logarithm of a number in `(0, 1]`, within 1 ULP or so.
///
/// `x = 2^k (1 + f)` with `sqrt(1/2) <= 1 + f < sqrt(2)`, and `ln(1 + f) = 2 (s + s^3 / 3 + s^5 / 5 + ..)` with
/// `s = f / (2 + f)`.
pub(crate) fn ln(x: f64) -> f64 {
    const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    // The upper part of ln 2 has 20 zeros at its end, so that its product with k is exact.
    const LN_2: [f64; 2] = [f64::from_bits(0x3fe6_2e42_fee0_0000), f64::from_bits(0x3dea_39ef_3579_3c76)];
    let bits = x.to_bits().wrapping_add(0x3ff0_0000_0000_0000 - SQRT_HALF);
    let k = (bits >> 52) as f64 - 1023.0;
    let f = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) + SQRT_HALF) - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let mut series = 0.0;
    let mut n = 21.0;
    while n > 1.0 {
        series = z * (series + 2.0 / n);
        n -= 2.0;
    }
    // 2 s = f - s f, and f is exact.
    f - s * (f - series) + k * LN_2[1] + k * LN_2[0]
}

/// Sine and cosine of `2 pi turn / 2^32`, within 1 ULP or so.
///
/// The nearest quarter turn is taken off, which is exact in integers; Taylor's series serve the rest, up to `pi / 4`.
pub(crate) fn sin_cos(turn: u32) -> [f64; 2] {
    let quarters = turn.wrapping_add(1 << 29) >> 30;
    let x = turn.wrapping_sub(quarters << 30) as i32 as f64 * (core::f64::consts::TAU / 4_294_967_296.0);
    let z = x * x;
    // 1 - z / 2 (1 - z / 12 (1 - ..)), and the same of x - x^3 / 6 + ..
    let (mut sin, mut cos) = (0.0, 0.0);
    let mut n = 18.0;
    while n > 0.0 {
        cos = (1.0 - cos) * z / (n * (n - 1.0));
        sin = (1.0 - sin) * z / (n * (n + 1.0));
        n -= 2.0;
    }
    let (sin, cos) = (x - x * sin, 1.0 - cos);
    match quarters & 3 {
        0 => [sin, cos],
        1 => [cos, -sin],
        2 => [-sin, -cos],
        _ => [-cos, sin],
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    /// The distance in units of the last place of `want`.
    fn ulps(got: f64, want: f64) -> f64 {
        let unit = f64::from_bits(want.abs().to_bits() + 1) - want.abs();
        (got - want).abs() / unit
    }

    /// Numbers all over, from a Weyl sequence; the edges first.
    fn words() -> impl Iterator<Item = u32> {
        [0, 1, 2, u32::MAX, 1 << 29, (1 << 29) - 1, 1 << 30, 3 << 29, 1 << 31, (1 << 31) + 1]
            .into_iter()
            .chain((1..400_000u32).map(|i| i.wrapping_mul(0x9e37_79b9)))
    }

    #[test]
    fn logarithms_are_the_library_s() {
        for word in words() {
            let x = 1.0 + word as f32 / (1u32 << (word % 32)) as f32;
            assert_eq!(ln_of_sum(x).to_bits(), libm::logf(x).to_bits(), "{x}");
            let u = (word as f64 + 1.0) / 4_294_967_296.0;
            let (got, want) = (ln(u), libm::log(u));
            assert!(got == want || ulps(got, want) < 2.0, "ln {u}: {got}, {want}");
        }
        assert!(ln_of_sum(f32::NAN).is_nan());
        assert_eq!((ln(1.0), ln_of_sum(1.0)), (0.0, 0.0));
    }

    #[test]
    fn sine_and_cosine_are_near_the_library_s() {
        for word in words() {
            let [sin, cos] = sin_cos(word);
            let t = core::f64::consts::TAU * (word as f64 / 4_294_967_296.0);
            // The library's argument is rounded: by up to 5e-16 near a whole turn.
            assert!((sin - libm::sin(t)).abs() < 7e-16 && (cos - libm::cos(t)).abs() < 7e-16, "{word}");
            assert!((sin * sin + cos * cos - 1.0).abs() < 5e-16, "{word}");
        }
        assert_eq!([0, 1 << 30, 1 << 31, 3 << 30].map(sin_cos), [[0.0, 1.0], [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0]]);
    }
}
