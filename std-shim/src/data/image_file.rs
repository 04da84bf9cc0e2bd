//! One image from a file, in the shape that a network takes.

use std::path::Path;

use image::imageops::FilterType;
use image::{ImageReader, Limits};

use crate::error::{Error, Result};

/// Larger images are refused before memory is taken for them.
const MAX_SIDE: u32 = 1 << 14;
const MAX_ALLOC: u64 = 512 << 20;

/// The pixels `[c, h, w]` of a PNG, JPEG or BMP file, from 0 to 255: resized (triangle filter, with antialiasing) if it
/// has another size, made gray for 1 channel; transparency is dropped.
///
/// # Errors
///
/// [`Error::Io`]; [`Error::Setting`] unless there are 1 or 3 channels; [`Error::Weights`] naming a file that is no image,
/// is damaged, or larger than 16,384 pixels in a direction.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("white.png");
/// image::GrayImage::from_pixel(5, 4, image::Luma([255])).save(&path)?;
/// assert_eq!(flatgrad::data::image_bytes(&path, [1, 2, 2])?, [255; 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn image_bytes(path: &Path, [channels, height, width]: [usize; 3]) -> Result<Vec<u8>> {
    let fault = |what: String| Error::weights(path.display(), format!("not an image that can be read: {what}"));
    let mut reader =
        ImageReader::open(path).map_err(Error::io(path))?.with_guessed_format().map_err(Error::io(path))?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    let mut image = reader.decode().map_err(|e| fault(e.to_string()))?;
    let side = |n: usize| u32::try_from(n).ok().filter(|n| (1..=MAX_SIDE).contains(n));
    let (Some(height), Some(width)) = (side(height), side(width)) else {
        return Err(Error::setting("images", format!("cannot be brought to {height} x {width} pixels")));
    };
    if (image.height(), image.width()) != (height, width) {
        image = image.resize_exact(width, height, FilterType::Triangle);
    }
    match channels {
        1 => Ok(image.into_luma8().into_raw()),
        3 => {
            let pixels = image.into_rgb8().into_raw();
            Ok((0..3).flat_map(|channel| pixels.iter().skip(channel).step_by(3).copied()).collect())
        }
        _ => Err(Error::setting("images", format!("have 1 or 3 channels; the network takes {channels}"))),
    }
}
