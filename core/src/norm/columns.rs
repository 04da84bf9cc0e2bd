//! Batch normalization of a matrix `[n, channels]`: lanes over channels, a block of columns at a time, so that the block
//! stays in the L1 cache between the passes. A sum over one column adds its elements in order from 0, which is what the
//! rule for planes says when a plane has one element (`0 + x` differs from `x` in the sign of a zero only, and a sum
//! that starts from 0 never shows it).

use super::{BatchNorm, Coefficients, finish, gradients};
use crate::simd::Simd;
use crate::slice::{self, ChannelsMut};
use crate::update::Update;

/// Columns of a block: four cache lines of each row, and a few arrays of this length on the stack.
const BLOCK: usize = 64;

/// Calls `f(start, width)` for each block of `count` columns.
#[inline(always)]
fn blocks(count: usize, mut f: impl FnMut(usize, usize)) {
    let mut start = 0;
    while start < count {
        let width = BLOCK.min(count - start);
        f(start, width);
        start += width;
    }
}

/// `width` elements of `x` from `start`.
#[inline(always)]
fn part(x: &[f32], start: usize, width: usize) -> &[f32] {
    x.get(start..start + width).unwrap_or(&[])
}

/// `width` columns of row `i`, from column `at`.
#[inline(always)]
fn row<'a>(shape: &BatchNorm, x: &'a [f32], i: usize, at: usize, width: usize) -> &'a [f32] {
    part(x, i * shape.channels + at, width)
}

#[inline(always)]
fn part_mut(x: &mut [f32], start: usize, width: usize) -> &mut [f32] {
    x.get_mut(start..start + width).unwrap_or(&mut [])
}

/// `y = (x - mean) * (scale * rstd) + shift` on one row of a block.
#[inline(always)]
fn normalize<S: Simd>(s: S, inputs: [&[f32]; 5], y: &mut [f32]) {
    slice::map(
        s,
        inputs,
        y,
        #[inline(always)]
        |[x, mean, rstd, scale, shift]| s.add(s.mul(s.sub(x, mean), s.mul(scale, rstd)), shift),
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
    let (first, count) = (y.first(), y.count());
    blocks(
        count,
        #[inline(always)]
        |start, width| {
            let at = first + start;
            let (mean, rstd) =
                (part_mut(saved_mean.sample(0), start, width), part_mut(saved_rstd.sample(0), start, width));
            mean.fill(0.0);
            rstd.fill(0.0);
            for i in 0..shape.n {
                add_row(s, row(shape, x, i, at, width), mean);
            }
            mean.iter_mut().for_each(|m| *m /= shape.count() as f32);
            for i in 0..shape.n {
                add_squares(s, row(shape, x, i, at, width), mean, rstd);
            }
            let running = part_mut(running_mean.sample(0), start, width).iter_mut().zip(part_mut(
                running_var.sample(0),
                start,
                width,
            ));
            for ((mean, rstd), (running_mean, running_var)) in mean.iter().zip(&mut *rstd).zip(running) {
                *rstd = finish(shape, *mean, *rstd, [running_mean, running_var]);
            }
            let (scale, shift) = (part(scale, at, width), part(shift, at, width));
            for i in 0..shape.n {
                normalize(
                    s,
                    [row(shape, x, i, at, width), mean, rstd, scale, shift],
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
pub(super) fn infer<S: Simd>(s: S, shape: &BatchNorm, x: &[f32], parameters: [&[f32]; 4], mut y: ChannelsMut) {
    let (first, count) = (y.first(), y.count());
    let (one, eps) = (s.splat(1.0), s.splat(shape.eps));
    blocks(
        count,
        #[inline(always)]
        |start, width| {
            let at = first + start;
            let [mean, var, scale, shift] = parameters.map(
                #[inline(always)]
                |p| part(p, at, width),
            );
            let mut rstd = [0.0; BLOCK];
            slice::map(
                s,
                [var],
                &mut rstd,
                #[inline(always)]
                |[var]| s.div(one, s.sqrt(s.add(var, eps))),
            );
            for i in 0..shape.n {
                normalize(
                    s,
                    [row(shape, x, i, at, width), mean, &rstd, scale, shift],
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
    saved: [&[f32]; 3],
    update: Update,
    [mut dx, mut dscale, mut dshift]: [ChannelsMut; 3],
) {
    let (first, count) = (dx.first(), dx.count());
    blocks(
        count,
        #[inline(always)]
        |start, width| {
            let at = first + start;
            let [scale, mean, rstd] = saved.map(
                #[inline(always)]
                |p| part(p, at, width),
            );
            let (mut sum, mut dot, mut factor) = ([0.0; BLOCK], [0.0; BLOCK], [0.0; BLOCK]);
            for i in 0..shape.n {
                add_products(
                    s,
                    [row(shape, x, i, at, width), row(shape, dy, i, at, width)],
                    mean,
                    [&mut sum, &mut dot],
                );
            }
            let gradient =
                part_mut(dscale.sample(0), start, width).iter_mut().zip(part_mut(dshift.sample(0), start, width));
            let sums = sum.iter_mut().zip(&mut dot).zip(&mut factor);
            for (((scale, rstd), (dscale, dshift)), ((sum, dot), factor)) in
                scale.iter().zip(rstd).zip(gradient).zip(sums)
            {
                let c = gradients(shape, [*sum, *dot], [*scale, *rstd], update, [dscale, dshift]);
                Coefficients { mean_dy: *sum, slope: *dot, factor: *factor } = c;
            }
            for i in 0..shape.n {
                slice::map(
                    s,
                    [row(shape, x, i, at, width), row(shape, dy, i, at, width), mean, &sum, &dot, &factor],
                    part_mut(dx.sample(i), start, width),
                    #[inline(always)]
                    |[x, dy, mean, mean_dy, slope, factor]| {
                        s.mul(s.sub(s.sub(dy, mean_dy), s.mul(s.sub(x, mean), slope)), factor)
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
