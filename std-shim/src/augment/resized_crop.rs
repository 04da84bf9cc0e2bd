//! A part of the image at the model's size.

use super::check::{check_range, check_shape, round};
use super::{Canvas, Draws, Place, Region, Transform, resize};
use crate::error::Result;

/// A region of random area and shape, resized (`RandomResizedCrop`): what networks for ImageNet are trained on.
///
/// ```
/// use flatgrad::augment::{RandomResizedCrop, Transform};
/// assert_eq!(RandomResizedCrop::new([224, 224]).out_shape([3, 375, 500])?, [3, 224, 224]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomResizedCrop {
    /// Height and width of the result; `None`: those of the image.
    pub size: Option<[usize; 2]>,
    /// The region's area, as a part of the image's.
    pub scale: [f32; 2],
    /// Width over height.
    pub ratio: [f32; 2],
    /// Whether a region that gets smaller is made of all its pixels.
    pub antialias: bool,
}

impl RandomResizedCrop {
    /// torchvision's defaults, and the size of the image.
    pub const DEFAULT: Self = Self { size: None, scale: [0.08, 1.0], ratio: [3.0 / 4.0, 4.0 / 3.0], antialias: true };

    /// torchvision's defaults.
    pub const fn new(size: [usize; 2]) -> Self {
        Self { size: Some(size), ..Self::DEFAULT }
    }

    /// Which region. The area is uniform, the ratio uniform in its logarithm; after ten regions that do not fit into
    /// the image, it is the largest one in the middle whose ratio is allowed.
    pub fn params(&self, draws: &mut Draws, [_, height, width]: [usize; 3]) -> Region {
        let (rows, columns) = (height as f64, width as f64);
        let ratios = self.ratio.map(f64::from);
        for _ in 0..10 {
            let area = rows * columns * draws.between(self.scale.map(f64::from));
            let ratio = draws.between_log(ratios);
            let (w, h) = (round((area * ratio).sqrt()) as usize, round((area / ratio).sqrt()) as usize);
            if (1..=width).contains(&w) && (1..=height).contains(&h) {
                let (top, left) = (draws.below(height - h + 1), draws.below(width - w + 1));
                return Region { top, left, height: h, width: w };
            }
        }
        let (w, h) = match columns / rows {
            flat if flat < ratios[0] => (width, round(columns / ratios[0]) as usize),
            wide if wide > ratios[1] => (round(rows * ratios[1]) as usize, height),
            _ => (width, height),
        };
        let (w, h) = (w.clamp(1, width), h.clamp(1, height));
        Region { top: (height - h) / 2, left: (width - w) / 2, height: h, width: w }
    }
}

impl Transform for RandomResizedCrop {
    fn out_shape(&self, [channels, height, width]: [usize; 3]) -> Result<[usize; 3]> {
        const NAME: &str = "random_resized_crop";
        check_range(NAME, "scale", self.scale, [0.0, 1.0], "two parts of the area, from 0 to 1, in order")?;
        check_range(NAME, "ratio", self.ratio, [1e-3, 1e3], "two numbers from 0.001 to 1000, in order")?;
        let [h, w] = self.size.unwrap_or([height, width]);
        check_shape(NAME, [channels, h, w])?;
        Ok([channels, h, w])
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let shape = canvas.shape();
        let out = self.out_shape(shape)?;
        let region = self.params(&mut place.draws(), shape);
        canvas.replace_with(out, |shape, from, to, axes| {
            resize(shape, region, [out[1], out[2]], self.antialias, from, to, axes)
        })
    }
}
