//! A picture of what an augmentation does.

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use super::check::{check, check_len};
use crate::error::{Error, Result};

/// Images smaller than this are drawn with larger pixels.
const LEAST_SIDE: usize = 64;
/// Pixels between the images.
const GAP: usize = 4;
/// A sheet of more pixels is taken for a mistake.
const MAX_PIXELS: usize = 64 << 20;
/// How high a signal is drawn, and how wide at least.
const SIGNAL: [usize; 2] = [64, 128];

/// A contact sheet: rows of images beside each other.
///
/// ```
/// use flatgrad::augment::Sheet;
/// let mut sheet = Sheet::new([1, 2, 2], 3)?;
/// for _ in 0..6 {
///     sheet.push(&[0.0, 0.5, 1.0, 0.25])?;
/// }
/// assert!(sheet.png()?.starts_with(b"\x89PNG"));
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sheet {
    shape: [usize; 3],
    columns: usize,
    images: Vec<f32>,
}

/// Which values of a sheet are black and white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SheetRange {
    /// Black.
    pub black: f32,
    /// White.
    pub white: f32,
}

impl Sheet {
    /// An empty sheet for images of this shape, so many in a row. Three channels are red, green and blue; of other
    /// images, the first channel is drawn; signals are drawn as curves.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`] if there are no columns, or the images are empty or too large for a picture.
    pub fn new(shape: [usize; 3], columns: usize) -> Result<Self> {
        let sheet = Self { shape, columns, images: Vec::new() };
        check("sheet", columns > 0 && shape.iter().all(|&n| n > 0), "columns and shape", "above 0", (columns, shape))?;
        sheet.size(1)?;
        Ok(sheet)
    }

    /// The next image; rows are filled one after another.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`] if it has another shape.
    pub fn push(&mut self, image: &[f32]) -> Result {
        check_len("sheet", image, self.shape)?;
        self.size(self.images.len() / image.len() / self.columns + 1)?;
        self.images.extend_from_slice(image);
        Ok(())
    }

    /// 0 and 1, if all values are in between; else the least and the largest of them: images may be normalized.
    pub fn range(&self) -> SheetRange {
        let finite = || self.images.iter().copied().filter(|x| x.is_finite());
        let (black, white) = (finite().fold(0.0, f32::min), finite().fold(1.0, f32::max));
        if black >= -1e-3 && white <= 1.0 + 1e-3 {
            return SheetRange { black: 0.0, white: 1.0 };
        }
        SheetRange { black: finite().fold(f32::INFINITY, f32::min), white: finite().fold(f32::NEG_INFINITY, f32::max) }
    }

    /// Height and width of an image in the picture, and how many pixels one of its own takes.
    fn cell(&self) -> (usize, usize, usize) {
        let [_, height, width] = self.shape;
        if height == 1 {
            return (SIGNAL[0], width.max(SIGNAL[1]), 1);
        }
        let zoom = LEAST_SIDE.div_ceil(height.max(width)).max(1);
        (height.saturating_mul(zoom), width.saturating_mul(zoom), zoom)
    }

    /// Height and width of a picture of so many rows.
    fn size(&self, rows: usize) -> Result<[usize; 2]> {
        let (height, width, _) = self.cell();
        let side = |n: usize, cell: usize| cell.checked_add(GAP)?.checked_mul(n)?.checked_add(GAP);
        let size = side(rows, height).zip(side(self.columns, width));
        let size = size.filter(|(h, w)| h.checked_mul(*w).is_some_and(|pixels| pixels <= MAX_PIXELS));
        let fault =
            || format!("{rows} rows of {} images are more than {MAX_PIXELS} pixels: ask for fewer", self.columns);
        size.map(|(h, w)| [h, w]).ok_or_else(|| Error::augment("sheet", fault()))
    }

    /// The picture, in the PNG format.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`] if it cannot be made: there are no images.
    pub fn png(&self) -> Result<Vec<u8>> {
        let len = self.shape.iter().product::<usize>();
        let rows = (self.images.len() / len).div_ceil(self.columns);
        check("sheet", rows > 0, "the number of images", "above 0", rows)?;
        let [height, width] = self.size(rows)?;
        let mut picture = vec![[255, 255, 255]; height * width];
        let range = self.range();
        let (cell_height, cell_width, _) = self.cell();
        for (i, image) in self.images.chunks_exact(len).enumerate() {
            let top = GAP + i / self.columns * (cell_height + GAP);
            let left = GAP + i % self.columns * (cell_width + GAP);
            let rows = picture.chunks_exact_mut(width).skip(top).take(cell_height);
            let mut cell: Vec<&mut [[u8; 3]]> = rows.map(|row| &mut row[left..left + cell_width]).collect();
            if self.shape[1] == 1 { self.curve(image, range, &mut cell) } else { self.draw(image, range, &mut cell) }
        }
        let mut png = Vec::new();
        let encoded = PngEncoder::new(&mut png).write_image(
            picture.as_flattened(),
            width as u32,
            height as u32,
            ExtendedColorType::Rgb8,
        );
        encoded.map_err(|e| Error::augment("sheet", e.to_string()))?;
        Ok(png)
    }

    fn draw(&self, image: &[f32], range: SheetRange, cell: &mut [&mut [[u8; 3]]]) {
        let ([channels, height, width], (_, _, zoom)) = (self.shape, self.cell());
        for (y, row) in cell.iter_mut().enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                let at = y / zoom * width + x / zoom;
                let channel = |c: usize| range.byte(image[c * height * width + at]);
                *pixel = if channels == 3 { [channel(0), channel(1), channel(2)] } else { [channel(0); 3] };
            }
        }
    }

    /// Each channel as a curve, the largest value on top.
    fn curve(&self, image: &[f32], range: SheetRange, cell: &mut [&mut [[u8; 3]]]) {
        const COLORS: [[u8; 3]; 4] = [[30, 90, 180], [200, 80, 30], [40, 140, 60], [120, 60, 150]];
        let (len, last) = (self.shape[2], cell.len() - 1);
        let row = |x: f32| last - usize::from(range.byte(x)) * last / 255;
        for (channel, color) in image.chunks_exact(len).zip(COLORS.into_iter().cycle()) {
            for x in 0..len {
                // From one sample to the next, a vertical line.
                let (here, next) = (row(channel[x]), row(channel[(x + 1).min(len - 1)]));
                cell[here.min(next)..=here.max(next)].iter_mut().for_each(|row| row[x] = color);
            }
        }
    }
}

impl SheetRange {
    fn byte(self, x: f32) -> u8 {
        let part = (x - self.black) / (self.white - self.black);
        // What is not a number is black.
        (part * 255.0).round() as u8
    }
}
