//! What the passes of a layer need to know, and where they find their tensors.

use super::plan::View;
use super::slot::{EXTERNAL, Slot};
use super::work::range;
use crate::dropout::DropoutMask;
use crate::error::{Result, check_dim, check_len};
use crate::machine::Context;
use crate::rng::Stream;

/// One layer at work.
pub(super) struct Pass<'a> {
    pub(super) ctx: Context<'a>,
    /// Samples.
    pub(super) n: usize,
    pub(super) params: &'a [f32],
    pub(super) slot: &'a Slot,
    pub(super) i: usize,
}

impl<'a> Pass<'a> {
    pub(super) fn weight(&self) -> &'a [f32] {
        self.params.get(range((self.slot.weight, self.slot.weight_len))).unwrap_or(&[])
    }
    /// The scale of a normalization that has one.
    pub(super) fn scale(&self) -> Option<&'a [f32]> {
        Some(self.weight()).filter(|w| !w.is_empty())
    }
    pub(super) fn bias_slice(&self) -> &'a [f32] {
        self.params.get(range((self.slot.bias, self.slot.bias_len))).unwrap_or(&[])
    }
    pub(super) fn bias(&self) -> Option<&'a [f32]> {
        Some(self.bias_slice()).filter(|b| !b.is_empty())
    }
    pub(super) fn input_len(&self) -> usize {
        self.n * self.slot.input_len()
    }
    pub(super) fn output_len(&self) -> usize {
        self.n * self.slot.output_len()
    }
}

/// Dropout draws from the stream of its layer, this step, sample by sample.
#[derive(Clone, Copy)]
pub(super) struct Noise {
    pub(super) seed: u64,
    pub(super) step: u64,
    /// Position of the pass's first sample in its step.
    pub(super) first_sample: usize,
}

impl Noise {
    /// The mask of dropout layer `layer`. The streams lie above those of the initialization, one per layer.
    pub(super) fn mask(self, layer: usize, features: usize) -> DropoutMask {
        let stream = Stream { seed: self.seed, stream: 0x8000_0000 | layer as u32, step: self.step };
        DropoutMask { stream, first: self.first_sample as u64 * features as u64 }
    }
}

/// A place of the layer `from`'s: where it left its output, or its gradient.
pub(super) fn place(plan: View, from: usize, of: impl Fn(&Slot) -> usize) -> usize {
    plan.slots.get(from).map_or(EXTERNAL, of)
}

/// Both halves.
pub(super) fn halves(both: &[f32]) -> (&[f32], &[f32]) {
    both.split_at_checked(both.len() / 2).unwrap_or((both, &[]))
}

/// Both halves, to write.
pub(super) fn halves_mut(both: &mut [f32]) -> (&mut [f32], &mut [f32]) {
    let half = both.len() / 2;
    both.split_at_mut_checked(half).unwrap_or_default()
}

/// How many samples `x` holds.
pub(super) fn samples(plan: View, x: &[f32]) -> Result<usize> {
    let [c, h, w] = plan.input;
    let len = c * h * w;
    let n = x.len().checked_div(len).unwrap_or(0);
    check_len("x", n * len, x.len())?;
    check_dim(n <= plan.config.batch, "samples in x", "at most the plan's batch", n)?;
    Ok(n)
}
