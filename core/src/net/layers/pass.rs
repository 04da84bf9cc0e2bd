//! What the passes of a layer are given.

use super::slot::{EXTERNAL, Slot};
use crate::activation::Fused;
use crate::dropout::DropoutMask;
use crate::error::{Error, Result};
use crate::machine::Context;
use crate::rng::Stream;
use crate::update::Update;
use core::ops::Range;

/// What a pass answers where code was left out. Plans that need it have been refused, with the layer's name.
pub(super) const NOT_LINKED: Result = Err(Error::NotLinked { what: "a layer" });

/// The place of a tensor: offset and length.
pub(in crate::net) type Span = (usize, usize);

/// The range of a tensor; empty (and disjoint from everything) for the caller's input. Not inlined: it is called once a
/// tensor, and takes more code than a call.
#[inline(never)]
pub(in crate::net) fn range((offset, len): Span) -> Range<usize> {
    if offset == EXTERNAL || len == 0 { 0..0 } else { offset..offset.saturating_add(len) }
}

/// The slices of one layer's forward pass; those it does not need are empty.
pub(in crate::net) struct Forward<'a> {
    pub x: &'a [f32],
    /// Of an addition: the shortcut's output.
    pub other: &'a [f32],
    pub y: &'a mut [f32],
    pub saved: &'a mut [f32],
    pub scratch: &'a mut [f32],
}

/// The slices of one layer's backward pass; those it does not need are empty.
pub(in crate::net) struct Backward<'a> {
    pub x: &'a [f32],
    pub y: &'a [f32],
    pub dy: &'a mut [f32],
    pub dx: &'a mut [f32],
    pub dw: &'a mut [f32],
    pub db: &'a mut [f32],
    pub saved: &'a [f32],
    pub scratch: &'a mut [f32],
}

/// What differs between the forward passes.
pub(in crate::net) enum Mode<'a> {
    /// Normalization by the running averages, no dropout.
    Infer { running: &'a [f32] },
    /// Normalization by the batch's own statistics, which the running averages follow.
    Train(Training<'a>),
}

/// How a forward pass in training differs from another.
pub(in crate::net) struct Training<'a> {
    pub running: &'a mut [f32],
    /// Weight of the new value in the running averages; the layer's own if there is none.
    pub momentum: Option<f32>,
    /// What dropout draws; if there is none, dropout does what it does at test time.
    pub noise: Option<Noise>,
}

impl Mode<'_> {
    pub(super) fn running(&self) -> &[f32] {
        match self {
            Self::Infer { running } => running,
            Self::Train(training) => training.running,
        }
    }
}

/// What a backward pass shares with the forward pass it belongs to.
#[derive(Clone, Copy)]
pub(in crate::net) struct Step<'a> {
    /// Samples.
    pub n: usize,
    /// Running averages, for layers that are frozen.
    pub running: &'a [f32],
    pub noise: Noise,
    /// Whether gradients are overwritten or accumulated.
    pub update: Update,
}

/// Nothing for parameters that do not learn, or that there are not.
pub(super) fn some(x: &mut [f32]) -> Option<&mut [f32]> {
    Some(x).filter(|x| !x.is_empty())
}

/// One layer at work.
pub(in crate::net) struct Pass<'a> {
    pub(in crate::net) ctx: Context<'a>,
    /// Samples.
    pub(in crate::net) n: usize,
    pub(in crate::net) params: &'a [f32],
    pub(in crate::net) slot: &'a Slot,
    pub(in crate::net) i: usize,
}

impl<'a> Pass<'a> {
    pub(in crate::net) fn weight(&self) -> &'a [f32] {
        self.params.get(range((self.slot.weight, self.slot.weight_len))).unwrap_or(&[])
    }
    /// The scale of a normalization that has one.
    pub(in crate::net) fn scale(&self) -> Option<&'a [f32]> {
        Some(self.weight()).filter(|w| !w.is_empty())
    }
    pub(in crate::net) fn bias_slice(&self) -> &'a [f32] {
        self.params.get(range((self.slot.bias(), self.slot.bias_len))).unwrap_or(&[])
    }
    pub(in crate::net) fn bias(&self) -> Option<&'a [f32]> {
        Some(self.bias_slice()).filter(|b| !b.is_empty())
    }
    /// `[n, channels, spatial]` of the input.
    pub(super) fn planes(&self) -> [usize; 3] {
        let [c, h, w] = self.slot.input;
        [self.n, c, h * w]
    }
    /// What is applied to the outputs on their way to memory.
    pub(super) fn fused(&self) -> Fused {
        if self.slot.fused { Fused::Relu } else { Fused::None }
    }
    pub(in crate::net) fn input_len(&self) -> usize {
        self.n * self.slot.input_len()
    }
    pub(in crate::net) fn output_len(&self) -> usize {
        self.n * self.slot.output_len()
    }
}

/// Dropout draws from the stream of its layer, this step, sample by sample.
#[derive(Clone, Copy)]
pub(in crate::net) struct Noise {
    pub(in crate::net) seed: u64,
    pub(in crate::net) step: u64,
    /// Position of the pass's first sample in its step.
    pub(in crate::net) first_sample: usize,
}

impl Noise {
    /// The mask of dropout layer `layer`. The streams lie above those of the initialization, one per layer.
    pub(in crate::net) fn mask(self, layer: usize, features: usize) -> DropoutMask {
        let stream = Stream { seed: self.seed, stream: 0x8000_0000 | layer as u32, step: self.step };
        DropoutMask { stream, first: self.first_sample as u64 * features as u64 }
    }
}

/// Both halves.
pub(in crate::net) fn halves(both: &[f32]) -> (&[f32], &[f32]) {
    both.split_at_checked(both.len() / 2).unwrap_or((both, &[]))
}

/// Both halves, to write.
pub(in crate::net) fn halves_mut(both: &mut [f32]) -> (&mut [f32], &mut [f32]) {
    let half = both.len() / 2;
    both.split_at_mut_checked(half).unwrap_or_default()
}
