//! Where one layer's things are, and the kernels' shapes that follow from it.

use super::layer::Kind;
use crate::conv::Conv2d;
use crate::dense::Dense;
use crate::norm::BatchNorm;
use crate::pool::MaxPool2d;

/// Stands for "the caller's input" where an offset would be.
pub(super) const EXTERNAL: usize = usize::MAX;

/// Where one layer's things are; offsets into the region named.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    /// `[c, h, w]`
    pub(super) input: [usize; 3],
    pub(super) output: [usize; 3],
    /// Into the parameters (and their gradients).
    pub(super) weight: usize,
    pub(super) weight_len: usize,
    pub(super) bias: usize,
    pub(super) bias_len: usize,
    /// Into the running averages: mean, then variance.
    pub(super) running: usize,
    /// Into the work region, or [`EXTERNAL`].
    pub(super) y: usize,
    pub(super) y_infer: usize,
    pub(super) dy: usize,
    /// Batch norm's saved mean and 1/deviation.
    pub(super) saved: usize,
    pub(super) scratch_forward: usize,
    pub(super) scratch_backward: usize,
    pub(super) scratch_infer: usize,
    /// All threads together.
    pub(super) scratch_forward_len: usize,
    pub(super) scratch_backward_len: usize,
}

impl Slot {
    pub(super) const EMPTY: Self = Self {
        input: [0; 3],
        output: [0; 3],
        weight: 0,
        weight_len: 0,
        bias: 0,
        bias_len: 0,
        running: 0,
        y: EXTERNAL,
        y_infer: EXTERNAL,
        dy: EXTERNAL,
        saved: 0,
        scratch_forward: 0,
        scratch_backward: 0,
        scratch_infer: 0,
        scratch_forward_len: 0,
        scratch_backward_len: 0,
    };

    pub(super) const fn input_len(&self) -> usize {
        self.input[0] * self.input[1] * self.input[2]
    }
    pub(super) const fn output_len(&self) -> usize {
        self.output[0] * self.output[1] * self.output[2]
    }
}

/// The convolution that a layer's slot describes, for `n` samples.
pub(super) const fn conv_shape(n: usize, slot: &Slot, kind: &Kind) -> Conv2d {
    match *kind {
        Kind::Conv2d { out_channels, kernel, stride, padding, dilation, groups, .. } => {
            let shape = Conv2d::new(n, slot.input, out_channels, kernel);
            shape.stride(stride).padding(padding).dilation(dilation).groups(groups)
        }
        _ => Conv2d::new(0, slot.input, 0, [1, 1]),
    }
}

/// The dense layer that a slot describes, for `n` samples.
pub(super) const fn dense_shape(n: usize, slot: &Slot) -> Dense {
    Dense { n, inputs: slot.input[0], outputs: slot.output[0] }
}

/// The normalization of a slot's input, for `n` samples.
pub(super) fn batch_norm_shape(n: usize, slot: &Slot, eps: f32, momentum: f32) -> BatchNorm {
    let [c, h, w] = slot.input;
    BatchNorm { eps, momentum, ..BatchNorm::new(n, c, h * w) }
}

/// The pooling of a slot's input, for `n` samples.
pub(super) fn pool_shape(n: usize, slot: &Slot, kernel: [usize; 2], stride: [usize; 2], pad: [usize; 2]) -> MaxPool2d {
    MaxPool2d::new(n, slot.input, kernel).stride(stride).padding(pad)
}
