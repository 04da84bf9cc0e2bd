//! Curves, with bands around them and lines that mark a place.

use super::axis::{Axis, Scale};
use super::bitmap::Bitmap;
use super::panel::{Curve, Panel};
use super::span::Span;
use super::style::{Ink, Style};
use super::surface::{Anchor, Letters, Stroke, Surface, room};
use super::svg::Svg;
use super::{TITLE, shortened, thin};
use crate::error::Result;

const WIDTH: u32 = 760;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 28.0;
const HEIGHT: f64 = 300.0;
/// A row of the legend.
const ROW: f64 = 22.0;
/// Longer titles and names are cut.
const TITLE_LETTERS: usize = 90;
const NAME_LETTERS: usize = 60;

/// Curves on a pair of axes. Points that are not finite are gaps, and so are points that a logarithmic axis has not.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Above the curves.
    pub title: String,
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// The curves; later ones lie on top.
    pub series: Vec<Series>,
    /// Lines across the chart that mark a place.
    pub rules: Vec<Rule>,
}

/// A curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// In the legend; empty if it needs no entry.
    pub name: String,
    /// From left to right. Of many points, some are drawn: the smallest and the largest of those that lie close.
    pub points: Vec<(f64, f64)>,
    /// What it looks like.
    pub style: Style,
    /// A pale band around it, such as percentiles or the spread over seeds: place, low, high.
    pub band: Vec<(f64, f64, f64)>,
}

impl Series {
    /// The curve number `index`, which decides its style ([`Style::of`]).
    pub fn new(index: usize, name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), points, style: Style::of(index), band: Vec::new() }
    }
}

/// A line across the chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The place on its axis.
    pub at: f64,
    /// Whether it goes up, at a place of the lower axis; else to the right.
    pub vertical: bool,
    /// What it marks.
    pub label: String,
}

impl Rule {
    /// A line upwards, at a place of the lower axis.
    pub fn vertical(at: f64, label: impl Into<String>) -> Self {
        Self { at, vertical: true, label: label.into() }
    }

    /// A line to the right, at a height.
    pub fn horizontal(at: f64, label: impl Into<String>) -> Self {
        Self { at, vertical: false, label: label.into() }
    }
}

impl Chart {
    /// A chart without curves yet.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self { title: title.into(), x, y, series: Vec::new(), rules: Vec::new() }
    }

    /// The picture as SVG; its colours are those of [`dark_properties`](super::dark_properties) where a page sets them.
    pub fn to_svg(&self) -> String {
        let drawn = Drawn::of(self);
        let mut svg = Svg::new(&self.title, drawn.size());
        drawn.draw(&mut svg);
        svg.finish()
    }

    /// The picture as a PNG file, with two pixels for each unit of the SVG.
    ///
    /// # Errors
    ///
    /// None in practice: those of the encoder.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let drawn = Drawn::of(self);
        let mut bitmap = Bitmap::new(drawn.size());
        drawn.draw(&mut bitmap);
        super::png(&bitmap)
    }
}

/// A chart with its ranges and what is left of its points.
struct Drawn<'a> {
    chart: &'a Chart,
    x: Span,
    y: Span,
    curves: Vec<Curve>,
    /// Each row of the legend, with the place of each entry.
    legend: Vec<Vec<(f64, usize)>>,
}

impl<'a> Drawn<'a> {
    fn of(chart: &'a Chart) -> Self {
        let shown = |axis: &Axis, value: f64| value.is_finite() && (axis.scale != Scale::Logarithmic || value > 0.0);
        let usable = |&(x, y): &(f64, f64)| shown(&chart.x, x) && shown(&chart.y, y);
        let points = || chart.series.iter().flat_map(|series| series.points.iter().copied().filter(usable));
        let bands = || {
            let all = chart.series.iter().flat_map(|series| series.band.iter().copied());
            all.filter(|&(x, low, high)| usable(&(x, low)) && usable(&(x, high)))
        };
        let rules = |vertical: bool| chart.rules.iter().filter(move |r| r.vertical == vertical).map(|r| r.at);
        let x = chart.x.span(points().map(|p| p.0).chain(bands().map(|b| b.0)).chain(rules(true)));
        let y = chart.y.span(points().map(|p| p.1).chain(bands().flat_map(|b| [b.1, b.2])).chain(rules(false)));
        let curves: Vec<Curve> = chart.series.iter().map(|series| curve(series, usable)).collect();
        let legend = legend(&curves);
        Self { chart, x, y, curves, legend }
    }

