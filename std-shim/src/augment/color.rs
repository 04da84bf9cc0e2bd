//! Pixels of other brightness and color: 1 channel or 3 (red, green, blue), values from 0 to 1.

use super::check::{check, check_len};
use crate::error::Result;

fn check_image(operation: &'static str, shape: [usize; 3], image: &[f32]) -> Result {
    check_channels(operation, shape)?;
    check_len(operation, image, shape)
}

pub(super) fn check_channels(operation: &'static str, shape: [usize; 3]) -> Result {
    check(operation, matches!(shape[0], 1 | 3), "the number of channels", "1 or 3", shape[0])
}

fn check_factor(operation: &'static str, factor: f32) -> Result {
    check(operation, factor >= 0.0 && factor.is_finite(), "the factor", "finite and not negative", factor)
}

/// `x = clamp(x * factor)`, from 0, which gives black, over 1, which changes nothing (`adjust_brightness`).
///
/// ```
/// let mut image = [0.25, 0.75];
/// flatgrad::augment::adjust_brightness([1, 1, 2], 2.0, &mut image)?;
/// assert_eq!(image, [0.5, 1.0]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Augment`](crate::Error::Augment) if the factor is negative, or the image has another shape, or not 1 or 3
/// channels.
pub fn adjust_brightness(shape: [usize; 3], factor: f32, image: &mut [f32]) -> Result {
    check_factor("adjust_brightness", factor)?;
    check_image("adjust_brightness", shape, image)?;
    image.iter_mut().for_each(|x| *x = (*x * factor).clamp(0.0, 1.0));
    Ok(())
}

/// `x = clamp(x * factor + mean * (1 - factor))`, the mean over the gray image: 0 gives gray, 1 changes nothing
/// (`adjust_contrast`).
///
/// ```
/// let mut image = [0.25, 0.75];
/// flatgrad::augment::adjust_contrast([1, 1, 2], 0.5, &mut image)?;
/// assert_eq!(image, [0.375, 0.625]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Numerics
///
/// The mean is summed in f64, pixel by pixel, and rounded to f32 once.
///
/// # Errors
///
/// As [`adjust_brightness`].
pub fn adjust_contrast(shape: [usize; 3], factor: f32, image: &mut [f32]) -> Result {
    check_factor("adjust_contrast", factor)?;
    check_image("adjust_contrast", shape, image)?;
    let plane = shape[1] * shape[2];
    let sum: f64 = match rgb(plane, image) {
        Some([r, g, b]) => r.iter().zip(g).zip(b).map(|((r, g), b)| f64::from(gray(*r, *g, *b))).sum(),
        None => image.iter().copied().map(f64::from).sum(),
    };
    let other = (sum / plane as f64) as f32 * rest(factor);
    image.iter_mut().for_each(|x| *x = (*x * factor + other).clamp(0.0, 1.0));
    Ok(())
}

/// `x = clamp(x * factor + gray * (1 - factor))`: 0 gives the gray image, 1 changes nothing (`adjust_saturation`). An
/// image of one channel stays as it is.
///
/// ```
/// let mut red = [1.0, 0.0, 0.0];
/// flatgrad::augment::adjust_saturation([3, 1, 1], 0.0, &mut red)?;
/// assert_eq!(red, [0.2989; 3]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Errors
///
/// As [`adjust_brightness`].
pub fn adjust_saturation(shape: [usize; 3], factor: f32, image: &mut [f32]) -> Result {
    check_factor("adjust_saturation", factor)?;
    check_image("adjust_saturation", shape, image)?;
    each_pixel(shape, image, |[r, g, b]| {
        let other = gray(r, g, b) * rest(factor);
        [r, g, b].map(|x| (x * factor + other).clamp(0.0, 1.0))
    });
    Ok(())
}

/// Turns the colors by a part of the color circle, from -0.5 to 0.5 (`adjust_hue`). An image of one channel stays as it
/// is.
///
/// ```
/// let mut red = [1.0, 0.0, 0.0];
/// flatgrad::augment::adjust_hue([3, 1, 1], 1.0 / 3.0, &mut red)?;
/// assert!(red[0] < 1e-6 && red[1] == 1.0 && red[2] == 0.0, "green");
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Augment`](crate::Error::Augment) if the part is out of range; as [`adjust_brightness`].
pub fn adjust_hue(shape: [usize; 3], turn: f32, image: &mut [f32]) -> Result {
    check("adjust_hue", (-0.5..=0.5).contains(&turn), "the hue's change", "from -0.5 to 0.5", turn)?;
    check_image("adjust_hue", shape, image)?;
    each_pixel(shape, image, |pixel| {
        let [h, s, v] = hsv(pixel);
        let h = h + turn;
        rgb_of([h - floor(h), s, v])
    });
    Ok(())
}

/// Writes the gray image to `to`, `[out_channels, h, w]` with 1 channel or 3 equal ones (`rgb_to_grayscale`):
/// `0.2989 r + 0.587 g + 0.114 b`, summed in this order.
///
/// ```
/// let mut to = [0.0];
/// flatgrad::augment::rgb_to_grayscale([3, 1, 1], 1, &[0.0, 1.0, 0.0], &mut to)?;
/// assert_eq!(to, [0.587]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Augment`](crate::Error::Augment) if a length does not fit, or there are not 1 or 3 channels.
pub fn rgb_to_grayscale(shape: [usize; 3], out_channels: usize, from: &[f32], to: &mut [f32]) -> Result {
    const NAME: &str = "rgb_to_grayscale";
    let out = [out_channels, shape[1], shape[2]];
    check_image(NAME, shape, from)?;
    check_channels(NAME, out)?;
    check_len(NAME, to, out)?;
    let plane = shape[1] * shape[2];
    for to in to.chunks_exact_mut(plane) {
        match rgb(plane, from) {
            Some([r, g, b]) => {
                to.iter_mut().zip(r).zip(g).zip(b).for_each(|(((to, r), g), b)| *to = gray(*r, *g, *b));
            }
            None => to.copy_from_slice(from),
        }
    }
    Ok(())
}

