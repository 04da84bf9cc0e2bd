//! What is drawn on: the same strokes for SVG and for pixels.

use super::style::{Ink, Marker};

/// To the right and down, in units.
pub(in crate::report) type Point = (f64, f64);

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::report) struct Stroke {
    pub(in crate::report) ink: Ink,
    pub(in crate::report) width: f64,
    /// From 0 to 1.
    pub(in crate::report) opacity: f64,
    /// Lengths of strokes and gaps in turn; empty for a line without gaps.
    pub(in crate::report) dash: &'static [f64],
}

impl Stroke {
    pub(in crate::report) const fn new(ink: Ink, width: f64) -> Self {
        Self { ink, width, opacity: 1.0, dash: &[] }
    }
}

/// Which end of a text is at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text is written; its place is the middle of its height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::report) struct Letters {
    pub(in crate::report) anchor: Anchor,
    pub(in crate::report) bold: bool,
    /// Upwards.
    pub(in crate::report) turned: bool,
}

impl Letters {
    pub(in crate::report) const fn new(anchor: Anchor) -> Self {
        Self { anchor, bold: false, turned: false }
    }
    pub(in crate::report) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }
}

/// Room for a letter: a little more than it takes.
pub(in crate::report) const LETTER: f64 = 7.6;

/// Room for a text.
pub(in crate::report) fn room(text: &str) -> f64 {
    text.chars().count() as f64 * LETTER
}

/// A picture in the making; what comes later lies on top.
pub(in crate::report) trait Surface {
    fn line(&mut self, points: &[Point], stroke: Stroke);
    /// A convex polygon.
    fn polygon(&mut self, corners: &[Point], ink: Ink, opacity: f64);
    /// Between two lines over the same places: left to right, each with the upper and the lower height.
    fn band(&mut self, edges: &[(f64, f64, f64)], ink: Ink, opacity: f64);
    fn disc(&mut self, center: Point, radius: f64, ink: Ink);
    fn text(&mut self, at: Point, text: &str, letters: Letters);

    fn block(&mut self, (x0, y0): Point, (x1, y1): Point, ink: Ink, opacity: f64) {
        self.polygon(&[(x0, y0), (x1, y0), (x1, y1), (x0, y1)], ink, opacity);
    }

    fn mark(&mut self, (x, y): Point, marker: Marker, ink: Ink) {
        let place = |corners: &[Point]| corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect::<Vec<_>>();
        match marker {
            Marker::Circle => self.disc((x, y), 3.2, ink),
            Marker::Square => self.block((x - 3.0, y - 3.0), (x + 3.0, y + 3.0), ink, 1.0),
            Marker::Diamond => self.polygon(&place(&[(0.0, -4.6), (4.6, 0.0), (0.0, 4.6), (-4.6, 0.0)]), ink, 1.0),
            Marker::Up => self.polygon(&place(&[(0.0, -4.4), (4.2, 3.4), (-4.2, 3.4)]), ink, 1.0),
            Marker::Down => self.polygon(&place(&[(-4.2, -3.4), (4.2, -3.4), (0.0, 4.4)]), ink, 1.0),
            Marker::Cross => {
                for ends in [[(-3.4, -3.4), (3.4, 3.4)], [(-3.4, 3.4), (3.4, -3.4)]] {
                    self.line(&place(&ends), Stroke::new(ink, 2.0));
                }
            }
        }
    }
}
