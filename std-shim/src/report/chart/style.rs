//! What makes curves differ: colours, dashes and markers.

use super::surface::Stroke;

/// The colour of a curve, its dashes and its markers: told apart without colours, too.
///
/// ```
/// use flatgrad::report::chart::{Dash, Style};
/// let styles: Vec<Style> = (0..8).map(Style::of).collect();
/// assert!(styles.iter().enumerate().all(|(i, style)| !styles[..i].contains(style)));
/// assert_eq!(Style::of(0).dash, Dash::Solid);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// One of eight colours, counted from 0; larger numbers begin anew.
    pub color: usize,
    /// The line's pattern.
    pub dash: Dash,
    /// What stands on some of the points (on all, if there are few).
    pub marker: Option<Marker>,
}

impl Style {
    /// The style of the curve number `index`: the first eight have colours, dashes and markers of their own.
    pub const fn of(index: usize) -> Self {
        let dashes = [Dash::Solid, Dash::Long, Dash::Short, Dash::DashDot, Dash::Dots];
        let markers = [Marker::Circle, Marker::Square, Marker::Up, Marker::Diamond, Marker::Down, Marker::Cross];
        Self { color: index, dash: dashes[index % dashes.len()], marker: Some(markers[index % markers.len()]) }
    }

    /// A line without gaps and markers.
    pub const fn plain(color: usize) -> Self {
        Self { color, dash: Dash::Solid, marker: None }
    }

    pub(in crate::report) fn ink(self) -> Ink {
        Ink::Series(self.color % SERIES.len())
    }

    pub(in crate::report) fn stroke(self, width: f64) -> Stroke {
        Stroke { dash: self.dash.pattern(), ..Stroke::new(self.ink(), width) }
    }
}

/// The pattern of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    /// No gaps.
    Solid,
    /// Long strokes.
    Long,
    /// Short strokes.
    Short,
    /// Strokes and dots in turn.
    DashDot,
    /// Dots.
    Dots,
}

impl Dash {
    const fn pattern(self) -> &'static [f64] {
        match self {
            Self::Solid => &[],
            // The round ends of a stroke reach into the gaps, by half of the line's width each.
            Self::Long => &[8.0, 6.0],
            Self::Short => &[3.0, 5.5],
            Self::DashDot => &[8.0, 5.0, 0.1, 5.0],
            Self::Dots => &[0.1, 4.5],
        }
    }
}

/// The shape on the points of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// A disc.
    Circle,
    /// A square.
    Square,
    /// A square on its corner.
    Diamond,
    /// A triangle that points up.
    Up,
    /// A triangle that points down.
    Down,
    /// Two crossed lines.
    Cross,
}

/// A colour by its purpose: a page that shows the picture may exchange it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Ink {
    Paper,
    Text,
    Axis,
    Grid,
    Series(usize),
}

/// On white.
const SERIES: [[u8; 3]; 8] = [
    [31, 90, 180],
    [226, 121, 21],
    [196, 46, 52],
    [30, 132, 73],
    [124, 68, 160],
    [70, 76, 86],
    [0, 139, 150],
    [158, 98, 30],
];

/// On a dark page: the same hues, lighter.
const DARK_SERIES: [[u8; 3]; 8] = [
    [110, 168, 254],
    [247, 163, 78],
    [255, 122, 122],
    [98, 201, 138],
    [193, 145, 232],
    [176, 183, 195],
    [86, 204, 213],
    [214, 160, 98],
];

impl Ink {
    pub(in crate::report) fn all() -> impl Iterator<Item = Self> {
        [Self::Paper, Self::Text, Self::Axis, Self::Grid].into_iter().chain((0..SERIES.len()).map(Self::Series))
    }

    pub(in crate::report) fn rgb(self) -> [u8; 3] {
        match self {
            Self::Paper => [255, 255, 255],
            Self::Text => [45, 48, 54],
            Self::Axis => [150, 154, 160],
            Self::Grid => [232, 234, 237],
            Self::Series(index) => SERIES[index % SERIES.len()],
        }
    }

    fn dark(self) -> [u8; 3] {
        match self {
            Self::Paper => [24, 26, 31],
            Self::Text => [222, 226, 232],
            Self::Axis => [120, 126, 136],
            Self::Grid => [48, 52, 60],
            Self::Series(index) => DARK_SERIES[index % DARK_SERIES.len()],
        }
    }

    /// Its name in classes and custom properties.
    pub(in crate::report) fn name(self) -> String {
        match self {
            Self::Paper => "paper".to_string(),
            Self::Text => "text".to_string(),
            Self::Axis => "axis".to_string(),
            Self::Grid => "grid".to_string(),
            Self::Series(index) => index.to_string(),
        }
    }
}

/// The colours for a dark page, as declarations of CSS custom properties (`--chart-paper`, `--chart-text`,
/// `--chart-axis`, `--chart-grid`, `--chart-0` to `--chart-7`): an SVG picture of this crate that is part of an HTML
/// page takes them where they are set, and its own colours for white elsewhere.
///
/// ```
/// let dark = flatgrad::report::chart::dark_properties();
/// let style = format!("@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}");
/// assert!(style.contains("--chart-0:#6ea8fe;"));
/// ```
pub fn dark_properties() -> String {
    Ink::all().map(|ink| format!("--chart-{}:{};", ink.name(), hex(ink.dark()))).collect()
}

pub(in crate::report) fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}
