//! The engine of the forward pass and of the input gradient: both are correlations.

use super::ahead::Ahead;
use super::axis::Axis;
use super::patch::fill_patch;
use super::pixel_tile::{pixel_tile, pixel_tile_size};
use super::plan::{ALIGN, Plan, aligned, balanced, blocks};
use super::shape::product;
use super::tile::{Finish, Place, channel_tile, max_tile};
use super::{Conv2d, MAX_WIDTH};
use crate::simd::{MAX_LANES, Simd, dispatch};
use crate::{Activation, Context, slice};

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
#[derive(Clone, Copy)]
pub(super) struct Correlation {
    conv: Conv2d,
    direction: Direction,
    /// Channels read and written, of one group.
    reads: usize,
    writes: usize,
    /// Planes read and written.
    from: [usize; 2],
    to: [usize; 2],
}

/// One phase: its axes, and the strips it is cut into.
struct Phase {
    row: Axis,
    col: Axis,
    plan: Plan,
}

impl Correlation {
    pub(super) const fn new(conv: &Conv2d, direction: Direction) -> Self {
        let (input, output) = ([conv.h, conv.w], [conv.out_h(), conv.out_w()]);
        let (conv, group_in, group_out) = (*conv, conv.group_in(), conv.group_out());
        match direction {
            Direction::Forward => Self { conv, direction, reads: group_in, writes: group_out, from: input, to: output },
            Direction::Backward => {
                Self { conv, direction, reads: group_out, writes: group_in, from: output, to: input }
            }
        }
    }

    const fn phases(&self) -> usize {
        match self.direction {
            Direction::Forward => 1,
            Direction::Backward => self.conv.stride[0].saturating_mul(self.conv.stride[1]),
        }
    }

    const fn axis(&self, i: usize, phase: usize) -> Axis {
        let geometry = [self.conv.stride[i], self.conv.padding[i], self.conv.dilation[i]];
        match self.direction {
            Direction::Forward => Axis::forward(self.from[i], self.conv.kernel[i], geometry, self.to[i]),
            Direction::Backward => Axis::backward(self.to[i], self.conv.kernel[i], geometry, self.from[i], phase),
        }
    }

    const fn phase(&self, phase: usize) -> Phase {
        let across = self.conv.stride[1];
        let (row, col) = (self.axis(0, phase / across), self.axis(1, phase % across));
        Phase { plan: Plan::new(self.reads, &row, &col, usize::MAX), row, col }
    }

    /// Packed weights of a phase and group: channels in vectors of `width`, `[channel vector][k][width]`.
    const fn packed_len(&self, taps: usize, width: usize) -> usize {
        product(&[self.writes.div_ceil(width), width, self.reads, taps])
    }

    /// The length of the three parts of scratch: packed weights, offsets, and a strip's input.
    const fn scratch_parts(&self) -> [usize; 3] {
        let width = if self.writes == 1 { 1 } else { MAX_WIDTH };
        let (mut patch, mut phase) = (0, 0);
        while phase < self.phases() && !self.skips(phase) {
            let len = self.phase(phase).plan.patch_len();
            patch = if len > patch { len } else { patch };
            phase += 1;
        }
        let packed = self.conv.groups.saturating_mul(self.packed_len(self.conv.taps(), width));
        [packed, self.reads.saturating_mul(self.conv.taps()), patch]
    }

    /// Phases beyond the image have no outputs; so have all behind them.
    const fn skips(&self, phase: usize) -> bool {
        phase / self.conv.stride[1] >= self.to[0]
    }

