//! A correlation, strip by strip and tile by tile.

use super::ahead::Ahead;
use super::correlate::Vector;
use super::patch::fill_patch;
use super::pixel_tile::{pixel_tile, pixel_tile_size};
use super::place::{Finish, Place};
use super::tile::channel_tile;
use crate::conv::strips::Phase;
use crate::conv::strips::blocks;
use crate::conv::ways::All;
use crate::simd::Simd;

impl Vector {
    /// All strips of one phase of one group of one sample; `to` holds the `count` planes that are written.
    #[inline(always)]
    pub(super) fn strips<S: Simd>(
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
        let (from_plane, block) = (self.0.from[0] * self.0.from[1], p.plan.channels);
        for (r0, rows) in blocks(p.row.outs, p.plan.rows) {
            for (c0, cols) in blocks(p.col.outs, p.plan.cols) {
                let place = Place {
                    // SAFETY: output (r0, c0) of the phase lies in the first plane.
                    at: unsafe {
                        let row = p.row.first_out + r0 * p.row.out_step;
                        to.as_mut_ptr().add(row * self.0.to[1] + p.col.first_out + c0 * p.col.out_step)
                    },
                    channel: self.0.to[0] * self.0.to[1],
                    row: p.row.out_step.wrapping_mul(self.0.to[1]), // unused where it overflows
                    pixel: p.col.out_step,
                };
                // A chain over no channels still stores its zeros.
                for (channel, live) in blocks(self.0.reads.max(1), block) {
                    let live = live.min(self.0.reads);
                    let Some(x) = x.get(channel * from_plane..(channel + live) * from_plane) else { return };
                    fill_patch(s, &p.plan, [&p.row, &p.col], [r0, c0], x, self.0.from, patch);
                    let finish = if channel + live < self.0.reads { Finish::Partial } else { finish };
                    let strip = Strip {
                        outs: [rows, cols],
                        channels: count,
                        k: live * p.taps(),
                        all: self.0.reads * p.taps(),
                        pitch: p.plan.col_cover.len::<All>(),
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
                let size = pixel_tile_size(S::REGISTERS, self.channels - channel, self.outs[0] - r);
                for (c, pixels) in blocks(self.outs[1], S::LANES) {
                    // SAFETY: granted by the caller; the tile lies inside the strip.
                    unsafe {
                        let sources = [offsets, patch.add(r * self.pitch + c), weights.add(channel * self.all)];
                        let at =
                            self.place.at.add(channel * self.place.channel + r * self.place.row + c * self.place.pixel);
                        let place = Place { at, ..self.place };
                        if c == 0 {
                            place.fetch_rows(s, [size[0], 2 * size[1], size[1], self.outs[1]]);
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
            channel += pixel_tile_size(S::REGISTERS, self.channels - channel, 1)[0];
        }
    }
}
