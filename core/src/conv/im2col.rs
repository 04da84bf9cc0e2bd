//! The convolution's input as an explicit matrix, and back.

use super::Conv2d;
use super::shape::product;
use super::strips::Axis;
use super::vector::fill_line;
use super::ways::All;
use crate::error::{check_len, checked_len};
use crate::scalar::nonzero;
use crate::simd::{Simd, dispatch};
use crate::{Context, Result, Update, slice};

/// One sample unfolded: row `(c, kh, kw)` and column `(oh, ow)` of `cols` is what that output reads through that tap.
///
/// `x` is `[in_channels, h, w]`, `cols` `[in_channels * kh * kw, out_h * out_w]`; `conv.n` plays no part. Every element
/// of `cols` is written, zeros where a tap lies outside the image. The rows of a group are neighbours: with one group
/// `weight [out_channels, in_channels * kh * kw]` times `cols` is the forward pass. PyTorch's `unfold`.
///
/// # Errors
///
/// Those of [`Conv2d::check`]; [`Length`](crate::Error::Length) for a slice that does not fit the shape.
///
/// # Numerics
///
/// A copy. Plain loops: [`reference::conv::im2col`](crate::reference::conv::im2col).
///
/// ```
/// use flatgrad_core::{Context, Isa, conv::*};
/// const CONV: Conv2d = Conv2d::new(1, [1, 1, 3], 1, [1, 2]).padding([0, 1]);
/// let mut cols = [f32::NAN; 8];
/// im2col(Context::serial(Isa::detect()), &CONV, &[1.0, 2.0, 3.0], &mut cols)?;
/// assert_eq!(cols, [0.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 0.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn im2col(ctx: Context, conv: &Conv2d, x: &[f32], cols: &mut [f32]) -> Result {
    check(conv, x, cols)?;
    let ([row, col], taps) = (Axis::forward_pair::<All>(conv), conv.taps());
    let (plane, ow) = (conv.out_h() * conv.out_w(), conv.out_w());
    slice::share_chunks(ctx, cols, plane, &mut [], 0, &|first, cols, _| {
        dispatch!(ctx.isa(), |s| {
            for (i, cols) in cols.chunks_exact_mut(nonzero(plane)).enumerate() {
                let (channel, kh, kw) = (
                    (first + i) / nonzero(taps),
                    (first + i) % nonzero(taps) / nonzero(conv.kernel[1]),
                    (first + i) % nonzero(conv.kernel[1]),
                );
                let (rows, line) = (row.tap_line::<All>(kh), col.tap_line::<All>(kw));
                let x = x.get(channel * conv.h * conv.w..).unwrap_or_default();
                for (oh, out) in cols.chunks_exact_mut(nonzero(ow)).enumerate() {
                    fill_line(s, rows.at(oh).and_then(|at| x.get(at * conv.w..)?.get(..conv.w)), line, out);
                }
            }
        });
    });
    Ok(())
}

/// The transpose of [`im2col`]: adds each element of `cols` to the element of `x` that `im2col` copies to it.
///
/// `cols` is `[in_channels * kh * kw, out_h * out_w]`, `x` `[in_channels, h, w]`; `conv.n` plays no part. PyTorch's
/// `fold`.
///
/// # Errors
///
/// Those of [`Conv2d::check`]; [`Length`](crate::Error::Length) for a slice that does not fit the shape.
///
/// # Numerics
///
/// Each element of `x`, from 0 or from its stored value, plus one column element after the other, `(kh, kw)` ascending.
/// (The input gradient is *not* made this way: [`conv2d_backward_input`](super::conv2d_backward_input) runs one chain
/// over `(oc, kh, kw)`.) Plain loops: [`reference::conv::col2im`](crate::reference::conv::col2im).
///
/// ```
/// use flatgrad_core::{Context, Isa, Update, conv::*};
/// const CONV: Conv2d = Conv2d::new(1, [1, 1, 3], 1, [1, 2]);
/// let mut x = [0.0; 3];
/// let ctx = Context::serial(Isa::detect());
/// col2im(ctx, &CONV, &[1.0, 2.0, 10.0, 20.0], Update::Overwrite, &mut x)?;
/// assert_eq!(x, [1.0, 12.0, 20.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn col2im(ctx: Context, conv: &Conv2d, cols: &[f32], update: Update, x: &mut [f32]) -> Result {
    check(conv, x, cols)?;
    let ([row, col], taps) = (Axis::forward_pair::<All>(conv), conv.taps());
    let (plane, ow) = (conv.out_h() * conv.out_w(), conv.out_w());
    slice::share_chunks(ctx, x, conv.h * conv.w, &mut [], 0, &|first, x, _| {
        if update == Update::Overwrite {
            x.fill(0.0);
        }
        if x.is_empty() {
            return;
        }
        dispatch!(ctx.isa(), |s| {
            for (c, x) in x.chunks_exact_mut(nonzero(conv.h * conv.w)).enumerate() {
                let cols = cols.get((first + c) * taps * plane..).unwrap_or_default();
                for (tap, cols) in cols.chunks_exact(nonzero(plane)).take(taps).enumerate() {
                    let (rows, line) = (
                        row.tap_line::<All>(tap / nonzero(conv.kernel[1])),
                        col.tap_line::<All>(tap % nonzero(conv.kernel[1])),
                    );
                    let (from, until) = line.inside(ow);
                    for (oh, cols) in cols.chunks_exact(nonzero(ow)).enumerate() {
                        let (Some(at), Some(first), Some(cols)) = (rows.at(oh), line.at(from), cols.get(from..until))
                        else {
                            continue;
                        };
                        let Some(x) = x.get_mut(at * conv.w + first..(at + 1) * conv.w) else { continue };
                        if line.step == 1 {
                            slice::update(
                                s,
                                [cols],
                                [x],
                                #[inline(always)]
                                |[col], [x]| [s.add(x, col)],
                            );
                        } else {
                            x.iter_mut().step_by(nonzero(line.step)).zip(cols).for_each(|(x, col)| *x += col);
                        }
                    }
                }
            }
        });
    });
    Ok(())
}

fn check(conv: &Conv2d, x: &[f32], cols: &[f32]) -> Result {
    conv.check()?;
    check_len("x", product(&[conv.in_channels, conv.h, conv.w]), x.len())?;
    let dims = [conv.in_channels, conv.kernel[0], conv.kernel[1], conv.out_h(), conv.out_w()];
    check_len("cols", checked_len("cols", &dims)?, cols.len())
}
