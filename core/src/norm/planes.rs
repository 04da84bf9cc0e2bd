//! Batch normalization where a channel has planes of several elements: lanes along a plane, one channel at a time.

use super::{BatchNorm, Coefficients, finish, gradients, rstd};
use crate::simd::Simd;
use crate::slice::{self, ChannelsMut};
use crate::update::Update;

/// One channel of one sample.
#[inline(always)]
fn plane<'a>(shape: &BatchNorm, x: &'a [f32], sample: usize, channel: usize) -> &'a [f32] {
    let start = (sample * shape.channels + channel) * shape.spatial;
    x.get(start..start + shape.spatial).unwrap_or(&[])
}

/// The sums over one channel of the terms `f`: each plane in 16 virtual lanes, planes added in order.
#[inline(always)]
fn sum<S: Simd, const N: usize, const A: usize>(
    s: S,
    shape: &BatchNorm,
    channel: usize,
    inputs: [&[f32]; N],
    f: impl Fn([S::V; N]) -> [S::V; A] + Copy,
) -> [f32; A] {
    let mut total = [0.0; A];
    for i in 0..shape.n {
        let planes = inputs.map(
            #[inline(always)]
            |x| plane(shape, x, i, channel),
        );
        let terms = slice::sum(s, planes, f);
        for a in 0..A {
            total[a] += terms[a];
        }
    }
    total
}

/// `y = (x - mean) * factor + shift` on one plane.
#[inline(always)]
fn normalize<S: Simd>(s: S, x: &[f32], [mean, factor, shift]: [f32; 3], y: &mut [f32]) {
    let (mean, factor, shift) = (s.splat(mean), s.splat(factor), s.splat(shift));
    slice::map(
        s,
        [x],
        y,
        #[inline(always)]
        |[x]| s.add(s.mul(s.sub(x, mean), factor), shift),
    );
}

#[inline(always)]
pub(super) fn train<S: Simd>(
    s: S,
    shape: &BatchNorm,
    x: &[f32],
    [scale, shift]: [&[f32]; 2],
    [mut y, mut saved_mean, mut saved_rstd, mut running_mean, mut running_var]: [ChannelsMut; 5],
) {
    let first = y.first();
    let affine = scale.iter().zip(shift).skip(first);
    let running = running_mean.sample(0).iter_mut().zip(running_var.sample(0));
    for (c, ((scale, shift), (running_mean, running_var))) in affine.zip(running).enumerate() {
        let [total] = sum(
            s,
            shape,
            first + c,
            [x],
            #[inline(always)]
            |[x]| [x],
        );
        let mean = total / shape.count() as f32;
        let m = s.splat(mean);
        let [squares] = sum(
            s,
            shape,
            first + c,
            [x],
            #[inline(always)]
            |[x]| {
                let d = s.sub(x, m);
                [s.mul(d, d)]
            },
        );
        let rstd = finish(shape, mean, squares, [running_mean, running_var]);
        saved_mean.set(c, mean);
        saved_rstd.set(c, rstd);
        for i in 0..shape.n {
            normalize(s, plane(shape, x, i, first + c), [mean, scale * rstd, *shift], y.plane(i, c));
        }
    }
}

#[inline(always)]
pub(super) fn infer<S: Simd>(
    s: S,
    shape: &BatchNorm,
    x: &[f32],
    [mean, var, scale, shift]: [&[f32]; 4],
    mut y: ChannelsMut,
) {
    let (first, count) = (y.first(), y.count());
    let parameters = mean.iter().zip(var).zip(scale.iter().zip(shift)).skip(first).take(count);
    for (c, ((mean, var), (scale, shift))) in parameters.enumerate() {
        let factor = scale * rstd(*var, shape.eps);
        for i in 0..shape.n {
            normalize(s, plane(shape, x, i, first + c), [*mean, factor, *shift], y.plane(i, c));
        }
    }
}

#[inline(always)]
pub(super) fn backward<S: Simd>(
    s: S,
    shape: &BatchNorm,
    [x, dy]: [&[f32]; 2],
    [scale, mean, rstd]: [&[f32]; 3],
    update: Update,
    [mut dx, mut dscale, mut dshift]: [ChannelsMut; 3],
) {
    let first = dx.first();
    let saved = scale.iter().zip(mean).zip(rstd).skip(first);
    let outputs = dscale.sample(0).iter_mut().zip(dshift.sample(0));
    for (c, (((scale, mean), rstd), (dscale, dshift))) in saved.zip(outputs).enumerate() {
        let m = s.splat(*mean);
        let sums = sum(
            s,
            shape,
            first + c,
            [x, dy],
            #[inline(always)]
            |[x, dy]| [dy, s.mul(dy, s.sub(x, m))],
        );
        let Coefficients { mean_dy, slope, factor } = gradients(shape, sums, [*scale, *rstd], update, [dscale, dshift]);
        let (mean_dy, slope, factor) = (s.splat(mean_dy), s.splat(slope), s.splat(factor));
        for i in 0..shape.n {
            let inputs = [x, dy].map(
                #[inline(always)]
                |x| plane(shape, x, i, first + c),
            );
            slice::map(
                s,
                inputs,
                dx.plane(i, c),
                #[inline(always)]
                |[x, dy]| s.mul(s.sub(s.sub(dy, mean_dy), s.mul(s.sub(x, m), slope)), factor),
            );
        }
    }
}
