//! Crops and translations by whole pixels.

use super::check::{check, check_fill, check_shape, round};
use super::{Canvas, Draws, Padding, Place, Transform, Window, crop};
use crate::error::Result;

/// A window at a random place of the padded image (`RandomCrop`).
///
/// ```
/// use flatgrad::augment::{RandomCrop, Transform};
/// let cifar = RandomCrop { padding: [4; 4], ..RandomCrop::DEFAULT };
/// assert_eq!(cifar.out_shape([3, 32, 32])?, [3, 32, 32]);
/// let too_large = RandomCrop { size: Some([40, 40]), ..RandomCrop::DEFAULT };
/// assert!(too_large.out_shape([3, 32, 32]).is_err());
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomCrop {
    /// Height and width of the window; `None`: those of the image.
    pub size: Option<[usize; 2]>,
    /// Rows and columns added first: left, top, right, bottom.
    pub padding: [usize; 4],
    /// Pads further, on both sides, an image that is smaller than the window.
    pub pad_if_needed: bool,
    /// One value, or one for each channel; empty: 0.
    pub fill: Vec<f32>,
    /// What the padding is.
    pub mode: Padding,
}

impl RandomCrop {
    /// The image's size, no padding.
    pub const DEFAULT: Self =
        Self { size: None, padding: [0; 4], pad_if_needed: false, fill: Vec::new(), mode: Padding::Constant };

    /// Where the window lies: each place in the padded image is equally likely. The first draw is for the top, the
    /// second for the left edge.
    ///
    /// # Errors
    ///
    /// As [`Transform::out_shape`].
    pub fn params(&self, draws: &mut Draws, shape: [usize; 3]) -> Result<Window> {
        let [_, height, width] = self.out_shape(shape)?;
        let [left, top, right, bottom] = self.padding;
        let mut at = |before: usize, size: usize, after: usize, window: usize| {
            let missing = window.saturating_sub(before + size + after);
            let places = before + size + after + 2 * missing - window;
            draws.below(places + 1) as isize - (before + missing) as isize
        };
        let (top, left) = (at(top, shape[1], bottom, height), at(left, shape[2], right, width));
        Ok(Window { top, left, height, width })
    }
}

impl Transform for RandomCrop {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        const NAME: &str = "random_crop";
        let [channels, height, width] = shape;
        let [h, w] = self.size.unwrap_or([height, width]);
        check_shape(NAME, [channels, h, w])?;
        check_fill(NAME, &self.fill, channels)?;
        check(NAME, self.padding.iter().all(|&side| side <= 1 << 20), "padding", "below 1048576", self.padding)?;
        let [left, top, right, bottom] = self.padding;
        let padded = [height + top + bottom, width + left + right];
        let fits = self.pad_if_needed || (h <= padded[0] && w <= padded[1]);
        check(NAME, fits, "size", format_args!("at most that of the padded image, {padded:?}"), [h, w])?;
        Ok([channels, h, w])
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let shape = canvas.shape();
        let window = self.params(&mut place.draws(), shape)?;
        if window == (Window { top: 0, left: 0, height: shape[1], width: shape[2] }) {
            return Ok(());
        }
        let out = [shape[0], window.height, window.width];
        canvas.replace(out, |shape, from, to| crop(shape, window, self.mode, &self.fill, from, to))
    }
}

/// Moves the image by whole pixels (the translation of `RandomAffine`): no resampling. For parts of pixels see
/// [`Map::Translate`](super::Map::Translate).
///
/// ```
/// use flatgrad::augment::{RandomTranslation, Transform};
/// let shift = RandomTranslation { max: [0.1, 0.1], ..RandomTranslation::DEFAULT };
/// assert_eq!(shift.out_shape([1, 28, 28])?, [1, 28, 28]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomTranslation {
    /// At most this part of the width across, and of the height down, in both directions.
    pub max: [f32; 2],
    /// One value, or one for each channel; empty: 0.
    pub fill: Vec<f32>,
    /// What comes in from outside.
    pub mode: Padding,
}

impl RandomTranslation {
    /// Up to a tenth in each direction.
    pub const DEFAULT: Self = Self { max: [0.1; 2], fill: Vec::new(), mode: Padding::Constant };

    /// By how many pixels: right and down. Each is uniform in its range, then rounded.
    pub fn params(&self, draws: &mut Draws, [_, height, width]: [usize; 3]) -> [isize; 2] {
        [whole_shift(draws, self.max[0], width), whole_shift(draws, self.max[1], height)]
    }
}

/// At most a part of `size`, in both directions.
pub(super) fn whole_shift(draws: &mut Draws, max: f32, size: usize) -> isize {
    let most = f64::from(max) * size as f64;
    round(draws.between([-most, most])) as isize
}

/// Moves the image by whole pixels.
pub(super) fn translate([right, down]: [isize; 2], mode: Padding, fill: &[f32], canvas: &mut Canvas) -> Result {
    let shape = canvas.shape();
    if [right, down] == [0, 0] {
        return Ok(());
    }
    let window = Window { top: -down, left: -right, height: shape[1], width: shape[2] };
    canvas.replace(shape, |shape, from, to| crop(shape, window, mode, fill, from, to))
}

impl Transform for RandomTranslation {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        const NAME: &str = "random_translation";
        let fits = self.max.iter().all(|max| (0.0..=1.0).contains(max));
        check(NAME, fits, "max", "two parts from 0 to 1", self.max)?;
        check_fill(NAME, &self.fill, shape[0])?;
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let shift = self.params(&mut place.draws(), canvas.shape());
        translate(shift, self.mode, &self.fill, canvas)
    }
}
