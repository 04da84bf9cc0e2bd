//! The engine of the forward pass and of the input gradient: both are correlations.

use super::Conv2d;
use super::ahead::Ahead;
use super::axis::Axis;
use super::place::Finish;
use super::plan::{ALIGN, PATCH, Plan, aligned, balanced};
use super::shape::product;
use super::tile::max_tile;
use crate::machine::target::MAX_WIDTH;
use crate::machine::target::MICROCONTROLLER;
use crate::parts::{Everything, Linked, Parts};
use crate::scalar::{ceil_div, nonzero};
use crate::simd::{MAX_LANES, Simd, dispatch};
use crate::{Activation, Context, slice};
use core::marker::PhantomData;

/// Which way the data flow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From `x` to `y`.
    Forward,
    /// From `dy` to `dx`.
    Backward,
}

/// A convolution seen as a set of correlations ("phases") that read and write the same tensors.
///
/// Forward there is one phase; backward one for each remainder of the position by the stride.
pub(super) struct Correlation<L = Everything> {
    pub conv: Conv2d,
    pub direction: Direction,
    /// Channels read and written, of one group.
    pub reads: usize,
    pub writes: usize,
    /// Planes read and written.
    pub from: [usize; 2],
    pub to: [usize; 2],
    linked: PhantomData<fn() -> L>,
}

impl<L> Clone for Correlation<L> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<L> Copy for Correlation<L> {}

/// One phase: its axes, and the strips it is cut into.
pub(super) struct Phase<L = Everything> {
    pub row: Axis<L>,
    pub col: Axis<L>,
    pub plan: Plan<L>,
}

impl<L: Linked> Phase<L> {
    /// Pixels of a tile of channel lanes, and how many tiles `channels` channels have.
    pub fn tiles(&self, lanes: usize, channels: usize) -> (usize, usize) {
        let tile = balanced(self.plan.cols, max_tile(lanes));
        if channels == 1 {
            return (tile, 1); // the lanes are pixels
        }
        let across = ceil_div(self.col.outs, tile);
        (tile, (self.row.outs * across * ceil_div(channels, 2 * lanes)).max(1))
    }

    /// Taps of the phase.
    pub const fn taps(&self) -> usize {
        self.row.taps * self.col.taps
    }
}

impl<L: Linked> Correlation<L> {
    pub(super) const fn new(conv: &Conv2d, direction: Direction) -> Self {
        let conv = conv.flat::<L>();
        let ([mut reads, mut writes], [mut from, mut to]) =
            (conv.group_channels::<L>(), [[conv.h, conv.w], conv.outs::<L>()]);
        if matches!(direction, Direction::Backward) {
            (reads, writes, from, to) = (writes, reads, to, from);
        }
        Self { conv, direction, reads, writes, from, to, linked: PhantomData }
    }

    /// Independent convolutions.
    pub(super) const fn groups(&self) -> usize {
        if L::PARTS.has(Parts::STRIDED) { self.conv.groups } else { 1 }
    }

    /// Phases down and across; those beyond the image would have no outputs.
    pub(super) const fn phases(&self) -> [usize; 2] {
        let [mut down, mut across] = match self.direction {
            Direction::Backward if L::PARTS.has(Parts::STRIDED) => self.conv.stride,
            _ => return [1, 1],
        };
        down = if down < self.to[0] { down } else { self.to[0] };
        across = if across < self.to[1] { across } else { self.to[1] };
        [down, across]
    }

    /// All phases.
    pub(super) fn each_phase(&self) -> impl Iterator<Item = Phase<L>> {
        let [down, across] = self.phases();
        (0..down).flat_map(move |i| (0..across).map(move |j| self.phase(i, j)))
    }

    const fn axis(&self, i: usize, phase: usize) -> Axis<L> {
        let geometry = [self.conv.stride[i], self.conv.padding[i], self.conv.dilation[i]];
        match self.direction {
            Direction::Forward => Axis::forward(self.from[i], self.conv.kernel[i], geometry, self.to[i]),
            Direction::Backward => Axis::backward(self.to[i], self.conv.kernel[i], geometry, self.from[i], phase),
        }
    }

    pub(super) const fn phase(&self, down: usize, across: usize) -> Phase<L> {
        self.phase_within(PATCH, down, across)
    }

    /// The phase in strips whose input fits in `patch` floats.
    pub(super) const fn phase_within(&self, patch: usize, down: usize, across: usize) -> Phase<L> {
        let (row, col) = (self.axis(0, down), self.axis(1, across));
        Phase { plan: Plan::new(self.reads, &row, &col, usize::MAX, patch), row, col }
    }

    /// Packed weights of a phase and group: channels in vectors of `width`, `[channel vector][k][width]`.
    pub(super) const fn packed_len(&self, taps: usize, width: usize) -> usize {
        product(&[ceil_div(self.writes, width), width, self.reads, taps])
    }

    /// The length of the three parts of scratch: packed weights, offsets, and a strip's input.
    pub(super) const fn scratch_parts(&self) -> [usize; 3] {
        let width = if self.writes == 1 { 1 } else { MAX_WIDTH };
        let ([down, across], mut patch, mut phase) = (self.phases(), 0, 0);
        while phase < down * across {
            let len = self.phase(phase / nonzero(across), phase % nonzero(across)).plan.patch_len();
            patch = if len > patch { len } else { patch };
            phase += 1;
        }
        let packed = self.conv.groups.saturating_mul(self.packed_len(self.conv.taps(), width));
        // Whole lines, so that the strip behind them begins one, too.
        let offsets = ceil_div(self.reads.saturating_mul(self.conv.taps()), MAX_LANES).saturating_mul(MAX_LANES);
        [packed, offsets, patch]
    }

