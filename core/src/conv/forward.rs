//! The forward pass.

use super::Conv2d;
use super::correlate;
use super::strips::{Direction, Source};
use super::ways::{All, Uses};
use crate::error::{check_at_least, check_len};
use crate::{Context, Fused, Result};

/// `y[n, oc, oh, ow] = activation(bias[oc] + sum over (ic, kh, kw) of weight[oc, ic, kh, kw] *
/// x[n, ic, oh * stride + kh * dilation - padding, ow * stride + kw * dilation - padding])`, within groups.
///
/// `x` is `[n, in_channels, h, w]`, `weight` `[out_channels, in_channels / groups, kh, kw]`, `bias` `[out_channels]`,
/// `y` `[n, out_channels, out_h, out_w]`. PyTorch's `conv2d`.
///
/// # Errors
///
/// Those of [`Conv2d::check`]; [`Length`](crate::Error::Length) or [`TooShort`](crate::Error::TooShort) for a slice
/// that does not fit the shape.
///
/// # Scratch
///
/// [`conv2d_scratch_len`] floats for each thread that is to run.
///
/// # Numerics
///
/// `activation((acc + 0.0) + bias)`, where `acc` starts from 0 and is a chain of fused multiply-adds over `(ic, kh,
/// kw)` ascending within the group; taps outside the image are zeros; without a bias nothing is added for it. Plain
/// loops: [`reference::conv::conv2d`](crate::reference::conv::conv2d).
///
/// ```
/// use flatgrad_core::{Fused, Context, Isa, conv::*};
/// const CONV: Conv2d = Conv2d::new(1, [2, 1, 2], 1, [1, 1]);
/// let (mut y, mut scratch) = ([0.0; 2], [0.0; conv2d_scratch_len(&CONV)]);
/// let (x, weight, ctx) = ([1.0, 2.0, 3.0, 4.0], [10.0, -1.0], Context::serial(Isa::detect()));
/// conv2d(ctx, &CONV, &x, &weight, None, Fused::None, &mut y, &mut scratch)?;
/// assert_eq!(y, [7.0, 16.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn conv2d(
    ctx: Context,
    conv: &Conv2d,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    activation: Fused,
    y: &mut [f32],
    scratch: &mut [f32],
) -> Result {
    conv.check()?;
    check_len("x", conv.input_len(), x.len())?;
    check_len("weight", conv.weight_len(), weight.len())?;
    check_len("bias", conv.out_channels, bias.map_or(conv.out_channels, <[f32]>::len))?;
    check_len("y", conv.output_len(), y.len())?;
    check_at_least("scratch", conv2d_scratch_len(conv), scratch.len())?;
    conv2d_planned::<All>(ctx, conv, x, weight, bias, activation, y, scratch);
    Ok(())
}

/// [`conv2d`] of a shape and lengths that a plan has checked; with others it does something less, not something else.
pub(crate) fn conv2d_planned<U: Uses>(
    ctx: Context,
    conv: &Conv2d,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    activation: Fused,
    y: &mut [f32],
    scratch: &mut [f32],
) {
    let source = Source { from: x, weight, bias, activation };
    correlate::run::<U>(ctx, conv, Direction::Forward, source, y, scratch);
}

/// Scratch of [`conv2d`] for one thread, in floats; 0 for a shape that [`Conv2d::check`] refuses.
pub const fn conv2d_scratch_len(conv: &Conv2d) -> usize {
    correlate::scratch_len(conv, Direction::Forward)
}
