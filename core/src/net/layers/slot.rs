//! One layer as the passes see it: what it computes, whose output it reads, where its things are.

use crate::net::describe::{Kind, Options};
use crate::net::linked::Parts;

/// Stands for "the caller's input" where a layer's index or an offset would be, and for "nowhere".
pub(in crate::net) const EXTERNAL: usize = usize::MAX;

/// One layer of a [`Plan`](crate::net::Plan), with the places of its tensors; opaque:
/// [`Plan::layers`](crate::net::Plan::layers) tells what is in it.
// Offsets into the region named.
#[derive(Clone, Copy)]
pub struct Slot {
    pub(in crate::net) kind: Kind,
    pub(in crate::net) options: Options,
    /// What a program needs to run it.
    pub(in crate::net) parts: Parts,
    /// The layer whose output this one reads, or [`EXTERNAL`].
    pub(in crate::net) from: usize,
    /// Of an addition: the layer at the end of the shortcut, or [`EXTERNAL`].
    pub(in crate::net) other: usize,
    /// `[c, h, w]`
    pub(in crate::net) input: [usize; 3],
    pub(in crate::net) output: [usize; 3],
    /// Into the parameters.
    pub(in crate::net) weight: usize,
    pub(in crate::net) weight_len: usize,
    pub(in crate::net) bias_len: usize,
    /// Into the gradients (and optimizer state) of the parameters: weight, then bias; [`EXTERNAL`] if they are frozen.
    pub(in crate::net) grad: usize,
    /// Into the running averages: mean, then variance.
    pub(in crate::net) running: usize,
    /// Works on its input's memory.
    pub(in crate::net) in_place: bool,
    /// Applies the relu that follows it; on that relu, that this has been done.
    pub(in crate::net) fused: bool,
    /// The gradient of the output is wanted: this layer, or one before it, learns.
    pub(in crate::net) needs_grad: bool,
    /// The gradients of input and shortcut.
    pub(in crate::net) dx: Gradient,
    pub(in crate::net) dx_other: Gradient,
    /// Into the work region, or [`EXTERNAL`].
    pub(in crate::net) y: usize,
    pub(in crate::net) y_infer: usize,
    pub(in crate::net) dy: usize,
    /// Where an input gradient that must be added to another is computed first.
    pub(in crate::net) dx_part: usize,
    /// What its backward pass reads.
    pub(in crate::net) needs: Needs,
    /// Statistics that a normalization keeps for its backward pass: how many, and whether for each sample.
    pub(in crate::net) statistics: usize,
    pub(in crate::net) per_sample: bool,
    /// Where they are.
    pub(in crate::net) saved: usize,
    pub(in crate::net) saved_infer: usize,
    pub(in crate::net) scratch_forward: usize,
    pub(in crate::net) scratch_backward: usize,
    pub(in crate::net) scratch_infer: usize,
    /// All threads together.
    pub(in crate::net) scratch_forward_len: usize,
    pub(in crate::net) scratch_backward_len: usize,
}

/// What becomes of an input's gradient.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::net) enum Gradient {
    /// Nobody wants it.
    None,
    /// It is the first of its tensor in the backward pass, or the only one.
    Write,
    /// A later reader of the same tensor has left its part there.
    Add,
}

impl Slot {
    /// No layer yet, to be filled in: see [`Plan::try_new_in`](crate::net::Plan::try_new_in).
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
        bias_len: 0,
        grad: EXTERNAL,
        running: 0,
        in_place: false,
        fused: false,
        needs_grad: false,
        dx: Gradient::None,
        dx_other: Gradient::None,
        y: EXTERNAL,
        y_infer: EXTERNAL,
        dy: EXTERNAL,
        dx_part: EXTERNAL,
        needs: Needs::Nothing,
        statistics: 0,
        per_sample: false,
        saved: EXTERNAL,
        saved_infer: EXTERNAL,
        scratch_forward: 0,
        scratch_backward: 0,
        scratch_infer: 0,
        scratch_forward_len: 0,
        scratch_backward_len: 0,
    };

    pub(in crate::net) const fn input_len(&self) -> usize {
        self.input[0] * self.input[1] * self.input[2]
    }
    pub(in crate::net) const fn output_len(&self) -> usize {
        self.output[0] * self.output[1] * self.output[2]
    }
    /// Learnt parameters, frozen or not.
    pub(in crate::net) const fn parameters(&self) -> usize {
        self.weight_len + self.bias_len
    }
    /// Where its bias is: behind its weight.
    pub(in crate::net) const fn bias(&self) -> usize {
        self.weight + self.weight_len
    }
    /// Whether it has parameters that change in training.
    pub(in crate::net) const fn learns(&self) -> bool {
        self.parameters() > 0 && !self.options.frozen
    }

    /// Whether somebody wants the gradient of its input.
    pub(super) const fn wants_dx(&self) -> bool {
        !matches!(self.dx, Gradient::None)
    }

    /// Statistics that the forward pass keeps for the backward pass of `n` samples.
    pub(in crate::net) const fn saved_len(&self, n: usize) -> usize {
        if self.per_sample { self.statistics.saturating_mul(n) } else { self.statistics }
    }
}

/// What a layer's backward pass reads of its forward pass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::net) enum Needs {
    Nothing,
    Input,
    /// The output, but for no more than the sign of its elements.
    Sign,
    Output,
}
