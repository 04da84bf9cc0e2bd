//! Disjoint pieces of the work region, borrowed all at once.

use super::slot::EXTERNAL;
use crate::error::{Error, Result};
use core::ops::Range;

/// The place of a tensor: offset and length.
pub(super) type Span = (usize, usize);

/// Nowhere.
pub(super) const NOTHING: Span = (EXTERNAL, 0);

/// The range of a tensor; empty (and disjoint from everything) for the caller's input.
#[inline(never)]
pub(super) fn range((offset, len): Span) -> Range<usize> {
    if offset == EXTERNAL || len == 0 { 0..0 } else { offset..offset.saturating_add(len) }
}

/// The most pieces that a pass wants at once.
pub(super) const MOST: usize = 8;

/// The pieces `spans` of `work`. The planner keeps apart what is alive together; if it did not, this is where it would
/// show, as an error and not as a wrong number.
#[inline(never)]
pub(super) fn pieces(work: &mut [f32], spans: [Span; MOST]) -> Result<[&mut [f32]; MOST]> {
    work.get_disjoint_mut(spans.map(range)).map_err(|_| Error::Overflow { what: "work" })
}

/// Weight and bias of a layer, which lie behind each other.
pub(super) fn tensors(all: &mut [f32], weight: Span, bias_len: usize) -> [&mut [f32]; 2] {
    let both = all.get_mut(range((weight.0, weight.1 + bias_len))).unwrap_or_default();
    let (weight, bias) = both.split_at_mut_checked(weight.1).unwrap_or_default();
    [weight, bias]
}
