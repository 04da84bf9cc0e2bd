//! The weight gradient.

use super::Conv2d;
use super::ahead::Ahead;
use super::axis::Axis;
use super::depthwise_grad::DepthwisePass;
use super::patch::fill_patch;
use super::plan::{ALIGN, PATCH, Plan, aligned, balanced, blocks};
use super::shape::product;
use super::small::SmallWeightPass;
use super::tile::max_tile;
use super::weight_tile::{Outs, interleave, load_chains, store_chains, weight_tile};
use crate::error::{check_at_least, check_len};
use crate::machine::target::MAX_WIDTH;
use crate::machine::target::MICROCONTROLLER;
use crate::parts::{Everything, Linked};
use crate::scalar::{ceil_div, nonzero};
use crate::simd::{MAX_LANES, Simd, dispatch};
use crate::{Context, Result, Update, slice};

/// The most outputs of a strip with several rows: their gradients are kept transposed.
pub(super) const MAX_OUTS: usize = 512;

/// `dw[oc, ic, kh, kw] = sum over (n, oh, ow) of x[n, ic, oh * stride + kh * dilation - padding, ..] * dy[n, oc, oh, ow]`.
///
/// `x` is `[n, in_channels, h, w]`, `dy` `[n, out_channels, out_h, out_w]`, `dw` `[out_channels, in_channels / groups,
/// kh, kw]`. This is the weight's part of PyTorch's `conv2d` backward.
///
/// # Errors
///
/// Those of [`Conv2d::check`]; [`Length`](crate::Error::Length) or [`TooShort`](crate::Error::TooShort) for a slice that
/// does not fit the shape.
///
/// # Scratch
///
/// [`conv2d_backward_weight_scratch_len`] floats for each thread that is to run.
///
/// # Numerics
///
/// One chain of fused multiply-adds for each element, `(n, oh, ow)` ascending, from 0 or from the stored value; taps
/// outside the image are zeros; +0.0 is added to what is stored. So a batch of 32 gives the bits of 32 accumulated
/// batches of one. Plain loops: [`reference::conv::conv2d_backward_weight`](crate::reference::conv::conv2d_backward_weight).
///
/// ```
/// use flatgrad_core::{Context, Isa, Update, conv::*};
/// const CONV: Conv2d = Conv2d::new(1, [1, 2, 3], 1, [1, 2]);
/// let (x, dy) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 0.0, 0.0, 10.0]);
/// let (mut dw, mut scratch) = ([0.0; 2], [0.0; conv2d_backward_weight_scratch_len(&CONV)]);
/// conv2d_backward_weight(Context::serial(Isa::detect()), &CONV, &x, &dy, Update::Overwrite, &mut dw, &mut scratch)?;
/// assert_eq!(dw, [51.0, 62.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn conv2d_backward_weight(
    ctx: Context,
    conv: &Conv2d,
    x: &[f32],
    dy: &[f32],
    update: Update,
    dw: &mut [f32],
    scratch: &mut [f32],
) -> Result {
    conv.check()?;
    check_len("x", conv.input_len(), x.len())?;
    check_len("dy", conv.output_len(), dy.len())?;
    check_len("dw", conv.weight_len(), dw.len())?;
    if MICROCONTROLLER {
        // The pass that tells the length also does the work: to plan it a second time would cost more than some kernels.
        let pass = SmallWeightPass::<Everything>::new(conv);
        check_at_least("scratch", pass.scratch_len(), scratch.len())?;
        small(ctx, &pass, x, dy, update, dw, scratch);
        return Ok(());
    }
    check_at_least("scratch", conv2d_backward_weight_scratch_len(conv), scratch.len())?;
    conv2d_backward_weight_planned::<Everything>(ctx, conv, x, dy, update, dw, scratch);
    Ok(())
}

