//! Pictures of what the layers of a network compute, epoch by epoch.

mod rows;

use crate::report::chart::{
    Anchor, BAND, Bitmap, Curve, Letters, Panel, Span, Surface, Svg, TITLE as BOLD, png, shortened,
};
use crate::train::stats::EpochStats;
use rows::{Columns, Row};

/// For the names of the layers.
const NAMES: f64 = 150.0;
/// Left of each chart, for the numbers of its axis.
const LEFT: f64 = 70.0;
const WIDTH: f64 = 160.0;
const RIGHT: f64 = 16.0;
/// From one chart to the next.
const COLUMN: f64 = LEFT + WIDTH + RIGHT;
const TITLE: f64 = 40.0;
/// What the columns are, and their legends.
const HEADINGS: f64 = 60.0;
/// How far the headings reach over the numbers of the axes.
const OUT: f64 = 44.0;
const HEIGHT: f64 = 90.0;
/// From one layer to the next.
const ROW: f64 = HEIGHT + 18.0;
/// Below the last layer, for the axis of epochs.
const EPOCHS: f64 = 34.0;
/// A longer title is cut.
const TITLE_LETTERS: usize = 100;

/// What the layers of a network compute, as an SVG picture: a row for each layer, over the epochs. From left to right:
/// the percentiles 5 to 95 of its outputs (pale), 15 to 85 (darker) and the median; the root mean square of their
/// gradients, on one logarithmic axis for all layers; the share of units whose output is always 0, and, dashed, of
/// outputs at the ends of their range; the size of updates over the size of weights, also on one logarithmic axis.
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
    let mut svg = Svg::new(&picture.title, picture.size());
    picture.draw(&mut svg);
    Some(svg.finish())
}

/// The picture of [`stats_svg`] as a PNG file, with two pixels for each of its units.
///
/// ```
/// assert_eq!(flatgrad::report::stats_png("nothing", &[]), None);
/// ```
pub fn stats_png(title: &str, stats: &[EpochStats]) -> Option<Vec<u8>> {
    let picture = Picture::of(title, stats)?;
    let mut bitmap = Bitmap::new(picture.size());
    picture.draw(&mut bitmap);
    png(&bitmap).ok()
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
        let title = shortened(title, TITLE_LETTERS);
        let title = match rows.len() < layers {
            true => format!("{title}: {} of {layers} layers", rows.len()),
            false => format!("{title}: layers"),
        };
        Some(Self { title, columns, rows })
    }

    fn size(&self) -> (u32, u32) {
        let height = TITLE + HEADINGS + ROW * self.rows.len() as f64 + EPOCHS;
        ((NAMES + 4.0 * COLUMN + RIGHT) as u32, height as u32)
    }

    fn draw(&self, surface: &mut impl Surface) {
        surface.text((RIGHT, TITLE * 0.6), &self.title, BOLD);
        self.headings(surface);
        for (number, row) in self.rows.iter().enumerate() {
            let top = TITLE + HEADINGS + ROW * number as f64;
            surface.text((RIGHT, top + HEIGHT / 2.0), &row.name, Letters::new(Anchor::Start));
            self.row(surface, row, top, number + 1 == self.rows.len());
        }
    }

    /// What each column shows, and below, what its lines are.
    fn headings(&self, surface: &mut impl Surface) {
        let headings = ["outputs", "gradients, rms", "dead, at ends (%)", "update over weights"];
        for (column, heading) in headings.into_iter().enumerate() {
            surface.text((left(column) - OUT, TITLE + 14.0), heading, BOLD);
        }
        let Some(row) = self.rows.first() else { return };
        let middle = TITLE + 36.0;
        let x = left(0) - OUT;
        for half in [9.0, 5.0] {
            surface.block((x, middle - half), (x + 30.0, middle + half), row.outputs.style.ink(), BAND);
        }
        row.outputs.entry(surface, x, middle);
        let x = left(2) - OUT;
        row.dead.entry(surface, x, middle);
        row.at_ends.entry(surface, x + row.dead.entry_room(), middle);
    }

    fn row(&self, surface: &mut impl Surface, row: &Row, top: f64, is_last: bool) {
        let Columns { epochs, gradients, shares, updates } = &self.columns;
        let charts: [(&Span, &[&Curve]); 4] = [
            (&row.axis, &[&row.outputs]),
            (gradients, &[&row.gradients]),
            (shares, &[&row.dead, &row.at_ends]),
            (updates, &[&row.updates]),
        ];
        for (column, (y, curves)) in charts.into_iter().enumerate() {
            // What a layer has not is left out with its axes.
            if curves.iter().any(|curve| !curve.lines.is_empty()) {
                let panel = Panel { left: left(column), top, width: WIDTH, height: HEIGHT, x: epochs, y };
                panel.axes(surface, is_last.then_some("epoch"));
                curves.iter().for_each(|curve| panel.curve(surface, curve, 0));
            }
        }
    }
}

/// Where the charts of a column begin.
fn left(column: usize) -> f64 {
    NAMES + COLUMN * column as f64 + LEFT
}
