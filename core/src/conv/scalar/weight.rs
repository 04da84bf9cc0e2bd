//! The weight gradient.

use super::job::Gradient;
use super::{STRIP, fill, kernels, list_taps};
use crate::Update;
use crate::conv::shape::Conv2d;
use crate::conv::strips::Axis;
use crate::conv::strips::{Plan, blocks};
use crate::conv::ways::{Uses, Ways};
use crate::gemm::Epilogue;
use crate::gemm::product::{Product, Strided};
use crate::gemm::scalar::{dots, finish};
use crate::scalar::nonzero;

/// The pass over all samples.
pub(in crate::conv) struct ScalarWeightPass {
    conv: Conv2d,
    row: Axis,
    col: Axis,
    plan: Plan,
    outs: usize,
    /// Of a group: read by the convolution, and written.
    channels: [usize; 2],
}

impl ScalarWeightPass {
    pub(in crate::conv) const fn new<U: Uses>(conv: &Conv2d) -> Self {
        let conv = conv.flat::<U>();
        let [row, col] = Axis::forward_pair::<U>(&conv);
        let channels = conv.group_channels::<U>();
        let plan = Plan::new::<U>(channels[0], &row, &col, usize::MAX, STRIP);
        Self { conv, row, col, plan, outs: row.outs * col.outs, channels }
    }

    pub(in crate::conv) const fn conv(&self) -> &Conv2d {
        &self.conv
    }

    const fn is_product<U: Uses>(&self) -> bool {
        U::WAYS.has(Ways::POINTWISE)
            && matches!((self.conv.kernel, self.conv.stride, self.conv.padding), ([1, 1], [1, 1], [0, 0]))
    }

    /// Places of the taps, and a strip's input.
    pub(in crate::conv) const fn scratch_len<U: Uses>(&self) -> usize {
        if self.is_product::<U>() { 0 } else { self.conv.taps().saturating_add(self.plan.patch_len::<U>()) }
    }

    /// The kernels of some output channels, of which the first is channel `first` of all.
    pub(in crate::conv) fn part<U: Uses>(
        &self,
        first: usize,
        x: &[f32],
        dy: &[f32],
        update: Update,
        dw: &mut [f32],
        scratch: &mut [f32],
    ) {
        let taps = if self.is_product::<U>() { 0 } else { self.conv.taps() };
        let Some((offsets, patch)) = scratch.split_at_mut_checked(taps) else { return };
        if !self.is_product::<U>() && !self.plan.fits::<U>(patch) {
            return;
        }
        let ([reads, per_group], groups) =
            (self.channels, if U::WAYS.has(Ways::STRIDED) { self.conv.groups } else { 1 });
        let k = reads * self.conv.taps();
        let in_len = reads * self.conv.h * self.conv.w;
        list_taps::<U>(&self.plan, &self.row, &self.col, offsets);
        if update == Update::Overwrite {
            dw.fill(0.0);
        }
        for (g, dw) in dw.chunks_mut(nonzero(per_group * k)).enumerate() {
            let channel = first + g * per_group;
            let channels = dw.len() / nonzero(k);
            for n in 0..self.conv.n {
                let group = n * groups + channel / nonzero(per_group);
                let at = (n * self.conv.out_channels + channel) * self.outs;
                let (Some(x), Some(dy)) =
                    (x.get(group * in_len..(group + 1) * in_len), dy.get(at..at + channels * self.outs))
                else {
                    return;
                };
                if self.is_product::<U>() {
                    self.product::<U>(x, dy, channels, dw);
                } else {
                    self.sample::<U>(x, dy, channels, dw, offsets, patch);
                }
            }
            if self.conv.n == 0 || self.is_product::<U>() || self.outs == 0 {
                // SAFETY: a slice is a row.
                unsafe { finish(dw.as_mut_ptr(), [1, dw.len(), 0], &Epilogue::NONE, true) };
            }
        }
    }