    pub(super) const fn scratch_len(&self) -> usize {
        if self.conv.check().is_err() {
            return 0;
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
        let channels = self.writes * self.conv.groups;
        // Whole samples, or where there are fewer of them than threads a sample's groups or vectors of channels.
        let split = if self.conv.groups > 1 { self.writes } else { MAX_LANES };
        let whole = self.conv.n >= ctx.threads() || !channels.is_multiple_of(split);
        let planes = if whole { channels } else { split };
        let plane = self.to[0] * self.to[1];
        slice::share_chunks(ctx, to, planes * plane, scratch, self.scratch_len(), &|first, to, scratch| {
            dispatch!(ctx.isa(), |s| self.part(s, first * planes, from, weight, bias, activation, to, scratch));
        });
    }

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
            let (sample, channel) = (at / channels, at % channels);
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
        for p in (0..self.phases()).take_while(|&p| !self.skips(p)).map(|p| self.phase(p)) {
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
                let (group, channel) = ((first + done) / self.writes, (first + done) % self.writes);
                let count = (self.writes - channel).min(to.len() / plane - done);
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

    /// All strips of one phase of one group of one sample; `to` holds the `count` planes that are written.
    #[inline(always)]
    fn strips<S: Simd>(
        &self,
        s: S,
        p: &Phase,
        x: &[f32],
        mut ahead: Ahead,
        [weights, offsets]: [&[f32]; 2],
        [lanes, tile]: [usize; 2],
        finish: Finish,
        count: usize,
        to: &mut [f32],
        patch: &mut [f32],
    ) {
        let (from_plane, block) = (self.from[0] * self.from[1], p.plan.channels);
        for (r0, rows) in blocks(p.row.outs, p.plan.rows) {
            for (c0, cols) in blocks(p.col.outs, p.plan.cols) {
                let place = Place {
                    // SAFETY: output (r0, c0) of the phase lies in the first plane.
                    at: unsafe {
                        let row = p.row.first_out + r0 * p.row.out_step;
                        to.as_mut_ptr().add(row * self.to[1] + p.col.first_out + c0 * p.col.out_step)
                    },
                    channel: self.to[0] * self.to[1],
                    row: p.row.out_step * self.to[1],
                    pixel: p.col.out_step,
                };
                // A chain over no channels still stores its zeros.
                for (channel, live) in blocks(self.reads.max(1), block) {
                    let live = live.min(self.reads);
                    let Some(x) = x.get(channel * from_plane..(channel + live) * from_plane) else { return };
                    fill_patch(s, &p.plan, [&p.row, &p.col], [r0, c0], x, self.from, patch);
                    let finish = if channel + live < self.reads { Finish::Partial } else { finish };
                    let strip = Strip {
                        outs: [rows, cols],
                        channels: count,
                        k: live * p.taps(),
                        all: self.reads * p.taps(),
                        pitch: p.plan.col_cover.len(),
                        resume: channel > 0,
                        sources: [
                            offsets.as_ptr(),
                            patch.as_ptr(),
                            weights.as_ptr().wrapping_add(channel * p.taps() * lanes),
                        ],
                        place,
                    };
                    // SAFETY: `offsets` are places in `patch`, which has a vector's floats behind the last; the weights
                    // hold `all` vectors for each vector of channels; the strip lies inside the planes.
                    unsafe {
                        if lanes > 1 {
                            strip.channel_lanes(s, tile, &mut ahead, finish)
                        } else {
                            strip.pixel_lanes(s, finish)
                        }
                    }
                }
            }
        }
    }

    /// How many channels share a vector: all lanes, or 1 where the lanes are pixels.
    ///
    /// The tiles differ in how many of their lanes are idle, and in what a tile costs outside its chains (a transposition
    /// for channel lanes), counted here in steps of a chain.
    fn lanes<S: Simd>(&self, p: &Phase) -> usize {
        let k = self.reads * p.taps();
        let by_channel = self.writes.next_multiple_of(S::LANES) * p.col.outs * (k + 14);
        let by_pixel = self.writes * p.col.outs.next_multiple_of(S::LANES) * (k + 2);
        if self.writes == 1 || by_pixel < by_channel { 1 } else { S::LANES }
    }

    /// Packs the weights of all phases and groups, and lists the offsets of all phases.
    fn prepare<S: Simd>(&self, weight: &[f32], packed: &mut [f32], offsets: &mut [f32]) {
        let (mut packed, mut offsets) = (packed, offsets);
        for p in (0..self.phases()).take_while(|&p| !self.skips(p)).map(|p| self.phase(p)) {
            let lanes = self.lanes::<S>(&p);
            for group in 0..self.conv.groups {
                let len = self.packed_len(p.taps(), lanes);
                let Some((mine, others)) = packed.split_at_mut_checked(len) else { return };
                self.pack(&p, group, weight, lanes, mine);
                packed = others;
            }
            let count = p.plan.offsets(&p.row, &p.col, offsets);
            offsets = offsets.get_mut(count..).unwrap_or_default();
        }
    }

    /// `packed[v][k][l]` is the weight of written channel `v * lanes + l` at chain position `k`: `(channel, kh, kw)`.
    fn pack(&self, p: &Phase, group: usize, weight: &[f32], lanes: usize, packed: &mut [f32]) {
        let kernel_len = self.conv.taps();
        let per_out = self.conv.group_in() * kernel_len;
        // Distances in the weight `[oc, ic, kh, kw]` between channels written and channels read.
        let (write, read) = match self.direction {
            Direction::Forward => (per_out, kernel_len),
            Direction::Backward => (kernel_len, per_out),
        };
        let Some(weight) = weight.get(group * self.conv.group_out() * per_out..) else { return };
        if packed.is_empty() {
            return;
        }
        for (v, packed) in packed.chunks_exact_mut(lanes * self.reads * p.taps()).enumerate() {
            for (k, packed) in packed.chunks_exact_mut(lanes).enumerate() {
                let (channel, kh, kw) = (k / p.taps(), k % p.taps() / p.col.taps, k % p.col.taps);
                let tap = (p.row.first_tap + kh * p.row.tap_step) * self.conv.kernel[1];
                let at = channel * read + tap + p.col.first_tap + kw * p.col.tap_step;
                for (l, w) in packed.iter_mut().enumerate() {
                    let channel = v * lanes + l;
                    let found = (channel < self.writes).then(|| weight.get(channel * write + at)).flatten();
                    *w = found.copied().unwrap_or(0.0);
                }
            }
        }
    }
}

impl Phase {
    /// Pixels of a tile of channel lanes, and how many tiles `channels` channels have.
    fn tiles(&self, lanes: usize, channels: usize) -> (usize, usize) {
        let tile = balanced(self.plan.cols, max_tile(lanes));
        if channels == 1 {
            return (tile, 1); // the lanes are pixels
        }
        let across = self.col.outs.div_ceil(tile);
        (tile, (self.row.outs * across * channels.div_ceil(2 * lanes)).max(1))
    }

    /// Taps of the phase.
    const fn taps(&self) -> usize {
        self.row.taps * self.col.taps
    }
}

/// One strip for one block of channels read: `outs` rows and columns of `channels` channels.
struct Strip {
    outs: [usize; 2],
    channels: usize,
    /// The chain's steps, here and in all blocks together.
    k: usize,
    all: usize,
    /// From one row to the next in the patch.
    pitch: usize,
    resume: bool,
    /// Offsets, patch, weights.
    sources: [*const f32; 3],
    place: Place,
}

impl Strip {
    /// # Safety
    /// The pointers must be good for the tiles of the strip.
    #[inline(always)]
    unsafe fn channel_lanes<S: Simd>(&self, s: S, tile: usize, ahead: &mut Ahead, finish: Finish) {
        let [offsets, patch, weights] = self.sources;
        for (channel, channels) in blocks(self.channels, 2 * S::LANES) {
            let finish = finish.from(channel);
            for r in 0..self.outs[0] {
                for (c, pixels) in blocks(self.outs[1], tile) {
                    let size = [pixels, channels];
                    // SAFETY: granted by the caller; the tile lies inside the strip.
                    unsafe {
                        let sources = [offsets, patch.add(r * self.pitch + c), weights.add(channel * self.all)];
                        let at =
                            self.place.at.add(channel * self.place.channel + r * self.place.row + c * self.place.pixel);
                        let (chain, place) = ([self.k, self.all * S::LANES], Place { at, ..self.place });
                        let ahead = ahead.next(self.k.saturating_sub(channels));
                        if channels > S::LANES {
                            channel_tile::<S, 2>(s, size, chain, sources, place, ahead, self.resume, finish);
                        } else {
                            channel_tile::<S, 1>(s, size, chain, sources, place, ahead, self.resume, finish);
                        }
                    }
                }
            }
        }
    }

    /// # Safety
    /// As [`Strip::channel_lanes`].
    #[inline(always)]
    unsafe fn pixel_lanes<S: Simd>(&self, s: S, finish: Finish) {
        let [offsets, patch, weights] = self.sources;
        let mut channel = 0;
        while channel < self.channels {
            let mut r = 0;
            while r < self.outs[0] {
                let size = pixel_tile_size(S::LANES, self.channels - channel, self.outs[0] - r);
                for (c, pixels) in blocks(self.outs[1], S::LANES) {
                    // SAFETY: granted by the caller; the tile lies inside the strip.
                    unsafe {
                        let sources = [offsets, patch.add(r * self.pitch + c), weights.add(channel * self.all)];
                        let at =
                            self.place.at.add(channel * self.place.channel + r * self.place.row + c * self.place.pixel);
                        let place = Place { at, ..self.place };
                        if c == 0 {
                            place.fetch_rows(s, [size[0], 2 * size[1], size[1]]);
                        }
                        pixel_tile(
                            s,
                            size,
                            pixels,
                            [self.k, self.all],
                            sources,
                            self.pitch,
                            place,
                            self.resume,
                            finish.from(channel),
                        );
                    }
                }
                r += size[1];
            }
            channel += pixel_tile_size(S::LANES, self.channels - channel, 1)[0];
        }
    }
}
