//! Batch normalization of a matrix `[n, channels]`: lanes over channels, a block of columns at a time, so that the
//! block stays in the L1 cache between the passes. A sum over one column adds its elements in order from 0, which is
//! what the rule for planes says when a plane has one element (`0 + x` differs from `x` in the sign of a zero only, and
//! a sum that starts from 0 never shows it).

use super::{
    Affine, BLOCK, BatchNorm, Running, Saved, blocks, finish, gradients, part, part_mut, reciprocal_deviation,
};
use crate::simd::Simd;
use crate::slice::{self, ChannelsMut};
use crate::update::Update;

/// `width` columns of row `i`, from column `at`.
#[inline(always)]
fn row<'a>(shape: &BatchNorm, x: &'a [f32], i: usize, at: usize, width: usize) -> &'a [f32] {
    part(x, i * shape.channels + at, width)
}

/// `y = (x - mean) * (weight * rstd) + bias` on one row of a block.
#[inline(always)]
fn normalize<S: Simd>(s: S, inputs: [&[f32]; 5], y: &mut [f32]) {
    slice::map(
        s,
        inputs,
        y,
        #[inline(always)]
        |[x, mean, rstd, weight, bias]| s.add(s.mul(s.sub(x, mean), s.mul(weight, rstd)), bias),
    );
}

#[inline(always)]
pub(super) fn train<S: Simd>(
    s: S,
    shape: &BatchNorm,
    x: &[f32],
    affine: Affine<&[f32]>,
    [mut y, mut saved_mean, mut saved_rstd, mut running_mean, mut running_var]: [ChannelsMut; 5],
) {
    let (first, count) = (y.first(), y.count());
    blocks(
        count,
        BLOCK,
        #[inline(always)]
        |start, width| {
            let at = first + start;
            let mean = part_mut(saved_mean.sample(0), start, width);
            let rstd = part_mut(saved_rstd.sample(0), start, width);
            let [rm, rv] = [&mut running_mean, &mut running_var].map(|v| part_mut(v.sample(0), start, width));
            mean.fill(0.0);
            rstd.fill(0.0);
            for i in 0..shape.n {
                add_row(s, row(shape, x, i, at, width), mean);
            }
            mean.iter_mut().for_each(|m| *m /= shape.count() as f32);
            for i in 0..shape.n {
                add_squares(s, row(shape, x, i, at, width), mean, rstd);
            }
            finish(s, shape, mean, rstd, [rm, rv]);
            let affine = affine.part(at, width);
            for i in 0..shape.n {
                normalize(
                    s,
                    [row(shape, x, i, at, width), mean, rstd, affine.weight, affine.bias],
                    part_mut(y.sample(i), start, width),
                );
            }
        },
    );
}

/// `sum += x`
#[inline(always)]
fn add_row<S: Simd>(s: S, x: &[f32], sum: &mut [f32]) {
    slice::update(
        s,
        [x],
        [sum],
        #[inline(always)]
        |[x], [sum]| [s.add(sum, x)],
    );
}

/// `sum += (x - mean)^2`
#[inline(always)]
fn add_squares<S: Simd>(s: S, x: &[f32], mean: &[f32], sum: &mut [f32]) {
    slice::update(
        s,
        [x, mean],
        [sum],
        #[inline(always)]
        |[x, mean], [sum]| {
            let d = s.sub(x, mean);
            [s.add(sum, s.mul(d, d))]
        },
    );
}

#[inline(always)]
pub(super) fn infer<S: Simd>(
    s: S,
    shape: &BatchNorm,
    x: &[f32],
    affine: Affine<&[f32]>,
    running: Running<&[f32]>,
    mut y: ChannelsMut,
) {
    let (first, count) = (y.first(), y.count());
    blocks(
        count,
        BLOCK,
        #[inline(always)]
        |start, width| {
            let at = first + start;
            let (affine, mean) = (affine.part(at, width), part(running.mean, at, width));
            let mut rstd = [0.0; BLOCK];
            reciprocal_deviation(s, shape.eps, part(running.var, at, width), &mut rstd);
            for i in 0..shape.n {
                normalize(
                    s,
                    [row(shape, x, i, at, width), mean, &rstd, affine.weight, affine.bias],
                    part_mut(y.sample(i), start, width),
                );
            }
        },
    );
}

#[inline(always)]
pub(super) fn backward<S: Simd>(
    s: S,
    shape: &BatchNorm,
    [x, dy]: [&[f32]; 2],
    weight: &[f32],
    saved: Saved<&[f32]>,
    update: Update,
    [mut dx, mut dweight, mut dbias]: [ChannelsMut; 3],
) {
    let (first, count) = (dx.first(), dx.count());
    blocks(
        count,
        BLOCK,
        #[inline(always)]
        |start, width| {
            let at = first + start;
            let weight = part(weight, at, width);
            let (mean, rstd) = (part(saved.mean, at, width), part(saved.rstd, at, width));
            let (mut sum, mut dot) = ([0.0; BLOCK], [0.0; BLOCK]);
            for i in 0..shape.n {
                let inputs = [row(shape, x, i, at, width), row(shape, dy, i, at, width)];
                add_products(s, inputs, mean, [&mut sum, &mut dot]);
            }
            let [dweight, dbias] = [&mut dweight, &mut dbias].map(|v| part_mut(v.sample(0), start, width));
            gradients(s, shape, rstd, [&mut sum, &mut dot], update, [dweight, dbias]);
            let (mean_dy, slope) = (sum, dot);
            for i in 0..shape.n {
                let (x, dy) = (row(shape, x, i, at, width), row(shape, dy, i, at, width));
                slice::map(
                    s,
                    [x, dy, mean, &mean_dy, &slope, weight, rstd],
                    part_mut(dx.sample(i), start, width),
                    #[inline(always)]
                    |[x, dy, mean, mean_dy, slope, weight, rstd]| {
                        let d = s.sub(s.sub(dy, mean_dy), s.mul(s.sub(x, mean), slope));
                        s.mul(d, s.mul(weight, rstd))
                    },
                );
            }
        },
    );
}

/// `sum += dy`, `dot += dy * (x - mean)`
#[inline(always)]
fn add_products<S: Simd>(s: S, inputs: [&[f32]; 2], mean: &[f32], sums: [&mut [f32]; 2]) {
    let [x, dy] = inputs;
    slice::update(
        s,
        [x, dy, mean],
        sums,
        #[inline(always)]
        |[x, dy, mean], [sum, dot]| [s.add(sum, dy), s.add(dot, s.mul(dy, s.sub(x, mean)))],
    );
}
