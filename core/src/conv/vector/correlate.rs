//! Forward pass and input gradient: samples, groups and phases.

use super::ahead::Ahead;
use super::place::Finish;
use super::tile::max_tile;
use crate::conv::shape::product;
use crate::conv::strips::{ALIGN, Correlation, Phase, Source, aligned, balanced};
use crate::conv::ways::All;
use crate::machine::target::MAX_WIDTH;
use crate::scalar::{ceil_div, nonzero};
use crate::simd::{MAX_LANES, Simd};

/// A correlation on vectors.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Vector(pub Correlation);

/// One phase of one group of one sample, or some of its channels.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub phase: &'a Phase,
    /// All channels that are read.
    pub x: &'a [f32],
    pub weights: &'a [f32],
    /// Places in the patch, in the order of the weights.
    pub offsets: &'a [f32],
    /// Channels that share a vector of weights, 1 where the lanes are pixels.
    pub lanes: usize,
    /// Pixels of a tile of channel lanes.
    pub tile: usize,
    /// Channels that are written.
    pub channels: usize,
    pub finish: Finish<'a>,
}

/// Pixels of a tile of channel lanes, and how many tiles `channels` channels of the phase have.
fn tiles<S: Simd>(p: &Phase, channels: usize) -> (usize, usize) {
    let tile = balanced(p.plan.cols, max_tile::<S>());
    if channels == 1 {
        return (tile, 1); // the lanes are pixels
    }
    let across = ceil_div(p.col.outs, tile);
    (tile, (p.row.outs * across * ceil_div(channels, 2 * S::LANES)).max(1))
}

impl Vector {
    /// Packed weights of a phase and group: channels in vectors of `width`, `[channel vector][k][width]`.
    pub(super) const fn packed_len(&self, taps: usize, width: usize) -> usize {
        product(&[ceil_div(self.0.writes, width), width, self.0.reads, taps])
    }

    /// The length of the three parts of scratch: packed weights, offsets, and a strip's input.
    const fn scratch_parts(&self) -> [usize; 3] {
        let width = if self.0.writes == 1 { 1 } else { MAX_WIDTH };
        let ([down, across], mut patch, mut phase) = (self.0.phases::<All>(), 0, 0);
        while phase < down * across {
            let len = self.0.phase::<All>(phase / nonzero(across), phase % nonzero(across)).plan.patch_len::<All>();
            patch = if len > patch { len } else { patch };
            phase += 1;
        }
        let packed = self.0.conv.groups.saturating_mul(self.packed_len(self.0.conv.taps(), width));
        // Whole lines, so that the strip behind them begins one, too.
        let offsets = ceil_div(self.0.reads.saturating_mul(self.0.conv.taps()), MAX_LANES).saturating_mul(MAX_LANES);
        [packed, offsets, patch]
    }

    /// Scratch of one thread, for a shape that has been checked.
    pub(in crate::conv) const fn scratch_len(&self) -> usize {
        let [packed, offsets, patch] = self.scratch_parts();
        packed.saturating_add(offsets).saturating_add(patch).saturating_add(ALIGN)
    }

    /// The planes of `to`, of which the first is plane `first` of all.
    #[inline(always)]
    pub(in crate::conv) fn part<S: Simd>(
        &self,
        s: S,
        first: usize,
        source: Source,
        to: &mut [f32],
        scratch: &mut [f32],
    ) {
        let [packed, offsets, patch] = self.scratch_parts();
        let Some((packed, rest)) = aligned(scratch).split_at_mut_checked(packed) else { return };
        let Some((offsets, rest)) = rest.split_at_mut_checked(offsets) else { return };
        let Some(patch) = rest.get_mut(..patch) else { return };
        self.prepare::<S>(source.weight, packed, offsets);
        let (plane, channels) = (self.0.to[0] * self.0.to[1], self.0.writes * self.0.conv.groups);
        let planes = first..first + to.len().checked_div(plane).unwrap_or(0);
        let mut to = to;
        let mut at = planes.start;
        while at < planes.end {
            let (sample, channel) = (at / nonzero(channels), at % nonzero(channels));
            let count = (channels - channel).min(planes.end - at);
            let Some((mine, others)) = to.split_at_mut_checked(count * plane) else { return };
            let len = self.0.reads * self.0.conv.groups * self.0.from[0] * self.0.from[1];
            let next = source.from.get((sample + 1) * len..).unwrap_or_default();
            let Some(from) = source.from.get(sample * len..(sample + 1) * len) else { return };
            self.sample(s, channel, Source { from, ..source }, next, [packed, offsets], mine, patch);
            (to, at) = (others, at + count);
        }
    }

    /// The planes of `to`, all of one sample, from channel `first` on; `next` is what comes after the sample.
    #[inline(always)]
    fn sample<S: Simd>(
        &self,
        s: S,
        first: usize,
        source: Source,
        next: &[f32],
        [mut packed, mut offsets]: [&[f32]; 2],
        to: &mut [f32],
        patch: &mut [f32],
    ) {
        let (from_plane, plane) = (self.0.from[0] * self.0.from[1], self.0.to[0] * self.0.to[1]);
        for p in self.0.each_phase::<All>() {
            let (k, lanes) = (self.0.reads * p.taps(), self.lanes::<S>(&p));
            let len = self.packed_len(p.taps(), lanes);
            let (Some((weights, rest)), Some((places, others))) = (
                packed.split_at_checked(len * self.0.conv.groups),
                offsets.split_at_checked(p.plan.channels * p.taps()),
            ) else {
                return;
            };
            (packed, offsets) = (rest, others);
            let mut done = 0;
            while done * plane < to.len() {
                let (group, channel) =
                    ((first + done) / nonzero(self.0.writes), (first + done) % nonzero(self.0.writes));
                let channels = (self.0.writes - channel).min(to.len() / nonzero(plane) - done);
                let (Some(x), Some(weights), Some(to)) = (
                    source.from.get(group * self.0.reads * from_plane..(group + 1) * self.0.reads * from_plane),
                    weights.get(group * len + channel * k..(group + 1) * len),
                    to.get_mut(done * plane..(done + channels) * plane),
                ) else {
                    return;
                };
                let finish = Finish::Final(source.bias.and_then(|bias| bias.get(first + done..)), source.activation);
                // While one sample is computed the next one is fetched, an equal part with each tile.
                let (tile, tiles) = tiles::<S>(&p, channels);
                let len = self.0.reads * from_plane;
                let ahead = Ahead::new(next.get(group * len..(group + 1) * len), tiles);
                let part = Part { phase: &p, x, weights, offsets: places, lanes, tile, channels, finish };
                self.strips(s, part, ahead, to, patch);
                done += channels;
            }
        }
    }
}