    fn top(&self) -> f64 {
        46.0 + self.legend.len() as f64 * ROW
    }

    fn size(&self) -> (u32, u32) {
        (WIDTH, (self.top() + HEIGHT + 56.0) as u32)
    }

    fn draw(&self, surface: &mut impl Surface) {
        let (left, width) = (LEFT, f64::from(WIDTH) - LEFT - RIGHT);
        let panel = Panel { left, top: self.top(), width, height: HEIGHT, x: &self.x, y: &self.y };
        surface.text((24.0, 24.0), &shortened(&self.chart.title, TITLE_LETTERS), TITLE);
        for (row, middle) in self.legend.iter().zip((0..).map(|row| 48.0 + f64::from(row) * ROW)) {
            for (x, curve) in row.iter().filter_map(|&(x, i)| Some((x, self.curves.get(i)?))) {
                curve.entry(surface, x, middle);
            }
        }
        panel.axes(surface, Some(&self.chart.x.label));
        let upwards = Letters { turned: true, ..Letters::new(Anchor::Middle) };
        surface.text((18.0, panel.top + HEIGHT / 2.0), &self.chart.y.label, upwards);
        self.curves.iter().enumerate().for_each(|(turn, curve)| panel.curve(surface, curve, turn));
        self.chart.rules.iter().zip(0..).for_each(|(rule, row)| draw_rule(surface, &panel, rule, row));
    }
}

/// The points of a curve that are drawn.
fn curve(series: &Series, usable: impl Fn(&(f64, f64)) -> bool) -> Curve {
    let gap = |point: &(f64, f64)| if usable(point) { *point } else { (point.0, f64::NAN) };
    let points: Vec<_> = series.points.iter().map(gap).collect();
    let mut bands = vec![Vec::new()];
    for (x, low, high) in thin::band(&series.band) {
        match bands.last_mut() {
            Some(band) if usable(&(x, low)) && usable(&(x, high)) => band.push((x, low, high)),
            _ => bands.push(Vec::new()),
        }
    }
    Curve { bands, ..Curve::new(&shortened(&series.name, NAME_LETTERS), series.style, thin::peaks(&points)) }
}

/// Entries from left to right, in as many rows as they take.
fn legend(curves: &[Curve]) -> Vec<Vec<(f64, usize)>> {
    let (mut rows, mut x): (Vec<Vec<(f64, usize)>>, f64) = (Vec::new(), f64::INFINITY);
    for (i, curve) in curves.iter().enumerate().filter(|(_, curve)| !curve.name.is_empty()) {
        if x + curve.entry_room() > f64::from(WIDTH) {
            rows.push(Vec::new());
            x = 24.0;
        }
        rows.last_mut().into_iter().for_each(|row| row.push((x, i)));
        x += curve.entry_room();
    }
    rows
}

fn draw_rule(surface: &mut impl Surface, panel: &Panel, rule: &Rule, row: i32) {
    if !rule.at.is_finite() {
        return;
    }
    let stroke = Stroke { dash: &[3.0, 4.0], ..Stroke::new(Ink::Text, 1.0) };
    if rule.vertical {
        let x = panel.place((rule.at, 0.0)).0.round();
        surface.line(&[(x, panel.top), (x, panel.bottom())], stroke);
        let fits = x + 8.0 + room(&rule.label) < panel.right();
        let (x, anchor) = if fits { (x + 6.0, Anchor::Start) } else { (x - 6.0, Anchor::End) };
        surface.text((x, panel.top + 10.0 + 18.0 * f64::from(row)), &rule.label, Letters::new(anchor));
    } else {
        let y = panel.place((0.0, rule.at)).1.round();
        surface.line(&[(panel.left, y), (panel.right(), y)], stroke);
        surface.text((panel.right() - 6.0, y - 10.0), &rule.label, Letters::new(Anchor::End));
    }
}
