//! Crops for testing: one from the middle, or several whose outputs are averaged.

use super::check::{check, check_len, check_pair, check_shape, round};
use super::{Canvas, Padding, Place, Transform, Window, crop, horizontal_flip, vertical_flip};
use crate::error::Result;

/// The middle of the image (`CenterCrop`); a smaller image gets a border of zeros.
///
/// ```
/// use flatgrad::augment::{CenterCrop, Transform};
/// let crop = CenterCrop { size: [224, 224] };
/// assert_eq!(crop.out_shape([3, 256, 341])?, [3, 224, 224]);
/// let window = crop.window([3, 256, 341]);
/// assert_eq!((window.top, window.left), (16, 58));
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CenterCrop {
    /// Height and width.
    pub size: [usize; 2],
}

impl CenterCrop {
    /// Where it lies: half a pixel is rounded to an even number, as Python does.
    pub fn window(&self, [_, rows, columns]: [usize; 3]) -> Window {
        let start = |size: usize, crop: usize| match crop.checked_sub(size) {
            Some(missing) => -((missing / 2) as isize),
            None => round((size - crop) as f64 / 2.0) as isize,
        };
        let [height, width] = self.size;
        Window { top: start(rows, height), left: start(columns, width), height, width }
    }
}

impl Transform for CenterCrop {
    fn out_shape(&self, [channels, ..]: [usize; 3]) -> Result<[usize; 3]> {
        let out = [channels, self.size[0], self.size[1]];
        check_shape("center_crop", out)?;
        Ok(out)
    }

    fn apply(&self, _: Place, canvas: &mut Canvas) -> Result {
        let out = self.out_shape(canvas.shape())?;
        let window = self.window(canvas.shape());
        canvas.replace(out, |shape, from, to| crop(shape, window, Padding::Constant, &[], from, to))
    }
}

/// Writes the crops of `size` from the four corners and the middle to `to`, `[5, c, size[0], size[1]]` (`FiveCrop`):
/// top left, top right, bottom left, bottom right, middle.
///
/// ```
/// let mut to = [0.0; 5];
/// flatgrad::augment::five_crop([1, 2, 3], [1, 1], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &mut to)?;
/// assert_eq!(to, [1.0, 3.0, 4.0, 6.0, 2.0], "(2 - 1) / 2 rounds to 0");
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Augment`](crate::Error::Augment) if the crops are larger than the image, or a length does not fit.
pub fn five_crop(shape: [usize; 3], size: [usize; 2], from: &[f32], to: &mut [f32]) -> Result {
    let [channels, rows, columns] = shape;
    let [height, width] = size;
    let fits = height <= rows && width <= columns;
    check("five_crop", fits, "size", format_args!("at most that of the image, {rows} x {columns}"), size)?;
    // Five images are one of five times the channels.
    check_pair("five_crop", from, shape, to, [5 * channels, height, width])?;
    let (right, bottom) = ((columns - width) as isize, (rows - height) as isize);
    let corner = |top, left| Window { top, left, height, width };
    let middle = CenterCrop { size }.window(shape);
    let windows = [corner(0, 0), corner(0, right), corner(bottom, 0), corner(bottom, right), middle];
    for (window, to) in windows.into_iter().zip(to.chunks_exact_mut(channels * height * width)) {
        crop(shape, window, Padding::Constant, &[], from, to)?;
    }
    Ok(())
}

/// As [`five_crop`], then the same of the mirror image (`TenCrop`): `[10, c, size[0], size[1]]`; mirrored top and
/// bottom if `vertical`, else left and right.
///
/// ```
/// let mut to = [0.0; 10];
/// flatgrad::augment::ten_crop([1, 1, 2], [1, 1], false, &[1.0, 2.0], &mut to)?;
/// assert_eq!(to, [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Errors
///
/// As [`five_crop`].
pub fn ten_crop(shape: [usize; 3], size: [usize; 2], vertical: bool, from: &[f32], to: &mut [f32]) -> Result {
    check_len("ten_crop", from, shape)?;
    check_shape("ten_crop", [shape[0], size[0], size[1]])?;
    check_len("ten_crop", to, [10 * shape[0], size[0], size[1]])?;
    let (plain, mirrored) = to.split_at_mut(to.len() / 2);
    five_crop(shape, size, from, plain)?;
    let mut image = from.to_vec();
    if vertical {
        vertical_flip(shape, &mut image)?
    } else {
        horizontal_flip(shape, &mut image)?
    }
    five_crop(shape, size, &image, mirrored)
}

/// Averages what a model says of the crops of each of `n` samples: `outputs` is `[n, crops, k]`, `to` `[n, k]`.
/// Probabilities, or logits.
///
/// ```
/// let mut to = [0.0; 2];
/// flatgrad::augment::average_crops(1, 2, &[1.0, 0.0, 0.5, 0.5], &mut to)?;
/// assert_eq!(to, [0.75, 0.25]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Numerics
///
/// The sum over the crops in their order, divided by their number.
///
/// # Errors
///
/// [`Error::Augment`](crate::Error::Augment) if the lengths do not fit.
pub fn average_crops(n: usize, crops: usize, outputs: &[f32], to: &mut [f32]) -> Result {
    let fits = crops > 0 && to.len().checked_rem(n) == Some(0) && to.len().checked_mul(crops) == Some(outputs.len());
    check("average_crops", fits, "the outputs", format_args!("{crops} times {}", to.len()), outputs.len())?;
    let k = (to.len() / n).max(1);
    for (outputs, to) in outputs.chunks_exact(crops * k).zip(to.chunks_exact_mut(k)) {
        to.fill(0.0);
        for crop in outputs.chunks_exact(k) {
            to.iter_mut().zip(crop).for_each(|(to, x)| *to += x);
        }
        to.iter_mut().for_each(|to| *to /= crops as f32);
    }
    Ok(())
}
