//! Fewer points, where more could not be told apart.

/// Points of a curve are at most twice as many.
const MOST: usize = 600;

/// Points in a row, without a gap.
pub(super) type Line = Vec<(f64, f64)>;

/// The smallest and the largest of each of at most [`MOST`] runs of steps, in their order: no peak is lost.
pub(super) fn peaks(values: &[f64]) -> Vec<Line> {
    let run = values.len().div_ceil(MOST).max(1);
    let points = values.chunks(run).enumerate().flat_map(|(i, values)| {
        let points =
            || values.iter().enumerate().map(|(j, &y)| ((i * run + j + 1) as f64, y)).filter(|p| p.1.is_finite());
        let smallest = points().min_by(|a, b| a.1.total_cmp(&b.1));
        let largest = points().max_by(|a, b| a.1.total_cmp(&b.1));
        let (Some(a), Some(b)) = (smallest, largest) else { return vec![((i * run + 1) as f64, f64::NAN)] };
        if a == b { vec![a] } else { vec![if a.0 < b.0 { a } else { b }, if a.0 < b.0 { b } else { a }] }
    });
    lines(points)
}

/// The first value, and the last of each of at most [`MOST`] runs of steps.
pub(super) fn ends(values: &[f64]) -> Vec<Line> {
    let run = values.len().div_ceil(MOST).max(1);
    let ends = values.chunks(run).enumerate().filter_map(|(i, v)| Some(((i * run + v.len()) as f64, *v.last()?)));
    let first = values.first().filter(|_| run > 1).map(|&y| (1.0, y));
    lines(first.into_iter().chain(ends))
}

/// The lines between the gaps: numbers that are not finite.
pub(super) fn lines(points: impl IntoIterator<Item = (f64, f64)>) -> Vec<Line> {
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

    #[test]
    fn thinning_keeps_peaks_and_ends() {
        let mut values = vec![1.0; 100_000];
        (values[31_415], values[31_416]) = (9.0, -9.0);
        let [line] = &peaks(&values)[..] else { panic!("one line") };
        assert!(line.len() <= 2 * MOST && line.contains(&(31_416.0, 9.0)) && line.contains(&(31_417.0, -9.0)));
        assert!(line.is_sorted_by(|a, b| a.0 < b.0));
        let values: Vec<f64> = (1..=2345).map(f64::from).collect();
        let [line] = &ends(&values)[..] else { panic!("one line") };
        assert_eq!((line[0], line[1], line.last().unwrap()), ((1.0, 1.0), (4.0, 4.0), &(2345.0, 2345.0)));
        assert_eq!(ends(&[5.0, 6.0]), [[(1.0, 5.0), (2.0, 6.0)]]);
    }

    #[test]
    fn what_is_not_finite_is_a_gap() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let expected = vec![vec![(2.0, 1.0)], vec![(4.0, 2.0), (5.0, 3.0)]];
        for thin in [peaks, ends] {
            assert_eq!(thin(&[nan, 1.0, inf, 2.0, 3.0, -inf]), expected);
            assert!(thin(&[]).is_empty() && thin(&[nan; 2000]).is_empty());
        }
    }
}
