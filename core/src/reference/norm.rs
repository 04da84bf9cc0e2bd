//! Normalization.

use super::math::sum;
use crate::norm::BatchNorm;
use crate::update::Update;

/// The sum over one channel of `[n, channels, spatial]` of `term(index)`: a plane in 16 lanes, planes in order.
fn channel_sum(bn: &BatchNorm, channel: usize, term: impl Fn(usize) -> f32) -> f32 {
    let plane = |i| (i * bn.channels + channel) * bn.spatial;
    (0..bn.n).fold(0.0, |total, i| total + sum((plane(i)..plane(i) + bn.spatial).map(&term)))
}

/// All indices of one channel of `[n, channels, spatial]`.
fn channel_indices(bn: &BatchNorm, channel: usize) -> impl Iterator<Item = usize> {
    let (channels, spatial) = (bn.channels, bn.spatial);
    (0..bn.n).flat_map(move |i| (i * channels + channel) * spatial..(i * channels + channel + 1) * spatial)
}

/// Batch normalization by the statistics of the batch.
pub fn batch_norm_train(
    bn: &BatchNorm,
    x: &[f32],
    scale: &[f32],
    shift: &[f32],
    running_mean: &mut [f32],
    running_var: &mut [f32],
    y: &mut [f32],
    saved_mean: &mut [f32],
    saved_rstd: &mut [f32],
) {
    let count = bn.n * bn.spatial;
    for c in 0..bn.channels {
        let mean = channel_sum(bn, c, |i| x[i]) / count as f32;
        let squares = channel_sum(bn, c, |i| (x[i] - mean) * (x[i] - mean));
        let rstd = 1.0 / libm::sqrtf(squares / count as f32 + bn.eps);
        let unbiased = squares / (count - 1) as f32;
        running_mean[c] = (1.0 - bn.momentum) * running_mean[c] + bn.momentum * mean;
        running_var[c] = (1.0 - bn.momentum) * running_var[c] + bn.momentum * unbiased;
        (saved_mean[c], saved_rstd[c]) = (mean, rstd);
        for i in channel_indices(bn, c) {
            y[i] = (x[i] - mean) * (scale[c] * rstd) + shift[c];
        }
    }
}

/// Batch normalization by the running statistics.
pub fn batch_norm_infer(
    bn: &BatchNorm,
    x: &[f32],
    scale: &[f32],
    shift: &[f32],
    running_mean: &[f32],
    running_var: &[f32],
    y: &mut [f32],
) {
    for c in 0..bn.channels {
        let rstd = 1.0 / libm::sqrtf(running_var[c] + bn.eps);
        for i in channel_indices(bn, c) {
            y[i] = (x[i] - running_mean[c]) * (scale[c] * rstd) + shift[c];
        }
    }
}

/// The gradients of [`batch_norm_train`].
pub fn batch_norm_backward(
    bn: &BatchNorm,
    x: &[f32],
    dy: &[f32],
    scale: &[f32],
    saved_mean: &[f32],
    saved_rstd: &[f32],
    update: Update,
    dx: &mut [f32],
    dscale: &mut [f32],
    dshift: &mut [f32],
) {
    let count = (bn.n * bn.spatial) as f32;
    for c in 0..bn.channels {
        let (mean, rstd) = (saved_mean[c], saved_rstd[c]);
        let shift_gradient = channel_sum(bn, c, |i| dy[i]);
        let scale_gradient = channel_sum(bn, c, |i| dy[i] * (x[i] - mean)) * rstd;
        let (mean_dy, slope) = (shift_gradient / count, scale_gradient / count * rstd);
        for i in channel_indices(bn, c) {
            dx[i] = ((dy[i] - mean_dy) - (x[i] - mean) * slope) * (scale[c] * rstd);
        }
        match update {
            Update::Overwrite => (dscale[c], dshift[c]) = (scale_gradient, shift_gradient),
            Update::Accumulate => {
                (dscale[c], dshift[c]) = (dscale[c] + scale_gradient, dshift[c] + shift_gradient);
            }
        }
    }
}
