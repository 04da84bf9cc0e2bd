//! The gradients: of the input run by run, of weight and bias channel by channel, samples in order.

use super::super::planes::sum_products;
use super::super::{BLOCK, Gradients, blocks, part, part_mut};
use super::{NO_WEIGHT, RUN, Runs, Values, optional};
use crate::error::Result;
use crate::machine::Context;
use crate::simd::{MAX_LANES, Simd, dispatch};
use crate::slice::{self, ChannelsMut, chunks, chunks_mut};
use crate::update::Update;

/// What the passes read.
#[derive(Clone, Copy)]
pub(in super::super) struct Inputs<'a> {
    pub(in super::super) x: &'a [f32],
    pub(in super::super) dy: &'a [f32],
    pub(in super::super) weight: Option<&'a [f32]>,
    /// Without it the mean counts as 0.
    pub(in super::super) mean: Option<&'a [f32]>,
    pub(in super::super) rstd: &'a [f32],
}

impl Inputs<'_> {
    fn mean(&self, run: usize) -> f32 {
        self.mean.and_then(|mean| mean.get(run)).copied().unwrap_or(0.0)
    }

    fn rstd(&self, run: usize) -> f32 {
        self.rstd.get(run).copied().unwrap_or(0.0)
    }
}

/// All gradients, if the slices have their lengths; those of weight and bias only where they are asked for.
///
/// One thread makes all of them run by run, as long as a run is in the cache. Several threads share out the groups;
/// where there are too few, first the runs for `dx`, then the channels for `dweight` and `dbias`.
pub(in super::super) fn backward(
    ctx: Context,
    runs: &Runs,
    inputs: Inputs,
    update: Update,
    Gradients { x: dx, weight: mut dweight, bias: mut dbias }: Gradients<Option<&mut [f32]>>,
) -> Result {
    runs.check_tensors(&[("x", inputs.x), ("dy", inputs.dy), ("dx", dx)])?;
    runs.check_channels(&[("weight", inputs.weight), ("dweight", dweight.as_deref()), ("dbias", dbias.as_deref())])?;
    runs.check_saved(inputs.mean, inputs.rstd)?;
    if update == Update::Overwrite {
        [dweight.as_deref_mut(), dbias.as_deref_mut()].into_iter().flatten().for_each(|d| d.fill(0.0));
    }
    let ctx = slice::worth(ctx, dx.len());
    let (work, channels) = (dx.len(), runs.groups * runs.channels);
    if work == 0 {
        return Ok(());
    }
    if ctx.threads() == 1 {
        let [dweight, dbias] = [dweight, dbias].map(Option::unwrap_or_default);
        dispatch!(ctx.isa(), |s| some_runs(s, runs, inputs, 0, dx, (0, [dweight, dbias])));
        return Ok(());
    }
    let wanted = dweight.is_some() || dbias.is_some();
    if runs.groups >= ctx.threads() {
        let groups = [runs.groups, runs.channels];
        let outputs = [
            ChannelsMut::new(dx, [runs.n, runs.groups, runs.len()]),
            optional(dweight, groups),
            optional(dbias, groups),
        ];
        slice::share_channels(ctx, work, outputs, &|[mut dx, mut dweight, mut dbias]| {
            dispatch!(ctx.isa(), |s| for i in 0..runs.n {
                let (first, channel) = (i * runs.groups + dx.first(), dx.first() * runs.channels);
                some_runs(s, runs, inputs, first, dx.sample(i), (channel, [dweight.sample(0), dbias.sample(0)]));
            });
        });
        return Ok(());
    }
    slice::share_channels(ctx, work, [ChannelsMut::new(dx, [1, runs.count(), runs.len()])], &|[mut dx]| {
        dispatch!(ctx.isa(), |s| some_runs(s, runs, inputs, dx.first(), dx.sample(0), (0, [&mut [], &mut []])));
    });
    if wanted {
        let outputs = [optional(dweight, [channels, 1]), optional(dbias, [channels, 1])];
        slice::share_channels(ctx, work, outputs, &|outputs| {
            dispatch!(ctx.isa(), |s| some_channels(s, runs, inputs, outputs));
        });
    }
    Ok(())
}

