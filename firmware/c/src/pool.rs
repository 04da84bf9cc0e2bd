//! Pooling.

use crate::buffer::{buffers, read};
use crate::context::{context, pair};
use crate::fault::report;
use crate::status::{fg_error, fg_status};
use flatgrad_core::pool::{
    AvgPool2d, MaxPool2d, avg_pool2d, avg_pool2d_backward, global_avg_pool, global_avg_pool_backward, max_pool2d,
    max_pool2d_backward,
};

/// The sizes of a pooling: x [n, channels, h, w], y [n, channels, fg_pool2d_out_h, fg_pool2d_out_w]. Pairs are down
/// and across.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct fg_pool2d_shape {
    /// Samples.
    pub n: usize,
    /// Channels.
    pub channels: usize,
    /// Height of the input.
    pub h: usize,
    /// Width of the input.
    pub w: usize,
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Steps of the window; 0: the kernel.
    pub stride: [usize; 2],
    /// Minus infinity (means: zeros) on each side; at most half the kernel.
    pub padding: [usize; 2],
    /// The zeros of the padding do not count in a mean. They do by default, as in PyTorch.
    pub exclude_padding: bool,
}

impl fg_pool2d_shape {
    fn max(self) -> MaxPool2d {
        MaxPool2d::new(self.n, [self.channels, self.h, self.w], self.kernel)
            .stride(pair(self.stride, self.kernel))
            .padding(self.padding)
    }
    fn avg(self) -> AvgPool2d {
        AvgPool2d::new(self.n, [self.channels, self.h, self.w], self.kernel)
            .stride(pair(self.stride, self.kernel))
            .padding(self.padding)
            .count_include_pad(!self.exclude_padding)
    }
}

/// Height of the output, (h + 2 padding - kernel) / stride + 1 rounded down; 0 if the shape is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_pool2d_out_h(shape: *const fg_pool2d_shape) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    let shape = unsafe { read("shape", shape) }.map(fg_pool2d_shape::max);
    shape.ok().filter(|shape| shape.check().is_ok()).map_or(0, |shape| shape.out_h())
}

/// Width of the output; 0 if the shape is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_pool2d_out_w(shape: *const fg_pool2d_shape) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    let shape = unsafe { read("shape", shape) }.map(fg_pool2d_shape::max);
    shape.ok().filter(|shape| shape.check().is_ok()).map_or(0, |shape| shape.out_w())
}

/// y = the largest element of each window. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_max_pool2d(
    shape: *const fg_pool2d_shape,
    x: *const f32,
    x_len: usize,
    y: *mut f32,
    y_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let shape = read("shape", shape)?.max();
            let ([x], [y]) = buffers([("x", x, x_len)], [("y", y, y_len)])?;
            Ok(max_pool2d(context(), &shape, x, y)?)
        })
    }
}

/// dx = the sum of the dy of all windows in which the element is the first of the largest; x is fg_max_pool2d's
/// input, dx [n, channels, h, w], dy as y. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_max_pool2d_backward(
    shape: *const fg_pool2d_shape,
    x: *const f32,
    x_len: usize,
    dy: *const f32,
    dy_len: usize,
    dx: *mut f32,
    dx_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let shape = read("shape", shape)?.max();
            let ([x, dy], [dx]) = buffers([("x", x, x_len), ("dy", dy, dy_len)], [("dx", dx, dx_len)])?;
            Ok(max_pool2d_backward(context(), &shape, x, dy, dx)?)
        })
    }
}

/// y = the mean of each window. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_avg_pool2d(
    shape: *const fg_pool2d_shape,
    x: *const f32,
    x_len: usize,
    y: *mut f32,
    y_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let shape = read("shape", shape)?.avg();
            let ([x], [y]) = buffers([("x", x, x_len)], [("y", y, y_len)])?;
            Ok(avg_pool2d(context(), &shape, x, y)?)
        })
    }
}

/// dx = the sum of dy / count over all windows with this element; dx [n, channels, h, w], dy as y. Returns FG_OK, or
/// why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_avg_pool2d_backward(
    shape: *const fg_pool2d_shape,
    dy: *const f32,
    dy_len: usize,
    dx: *mut f32,
    dx_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let shape = read("shape", shape)?.avg();
            let ([dy], [dx]) = buffers([("dy", dy, dy_len)], [("dx", dx, dx_len)])?;
            Ok(avg_pool2d_backward(context(), &shape, dy, dx)?)
        })
    }
}

/// y = the mean of each channel: x [n, channels, spatial], y [n, channels]. Returns FG_OK, or why nothing was
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_global_avg_pool(
    n: usize,
    channels: usize,
    spatial: usize,
    x: *const f32,
    x_len: usize,
    y: *mut f32,
    y_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let ([x], [y]) = buffers([("x", x, x_len)], [("y", y, y_len)])?;
            Ok(global_avg_pool(context(), [n, channels, spatial], x, y)?)
        })
    }
}

/// dx = dy / spatial: dy [n, channels], dx [n, channels, spatial]. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_global_avg_pool_backward(
    n: usize,
    channels: usize,
    spatial: usize,
    dy: *const f32,
    dy_len: usize,
    dx: *mut f32,
    dx_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let ([dy], [dx]) = buffers([("dy", dy, dy_len)], [("dx", dx, dx_len)])?;
            Ok(global_avg_pool_backward(context(), [n, channels, spatial], dy, dx)?)
        })
    }
}
