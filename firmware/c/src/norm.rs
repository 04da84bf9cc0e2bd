//! Batch normalization.

use crate::buffer::{buffers, read};
use crate::context::{Or, context, update};
use crate::fault::report;
use crate::status::{fg_error, fg_status};
use flatgrad_core::norm::{Affine, BatchNorm, Gradients, Running, Saved};
use flatgrad_core::norm::{batch_norm_backward, batch_norm_infer, batch_norm_train};

/// The sizes of a batch normalization: x and y [n, channels, spatial], everything else [channels].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct fg_batch_norm_shape {
    /// Samples.
    pub n: usize,
    /// Each has its own mean, variance, weight and bias.
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

/// y = (x - mean) / sqrt(var + eps) * weight + bias with this batch's own mean and variance, which the running
/// averages follow.
///
/// running_mean and running_var are read and written; saved_mean and saved_rstd are for fg_batch_norm_backward.
/// Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_batch_norm_train(
    shape: *const fg_batch_norm_shape,
    x: *const f32,
    x_len: usize,
    weight: *const f32,
    weight_len: usize,
    bias: *const f32,
    bias_len: usize,
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
            let ([x, weight, bias], [running_mean, running_var, y, saved_mean, saved_rstd]) = buffers(
                [("x", x, x_len), ("weight", weight, weight_len), ("bias", bias, bias_len)],
                [
                    ("running_mean", running_mean, running_mean_len),
                    ("running_var", running_var, running_var_len),
                    ("y", y, y_len),
                    ("saved_mean", saved_mean, saved_mean_len),
                    ("saved_rstd", saved_rstd, saved_rstd_len),
                ],
            )?;
            let running = Running { mean: running_mean, var: running_var };
            let saved = Saved { mean: saved_mean, rstd: saved_rstd };
            Ok(batch_norm_train(context(), &shape, x, Affine { weight, bias }, running, y, saved)?)
        })
    }
}

/// y = (x - running_mean) / sqrt(running_var + eps) * weight + bias, as at test time. Returns FG_OK, or why nothing
/// was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_batch_norm_infer(
    shape: *const fg_batch_norm_shape,
    x: *const f32,
    x_len: usize,
    weight: *const f32,
    weight_len: usize,
    bias: *const f32,
    bias_len: usize,
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
            let ([x, weight, bias, mean, var], [y]) = buffers(
                [
                    ("x", x, x_len),
                    ("weight", weight, weight_len),
                    ("bias", bias, bias_len),
                    ("running_mean", running_mean, running_mean_len),
                    ("running_var", running_var, running_var_len),
                ],
                [("y", y, y_len)],
            )?;
            Ok(batch_norm_infer(context(), &shape, x, Affine { weight, bias }, Running { mean, var }, y)?)
        })
    }
}

/// dx, dweight and dbias: the gradients of fg_batch_norm_train; those of weight and bias are added to accumulate.
///
/// dy and dx as x. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_batch_norm_backward(
    shape: *const fg_batch_norm_shape,
    x: *const f32,
    x_len: usize,
    dy: *const f32,
    dy_len: usize,
    weight: *const f32,
    weight_len: usize,
    saved_mean: *const f32,
    saved_mean_len: usize,
    saved_rstd: *const f32,
    saved_rstd_len: usize,
    accumulate: bool,
    dx: *mut f32,
    dx_len: usize,
    dweight: *mut f32,
    dweight_len: usize,
    dbias: *mut f32,
    dbias_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let shape = read("shape", shape)?.core();
            let ([x, dy, weight, mean, rstd], [dx, dweight, dbias]) = buffers(
                [
                    ("x", x, x_len),
                    ("dy", dy, dy_len),
                    ("weight", weight, weight_len),
                    ("saved_mean", saved_mean, saved_mean_len),
                    ("saved_rstd", saved_rstd, saved_rstd_len),
                ],
                [("dx", dx, dx_len), ("dweight", dweight, dweight_len), ("dbias", dbias, dbias_len)],
            )?;
            let (saved, update) = (Saved { mean, rstd }, update(accumulate));
            let gradients = Gradients { x: dx, weight: dweight, bias: dbias };
            Ok(batch_norm_backward(context(), &shape, x, dy, weight, saved, update, gradients)?)
        })
    }
}
