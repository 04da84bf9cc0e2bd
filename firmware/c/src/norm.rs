//! Batch normalization.

use crate::buffer::{buffers, read};
use crate::context::{Or, context, update};
use crate::fault::report;
use crate::status::{fg_error, fg_status};
use flatgrad_core::norm::{BatchNorm, batch_norm_backward, batch_norm_infer, batch_norm_train};

/// The sizes of a batch normalization: x and y [n, channels, spatial], everything else [channels].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct fg_batch_norm_shape {
    /// Samples.
    pub n: usize,
    /// Each has its own mean, variance, scale and shift.
    pub channels: usize,
    /// h * w for images, 1 after a dense layer.
    pub spatial: usize,
    /// Added to the variance; 0: 1e-5.
    pub eps: f32,
    /// The weight of the new value in the running averages; 0: 0.1.
    pub momentum: f32,
}

impl fg_batch_norm_shape {
    fn core(self) -> BatchNorm {
        BatchNorm::new(self.n, self.channels, self.spatial).eps(self.eps.or(1e-5)).momentum(self.momentum.or(0.1))
    }
}

/// y = (x - mean) / sqrt(var + eps) * scale + shift with this batch's own mean and variance, which the running
/// averages follow.
///
/// running_mean and running_var are read and written; saved_mean and saved_rstd are for fg_batch_norm_backward.
/// Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_batch_norm_train(
    shape: *const fg_batch_norm_shape,
    x: *const f32,
    x_len: usize,
    scale: *const f32,
    scale_len: usize,
    shift: *const f32,
    shift_len: usize,
    running_mean: *mut f32,
    running_mean_len: usize,
    running_var: *mut f32,
    running_var_len: usize,
    y: *mut f32,
    y_len: usize,
    saved_mean: *mut f32,
    saved_mean_len: usize,
    saved_rstd: *mut f32,
    saved_rstd_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let shape = read("shape", shape)?.core();
            let ([x, scale, shift], [running_mean, running_var, y, saved_mean, saved_rstd]) = buffers(
                [("x", x, x_len), ("scale", scale, scale_len), ("shift", shift, shift_len)],
                [
                    ("running_mean", running_mean, running_mean_len),
                    ("running_var", running_var, running_var_len),
                    ("y", y, y_len),
                    ("saved_mean", saved_mean, saved_mean_len),
                    ("saved_rstd", saved_rstd, saved_rstd_len),
                ],
            )?;
            let ctx = context();
            batch_norm_train(ctx, &shape, x, scale, shift, running_mean, running_var, y, saved_mean, saved_rstd)?;
            Ok(())
        })
    }
}

/// y = (x - running_mean) / sqrt(running_var + eps) * scale + shift, as at test time. Returns FG_OK, or why nothing
/// was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_batch_norm_infer(
    shape: *const fg_batch_norm_shape,
    x: *const f32,
    x_len: usize,
    scale: *const f32,
    scale_len: usize,
    shift: *const f32,
    shift_len: usize,
    running_mean: *const f32,
    running_mean_len: usize,
    running_var: *const f32,
    running_var_len: usize,
    y: *mut f32,
    y_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let shape = read("shape", shape)?.core();
            let ([x, scale, shift, running_mean, running_var], [y]) = buffers(
                [
                    ("x", x, x_len),
                    ("scale", scale, scale_len),
                    ("shift", shift, shift_len),
                    ("running_mean", running_mean, running_mean_len),
                    ("running_var", running_var, running_var_len),
                ],
                [("y", y, y_len)],
            )?;
            Ok(batch_norm_infer(context(), &shape, x, scale, shift, running_mean, running_var, y)?)
        })
    }
}

/// dx, dscale and dshift: the gradients of fg_batch_norm_train; those of scale and shift are added to accumulate.
///
/// dy and dx as x. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_batch_norm_backward(
    shape: *const fg_batch_norm_shape,
    x: *const f32,
    x_len: usize,
    dy: *const f32,
    dy_len: usize,
    scale: *const f32,
    scale_len: usize,
    saved_mean: *const f32,
    saved_mean_len: usize,
    saved_rstd: *const f32,
    saved_rstd_len: usize,
    accumulate: bool,
    dx: *mut f32,
    dx_len: usize,
    dscale: *mut f32,
    dscale_len: usize,
    dshift: *mut f32,
    dshift_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let shape = read("shape", shape)?.core();
            let ([x, dy, scale, mean, rstd], [dx, dscale, dshift]) = buffers(
                [
                    ("x", x, x_len),
                    ("dy", dy, dy_len),
                    ("scale", scale, scale_len),
                    ("saved_mean", saved_mean, saved_mean_len),
                    ("saved_rstd", saved_rstd, saved_rstd_len),
                ],
                [("dx", dx, dx_len), ("dscale", dscale, dscale_len), ("dshift", dshift, dshift_len)],
            )?;
            let update = update(accumulate);
            Ok(batch_norm_backward(context(), &shape, x, dy, scale, mean, rstd, update, dx, dscale, dshift)?)
        })
    }
}
