//! Cutting a window out of an image and what may lie around it.

use super::check::{check, check_fill, check_pair, fill_of};
use crate::error::Result;

/// What lies around an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// The fill.
    #[default]
    Constant,
    /// The nearest pixel of the image.
    Edge,
    /// The mirror image; the outermost row or column is the mirror: `c b [a b c] b a`.
    Reflect,
    /// The mirror image; the mirror is beside the outermost row or column: `b a [a b c] c b`.
    Symmetric,
    /// The image again, as around a cylinder: `b c [a b c] a b`.
    Wrap,
}

impl Padding {
    /// The pixel of `0..n` that lies at `i`, which may be outside.
    pub(super) fn source(self, i: isize, n: usize) -> Option<usize> {
        if let Ok(inside) = usize::try_from(i)
            && inside < n
        {
            return Some(inside);
        }
        let n = isize::try_from(n).unwrap_or(isize::MAX);
        let at = match self {
            Self::Constant => return None,
            Self::Edge => i.clamp(0, n - 1),
            // The mirror images repeat.
            Self::Reflect => match i.rem_euclid((2 * n - 2).max(1)) {
                at if at < n => at,
                at => 2 * n - 2 - at,
            },
            Self::Symmetric => match i.rem_euclid(2 * n) {
                at if at < n => at,
                at => 2 * n - 1 - at,
            },
            Self::Wrap => i.rem_euclid(n),
        };
        usize::try_from(at).ok()
    }
}

/// A rectangle in an image; it may reach beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first row; negative: above the image.
    pub top: isize,
    /// The first column; negative: left of the image.
    pub left: isize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Copies a window of `from`, with `padding` and `fill` where it reaches beyond, to `to`,
/// `[c, window.height, window.width]` (`pad` and `crop`).
///
/// `fill` is one value, or one for each channel; empty: 0.
///
/// ```
/// use flatgrad::augment::{Padding, Window, crop};
/// let window = Window { top: 0, left: -1, height: 1, width: 4 };
/// let mut to = [0.0; 4];
/// crop([1, 2, 2], window, Padding::Constant, &[0.5], &[1.0, 2.0, 3.0, 4.0], &mut to)?;
/// assert_eq!(to, [0.5, 1.0, 2.0, 0.5]);
/// crop([1, 2, 2], window, Padding::Edge, &[], &[1.0, 2.0, 3.0, 4.0], &mut to)?;
/// assert_eq!(to, [1.0, 1.0, 2.0, 2.0]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Augment`](crate::Error::Augment) if a length or the fill does not fit, or the window is absurdly far away.
pub fn crop(shape: [usize; 3], window: Window, padding: Padding, fill: &[f32], from: &[f32], to: &mut [f32]) -> Result {
    let [channels, height, width] = shape;
    check_pair("crop", from, shape, to, [channels, window.height, window.width])?;
    check_fill("crop", fill, channels)?;
    let near = |at: isize| at.unsigned_abs() <= 1 << 24;
    check("crop", near(window.top) && near(window.left), "the window", "near the image", window)?;
    let planes = from.chunks_exact(height * width).zip(to.chunks_exact_mut(window.height * window.width));
    for (channel, (plane, to)) in planes.enumerate() {
        let fill = fill_of(fill, channel);
        for (y, to) in (window.top..).zip(to.chunks_exact_mut(window.width)) {
            match padding.source(y, height).and_then(|y| plane.chunks_exact(width).nth(y)) {
                Some(row) => crop_row(row, window.left, padding, fill, to),
                None => to.fill(fill),
            }
        }
    }
    Ok(())
}

fn crop_row(row: &[f32], left: isize, padding: Padding, fill: f32, to: &mut [f32]) {
    // The part beside the image on the left, the part in it, the part on the right.
    let before = left.min(0).unsigned_abs().min(to.len());
    let inside = row.get(left.max(0).unsigned_abs()..).unwrap_or_default();
    let (beside, rest) = to.split_at_mut(before);
    let (within, beyond) = rest.split_at_mut(inside.len().min(rest.len()));
    let taken = inside.get(..within.len()).unwrap_or_default();
    within.copy_from_slice(taken);
    let right = left + (before + taken.len()) as isize;
    for (start, part) in [(left, beside), (right, beyond)] {
        if padding == Padding::Constant {
            part.fill(fill);
        } else {
            let outside = (start..).map(|x| padding.source(x, row.len()).and_then(|x| row.get(x)).copied());
            part.iter_mut().zip(outside).for_each(|(to, x)| *to = x.unwrap_or(fill));
        }
    }
}
