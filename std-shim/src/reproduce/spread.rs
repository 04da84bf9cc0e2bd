//! Several runs as one curve.

use crate::report::chart::Series;

/// A curve has about so many points.
const POINTS: usize = 150;

/// Every so many values, with their numbers counted from 1; the first and the last among them.
pub(super) fn sampled(values: &[f64]) -> Vec<(f64, f64)> {
    let every = values.len().div_ceil(POINTS).max(1);
    let taken = |i: usize| i == 0 || (i + 1).is_multiple_of(every) || i + 1 == values.len();
    values.iter().enumerate().filter(|&(i, _)| taken(i)).map(|(i, &y)| ((i + 1) as f64, y)).collect()
}

/// The mean of several runs' curves over the same places, with a band from the smallest to the largest. A curve that
/// ends early counts as far as it goes.
pub(super) fn series(index: usize, name: &str, runs: &[Vec<(f64, f64)>]) -> Series {
    let longest = runs.iter().max_by_key(|run| run.len()).cloned().unwrap_or_default();
    let at = |i: usize| -> Vec<f64> { runs.iter().filter_map(|run| run.get(i)).map(|point| point.1).collect() };
    let places = || longest.iter().map(|point| point.0).enumerate();
    let points = places().map(|(i, x)| (x, mean(&at(i)))).collect();
    let band = match runs.len() {
        0 | 1 => Vec::new(),
        _ => places().map(|(i, x)| (x, least(&at(i)), most(&at(i)))).collect(),
    };
    Series { band, ..Series::new(index, name, points) }
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

pub(super) fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

pub(super) fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// The number below which `share` of the values are, from 0 to 1; of the sorted values, between two of them linearly.
pub(super) fn percentile(sorted: &[f32], share: f64) -> f64 {
    let place = share * (sorted.len().saturating_sub(1)) as f64;
    let of = |i: usize| sorted.get(i).map_or(f64::NAN, |&value| f64::from(value));
    let (low, high) = (of(place.floor() as usize), of(place.ceil() as usize));
    low + (high - low) * place.fract()
}

/// The mean and, of several values, from where to where they are.
pub(super) fn text(values: &[f64], digits: usize) -> String {
    match values {
        [] => "-".to_string(),
        [one] => format!("{one:.digits$}"),
        _ => format!("{:.digits$} ({:.digits$} to {:.digits$})", mean(values), least(values), most(values)),
    }
}

/// [`text`] of numbers that may be infinite, and what that means.
pub(super) fn text_or(values: &[f64], digits: usize, infinite: &str) -> String {
    match values.iter().filter(|value| !value.is_finite()).count() {
        0 => text(values, digits),
        lost => format!("{infinite} in {lost} of {}", values.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_the_mean_of_runs_as_far_as_they_go() {
        let runs = [vec![(1.0, 2.0), (2.0, 3.0)], vec![(1.0, 4.0)]];
        let series = series(0, "two", &runs);
        assert_eq!(series.points, [(1.0, 3.0), (2.0, 3.0)]);
        assert_eq!(series.band, [(1.0, 2.0, 4.0), (2.0, 3.0, 3.0)]);
    }

    #[test]
    fn samples_have_both_ends() {
        let values: Vec<f64> = (1..=1000).map(f64::from).collect();
        let points = sampled(&values);
        assert!(points.len() <= POINTS + 2 && points.iter().all(|(x, y)| x == y));
        assert_eq!((points[0].0, points[points.len() - 1].0), (1.0, 1000.0));
    }

    #[test]
    fn percentiles_lie_between_values() {
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|share| percentile(&[1.0, 2.0, 4.0], share)), [1.0, 1.5, 2.0, 4.0]);
    }
}
