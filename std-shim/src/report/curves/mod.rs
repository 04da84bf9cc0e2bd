//! Pictures of a run: the losses, what else was measured, and the learning rate.

mod axis;
mod bitmap;
mod draw;
mod layers;
mod panels;
mod thin;

pub use layers::{stats_png, stats_svg};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use plotters::prelude::{IntoDrawingArea, SVGBackend};

use crate::train::History;
use bitmap::Bitmap;
use panels::Picture;

/// Plotters has whole numbers as coordinates: these many to a unit leave no stairs.
const SVG_SCALE: u32 = 4;

/// The course of a run as an SVG picture, of up to three parts above a common axis of steps: the training loss of each
/// step (pale) with its moving average, and the losses of validation and test after each epoch; the accuracy in
/// training, validation and test, or the mean absolute error; the learning rate of each step.
///
/// A loss that falls to a hundredth or less is on a logarithmic axis. Numbers that are not finite are gaps. `None` if
/// there is no loss to draw.
///
/// ```
/// use flatgrad::report::curves_svg;
/// use flatgrad::train::History;
/// let history = History { step_losses: vec![2.3, 1.1, 0.6], step_rates: vec![1e-3; 3], ..History::default() };
/// assert!(curves_svg("mlp on digits", &history).unwrap().contains("learning rate"));
/// assert_eq!(curves_svg("nothing", &History::default()), None);
/// ```
pub fn curves_svg(title: &str, history: &History) -> Option<String> {
    let picture = Picture::of(history)?;
    let (width, height) = picture.size();
    let fine = (width * SVG_SCALE, height * SVG_SCALE);
    let mut svg = String::new();
    draw::draw(title, &picture, SVG_SCALE, &SVGBackend::with_string(&mut svg, fine).into_drawing_area()).ok()?;
    let size = |(width, height): (u32, u32)| format!("width=\"{width}\" height=\"{height}\"");
    Some(svg.replacen(&size(fine), &size((width, height)), 1))
}

/// The picture of [`curves_svg`] as a PNG file, with two pixels for each of its units.
///
/// ```
/// use flatgrad::report::curves_png;
/// use flatgrad::train::History;
/// let history = History { step_losses: vec![2.3, 1.1, 0.6], ..History::default() };
/// let file = curves_png("mlp on digits", &history).unwrap();
/// assert_eq!(file[..8], *b"\x89PNG\r\n\x1a\n");
/// ```
pub fn curves_png(title: &str, history: &History) -> Option<Vec<u8>> {
    let picture = Picture::of(history)?;
    let (width, height) = picture.size();
    let (width, height) = (width * bitmap::SCALE, height * bitmap::SCALE);
    let mut pixels = vec![0; 3 * width as usize * height as usize];
    let backend = Bitmap::new(&mut pixels, (width, height))?;
    draw::draw(title, &picture, bitmap::SCALE, &backend.into_drawing_area()).ok()?;
    let mut file = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut file, CompressionType::Default, FilterType::NoFilter);
    encoder.write_image(&pixels, width, height, ExtendedColorType::Rgb8).ok()?;
    Some(file)
}
