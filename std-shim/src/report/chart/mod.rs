//! Charts, as SVG and as PNG: curves on a pair of axes ([`Chart`]), and bars ([`Bars`]).
//!
//! An SVG picture stands alone, on white, and can be part of an HTML page as it is: it loads nothing, and takes the
//! page's colours from custom properties ([`dark_properties`]). Curves differ in colour, dashes and markers.
//!
//! ```
//! use flatgrad::report::chart::{Axis, Chart, Rule, Series};
//! let loss = |rate: f64| (0..200).map(|step| (f64::from(step), (-rate * f64::from(step)).exp())).collect();
//! let chart = Chart {
//!     series: vec![Series::new(0, "slow", loss(0.01)), Series::new(1, "fast", loss(0.03))],
//!     rules: vec![Rule::vertical(150.0, "stopped")],
//!     ..Chart::new("two rates", Axis::counts("step"), Axis::logarithmic("loss"))
//! };
//! assert!(chart.to_svg().starts_with("<svg"));
//! assert_eq!(chart.to_png()?[..8], *b"\x89PNG\r\n\x1a\n");
//! # Ok::<(), flatgrad::Error>(())
//! ```

mod axis;
mod bars;
mod bitmap;
mod curves;
mod dash;
mod panel;
mod span;
mod style;
mod surface;
mod svg;
mod thin;

pub use axis::{Axis, Scale};
pub use bars::{Bar, Bars};
pub use curves::{Chart, Rule, Series};
pub use style::{Dash, Marker, Style, dark_properties};

pub(super) use bitmap::Bitmap;
pub(super) use panel::{BAND, Curve, Panel};
pub(super) use span::Span;
pub(super) use surface::{Anchor, Letters, Surface};
pub(super) use svg::Svg;
pub(super) use thin::{Line, ends, lines, peaks};

use std::path::Path;

use crate::error::{Error, Result};

/// How a picture's title is written.
pub(super) const TITLE: Letters = Letters::new(Anchor::Start).bold();

/// A longer text is cut.
pub(super) fn shortened(text: &str, letters: usize) -> String {
    match text.chars().count() <= letters {
        true => text.to_string(),
        false => text.chars().take(letters.saturating_sub(3)).chain("...".chars()).collect(),
    }
}

/// The file of a picture.
pub(super) fn png(bitmap: &Bitmap) -> Result<Vec<u8>> {
    bitmap.to_png().map_err(|error| Error::io(Path::new("PNG picture"))(std::io::Error::other(error)))
}
