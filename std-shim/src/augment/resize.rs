//! Other sizes, bilinear.

use super::check::{check, check_pair, check_shape};
use super::{Canvas, Place, Region, Transform};
use crate::error::Result;

/// For one direction: which pixels make the new ones, and with which weights.
#[derive(Clone, Debug, Default)]
struct Axis {
    /// For each new pixel the first old one; it has `taps` weights.
    first: Vec<usize>,
    weights: Vec<f32>,
    taps: usize,
}

/// Memory for [`resize`]: used again and again, it grows to the largest size needed.
#[derive(Clone, Debug, Default)]
pub struct Axes {
    down: Axis,
    across: Axis,
    /// An image of the old height and the new width.
    rows: Vec<f32>,
}

impl Axis {
    /// For `out` new pixels in the place of the `len` old ones from `start` on.
    fn set(&mut self, start: usize, len: usize, out: usize, antialias: bool) {
        let scale = len as f64 / out as f64;
        // Without antialiasing, or when it grows, a pixel is made of the two nearest ones.
        let reach = if antialias { scale.max(1.0) } else { 1.0 };
        self.taps = (2 * (reach.ceil() as usize) + 1).min(len);
        self.first.clear();
        self.weights.clear();
        for i in 0..out {
            let middle = scale * (i as f64 + 0.5);
            // Near the edge, what lies outside is left out, and the weights of the rest add up to 1; without
            // antialiasing the outermost pixel stands for it, which is the same: only one pixel is left.
            let first = ((middle - reach + 0.5).max(0.0) as usize).min(len - self.taps);
            let weight = |j: usize| (1.0 - ((first + j) as f64 + 0.5 - middle).abs() / reach).max(0.0);
            let sum: f64 = (0..self.taps).map(weight).sum();
            self.first.push(start + first);
            self.weights.extend((0..self.taps).map(|j| (weight(j) / sum) as f32));
        }
    }

    /// The first old pixel of each new one, and its weights.
    fn taps(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.first.iter().copied().zip(self.weights.chunks_exact(self.taps.max(1)))
    }
}

/// Resizes a region of `from` to `to`, `[c, size[0], size[1]]`, bilinear (`resize` and `resized_crop`).
///
/// With `antialias`, a smaller image is made of all pixels, weighted by a triangle as wide as two new pixels; without,
/// of the two nearest in each direction only.
///
/// ```
/// use flatgrad::augment::{Axes, Region, resize};
/// let all = Region { top: 0, left: 0, height: 1, width: 4 };
/// let mut to = [0.0; 2];
/// resize([1, 1, 4], all, [1, 2], true, &[0.0, 1.0, 2.0, 3.0], &mut to, &mut Axes::default())?;
/// assert_eq!(to, [0.71428573, 2.2857141]);
/// resize([1, 1, 4], all, [1, 2], false, &[0.0, 1.0, 2.0, 3.0], &mut to, &mut Axes::default())?;
/// assert_eq!(to, [0.5, 2.5]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Numerics
///
/// Weights are computed in f64 and rounded to f32; then each row, then each column is a sum of products in order. A
/// direction whose size stays the same is copied: the same bits.
///
/// # Errors
///
/// [`Error::Augment`](crate::Error::Augment) if the region is empty or not inside the image, or a length does not fit.
pub fn resize(
    shape: [usize; 3],
    region: Region,
    size: [usize; 2],
    antialias: bool,
    from: &[f32],
    to: &mut [f32],
    axes: &mut Axes,
) -> Result {
    let [channels, height, width] = shape;
    check_pair("resize", from, shape, to, [channels, size[0], size[1]])?;
    region.check("resize", shape)?;
    check("resize", region.height > 0 && region.width > 0, "the region", "not empty", region)?;
    let Axes { down, across, rows } = axes;
    down.set(region.top, region.height, size[0], antialias);
    across.set(region.left, region.width, size[1], antialias);
    rows.resize(region.height * size[1], 0.0);
    for (plane, to) in from.chunks_exact(height * width).zip(to.chunks_exact_mut(size[0] * size[1])) {
        let old = plane.chunks_exact(width).skip(region.top);
        for (row, to) in old.zip(rows.chunks_exact_mut(size[1])) {
            if region.width == size[1] {
                to.copy_from_slice(&row[region.left..region.left + region.width]);
            } else {
                resize_row(row, across, to);
            }
        }
        if region.height == size[0] {
            to.copy_from_slice(rows);
        } else {
            resize_columns(rows, size[1], region.top, down, to);
        }
    }
    Ok(())
}

fn resize_row(row: &[f32], across: &Axis, to: &mut [f32]) {
    for (to, (first, weights)) in to.iter_mut().zip(across.taps()) {
        let pixels = row.get(first..).unwrap_or_default();
        *to = pixels.iter().zip(weights).fold(0.0, |sum, (x, w)| sum + x * w);
    }
}

/// Row by row: the loops over a row are independent of one another.
fn resize_columns(rows: &[f32], width: usize, top: usize, down: &Axis, to: &mut [f32]) {
    for (to, (first, weights)) in to.chunks_exact_mut(width).zip(down.taps()) {
        to.fill(0.0);
        for (row, &weight) in rows.chunks_exact(width).skip(first - top).zip(weights) {
            // Of a triangle, the last weight is often 0.
            if weight != 0.0 {
                to.iter_mut().zip(row).for_each(|(to, x)| *to += x * weight);
            }
        }
    }
}

/// How large an image is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Its shorter side; the other follows, rounded down: the form stays the same.
    Short(usize),
    /// Height and width: the image is stretched.
    Exact([usize; 2]),
}

/// Resizes every image to the model's input (`Resize`): not random, for testing.
///
/// ```
/// use flatgrad::augment::{Resize, Size, Transform};
/// assert_eq!(Resize::new(Size::Short(256)).out_shape([3, 480, 640])?, [3, 256, 341]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resize {
    /// The new size.
    pub size: Size,
    /// Whether a smaller image is made of all pixels.
    pub antialias: bool,
}

impl Resize {
    /// With antialiasing, torchvision's default.
    pub const fn new(size: Size) -> Self {
        Self { size, antialias: true }
    }
}

impl Transform for Resize {
    fn out_shape(&self, [channels, height, width]: [usize; 3]) -> Result<[usize; 3]> {
        let short = height.min(width).max(1);
        let [h, w] = match self.size {
            Size::Exact(size) => size,
            Size::Short(size) if height <= width => [size, size.saturating_mul(width) / short],
            Size::Short(size) => [size.saturating_mul(height) / short, size],
        };
        check_shape("resize", [channels, h, w])?;
        Ok([channels, h, w])
    }

    fn apply(&self, _: Place, canvas: &mut Canvas) -> Result {
        let [channels, height, width] = canvas.shape();
        let out = self.out_shape([channels, height, width])?;
        let region = Region { top: 0, left: 0, height, width };
        if out == canvas.shape() {
            return Ok(());
        }
        canvas.replace_with(out, |shape, from, to, axes| {
            resize(shape, region, [out[1], out[2]], self.antialias, from, to, axes)
        })
    }
}
