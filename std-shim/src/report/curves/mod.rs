//! Pictures of a run: the losses, what else was measured, and the learning rate.

mod draw;
mod layers;
mod panels;

pub use layers::{stats_png, stats_svg};

use super::chart::{Bitmap, Svg, png};
use crate::train::History;
use panels::Picture;

/// The course of a run as an SVG picture, of up to three parts above a common axis of steps: the training loss of each
/// step (pale) with its moving average, and the losses of validation and test after each epoch; the accuracy in
/// training, validation and test, or the mean absolute error; the learning rate of each step. Where the whole training
/// part was evaluated, it has curves beside validation and test.
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
    let mut svg = Svg::new(title, picture.size());
    draw::draw(title, &picture, &mut svg);
    Some(svg.finish())
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
    let mut bitmap = Bitmap::new(picture.size());
    draw::draw(title, &picture, &mut bitmap);
    png(&bitmap).ok()
}
