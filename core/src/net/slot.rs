//! One layer as the passes see it: what it computes, whose output it reads, where its things are.

use super::kind::Kind;
use super::layer::Options;
use super::linked::Parts;
use crate::conv::Conv2d;
use crate::dense::Dense;
use crate::norm::{BatchNorm, GroupNorm, LayerNorm, RmsNorm};
use crate::pool::{AvgPool2d, MaxPool2d};

/// Stands for "the caller's input" where a layer's index or an offset would be, and for "nowhere".
pub(super) const EXTERNAL: usize = usize::MAX;

/// One layer of a [`Plan`](super::Plan), with the places of its tensors; opaque: [`Plan::layers`](super::Plan::layers)
/// tells what is in it.
// Offsets into the region named.
#[derive(Clone, Copy)]
pub struct Slot {
    pub(super) kind: Kind,
    pub(super) options: Options,
    /// What a program needs to run it.
    pub(super) parts: Parts,
    /// The layer whose output this one reads, or [`EXTERNAL`].
    pub(super) from: usize,
    /// Of an addition: the layer at the end of the shortcut, or [`EXTERNAL`].
    pub(super) other: usize,
    /// `[c, h, w]`
    pub(super) input: [usize; 3],
    pub(super) output: [usize; 3],
    /// Into the parameters.
    pub(super) weight: usize,
    pub(super) weight_len: usize,
    pub(super) bias: usize,
    pub(super) bias_len: usize,
    /// Into the gradients (and optimizer state) of the parameters: weight, then bias; [`EXTERNAL`] if they are frozen.
    pub(super) grad: usize,
    /// Into the running averages: mean, then variance.
    pub(super) running: usize,
    /// Works on its input's memory.
    pub(super) in_place: bool,
    /// Applies the relu that follows it; on that relu, that this has been done.
    pub(super) fused: bool,
    /// The gradient of the output is wanted: this layer, or one before it, learns.
    pub(super) wanted: bool,
    /// The gradients of input and shortcut.
    pub(super) dx: Gradient,
    pub(super) dx_other: Gradient,
    /// Into the work region, or [`EXTERNAL`].
    pub(super) y: usize,
    pub(super) y_infer: usize,
    pub(super) dy: usize,
    /// Where an input gradient that must be added to another is computed first.
    pub(super) dx_part: usize,
    /// Statistics that a normalization keeps for its backward pass.
    pub(super) saved: usize,
    pub(super) saved_infer: usize,
    pub(super) scratch_forward: usize,
    pub(super) scratch_backward: usize,
    pub(super) scratch_infer: usize,
    /// All threads together.
    pub(super) scratch_forward_len: usize,
    pub(super) scratch_backward_len: usize,
}

/// What becomes of an input's gradient.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gradient {
    /// Nobody wants it.
    None,
    /// It is the first of its tensor in the backward pass, or the only one.
    Write,
    /// A later reader of the same tensor has left its part there.
    Add,
}

impl Slot {
    /// No layer yet, to be filled in: see [`Plan::try_new_in`](super::Plan::try_new_in).
    pub const EMPTY: Self = Self {
        kind: Kind::Flatten,
        options: Options::DEFAULT,
        parts: Parts::NONE,
        from: EXTERNAL,
        other: EXTERNAL,
        input: [0; 3],
        output: [0; 3],
        weight: 0,
        weight_len: 0,
        bias: 0,
        bias_len: 0,
        grad: EXTERNAL,
        running: 0,
        in_place: false,
        fused: false,
        wanted: false,
        dx: Gradient::None,
        dx_other: Gradient::None,
        y: EXTERNAL,
        y_infer: EXTERNAL,
        dy: EXTERNAL,
        dx_part: EXTERNAL,
        saved: EXTERNAL,
        saved_infer: EXTERNAL,
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
    /// Learnt parameters, frozen or not.
    pub(super) const fn parameters(&self) -> usize {
        self.weight_len + self.bias_len
    }
    /// Whether it has parameters that change in training.
    pub(super) const fn learns(&self) -> bool {
        self.parameters() > 0 && !self.options.frozen
    }

    /// Statistics that the forward pass keeps for the backward pass of `n` samples.
    pub(super) const fn saved_len(&self, n: usize) -> usize {
        match self.kind {
            // A frozen one normalizes by its running averages, as all do at test time.
            Kind::BatchNorm { .. } if self.options.frozen => 0,
            Kind::BatchNorm { .. } => 2 * self.input[0],
            // At most a half of the input, or it has been refused.
            Kind::GroupNorm { groups: Some(groups), .. } => 2 * n * groups,
            Kind::GroupNorm { groups: None, .. } => 2 * n * self.input[0],
            Kind::LayerNorm { .. } => 2usize.saturating_mul(n),
            Kind::RmsNorm { .. } => n,
            _ => 0,
        }
    }

    /// The convolution of `n` samples.
    pub(super) const fn conv(&self, n: usize) -> Conv2d {
        match self.kind {
            Kind::Conv2d { out_channels, kernel, stride, padding, dilation, groups, .. } => {
                let shape = Conv2d::new(n, self.input, out_channels, kernel);
                shape.stride(stride).padding(padding).dilation(dilation).groups(groups)
            }
            _ => Conv2d::new(0, self.input, 0, [1, 1]),
        }
    }

    /// The dense layer of `n` samples.
    pub(super) const fn dense(&self, n: usize) -> Dense {
        Dense { n, inputs: self.input[0], outputs: self.output[0] }
    }

    /// The batch normalization of `n` samples.
    pub(super) const fn batch_norm(&self, n: usize, eps: f32, momentum: f32) -> BatchNorm {
        let [c, h, w] = self.input;
        BatchNorm::new(n, c, h * w).eps(eps).momentum(momentum)
    }

    /// The group or instance normalization of `n` samples.
    pub(super) const fn group_norm(&self, n: usize, groups: Option<usize>, eps: f32) -> GroupNorm {
        let [c, h, w] = self.input;
        let shape = match groups {
            Some(groups) => GroupNorm::new(n, c, h * w, groups),
            None => GroupNorm::instance(n, c, h * w),
        };
        shape.eps(eps)
    }

    /// The layer normalization of `n` samples.
    pub(super) const fn layer_norm(&self, n: usize, eps: f32) -> LayerNorm {
        LayerNorm::new(n, self.input_len()).eps(eps)
    }

    /// The root mean square normalization of `n` samples.
    pub(super) const fn rms_norm(&self, n: usize, eps: f32) -> RmsNorm {
        RmsNorm::new(n, self.input_len()).eps(eps)
    }

    /// `[n, channels, spatial]` of the input.
    pub(super) const fn planes(&self, n: usize) -> [usize; 3] {
        let [c, h, w] = self.input;
        [n, c, h * w]
    }

    /// The average pooling of `n` samples.
    pub(super) const fn avg_pool(
        &self,
        n: usize,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        count_include_pad: bool,
    ) -> AvgPool2d {
        let shape = AvgPool2d::new(n, self.input, kernel).stride(stride).padding(padding);
        shape.count_include_pad(count_include_pad)
    }

    /// The maximum pooling of `n` samples.
    pub(super) const fn max_pool(
        &self,
        n: usize,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> MaxPool2d {
        MaxPool2d::new(n, self.input, kernel).stride(stride).padding(padding)
    }
}
