//! Many numbers, described by few.

use serde::{Deserialize, Serialize};

/// At most so many numbers are kept for percentiles and histograms, evenly spread over each call.
const KEPT_PER_CALL: usize = 1024;
const KEPT: usize = 1 << 15;

/// Sums that are taken side by side.
const LANES: usize = 8;

/// Parts of a histogram.
const BINS: usize = 30;

/// Some numbers, described.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ValueStats {
    /// How many there were.
    pub count: usize,
    /// Their mean; without those that are not finite, as all that follows.
    pub mean: f64,
    /// Their standard deviation.
    pub std: f64,
    /// The percentiles 5, 15, 50, 85 and 95, of an evenly spread part of them.
    pub percentiles: [f32; 5],
    /// How they are spread, of the same part.
    pub histogram: Histogram,
    /// The share of zeros.
    pub zeros: f64,
    /// How many are NaN or infinite.
    pub not_finite: usize,
}

/// How many numbers lie where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The smallest number.
    pub low: f32,
    /// The largest number.
    pub high: f32,
    /// How many are in each of 30 equal parts of this range, from the lowest on; one part if all are equal, none
    /// without numbers.
    pub counts: Vec<u32>,
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

impl Histogram {
    /// Of numbers in ascending order, all finite.
    fn of(sorted: &[f32]) -> Self {
        let [Some(&low), Some(&high)] = [sorted.first(), sorted.last()] else { return Self::default() };
        let (start, width) = (f64::from(low), f64::from(high) - f64::from(low));
        let mut counts = vec![0; if width > 0.0 { BINS } else { 1 }];
        for &value in sorted {
            let part = ((f64::from(value) - start) / width * BINS as f64) as usize;
            let last = counts.len() - 1;
            counts[part.min(last)] += 1;
        }
        Self { low, high, counts }
    }

    /// The upper end of a part.
    ///
    /// ```
    /// use flatgrad::train::stats::Histogram;
    /// let histogram = Histogram { low: -1.0, high: 1.0, counts: vec![3, 0, 0, 1] };
    /// assert_eq!([0, 3].map(|part| histogram.limit(part)), [-0.5, 1.0]);
    /// ```
    pub fn limit(&self, part: usize) -> f64 {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        low + (high - low) * (part + 1) as f64 / self.counts.len().max(1) as f64
    }
}

/// Describes numbers as they come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Gather {
    count: usize,
    not_finite: usize,
    zeros: usize,
    sum: f64,
    squares: f64,
    /// In a checkpoint it is a row of its own.
    #[serde(skip)]
    pub(super) kept: Vec<f32>,
}

impl Gather {
    pub(super) fn add(&mut self, values: &[f32]) {
        self.count += values.len();
        let mut lanes = [Lane::default(); LANES];
        let (rows, rest) = values.as_chunks::<LANES>();
        for row in rows {
            lanes.iter_mut().zip(row).for_each(|(lane, &value)| lane.add(value));
        }
        lanes.iter_mut().zip(rest).for_each(|(lane, &value)| lane.add(value));
        for lane in lanes {
            self.sum += lane.sum;
            self.squares += lane.squares;
            self.zeros += lane.zeros;
            self.not_finite += lane.not_finite;
        }
        let stride = values.len().div_ceil(KEPT_PER_CALL).max(1);
        let room = KEPT.saturating_sub(self.kept.len());
        let kept = values.chunks(stride).zip(0u32..).filter_map(|(values, i)| values.get(place(i, values.len())));
        self.kept.extend(kept.filter(|value| value.is_finite()).take(room));
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
            histogram: Histogram::of(&sorted),
            zeros: self.zeros as f64 / n,
            not_finite: self.not_finite,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Sums over every eighth number: eight additions need not wait for each other.
#[derive(Clone, Copy, Default)]
struct Lane {
    sum: f64,
    squares: f64,
    zeros: usize,
    not_finite: usize,
}

impl Lane {
    fn add(&mut self, value: f32) {
        let is_finite = value.is_finite();
        let number = if is_finite { f64::from(value) } else { 0.0 };
        self.sum += number;
        self.squares += number * number;
        self.zeros += usize::from(value == 0.0);
        self.not_finite += usize::from(!is_finite);
    }
}

/// Which of `len` numbers stands for the chunk `i`: now this, now that one, as multiples of the golden ratio have it.
/// At equal distances, all could be of one column of the images.
const fn place(i: u32, len: usize) -> usize {
    let part = i.wrapping_mul(0x9e37_79b9) as u64;
    ((part * len as u64) >> 32) as usize
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
        let Histogram { low, high, counts } = &stats.histogram;
        assert_eq!((*low, *high, counts.len(), counts.iter().sum::<u32>()), (0.0, 1000.0, 30, 1001));
        assert!(counts.iter().all(|count| (33..=35).contains(count)), "{counts:?}");
    }

    #[test]
    fn the_kept_part_is_of_all_columns() {
        for width in [2, 3, 7, 8, 16, 28, 64] {
            let mut gather = Gather::default();
            let columns: Vec<f32> = (0..100_000).map(|i| if i % width == 0 { 0.0 } else { 1.0 }).collect();
            gather.add(&columns);
            let counts = gather.describe().histogram.counts;
            let share = f64::from(counts[0]) * width as f64 / f64::from(counts.iter().sum::<u32>());
            assert!((0.75..1.33).contains(&share), "{width}: {share}");
        }
    }

    #[test]
    fn equal_numbers_and_numbers_far_apart_have_histograms() {
        let of = |values: &[f32]| {
            let mut gather = Gather::default();
            gather.add(values);
            gather.describe().histogram
        };
        assert_eq!(of(&[2.5; 7]), Histogram { low: 2.5, high: 2.5, counts: vec![7] });
        let far = of(&[f32::MIN, 0.0, f32::MAX]);
        assert_eq!((far.counts[0], far.counts[15], far.counts[29]), (1, 1, 1));
        assert_eq!(far.limit(29), f64::from(f32::MAX));
    }

    #[test]
    fn nothing_has_no_nan() {
        assert_eq!(Gather::default().describe(), ValueStats::default());
    }
}
