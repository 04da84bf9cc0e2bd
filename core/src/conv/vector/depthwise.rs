//! The weight gradient where each group has one input channel: the lanes are neighbouring groups.

use super::ahead::Ahead;
use super::patch::fill_patch;
use super::tile::max_tile;
use super::weight_tile::{Chains, Outs, interleave, load_chains, store_chains, weight_tile};
use crate::Update;
use crate::conv::shape::Conv2d;
use crate::conv::shape::product;
use crate::conv::strips::Axis;
use crate::conv::strips::MAX_OUTS;
use crate::conv::strips::{ALIGN, PATCH, Plan, aligned, blocks};
use crate::conv::ways::All;
use crate::machine::target::MAX_WIDTH;
use crate::scalar::nonzero;
use crate::simd::Simd;

/// The weight gradient of a depthwise convolution (`group_out` outputs for each input channel).
///
/// The strip of a vector of groups and their output gradients are both transposed, so that each step multiplies the
/// vector of pixels under a tap by the vector of gradients of an output: the same chains as with lanes over output
/// channels, without the idle lanes.
#[derive(Clone, Copy)]
pub(in crate::conv) struct DepthwisePass {
    conv: Conv2d,
    row: Axis,
    col: Axis,
    plan: Plan,
    outs: usize,
}

impl DepthwisePass {
    pub(in crate::conv) const fn new(conv: &Conv2d) -> Self {
        let [row, col] = Axis::forward_pair::<All>(conv);
        let plan = Plan::new::<All>(MAX_WIDTH, &row, &col, MAX_OUTS, PATCH);
        Self { conv: *conv, row, col, plan, outs: conv.out_h() * conv.out_w() }
    }

    /// Elements of the kernels of one group.
    const fn k(&self) -> usize {
        self.conv.group_out() * self.conv.taps()
    }

    /// Accumulators, transposed output gradients, the transposed strip, offsets, and the strip, with `width` lanes.
    const fn scratch_parts(&self, width: usize) -> [usize; 5] {
        let outs = self.plan.rows.saturating_mul(self.plan.cols);
        let offsets = product(&[self.plan.channels, self.conv.taps()]);
        [
            product(&[self.k(), width]),
            product(&[outs, width]),
            product(&[self.plan.plane::<All>(), width]),
            offsets,
            self.plan.patch_len::<All>(),
        ]
    }

    /// Scratch of one thread.
    pub(in crate::conv) const fn scratch_len(&self) -> usize {
        let [acc, dyt, xt, offsets, patch] = self.scratch_parts(MAX_WIDTH);
        let strips = acc.saturating_add(dyt).saturating_add(xt);
        strips.saturating_add(offsets).saturating_add(patch).saturating_add(ALIGN)
    }

    /// The groups of `dw`, of which the first is group `first` of all.
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
        let [acc, dyt, xt, offsets, patch] = self.scratch_parts(S::LANES);
        let Some((acc, rest)) = aligned(scratch).split_at_mut_checked(acc) else { return };
        let Some((dyt, rest)) = rest.split_at_mut_checked(dyt) else { return };
        let Some((xt, rest)) = rest.split_at_mut_checked(xt) else { return };
        let Some((offsets, rest)) = rest.split_at_mut_checked(offsets) else { return };
        let Some(patch) = rest.get_mut(..patch) else { return };
        self.plan.offsets::<All>(&self.row, &self.col, offsets);
        let groups = dw.len().checked_div(self.k()).unwrap_or(0);
        let (in_plane, out_len) = (self.conv.h * self.conv.w, self.conv.group_out() * self.outs);
        for (g, live) in blocks(groups, S::LANES.min(self.plan.channels)) {
            let Some(dw) = dw.get_mut(g * self.k()..(g + live) * self.k()) else { return };
            load_chains::<S>(dw, self.k(), update, acc);
            for n in 0..self.conv.n {
                let group = n * self.conv.groups + first + g;
                let x = x.get(group * in_plane..(group + live) * in_plane);
                let dy = dy.get(group * out_len..(group + live) * out_len);
                let (Some(x), Some(dy)) = (x, dy) else { return };
                for (r0, rows) in blocks(self.row.outs, self.plan.rows) {
                    for (c0, cols) in blocks(self.col.outs, self.plan.cols) {
                        let image = [self.conv.h, self.conv.w];
                        fill_patch(s, &self.plan, [&self.row, &self.col], [r0, c0], x, image, patch);
                        interleave(s, patch, self.plan.plane::<All>(), live, xt);
                        let Some(dyt) = dyt.get_mut(..rows * cols * S::LANES) else { return };
                        let outs = Outs { rows, cols, pitch: self.plan.col_cover.len::<All>() };
                        for (j, acc) in acc.chunks_exact_mut(nonzero(self.conv.taps() * S::LANES)).enumerate() {
                            let from = j * self.outs + r0 * self.col.outs + c0;
                            interleave(s, dy.get(from..).unwrap_or_default(), out_len, live, dyt);
                            let (x, dy, acc) = (xt.as_ptr(), dyt.as_ptr(), acc.as_mut_ptr());
                            let chains = Chains { offsets: offsets.as_ptr(), x, dy, dy_vector: 0, acc, acc_vector: 0 };
                            // SAFETY: `offsets` are places in the plane, `xt` holds a vector for each place, `dyt` one
                            // for each output and `acc` one for each tap.
                            unsafe { tiles(s, self.conv.taps(), outs, chains) }
                        }
                    }
                }
            }
            store_chains::<S>(acc, self.k(), dw);
        }
    }
}

/// The chains of all taps of one output channel of each group.
///
/// # Safety
/// The pointers must be good for what the tiles read and continue.
#[inline(always)]
unsafe fn tiles<S: Simd>(s: S, taps: usize, outs: Outs, chains: Chains) {
    for (i, count) in blocks(taps, max_tile::<S>()) {
        let nothing = [0; 2].map(|steps| Ahead::new(None, 1).next(steps));
        // SAFETY: granted by the caller.
        unsafe {
            let (offsets, acc) = (chains.offsets.add(i), chains.acc.add(i * S::LANES));
            weight_tile::<S, 1, true>(s, count, outs, Chains { offsets, acc, ..chains }, nothing);
        }
    }
}
