//! A correlation, strip by strip and tile by tile.

use super::ahead::Ahead;
use super::correlate::{Part, Vector};
use super::patch::fill_patch;
use super::pixel_tile::{pixel_tile, pixel_tile_size};
use super::place::{Finish, Place, Size};
use super::tile::{Chain, channel_tile};
use crate::conv::strips::blocks;
use crate::conv::ways::All;
use crate::simd::Simd;

impl Vector {
    /// All strips of a part; `to` holds the planes that are written.
    #[inline(always)]
    pub(super) fn strips<S: Simd>(&self, s: S, part: Part, mut ahead: Ahead, to: &mut [f32], patch: &mut [f32]) {
        let (p, from_plane, all) = (part.phase, self.0.from[0] * self.0.from[1], self.0.reads * part.phase.taps());
        for (r0, rows) in blocks(p.row.outs, p.plan.rows) {
            for (c0, pixels) in blocks(p.col.outs, p.plan.cols) {
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
                for (channel, live) in blocks(self.0.reads.max(1), p.plan.channels) {
                    let live = live.min(self.0.reads);
                    let Some(x) = part.x.get(channel * from_plane..(channel + live) * from_plane) else { return };
                    fill_patch(s, &p.plan, [&p.row, &p.col], [r0, c0], x, self.0.from, patch);
                    let finish = if channel + live < self.0.reads { Finish::Partial } else { part.finish };
                    let chain = Chain {
                        k: live * p.taps(),
                        offsets: part.offsets.as_ptr(),
                        x: patch.as_ptr(),
                        pitch: p.plan.col_cover.len::<All>(),
                        weight: part.weights.as_ptr().wrapping_add(channel * p.taps() * part.lanes),
                        all,
                    };
                    let size = Size { channels: part.channels, rows, pixels };
                    let strip = Strip { size, chain, resume: channel > 0, place };
                    // SAFETY: `offsets` are places in `patch`, which has a vector's floats behind the last; the weights
                    // hold `all` vectors for each vector of channels; the strip lies inside the planes.
                    unsafe {
                        if part.lanes > 1 {
                            strip.channel_lanes(s, part.tile, &mut ahead, finish)
                        } else {
                            strip.pixel_lanes(s, finish)
                        }
                    }
                }
            }
        }
    }
}

/// One strip for one block of channels read.
struct Strip {
    size: Size,
    /// That of the first tile.
    chain: Chain,
    resume: bool,
    place: Place,
}

impl Strip {
    /// Chain and place of the tile whose first output is `by` from the strip's first.
    ///
    /// # Safety
    /// The output must be one of the strip, whose pointers must be good.
    #[inline(always)]
    unsafe fn tile(&self, by: Size) -> (Chain, Place) {
        let (chain, place) = (self.chain, self.place);
        // SAFETY: granted by the caller.
        unsafe {
            let x = chain.x.add(by.rows * chain.pitch + by.pixels);
            let weight = chain.weight.add(by.channels * chain.all);
            let at = place.at.add(by.channels * place.channel + by.rows * place.row + by.pixels * place.pixel);
            (Chain { x, weight, ..chain }, Place { at, ..place })
        }
    }

    /// # Safety
    /// The pointers must be good for the tiles of the strip.
    #[inline(always)]
    unsafe fn channel_lanes<S: Simd>(&self, s: S, tile: usize, ahead: &mut Ahead, finish: Finish) {
        for (channel, channels) in blocks(self.size.channels, 2 * S::LANES) {
            let finish = finish.from(channel);
            for row in 0..self.size.rows {
                for (pixel, pixels) in blocks(self.size.pixels, tile) {
                    let size = Size { channels, rows: 1, pixels };
                    // SAFETY: granted by the caller; the tile lies inside the strip.
                    unsafe {
                        let (chain, place) = self.tile(Size { channels: channel, rows: row, pixels: pixel });
                        let ahead = ahead.next(chain.k.saturating_sub(channels));
                        if channels > S::LANES {
                            channel_tile::<S, 2>(s, size, chain, place, ahead, self.resume, finish);
                        } else {
                            channel_tile::<S, 1>(s, size, chain, place, ahead, self.resume, finish);
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
        let mut done = Size { channels: 0, rows: 0, pixels: 0 };
        while done.channels < self.size.channels {
            let channels = self.size.channels - done.channels;
            done.rows = 0;
            while done.rows < self.size.rows {
                let left = Size { channels, rows: self.size.rows - done.rows, ..self.size };
                let size = pixel_tile_size(S::REGISTERS, left);
                for (first, pixels) in blocks(self.size.pixels, S::LANES) {
                    // SAFETY: granted by the caller; the tile lies inside the strip.
                    unsafe {
                        let (chain, place) = self.tile(Size { pixels: first, ..done });
                        if first == 0 {
                            place.fetch_below(s, size);
                        }
                        let finish = finish.from(done.channels);
                        pixel_tile(s, Size { pixels, ..size }, chain, place, self.resume, finish);
                    }
                }
                done.rows += size.rows;
            }
            done.channels += pixel_tile_size(S::REGISTERS, Size { channels, rows: 1, pixels: 0 }).channels;
        }
    }
}
