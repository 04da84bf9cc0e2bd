//! Sums, maxima and vector mathematics, one element at a time.

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

/// `e^x`, at most 2 ULP from the true value; gradual underflow, infinity above 88.73, NaN for a NaN.
pub fn exp(x: f32) -> f32 {
    // 1.5 * 2^23: adding it rounds a small number to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let power_of_two = |rounded: f32| f32::from_bits((rounded.to_bits() << 23).wrapping_add(0x3f80_0000));
    let x = if -104.0 > x { -104.0 } else { x };
    let x = if 89.0 < x { 89.0 } else { x };
    let n = (x * core::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (x - n * (355.0 / 512.0)) + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
        p = p * r + c;
    }
    let y = (p * (r * r) + r) + 1.0;
    let half = n * 0.5 + ROUND;
    let rest = (n - (half - ROUND)) + ROUND;
    y * power_of_two(half) * power_of_two(rest)
}

/// The largest element; a NaN is skipped.
pub fn maximum(x: &[f32]) -> f32 {
    x.iter().fold(f32::NEG_INFINITY, |m, &x| if x > m { x } else { m })
}
