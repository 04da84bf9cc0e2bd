//! Many numbers, described by few.

use serde::Serialize;

/// At most so many numbers are kept for the percentiles, evenly spread over each call.
const KEPT_PER_CALL: usize = 1024;
const KEPT: usize = 1 << 15;

/// Some numbers, described.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ValueStats {
    /// How many there were.
    pub count: usize,
    /// Their mean; without those that are not finite, as all that follows.
    pub mean: f64,
    /// Their standard deviation.
    pub std: f64,
    /// The percentiles 5, 15, 50, 85 and 95, of an evenly spread part of them.
    pub percentiles: [f32; 5],
    /// The share of zeros.
    pub zeros: f64,
    /// How many are NaN or infinite.
    pub not_finite: usize,
}

impl ValueStats {
    /// The percentiles that are kept.
    pub const PERCENTILES: [u32; 5] = [5, 15, 50, 85, 95];

    /// The root of the mean square.
    ///
    /// ```
    /// use flatgrad::train::stats::ValueStats;
    /// let stats = ValueStats { mean: 3.0, std: 4.0, ..ValueStats::default() };
    /// assert_eq!(stats.rms(), 5.0);
    /// ```
    pub fn rms(&self) -> f64 {
        self.mean.hypot(self.std)
    }
}

/// Describes numbers as they come.
#[derive(Clone, Debug, Default)]
pub(super) struct Gather {
    count: usize,
    not_finite: usize,
    zeros: usize,
    sum: f64,
    squares: f64,
    kept: Vec<f32>,
}

impl Gather {
    pub(super) fn add(&mut self, values: &[f32]) {
        self.count += values.len();
        for &value in values {
            if value.is_finite() {
                let value = f64::from(value);
                self.sum += value;
                self.squares += value * value;
                self.zeros += usize::from(value == 0.0);
            } else {
                self.not_finite += 1;
            }
        }
        let stride = values.len().div_ceil(KEPT_PER_CALL).max(1);
        let room = KEPT.saturating_sub(self.kept.len());
        self.kept.extend(values.iter().step_by(stride).filter(|value| value.is_finite()).take(room));
    }

    pub(super) fn describe(&self) -> ValueStats {
        let n = (self.count - self.not_finite).max(1) as f64;
        let mean = self.sum / n;
        let mut sorted = self.kept.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let last = sorted.len().saturating_sub(1);
        let percentile = |p: u32| sorted.get((last * p as usize + 50) / 100).copied().unwrap_or(0.0);
        ValueStats {
            count: self.count,
            mean,
            std: (self.squares / n - mean * mean).max(0.0).sqrt(),
            percentiles: ValueStats::PERCENTILES.map(percentile),
            zeros: self.zeros as f64 / n,
            not_finite: self.not_finite,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_has_its_moments_and_percentiles() {
        let mut gather = Gather::default();
        let ramp: Vec<f32> = (0..=1000).map(|i| i as f32).collect();
        gather.add(&ramp[..500]);
        gather.add(&ramp[500..]);
        gather.add(&[f32::NAN, f32::INFINITY]);
        let stats = gather.describe();
        assert_eq!((stats.count, stats.not_finite), (1003, 2));
        assert_eq!(stats.mean, 500.0);
        assert!((stats.std - (1002.0f64 * 1000.0 / 12.0).sqrt()).abs() < 1e-9);
        assert_eq!(stats.percentiles, [50.0, 150.0, 500.0, 850.0, 950.0]);
        assert_eq!(stats.zeros, 1.0 / 1001.0);
    }

    #[test]
    fn nothing_has_no_nan() {
        assert_eq!(Gather::default().describe(), ValueStats::default());
    }
}
