//! Values by name, as bars.

use super::axis::Axis;
use super::bitmap::Bitmap;
use super::span::Span;
use super::style::{Ink, Marker};
use super::surface::{Anchor, Letters, Stroke, Surface, room};
use super::svg::Svg;
use super::{TITLE, shortened};
use crate::error::Result;

const WIDTH: u32 = 760;
const ROW: f64 = 34.0;
const THICK: f64 = 20.0;
/// Longer names are cut.
const NAME_LETTERS: usize = 44;

/// Named values as horizontal bars, one below the other.
///
/// ```
/// use flatgrad::report::chart::{Axis, Bar, Bars};
/// let bars = Bars {
///     reference: Some("published".to_string()),
///     bars: vec![Bar { whisker: Some((132.0, 143.0)), reference: Some(160.0), ..Bar::new("MLP", 137.3) }],
///     ..Bars::new("errors of 10,000", Axis::linear("errors"))
/// };
/// assert!(bars.to_svg().contains("MLP"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// Above the bars.
    pub title: String,
    /// What the values are.
    pub axis: Axis,
    /// From top to bottom.
    pub bars: Vec<Bar>,
    /// What the values of [`Bar::reference`] are called in the legend.
    pub reference: Option<String>,
}

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Left of the bar.
    pub name: String,
    /// Its length.
    pub value: f64,
    /// Behind the bar: its value as text.
    pub text: String,
    /// A spread, such as the smallest and the largest of several runs.
    pub whisker: Option<(f64, f64)>,
    /// Another value of the same kind, such as a published one: a diamond.
    pub reference: Option<f64>,
    /// One of eight colours, counted from 0.
    pub color: usize,
}

impl Bar {
    /// A bar with its value behind it, rounded to a tenth.
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        let text = if value.is_finite() { format!("{value:.1}") } else { "-".to_string() };
        let text = text.strip_suffix(".0").unwrap_or(&text).to_string();
        Self { name: name.into(), value, text, whisker: None, reference: None, color: 0 }
    }
}

impl Bars {
    /// A picture without bars yet.
    pub fn new(title: impl Into<String>, axis: Axis) -> Self {
        Self { title: title.into(), axis, bars: Vec::new(), reference: None }
    }

    /// The picture as SVG; its colours are those of [`dark_properties`](super::dark_properties) where a page sets them.
    pub fn to_svg(&self) -> String {
        let mut svg = Svg::new(&self.title, self.size());
        self.draw(&mut svg);
        svg.finish()
    }

    /// The picture as a PNG file, with two pixels for each unit of the SVG.
    ///
    /// # Errors
    ///
    /// None in practice: those of the encoder.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let mut bitmap = Bitmap::new(self.size());
        self.draw(&mut bitmap);
        super::png(&bitmap)
    }

    fn top(&self) -> f64 {
        if self.reference.is_some() { 66.0 } else { 48.0 }
    }

    fn size(&self) -> (u32, u32) {
        (WIDTH, (self.top() + self.bars.len() as f64 * ROW + 58.0) as u32)
    }

    fn span(&self) -> Span {
        let whiskers = self.bars.iter().filter_map(|bar| bar.whisker).flat_map(|(low, high)| [low, high]);
        let values = self.bars.iter().flat_map(|bar| [Some(bar.value), bar.reference]).flatten();
        let values: Vec<f64> = values.chain(whiskers).filter(|y| y.is_finite()).collect();
        match self.axis.range {
            None => Span::from_zero(values),
            Some(_) => self.axis.span(values.into_iter()),
        }
    }

    fn draw(&self, surface: &mut impl Surface) {
        let span = self.span();
        let names: Vec<String> = self.bars.iter().map(|bar| shortened(&bar.name, NAME_LETTERS)).collect();
        let left = 24.0 + names.iter().map(|name| room(name)).fold(40.0, f64::max);
        let behind = 24.0 + self.bars.iter().map(|bar| room(&bar.text)).fold(0.0, f64::max);
        let (top, right) = (self.top(), f64::from(WIDTH) - behind);
        let bottom = top + self.bars.len() as f64 * ROW;
        let at = |value: f64| left + (right - left) * span.part(value);
        surface.text((24.0, 24.0), &self.title, TITLE);
        if let Some(reference) = &self.reference {
            surface.mark((29.0, 48.0), Marker::Diamond, Ink::Text);
            surface.text((40.0, 48.0), reference, Letters::new(Anchor::Start));
        }
        for tick in span.ticks(((right - left) / 75.0) as usize) {
            let x = at(tick).round();
            surface.line(&[(x, top), (x, bottom)], Stroke::new(Ink::Grid, 1.0));
            surface.text((x, bottom + 14.0), &span.label(tick), Letters::new(Anchor::Middle));
        }
        for ((bar, name), row) in self.bars.iter().zip(&names).zip(0..) {
            let middle = (top + (f64::from(row) + 0.5) * ROW).round();
            surface.text((left - 10.0, middle), name, Letters::new(Anchor::End));
            self.bar(surface, bar, middle, &at);
        }
        surface.line(&[(left, top), (left, bottom), (right, bottom)], Stroke::new(Ink::Axis, 1.0));
        surface.text(((left + right) / 2.0, bottom + 38.0), &self.axis.label, Letters::new(Anchor::Middle));
    }

    fn bar(&self, surface: &mut impl Surface, bar: &Bar, middle: f64, at: &impl Fn(f64) -> f64) {
        let mut end = at(0.0);
        if bar.value.is_finite() {
            let (from, to) = (at(0.0), at(bar.value));
            surface.block((from, middle - THICK / 2.0), (to, middle + THICK / 2.0), Ink::Series(bar.color), 0.8);
            end = end.max(to);
        }
        if let Some((low, high)) = bar.whisker.filter(|(low, high)| low.is_finite() && high.is_finite()) {
            let (low, high, stroke) = (at(low), at(high), Stroke::new(Ink::Text, 1.5));
            surface.line(&[(low, middle), (high, middle)], stroke);
            for x in [low, high] {
                surface.line(&[(x, middle - 5.0), (x, middle + 5.0)], stroke);
            }
            end = end.max(high);
        }
        if let Some(reference) = bar.reference.filter(|reference| reference.is_finite()) {
            surface.mark((at(reference), middle), Marker::Diamond, Ink::Text);
            // The text stands behind the diamond only where it would be hidden by it.
            if (at(reference) - end).abs() < 12.0 || (end..end + 14.0 + room(&bar.text)).contains(&at(reference)) {
                end = at(reference);
            }
        }
        surface.text((end + 10.0, middle), &bar.text, Letters::new(Anchor::Start));
    }
}
