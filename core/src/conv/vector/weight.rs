//! The weight gradient.

use super::ahead::Ahead;
use super::patch::fill_patch;
use super::tile::max_tile;
use super::weight_tile::{Chains, Outs, interleave, load_chains, store_chains, weight_tile};
use crate::Update;
use crate::conv::shape::{Conv2d, product};
use crate::conv::strips::{ALIGN, Axis, MAX_OUTS, PATCH, Plan, aligned, balanced, blocks};
use crate::conv::ways::All;
use crate::machine::target::MAX_WIDTH;
use crate::scalar::{ceil_div, nonzero};
use crate::simd::Simd;

/// The pass over all samples.
#[derive(Clone, Copy)]
pub(in crate::conv) struct WeightPass {
    conv: Conv2d,
    row: Axis,
    col: Axis,
    plan: Plan,
    outs: usize,
}

/// The parts of scratch.
struct Scratch<'a> {
    acc: &'a mut [f32],
    dyt: &'a mut [f32],
    offsets: &'a [f32],
    patch: &'a mut [f32],
}

/// What the tiles of a strip cover.
#[derive(Clone, Copy)]
struct Extent {
    channels: usize,
    /// Kernel elements.
    elements: usize,
}

impl WeightPass {
    pub(in crate::conv) const fn new(conv: &Conv2d) -> Self {
        let conv = conv.flat::<All>();
        let [row, col] = Axis::forward_pair::<All>(&conv);
        let plan = Plan::new::<All>(conv.group_in(), &row, &col, MAX_OUTS, PATCH);
        Self { conv, row, col, plan, outs: conv.out_h() * conv.out_w() }
    }

    /// Elements of one output channel's kernel.
    pub(in crate::conv) const fn k(&self) -> usize {
        self.conv.group_in() * self.conv.taps()
    }

    /// Accumulators, transposed output gradients, offsets, and a strip's input, with vectors of `width` lanes.
    const fn scratch_parts(&self, width: usize) -> [usize; 4] {
        let channels = ceil_div(self.conv.group_out(), width).saturating_mul(width);
        let outs = self.plan.rows.saturating_mul(self.plan.cols);
        let offsets = product(&[self.plan.channels, self.conv.taps()]);
        [product(&[channels, self.k()]), product(&[channels, outs]), offsets, self.plan.patch_len::<All>()]
    }

    /// Scratch of one thread.
    pub(in crate::conv) const fn scratch_len(&self) -> usize {
        let [acc, dyt, offsets, patch] = self.scratch_parts(MAX_WIDTH);
        acc.saturating_add(dyt).saturating_add(offsets).saturating_add(patch).saturating_add(ALIGN)
    }

    /// The output channels of `dw`, of which the first is channel `first` of all.
    #[inline(always)]
    pub(in crate::conv) fn part<S: Simd>(
        &self,
        s: S,
        first: usize,
        x: &[f32],
        dy: &[f32],
        update: Update,
        dw: &mut [f32],
        scratch: &mut [f32],
    ) {
        if dw.is_empty() {
            return;
        }
        let [acc, dyt, offsets, patch] = self.scratch_parts(S::LANES);
        let Some((acc, rest)) = aligned(scratch).split_at_mut_checked(acc) else { return };
        let Some((dyt, rest)) = rest.split_at_mut_checked(dyt) else { return };
        let Some((offsets, rest)) = rest.split_at_mut_checked(offsets) else { return };
        let Some(patch) = rest.get_mut(..patch) else { return };
        self.plan.offsets::<All>(&self.row, &self.col, offsets);
        let mut scratch = Scratch { acc, dyt, offsets, patch };
        let per_group = self.conv.group_out();
        let in_len = self.conv.group_in() * self.conv.h * self.conv.w;
        for (g, dw) in dw.chunks_mut(nonzero(per_group * self.k())).enumerate() {
            let channel = first + g * per_group;
            let channels = dw.len() / nonzero(self.k());
            load_chains::<S>(dw, self.k(), update, scratch.acc);
            for n in 0..self.conv.n {
                let group = n * self.conv.groups + channel / nonzero(per_group);
                let at = (n * self.conv.out_channels + channel) * self.outs;
                let x_at = |group: usize| x.get(group * in_len..(group + 1) * in_len);
                let dy_at = |at: usize| dy.get(at..at + channels * self.outs);
                let (Some(x), Some(dy)) = (x_at(group), dy_at(at)) else { return };
                let (x_next, dy_next) =
                    (x_at(group + self.conv.groups), dy_at(at + self.conv.out_channels * self.outs));
                let next = [x_next, dy_next].map(|data| Ahead::new(data, self.tiles_of_a_sample::<S>(channels)));
                self.sample(s, channels, [x, dy], next, &mut scratch);
            }
            store_chains::<S>(scratch.acc, self.k(), dw);
        }
    }

