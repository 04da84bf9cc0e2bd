//! What group, layer and RMS normalization share: each normalizes contiguous runs, every one by its own statistics.
//!
//! Data is `[n, channels, spatial]`; a run is one of `groups` groups of channels of one sample. A layer norm's rows are
//! samples with one group whose channels, the features, have one element each. RMS normalization takes the mean, and
//! the mean of the gradient, as 0: subtracting 0 changes no bit.
//!
//! Runs are taken in blocks that stay in the L1 cache between the passes. Each pass over a block is a loop of
//! independent runs, so a short run's sum does not wait for the root of the run before it.

mod backward;

pub(super) use backward::{Inputs, backward};

use super::planes::{sum, sum_squares};
use super::{Affine, BLOCK, Saved, blocks, part, part_mut, reciprocal_root};
use crate::error::{Result, check_len};
use crate::machine::Context;
use crate::simd::{Simd, dispatch};
use crate::slice::{self, ChannelsMut, chunks, chunks_mut};

/// Elements of a block of runs: with the two other tensors of a gradient, 24 KB.
const RUN: usize = 2048;

/// Which runs there are.
#[derive(Clone, Copy)]
pub(super) struct Runs {
    pub(super) n: usize,
    pub(super) groups: usize,
    /// Channels of a group.
    pub(super) channels: usize,
    pub(super) spatial: usize,
    pub(super) eps: f32,
}

impl Runs {
    /// Elements of a run.
    const fn len(&self) -> usize {
        self.channels * self.spatial
    }

    /// Runs.
    const fn count(&self) -> usize {
        self.n * self.groups
    }

    /// The first channel of run `run`.
    fn first_channel(&self, run: usize) -> usize {
        run % self.groups.max(1) * self.channels
    }