/// The gradients of the runs from `first` on, as many as `dx` holds: consecutive groups of a sample, or all groups of
/// samples. The gradients of weight and bias belong to the channels from `first_channel` on, or are empty.
#[inline(always)]
fn some_runs<S: Simd>(
    s: S,
    runs: &Runs,
    inputs: Inputs,
    first: usize,
    dx: &mut [f32],
    (first_channel, [dweight, dbias]): (usize, [&mut [f32]; 2]),
) {
    let len = runs.len().max(1);
    blocks(
        dx.len() / len,
        RUN / len,
        #[inline(always)]
        |start, width| {
            let at = first + start;
            let data = chunks(part(inputs.x, at * len, width * len), len)
                .zip(chunks(part(inputs.dy, at * len, width * len), len));
            let dx = chunks_mut(part_mut(dx, start * len, width * len), len);
            let (mut sums, mut dots) = ([0.0; BLOCK], [0.0; BLOCK]);
            for (r, ((sum, dot), (x, dy))) in (at..).zip(sums.iter_mut().zip(&mut dots).zip(data.clone())) {
                let channel = runs.first_channel(r) - first_channel;
                let [dweight, dbias] = [&mut *dweight, &mut *dbias].map(|d| part_mut(d, channel, runs.channels));
                [*sum, *dot] = run_sums(s, runs, inputs, r, [x, dy], [dweight, dbias]);
            }
            if inputs.mean.is_none() {
                sums = [0.0; BLOCK];
            }
            slopes(s, len, part(inputs.rstd, at, width), [&mut sums, &mut dots]);
            for (r, (((mean_dy, slope), (x, dy)), dx)) in (at..).zip(sums.iter().zip(&dots).zip(data).zip(dx)) {
                let parameters = [inputs.mean(r), *mean_dy, *slope, inputs.rstd(r)];
                run_gradient(s, runs, r, [x, dy], inputs.weight, parameters, dx);
            }
        },
    );
}

/// The sums of `dy * weight` and of `dy * (x - mean) * weight` over a run; on the way, its part of the gradients of the
/// run's channels, where these are not empty.
#[inline(always)]
fn run_sums<S: Simd>(
    s: S,
    runs: &Runs,
    inputs: Inputs,
    run: usize,
    [x, dy]: [&[f32]; 2],
    gradients: [&mut [f32]; 2],
) -> [f32; 2] {
    let (mean, rstd, first) = (inputs.mean(run), inputs.rstd(run), runs.first_channel(run));
    if runs.spatial == 1 {
        add_row(s, [x, dy], [mean, rstd], gradients);
        return row_sums(s, [x, dy], mean, Values::run(inputs.weight, first, runs.channels, NO_WEIGHT));
    }
    let [dweight, dbias] = gradients;
    // Channel `c` of the run into lane `c mod 16`.
    let mut lanes = [[0.0; MAX_LANES]; 2];
    let spatial = runs.spatial.max(1);
    for (c, (x, dy)) in chunks(x, spatial).zip(chunks(dy, spatial)).enumerate() {
        let [sum, dot] = sum_products(s, x, dy, mean);
        add(dweight.get_mut(c), dot * rstd);
        add(dbias.get_mut(c), sum);
        let weight = inputs.weight.and_then(|weight| weight.get(first + c)).copied().unwrap_or(NO_WEIGHT);
        for (lanes, term) in lanes.iter_mut().zip([sum, dot]) {
            add(lanes.get_mut(c % MAX_LANES), term * weight);
        }
    }
    slice::sum(
        s,
        [&lanes[0], &lanes[1]],
        #[inline(always)]
        |x| x,
    )
}

#[inline(always)]
fn add(sum: Option<&mut f32>, term: f32) {
    if let Some(sum) = sum {
        *sum += term;
    }
}

#[inline(always)]
fn row_sums<S: Simd>(s: S, inputs: [&[f32]; 2], mean: f32, weight: Values) -> [f32; 2] {
    let ([x, dy], mean) = (inputs, s.splat(mean));
    match weight {
        Values::Each(weight) => slice::sum(
            s,
            [x, dy, weight],
            #[inline(always)]
            |[x, dy, weight]| terms(s, [x, dy, weight], mean),
        ),
        Values::One(weight) => slice::sum(
            s,
            inputs,
            #[inline(always)]
            |[x, dy]| terms(s, [x, dy, s.splat(weight)], mean),
        ),
    }
}

/// `dy * weight` and `dy * (x - mean) * weight`
#[inline(always)]
fn terms<S: Simd>(s: S, [x, dy, weight]: [S::V; 3], mean: S::V) -> [S::V; 2] {
    [s.mul(dy, weight), s.mul(s.mul(dy, s.sub(x, mean)), weight)]
}

/// Of some runs: the sums become what the input gradient needs, `mean(dy * weight)` and
/// `mean(dy * weight * xhat) * rstd`.
#[inline(always)]
fn slopes<S: Simd>(s: S, len: usize, rstd: &[f32], sums: [&mut [f32]; 2]) {
    let len = s.splat(len as f32);
    slice::update(
        s,
        [rstd],
        sums,
        #[inline(always)]
        |[rstd], [sum, dot]| [s.div(sum, len), s.mul(s.div(s.mul(dot, rstd), len), rstd)],
    );
}

