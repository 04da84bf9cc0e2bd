//! Fully connected layers.

use crate::buffer::{buffers, read};
use crate::context::{context, fused, optional, update};
use crate::fault::report;
use crate::status::{fg_error, fg_status};
use flatgrad_core::dense::{
    Dense, dense, dense_backward_bias, dense_backward_input, dense_backward_weight, dense_scratch_len,
};

/// The sizes of a dense layer: x [n, inputs], weight [inputs, outputs], y [n, outputs].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct fg_dense_shape {
    /// Samples.
    pub n: usize,
    /// Features of a sample.
    pub inputs: usize,
    /// Features of its result.
    pub outputs: usize,
}

impl fg_dense_shape {
    fn core(self) -> Dense {
        Dense::new(self.n, self.inputs, self.outputs)
    }
}

/// Floats of scratch that fg_dense, fg_dense_backward_input and fg_dense_backward_weight need; 0 for a null pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_dense_scratch_len(shape: *const fg_dense_shape) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { read("shape", shape) }.map_or(0, |shape| dense_scratch_len(&shape.core()))
}

/// y = act(x weight + bias); act is max(0, x) if relu is set.
///
/// x [n, inputs], weight [inputs, outputs] (PyTorch keeps the transpose), bias [outputs] (null with length 0: none),
/// y [n, outputs], scratch of fg_dense_scratch_len. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_dense(
    shape: *const fg_dense_shape,
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
            Ok(dense(context(), &shape, x, weight, optional(bias), fused(relu), y, scratch)?)
        })
    }
}

/// dx = dy weight^T, the gradient of the input.
///
/// dy [n, outputs], weight [inputs, outputs], dx [n, inputs], scratch of fg_dense_scratch_len. Returns FG_OK, or why
/// nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_dense_backward_input(
    shape: *const fg_dense_shape,
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
            Ok(dense_backward_input(context(), &shape, dy, weight, dx, scratch)?)
        })
    }
}

/// dw = x^T dy, or dw + x^T dy to accumulate: the gradient of the weight.
///
/// x [n, inputs], dy [n, outputs], dw [inputs, outputs], scratch of fg_dense_scratch_len. Returns FG_OK, or why
/// nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_dense_backward_weight(
    shape: *const fg_dense_shape,
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
            Ok(dense_backward_weight(context(), &shape, x, dy, update(accumulate), dw, scratch)?)
        })
    }
}

/// db = the sum of dy over the samples, or db + that to accumulate: the gradient of the bias.
///
/// dy [n, outputs], db [outputs]. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_dense_backward_bias(
    shape: *const fg_dense_shape,
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
            Ok(dense_backward_bias(context(), &shape, dy, update(accumulate), db)?)
        })
    }
}
