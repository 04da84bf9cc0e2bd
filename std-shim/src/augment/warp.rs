//! The pixels of an image under a map of the plane.

use super::Affine;
use super::check::{check, check_fill, check_pair, fill_of};
use crate::error::Result;

/// How a pixel that comes from between pixels is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest pixel; torchvision's default for rotations and affine maps.
    #[default]
    Nearest,
    /// The four around it, linear in both directions.
    Bilinear,
}

/// Moves the pixels of `from` by `map`; the result, `to`, has the same shape (`affine`).
///
/// `fill` is what lies outside: one value, or one for each channel; empty: 0. A bilinear pixel on the edge is part
/// image, part fill. (torchvision, when it is given a fill, weighs the edge twice: 0 there is darker than without one.)
///
/// ```
/// use flatgrad::augment::{Affine, Interpolation, warp};
/// let mut to = [0.0; 3];
/// warp([1, 1, 3], Affine::translation(0.5, 0.0), Interpolation::Bilinear, &[], &[1.0, 2.0, 3.0], &mut to)?;
/// assert_eq!(to, [0.5, 1.5, 2.5]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Numerics
///
/// Coordinates are f64; of pixels equally near, the one with the even number is taken. Bilinear weights are rounded to
/// f32; then `p + w (q - p)` in each row and between the rows. [`Affine::IDENTITY`] copies.
///
/// # Errors
///
/// [`Error::Augment`](crate::Error::Augment) if a length or the fill does not fit, or the map cannot be inverted.
pub fn warp(
    shape: [usize; 3],
    map: Affine,
    interpolation: Interpolation,
    fill: &[f32],
    from: &[f32],
    to: &mut [f32],
) -> Result {
    let [channels, height, width] = shape;
    check_pair("warp", from, shape, to, shape)?;
    check_fill("warp", fill, channels)?;
    let back = map.inverse();
    check("warp", back.is_some(), "the map", "one that can be inverted", map)?;
    let back = back.unwrap_or(Affine::IDENTITY);
    if back == Affine::IDENTITY {
        to.copy_from_slice(from);
        return Ok(());
    }
    let size = height * width;
    for (channel, (plane, to)) in from.chunks_exact(size).zip(to.chunks_exact_mut(size)).enumerate() {
        let source = Plane { pixels: plane, height, width, fill: fill_of(fill, channel) };
        match interpolation {
            Interpolation::Nearest => source.draw(back, to, Plane::nearest),
            Interpolation::Bilinear => source.draw(back, to, Plane::bilinear),
        }
    }
    Ok(())
}

/// One channel, and what lies around it.
struct Plane<'a> {
    pixels: &'a [f32],
    height: usize,
    width: usize,
    fill: f32,
}

impl Plane<'_> {
    #[inline(always)]
    fn draw(&self, back: Affine, to: &mut [f32], pixel: impl Fn(&Self, f64, f64) -> f32) {
        let Affine([[a, b, c], [d, e, f]]) = back;
        let (right, bottom) = (self.width as f64, self.height as f64);
        // From the first pixel to the middle of the image.
        let (mx, my) = ((right - 1.0) / 2.0, (bottom - 1.0) / 2.0);
        for (y, row) in to.chunks_exact_mut(self.width).enumerate() {
            let y = y as f64 - my;
            let (u, v) = (b * y + c + mx, e * y + f + my);
            for (x, to) in row.iter_mut().enumerate() {
                let x = x as f64 - mx;
                // What is further outside is not different, and whole numbers stay small.
                *to = pixel(self, (a * x + u).clamp(-2.0, right + 1.0), (d * x + v).clamp(-2.0, bottom + 1.0));
            }
        }
    }

    /// The pixel in a row and a column, or the fill.
    #[inline(always)]
    fn at(&self, y: i32, x: i32) -> f32 {
        // Negative numbers become large ones.
        let (y, x) = (y as u32 as usize, x as u32 as usize);
        if y < self.height && x < self.width {
            self.pixels.get(y * self.width + x).copied().unwrap_or(self.fill)
        } else {
            self.fill
        }
    }

    #[inline(always)]
    fn nearest(&self, x: f64, y: f64) -> f32 {
        self.at(round(y), round(x))
    }

    #[inline(always)]
    fn bilinear(&self, x: f64, y: f64) -> f32 {
        let (x0, y0) = (floor(x), floor(y));
        let (wx, wy) = ((x - f64::from(x0)) as f32, (y - f64::from(y0)) as f32);
        let [[p, q], [r, s]] = self.square(y0, x0);
        let (above, below) = (p + wx * (q - p), r + wx * (s - r));
        above + wy * (below - above)
    }

    /// Four pixels.
    #[inline(always)]
    fn square(&self, y: i32, x: i32) -> [[f32; 2]; 2] {
        self.inside(y, x).unwrap_or_else(|| [y, y + 1].map(|y| [self.at(y, x), self.at(y, x + 1)]))
    }

    /// Four pixels, if all of them are in the image.
    #[inline(always)]
    fn inside(&self, y: i32, x: i32) -> Option<[[f32; 2]; 2]> {
        let (y, x) = (usize::try_from(y).ok()?, usize::try_from(x).ok()?);
        if x + 1 >= self.width {
            return None;
        }
        let start = y * self.width + x;
        Some([*pair(self.pixels, start)?, *pair(self.pixels, start + self.width)?])
    }
}

#[inline(always)]
fn pair(pixels: &[f32], at: usize) -> Option<&[f32; 2]> {
    pixels.get(at..)?.first_chunk()
}

/// Rounds to the nearest, half to even: numbers this large have no fractions.
#[inline(always)]
fn round(x: f64) -> i32 {
    const LARGE: f64 = 1.5 * (1u64 << 52) as f64;
    ((x + LARGE) - LARGE) as i32
}

#[inline(always)]
fn floor(x: f64) -> i32 {
    let whole = x as i32;
    if f64::from(whole) > x { whole - 1 } else { whole }
}
