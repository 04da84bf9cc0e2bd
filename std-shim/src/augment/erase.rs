//! Hiding a part of the image.

use super::check::{check, check_fill, check_len, check_probability, check_range, fill_of, round};
use super::{Canvas, Draws, Place, Transform};
use crate::error::Result;

/// A rectangle inside an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The first row.
    pub top: usize,
    /// The first column.
    pub left: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Region {
    pub(super) fn check(self, operation: &'static str, [_, height, width]: [usize; 3]) -> Result {
        let inside = |start: usize, len: usize, size: usize| start.checked_add(len).is_some_and(|end| end <= size);
        let fits = inside(self.top, self.height, height) && inside(self.left, self.width, width);
        check(operation, fits, "the region", format_args!("inside {height} x {width}"), self)
    }

    /// The rows of the region in `plane`, whose rows have `width` values.
    fn rows(self, plane: &mut [f32], width: usize) -> impl Iterator<Item = &mut [f32]> {
        let rows = plane.chunks_exact_mut(width).skip(self.top).take(self.height);
        rows.filter_map(move |row| row.get_mut(self.left..self.left + self.width))
    }
}

/// What an erased region holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Erased {
    /// One value, or one for each channel; empty: 0.
    Fill(Vec<f32>),
    /// Normally distributed noise, mean 0 and deviation 1, as in `RandomErasing(value="random")`; for images that are
    /// normalized already.
    Normal,
}

/// Erases a rectangle of random area and shape (`RandomErasing`).
///
/// Zhong et al., "Random erasing data augmentation", 2020.
///
/// ```
/// use flatgrad::augment::{RandomErasing, Transform};
/// assert_eq!(RandomErasing::DEFAULT.out_shape([1, 28, 28])?, [1, 28, 28]);
/// let wrong = RandomErasing { scale: [0.5, 1.5], ..RandomErasing::DEFAULT };
/// assert!(wrong.out_shape([1, 28, 28]).is_err());
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomErasing {
    /// The probability.
    pub p: f32,
    /// The area, as a part of the image's.
    pub scale: [f32; 2],
    /// Height over width.
    pub ratio: [f32; 2],
    /// What the region then holds.
    pub value: Erased,
}

impl RandomErasing {
    /// torchvision's defaults.
    pub const DEFAULT: Self = Self { p: 0.5, scale: [0.02, 0.33], ratio: [0.3, 3.3], value: Erased::Fill(Vec::new()) };

    /// What to erase, if anything. The area is uniform, the ratio uniform in its logarithm; after ten rectangles that
    /// are not smaller than the image, nothing is erased.
    pub fn params(&self, draws: &mut Draws, [_, height, width]: [usize; 3]) -> Option<Region> {
        if !draws.chance(self.p) {
            return None;
        }
        let area = height as f64 * width as f64;
        for _ in 0..10 {
            let erased = area * draws.between(self.scale.map(f64::from));
            let ratio = draws.between_log(self.ratio.map(f64::from));
            let (h, w) = (round((erased * ratio).sqrt()) as usize, round((erased / ratio).sqrt()) as usize);
            if h < height && w < width {
                let (top, left) = (draws.below(height - h + 1), draws.below(width - w + 1));
                return Some(Region { top, left, height: h, width: w });
            }
        }
        None
    }
}

impl Transform for RandomErasing {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        const NAME: &str = "random_erasing";
        check_probability(NAME, self.p)?;
        check_range(NAME, "scale", self.scale, [0.0, 1.0], "two parts of the area, from 0 to 1, in order")?;
        check_range(NAME, "ratio", self.ratio, [1e-3, 1e3], "two numbers from 0.001 to 1000, in order")?;
        if let Erased::Fill(fill) = &self.value {
            check_fill(NAME, fill, shape[0])?;
        }
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let (shape, mut draws) = (canvas.shape(), place.draws());
        match (self.params(&mut draws, shape), &self.value) {
            (None, _) => Ok(()),
            (Some(region), Erased::Fill(fill)) => erase(shape, region, fill, canvas.image_mut()),
            (Some(region), Erased::Normal) => erase_normal(shape, region, &mut draws, canvas.image_mut()),
        }
    }
}

