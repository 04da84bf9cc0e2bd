//! Mirror images.

use super::check::{check_len, check_probability};
use super::{Canvas, Place, Transform};
use crate::error::Result;

/// Mirrors left and right with probability `p` (`RandomHorizontalFlip`). Not for digits and letters: a mirrored one is
/// another, or none.
///
/// ```
/// use flatgrad::augment::{Canvas, Key, Pipeline, RandomHorizontalFlip};
/// let pipeline = Pipeline::new(vec![Box::new(RandomHorizontalFlip::ALWAYS)], [1, 1, 3])?;
/// let mut out = [0.0; 3];
/// pipeline.apply(Key { seed: 1, epoch: 0, sample: 0 }, &[1.0, 2.0, 3.0], &mut out, &mut Canvas::default())?;
/// assert_eq!(out, [3.0, 2.0, 1.0]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomHorizontalFlip {
    /// The probability.
    pub p: f32,
}

/// Mirrors top and bottom with probability `p` (`RandomVerticalFlip`).
///
/// ```
/// use flatgrad::augment::{RandomVerticalFlip, Transform};
/// assert!(RandomVerticalFlip { p: 1.5 }.out_shape([1, 8, 8]).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomVerticalFlip {
    /// The probability.
    pub p: f32,
}

impl RandomHorizontalFlip {
    /// Half of the images.
    pub const DEFAULT: Self = Self { p: 0.5 };
    /// All images.
    pub const ALWAYS: Self = Self { p: 1.0 };
}

impl RandomVerticalFlip {
    /// Half of the images.
    pub const DEFAULT: Self = Self { p: 0.5 };
    /// All images.
    pub const ALWAYS: Self = Self { p: 1.0 };
}

impl Transform for RandomHorizontalFlip {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        check_probability("random_horizontal_flip", self.p)?;
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let shape = canvas.shape();
        if place.draws().chance(self.p) { horizontal_flip(shape, canvas.image_mut()) } else { Ok(()) }
    }
}

impl Transform for RandomVerticalFlip {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        check_probability("random_vertical_flip", self.p)?;
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let shape = canvas.shape();
        if place.draws().chance(self.p) { vertical_flip(shape, canvas.image_mut()) } else { Ok(()) }
    }
}

/// Mirrors left and right: every row backward.
///
/// ```
/// let mut image = [1.0, 2.0, 3.0, 4.0];
/// flatgrad::augment::horizontal_flip([1, 2, 2], &mut image)?;
/// assert_eq!(image, [2.0, 1.0, 4.0, 3.0]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Augment`](crate::Error::Augment) if the image does not have this shape.
pub fn horizontal_flip(shape: [usize; 3], image: &mut [f32]) -> Result {
    check_len("horizontal_flip", image, shape)?;
    image.chunks_exact_mut(shape[2]).for_each(<[f32]>::reverse);
    Ok(())
}

/// Mirrors top and bottom: the rows of each channel in reverse order.
///
/// ```
/// let mut image = [1.0, 2.0, 3.0, 4.0];
/// flatgrad::augment::vertical_flip([1, 2, 2], &mut image)?;
/// assert_eq!(image, [3.0, 4.0, 1.0, 2.0]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Augment`](crate::Error::Augment) if the image does not have this shape.
pub fn vertical_flip(shape: [usize; 3], image: &mut [f32]) -> Result {
    check_len("vertical_flip", image, shape)?;
    let [_, height, width] = shape;
    for plane in image.chunks_exact_mut(height * width) {
        let (upper, lower) = plane.split_at_mut(height / 2 * width);
        let lower = lower.chunks_exact_mut(width).rev();
        upper.chunks_exact_mut(width).zip(lower).for_each(|(above, below)| above.swap_with_slice(below));
    }
    Ok(())
}
