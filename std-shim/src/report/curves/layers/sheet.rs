//! What is drawn on: blocks, lines and texts, in units.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const FONT: &str = "sans-serif";
/// As plotters counts: SVG has it divided by 1.24.
const FONT_SIZE: u32 = 16;
const INK: RGBColor = RGBColor(45, 48, 54);

pub(super) type Outcome<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// To the right and down.
pub(super) type Point = (f64, f64);

/// An area of `scale` pixels to a unit.
pub(super) struct Sheet<'a, DB: DrawingBackend> {
    pub(super) area: &'a DrawingArea<DB, Shift>,
    pub(super) scale: u32,
}

impl<DB: DrawingBackend> Sheet<'_, DB> {
    fn at(&self, (x, y): Point) -> (i32, i32) {
        let scale = f64::from(self.scale);
        ((x * scale).round() as i32, (y * scale).round() as i32)
    }

    pub(super) fn block(&self, from: Point, to: Point, color: RGBColor) -> Outcome<DB> {
        self.area.draw(&Rectangle::new([self.at(from), self.at(to)], color.filled()))
    }

    pub(super) fn line(&self, points: &[Point], color: RGBColor, width: u32) -> Outcome<DB> {
        let points: Vec<_> = points.iter().map(|&point| self.at(point)).collect();
        self.area.draw(&PathElement::new(points, color.stroke_width(width * self.scale)))
    }

    /// A text; its place is the middle of its height.
    pub(super) fn text(&self, at: Point, text: &str, end: HPos, weight: FontStyle) -> Outcome<DB> {
        let font = (FONT, FONT_SIZE * self.scale).into_font().style(weight);
        self.area.draw_text(text, &font.color(&INK).pos(Pos::new(end, VPos::Center)), self.at(at))
    }
}
