//! The `f64` arithmetic of what is computed once a call: step sizes, bounds of initial weights.
//!
//! Microcontrollers have no instructions for it, and the compiler's functions take 4 KB of flash: there it is done by
//! `soft.rs`, in 1 KB and with the same bits.
//!
//! No argument is negative (but a zero may be), infinite or NaN, and no result overflows. What lies below the normal
//! numbers may be taken for 0: wherever it could come up (powers of a decay), it is then subtracted from 1.

mod soft;

use crate::machine::target::MICROCONTROLLER;

/// `x` as `f64`, exactly.
#[inline(always)]
pub(crate) const fn wide(x: f32) -> f64 {
    if MICROCONTROLLER { f64::from_bits(soft::wide(x)) } else { x as f64 }
}

/// `n` as `f64`, rounded.
#[inline(always)]
pub(crate) const fn from_usize(n: usize) -> f64 {
    if MICROCONTROLLER { f64::from_bits(soft::round(n as u64, soft::UNIT)) } else { n as f64 }
}

/// The nearest `f32`, of any `x`: refused numbers, too, are reported by it.
#[inline(always)]
pub(crate) const fn narrow(x: f64) -> f32 {
    if MICROCONTROLLER { soft::narrow(x.to_bits()) } else { x as f32 }
}

/// `a * b`
#[inline(always)]
pub(crate) const fn mul(a: f64, b: f64) -> f64 {
    if MICROCONTROLLER { f64::from_bits(soft::mul(a.to_bits(), b.to_bits())) } else { a * b }
}

/// `a / b`
#[inline(always)]
pub(crate) const fn div(a: f64, b: f64) -> f64 {
    if MICROCONTROLLER { f64::from_bits(soft::div(a.to_bits(), b.to_bits())) } else { a / b }
}

/// `1 - x`, which may be negative.
#[inline(always)]
pub(crate) const fn one_minus(x: f64) -> f64 {
    if MICROCONTROLLER { f64::from_bits(soft::one_minus(x.to_bits())) } else { 1.0 - x }
}

/// The square root.
#[inline(always)]
pub(crate) fn sqrt(x: f64) -> f64 {
    if MICROCONTROLLER { f64::from_bits(soft::sqrt(x.to_bits())) } else { libm::sqrt(x) }
}

/// `x ^ n`, from the lowest bit of `n` to the highest: `libm::pow` would be a seventh of a small firmware.
#[inline(never)]
pub(crate) const fn power(mut x: f64, mut n: u32) -> f64 {
    let mut y = 1.0;
    while n > 0 {
        if n & 1 == 1 {
            y = mul(y, x);
        }
        x = mul(x, x);
        n >>= 1;
    }
    y
}

/// `a > b` of any two numbers that are not negative, without a floating-point comparison.
#[inline(always)]
pub(crate) const fn above(a: f64, b: f64) -> bool {
    a.to_bits() as i64 > b.to_bits() as i64
}

