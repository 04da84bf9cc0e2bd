//! Fewer points, where more could not be told apart.

/// Points of a curve are at most twice as many.
const MOST: usize = 600;

/// Points in a row, without a gap.
pub(in crate::report) type Line = Vec<(f64, f64)>;

/// The smallest and the largest of each of at most [`MOST`] runs of points, in their order: no peak is lost.
pub(in crate::report) fn peaks(points: &[(f64, f64)]) -> Vec<Line> {
    let run = points.len().div_ceil(MOST).max(1);
    let thinned = points.chunks(run).flat_map(|run| {
        let finite = || run.iter().copied().filter(|p| p.1.is_finite());
        let smallest = finite().min_by(|a, b| a.1.total_cmp(&b.1));
        let largest = finite().max_by(|a, b| a.1.total_cmp(&b.1));
        let (Some(a), Some(b)) = (smallest, largest) else { return vec![(0.0, f64::NAN)] };
        if a == b { vec![a] } else { vec![if a.0 < b.0 { a } else { b }, if a.0 < b.0 { b } else { a }] }
    });
    lines(thinned)
}

/// The first point, and the last of each of at most [`MOST`] runs of points.
pub(in crate::report) fn ends(points: &[(f64, f64)]) -> Vec<Line> {
    let run = points.len().div_ceil(MOST).max(1);
    let first = points.first().filter(|_| run > 1);
    lines(first.into_iter().chain(points.chunks(run).filter_map(|run| run.last())).copied())
}

/// The lowest and the highest of each of at most [`MOST`] runs of a band's places, at their middle.
pub(in crate::report) fn band(places: &[(f64, f64, f64)]) -> Vec<(f64, f64, f64)> {
    let run = places.len().div_ceil(MOST).max(1);
    let middle = |run: &[(f64, f64, f64)]| {
        let (low, high) =
            run.iter().fold((f64::NAN, f64::NAN), |ends, place| (ends.0.min(place.1), ends.1.max(place.2)));
        run.get(run.len() / 2).map(|place| (place.0, low, high))
    };
    places.chunks(run).filter_map(middle).collect()
}

/// The lines between the gaps: numbers that are not finite.
pub(in crate::report) fn lines(points: impl IntoIterator<Item = (f64, f64)>) -> Vec<Line> {
    let mut lines = vec![Vec::new()];
    for (x, y) in points {
        match lines.last_mut() {
            Some(line) if y.is_finite() => line.push((x, y)),
            _ => lines.push(Vec::new()),
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(values: &[f64]) -> Vec<(f64, f64)> {
        values.iter().zip(1..).map(|(&y, x)| (f64::from(x), y)).collect()
    }

    #[test]
    fn thinning_keeps_peaks_and_ends() {
        let mut values = vec![1.0; 100_000];
        (values[31_415], values[31_416]) = (9.0, -9.0);
        let [line] = &peaks(&numbered(&values))[..] else { panic!("one line") };
        assert!(line.len() <= 2 * MOST && line.contains(&(31_416.0, 9.0)) && line.contains(&(31_417.0, -9.0)));
        assert!(line.is_sorted_by(|a, b| a.0 < b.0));
        let values: Vec<f64> = (1..=2345).map(f64::from).collect();
        let [line] = &ends(&numbered(&values))[..] else { panic!("one line") };
        assert_eq!((line[0], line[1], line.last().unwrap()), ((1.0, 1.0), (4.0, 4.0), &(2345.0, 2345.0)));
        assert_eq!(ends(&numbered(&[5.0, 6.0])), [[(1.0, 5.0), (2.0, 6.0)]]);
    }

    #[test]
    fn what_is_not_finite_is_a_gap() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let expected = vec![vec![(2.0, 1.0)], vec![(4.0, 2.0), (5.0, 3.0)]];
        for thin in [peaks, ends] {
            assert_eq!(thin(&numbered(&[nan, 1.0, inf, 2.0, 3.0, -inf])), expected);
            assert!(thin(&[]).is_empty() && thin(&numbered(&[nan; 2000])).is_empty());
        }
    }
}
