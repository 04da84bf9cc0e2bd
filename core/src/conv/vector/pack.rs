//! Weights in the order in which the tiles read them.

use super::correlate::Vector;
use crate::conv::strips::{Direction, Phase};
use crate::conv::ways::All;
use crate::scalar::nonzero;
use crate::simd::Simd;

impl Vector {
    /// How many channels share a vector: all lanes, or 1 where the lanes are pixels.
    ///
    /// The tiles differ in how many of their lanes are idle, and in what a tile costs outside its chains (a
    /// transposition for channel lanes), counted here in steps of a chain. A step with lanes of pixels takes twice as
    /// long: it loads more, and across cache lines.
    pub(super) fn lanes<S: Simd>(&self, p: &Phase) -> usize {
        let k = self.0.reads * p.taps();
        let by_channel = self.0.writes.next_multiple_of(S::LANES) * p.col.outs * (k + 20) * 2;
        let by_pixel = self.0.writes * p.col.outs.next_multiple_of(S::LANES) * (k + 2) * 4;
        if self.0.writes == 1 || by_pixel < by_channel { 1 } else { S::LANES }
    }

    /// Packs the weights of all phases and groups, and lists the offsets of all phases.
    pub(super) fn prepare<S: Simd>(&self, weight: &[f32], packed: &mut [f32], offsets: &mut [f32]) {
        let (mut packed, mut offsets) = (packed, offsets);
        for p in self.0.each_phase::<All>() {
            let lanes = self.lanes::<S>(&p);
            for group in 0..self.0.conv.groups {
                let len = self.packed_len(p.taps(), lanes);
                let Some((mine, others)) = packed.split_at_mut_checked(len) else { return };
                self.pack(&p, group, weight, lanes, mine);
                packed = others;
            }
            let count = p.plan.offsets::<All>(&p.row, &p.col, offsets);
            offsets = offsets.get_mut(count..).unwrap_or_default();
        }
    }

    /// `packed[v][k][l]` is the weight of written channel `v * lanes + l` at chain position `k`: `(channel, kh, kw)`.
    fn pack(&self, p: &Phase, group: usize, weight: &[f32], lanes: usize, packed: &mut [f32]) {
        let kernel_len = self.0.conv.taps();
        let per_out = self.0.conv.group_in() * kernel_len;
        // Distances in the weight `[oc, ic, kh, kw]` between channels written and channels read.
        let (write, read) = match self.0.direction {
            Direction::Forward => (per_out, kernel_len),
            Direction::Backward => (kernel_len, per_out),
        };
        let Some(weight) = weight.get(group * self.0.conv.group_out() * per_out..) else { return };
        if packed.is_empty() {
            return;
        }
        for (v, packed) in packed.chunks_exact_mut(nonzero(lanes * self.0.reads * p.taps())).enumerate() {
            for (k, packed) in packed.chunks_exact_mut(nonzero(lanes)).enumerate() {
                let (channel, kh, kw) =
                    (k / nonzero(p.taps()), k % nonzero(p.taps()) / nonzero(p.col.taps), k % nonzero(p.col.taps));
                let tap = (p.row.first_tap + kh * p.row.tap_step) * self.0.conv.kernel[1];
                let at = channel * read + tap + p.col.first_tap + kw * p.col.tap_step;
                for (l, w) in packed.iter_mut().enumerate() {
                    let channel = v * lanes + l;
                    let found = (channel < self.0.writes).then(|| weight.get(channel * write + at)).flatten();
                    *w = found.copied().unwrap_or(0.0);
                }
            }
        }
    }
}
