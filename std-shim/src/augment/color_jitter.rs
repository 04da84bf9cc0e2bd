//! Random colors.

use super::check::{check, check_probability, check_range};
use super::color::{check_channels, check_normalize};
use super::{
    Canvas, Draws, Place, Transform, adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation, normalize,
    rgb_to_grayscale,
};
use crate::error::Result;

/// Changes brightness, contrast, saturation and hue in a random order (`ColorJitter`).
///
/// ```
/// use flatgrad::augment::{ColorJitter, Transform};
/// let jitter = ColorJitter::new(0.4, 0.4, 0.4, 0.1);
/// assert_eq!((jitter.brightness, jitter.hue), (Some([0.6, 1.4]), Some([-0.1, 0.1])));
/// assert_eq!(jitter.out_shape([3, 32, 32])?, [3, 32, 32]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColorJitter {
    /// The factor, if it is to change.
    pub brightness: Option<[f32; 2]>,
    /// The factor, if it is to change.
    pub contrast: Option<[f32; 2]>,
    /// The factor, if it is to change.
    pub saturation: Option<[f32; 2]>,
    /// The part of the color circle, from -0.5 to 0.5, if it is to change.
    pub hue: Option<[f32; 2]>,
}

/// One change of an image's colors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ColorChange {
    /// [`adjust_brightness`] by this factor.
    Brightness(f32),
    /// [`adjust_contrast`] by this factor.
    Contrast(f32),
    /// [`adjust_saturation`] by this factor.
    Saturation(f32),
    /// [`adjust_hue`] by this part of the circle.
    Hue(f32),
}

impl ColorChange {
    /// Changes the image.
    ///
    /// # Errors
    ///
    /// Those of the function for this change.
    pub fn apply(self, shape: [usize; 3], image: &mut [f32]) -> Result {
        match self {
            Self::Brightness(factor) => adjust_brightness(shape, factor, image),
            Self::Contrast(factor) => adjust_contrast(shape, factor, image),
            Self::Saturation(factor) => adjust_saturation(shape, factor, image),
            Self::Hue(turn) => adjust_hue(shape, turn, image),
        }
    }
}

impl ColorJitter {
    /// Factors from `1 - x` (not below 0) to `1 + x`, the hue from `-hue` to `hue`; what is 0 does not change.
    pub const fn new(brightness: f32, contrast: f32, saturation: f32, hue: f32) -> Self {
        const fn around(x: f32) -> Option<[f32; 2]> {
            if x == 0.0 { None } else { Some([if x > 1.0 { 0.0 } else { 1.0 - x }, 1.0 + x]) }
        }
        let hue = if hue == 0.0 { None } else { Some([-hue, hue]) };
        Self { brightness: around(brightness), contrast: around(contrast), saturation: around(saturation), hue }
    }

    /// The changes in the order in which to apply them: each order is equally likely, each number uniform in its range.
    pub fn params(&self, draws: &mut Draws) -> [Option<ColorChange>; 4] {
        let mut order = [0, 1, 2, 3];
        draws.shuffle(&mut order);
        let mut draw = |range: Option<[f32; 2]>| range.map(|range| draws.between(range.map(f64::from)) as f32);
        let changes = [
            draw(self.brightness).map(ColorChange::Brightness),
            draw(self.contrast).map(ColorChange::Contrast),
            draw(self.saturation).map(ColorChange::Saturation),
            draw(self.hue).map(ColorChange::Hue),
        ];
        order.map(|i| changes[i])
    }
}

impl Transform for ColorJitter {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        const NAME: &str = "color_jitter";
        check_channels(NAME, shape)?;
        let factors = [("brightness", self.brightness), ("contrast", self.contrast), ("saturation", self.saturation)];
        for (what, range) in factors {
            range.map_or(Ok(()), |range| {
                check_range(NAME, what, range, [0.0, 1000.0], "two factors from 0 to 1000, in order")
            })?;
        }
        self.hue.map_or(Ok(()), |hue| {
            check_range(NAME, "hue", hue, [-0.5, 0.5], "two numbers from -0.5 to 0.5, in order")
        })?;
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let (changes, shape) = (self.params(&mut place.draws()), canvas.shape());
        changes.into_iter().flatten().try_for_each(|change| change.apply(shape, canvas.image_mut()))
    }
}

/// The gray image, in 1 channel or in 3 equal ones (`Grayscale`).
///
/// ```
/// use flatgrad::augment::{Grayscale, Transform};
/// assert_eq!(Grayscale { channels: 1 }.out_shape([3, 32, 32])?, [1, 32, 32]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grayscale {
    /// 1 or 3.
    pub channels: usize,
}

impl Transform for Grayscale {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        let out = [self.channels, shape[1], shape[2]];
        check_channels("grayscale", shape)?;
        check("grayscale", matches!(self.channels, 1 | 3), "channels", "1 or 3", self.channels)?;
        Ok(out)
    }

    fn apply(&self, _: Place, canvas: &mut Canvas) -> Result {
        let out = self.out_shape(canvas.shape())?;
        canvas.replace(out, |shape, from, to| rgb_to_grayscale(shape, out[0], from, to))
    }
}

/// The gray image in all channels, with probability `p` (`RandomGrayscale`).
///
/// ```
/// use flatgrad::augment::{RandomGrayscale, Transform};
/// assert_eq!(RandomGrayscale::DEFAULT.out_shape([3, 32, 32])?, [3, 32, 32]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomGrayscale {
    /// The probability.
    pub p: f32,
}

impl RandomGrayscale {
    /// One image of ten.
    pub const DEFAULT: Self = Self { p: 0.1 };
}

impl Transform for RandomGrayscale {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        check_probability("random_grayscale", self.p)?;
        check_channels("random_grayscale", shape)?;
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let shape = canvas.shape();
        if shape[0] == 1 || !place.draws().chance(self.p) {
            return Ok(());
        }
        canvas.replace(shape, |shape, from, to| rgb_to_grayscale(shape, shape[0], from, to))
    }
}

/// `(x - mean) / std` (`Normalize`): last in a chain, because colors must be from 0 to 1 before.
///
/// ```
/// use flatgrad::augment::{Normalize, Transform};
/// let normalize = Normalize { mean: vec![0.5], std: vec![0.0] };
/// assert!(normalize.out_shape([1, 8, 8]).is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Normalize {
    /// The mean of each channel, or one for all.
    pub mean: Vec<f32>,
    /// The standard deviation of each channel, or one for all.
    pub std: Vec<f32>,
}

impl Transform for Normalize {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        check_normalize(shape[0], &self.mean, &self.std)?;
        Ok(shape)
    }

    fn apply(&self, _: Place, canvas: &mut Canvas) -> Result {
        let shape = canvas.shape();
        normalize(shape, &self.mean, &self.std, canvas.image_mut())
    }
}