/// [`conv2d_backward_weight`] of a shape and lengths that a plan has checked.
pub(crate) fn conv2d_backward_weight_planned<L: Linked>(
    ctx: Context,
    conv: &Conv2d,
    x: &[f32],
    dy: &[f32],
    update: Update,
    dw: &mut [f32],
    scratch: &mut [f32],
) {
    if MICROCONTROLLER {
        return small(ctx, &SmallWeightPass::<L>::new(conv), x, dy, update, dw, scratch);
    }
    let channels = shared_channels(conv);
    let per_thread = conv2d_backward_weight_scratch_len(conv);
    if is_depthwise(conv) {
        let pass = DepthwisePass::new(conv);
        slice::share_chunks(ctx, dw, channels * conv.taps(), scratch, per_thread, &|first, dw, scratch| {
            dispatch!(ctx.isa(), |s| pass.part(s, first, x, dy, update, dw, scratch));
        });
        return;
    }
    let pass = WeightPass::new(conv);
    slice::share_chunks(ctx, dw, channels * pass.k(), scratch, per_thread, &|first, dw, scratch| {
        dispatch!(ctx.isa(), |s| pass.part(s, first * channels, x, dy, update, dw, scratch));
    });
}

/// Output channels that stay together: whole groups, or vectors.
const fn shared_channels(conv: &Conv2d) -> usize {
    if conv.groups > 1 { conv.group_out() } else { MAX_LANES }
}

fn small<L: Linked>(
    ctx: Context,
    pass: &SmallWeightPass<L>,
    x: &[f32],
    dy: &[f32],
    update: Update,
    dw: &mut [f32],
    scratch: &mut [f32],
) {
    if ctx.threads() == 1 {
        return pass.part(0, x, dy, update, dw, scratch);
    }
    let channels = shared_channels(pass.conv());
    let chunk = channels * pass.conv().group_in() * pass.conv().taps();
    slice::share_chunks(ctx, dw, chunk, scratch, pass.scratch_len(), &|first, dw, scratch| {
        pass.part(first * channels, x, dy, update, dw, scratch);
    });
}

/// Scratch of [`conv2d_backward_weight`] for one thread, in floats; 0 for a shape that [`Conv2d::check`] refuses.
pub const fn conv2d_backward_weight_scratch_len(conv: &Conv2d) -> usize {
    if conv.check().is_err() {
        return 0;
    }
    if MICROCONTROLLER {
        return SmallWeightPass::<Everything>::new(conv).scratch_len();
    }
    if is_depthwise(conv) {
        return sum(&DepthwisePass::new(conv).scratch_parts(MAX_WIDTH)).saturating_add(ALIGN);
    }
    sum(&WeightPass::new(conv).scratch_parts(MAX_WIDTH)).saturating_add(ALIGN)
}

/// Each group has one input channel.
const fn is_depthwise(conv: &Conv2d) -> bool {
    conv.groups > 1 && conv.group_in() == 1
}

const fn sum(parts: &[usize]) -> usize {
    let (mut sum, mut i) = (0usize, 0);
    while i < parts.len() {
        sum = sum.saturating_add(parts[i]);
        i += 1;
    }
    sum
}

#[derive(Clone, Copy)]
struct WeightPass {
    conv: Conv2d,
    row: Axis,
    col: Axis,
    plan: Plan,
    outs: usize,
}

impl WeightPass {
    const fn new(conv: &Conv2d) -> Self {
        let conv = conv.flat::<Everything>();
        let [row, col] = Axis::forward_pair(&conv);
        let plan = Plan::new(conv.group_in(), &row, &col, MAX_OUTS, PATCH);
        Self { conv, row, col, plan, outs: conv.out_h() * conv.out_w() }
    }

    /// Elements of one output channel's kernel.
    const fn k(&self) -> usize {
        self.conv.group_in() * self.conv.taps()
    }

    /// Accumulators, transposed output gradients, offsets, and a strip's input, with vectors of `width` lanes.
    const fn scratch_parts(&self, width: usize) -> [usize; 4] {
        let channels = ceil_div(self.conv.group_out(), width).saturating_mul(width);
        let outs = self.plan.rows.saturating_mul(self.plan.cols);
        let offsets = product(&[self.plan.channels, self.conv.taps()]);
        [product(&[channels, self.k()]), product(&[channels, outs]), offsets, self.plan.patch_len()]
    }

