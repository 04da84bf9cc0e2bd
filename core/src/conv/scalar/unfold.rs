//! Any other shape: eight outputs at a time are unfolded ("im2col") to scratch, then multiplied.

use super::correlate::Scalar;
use super::job::Taps;
use super::{fill, kernels};
use crate::conv::strips::blocks;
use crate::conv::strips::{Direction, Phase};
use crate::conv::ways::{Uses, Ways};
use crate::gemm::WIDTH;
use crate::gemm::product::{Product, Strided};
use crate::gemm::scalar::chains;
use crate::gemm::{Epilogue, Tiles};
use crate::scalar::nonzero;

/// Steps of a chain that are unfolded at a time, if a channel has no more taps. More would save some loads and stores
/// of outputs, and take scratch for eight outputs each.
const STEPS: usize = 18;

/// Some neighbouring outputs of a strip, counted along its rows.
#[derive(Clone, Copy)]
struct Run {
    first: usize,
    len: usize,
    /// Outputs in a row, and from one row to the next in the patch.
    cols: usize,
    pitch: usize,
}

impl Run {
    /// Calls `f(place in the run, row, column, length)` for its part of each row.
    fn each_row(self, mut f: impl FnMut(usize, usize, usize, usize)) {
        let (mut done, mut row, mut col) = (0, self.first / nonzero(self.cols), self.first % nonzero(self.cols));
        while done < self.len {
            let len = (self.cols - col).min(self.len - done);
            f(done, row, col, len);
            (done, row, col) = (done + len, row + 1, 0);
        }
    }
}

impl Scalar {
    /// Channels whose taps are unfolded together.
    const fn unfolded_channels(&self, taps: usize) -> usize {
        let fitting = STEPS / nonzero(taps);
        let fitting = if fitting < self.0.reads { fitting } else { self.0.reads };
        nonzero(fitting)
    }

    /// The longest piece of a chain that is unfolded.
    const fn steps(&self) -> usize {
        // A phase of the input gradient has fewer taps but then may take more channels.
        let taps = self.0.conv.taps();
        let steps = if taps > STEPS { taps } else { STEPS };
        let all = self.0.reads.saturating_mul(taps);
        if steps < all { steps } else { all }
    }

    /// Scratch for unfolded outputs, and for a tile of two channels.
    pub(super) const fn unfolded_len(&self) -> usize {
        self.steps().saturating_add(2).saturating_mul(WIDTH)
    }

    /// Whether the weights of some channels read must be packed: where the data flow backward, those of one channel lie
    /// in a row, unless a phase meets only some of the taps.
    const fn packs<U: Uses>(&self) -> bool {
        U::WAYS.has(Ways::STRIDED)
            && matches!(self.0.direction, Direction::Backward)
            && !matches!(self.0.conv.stride, [1, 1])
    }

    /// Scratch for the packed weights of such a piece.
    pub(super) const fn packed_block_len<U: Uses>(&self) -> usize {
        if self.packs::<U>() { self.0.writes.saturating_mul(self.steps()) } else { 0 }
    }

    /// The tiles of the products: two channels or a single one, by eight outputs or what is left at the end of a strip.
    pub(super) const fn unfolded_tiles<U: Uses>(&self) -> Tiles {
        let p = self.unfolded_phase::<U>(0, 0);
        let one_strip = p.plan.cols == p.col.outs && p.row.outs.is_multiple_of(nonzero(p.plan.rows));
        let outs = p.plan.rows * p.plan.cols;
        if self.0.phases::<U>()[0] * self.0.phases::<U>()[1] != 1 || !one_strip {
            return Tiles::ALL;
        }
        let mut tiles = Tiles::NONE;
        if self.0.writes >= 2 {
            tiles = tiles.and(Tiles::of_rows(true, outs, false));
        }
        if self.0.writes % 2 == 1 {
            tiles = tiles.and(Tiles::of_rows(false, outs, false));
        }
        tiles
    }

