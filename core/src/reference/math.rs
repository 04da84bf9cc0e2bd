//! Sums, maxima and vector mathematics, one element at a time.

mod exponential;
mod logarithm;
mod normal;

pub use exponential::{exp, exp_of_sum, expm1, sigmoid, tanh};
pub use logarithm::{ln, log1p};
pub use normal::{erf, gaussian, scaled_tail};

/// The sum of a contiguous run: element `i` into virtual lane `i mod 16`, then the lanes joined 8, 4, 2, 1 apart.
pub fn sum(x: impl IntoIterator<Item = f32>) -> f32 {
    let mut lanes = [0.0f32; 16];
    for (i, v) in x.into_iter().enumerate() {
        lanes[i % 16] += v;
    }
    for half in [8, 4, 2, 1] {
        for l in 0..half {
            lanes[l] += lanes[l + half];
        }
    }
    lanes[0]
}

/// The largest element; a NaN is skipped.
pub fn maximum(x: &[f32]) -> f32 {
    x.iter().fold(f32::NEG_INFINITY, |m, &x| if x > m { x } else { m })
}

/// `1 / sqrt(x)`: a square root and a division, each correctly rounded.
pub fn rsqrt(x: f32) -> f32 {
    1.0 / libm::sqrtf(x)
}

/// `p[0] x^n + .. + p[n]` by Horner's rule, each step a multiplication and an addition.
fn polynomial(x: f32, p: &[f32]) -> f32 {
    p.iter().fold(0.0, |y, c| y * x + c)
}

/// `y` with the sign of `x`, for a `y` without one.
fn with_sign_of(x: f32, y: f32) -> f32 {
    f32::from_bits(y.to_bits() | (x.to_bits() & 0x8000_0000))
}
