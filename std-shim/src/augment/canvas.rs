//! Where an image lives while it is changed.

use super::check::{check_len, check_shape};
use super::resize::Axes;
use crate::error::Result;

/// An image, and the memory that operations need beside it; use one per thread, again and again.
///
/// ```
/// use flatgrad::augment::Canvas;
/// let mut canvas = Canvas::default();
/// canvas.load([1, 1, 3], &[1.0, 2.0, 3.0])?;
/// canvas.image_mut().reverse();
/// canvas.replace([1, 1, 2], |_, from, to| {
///     to.copy_from_slice(&from[..2]);
///     Ok(())
/// })?;
/// assert_eq!((canvas.shape(), canvas.image()), ([1, 1, 2], &[3.0, 2.0][..]));
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Canvas {
    shape: [usize; 3],
    image: Vec<f32>,
    spare: Vec<f32>,
    axes: Axes,
    order: Vec<usize>,
}

impl Canvas {
    /// Puts an image `[c, h, w]` on the canvas.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`](crate::Error::Augment) if it does not have this shape.
    pub fn load(&mut self, shape: [usize; 3], image: &[f32]) -> Result {
        check_len("canvas", image, shape)?;
        self.shape = shape;
        self.image.clear();
        self.image.extend_from_slice(image);
        Ok(())
    }

    /// Channels, height and width.
    pub const fn shape(&self) -> [usize; 3] {
        self.shape
    }
    /// The image.
    pub fn image(&self) -> &[f32] {
        &self.image
    }
    /// The image, to be changed in place.
    pub fn image_mut(&mut self) -> &mut [f32] {
        &mut self.image
    }

    /// Puts an image of another shape in the place of this one: `draw` gets this one's shape, this one, and the new
    /// one, which holds anything at first.
    ///
    /// # Errors
    ///
    /// That of `draw`; the image is then as it was.
    pub fn replace(
        &mut self,
        shape: [usize; 3],
        draw: impl FnOnce([usize; 3], &[f32], &mut [f32]) -> Result,
    ) -> Result {
        self.replace_with(shape, |from_shape, from, to, _| draw(from_shape, from, to))
    }

    /// The same, with memory for a resampling.
    pub(super) fn replace_with(
        &mut self,
        shape: [usize; 3],
        draw: impl FnOnce([usize; 3], &[f32], &mut [f32], &mut Axes) -> Result,
    ) -> Result {
        check_shape("canvas", shape)?;
        self.spare.resize(shape.iter().product(), 0.0);
        draw(self.shape, &self.image, &mut self.spare, &mut self.axes)?;
        std::mem::swap(&mut self.image, &mut self.spare);
        self.shape = shape;
        Ok(())
    }

    /// Memory for the image's size in noise, beside the image.
    pub(super) fn with_spare(&mut self) -> (&mut [f32], &mut [f32]) {
        self.spare.resize(self.image.len(), 0.0);
        (&mut self.image, &mut self.spare)
    }

    /// Memory for an order of operations.
    pub(super) fn take_order(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.order)
    }
    pub(super) fn give_order(&mut self, order: Vec<usize>) {
        self.order = order;
    }
}
