//! Forward pass and input gradient.

use super::job::Three;
use super::{STRIP, UNFOLDED_STRIP, fill, kernels, list_taps};
use crate::conv::shape::Conv2d;
use crate::conv::strips::blocks;
use crate::conv::strips::{Correlation, Direction, Phase, Source};
use crate::conv::ways::{All, Uses, Ways};
use crate::gemm::product::{Product, Strided};
use crate::gemm::scalar::{ZEROS, chains, finish, outers};
use crate::gemm::{Bias, Epilogue, Tiles};
use crate::scalar::{ceil_div, nonzero};

/// How a correlation is computed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Product,
    Three,
    Unfold,
}

/// A correlation on this engine.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Scalar(pub Correlation);

/// What a program needs for a convolution; for the gradient of the input, too, if `dx` is wanted.
pub(crate) const fn parts(conv: &Conv2d, dx: bool) -> (Ways, Tiles) {
    let plain = matches!((conv.stride, conv.dilation, conv.groups), ([1, 1], [1, 1], 1));
    let (ways, tiles) = Scalar(Correlation::new::<All>(conv, Direction::Forward)).parts();
    let ways = if plain { ways } else { ways.and(Ways::STRIDED) };
    if !dx {
        return (ways, tiles);
    }
    let (more_ways, more_tiles) = Scalar(Correlation::new::<All>(conv, Direction::Backward)).parts();
    (ways.and(more_ways), tiles.and(more_tiles))
}

impl Scalar {
    /// The way; only one that is linked.
    const fn way<U: Uses>(&self, p: &Phase) -> Way {
        let (c, plan, has) = (&self.0.conv, &p.plan, U::WAYS);
        if let (true, [1, 1], [1, 1], [0, 0]) = (has.has(Ways::POINTWISE), c.kernel, c.stride, c.padding) {
            return Way::Product;
        }
        if !has.has(Ways::THREE) && !has.has(Ways::THREE_REVERSED) {
            return Way::Unfold;
        }
        // The shortest strip is the last one: the others are `cols` wide.
        let strips = ceil_div(self.0.to[1], plan.cols);
        let last = self.0.to[1].saturating_sub(strips.saturating_sub(1) * plan.cols);
        let small = matches!((c.kernel, c.stride, c.dilation), ([3, 3], [1, 1], [1, 1]));
        if small && last >= 8 && self.0.reads > 0 && plan.channels == self.0.reads { Way::Three } else { Way::Unfold }
    }

    /// The length of the parts of scratch that do not depend on the strips: packed weights, places of taps, unfolded
    /// outputs. A strip's input takes what is left.
    const fn unfolded_parts<U: Uses>(&self) -> [usize; 3] {
        [self.packed_block_len::<U>(), self.0.conv.taps(), self.unfolded_len()]
    }

    /// The longest strip's input.
    const fn patch_len<U: Uses>(&self, way: Way, p: &Phase) -> usize {
        match way {
            Way::Product => 0,
            Way::Three => p.plan.patch_len::<U>(),
            Way::Unfold => {
                let ([down, across], mut patch, mut i) = (self.0.phases::<U>(), 0, 0);
                while i < down * across {
                    let len = self.unfolded_phase::<U>(i / nonzero(across), i % nonzero(across)).plan.patch_len::<U>();
                    patch = if len > patch { len } else { patch };
                    i += 1;
                }
                patch
            }
        }
    }

    /// A phase in strips that are unfolded.
    pub(super) const fn unfolded_phase<U: Uses>(&self, down: usize, across: usize) -> Phase {
        self.0.phase_within::<U>(UNFOLDED_STRIP, down, across)
    }

    /// What of this room a program needs for it.
    const fn parts(&self) -> (Ways, Tiles) {
        let p = self.0.phase_within::<All>(STRIP, 0, 0);
        match (self.way::<All>(&p), self.0.direction) {
            (Way::Product, _) => (Ways::POINTWISE, Tiles::ALL),
            (Way::Three, Direction::Forward) => (Ways::THREE, Tiles::NONE),
            (Way::Three, Direction::Backward) => (Ways::THREE_REVERSED, Tiles::NONE),
            (Way::Unfold, _) => (Ways::UNFOLDED, self.unfolded_tiles::<All>()),
        }
    }

    /// Scratch of one thread, for a shape that has been checked.
    pub(in crate::conv) const fn scratch_len<U: Uses>(&self) -> usize {
        let p = self.0.phase_within::<U>(STRIP, 0, 0);
        let (way, [packed, taps, unfolded]) = (self.way::<U>(&p), self.unfolded_parts::<U>());
        let patch = self.patch_len::<U>(way, &p);
        if matches!(way, Way::Unfold) {
            packed.saturating_add(taps).saturating_add(unfolded).saturating_add(patch)
        } else {
            patch
        }
    }

