//! Normalization, activation, pooling, loss, dropout and optimizers.

use crate::loss::LossReport;
use crate::norm::BatchNorm;
use crate::pool::MaxPool2d;
use crate::update::Update;

/// The sum of a contiguous run: element `i` into virtual lane `i mod 16`, then the lanes joined 8, 4, 2, 1 apart.
pub fn sum(x: impl IntoIterator<Item = f32>) -> f32 {
    let mut lanes = [0.0f32; 16];
    for (i, v) in x.into_iter().enumerate() {
        lanes[i % 16] += v;
    }
    for half in [8, 4, 2, 1] {
        for l in 0..half {
            lanes[l] += lanes[l + half];
        }
    }
    lanes[0]
}

/// `e^x`, at most 2 ULP from the true value; gradual underflow, infinity above 88.73, NaN for a NaN.
pub fn exp(x: f32) -> f32 {
    // 1.5 * 2^23: adding it rounds a small number to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let power_of_two = |rounded: f32| f32::from_bits((rounded.to_bits() << 23).wrapping_add(0x3f80_0000));
    let x = if -104.0 > x { -104.0 } else { x };
    let x = if 89.0 < x { 89.0 } else { x };
    let n = (x * core::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (x - n * (355.0 / 512.0)) + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
        p = p * r + c;
    }
    let y = (p * (r * r) + r) + 1.0;
    let half = n * 0.5 + ROUND;
    let rest = (n - (half - ROUND)) + ROUND;
    y * power_of_two(half) * power_of_two(rest)
}

/// `if 0 > x { 0 } else { x }`
pub fn relu(x: f32) -> f32 {
    if 0.0 > x { 0.0 } else { x }
}

/// `if 0 < y { dy } else { 0 }`
pub fn relu_backward(y: f32, dy: f32) -> f32 {
    if 0.0 < y { dy } else { 0.0 }
}

/// The largest element; a NaN is skipped.
pub fn maximum(x: &[f32]) -> f32 {
    x.iter().fold(f32::NEG_INFINITY, |m, &x| if x > m { x } else { m })
}

/// One row of softmax.
pub fn softmax(x: &[f32], y: &mut [f32]) {
    let max = maximum(x);
    let total = sum(x.iter().map(|x| exp(x - max)));
    y.iter_mut().zip(x).for_each(|(y, x)| *y = exp(x - max) / total);
}

/// One row of log-softmax.
pub fn log_softmax(x: &[f32], y: &mut [f32]) {
    let max = maximum(x);
    let log = libm::logf(sum(x.iter().map(|x| exp(x - max))));
    y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - max) - log);
}

/// Softmax cross entropy of rows of `classes` logits, and its gradient.
pub fn cross_entropy(
    classes: usize,
    logits: &[f32],
    labels: &[u32],
    grad_scale: f32,
    dlogits: &mut [f32],
) -> LossReport {
    let mut report = LossReport::default();
    for (i, &label) in labels.iter().enumerate() {
        let (x, label) = (&logits[i * classes..][..classes], label as usize);
        let dx = &mut dlogits[i * classes..][..classes];
        let max = maximum(x);
        report.loss_sum += libm::logf(sum(x.iter().map(|x| exp(x - max)))) - (x[label] - max);
        report.correct += (x.iter().position(|&x| x == max) == Some(label)) as usize;
        softmax(x, dx);
        for (j, dx) in dx.iter_mut().enumerate() {
            *dx = (*dx - (j == label) as u32 as f32) * grad_scale;
        }
    }
    report
}

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

/// Calls `f(x index, y index)` with the element that each window chooses: the first maximum, or the last NaN.
fn chosen(pool: &MaxPool2d, x: &[f32], mut f: impl FnMut(usize, usize)) {
    let mut output = 0;
    for plane in 0..pool.n * pool.channels {
        for (oy, ox) in (0..pool.out_h()).flat_map(|oy| (0..pool.out_w()).map(move |ox| (oy, ox))) {
            let (mut best, mut at) = (f32::NEG_INFINITY, None);
            for (ky, kx) in (0..pool.kernel[0]).flat_map(|ky| (0..pool.kernel[1]).map(move |kx| (ky, kx))) {
                let (iy, ix) = (oy * pool.stride[0] + ky, ox * pool.stride[1] + kx);
                if iy < pool.padding[0] || ix < pool.padding[1] {
                    continue;
                }
                let (iy, ix) = (iy - pool.padding[0], ix - pool.padding[1]);
                if iy < pool.h && ix < pool.w {
                    let i = (plane * pool.h + iy) * pool.w + ix;
                    if at.is_none() || x[i] > best || x[i].is_nan() {
                        (best, at) = (x[i], Some(i));
                    }
                }
            }
            if let Some(at) = at {
                f(at, output);
            }
            output += 1;
        }
    }
}

/// Max pooling.
pub fn max_pool2d(pool: &MaxPool2d, x: &[f32], y: &mut [f32]) {
    chosen(pool, x, |from, to| y[to] = x[from]);
}

/// The gradient of [`max_pool2d`].
pub fn max_pool2d_backward(pool: &MaxPool2d, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    dx.fill(0.0);
    chosen(pool, x, |from, to| dx[from] += dy[to]);
}
