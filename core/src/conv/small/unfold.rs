//! Any other shape: eight outputs at a time are unfolded ("im2col") to scratch, then multiplied.

use super::fill;
use crate::conv::correlate::{Correlation, Direction, Phase};
use crate::conv::plan::blocks;
use crate::conv::shape::nonzero;
use crate::gemm::Epilogue;
use crate::gemm::product::{Product, Strided};
use crate::gemm::small::{WIDTH, chains};

/// Steps of a chain that are unfolded at a time, if a channel has no more taps.
const STEPS: usize = 96;

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

impl Correlation {
    /// Channels whose taps are unfolded together.
    const fn unfolded_channels(&self, taps: usize) -> usize {
        let fitting = STEPS / nonzero(taps);
        let fitting = if fitting < self.reads { fitting } else { self.reads };
        nonzero(fitting)
    }

    /// Scratch for unfolded outputs, and for a tile of two channels.
    pub(super) const fn unfolded_len(&self) -> usize {
        // A phase of the input gradient has fewer taps but then may take more channels.
        let taps = self.conv.taps();
        let steps = if taps > STEPS { taps } else { STEPS };
        let all = self.reads.saturating_mul(taps);
        (if steps < all { steps } else { all }).saturating_add(2).saturating_mul(WIDTH)
    }

    /// `packed[group][phase][channel written][channel read][tap]` from the weight `[oc, ic, kh, kw]`.
    pub(super) fn pack_backward(&self, weight: &[f32], packed: &mut [f32]) {
        let kernel = self.conv.kernel;
        let mut packed = packed.iter_mut();
        for group in 0..self.conv.groups {
            for p in self.each_phase() {
                for write in 0..self.writes {
                    for read in 0..self.reads {
                        let at = ((group * self.reads + read) * self.writes + write) * self.conv.taps();
                        for kh in 0..p.row.taps {
                            let at = at + (p.row.first_tap + kh * p.row.tap_step) * kernel[1] + p.col.first_tap;
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
        }
    }

    /// `count` channels of a group, from channel `first` of it on. `to` holds their planes, which get the bare chains.
    pub(super) fn unfold(
        &self,
        [x, weight]: [&[f32]; 2],
        [group, first, count]: [usize; 3],
        to: &mut [f32],
        [offsets, patch, unfolded]: [&mut [f32]; 3],
    ) {
        let mut weight = weight;
        if self.direction == Direction::Backward {
            let per_group: usize = self.each_phase().map(|p| p.taps() * self.reads * self.writes).sum();
            weight = weight.get(group * per_group..).unwrap_or_default();
        }
        for p in self.each_phase() {
            let k = self.reads * p.taps();
            self.list(&p, offsets);
            let rows = Strided { ptr: weight.as_ptr().wrapping_add(first * k), row: k, col: 1 };
            self.unfold_phase(&p, x, rows, count, to, [offsets, patch, unfolded]);
            weight = weight.get(self.writes * k..).unwrap_or_default();
        }
    }

    fn unfold_phase(
        &self,
        p: &Phase,
        x: &[f32],
        weight: Strided,
        count: usize,
        to: &mut [f32],
        [offsets, patch, unfolded]: [&mut [f32]; 3],
    ) {
        let (from_plane, plane, taps) = (self.from[0] * self.from[1], self.to[0] * self.to[1], p.taps());
        let together = self.unfolded_channels(taps);
        let Some((tile, panel)) = unfolded.split_at_mut_checked(2 * WIDTH) else { return };
        for (r0, rows) in blocks(p.row.outs, p.plan.rows) {
            for (c0, cols) in blocks(p.col.outs, p.plan.cols) {
                // Outputs are neighbours in memory, too.
                let dense = p.row.out_step == 1 && p.col.out_step == 1 && (rows == 1 || cols == self.to[1]);
                let place = |r: usize, c: usize| {
                    let row = p.row.first_out + (r0 + r) * p.row.out_step;
                    row * self.to[1] + p.col.first_out + (c0 + c) * p.col.out_step
                };
                // A chain over no channels still stores its zeros.
                for (channel, live) in blocks(self.reads.max(1), p.plan.channels) {
                    let live = live.min(self.reads);
                    let Some(x) = x.get(channel * from_plane..(channel + live) * from_plane) else { return };
                    fill(&p.plan, [&p.row, &p.col], [r0, c0], x, self.from, patch);
                    for (q, len) in blocks(rows * cols, WIDTH) {
                        let run = Run { first: q, len, cols, pitch: p.plan.col_cover.len() };
                        for (c, channels) in blocks(live.max(1), together) {
                            let channels = channels.min(live);
                            unfold_run(run, [c, channels], p.plan.plane(), offsets, patch, taps, panel);
                            let product = Product {
                                m: count,
                                n: len,
                                k: channels * taps,
                                a: weight.from(0, (channel + c) * taps),
                                b: Strided { ptr: panel.as_ptr(), row: len, col: 1 },
                                c: to.as_mut_ptr().wrapping_add(place(0, 0) + q),
                                c_row: plane,
                                accumulate: channel + c > 0,
                                epilogue: Epilogue::NONE,
                            };
                            if dense {
                                // SAFETY: the run's outputs lie behind each other in each of `count` planes; the panel
                                // holds k rows of them.
                                unsafe { chains(&product) };
                            } else {
                                scattered(&product, run, place, to, tile);
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
    run.each_row(|at, row, col, len| {
        let mut out = panel.get_mut(at..).unwrap_or_default();
        for c in first..first + channels {
            let from = patch.get(c * plane + row * run.pitch + col..).unwrap_or_default();
            for offset in offsets.iter().take(taps) {
                let from = from.get(offset.to_bits() as usize..).unwrap_or_default();
                match (from.first_chunk::<WIDTH>(), out.first_chunk_mut::<WIDTH>()) {
                    (Some(from), Some(out)) if len == WIDTH => *out = *from,
                    _ => out.iter_mut().zip(from).take(len).for_each(|(out, from)| *out = *from),
                }
                out = core::mem::take(&mut out).get_mut(run.len..).unwrap_or_default();
            }
        }
    });
}

/// A product whose outputs are not neighbours: two rows at a time pass through `tile`.
fn scattered(product: &Product, run: Run, place: impl Fn(usize, usize) -> usize, to: &mut [f32], tile: &mut [f32]) {
    for (i, rows) in blocks(product.m, 2) {
        if product.accumulate {
            each_output(run, [i, rows, product.c_row], &place, to, tile, |to, tile| *tile = *to);
        }
        let (a, c) = (product.a.from(i, 0), tile.as_mut_ptr());
        // SAFETY: the tile has two rows of `WIDTH` floats.
        unsafe { chains(&Product { m: rows, a, c, c_row: WIDTH, ..*product }) };
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