/// Erases a square around a random pixel; where it reaches beyond the image, it is cut off.
///
/// DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017: 16 for CIFAR-10.
///
/// ```
/// use flatgrad::augment::{Cutout, Transform};
/// assert_eq!(Cutout::new(16).out_shape([3, 32, 32])?, [3, 32, 32]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Cutout {
    /// The probability.
    pub p: f32,
    /// The square's side.
    pub size: usize,
    /// One value, or one for each channel; empty: 0.
    pub fill: Vec<f32>,
}

impl Cutout {
    /// Always, with zeros.
    pub const fn new(size: usize) -> Self {
        Self { p: 1.0, size, fill: Vec::new() }
    }

    /// What to erase, if anything: each pixel is equally likely to be the middle.
    pub fn params(&self, draws: &mut Draws, [_, height, width]: [usize; 3]) -> Option<Region> {
        if !draws.chance(self.p) {
            return None;
        }
        let mut side = |size: usize| {
            let middle = draws.below(size);
            let start = middle.saturating_sub(self.size / 2);
            // Of an even size, the middle is the first pixel of the second half.
            let end = (middle + self.size.div_ceil(2)).min(size);
            (start, end - start)
        };
        let ((top, height), (left, width)) = (side(height), side(width));
        Some(Region { top, left, height, width })
    }
}

impl Transform for Cutout {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        check_probability("cutout", self.p)?;
        let most = shape[1].max(shape[2]);
        check("cutout", (1..=most).contains(&self.size), "size", format_args!("from 1 to {most}"), self.size)?;
        check_fill("cutout", &self.fill, shape[0])?;
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let shape = canvas.shape();
        let region = self.params(&mut place.draws(), shape);
        region.map_or(Ok(()), |region| erase(shape, region, &self.fill, canvas.image_mut()))
    }
}

/// Fills a region (`erase`); `fill` is one value, or one for each channel; empty: 0.
///
/// ```
/// use flatgrad::augment::{Region, erase};
/// let mut image = [1.0; 6];
/// erase([1, 2, 3], Region { top: 0, left: 1, height: 2, width: 1 }, &[0.5], &mut image)?;
/// assert_eq!(image, [1.0, 0.5, 1.0, 1.0, 0.5, 1.0]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Augment`](crate::Error::Augment) if the region is not inside the image, or a length does not fit.
pub fn erase(shape: [usize; 3], region: Region, fill: &[f32], image: &mut [f32]) -> Result {
    check_len("erase", image, shape)?;
    region.check("erase", shape)?;
    check_fill("erase", fill, shape[0])?;
    for (channel, plane) in image.chunks_exact_mut(shape[1] * shape[2]).enumerate() {
        let value = fill_of(fill, channel);
        region.rows(plane, shape[2]).for_each(|row| row.fill(value));
    }
    Ok(())
}

/// Fills a region with normally distributed noise, mean 0 and deviation 1.
///
/// ```
/// use flatgrad::augment::{Key, Region, erase_normal};
/// let mut image = [9.0; 6];
/// let mut draws = Key { seed: 1, epoch: 0, sample: 0 }.draws(0);
/// erase_normal([1, 2, 3], Region { top: 0, left: 1, height: 2, width: 1 }, &mut draws, &mut image)?;
/// assert!(image[0] == 9.0 && image[1].abs() < 7.0 && image[4].abs() < 7.0);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Errors
///
/// As [`erase`].
pub fn erase_normal(shape: [usize; 3], region: Region, draws: &mut Draws, image: &mut [f32]) -> Result {
    check_len("erase", image, shape)?;
    region.check("erase", shape)?;
    let planes = image.chunks_exact_mut(shape[1] * shape[2]);
    for row in planes.flat_map(|plane| region.rows(plane, shape[2])) {
        draws.fill_normal(row, 0.0, 1.0)?;
    }
    Ok(())
}