    /// The output channels of `dw`, of which the first is channel `first` of all.
    #[inline(always)]
    fn part<S: Simd>(
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
        self.plan.offsets(&self.row, &self.col, offsets);
        let per_group = self.conv.group_out();
        let in_len = self.conv.group_in() * self.conv.h * self.conv.w;
        for (g, dw) in dw.chunks_mut(nonzero(per_group * self.k())).enumerate() {
            let channel = first + g * per_group;
            let channels = dw.len() / nonzero(self.k());
            load_chains::<S>(dw, self.k(), update, acc);
            for n in 0..self.conv.n {
                let group = n * self.conv.groups + channel / nonzero(per_group);
                let at = (n * self.conv.out_channels + channel) * self.outs;
                let x_at = |group: usize| x.get(group * in_len..(group + 1) * in_len);
                let dy_at = |at: usize| dy.get(at..at + channels * self.outs);
                let (Some(x), Some(dy)) = (x_at(group), dy_at(at)) else { return };
                let (x_next, dy_next) =
                    (x_at(group + self.conv.groups), dy_at(at + self.conv.out_channels * self.outs));
                let next = [x_next, dy_next].map(|data| Ahead::new(data, self.tiles_of_a_sample(S::LANES, channels)));
                self.sample(s, channels, [x, dy], next, offsets, acc, dyt, patch);
            }
            store_chains::<S>(acc, self.k(), dw);
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
        offsets: &[f32],
        acc: &mut [f32],
        dyt: &mut [f32],
        patch: &mut [f32],
    ) {
        let (in_plane, block, taps) = (self.conv.h * self.conv.w, self.plan.channels, self.conv.taps());
        for (r0, rows) in blocks(self.row.outs, self.plan.rows) {
            for (c0, cols) in blocks(self.col.outs, self.plan.cols) {
                let outs = Outs { rows, cols, pitch: self.plan.col_cover.len() };
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
                    // SAFETY: `offsets` are places in `patch`; `acc` and `dyt` hold a vector for each vector of channels
                    // and kernel element, or output.
                    unsafe {
                        self.tiles(s, channels, live * taps, outs, [offsets, patch, dyt], vector, acc, &mut next);
                    }
                }
            }
        }
    }

    fn tiles_of_a_sample(&self, lanes: usize, channels: usize) -> usize {
        let strips = ceil_div(self.row.outs, self.plan.rows) * ceil_div(self.col.outs, self.plan.cols);
        strips * ceil_div(self.k(), max_tile(lanes)) * ceil_div(channels, 2 * lanes)
    }

    /// All tiles of a strip: `count` kernel elements by `channels` output channels.
    ///
    /// # Safety
    /// The slices must hold what the tiles read.
    #[inline(always)]
    unsafe fn tiles<S: Simd>(
        &self,
        s: S,
        channels: usize,
        count: usize,
        outs: Outs,
        [offsets, patch, dyt]: [&[f32]; 3],
        dy_vector: usize,
        acc: &mut [f32],
        next: &mut [Ahead; 2],
    ) {
        let acc_vector = self.k() * S::LANES;
        let tile = balanced(count, max_tile(S::LANES));
        for (v, _) in blocks(ceil_div(channels, S::LANES), 2) {
            for (i, m) in blocks(count, tile) {
                let fetch = next.each_mut().map(
                    #[inline(always)]
                    |next| next.next(outs.rows * outs.cols),
                );
                // SAFETY: granted by the caller.
                unsafe {
                    let sources = [offsets.as_ptr().add(i), patch.as_ptr(), dyt.as_ptr().add(v * dy_vector)];
                    let acc = acc.as_mut_ptr().add(v * acc_vector + i * S::LANES);
                    if (v + 1) * S::LANES < channels {
                        weight_tile::<S, 2, false>(s, m, outs, sources, dy_vector, acc, acc_vector, fetch);
                    } else {
                        weight_tile::<S, 1, false>(s, m, outs, sources, dy_vector, acc, acc_vector, fetch);
                    }
                }
            }
        }
    }
}
