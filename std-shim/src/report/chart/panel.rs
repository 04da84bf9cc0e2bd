//! Curves on a pair of axes.

use super::span::Span;
use super::style::{Ink, Marker, Style};
use super::surface::{Anchor, LETTER, Letters, Point, Stroke, Surface, room};
use super::thin::Line;

/// More points than this are not all marked.
const ALL_MARKED: usize = 24;
/// How many are marked then.
const MARKED: usize = 8;
/// How pale a band is.
pub(in crate::report) const BAND: f64 = 0.16;
const LABEL: Letters = Letters::new(Anchor::Middle);

/// Lines of one style.
pub(in crate::report) struct Curve {
    /// In the legend; empty if it needs none.
    pub(in crate::report) name: String,
    pub(in crate::report) style: Style,
    pub(in crate::report) width: f64,
    pub(in crate::report) opacity: f64,
    /// Whether every point has its marker; else some, where there are many.
    pub(in crate::report) all_marked: bool,
    pub(in crate::report) lines: Vec<Line>,
    /// Its bands: place, low and high.
    pub(in crate::report) bands: Vec<Vec<(f64, f64, f64)>>,
}

impl Curve {
    pub(in crate::report) fn new(name: &str, style: Style, lines: Vec<Line>) -> Self {
        let name = name.to_string();
        Self { name, style, width: 2.0, opacity: 1.0, all_marked: false, lines, bands: Vec::new() }
    }

    pub(in crate::report) fn values(&self) -> impl Iterator<Item = f64> {
        self.lines.iter().flatten().map(|&(_, y)| y)
    }

    fn stroke(&self) -> Stroke {
        Stroke { opacity: self.opacity, ..self.style.stroke(self.width) }
    }

    /// How long its entry in a legend is.
    pub(in crate::report) fn entry_room(&self) -> f64 {
        38.0 + room(&self.name) + 2.0 * LETTER
    }

    /// Its entry in a legend, from `x` on.
    pub(in crate::report) fn entry(&self, surface: &mut impl Surface, x: f64, middle: f64) {
        surface.line(&[(x, middle), (x + 30.0, middle)], Stroke { width: self.width.max(2.0), ..self.stroke() });
        if let Some(marker) = self.style.marker {
            surface.mark((x + 15.0, middle), marker, self.style.ink());
        }
        surface.text((x + 38.0, middle), &self.name, Letters::new(Anchor::Start));
    }
}

/// A rectangle with two axes.
#[derive(Clone, Copy)]
pub(in crate::report) struct Panel<'a> {
    pub(in crate::report) left: f64,
    pub(in crate::report) top: f64,
    pub(in crate::report) width: f64,
    pub(in crate::report) height: f64,
    pub(in crate::report) x: &'a Span,
    pub(in crate::report) y: &'a Span,
}

impl Panel<'_> {
    /// Where a point of the data is.
    pub(in crate::report) fn place(&self, (x, y): Point) -> Point {
        (self.left + self.width * self.x.part(x), self.top + self.height * (1.0 - self.y.part(y)))
    }

    pub(in crate::report) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    pub(in crate::report) fn right(&self) -> f64 {
        self.left + self.width
    }

    /// Grid, axes and their numbers; those of the lower axis if it has a name.
    pub(in crate::report) fn axes(&self, surface: &mut impl Surface, below: Option<&str>) {
        let (left, right, bottom) = (self.left, self.right(), self.bottom());
        let (grid, axis) = (Stroke::new(Ink::Grid, 1.0), Stroke::new(Ink::Axis, 1.0));
        for tick in self.x.ticks((self.width / 75.0) as usize) {
            // On whole units, lines are sharp.
            let x = self.place((tick, 0.0)).0.round();
            surface.line(&[(x, self.top), (x, bottom)], grid);
            if below.is_some() {
                surface.line(&[(x, bottom), (x, bottom + 4.0)], axis);
                surface.text((x, bottom + 15.0), &self.x.label(tick), LABEL);
            }
        }
        for tick in self.y.ticks((self.height / 30.0) as usize) {
            let y = self.place((0.0, tick)).1.round();
            surface.line(&[(left, y), (right, y)], grid);
            surface.line(&[(left - 4.0, y), (left, y)], axis);
            surface.text((left - 8.0, y), &self.y.label(tick), Letters::new(Anchor::End));
        }
        surface.line(&[(left, self.top), (left, bottom), (right, bottom)], axis);
        if let Some(name) = below {
            surface.text(((left + right) / 2.0, bottom + 36.0), name, LABEL);
        }
    }

    /// Its bands, its lines, its markers; `turn` moves the markers of curves that lie upon each other apart.
    pub(in crate::report) fn curve(&self, surface: &mut impl Surface, curve: &Curve, turn: usize) {
        let ink = curve.style.ink();
        for band in &curve.bands {
            let edges: Vec<_> = band
                .iter()
                .map(|&(x, low, high)| {
                    let (x, upper) = self.place((x, high));
                    (x, upper, self.place((0.0, low)).1)
                })
                .collect();
            surface.band(&edges, ink, BAND);
        }
        let points: usize = curve.lines.iter().map(Vec::len).sum();
        let every = if curve.all_marked || points <= ALL_MARKED { 1 } else { points.div_ceil(MARKED) };
        for (count, line) in
            curve.lines.iter().scan(0, |sum, line| Some((std::mem::replace(sum, *sum + line.len()), line)))
        {
            let line: Vec<Point> = line.iter().map(|&point| self.place(point)).collect();
            if line.len() > 1 {
                surface.line(&line, curve.stroke());
            }
            // A single point is no line.
            let marker = curve.style.marker.or((line.len() == 1).then_some(Marker::Circle));
            if let Some(marker) = marker {
                let shift = every * (turn % 4) / 4;
                let marked = line.iter().zip(count..).filter(|(_, i)| line.len() == 1 || i % every == shift);
                marked.for_each(|(&point, _)| surface.mark(point, marker, ink));
            }
        }
    }
}