    pub(super) const fn scratch_len(&self) -> usize {
        if self.conv.check().is_err() {
            return 0;
        }
        if MICROCONTROLLER {
            return self.small_scratch_len();
        }
        let [packed, offsets, patch] = self.scratch_parts();
        packed.saturating_add(offsets).saturating_add(patch).saturating_add(ALIGN)
    }

    /// `out = activation((acc + 0.0) + bias)`; the lengths have been checked.
    pub(super) fn run(
        &self,
        ctx: Context,
        from: &[f32],
        weight: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        to: &mut [f32],
        scratch: &mut [f32],
    ) {
        if MICROCONTROLLER && ctx.threads() == 1 {
            return self.small_part(0, from, weight, bias, activation, to, scratch);
        }
        let channels = self.writes * self.conv.groups;
        // Whole samples, or where there are fewer of them than threads a sample's groups or vectors of channels.
        let split = if self.conv.groups > 1 { self.writes } else { MAX_LANES };
        let whole = self.conv.n >= ctx.threads() || !channels.is_multiple_of(nonzero(split));
        let planes = if whole { channels } else { split };
        let (plane, all) = (self.to[0] * self.to[1], self.unpruned());
        slice::share_chunks(ctx, to, planes * plane, scratch, self.scratch_len(), &|first, to, scratch| {
            if MICROCONTROLLER {
                return self.small_part(first * planes, from, weight, bias, activation, to, scratch);
            }
            dispatch!(ctx.isa(), |s| all.part(s, first * planes, from, weight, bias, activation, to, scratch));
        });
    }

    /// The same where all is linked, as it is on large machines.
    const fn unpruned(&self) -> Correlation {
        let Self { conv, direction, reads, writes, from, to, .. } = *self;
        Correlation { conv, direction, reads, writes, from, to, linked: PhantomData }
    }
}

impl Correlation {
    /// The planes of `to`, of which the first is plane `first` of all.
    #[inline(always)]
    fn part<S: Simd>(
        &self,
        s: S,
        first: usize,
        from: &[f32],
        weight: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        to: &mut [f32],
        scratch: &mut [f32],
    ) {
        let [packed, offsets, patch] = self.scratch_parts();
        let Some((packed, rest)) = aligned(scratch).split_at_mut_checked(packed) else { return };
        let Some((offsets, rest)) = rest.split_at_mut_checked(offsets) else { return };
        let Some(patch) = rest.get_mut(..patch) else { return };
        self.prepare::<S>(weight, packed, offsets);
        let (plane, channels) = (self.to[0] * self.to[1], self.writes * self.conv.groups);
        let planes = first..first + to.len().checked_div(plane).unwrap_or(0);
        let mut to = to;
        let mut at = planes.start;
        while at < planes.end {
            let (sample, channel) = (at / nonzero(channels), at % nonzero(channels));
            let count = (channels - channel).min(planes.end - at);
            let Some((mine, others)) = to.split_at_mut_checked(count * plane) else { return };
            let len = self.reads * self.conv.groups * self.from[0] * self.from[1];
            let next = from.get((sample + 1) * len..).unwrap_or_default();
            let Some(from) = from.get(sample * len..(sample + 1) * len) else { return };
            self.sample(s, channel, [from, next], [packed, offsets], bias, activation, mine, patch);
            (to, at) = (others, at + count);
        }
    }

    /// The planes of `to`, all of one sample, from channel `first` on.
    #[inline(always)]
    fn sample<S: Simd>(
        &self,
        s: S,
        first: usize,
        [from, next]: [&[f32]; 2],
        [mut packed, mut offsets]: [&[f32]; 2],
        bias: Option<&[f32]>,
        activation: Activation,
        to: &mut [f32],
        patch: &mut [f32],
    ) {
        let (from_plane, plane) = (self.from[0] * self.from[1], self.to[0] * self.to[1]);
        for p in self.each_phase() {
            let (k, lanes) = (self.reads * p.taps(), self.lanes::<S>(&p));
            let len = self.packed_len(p.taps(), lanes);
            let (Some((weights, rest)), Some((places, others))) =
                (packed.split_at_checked(len * self.conv.groups), offsets.split_at_checked(p.plan.channels * p.taps()))
            else {
                return;
            };
            (packed, offsets) = (rest, others);
            let mut done = 0;
            while done * plane < to.len() {
                let (group, channel) = ((first + done) / nonzero(self.writes), (first + done) % nonzero(self.writes));
                let count = (self.writes - channel).min(to.len() / nonzero(plane) - done);
                let (Some(x), Some(weights), Some(to)) = (
                    from.get(group * self.reads * from_plane..(group + 1) * self.reads * from_plane),
                    weights.get(group * len + channel * k..(group + 1) * len),
                    to.get_mut(done * plane..(done + count) * plane),
                ) else {
                    return;
                };
                let finish = Finish::Final(bias.and_then(|bias| bias.get(first + done..)), activation);
                // While one sample is computed the next one is fetched, an equal part with each tile.
                let (tile, tiles) = p.tiles(S::LANES, count);
                let len = self.reads * from_plane;
                let ahead = Ahead::new(next.get(group * len..(group + 1) * len), tiles);
                self.strips(s, &p, x, ahead, [weights, places], [lanes, tile], finish, count, to, patch);
                done += count;
            }
        }
    }
}
