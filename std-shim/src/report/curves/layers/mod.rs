//! Pictures of what the layers of a network compute, epoch by epoch.

mod rows;
mod sheet;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, DrawingBackend, FontStyle, IntoDrawingArea, RGBColor, SVGBackend, WHITE};
use plotters::style::text_anchor::HPos;

use super::SVG_SCALE;
use super::axis::Axis;
use super::bitmap::{self, Bitmap};
use crate::train::stats::EpochStats;
use rows::{Columns, Row};
use sheet::{Outcome, Point, Sheet};

const AXIS: RGBColor = RGBColor(150, 154, 160);
const GRID: RGBColor = RGBColor(232, 234, 237);
const PALE: RGBColor = RGBColor(214, 226, 244);
const LIGHT: RGBColor = RGBColor(160, 187, 228);
const BLUE: RGBColor = RGBColor(31, 90, 180);
const ORANGE: RGBColor = RGBColor(226, 121, 21);
const RED: RGBColor = RGBColor(196, 46, 52);
const GREEN: RGBColor = RGBColor(30, 132, 73);

/// For the names of the layers.
const NAMES: f64 = 150.0;
/// Left of each chart, for the numbers of its axis.
const LEFT: f64 = 70.0;
const WIDTH: f64 = 160.0;
const RIGHT: f64 = 16.0;
/// From one chart to the next.
const COLUMN: f64 = LEFT + WIDTH + RIGHT;
const TITLE: f64 = 40.0;
const HEADINGS: f64 = 34.0;
const HEIGHT: f64 = 56.0;
/// From one layer to the next.
const ROW: f64 = HEIGHT + 18.0;
/// Below the last layer, for the axis of epochs.
const EPOCHS: f64 = 44.0;

/// What the layers of a network compute, as an SVG picture: a row for each layer, over the epochs. From left to right:
/// the percentiles 5 to 95 of its outputs (pale), 15 to 85 (darker) and the median; the root mean square of their
/// gradients, on one logarithmic axis for all layers; the share of units whose output is always 0 (red), and of outputs
/// at the ends of their range (orange); the size of updates over the size of weights, also on one logarithmic axis.
///
/// Layers that only pass on what they are given have no row; of more than 32 others, those with weights or with a range
/// that has ends come first. `None` without statistics.
///
/// ```
/// use flatgrad::report::stats_svg;
/// use flatgrad::train::stats::{EpochStats, LayerStats, ValueStats};
/// let layer = LayerStats {
///     layer: 1,
///     kind: "relu",
///     outputs: ValueStats { percentiles: [0.0, 0.0, 0.1, 0.6, 0.9], ..ValueStats::default() },
///     gradients: None,
///     dead: 0.25,
///     saturated: None,
///     update_ratio: None,
/// };
/// let stats = [EpochStats { epoch: 1, step: 45, steps: 8, layers: vec![layer] }];
/// assert!(stats_svg("mlp on digits", &stats).unwrap().contains("01 relu"));
/// assert_eq!(stats_svg("nothing", &[]), None);
/// ```
pub fn stats_svg(title: &str, stats: &[EpochStats]) -> Option<String> {
    let picture = Picture::of(title, stats)?;
    let (width, height) = picture.size();
    let fine = (width * SVG_SCALE, height * SVG_SCALE);
    let mut svg = String::new();
    picture.draw(&SVGBackend::with_string(&mut svg, fine).into_drawing_area(), SVG_SCALE).ok()?;
    let size = |(width, height): (u32, u32)| format!("width=\"{width}\" height=\"{height}\"");
    Some(svg.replacen(&size(fine), &size((width, height)), 1))
}

/// The picture of [`stats_svg`] as a PNG file, with two pixels for each of its units.
///
/// ```
/// assert_eq!(flatgrad::report::stats_png("nothing", &[]), None);
/// ```
pub fn stats_png(title: &str, stats: &[EpochStats]) -> Option<Vec<u8>> {
    let picture = Picture::of(title, stats)?;
    let (width, height) = picture.size();
    let (width, height) = (width * bitmap::SCALE, height * bitmap::SCALE);
    let mut pixels = vec![0; 3 * width as usize * height as usize];
    picture.draw(&Bitmap::new(&mut pixels, (width, height))?.into_drawing_area(), bitmap::SCALE).ok()?;
    let mut file = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut file, CompressionType::Default, FilterType::NoFilter);
    encoder.write_image(&pixels, width, height, ExtendedColorType::Rgb8).ok()?;
    Some(file)
}

/// A table of small charts.
struct Picture {
    title: String,
    columns: Columns,
    rows: Vec<Row>,
}

impl Picture {
    fn of(title: &str, stats: &[EpochStats]) -> Option<Self> {
        let (columns, rows, layers) = rows::of(stats)?;
        let title = match rows.len() < layers {
            true => format!("{title}: {} of {layers} layers", rows.len()),
            false => format!("{title}: layers"),
        };
        Some(Self { title: title.chars().take(100).collect(), columns, rows })
    }