    /// `packed[channel written][channel read][tap]` of some channels, from a group's weight `[oc, ic, kh, kw]`.
    fn pack_block<U: Uses>(
        &self,
        p: &Phase,
        weight: &[f32],
        writes: [usize; 2],
        [first, channels]: [usize; 2],
        packed: &mut [f32],
    ) {
        let mut packed = packed.iter_mut();
        for write in writes[0]..writes[0] + writes[1] {
            for read in first..first + channels {
                let at = (read * self.0.writes + write) * self.0.conv.taps();
                for kh in 0..p.row.taps {
                    let at = at + (p.row.first_tap + kh * p.row.tap_step) * self.0.conv.kernel[1] + p.col.first_tap;
                    let taps = weight.get(at..).unwrap_or_default();
                    for kw in 0..p.col.taps {
                        if let Some(to) = packed.next() {
                            *to = taps.get(kw * p.col.tap_step).copied().unwrap_or(0.0);
                        }
                    }
                }
            }
        }
    }

    /// The weights from some channels read to some channels written, in place or packed.
    #[inline(always)]
    fn weights<U: Uses>(
        &self,
        p: &Phase,
        weight: &[f32],
        writes: [usize; 2],
        reads: [usize; 2],
        packed: &mut [f32],
    ) -> Strided {
        let taps = p.taps();
        if self.packs::<U>() {
            self.pack_block::<U>(p, weight, writes, reads, packed);
            return Strided { ptr: packed.as_ptr(), row: reads[1] * taps, col: 1 };
        }
        let (at, row) = match self.0.direction {
            Direction::Forward => ((writes[0] * self.0.reads + reads[0]) * taps, self.0.reads * taps),
            Direction::Backward => ((reads[0] * self.0.writes + writes[0]) * taps, taps),
        };
        Strided { ptr: weight.as_ptr().wrapping_add(at), row, col: 1 }
    }

    /// `count` channels of a group, from channel `first` of it on, from the group's weight. `to` holds their planes,
    /// which get the bare chains.
    pub(super) fn unfold<U: Uses>(
        &self,
        operands: [&[f32]; 2],
        writes: [usize; 2],
        to: &mut [f32],
        [packed, offsets, patch, unfolded]: [&mut [f32]; 4],
    ) {
        let [down, across] = self.0.phases::<U>();
        for i in 0..down * across {
            let p = self.unfolded_phase::<U>(i / nonzero(across), i % nonzero(across));
            self.list::<U>(&p, offsets);
            self.unfold_phase::<U>(&p, operands, writes, to, [packed, offsets, patch, unfolded]);
        }
    }

