//! Forward pass and input gradient.

use super::job::Three;
use super::{STRIP, UNFOLDED_STRIP, fill, kernels, list_taps};
use crate::Activation;
use crate::conv::correlate::{Correlation, Direction, Phase};
use crate::conv::plan::blocks;
use crate::gemm::product::{Product, Strided};
use crate::gemm::small::{ZEROS, chains, finish, outers};
use crate::gemm::{Bias, Epilogue};
use crate::parts::{Linked, Parts};
use crate::scalar::{ceil_div, nonzero};

/// How a correlation is computed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Product,
    Three,
    Unfold,
}

impl<L: Linked> Correlation<L> {
    /// The way; only one that is linked.
    const fn way(&self, p: &Phase<L>) -> Way {
        let (c, plan, has) = (&self.conv, &p.plan, L::PARTS);
        if let (true, [1, 1], [1, 1], [0, 0]) = (has.has(Parts::POINTWISE), c.kernel, c.stride, c.padding) {
            return Way::Product;
        }
        if !has.has(Parts::THREE) && !has.has(Parts::THREE_REVERSED) {
            return Way::Unfold;
        }
        // The shortest strip is the last one: the others are `cols` wide.
        let strips = ceil_div(self.to[1], plan.cols);
        let last = self.to[1].saturating_sub(strips.saturating_sub(1) * plan.cols);
        let small = matches!((c.kernel, c.stride, c.dilation), ([3, 3], [1, 1], [1, 1]));
        if small && last >= 8 && self.reads > 0 && plan.channels == self.reads { Way::Three } else { Way::Unfold }
    }

    /// The length of the parts of scratch that do not depend on the strips: packed weights, places of taps, unfolded
    /// outputs. A strip's input takes what is left.
    const fn unfolded_parts(&self) -> [usize; 3] {
        [self.packed_block_len(), self.conv.taps(), self.unfolded_len()]
    }

    /// The longest strip's input.
    const fn small_patch_len(&self, way: Way, p: &Phase<L>) -> usize {
        match way {
            Way::Product => 0,
            Way::Three => p.plan.patch_len(),
            Way::Unfold => {
                let ([down, across], mut patch, mut i) = (self.phases(), 0, 0);
                while i < down * across {
                    let len = self.unfolded_phase(i / nonzero(across), i % nonzero(across)).plan.patch_len();
                    patch = if len > patch { len } else { patch };
                    i += 1;
                }
                patch
            }
        }
    }

    /// A phase in strips that are unfolded.
    pub(super) const fn unfolded_phase(&self, down: usize, across: usize) -> Phase<L> {
        self.phase_within(UNFOLDED_STRIP, down, across)
    }

    /// What of this file a program needs for it.
    pub(in crate::conv) const fn small_kinds(&self) -> Parts {
        let p = self.phase_within(STRIP, 0, 0);
        match (self.way(&p), self.direction) {
            (Way::Product, _) => Parts::POINTWISE.and(Parts::TILES),
            (Way::Three, Direction::Forward) => Parts::THREE,
            (Way::Three, Direction::Backward) => Parts::THREE_REVERSED,
            (Way::Unfold, _) => Parts::UNFOLDED.and(self.unfolded_tiles()),
        }
    }

    /// Scratch of one thread, for a shape that has been checked.
    pub(in crate::conv) const fn small_scratch_len(&self) -> usize {
        let p = self.phase_within(STRIP, 0, 0);
        let (way, [packed, taps, unfolded]) = (self.way(&p), self.unfolded_parts());
        let patch = self.small_patch_len(way, &p);
        if matches!(way, Way::Unfold) {
            packed.saturating_add(taps).saturating_add(unfolded).saturating_add(patch)
        } else {
            patch
        }
    }

    /// The planes of `to`, of which the first is plane `first` of all.
    pub(in crate::conv) fn small_part(
        &self,
        first: usize,
        from: &[f32],
        weight: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        to: &mut [f32],
        scratch: &mut [f32],
    ) {
        let p = self.phase_within(STRIP, 0, 0);
        let way = self.way(&p);
        let unfolds = way == Way::Unfold;
        let [packed, taps, unfolded] = if unfolds { self.unfolded_parts() } else { [0; 3] };
        let Some((packed, rest)) = scratch.split_at_mut_checked(packed) else { return };
        let Some((offsets, rest)) = rest.split_at_mut_checked(taps) else { return };
        let Some((unfolded, patch)) = rest.split_at_mut_checked(unfolded) else { return };
        let (plane, channels) = (self.to[0] * self.to[1], self.writes * self.groups());
        let planes = first..first + to.len().checked_div(plane).unwrap_or(0);
        let (mut to, mut at) = (to, planes.start);
        while at < planes.end {
            let (sample, channel) = (at / nonzero(channels), at % nonzero(channels));
            let (group, within) = (channel / nonzero(self.writes), channel % nonzero(self.writes));
            let count = (self.writes - within).min(planes.end - at);
            let Some((mine, others)) = to.split_at_mut_checked(count * plane) else { return };
            let len = self.reads * self.from[0] * self.from[1];
            let image = sample * self.groups() + group;
            let Some(x) = from.get(image * len..(image + 1) * len) else { return };
            let len = self.writes * self.reads * self.conv.taps();
            let Some(weight) = weight.get(group * len..(group + 1) * len) else { return };
            let bias = bias.and_then(|bias| bias.get(channel..));
            match way {
                Way::Product => self.product(x, weight, within, count, mine),
                Way::Three => self.three(&p, x, weight, within, bias, mine, patch),
                Way::Unfold => self.unfold([x, weight], [within, count], mine, [packed, offsets, patch, unfolded]),
            }
            let bias = bias.filter(|_| way != Way::Three).map_or(Bias::None, Bias::PerRow);
            // SAFETY: `mine` holds `count` planes.
            unsafe {
                let epilogue = Epilogue { bias, activation };
                finish(mine.as_mut_ptr(), [count, plane, plane], &epilogue, way != Way::Three);
            }
            (to, at) = (others, at + count);
        }
    }

