//! Several crops of one image, for testing.

use super::check::{check, check_shape};
use super::{Canvas, CenterCrop, Padding, Place, Transform, Window, crop, five_crop, horizontal_flip, ten_crop};
use crate::error::Result;

/// Which crops of an image a network sees in testing; what it says of them is averaged
/// ([`average_crops`](super::average_crops)).
///
/// ```
/// use flatgrad::augment::Views;
/// assert_eq!((Views::Ten.count(), Views::Ten.middle()), (10, 4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Views {
    /// The middle and its mirror image.
    Mirror,
    /// [`five_crop`]
    Five,
    /// [`ten_crop`], mirrored left and right.
    Ten,
}

impl Views {
    /// How many crops.
    pub const fn count(self) -> usize {
        match self {
            Self::Mirror => 2,
            Self::Five => 5,
            Self::Ten => 10,
        }
    }

    /// Which of them is the middle one, counted from 0.
    pub const fn middle(self) -> usize {
        match self {
            Self::Mirror => 0,
            Self::Five | Self::Ten => 4,
        }
    }
}

/// Several crops of each image in place of the image, one after another: `[count * c, size[0], size[1]]`. Not random;
/// the end of a chain for testing.
///
/// ```
/// use flatgrad::augment::{Canvas, Key, MultiCrop, Pipeline, Views};
/// let crops = MultiCrop { views: Views::Mirror, size: [1, 2], padding: 0 };
/// let pipeline = Pipeline::new(vec![Box::new(crops)], [1, 1, 2])?;
/// let mut to = [0.0; 4];
/// pipeline.apply(Key { seed: 0, epoch: 0, sample: 0 }, &[1.0, 2.0], &mut to, &mut Canvas::default())?;
/// assert_eq!(to, [1.0, 2.0, 2.0, 1.0]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MultiCrop {
    /// Which crops.
    pub views: Views,
    /// Height and width of a crop.
    pub size: [usize; 2],
    /// Rows and columns of zeros that are put on every side of the image first: crops of its own size are then
    /// translations.
    pub padding: usize,
}

impl MultiCrop {
    fn padded(&self, [channels, height, width]: [usize; 3]) -> [usize; 3] {
        let both = self.padding.saturating_mul(2);
        [channels, height.saturating_add(both), width.saturating_add(both)]
    }

    fn write(&self, shape: [usize; 3], from: &[f32], to: &mut [f32]) -> Result {
        if self.padding == 0 {
            return self.crops(shape, from, to);
        }
        let padded = self.padded(shape);
        let start = -isize::try_from(self.padding).unwrap_or(isize::MAX);
        let window = Window { top: start, left: start, height: padded[1], width: padded[2] };
        let mut image = vec![0.0; padded.iter().product()];
        crop(shape, window, Padding::Constant, &[], from, &mut image)?;
        self.crops(padded, &image, to)
    }

    fn crops(&self, shape: [usize; 3], from: &[f32], to: &mut [f32]) -> Result {
        match self.views {
            Views::Five => five_crop(shape, self.size, from, to),
            Views::Ten => ten_crop(shape, self.size, false, from, to),
            Views::Mirror => {
                let (plain, mirrored) = to.split_at_mut(to.len() / 2);
                let middle = CenterCrop { size: self.size }.window(shape);
                crop(shape, middle, Padding::Constant, &[], from, plain)?;
                mirrored.copy_from_slice(plain);
                horizontal_flip([shape[0], self.size[0], self.size[1]], mirrored)
            }
        }
    }
}

impl Transform for MultiCrop {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        const NAME: &str = "multi_crop";
        let [channels, rows, columns] = self.padded(shape);
        check_shape(NAME, [channels, rows, columns])?;
        let [height, width] = self.size;
        let fits = height <= rows && width <= columns;
        check(NAME, fits, "size", format_args!("at most that of the image, {rows} x {columns}"), self.size)?;
        let out = [channels.saturating_mul(self.views.count()), height, width];
        check_shape(NAME, out)?;
        Ok(out)
    }

    fn apply(&self, _: Place, canvas: &mut Canvas) -> Result {
        let out = self.out_shape(canvas.shape())?;
        canvas.replace(out, |shape, from, to| self.write(shape, from, to))
    }
}