    /// All tensors are `[n, groups * channels, spatial]`, a shape that has been checked.
    fn check_tensors(&self, tensors: &[(&'static str, &[f32])]) -> Result {
        let len = self.count() * self.len();
        tensors.iter().try_for_each(|(what, x)| check_len(what, len, x.len()))
    }

    /// All slices that are there are `[groups * channels]`.
    fn check_channels(&self, slices: &[(&'static str, Option<&[f32]>)]) -> Result {
        let all = self.groups * self.channels;
        slices.iter().try_for_each(|(what, x)| x.map_or(Ok(()), |x| check_len(what, all, x.len())))
    }

    /// The statistics are `[n, groups]`; not all have a mean.
    fn check_saved(&self, mean: Option<&[f32]>, rstd: &[f32]) -> Result {
        mean.map_or(Ok(()), |mean| check_len("saved_mean", self.count(), mean.len()))?;
        check_len("saved_rstd", self.count(), rstd.len())
    }
}

/// A factor or a summand for each element.
#[derive(Clone, Copy)]
enum Values<'a> {
    /// Each has its own.
    Each(&'a [f32]),
    /// All have this one.
    One(f32),
}

impl<'a> Values<'a> {
    /// Those of a run of channels of one element each.
    fn run(x: Option<&'a [f32]>, start: usize, width: usize, none: f32) -> Self {
        x.map_or(Self::One(none), |x| Self::Each(part(x, start, width)))
    }

    /// The one of a plane.
    fn plane(x: Option<&[f32]>, channel: usize, none: f32) -> Self {
        Self::One(x.and_then(|x| x.get(channel)).copied().unwrap_or(none))
    }
}

/// Multiplying by it changes no bit.
const NO_WEIGHT: f32 = 1.0;
/// Adding it changes no bit (adding +0 turns -0 into +0).
const NO_BIAS: f32 = -0.0;

/// `count` planes of `each` elements, or of none.
fn optional(x: Option<&mut [f32]>, [count, each]: [usize; 2]) -> ChannelsMut<'_> {
    match x {
        Some(x) => ChannelsMut::new(x, [1, count, each]),
        None => ChannelsMut::new(&mut [], [1, count, 0]),
    }
}

/// Normalizes all runs, if the slices have their lengths; without `mean` it counts as 0.
pub(super) fn forward(
    ctx: Context,
    runs: &Runs,
    x: &[f32],
    affine: Affine<Option<&[f32]>>,
    y: &mut [f32],
    mean: Option<&mut [f32]>,
    rstd: &mut [f32],
) -> Result {
    runs.check_tensors(&[("x", x), ("y", y)])?;
    runs.check_channels(&[("weight", affine.weight), ("bias", affine.bias)])?;
    runs.check_saved(mean.as_deref(), rstd)?;
    if x.is_empty() {
        return Ok(());
    }
    let (count, centered) = (runs.count(), mean.is_some());
    let outputs = [ChannelsMut::new(y, [1, count, runs.len()]), optional(mean, [count, 1]), ChannelsMut::vector(rstd)];
    slice::share_channels(ctx, x.len(), outputs, &|outputs| {
        dispatch!(ctx.isa(), |s| forward_part(s, runs, centered, x, affine, outputs))
    });
    Ok(())
}

#[inline(always)]
fn forward_part<S: Simd>(
    s: S,
    runs: &Runs,
    centered: bool,
    x: &[f32],
    affine: Affine<Option<&[f32]>>,
    [mut y, mut saved_mean, mut saved_rstd]: [ChannelsMut; 3],
) {
    let (len, first, count) = (runs.len(), y.first(), y.count());
    let (y, mut zeros) = (y.sample(0), [0.0; BLOCK]);
    blocks(
        count,
        RUN / len.max(1),
        #[inline(always)]
        |start, width| {
            let x = chunks(part(x, (first + start) * len, width * len), len);
            let y = chunks_mut(part_mut(y, start * len, width * len), len);
            let rstd = part_mut(saved_rstd.sample(0), start, width);
            let mean = if centered { part_mut(saved_mean.sample(0), start, width) } else { &mut zeros };
            if centered {
                mean.iter_mut().zip(x.clone()).for_each(|(mean, x)| *mean = sum(s, x) / len as f32);
            }
            for ((rstd, mean), x) in rstd.iter_mut().zip(&*mean).zip(x.clone()) {
                *rstd = sum_squares(s, x, *mean);
            }
            let (count, eps) = (s.splat(len as f32), s.splat(runs.eps));
            slice::update(
                s,
                [],
                [&mut *rstd],
                #[inline(always)]
                |[], [squares]| [reciprocal_root(s, s.div(squares, count), eps)],
            );
            for (r, ((mean, rstd), (x, y))) in mean.iter().zip(rstd).zip(x.zip(y)).enumerate() {
                normalize_run(s, runs, first + start + r, x, Saved { mean: *mean, rstd: *rstd }, affine, y);
            }
        },
    );
}

/// `y = (x - mean) * (weight * rstd) + bias` on a run.
#[inline(always)]
fn normalize_run<S: Simd>(
    s: S,
    runs: &Runs,
    run: usize,
    x: &[f32],
    saved: Saved<f32>,
    Affine { weight, bias }: Affine<Option<&[f32]>>,
    y: &mut [f32],
) {
    let first = runs.first_channel(run);
    if runs.spatial == 1 {
        let weight = Values::run(weight, first, runs.channels, NO_WEIGHT);
        return normalize(s, x, saved, weight, Values::run(bias, first, runs.channels, NO_BIAS), y);
    }
    let spatial = runs.spatial.max(1);
    for (c, (x, y)) in (first..).zip(chunks(x, spatial).zip(chunks_mut(y, spatial))) {
        normalize(s, x, saved, Values::plane(weight, c, NO_WEIGHT), Values::plane(bias, c, NO_BIAS), y);
    }
}

#[inline(always)]
fn normalize<S: Simd>(s: S, x: &[f32], saved: Saved<f32>, weight: Values, bias: Values, y: &mut [f32]) {
    let statistics = [s.splat(saved.mean), s.splat(saved.rstd)];
    match (weight, bias) {
        (Values::Each(weight), Values::Each(bias)) => slice::map(
            s,
            [x, weight, bias],
            y,
            #[inline(always)]
            |[x, weight, bias]| affine(s, x, statistics, [weight, bias]),
        ),
        (Values::Each(weight), Values::One(bias)) => slice::map(
            s,
            [x, weight],
            y,
            #[inline(always)]
            |[x, weight]| affine(s, x, statistics, [weight, s.splat(bias)]),
        ),
        (Values::One(weight), Values::Each(bias)) => slice::map(
            s,
            [x, bias],
            y,
            #[inline(always)]
            |[x, bias]| affine(s, x, statistics, [s.splat(weight), bias]),
        ),
        (Values::One(weight), Values::One(bias)) => slice::map(
            s,
            [x],
            y,
            #[inline(always)]
            |[x]| affine(s, x, statistics, [s.splat(weight), s.splat(bias)]),
        ),
    }
}

#[inline(always)]
fn affine<S: Simd>(s: S, x: S::V, [mean, rstd]: [S::V; 2], [weight, bias]: [S::V; 2]) -> S::V {
    s.add(s.mul(s.sub(x, mean), s.mul(weight, rstd)), bias)
}
