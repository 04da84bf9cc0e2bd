//! Normalization.

use super::math::sum;
use crate::norm::{Affine, BatchNorm, FoldInto, Gradients, GroupNorm, LayerNorm, RmsNorm, Running, Saved};
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
    affine: Affine<&[f32]>,
    running: Running<&mut [f32]>,
    y: &mut [f32],
    saved: Saved<&mut [f32]>,
) {
    let count = bn.n * bn.spatial;
    for c in 0..bn.channels {
        let mean = channel_sum(bn, c, |i| x[i]) / count as f32;
        let squares = channel_sum(bn, c, |i| (x[i] - mean) * (x[i] - mean));
        let rstd = 1.0 / libm::sqrtf(squares / count as f32 + bn.eps);
        let unbiased = squares / (count - 1) as f32;
        running.mean[c] = (1.0 - bn.momentum) * running.mean[c] + bn.momentum * mean;
        running.var[c] = (1.0 - bn.momentum) * running.var[c] + bn.momentum * unbiased;
        (saved.mean[c], saved.rstd[c]) = (mean, rstd);
        for i in channel_indices(bn, c) {
            y[i] = (x[i] - mean) * (affine.weight[c] * rstd) + affine.bias[c];
        }
    }
}

/// Batch normalization by the running statistics.
pub fn batch_norm_infer(bn: &BatchNorm, x: &[f32], affine: Affine<&[f32]>, running: Running<&[f32]>, y: &mut [f32]) {
    for c in 0..bn.channels {
        let rstd = 1.0 / libm::sqrtf(running.var[c] + bn.eps);
        for i in channel_indices(bn, c) {
            y[i] = (x[i] - running.mean[c]) * (affine.weight[c] * rstd) + affine.bias[c];
        }
    }
}

/// The gradients of [`batch_norm_train`].
pub fn batch_norm_backward(
    bn: &BatchNorm,
    x: &[f32],
    dy: &[f32],
    weight: &[f32],
    saved: Saved<&[f32]>,
    update: Update,
    Gradients { x: dx, weight: dweight, bias: dbias }: Gradients<&mut [f32]>,
) {
    let count = (bn.n * bn.spatial) as f32;
    for c in 0..bn.channels {
        let (mean, rstd) = (saved.mean[c], saved.rstd[c]);
        let bias_gradient = channel_sum(bn, c, |i| dy[i]);
        let weight_gradient = channel_sum(bn, c, |i| dy[i] * (x[i] - mean)) * rstd;
        let (mean_dy, slope) = (bias_gradient / count, weight_gradient / count * rstd);
        for i in channel_indices(bn, c) {
            dx[i] = ((dy[i] - mean_dy) - (x[i] - mean) * slope) * (weight[c] * rstd);
        }
        match update {
            Update::Overwrite => (dweight[c], dbias[c]) = (weight_gradient, bias_gradient),
            Update::Accumulate => {
                (dweight[c], dbias[c]) = (dweight[c] + weight_gradient, dbias[c] + bias_gradient);
            }
        }
    }
}

/// The input gradient of [`batch_norm_infer`].
pub fn batch_norm_infer_backward(bn: &BatchNorm, dy: &[f32], weight: &[f32], running: Running<&[f32]>, dx: &mut [f32]) {
    for c in 0..bn.channels {
        let rstd = 1.0 / libm::sqrtf(running.var[c] + bn.eps);
        for i in channel_indices(bn, c) {
            dx[i] = dy[i] * (weight[c] * rstd);
        }
    }
}

/// [`batch_norm_infer`] folded into the layer before it.
pub fn fold_batch_norm(
    bn: &BatchNorm,
    affine: Affine<&[f32]>,
    running: Running<&[f32]>,
    into: FoldInto,
    layer: Affine<&mut [f32]>,
) {
    let factor = |c: usize| affine.weight[c] * (1.0 / libm::sqrtf(running.var[c] + bn.eps));
    for (i, w) in layer.weight.iter_mut().enumerate() {
        *w *= match into {
            FoldInto::Conv2d { inputs } => factor(i / inputs),
            FoldInto::Dense { .. } => factor(i % bn.channels),
        };
    }
    for c in 0..bn.channels {
        layer.bias[c] = (layer.bias[c] - running.mean[c]) * factor(c) + affine.bias[c];
    }
}

/// Group normalization.
pub fn group_norm(
    gn: &GroupNorm,
    x: &[f32],
    Affine { weight, bias }: Affine<Option<&[f32]>>,
    y: &mut [f32],
    saved: Saved<&mut [f32]>,
) {
    for run in 0..gn.n * gn.groups {
        let count = gn.channels / gn.groups * gn.spatial;
        let elements = run * count..(run + 1) * count;
        let mean = sum(x[elements.clone()].iter().copied()) / count as f32;
        let squares = sum(x[elements.clone()].iter().map(|x| (x - mean) * (x - mean)));
        let rstd = 1.0 / libm::sqrtf(squares / count as f32 + gn.eps);
        (saved.mean[run], saved.rstd[run]) = (mean, rstd);
        for i in elements {
            let c = i / gn.spatial % gn.channels;
            y[i] = (x[i] - mean) * (weight.map_or(1.0, |weight| weight[c]) * rstd);
            if let Some(bias) = bias {
                y[i] += bias[c];
            }
        }
    }
}