#[inline(always)]
fn run_gradient<S: Simd>(
    s: S,
    runs: &Runs,
    run: usize,
    [x, dy]: [&[f32]; 2],
    weight: Option<&[f32]>,
    parameters: [f32; 4],
    dx: &mut [f32],
) {
    let first = runs.first_channel(run);
    if runs.spatial == 1 {
        return input_gradient(s, [x, dy], Values::run(weight, first, runs.channels, NO_WEIGHT), parameters, dx);
    }
    let spatial = runs.spatial.max(1);
    let planes = chunks(x, spatial).zip(chunks(dy, spatial)).zip(chunks_mut(dx, spatial));
    for (c, ((x, dy), dx)) in (first..).zip(planes) {
        input_gradient(s, [x, dy], Values::plane(weight, c, NO_WEIGHT), parameters, dx);
    }
}

/// `dx = ((dy * weight - mean_dy) - (x - mean) * slope) * rstd`
#[inline(always)]
fn input_gradient<S: Simd>(s: S, inputs: [&[f32]; 2], weight: Values, parameters: [f32; 4], dx: &mut [f32]) {
    let [x, dy] = inputs;
    let parameters = parameters.map(
        #[inline(always)]
        |p| s.splat(p),
    );
    match weight {
        Values::Each(weight) => slice::map(
            s,
            [x, dy, weight],
            dx,
            #[inline(always)]
            |[x, dy, weight]| gradient(s, [x, dy, weight], parameters),
        ),
        Values::One(weight) => slice::map(
            s,
            inputs,
            dx,
            #[inline(always)]
            |[x, dy]| gradient(s, [x, dy, s.splat(weight)], parameters),
        ),
    }
}

#[inline(always)]
fn gradient<S: Simd>(s: S, [x, dy, weight]: [S::V; 3], [mean, mean_dy, slope, rstd]: [S::V; 4]) -> S::V {
    s.mul(s.sub(s.sub(s.mul(dy, weight), mean_dy), s.mul(s.sub(x, mean), slope)), rstd)
}

/// The gradients of weight and bias of some channels.
#[inline(always)]
fn some_channels<S: Simd>(s: S, runs: &Runs, inputs: Inputs, [mut dweight, mut dbias]: [ChannelsMut; 2]) {
    let (first, end) = (dweight.first(), dweight.first() + dweight.count());
    let (dweight, dbias, spatial) = (dweight.sample(0), dbias.sample(0), runs.spatial.max(1));
    for run in 0..runs.count() {
        // The channels that this run and this part have in common.
        let run_first = runs.first_channel(run);
        let (from, to) = (first.max(run_first), end.min(run_first + runs.channels));
        if from >= to {
            continue;
        }
        let statistics = [inputs.mean(run), inputs.rstd(run)];
        let start = run * runs.len() + (from - run_first) * spatial;
        let data = [inputs.x, inputs.dy].map(|x| part(x, start, (to - from) * spatial));
        let [dweight, dbias] = [&mut *dweight, &mut *dbias].map(|d| part_mut(d, from - first, to - from));
        if spatial == 1 {
            add_row(s, data, statistics, [dweight, dbias]);
            continue;
        }
        let planes = chunks(data[0], spatial).zip(chunks(data[1], spatial));
        for (c, (x, dy)) in planes.enumerate() {
            let [sum, dot] = sum_products(s, x, dy, statistics[0]);
            add(dweight.get_mut(c), dot * statistics[1]);
            add(dbias.get_mut(c), sum);
        }
    }
}

/// `dweight += dy * (x - mean) * rstd` and `dbias += dy`, where these are not empty.
#[inline(always)]
fn add_row<S: Simd>(s: S, inputs: [&[f32]; 2], statistics: [f32; 2], [dweight, dbias]: [&mut [f32]; 2]) {
    let statistics = statistics.map(
        #[inline(always)]
        |p| s.splat(p),
    );
    match (dweight.is_empty(), dbias.is_empty()) {
        (false, false) => slice::update(
            s,
            inputs,
            [dweight, dbias],
            #[inline(always)]
            |[x, dy], [dweight, dbias]| [s.add(dweight, product(s, x, dy, statistics)), s.add(dbias, dy)],
        ),
        (false, true) => slice::update(
            s,
            inputs,
            [dweight],
            #[inline(always)]
            |[x, dy], [dweight]| [s.add(dweight, product(s, x, dy, statistics))],
        ),
        (true, false) => slice::update(
            s,
            [inputs[1]],
            [dbias],
            #[inline(always)]
            |[dy], [dbias]| [s.add(dbias, dy)],
        ),
        (true, true) => {}
    }
}

/// `dy * xhat`
#[inline(always)]
fn product<S: Simd>(s: S, x: S::V, dy: S::V, [mean, rstd]: [S::V; 2]) -> S::V {
    s.mul(s.mul(dy, s.sub(x, mean)), rstd)
}
