//! Normalization: subtract a mean, divide by a deviation, multiply by a weight, add a bias.
//!
//! | | statistics over | weight and bias | running statistics |
//! |---|---|---|---|
//! | [`BatchNorm`] | a channel of all samples | one each per channel | yes |
//! | [`GroupNorm`] | a group of channels of one sample; an instance norm's group is one channel | one each per channel | no |
//! | [`LayerNorm`] | a row | one each per feature | no |
//! | [`RmsNorm`] | a row, without the mean | a weight per feature | no |
//!
//! All but the first treat samples independently: a batch gives the bits of its samples one by one.

mod batch;
mod batch_shape;
mod columns;
mod frozen;
mod group;
mod layer;
mod parts;
mod planes;
mod rms;
mod runs;

pub use batch::{batch_norm_backward, batch_norm_infer, batch_norm_train};
pub use batch_shape::BatchNorm;
pub use frozen::{FoldInto, batch_norm_infer_backward, fold_batch_norm};
pub use group::{GroupNorm, group_norm, group_norm_backward};
pub use layer::{LayerNorm, layer_norm, layer_norm_backward};
pub use parts::{Affine, Gradients, Running, Saved};
pub use rms::{RmsNorm, rms_norm, rms_norm_backward};

use crate::simd::Simd;
use crate::slice;
use crate::update::Update;

/// Channels that are taken together at most: a few arrays of this length stand on the stack.
const BLOCK: usize = 64;

/// Calls `f(start, width)` for each block of `count` channels, `most` at a time.
#[inline(always)]
fn blocks(count: usize, most: usize, mut f: impl FnMut(usize, usize)) {
    let most = most.clamp(1, BLOCK);
    let mut start = 0;
    while start < count {
        let width = most.min(count - start);
        f(start, width);
        start += width;
    }
}

/// `width` elements of `x` from `start`.
#[inline(always)]
fn part(x: &[f32], start: usize, width: usize) -> &[f32] {
    x.get(start..start + width).unwrap_or(&[])
}

/// `width` elements of `x` from `start`, to write.
#[inline(always)]
fn part_mut(x: &mut [f32], start: usize, width: usize) -> &mut [f32] {
    x.get_mut(start..start + width).unwrap_or(&mut [])
}

/// `1 / sqrt(var + eps)`
#[inline(always)]
fn reciprocal_root<S: Simd>(s: S, var: S::V, eps: S::V) -> S::V {
    s.div(s.splat(1.0), s.sqrt(s.add(var, eps)))
}

/// `1 / sqrt(var + eps)` of some channels.
#[inline(always)]
fn reciprocal_deviation<S: Simd>(s: S, eps: f32, var: &[f32], rstd: &mut [f32]) {
    let eps = s.splat(eps);
    slice::map(
        s,
        [var],
        rstd,
        #[inline(always)]
        |[var]| reciprocal_root(s, var, eps),
    );
}

/// Of some channels: moves the running statistics towards the mean and the unbiased variance, and turns the sums of
/// squared deviations into `rstd`.
#[inline(always)]
fn finish<S: Simd>(s: S, shape: &BatchNorm, mean: &[f32], rstd: &mut [f32], running: [&mut [f32]; 2]) {
    let (count, others) = (s.splat(shape.count() as f32), s.splat((shape.count() - 1) as f32));
    let (keep, momentum) = (s.splat(1.0 - shape.momentum), s.splat(shape.momentum));
    let (eps, [running_mean, running_var]) = (s.splat(shape.eps), running);
    slice::update(
        s,
        [mean],
        [rstd, running_mean, running_var],
        #[inline(always)]
        |[mean], [squares, running_mean, running_var]| {
            let rstd = reciprocal_root(s, s.div(squares, count), eps);
            let mean = s.add(s.mul(keep, running_mean), s.mul(momentum, mean));
            let var = s.add(s.mul(keep, running_var), s.mul(momentum, s.div(squares, others)));
            [rstd, mean, var]
        },
    );
}

/// Of some channels: stores `dweight` and `dbias`, and turns the sums of `dy` and of `dy * (x - mean)` into what the
/// input gradient needs, `mean(dy)` and `mean(dy * xhat) * rstd`.
#[inline(always)]
fn gradients<S: Simd>(
    s: S,
    shape: &BatchNorm,
    rstd: &[f32],
    sums: [&mut [f32]; 2],
    update: Update,
    gradient: [&mut [f32]; 2],
) {
    let count = s.splat(shape.count() as f32);
    let [sum, dot] = sums;
    let [dweight, dbias] = gradient;
    slice::update(
        s,
        [rstd],
        [sum, dot, dweight, dbias],
        #[inline(always)]
        |[rstd], [sum, dot, dweight, dbias]| {
            let batch = s.mul(dot, rstd);
            let slope = s.mul(s.div(batch, count), rstd);
            let (dweight, dbias) = match update {
                Update::Overwrite => (batch, sum),
                Update::Accumulate => (s.add(dweight, batch), s.add(dbias, sum)),
            };
            [s.div(sum, count), slope, dweight, dbias]
        },
    );
}
