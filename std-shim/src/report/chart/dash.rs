//! The strokes of a dashed line.

use super::surface::Point;

/// The pieces of a line that are drawn: `pattern` has the lengths of strokes and gaps in turn. Without a pattern, the
/// line itself.
pub(in crate::report) fn strokes(points: &[Point], pattern: &[f64]) -> Vec<Vec<Point>> {
    if pattern.iter().sum::<f64>() <= 0.0 {
        return vec![points.to_vec()];
    }
    let mut lengths = pattern.iter().copied().cycle();
    let (mut left, mut drawn) = (lengths.next().unwrap_or_default(), true);
    let mut pieces = vec![points.first().copied().into_iter().collect::<Vec<_>>()];
    for ends in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (ends[0], ends[1]);
        let length = (x1 - x0).hypot(y1 - y0);
        let at = |along: f64| (x0 + (x1 - x0) * along / length, y0 + (y1 - y0) * along / length);
        let mut along = 0.0;
        while length - along > left {
            along += left;
            match (drawn, pieces.last_mut()) {
                (true, Some(piece)) => piece.push(at(along)),
                _ => pieces.push(vec![at(along)]),
            }
            (left, drawn) = (lengths.next().unwrap_or_default(), !drawn);
        }
        left -= length - along;
        if let (true, Some(piece)) = (drawn, pieces.last_mut()) {
            piece.push((x1, y1));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_goes_on_around_corners() {
        let corner = [(0.0, 0.0), (5.0, 0.0), (5.0, 5.0)];
        let pieces = strokes(&corner, &[3.0, 1.0]);
        let expected =
            [vec![(0.0, 0.0), (3.0, 0.0)], vec![(4.0, 0.0), (5.0, 0.0), (5.0, 2.0)], vec![(5.0, 3.0), (5.0, 5.0)]];
        assert_eq!(pieces, expected);
        assert_eq!(strokes(&corner, &[]), [corner.to_vec()]);
        assert_eq!(strokes(&[(1.0, 1.0), (1.0, 1.0)], &[3.0, 1.0]), [vec![(1.0, 1.0), (1.0, 1.0)]]);
    }
}
