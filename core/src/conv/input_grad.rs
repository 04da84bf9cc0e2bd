//! The input gradient.

use super::Conv2d;
use super::correlate;
use super::strips::{Direction, Source};
use super::ways::{All, Uses};
use crate::error::{check_at_least, check_len};
use crate::{Context, Fused, Result};

/// `dx[n, ic, ih, iw] = sum over (oc, kh, kw) of weight[oc, ic, kh, kw] * dy[n, oc, oh, ow]` where `ih = oh * stride +
/// kh * dilation - padding`, and `iw` likewise, within groups; `dx` is overwritten.
///
/// `dy` is `[n, out_channels, out_h, out_w]`, `weight` `[out_channels, in_channels / groups, kh, kw]`, `dx` `[n,
/// in_channels, h, w]`. The input's part of PyTorch's `conv2d` backward; as a layer of its own it is
/// `conv_transpose2d`.
///
/// # Errors
///
/// Those of [`Conv2d::check`]; [`Length`](crate::Error::Length) or [`TooShort`](crate::Error::TooShort) for a slice
/// that does not fit the shape.
///
/// # Scratch
///
/// [`conv2d_backward_input_scratch_len`] floats for each thread that is to run.
///
/// # Numerics
///
/// `acc + 0.0`, where `acc` starts from 0 and is a chain of fused multiply-adds over `(oc, kh, kw)` ascending within
/// the group, of the taps that meet the input position; output positions that do not exist are zeros. Plain loops:
/// [`reference::conv::conv2d_backward_input`](crate::reference::conv::conv2d_backward_input).
///
/// ```
/// use flatgrad_core::{Context, Isa, conv::*};
/// const CONV: Conv2d = Conv2d::new(1, [1, 1, 3], 1, [1, 2]);
/// let (mut dx, mut scratch) = ([0.0; 3], [0.0; conv2d_backward_input_scratch_len(&CONV)]);
/// let (dy, weight) = ([1.0, 2.0], [3.0, 5.0]);
/// conv2d_backward_input(Context::serial(Isa::detect()), &CONV, &dy, &weight, &mut dx, &mut scratch)?;
/// assert_eq!(dx, [3.0, 11.0, 10.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn conv2d_backward_input(
    ctx: Context,
    conv: &Conv2d,
    dy: &[f32],
    weight: &[f32],
    dx: &mut [f32],
    scratch: &mut [f32],
) -> Result {
    conv.check()?;
    check_len("dy", conv.output_len(), dy.len())?;
    check_len("weight", conv.weight_len(), weight.len())?;
    check_len("dx", conv.input_len(), dx.len())?;
    check_at_least("scratch", conv2d_backward_input_scratch_len(conv), scratch.len())?;
    conv2d_backward_input_planned::<All>(ctx, conv, dy, weight, dx, scratch);
    Ok(())
}

/// [`conv2d_backward_input`] of a shape and lengths that a plan has checked.
pub(crate) fn conv2d_backward_input_planned<U: Uses>(
    ctx: Context,
    conv: &Conv2d,
    dy: &[f32],
    weight: &[f32],
    dx: &mut [f32],
    scratch: &mut [f32],
) {
    let source = Source { from: dy, weight, bias: None, activation: Fused::None };
    correlate::run::<U>(ctx, conv, Direction::Backward, source, dx, scratch);
}

/// Scratch of [`conv2d_backward_input`] for one thread, in floats; 0 for a shape that [`Conv2d::check`] refuses.
pub const fn conv2d_backward_input_scratch_len(conv: &Conv2d) -> usize {
    correlate::scratch_len(conv, Direction::Backward)
}