    /// A 1x1 kernel: `to = weight x`, or the weight transposed.
    fn product(&self, x: &[f32], weight: &[f32], first: usize, count: usize, to: &mut [f32]) {
        let plane = self.to[0] * self.to[1];
        let a = match self.direction {
            Direction::Forward => {
                Strided { ptr: weight.as_ptr().wrapping_add(first * self.reads), row: self.reads, col: 1 }
            }
            Direction::Backward => Strided { ptr: weight.as_ptr().wrapping_add(first), row: 1, col: self.writes },
        };
        let product = Product {
            m: count,
            n: plane,
            k: self.reads,
            a,
            b: Strided { ptr: x.as_ptr(), row: plane, col: 1 },
            c: to.as_mut_ptr(),
            c_row: plane,
            accumulate: false,
            epilogue: Epilogue::NONE,
        };
        // SAFETY: `x` holds `reads` planes, `to` `count`, the weight of a group `writes` by `reads` elements.
        unsafe {
            if a.col == 1 || self.reads == 0 {
                chains::<L>(&product)
            } else {
                outers::<L>(&product, 0, product.b, self.reads)
            }
        }
    }

    /// 3x3 taps: two channels by eight outputs at a time. Where a row, or the channels, do not come out even the last tile
    /// overlaps the one before: it computes the same values again.
    fn three(
        &self,
        p: &Phase<L>,
        x: &[f32],
        weight: &[f32],
        first: usize,
        bias: Option<&[f32]>,
        to: &mut [f32],
        patch: &mut [f32],
    ) {
        const TAPS: usize = 9;
        let plane = self.to[0] * self.to[1];
        let (pitch, channel_len) = (p.plan.col_cover.len(), p.plan.plane());
        let reversed = L::PARTS.has(Parts::THREE_REVERSED)
            && (!L::PARTS.has(Parts::THREE) || self.direction == Direction::Backward);
        let bytes = |floats: usize| floats.wrapping_mul(size_of::<f32>());
        // Weights `[oc, ic, 3, 3]`: from a channel written to the next, and from a channel read to the next.
        let (write, read) = if reversed { (TAPS, self.writes * TAPS) } else { (self.reads * TAPS, TAPS) };
        let row = if reversed { pitch.wrapping_neg() } else { pitch };
        let mut job = Three {
            zeros: ZEROS.as_ptr(),
            channels: self.reads,
            x: x.as_ptr(),
            row: bytes(row),
            next: bytes(channel_len.wrapping_sub(row.wrapping_mul(3))),
            weights: [weight.as_ptr(); 2],
            next_weights: bytes(read - TAPS),
            out: [to.as_mut_ptr(); 2],
            bias: [0.0; 2],
        };
        if !p.plan.fits(patch) {
            return;
        }
        let count = to.len() / nonzero(plane);
        for (r0, rows) in blocks(p.row.outs, p.plan.rows) {
            for (c0, cols) in blocks(p.col.outs, p.plan.cols) {
                fill(&p.plan, [&p.row, &p.col], [r0, c0], x, self.from, patch);
                let start = patch.as_ptr().wrapping_add(if reversed { 2 * pitch } else { 0 });
                for (channel, _) in blocks(count, 2) {
                    // The last channel with the one before, or, if it is the only one, twice.
                    let pair = [channel.min(count.saturating_sub(2)), (channel + 1).min(count - 1)];
                    job.weights = pair.map(|c| weight.as_ptr().wrapping_add((first + c) * write));
                    if let Some(bias) = bias {
                        job.bias = pair.map(|c| bias.get(c).copied().unwrap_or(0.0) + 0.0);
                    }
                    for r in 0..rows {
                        let out = pair.map(|c| to.as_mut_ptr().wrapping_add(c * plane + (r0 + r) * self.to[1] + c0));
                        for (c, _) in blocks(cols, 8) {
                            let c = c.min(cols - 8);
                            job.x = start.wrapping_add(r * pitch + c);
                            job.out = out.map(|out| out.wrapping_add(c));
                            // SAFETY: `cols` is at least 8 (see `way`), so the tile lies inside the strip, whose input the
                            // patch holds; `to` holds `count` planes, the weight of a group all its channels.
                            unsafe { kernels::three(reversed, &job) };
                        }
                    }
                }
            }
        }
    }

    /// The taps of a phase, for `unfold`.
    pub(super) fn list(&self, p: &Phase<L>, offsets: &mut [f32]) {
        list_taps(&p.plan, &p.row, &p.col, offsets);
    }
}
