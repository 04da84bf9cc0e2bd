//! The range of an axis, linear or logarithmic, with ticks at round numbers.

use super::axis::Scale;
use crate::report::grouped;

/// How far a loss must fall for its axis to be logarithmic.
const LOGARITHMIC_FROM: f64 = 100.0;

/// A range of finite numbers, the second above the first; what lies outside is drawn at the edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::report) struct Span {
    low: f64,
    high: f64,
    scale: Scale,
}

impl Span {
    /// From 0 to a number of steps.
    pub(in crate::report) fn steps(steps: usize) -> Self {
        Self { low: 0.0, high: steps.max(1) as f64, scale: Scale::Counts }
    }

    /// From 0, or the smallest if it is below, to a little above the largest.
    pub(in crate::report) fn from_zero(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = values.into_iter().fold((0.0, 0.0), |(low, high), y| (y.min(low), y.max(high)));
        let high = if high > low { high + 0.06 * (high - low) } else { low + 1.0 };
        Self { low, high, scale: Scale::Linear }
    }

    /// As [`Span::from_zero`], or logarithmic if all numbers are positive and a hundred times apart.
    pub(in crate::report) fn wide(values: &[f64]) -> Self {
        let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = values.iter().copied().fold(0.0, f64::max);
        if smallest > 0.0 && largest / smallest >= LOGARITHMIC_FROM {
            return Self { low: smallest / 1.5, high: largest * 1.5, scale: Scale::Logarithmic };
        }
        Self::from_zero(values.iter().copied())
    }

    /// Logarithmic, around all that are positive; over a power of ten at least.
    pub(in crate::report) fn logarithmic(values: impl Iterator<Item = f64>) -> Self {
        let positive = values.filter(|y| *y > 0.0 && y.is_finite());
        let ends = positive.fold(None, |ends: Option<(f64, f64)>, y| match ends {
            Some((low, high)) => Some((low.min(y), high.max(y))),
            None => Some((y, y)),
        });
        let (low, high) = ends.unwrap_or((0.1, 1.0));
        // A power of ten at least: small changes stay small.
        let room = (10.0 * low / high).sqrt().max(1.5);
        Self { low: low / room, high: high * room, scale: Scale::Logarithmic }
    }

    /// The interesting end of per cents: from a round number below the lowest up to 100.
    pub(in crate::report) fn percent(values: impl IntoIterator<Item = f64>) -> Self {
        let lowest = values.into_iter().fold(100.0, f64::min);
        let spans = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0];
        let span = spans.into_iter().find(|span| lowest >= 100.0 - span).unwrap_or(100.0);
        Self { low: 100.0 - span, high: 100.0, scale: Scale::Linear }
    }

    /// From `low` to `high`, the larger.
    pub(in crate::report) fn exactly(low: f64, high: f64, scale: Scale) -> Self {
        Self { low, high, scale }
    }

    /// A little more than from `low` to `high`; from 0 if that is not far below.
    pub(in crate::report) fn around(low: f64, high: f64, scale: Scale) -> Self {
        match scale {
            Scale::Counts => Self::steps(high.max(1.0) as usize),
            Scale::Logarithmic => {
                let room = (0.05 * (high.ln() - low.ln())).exp().max(1.2);
                Self { low: (low / room).max(f64::MIN_POSITIVE), high: (high * room).min(f64::MAX), scale }
            }
            Scale::Linear if low >= 0.0 && low <= 0.5 * high => Self::from_zero([high]),
            Scale::Linear => {
                let room = 0.06 * if high > low { high - low } else { high.abs().max(1.0) };
                Self { low: low - room, high: high + room, scale }
            }
        }
    }

    pub(in crate::report) fn is_logarithmic(&self) -> bool {
        self.scale == Scale::Logarithmic
    }

    /// At most so many round numbers in the range.
    pub(in crate::report) fn ticks(&self, most: usize) -> Vec<f64> {
        let (low, high) = (self.low, self.high);
        if self.is_logarithmic() {
            let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
            let of = |digits: &[f64], every: usize| -> Vec<f64> {
                let all = powers.clone().rev().step_by(every).flat_map(|p| digits.iter().map(move |d| d * power(p)));
                all.filter(|x| (low..=high).contains(x)).collect()
            };
            let choices = [(&[1.0, 2.0, 5.0][..], 1), (&[1.0, 3.0], 1), (&[1.0], 1)];
            let fits = choices.into_iter().map(|(digits, every)| of(digits, every)).find(|ticks| ticks.len() <= most);
            return fits.unwrap_or_else(|| of(&[1.0], powers.clone().count().div_ceil(most.max(1))));
        }
        let step = self.step(most);
        let (first, last) = ((low / step).ceil() as i64, (high / step * (1.0 + 1e-12)).floor() as i64);
        (first..=last).map(|i| i as f64 * step).collect()
    }

    /// The smallest of 1, 2, 5, 10, ... that leaves at most so many ticks.
    fn step(&self, most: usize) -> f64 {
        let rough = (self.high - self.low) / most.max(1) as f64;
        let unit = power(rough.log10().floor() as i32);
        let step = [1.0, 2.0, 5.0].map(|digit| digit * unit).into_iter().find(|&step| step >= rough);
        let step = step.unwrap_or(10.0 * unit);
        if self.scale == Scale::Counts { step.max(1.0) } else { step }
    }

    /// From 0 to 1.
    pub(in crate::report) fn part(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        match self.scale {
            Scale::Logarithmic => (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln()),
            _ => (value - self.low) / (self.high - self.low),
        }
    }
}

