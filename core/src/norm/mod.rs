//! Normalization.

mod batch;
mod columns;
mod planes;

pub use batch::{BatchNorm, batch_norm_backward, batch_norm_infer, batch_norm_train};

use crate::update::Update;

/// `1 / sqrt(var + eps)`
fn rstd(var: f32, eps: f32) -> f32 {
    1.0 / libm::sqrtf(var + eps)
}

/// Moves the running statistics towards a channel's mean and unbiased variance, and gives its `rstd`; `squares` is the
/// sum of the squared deviations.
fn finish(shape: &BatchNorm, mean: f32, squares: f32, running: [&mut f32; 2]) -> f32 {
    let (count, momentum) = (shape.count(), shape.momentum);
    let [running_mean, running_var] = running;
    *running_mean = (1.0 - momentum) * *running_mean + momentum * mean;
    *running_var = (1.0 - momentum) * *running_var + momentum * (squares / (count - 1) as f32);
    rstd(squares / count as f32, shape.eps)
}

/// What one channel's input gradient needs.
#[derive(Clone, Copy, Default)]
struct Coefficients {
    /// `mean(dy)`
    mean_dy: f32,
    /// `mean(dy * xhat) * rstd`
    slope: f32,
    /// `scale * rstd`
    factor: f32,
}

/// Stores a channel's `dscale` and `dshift`, given the sums of `dy` and of `dy * (x - mean)`.
fn gradients(
    shape: &BatchNorm,
    [sum, dot]: [f32; 2],
    [scale, rstd]: [f32; 2],
    update: Update,
    [dscale, dshift]: [&mut f32; 2],
) -> Coefficients {
    let (count, batch) = (shape.count() as f32, dot * rstd);
    match update {
        Update::Overwrite => (*dscale, *dshift) = (batch, sum),
        Update::Accumulate => (*dscale, *dshift) = (*dscale + batch, *dshift + sum),
    }
    Coefficients { mean_dy: sum / count, slope: batch / count * rstd, factor: scale * rstd }
}