/// `(x - mean) / std`, with the numbers of its channel (`normalize`).
///
/// ```
/// let mut image = [0.5, 0.75];
/// flatgrad::augment::normalize([2, 1, 1], &[0.5, 0.5], &[0.25, 0.5], &mut image)?;
/// assert_eq!(image, [0.0, 0.5]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Augment`](crate::Error::Augment) unless there is a finite mean and a positive deviation for each channel
/// (or one for all), and the image has this shape.
pub fn normalize(shape: [usize; 3], mean: &[f32], std: &[f32], image: &mut [f32]) -> Result {
    check_normalize(shape[0], mean, std)?;
    check_len("normalize", image, shape)?;
    for (channel, plane) in image.chunks_exact_mut(shape[1] * shape[2]).enumerate() {
        let of = |numbers: &[f32]| numbers.get(channel).or(numbers.first()).copied();
        if let (Some(mean), Some(std)) = (of(mean), of(std)) {
            plane.iter_mut().for_each(|x| *x = (*x - mean) / std);
        }
    }
    Ok(())
}

pub(super) fn check_normalize(channels: usize, mean: &[f32], std: &[f32]) -> Result {
    let must = format_args!("{channels} finite numbers, one for each channel");
    let count = |numbers: &[f32]| numbers.len() == channels || numbers.len() == 1;
    check("normalize", count(mean) && mean.iter().all(|x| x.is_finite()), "mean", must, mean)?;
    let positive = std.iter().all(|&x| x > 0.0 && x.is_finite());
    check("normalize", count(std) && positive, "std", format_args!("{must}, above 0"), std)
}

/// `1 - factor`, which Python computes in f64.
fn rest(factor: f32) -> f32 {
    (1.0 - f64::from(factor)) as f32
}

fn gray(r: f32, g: f32, b: f32) -> f32 {
    r * 0.2989 + g * 0.587 + b * 0.114
}

/// The three channels, if there are three.
fn rgb(plane: usize, image: &[f32]) -> Option<[&[f32]; 3]> {
    let mut planes = image.chunks_exact(plane);
    Some([planes.next()?, planes.next()?, planes.next()?])
}

/// `f` for every pixel of an image of three channels.
#[inline(always)]
fn each_pixel([_, height, width]: [usize; 3], image: &mut [f32], f: impl Fn([f32; 3]) -> [f32; 3]) {
    let mut planes = image.chunks_exact_mut(height * width);
    if let (Some(r), Some(g), Some(b)) = (planes.next(), planes.next(), planes.next()) {
        for ((r, g), b) in r.iter_mut().zip(g).zip(b) {
            [*r, *g, *b] = f([*r, *g, *b]);
        }
    }
}

/// Hue, saturation and value, by the formulas of Pillow and torchvision.
fn hsv([r, g, b]: [f32; 3]) -> [f32; 3] {
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let range = max - min;
    if range == 0.0 {
        return [0.0, 0.0, max];
    }
    let [rc, gc, bc] = [r, g, b].map(|x| (max - x) / range);
    let h = if max == r {
        bc - gc
    } else if max == g {
        rc + 2.0 - bc
    } else {
        gc + 4.0 - rc
    };
    let h = h * (1.0 / 6.0) + 1.0;
    [h - floor(h), range / max, max]
}

fn rgb_of([h, s, v]: [f32; 3]) -> [f32; 3] {
    let h6 = h * 6.0;
    let sector = floor(h6);
    let part = s * (h6 - sector);
    let p = ((1.0 - s) * v).clamp(0.0, 1.0);
    let q = ((1.0 - part) * v).clamp(0.0, 1.0);
    let t = ((part + (1.0 - s)) * v).clamp(0.0, 1.0);
    match sector as i32 {
        1 => [q, v, p],
        2 => [p, v, t],
        3 => [p, q, v],
        4 => [t, p, v],
        5 => [v, p, q],
        _ => [v, t, p],
    }
}

/// The largest whole number not above a small number.
fn floor(x: f32) -> f32 {
    let whole = x as i32 as f32;
    if whole > x { whole - 1.0 } else { whole }
}
