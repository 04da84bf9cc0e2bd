//! One image file: its header and its pixels.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::error::{ImageError, LimitErrorKind};
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use super::DataFault;
use crate::error::{Error, Result};

/// Larger images are refused before memory is taken for them: 16,384 pixels in a direction, 512 MiB decoded.
pub(super) const MAX_SIDE: u32 = 1 << 14;
const MAX_ALLOC: u64 = 512 << 20;
/// Larger files are refused unread: some decoders hold a file in memory.
const MAX_FILE: u64 = 256 << 20;

/// The pixels `[c, h, w]` of a PNG, JPEG or BMP file, from 0 to 255: resized (triangle filter, with antialiasing) if it
/// has another size, made gray for 1 channel; transparency is dropped.
///
/// # Errors
///
/// [`Error::Io`]; [`Error::Setting`] unless there are 1 or 3 channels of a size that images can have;
/// [`DataFault::Image`] for a file that is no image, is damaged or too large.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("white.png");
/// image::GrayImage::from_pixel(5, 4, image::Luma([255])).save(&path)?;
/// assert_eq!(flatgrad::data::image_bytes(&path, [1, 2, 2])?, [255; 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn image_bytes(path: &Path, [channels, height, width]: [usize; 3]) -> Result<Vec<u8>> {
    if ![1, 3].contains(&channels) {
        return Err(Error::setting("images", format!("have 1 or 3 channels; the network takes {channels}")));
    }
    if [height, width].iter().any(|side| !(1..=MAX_SIDE as usize).contains(side)) {
        return Err(Error::setting("images", format!("cannot be brought to {height} x {width} pixels")));
    }
    let mut image = decode(path)?;
    if [image.height() as usize, image.width() as usize] != [height, width] {
        image = resized(image, [height, width]);
    }
    let mut bytes = Vec::new();
    planes(&image, channels, &mut bytes);
    Ok(bytes)
}

/// Reads all of a file.
pub(super) fn decode(path: &Path) -> Result<DynamicImage> {
    DynamicImage::from_decoder(decoder(path)?).map_err(|error| failed(path, error))
}

/// Brings an image to a height and width of at most [`MAX_SIDE`].
pub(super) fn resized(image: DynamicImage, [height, width]: [usize; 2]) -> DynamicImage {
    image.resize_exact(width as u32, height as u32, FilterType::Triangle)
}

/// The pixels `[c, h, w]`, of 1 channel or 3.
pub(super) fn planes(image: &DynamicImage, channels: usize, bytes: &mut Vec<u8>) {
    bytes.clear();
    if channels == 1 {
        bytes.extend_from_slice(image.to_luma8().as_raw());
        return;
    }
    let colors = image.to_rgb8();
    for channel in 0..3 {
        bytes.extend(colors.as_raw().iter().skip(channel).step_by(3));
    }
}

/// What the beginning of an image file says.
pub(super) struct Header {
    pub(super) size: [usize; 2],
    pub(super) gray: bool,
}

impl Header {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let decoder = decoder(path)?;
        let (width, height) = decoder.dimensions();
        if width.max(height) > MAX_SIDE || width == 0 || height == 0 {
            let fault = format!("{width} x {height} pixels; a side has from 1 to {MAX_SIDE}");
            return Err(Error::data(path.display(), DataFault::Image(fault)));
        }
        Ok(Self { size: [height as usize, width as usize], gray: !decoder.color_type().has_color() })
    }
}

fn decoder(path: &Path) -> Result<impl ImageDecoder> {
    let file = File::open(path).map_err(Error::io(path))?;
    let len = file.metadata().map_err(Error::io(path))?.len();
    if len > MAX_FILE {
        let fault = format!("{} MB are more than the {} this reader accepts", len >> 20, MAX_FILE >> 20);
        return Err(Error::data(path.display(), DataFault::Image(fault)));
    }
    // What a file is, its content says and not its name.
    let mut reader = ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(Error::io(path))?;
    let mut limits = Limits::no_limits();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| failed(path, error))
}

fn failed(path: &Path, error: ImageError) -> Error {
    let fault = match error {
        ImageError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            return Error::io(path)(error);
        }
        ImageError::Limits(error) if matches!(error.kind(), LimitErrorKind::InsufficientMemory) => {
            format!("it would take more than {} MB", MAX_ALLOC >> 20)
        }
        other => other.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
    };
    Error::data(path.display(), DataFault::Image(fault))
}
