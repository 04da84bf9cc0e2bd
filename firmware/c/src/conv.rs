//! Convolutions.

use crate::buffer::{buffers, read};
use crate::context::{Or, context, fused, optional, pair, update};
use crate::fault::report;
use crate::status::{fg_error, fg_status};
use flatgrad_core::conv::{
    Conv2d, conv2d, conv2d_backward_bias, conv2d_backward_input, conv2d_backward_input_scratch_len,
    conv2d_backward_weight, conv2d_backward_weight_scratch_len, conv2d_scratch_len,
};

/// The sizes of a convolution (a cross-correlation, as in all of deep learning): x [n, in_channels, h, w], weight
/// [out_channels, in_channels / groups, kh, kw], y [n, out_channels, fg_conv2d_out_h, fg_conv2d_out_w]. Pairs are
/// down and across. A signal (sensor data) has h = 1 and a kernel {1, taps}.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct fg_conv2d_shape {
    /// Samples.
    pub n: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Height of the input.
    pub h: usize,
    /// Width of the input.
    pub w: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Steps of the kernel; 0: 1.
    pub stride: [usize; 2],
    /// Zeros on each side.
    pub padding: [usize; 2],
    /// Distance between the kernel's taps; 0: 1.
    pub dilation: [usize; 2],
    /// Channels are cut in as many independent groups; 0: 1.
    pub groups: usize,
}

impl fg_conv2d_shape {
    fn core(self) -> Conv2d {
        Conv2d::new(self.n, [self.in_channels, self.h, self.w], self.out_channels, self.kernel)
            .stride(pair(self.stride, [1, 1]))
            .padding(self.padding)
            .dilation(pair(self.dilation, [1, 1]))
            .groups(self.groups.or(1))
    }
}

/// A number that a good shape has; 0 for a bad one and for a null pointer.
unsafe fn ask(shape: *const fg_conv2d_shape, question: fn(&Conv2d) -> usize) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    let shape = unsafe { read("shape", shape) }.map(fg_conv2d_shape::core);
    shape.ok().filter(|shape| shape.check().is_ok()).map_or(0, |shape| question(&shape))
}

/// Height of the output, (h + 2 padding - dilation (kernel - 1) - 1) / stride + 1 rounded down; 0 if the shape is
/// wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_conv2d_out_h(shape: *const fg_conv2d_shape) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { ask(shape, Conv2d::out_h) }
}

/// Width of the output; 0 if the shape is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_conv2d_out_w(shape: *const fg_conv2d_shape) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { ask(shape, Conv2d::out_w) }
}

/// Floats of scratch that fg_conv2d needs; 0 if the shape is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_conv2d_scratch_len(shape: *const fg_conv2d_shape) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { ask(shape, conv2d_scratch_len) }
}

/// Floats of scratch that fg_conv2d_backward_input needs; 0 if the shape is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_conv2d_backward_input_scratch_len(shape: *const fg_conv2d_shape) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { ask(shape, conv2d_backward_input_scratch_len) }
}

/// Floats of scratch that fg_conv2d_backward_weight needs; 0 if the shape is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_conv2d_backward_weight_scratch_len(shape: *const fg_conv2d_shape) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { ask(shape, conv2d_backward_weight_scratch_len) }
}

/// y = act(x * weight + bias), the convolution; act is max(0, x) if relu is set.
///
/// x, weight and y as fg_conv2d_shape says, bias [out_channels] (null with length 0: none), scratch of
/// fg_conv2d_scratch_len. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_conv2d(
    shape: *const fg_conv2d_shape,
    x: *const f32,
    x_len: usize,
    weight: *const f32,
    weight_len: usize,
    bias: *const f32,
    bias_len: usize,
    relu: bool,
    y: *mut f32,
    y_len: usize,
    scratch: *mut f32,
    scratch_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let shape = read("shape", shape)?.core();
            let ([x, weight, bias], [y, scratch]) = buffers(
                [("x", x, x_len), ("weight", weight, weight_len), ("bias", bias, bias_len)],
                [("y", y, y_len), ("scratch", scratch, scratch_len)],
            )?;
            Ok(conv2d(context(), &shape, x, weight, optional(bias), fused(relu), y, scratch)?)
        })
    }
}

/// dx = the gradient of the input: dy convolved with the kernel turned by half a turn.
///
/// dy as y, dx as x, scratch of fg_conv2d_backward_input_scratch_len. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_conv2d_backward_input(
    shape: *const fg_conv2d_shape,
    dy: *const f32,
    dy_len: usize,
    weight: *const f32,
    weight_len: usize,
    dx: *mut f32,
    dx_len: usize,
    scratch: *mut f32,
    scratch_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let shape = read("shape", shape)?.core();
            let ([dy, weight], [dx, scratch]) = buffers(
                [("dy", dy, dy_len), ("weight", weight, weight_len)],
                [("dx", dx, dx_len), ("scratch", scratch, scratch_len)],
            )?;
            Ok(conv2d_backward_input(context(), &shape, dy, weight, dx, scratch)?)
        })
    }
}

/// dw = the gradient of the weight: x correlated with dy; added to dw to accumulate.
///
/// x, dy as y, dw as weight, scratch of fg_conv2d_backward_weight_scratch_len. Returns FG_OK, or why nothing was
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_conv2d_backward_weight(
    shape: *const fg_conv2d_shape,
    x: *const f32,
    x_len: usize,
    dy: *const f32,
    dy_len: usize,
    accumulate: bool,
    dw: *mut f32,
    dw_len: usize,
    scratch: *mut f32,
    scratch_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let shape = read("shape", shape)?.core();
            let ([x, dy], [dw, scratch]) = buffers(
                [("x", x, x_len), ("dy", dy, dy_len)],
                [("dw", dw, dw_len), ("scratch", scratch, scratch_len)],
            )?;
            Ok(conv2d_backward_weight(context(), &shape, x, dy, update(accumulate), dw, scratch)?)
        })
    }
}

/// db = the sum of dy over samples and pixels; added to db to accumulate.
///
/// dy as y, db [out_channels]. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_conv2d_backward_bias(
    shape: *const fg_conv2d_shape,
    dy: *const f32,
    dy_len: usize,
    accumulate: bool,
    db: *mut f32,
    db_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let shape = read("shape", shape)?.core();
            let ([dy], [db]) = buffers([("dy", dy, dy_len)], [("db", db, db_len)])?;
            Ok(conv2d_backward_bias(context(), &shape, dy, update(accumulate), db)?)
        })
    }
}