    /// One sample of one group: continues the chains of `channels` output channels.
    #[inline(always)]
    fn sample<S: Simd>(
        &self,
        s: S,
        channels: usize,
        [x, dy]: [&[f32]; 2],
        mut next: [Ahead; 2],
        Scratch { acc, dyt, offsets, patch }: &mut Scratch,
    ) {
        let (in_plane, block, taps) = (self.conv.h * self.conv.w, self.plan.channels, self.conv.taps());
        for (r0, rows) in blocks(self.row.outs, self.plan.rows) {
            for (c0, cols) in blocks(self.col.outs, self.plan.cols) {
                let outs = Outs { rows, cols, pitch: self.plan.col_cover.len::<All>() };
                let vector = rows * cols * S::LANES;
                for (v, dyt) in dyt.chunks_exact_mut(nonzero(vector)).enumerate().take(ceil_div(channels, S::LANES)) {
                    let from = v * S::LANES * self.outs + r0 * self.col.outs + c0;
                    let live = channels.saturating_sub(v * S::LANES);
                    interleave(s, dy.get(from..).unwrap_or_default(), self.outs, live, dyt);
                }
                for (channel, live) in blocks(self.conv.group_in(), block) {
                    let Some(x) = x.get(channel * in_plane..(channel + live) * in_plane) else { return };
                    let image = [self.conv.h, self.conv.w];
                    fill_patch(s, &self.plan, [&self.row, &self.col], [r0, c0], x, image, patch);
                    let Some(acc) = acc.get_mut(channel * taps * S::LANES..) else { return };
                    let chains = Chains {
                        offsets: offsets.as_ptr(),
                        x: patch.as_ptr(),
                        dy: dyt.as_ptr(),
                        dy_vector: vector,
                        acc: acc.as_mut_ptr(),
                        acc_vector: self.k() * S::LANES,
                    };
                    // SAFETY: `offsets` are places in `patch`; `acc` and `dyt` hold a vector for each vector of
                    // channels and kernel element, or output.
                    unsafe { tiles(s, Extent { channels, elements: live * taps }, outs, chains, &mut next) }
                }
            }
        }
    }

    fn tiles_of_a_sample<S: Simd>(&self, channels: usize) -> usize {
        let strips = ceil_div(self.row.outs, self.plan.rows) * ceil_div(self.col.outs, self.plan.cols);
        strips * ceil_div(self.k(), max_tile::<S>()) * ceil_div(channels, 2 * S::LANES)
    }
}

/// All tiles of a strip.
///
/// # Safety
/// The pointers must be good for what the tiles read and continue.
#[inline(always)]
unsafe fn tiles<S: Simd>(s: S, extent: Extent, outs: Outs, chains: Chains, next: &mut [Ahead; 2]) {
    let Extent { channels, elements } = extent;
    let tile = balanced(elements, max_tile::<S>());
    for (v, _) in blocks(ceil_div(channels, S::LANES), 2) {
        for (i, count) in blocks(elements, tile) {
            let fetch = next.each_mut().map(
                #[inline(always)]
                |next| next.next(outs.rows * outs.cols),
            );
            // SAFETY: granted by the caller.
            unsafe {
                let (offsets, dy) = (chains.offsets.add(i), chains.dy.add(v * chains.dy_vector));
                let acc = chains.acc.add(v * chains.acc_vector + i * S::LANES);
                let chains = Chains { offsets, dy, acc, ..chains };
                if (v + 1) * S::LANES < channels {
                    weight_tile::<S, 2, false>(s, count, outs, chains, fetch);
                } else {
                    weight_tile::<S, 1, false>(s, count, outs, chains, fetch);
                }
            }
        }
    }
}