    /// The planes of `to`, of which the first is plane `first` of all.
    pub(in crate::conv) fn part<U: Uses>(&self, first: usize, source: Source, to: &mut [f32], scratch: &mut [f32]) {
        let Source { from, weight, bias, activation } = source;
        let p = self.0.phase_within::<U>(STRIP, 0, 0);
        let way = self.way::<U>(&p);
        let unfolds = way == Way::Unfold;
        let [packed, taps, unfolded] = if unfolds { self.unfolded_parts::<U>() } else { [0; 3] };
        let Some((packed, rest)) = scratch.split_at_mut_checked(packed) else { return };
        let Some((offsets, rest)) = rest.split_at_mut_checked(taps) else { return };
        let Some((unfolded, patch)) = rest.split_at_mut_checked(unfolded) else { return };
        let (plane, channels) = (self.0.to[0] * self.0.to[1], self.0.writes * self.0.groups::<U>());
        let planes = first..first + to.len().checked_div(plane).unwrap_or(0);
        let (mut to, mut at) = (to, planes.start);
        while at < planes.end {
            let (sample, channel) = (at / nonzero(channels), at % nonzero(channels));
            let (group, within) = (channel / nonzero(self.0.writes), channel % nonzero(self.0.writes));
            let count = (self.0.writes - within).min(planes.end - at);
            let Some((mine, others)) = to.split_at_mut_checked(count * plane) else { return };
            let len = self.0.reads * self.0.from[0] * self.0.from[1];
            let image = sample * self.0.groups::<U>() + group;
            let Some(x) = from.get(image * len..(image + 1) * len) else { return };
            let len = self.0.writes * self.0.reads * self.0.conv.taps();
            let Some(weight) = weight.get(group * len..(group + 1) * len) else { return };
            let bias = bias.and_then(|bias| bias.get(channel..));
            match way {
                Way::Product => self.product::<U>(x, weight, within, count, mine),
                Way::Three => self.three::<U>(&p, x, weight, within, bias, mine, patch),
                Way::Unfold => self.unfold::<U>([x, weight], [within, count], mine, [packed, offsets, patch, unfolded]),
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
    fn product<U: Uses>(&self, x: &[f32], weight: &[f32], first: usize, count: usize, to: &mut [f32]) {
        let plane = self.0.to[0] * self.0.to[1];
        let a = match self.0.direction {
            Direction::Forward => {
                Strided { ptr: weight.as_ptr().wrapping_add(first * self.0.reads), row: self.0.reads, col: 1 }
            }
            Direction::Backward => Strided { ptr: weight.as_ptr().wrapping_add(first), row: 1, col: self.0.writes },
        };
        let product = Product {
            m: count,
            n: plane,
            k: self.0.reads,
            a,
            b: Strided { ptr: x.as_ptr(), row: plane, col: 1 },
            c: to.as_mut_ptr(),
            c_row: plane,
            accumulate: false,
            epilogue: Epilogue::NONE,
        };
        // SAFETY: `x` holds `reads` planes, `to` `count`, the weight of a group `writes` by `reads` elements.
        unsafe {
            if a.col == 1 || self.0.reads == 0 {
                chains::<U>(&product)
            } else {
                outers::<U>(&product, 0, product.b, self.0.reads)
            }
        }
    }

    /// 3x3 taps: two channels by eight outputs at a time. Where a row, or the channels, do not come out even the last
    /// tile overlaps the one before: it computes the same values again.
    fn three<U: Uses>(
        &self,
        p: &Phase,
        x: &[f32],
        weight: &[f32],
        first: usize,
        bias: Option<&[f32]>,
        to: &mut [f32],
        patch: &mut [f32],
    ) {
        const TAPS: usize = 9;
        let plane = self.0.to[0] * self.0.to[1];
        let (pitch, channel_len) = (p.plan.col_cover.len::<U>(), p.plan.plane::<U>());
        let reversed =
            U::WAYS.has(Ways::THREE_REVERSED) && (!U::WAYS.has(Ways::THREE) || self.0.direction == Direction::Backward);
        let bytes = |floats: usize| floats.wrapping_mul(size_of::<f32>());
        // Weights `[oc, ic, 3, 3]`: from a channel written to the next, and from a channel read to the next.
        let (write, read) = if reversed { (TAPS, self.0.writes * TAPS) } else { (self.0.reads * TAPS, TAPS) };
        let row = if reversed { pitch.wrapping_neg() } else { pitch };
        let mut job = Three {
            zeros: ZEROS.as_ptr(),
            channels: self.0.reads,
            x: x.as_ptr(),
            row: bytes(row),
            next: bytes(channel_len.wrapping_sub(row.wrapping_mul(3))),
            weights: [weight.as_ptr(); 2],
            next_weights: bytes(read - TAPS),
            out: [to.as_mut_ptr(); 2],
            bias: [0.0; 2],
        };
        if !p.plan.fits::<U>(patch) {
            return;
        }
        let count = to.len() / nonzero(plane);
        for (r0, rows) in blocks(p.row.outs, p.plan.rows) {
            for (c0, cols) in blocks(p.col.outs, p.plan.cols) {
                fill::<U>(&p.plan, [&p.row, &p.col], [r0, c0], x, self.0.from, patch);
                let start = patch.as_ptr().wrapping_add(if reversed { 2 * pitch } else { 0 });
                for (channel, _) in blocks(count, 2) {
                    // The last channel with the one before, or, if it is the only one, twice.
                    let pair = [channel.min(count.saturating_sub(2)), (channel + 1).min(count - 1)];
                    job.weights = pair.map(|c| weight.as_ptr().wrapping_add((first + c) * write));
                    if let Some(bias) = bias {
                        job.bias = pair.map(|c| bias.get(c).copied().unwrap_or(0.0) + 0.0);
                    }
                    for r in 0..rows {
                        let out = pair.map(|c| to.as_mut_ptr().wrapping_add(c * plane + (r0 + r) * self.0.to[1] + c0));
                        for (c, _) in blocks(cols, 8) {
                            let c = c.min(cols - 8);
                            job.x = start.wrapping_add(r * pitch + c);
                            job.out = out.map(|out| out.wrapping_add(c));
                            // SAFETY: `cols` is at least 8 (see `way`), so the tile lies inside the strip, whose input
                            // the patch holds; `to` holds `count` planes, the weight of a group all its channels.
                            unsafe { kernels::three(reversed, &job) };
                        }
                    }
                }
            }
        }
    }

    /// The taps of a phase, for `unfold`.
    pub(super) fn list<U: Uses>(&self, p: &Phase, offsets: &mut [f32]) {
        list_taps::<U>(&p.plan, &p.row, &p.col, offsets);
    }
}