    fn unfold_phase<U: Uses>(
        &self,
        p: &Phase,
        [x, weight]: [&[f32]; 2],
        [first, count]: [usize; 2],
        to: &mut [f32],
        [packed, offsets, patch, unfolded]: [&mut [f32]; 4],
    ) {
        let (from_plane, plane, taps) = (self.0.from[0] * self.0.from[1], self.0.to[0] * self.0.to[1], p.taps());
        let backward = self.0.direction == Direction::Backward;
        let together = if backward && !self.packs::<U>() { 1 } else { self.unfolded_channels(taps) };
        if !p.plan.fits::<U>(patch) {
            return;
        }
        let Some((tile, panel)) = unfolded.split_at_mut_checked(2 * WIDTH) else { return };
        for (r0, rows) in blocks(p.row.outs, p.plan.rows) {
            for (c0, cols) in blocks(p.col.outs, p.plan.cols) {
                // Outputs are neighbours in memory, too.
                let dense = !U::WAYS.has(Ways::STRIDED)
                    || p.row.out_step == 1 && p.col.out_step == 1 && (rows == 1 || cols == self.0.to[1]);
                let place = |r: usize, c: usize| {
                    let row = p.row.first_out + (r0 + r) * p.row.out_step;
                    row * self.0.to[1] + p.col.first_out + (c0 + c) * p.col.out_step
                };
                // A chain over no channels still stores its zeros.
                for (channel, live) in blocks(self.0.reads.max(1), p.plan.channels) {
                    let live = live.min(self.0.reads);
                    let Some(x) = x.get(channel * from_plane..(channel + live) * from_plane) else { return };
                    fill::<U>(&p.plan, [&p.row, &p.col], [r0, c0], x, self.0.from, patch);
                    for (c, channels) in blocks(live.max(1), together) {
                        let (channels, read) = (channels.min(live), channel + c);
                        let a = self.weights::<U>(p, weight, [first, count], [read, channels], packed);
                        for (q, len) in blocks(rows * cols, WIDTH) {
                            let run = Run { first: q, len, cols, pitch: p.plan.col_cover.len::<U>() };
                            unfold_run(run, [c, channels], p.plan.plane::<U>(), offsets, patch, taps, panel);
                            let product = Product {
                                m: count,
                                n: len,
                                k: channels * taps,
                                a,
                                b: Strided { ptr: panel.as_ptr(), row: len, col: 1 },
                                c: to.as_mut_ptr().wrapping_add(place(0, 0) + q),
                                c_row: plane,
                                accumulate: read > 0,
                                epilogue: Epilogue::NONE,
                            };
                            if dense {
                                // SAFETY: the run's outputs lie behind each other in each of `count` planes; the panel
                                // holds k rows of them.
                                unsafe { chains::<U>(&product) };
                            } else {
                                scattered::<U>(&product, run, place, to, tile);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `panel[step][output] = patch[..]` for the taps of some channels and the outputs of a run.
fn unfold_run(
    run: Run,
    [first, channels]: [usize; 2],
    plane: usize,
    offsets: &[f32],
    patch: &[f32],
    taps: usize,
    panel: &mut [f32],
) {
    let k = channels * taps;
    if taps == 0 || offsets.len() < taps || panel.len() < k * run.len {
        return;
    }
    run.each_row(|at, row, col, len| {
        for c in 0..channels {
            let from = patch.as_ptr().wrapping_add((first + c) * plane + row * run.pitch + col);
            let to = panel.as_mut_ptr().wrapping_add(c * taps * run.len + at);
            let to_next = (run.len - len) * size_of::<f32>();
            // SAFETY: the patch holds what the strip's outputs read, in places that `offsets` lists; the panel `k` rows
            // of the run's outputs.
            unsafe { kernels::gather(&Taps { taps, offsets: offsets.as_ptr(), from, to, len, to_next }) };
        }
    });
}

/// A product whose outputs are not neighbours: two rows at a time pass through `tile`.
fn scattered<U: Uses>(
    product: &Product,
    run: Run,
    place: impl Fn(usize, usize) -> usize,
    to: &mut [f32],
    tile: &mut [f32],
) {
    for (i, rows) in blocks(product.m, 2) {
        if product.accumulate {
            each_output(run, [i, rows, product.c_row], &place, to, tile, |to, tile| *tile = *to);
        }
        let (a, c) = (product.a.from(i, 0), tile.as_mut_ptr());
        // SAFETY: the tile has two rows of `WIDTH` floats.
        unsafe { chains::<U>(&Product { m: rows, a, c, c_row: WIDTH, ..*product }) };
        each_output(run, [i, rows, product.c_row], &place, to, tile, |to, tile| *to = *tile);
    }
}

/// Calls `f(element of to, element of tile)` for the outputs of a run in planes `first .. first + rows`.
fn each_output(
    run: Run,
    [first, rows, plane]: [usize; 3],
    place: impl Fn(usize, usize) -> usize,
    to: &mut [f32],
    tile: &mut [f32],
    f: impl Fn(&mut f32, &mut f32),
) {
    run.each_row(|at, row, col, len| {
        for l in 0..rows {
            let to = to.get_mut((first + l) * plane..).unwrap_or_default();
            let tile = tile.get_mut(l * WIDTH + at..).unwrap_or_default();
            for (n, tile) in tile.iter_mut().enumerate().take(len) {
                if let Some(to) = to.get_mut(place(row, col + n)) {
                    f(to, tile);
                }
            }
        }
    });
}