    /// A 1x1 kernel: `dw += dy x^T`.
    fn product<U: Uses>(&self, x: &[f32], dy: &[f32], channels: usize, dw: &mut [f32]) {
        if self.outs == 0 {
            return;
        }
        let product = Product {
            m: channels,
            n: self.channels[0],
            k: self.outs,
            a: Strided { ptr: dy.as_ptr(), row: self.outs, col: 1 },
            b: Strided { ptr: x.as_ptr(), row: 1, col: self.outs },
            c: dw.as_mut_ptr(),
            c_row: self.channels[0],
            accumulate: true,
            epilogue: Epilogue::NONE,
        };
        // SAFETY: the slices hold a plane for each channel, and a weight for each pair of channels.
        unsafe { dots::<U>(&product) };
    }

    /// One sample of one group.
    fn sample<U: Uses>(
        &self,
        x: &[f32],
        dy: &[f32],
        channels: usize,
        dw: &mut [f32],
        offsets: &[f32],
        patch: &mut [f32],
    ) {
        let (in_plane, taps, image) = (self.conv.h * self.conv.w, self.conv.taps(), [self.conv.h, self.conv.w]);
        let pitch = self.plan.col_cover.len::<U>();
        for (r0, rows) in blocks(self.row.outs, self.plan.rows) {
            for (c0, cols) in blocks(self.col.outs, self.plan.cols) {
                for (channel, live) in blocks(self.channels[0], self.plan.channels) {
                    let Some(x) = x.get(channel * in_plane..(channel + live) * in_plane) else { return };
                    fill::<U>(&self.plan, [&self.row, &self.col], [r0, c0], x, image, patch);
                    let job = Gradient {
                        dw: [dw.as_mut_ptr().wrapping_add(channel * taps); 3],
                        dy: [dy.as_ptr().wrapping_add(r0 * self.col.outs + c0); 3],
                        x: [patch.as_ptr(); 4],
                        rows,
                        cols,
                        x_next: (pitch - cols) * size_of::<f32>(),
                    };
                    // SAFETY: `offsets` are places in the patch; `dy` holds a plane and `dw` a kernel for each channel.
                    unsafe { self.tiles::<U>(job, channels, live * taps, offsets) };
                }
            }
        }
    }

    /// All tiles of a strip: `channels` output channels by `count` elements of their kernels.
    ///
    /// # Safety
    /// The job's pointers must be good for them.
    unsafe fn tiles<U: Uses>(&self, mut job: Gradient, channels: usize, count: usize, offsets: &[f32]) {
        let ([dw, ..], [dy, ..], [patch, ..]) = (job.dw, job.dy, job.x);
        let k = self.channels[0] * self.conv.taps();
        let (mut plane, mut taps) = (patch, offsets.iter());
        let mut next = || {
            if taps.len() == 0 {
                taps = offsets.iter();
                plane = plane.wrapping_add(self.plan.plane::<U>());
            }
            plane.wrapping_add(taps.next().map_or(0, |offset| offset.to_bits() as usize))
        };
        // If there is one channel in all, it is computed twice and written twice, with the same bits.
        let (second_dw, second_dy) = if channels > 1 { (k, self.outs) } else { (0, 0) };
        let mut i = 0;
        while i < count {
            let four = count - i >= 4;
            for x in job.x.iter_mut().take(if four { 4 } else { 1 }) {
                *x = next();
            }
            let (mut dw, mut dy, mut left) = (dw.wrapping_add(i), dy, channels);
            while left > 0 {
                // Threes, and twos so that no single one is left.
                let three = left >= 3 && left != 4;
                job.dw = [dw, dw.wrapping_add(second_dw), dw.wrapping_add(2 * k)];
                job.dy = [dy, dy.wrapping_add(second_dy), dy.wrapping_add(2 * self.outs)];
                // SAFETY: granted by the caller.
                unsafe { kernels::gradient(three, four, &job) };
                let count = if three { 3 } else { 2 };
                (dw, dy) = (dw.wrapping_add(count * k), dy.wrapping_add(count * self.outs));
                left = left.saturating_sub(count);
            }
            i += if four { 4 } else { 1 };
        }
    }
}
