//! The weight gradient.

use super::Conv2d;
use super::scalar::ScalarWeightPass;
use super::vector::{DepthwisePass, WeightPass};
use super::ways::{All, Uses};
use crate::error::{check_at_least, check_len};
use crate::machine::target::MICROCONTROLLER;
use crate::simd::{MAX_LANES, dispatch};
use crate::{Context, Result, Update, slice};

/// `dw[oc, ic, kh, kw] = sum over (n, oh, ow) of x[n, ic, oh * stride + kh * dilation - padding, ..] * dy[n, oc, oh,
/// ow]`.
///
/// `x` is `[n, in_channels, h, w]`, `dy` `[n, out_channels, out_h, out_w]`, `dw` `[out_channels, in_channels / groups,
/// kh, kw]`. This is the weight's part of PyTorch's `conv2d` backward.
///
/// # Errors
///
/// Those of [`Conv2d::check`]; [`Length`](crate::Error::Length) or [`TooShort`](crate::Error::TooShort) for a slice
/// that does not fit the shape.
///
/// # Scratch
///
/// [`conv2d_backward_weight_scratch_len`] floats for each thread that is to run.
///
/// # Numerics
///
/// One chain of fused multiply-adds for each element, `(n, oh, ow)` ascending, from 0 or from the stored value; taps
/// outside the image are zeros; +0.0 is added to what is stored. So a batch of 32 gives the bits of 32 accumulated
/// batches of one. Plain loops:
/// [`reference::conv::conv2d_backward_weight`](crate::reference::conv::conv2d_backward_weight).
///
/// ```
/// use flatgrad_core::{Context, Isa, Update, conv::*};
/// const CONV: Conv2d = Conv2d::new(1, [1, 2, 3], 1, [1, 2]);
/// let (x, dy) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 0.0, 0.0, 10.0]);
/// let (mut dw, mut scratch) = ([0.0; 2], [0.0; conv2d_backward_weight_scratch_len(&CONV)]);
/// conv2d_backward_weight(Context::serial(Isa::detect()), &CONV, &x, &dy, Update::Overwrite, &mut dw, &mut scratch)?;
/// assert_eq!(dw, [51.0, 62.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn conv2d_backward_weight(
    ctx: Context,
    conv: &Conv2d,
    x: &[f32],
    dy: &[f32],
    update: Update,
    dw: &mut [f32],
    scratch: &mut [f32],
) -> Result {
    conv.check()?;
    check_len("x", conv.input_len(), x.len())?;
    check_len("dy", conv.output_len(), dy.len())?;
    check_len("dw", conv.weight_len(), dw.len())?;
    if MICROCONTROLLER {
        // The pass that tells the length also does the work: to plan it a second time would cost more than some
        // kernels.
        let pass = ScalarWeightPass::new::<All>(conv);
        check_at_least("scratch", pass.scratch_len::<All>(), scratch.len())?;
        scalar::<All>(ctx, &pass, x, dy, update, dw, scratch);
        return Ok(());
    }
    check_at_least("scratch", conv2d_backward_weight_scratch_len(conv), scratch.len())?;
    conv2d_backward_weight_planned::<All>(ctx, conv, x, dy, update, dw, scratch);
    Ok(())
}

/// [`conv2d_backward_weight`] of a shape and lengths that a plan has checked.
pub(crate) fn conv2d_backward_weight_planned<U: Uses>(
    ctx: Context,
    conv: &Conv2d,
    x: &[f32],
    dy: &[f32],
    update: Update,
    dw: &mut [f32],
    scratch: &mut [f32],
) {
    if MICROCONTROLLER {
        return scalar::<U>(ctx, &ScalarWeightPass::new::<U>(conv), x, dy, update, dw, scratch);
    }
    let channels = shared_channels(conv);
    let per_thread = conv2d_backward_weight_scratch_len(conv);
    if is_depthwise(conv) {
        let pass = DepthwisePass::new(conv);
        slice::share_chunks(ctx, dw, channels * conv.taps(), scratch, per_thread, &|first, dw, scratch| {
            dispatch!(ctx.isa(), |s| pass.part(s, first, x, dy, update, dw, scratch));
        });
        return;
    }
    let pass = WeightPass::new(conv);
    slice::share_chunks(ctx, dw, channels * pass.k(), scratch, per_thread, &|first, dw, scratch| {
        dispatch!(ctx.isa(), |s| pass.part(s, first * channels, x, dy, update, dw, scratch));
    });
}

/// Output channels that stay together: whole groups, or vectors.
const fn shared_channels(conv: &Conv2d) -> usize {
    if conv.groups > 1 { conv.group_out() } else { MAX_LANES }
}

fn scalar<U: Uses>(
    ctx: Context,
    pass: &ScalarWeightPass,
    x: &[f32],
    dy: &[f32],
    update: Update,
    dw: &mut [f32],
    scratch: &mut [f32],
) {
    if ctx.threads() == 1 {
        return pass.part::<U>(0, x, dy, update, dw, scratch);
    }
    let channels = shared_channels(pass.conv());
    let chunk = channels * pass.conv().group_in() * pass.conv().taps();
    slice::share_chunks(ctx, dw, chunk, scratch, pass.scratch_len::<U>(), &|first, dw, scratch| {
        pass.part::<U>(first * channels, x, dy, update, dw, scratch);
    });
}

/// Scratch of [`conv2d_backward_weight`] for one thread, in floats; 0 for a shape that [`Conv2d::check`] refuses.
pub const fn conv2d_backward_weight_scratch_len(conv: &Conv2d) -> usize {
    if conv.check().is_err() {
        return 0;
    }
    if MICROCONTROLLER {
        return ScalarWeightPass::new::<All>(conv).scratch_len::<All>();
    }
    if is_depthwise(conv) {
        return DepthwisePass::new(conv).scratch_len();
    }
    WeightPass::new(conv).scratch_len()
}

/// Each group has one input channel.
const fn is_depthwise(conv: &Conv2d) -> bool {
    conv.groups > 1 && conv.group_in() == 1
}