    fn size(&self) -> (u32, u32) {
        let height = TITLE + HEADINGS + ROW * self.rows.len() as f64 + EPOCHS;
        ((NAMES + 4.0 * COLUMN + RIGHT) as u32, height as u32)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: u32) -> Outcome<DB> {
        area.fill(&WHITE)?;
        let sheet = Sheet { area, scale };
        sheet.text((RIGHT, TITLE * 0.6), &self.title, HPos::Left, FontStyle::Bold)?;
        let headings =
            ["outputs", "gradients, rms", "% dead (red), at ends", "update over weights"].into_iter().enumerate();
        for (column, heading) in headings {
            let place = (NAMES + COLUMN * column as f64 + LEFT - 24.0, TITLE + HEADINGS * 0.5);
            sheet.text(place, heading, HPos::Left, FontStyle::Bold)?;
        }
        for (number, row) in self.rows.iter().enumerate() {
            let top = TITLE + HEADINGS + ROW * number as f64;
            sheet.text((RIGHT, top + HEIGHT / 2.0), &row.name, HPos::Left, FontStyle::Normal)?;
            self.row(&sheet, row, top, number + 1 == self.rows.len())?;
        }
        area.present()
    }

    fn row<DB: DrawingBackend>(&self, sheet: &Sheet<DB>, row: &Row, top: f64, is_last: bool) -> Outcome<DB> {
        let Columns { epochs, gradients, shares, updates } = &self.columns;
        let axes = [&row.axis, gradients, shares, updates];
        let charts = [0.0, 1.0, 2.0, 3.0].map(|column| NAMES + COLUMN * column + LEFT);
        let charts = charts.into_iter().zip(axes).map(|(left, y)| Chart { left, top, x: epochs, y });
        let charts: Vec<Chart> = charts.collect();
        let [outputs, gradients, shares, updates] = &charts[..] else { return Ok(()) };
        let curves = [
            (gradients, &row.gradients, BLUE),
            (shares, &row.saturated, ORANGE),
            (shares, &row.dead, RED),
            (updates, &row.updates, GREEN),
        ];
        for chart in [outputs, gradients, shares, updates] {
            let holds = curves.iter().any(|(of, values, _)| std::ptr::eq(*of, chart) && !values.is_empty());
            if holds || std::ptr::eq(chart, outputs) {
                chart.axes(sheet, is_last)?;
            }
        }
        for (span, percentiles) in &row.outputs {
            let [p5, p15, _, p85, p95] = *percentiles;
            outputs.block(sheet, *span, [p5, p95], PALE)?;
            outputs.block(sheet, *span, [p15, p85], LIGHT)?;
        }
        let medians: Vec<_> = row.outputs.iter().map(|(span, percentiles)| (*span, percentiles[2])).collect();
        outputs.stairs(sheet, &medians, BLUE)?;
        curves.into_iter().try_for_each(|(chart, values, color)| chart.stairs(sheet, values, color))
    }
}

/// A pair of axes.
struct Chart<'a> {
    left: f64,
    top: f64,
    x: &'a Axis,
    y: &'a Axis,
}

impl Chart<'_> {
    fn place(&self, x: f64, y: f64) -> Point {
        (self.left + WIDTH * self.x.part(x), self.top + HEIGHT * (1.0 - self.y.part(y)))
    }

    fn axes<DB: DrawingBackend>(&self, sheet: &Sheet<DB>, with_epochs: bool) -> Outcome<DB> {
        let (right, bottom) = (self.left + WIDTH, self.top + HEIGHT);
        for tick in self.y.ticks(3) {
            let y = self.place(0.0, tick).1;
            sheet.line(&[(self.left, y), (right, y)], GRID, 1)?;
            sheet.text((self.left - 6.0, y), &self.y.label(tick), HPos::Right, FontStyle::Normal)?;
        }
        sheet.line(&[(self.left, self.top), (self.left, bottom)], AXIS, 1)?;
        sheet.line(&[(self.left, bottom), (right, bottom)], AXIS, 1)?;
        if !with_epochs {
            return Ok(());
        }
        for tick in self.x.ticks(4) {
            let x = self.place(tick, 0.0).0;
            sheet.line(&[(x, bottom), (x, bottom + 4.0)], AXIS, 1)?;
            sheet.text((x, bottom + 14.0), &self.x.label(tick), HPos::Center, FontStyle::Normal)?;
        }
        sheet.text(((self.left + right) / 2.0, bottom + 32.0), "epoch", HPos::Center, FontStyle::Normal)
    }

    fn block<DB: DrawingBackend>(
        &self,
        sheet: &Sheet<DB>,
        [from, to]: [f64; 2],
        [low, high]: [f64; 2],
        color: RGBColor,
    ) -> Outcome<DB> {
        sheet.block(self.place(from, high), self.place(to, low), color)
    }

    /// A level for each span.
    fn stairs<DB: DrawingBackend>(
        &self,
        sheet: &Sheet<DB>,
        values: &[([f64; 2], f64)],
        color: RGBColor,
    ) -> Outcome<DB> {
        // A gap between spans is a gap in the line.
        for values in values.chunk_by(|([_, end], _), ([start, _], _)| end == start) {
            let points = values.iter().flat_map(|&([from, to], y)| [self.place(from, y), self.place(to, y)]);
            sheet.line(&points.collect::<Vec<_>>(), color, 2)?;
        }
        Ok(())
    }
}