/// The gradients of [`group_norm`].
pub fn group_norm_backward(
    gn: &GroupNorm,
    x: &[f32],
    dy: &[f32],
    weight: Option<&[f32]>,
    saved: Saved<&[f32]>,
    update: Update,
    Gradients { x: dx, weight: mut dweight, bias: mut dbias }: Gradients<Option<&mut [f32]>>,
) {
    if update == Update::Overwrite {
        [dweight.as_deref_mut(), dbias.as_deref_mut()].into_iter().flatten().for_each(|gradient| gradient.fill(0.0));
    }
    if gn.spatial == 0 {
        return; // an empty sum would turn a stored -0 into 0
    }
    let weight = |c: usize| weight.map_or(1.0, |weight| weight[c]);
    for run in 0..gn.n * gn.groups {
        let (mean, rstd, each) = (saved.mean[run], saved.rstd[run], gn.channels / gn.groups);
        // Planes, counted over the whole tensor; the sum of one element is that element.
        let planes = run * each..(run + 1) * each;
        let plane_sum = |plane: usize, term: &dyn Fn(usize) -> f32| match gn.spatial {
            1 => term(plane),
            spatial => sum((plane * spatial..(plane + 1) * spatial).map(term)),
        };
        let dy_sum = |plane| plane_sum(plane, &|i| dy[i]);
        let dot = |plane| plane_sum(plane, &|i| dy[i] * (x[i] - mean));
        let count = (each * gn.spatial) as f32;
        let mean_dy = sum(planes.clone().map(|p| dy_sum(p) * weight(p % gn.channels))) / count;
        let slope = sum(planes.clone().map(|p| dot(p) * weight(p % gn.channels))) * rstd / count * rstd;
        for plane in planes {
            let c = plane % gn.channels;
            for i in plane * gn.spatial..(plane + 1) * gn.spatial {
                dx[i] = ((dy[i] * weight(c) - mean_dy) - (x[i] - mean) * slope) * rstd;
            }
            dweight.iter_mut().for_each(|d| d[c] += dot(plane) * rstd);
            dbias.iter_mut().for_each(|d| d[c] += dy_sum(plane));
        }
    }
}

/// Layer normalization: group normalization of one group, whose channels have one element each.
pub fn layer_norm(ln: &LayerNorm, x: &[f32], affine: Affine<Option<&[f32]>>, y: &mut [f32], saved: Saved<&mut [f32]>) {
    group_norm(&one_group(ln), x, affine, y, saved);
}

/// The gradients of [`layer_norm`].
pub fn layer_norm_backward(
    ln: &LayerNorm,
    x: &[f32],
    dy: &[f32],
    weight: Option<&[f32]>,
    saved: Saved<&[f32]>,
    update: Update,
    gradients: Gradients<Option<&mut [f32]>>,
) {
    group_norm_backward(&one_group(ln), x, dy, weight, saved, update, gradients);
}

fn one_group(ln: &LayerNorm) -> GroupNorm {
    GroupNorm::new(ln.rows, ln.features, 1, 1).eps(ln.eps)
}

/// RMS normalization.
pub fn rms_norm(rn: &RmsNorm, x: &[f32], weight: Option<&[f32]>, y: &mut [f32], saved_rstd: &mut [f32]) {
    for row in 0..rn.rows {
        let start = row * rn.features;
        let squares = sum((0..rn.features).map(|f| x[start + f] * x[start + f]));
        let rstd = 1.0 / libm::sqrtf(squares / rn.features as f32 + rn.eps);
        saved_rstd[row] = rstd;
        for f in 0..rn.features {
            y[start + f] = x[start + f] * (weight.map_or(1.0, |weight| weight[f]) * rstd);
        }
    }
}

/// The gradients of [`rms_norm`].
pub fn rms_norm_backward(
    rn: &RmsNorm,
    x: &[f32],
    dy: &[f32],
    weight: Option<&[f32]>,
    saved_rstd: &[f32],
    update: Update,
    Gradients { x: dx, weight: mut dweight, .. }: Gradients<Option<&mut [f32]>, ()>,
) {
    if update == Update::Overwrite {
        dweight.iter_mut().for_each(|gradient| gradient.fill(0.0));
    }
    let weight = |f: usize| weight.map_or(1.0, |weight| weight[f]);
    for row in 0..rn.rows {
        let rstd = saved_rstd[row];
        let (x, dy) = (|f| x[row * rn.features + f], |f| dy[row * rn.features + f]);
        let slope = sum((0..rn.features).map(|f| dy(f) * x(f) * weight(f))) * rstd / rn.features as f32 * rstd;
        for f in 0..rn.features {
            dx[row * rn.features + f] = (dy(f) * weight(f) - x(f) * slope) * rstd;
            dweight.iter_mut().for_each(|d| d[f] += dy(f) * x(f) * rstd);
        }
    }
}
