//! The drawing, the same for every format.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::panels::{Curve, HEADING_HEIGHT, Panel, Picture, STEPS_HEIGHT, TITLE_HEIGHT};

const FONT: &str = "sans-serif";
/// As plotters counts: SVG has it divided by 1.24.
const FONT_SIZE: u32 = 16;
const TITLE_SIZE: u32 = 20;
const INK: RGBColor = RGBColor(45, 48, 54);
const AXIS: RGBColor = RGBColor(150, 154, 160);
const GRID: RGBColor = RGBColor(232, 234, 237);
/// Left of the panels, for the numbers of their axes.
const LEFT: u32 = 72;
const RIGHT: u32 = 38;
/// Room for a letter of a legend, a little more than it takes.
const LETTER: i32 = 8;
/// A longer title is cut.
const TITLE_LETTERS: usize = 90;

type Outcome<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Draws on an area of `scale` times the picture's size.
pub(super) fn draw<DB: DrawingBackend>(
    title: &str,
    picture: &Picture,
    scale: u32,
    area: &DrawingArea<DB, Shift>,
) -> Outcome<DB> {
    area.fill(&WHITE)?;
    let pen = Pen { scale };
    let style = pen.text(TITLE_SIZE, FontStyle::Bold).pos(Pos::new(HPos::Left, VPos::Center));
    area.draw_text(&shortened(title), &style, (pen.at(LEFT), pen.at(TITLE_HEIGHT * 3 / 5)))?;
    let (_, mut rest) = area.split_vertically(pen.at(TITLE_HEIGHT));
    for (i, panel) in picture.panels.iter().enumerate() {
        let is_last = i + 1 == picture.panels.len();
        let (heading, below) = rest.split_vertically(pen.at(HEADING_HEIGHT));
        let bottom = if is_last { STEPS_HEIGHT } else { 0 };
        let (body, below) = below.split_vertically(pen.at(panel.height + bottom));
        pen.heading(&heading, panel)?;
        pen.panel(&body, &picture.steps, panel, bottom)?;
        rest = below;
    }
    area.present()
}

fn shortened(title: &str) -> String {
    match title.chars().count() {
        0..=TITLE_LETTERS => title.to_string(),
        _ => title.chars().take(TITLE_LETTERS - 3).chain("...".chars()).collect(),
    }
}

/// Knows how many pixels a unit has.
struct Pen {
    scale: u32,
}

impl Pen {
    fn at(&self, units: u32) -> i32 {
        (units * self.scale) as i32
    }

    fn text(&self, size: u32, weight: FontStyle) -> TextStyle<'static> {
        (FONT, size * self.scale).into_font().style(weight).color(&INK)
    }

    /// The panel's name on the left, its legend on the right.
    fn heading<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, panel: &Panel) -> Outcome<DB> {
        let style = self.text(FONT_SIZE, FontStyle::Normal).pos(Pos::new(HPos::Left, VPos::Center));
        let middle = self.at(HEADING_HEIGHT * 3 / 5);
        area.draw_text(panel.heading, &self.text(FONT_SIZE, FontStyle::Bold).pos(style.pos), (self.at(LEFT), middle))?;
        let unit = self.scale as i32;
        let mut x = area.dim_in_pixel().0 as i32 - self.at(RIGHT);
        for curve in panel.curves.iter().rev().filter(|curve| !curve.name.is_empty()) {
            x -= curve.name.chars().count() as i32 * LETTER * unit;
            area.draw_text(curve.name, &style, (x, middle))?;
            let (from, to) = (x - 30 * unit, x - 8 * unit);
            let ink = curve.color.stroke_width((curve.width.max(2)) * self.scale);
            area.draw(&PathElement::new([(from, middle), (to, middle)], ink))?;
            if curve.marked {
                area.draw(&self.mark(curve, ((from + to) / 2, middle)))?;
            }
            x = from - 12 * unit;
        }
        Ok(())
    }

    /// The axes and the curves.
    fn panel<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        steps: &Axis,
        panel: &Panel,
        bottom: u32,
    ) -> Outcome<DB> {
        let mut chart = ChartBuilder::on(area)
            .margin_right(self.at(RIGHT))
            .y_label_area_size(self.at(LEFT))
            .x_label_area_size(self.at(bottom))
            .build_cartesian_2d(*steps, panel.axis)?;
        let labels = self.text(FONT_SIZE, FontStyle::Normal);
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(self.scale))
            .axis_style(AXIS.stroke_width(self.scale))
            .set_all_tick_mark_size(self.at(4))
            .label_style(labels.clone())
            .axis_desc_style(labels)
            .x_labels(10)
            .y_labels((panel.height / 30) as usize)
            .x_desc(if bottom > 0 { "step" } else { "" })
            .draw()?;
        for curve in &panel.curves {
            let ink = curve.color.stroke_width(curve.width * self.scale);
            for line in &curve.lines {
                chart.draw_series(LineSeries::new(line.iter().copied(), ink))?;
                // A single point is no line.
                if curve.marked || line.len() == 1 {
                    chart.draw_series(line.iter().map(|&point| self.mark(curve, point)))?;
                }
            }
        }
        Ok(())
    }

    fn mark<Point>(&self, curve: &Curve, at: Point) -> Circle<Point, u32> {
        Circle::new(at, 3 * self.scale, curve.color.filled())
    }
}