/// Whether any `x` is in `[0, 1)`.
#[inline(always)]
pub(crate) const fn is_fraction(x: f64) -> bool {
    x.to_bits() < 1f64.to_bits() || x.to_bits() == (-0f64).to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::philox4x32_10;

    /// A number with a random exponent in the range; often with few bits, or near a power of two.
    fn number(i: u32, which: u32, exponents: core::ops::Range<i32>) -> f64 {
        let [a, b, c, d] = philox4x32_10([i, which, 0, 0], [1, 2]);
        let exponent = exponents.start + (a % (exponents.end - exponents.start) as u32) as i32;
        let mantissa = (u64::from(b) << 32 | u64::from(c)) >> 12;
        let shift = (d >> 8) % 53;
        let mantissa = match d % 4 {
            0 => (mantissa >> shift) << shift,
            1 => mantissa >> shift,                     // just above a power of two
            2 => (mantissa >> shift) ^ ((1 << 52) - 1), // just below the next
            _ => mantissa,
        };
        f64::from_bits(((exponent + 1023) as u64) << 52 | mantissa)
    }

    #[test]
    fn the_soft_operations_have_the_bits_of_the_hard_ones() {
        let same = |what: &str, args: [f64; 2], soft: u64, hard: f64| {
            let soft = f64::from_bits(soft);
            assert!(soft.to_bits() == hard.to_bits(), "{what} {args:?}: {soft:e}, not {hard:e}");
        };
        let edges = [0.0, -0.0, 1.0, 0.5, 2.0, 1.0 - f64::EPSILON / 2.0, 1.0 + f64::EPSILON, 3.0, 1e-150, 1e150];
        let pairs = (0..400_000).map(|i| [number(i, 0, -500..500), number(i, 1, -500..500)]);
        for [a, b] in pairs.chain(edges.iter().flat_map(|a| edges.map(|b| [*a, b]))) {
            same("mul", [a, b], soft::mul(a.to_bits(), b.to_bits()), a * b);
            if b != 0.0 {
                same("div", [a, b], soft::div(a.to_bits(), b.to_bits()), a / b);
            }
            same("sqrt", [a, 0.0], soft::sqrt(a.abs().to_bits()), libm::sqrt(a.abs()));
            same("one_minus", [a, 0.0], soft::one_minus(a.to_bits()), 1.0 - a);
        }
        for i in 0..400_000 {
            let (near, small) = (number(i, 2, -70..70), number(i, 3, -160..-120));
            same("one_minus", [near, 0.0], soft::one_minus(near.to_bits()), 1.0 - near);
            for x in [near, small, -near, -small, number(i, 4, 120..140), number(i, 4, -300..0)] {
                same("narrow", [x, 0.0], f64::from(soft::narrow(x.to_bits())).to_bits(), (x as f32).into());
                let x = x as f32;
                if x >= 0.0 && x.is_finite() {
                    same("wide", [x.into(), 0.0], soft::wide(x), x.into());
                }
            }
            let n = small.to_bits() >> (i % 64);
            same("round", [n as f64, 0.0], soft::round(n, soft::UNIT), n as f64);
        }
        for x in [0.0, -0.0, f64::MAX, f64::MIN_POSITIVE, 16_777_217.0, f32::MAX.into()] {
            same("narrow", [x, 0.0], f64::from(soft::narrow(x.to_bits())).to_bits(), (x as f32).into());
        }
        for x in [f64::INFINITY, f64::NEG_INFINITY, -f64::MAX, 1e-310] {
            same("narrow", [x, 0.0], f64::from(soft::narrow(x.to_bits())).to_bits(), (x as f32).into());
        }
        assert!(soft::narrow(f64::NAN.to_bits()).is_nan());
    }

    #[test]
    fn a_power_too_small_for_a_normal_number_does_not_count() {
        for (x, n) in [(0.9f64, 7000), (0.5, 1070), (0.999, u32::MAX), (0.0, 1), (1e-310, 1), (1.0 - f64::EPSILON, 3)] {
            let (mut y, mut p, mut m) = (1f64.to_bits(), x.to_bits(), n);
            while m > 0 {
                y = if m & 1 == 1 { soft::mul(y, p) } else { y };
                p = soft::mul(p, p);
                m >>= 1;
            }
            assert_eq!(f64::from_bits(soft::one_minus(y)), 1.0 - power(x, n), "{x} ^ {n}");
        }
    }

    #[test]
    fn comparisons() {
        let numbers = [0.0, -0.0, 1e-320, 0.5, 1.0 - f64::EPSILON, 1.0, 2.0, f64::INFINITY];
        for a in numbers {
            assert!(numbers.iter().all(|b| above(a, *b) == (a > *b) || a == *b), "{a}");
            assert_eq!(is_fraction(a), (0.0..1.0).contains(&a), "{a}");
        }
        assert!(![f64::NAN, -f64::NAN, -0.5, -1e-320, f64::NEG_INFINITY].into_iter().any(is_fraction));
    }
}