/// The power of ten, as its decimal is read.
fn power(exponent: i32) -> f64 {
    format!("1e{exponent}").parse().unwrap_or(1.0)
}

impl Span {
    /// A tick's number.
    pub(in crate::report) fn label(&self, value: f64) -> String {
        let size = if self.is_logarithmic() { value } else { self.low.abs().max(self.high) };
        if self.scale == Scale::Counts {
            grouped(value as u64)
        } else if value == 0.0 {
            "0".to_string()
        } else if (1e-3..1e5).contains(&size) {
            trimmed(&format!("{value:.6}")).to_string()
        } else {
            let text = format!("{value:.2e}");
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            format!("{}e{exponent}", trimmed(digits))
        }
    }
}

/// A decimal without zeros at its end.
fn trimmed(decimal: &str) -> &str {
    decimal.trim_end_matches('0').trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Span, most: usize) -> Vec<String> {
        let ticks = axis.ticks(most);
        assert!(ticks.len() <= most + 1, "{axis:?}: {ticks:?}");
        ticks.iter().map(|tick| axis.label(*tick)).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(Span::steps(900), 10), ["0", "100", "200", "300", "400", "500", "600", "700", "800", "900"]);
        assert_eq!(labels(Span::steps(1), 10), ["0", "1"]);
        assert_eq!(
            labels(Span::steps(2_500_000), 5),
            ["0", "500,000", "1,000,000", "1,500,000", "2,000,000", "2,500,000"]
        );
        assert_eq!(labels(Span::from_zero([2.3, 0.5]), 5), ["0", "0.5", "1", "1.5", "2"]);
        assert_eq!(labels(Span::from_zero([1e-3]), 3), ["0", "0.0005", "0.001"]);
        assert_eq!(labels(Span::from_zero([1e-5]), 2), ["0", "1e-5"]);
        assert_eq!(labels(Span::from_zero([-2e7, 1e7]), 4), ["-2e7", "-1e7", "0", "1e7"]);
        assert_eq!(labels(Span::percent([95.56, 97.5]), 5), ["95", "96", "97", "98", "99", "100"]);
        assert_eq!(labels(Span::percent([]), 2), ["99", "99.5", "100"]);
        assert_eq!(labels(Span::wide(&[2.3, 0.02]), 6), ["1", "3", "0.1", "0.3", "0.03"]);
    }

    #[test]
    fn extremes_have_few_ticks() {
        for values in [&[][..], &[0.0], &[1e-300], &[f64::from(f32::MAX), 1e-45], &[-1e300, 1e300], &[1e5, 1e-4]] {
            for most in [1, 3, 6] {
                let axis = Span::wide(values);
                assert!(labels(axis, most).iter().all(|label| label.len() <= 8), "{:?}", labels(axis, most));
            }
        }
    }

    #[test]
    fn what_lies_outside_is_at_the_edge() {
        let axis = Span::wide(&[1.0, 1e4]);
        assert!(axis.is_logarithmic());
        assert_eq!([0.0, 1e9].map(|x| axis.part(x)), [0.0, 1.0]);
        // A logarithm is rounded.
        assert!((axis.part(100.0) - 0.5).abs() < 1e-12, "{}", axis.part(100.0));
    }
}
