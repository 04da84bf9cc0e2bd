//! Disjoint pieces of the work region, borrowed all at once.

use super::slot::EXTERNAL;
use crate::error::{Error, Result};
use core::ops::Range;

/// The range of a tensor; empty (and disjoint from everything) for the caller's input.
pub(super) fn span(offset: usize, len: usize) -> Range<usize> {
    if offset == EXTERNAL || len == 0 { 0..0 } else { offset..offset.saturating_add(len) }
}

/// The pieces `ranges` of `work`. The planner keeps apart what is alive together; if it did not, this is where it would
/// show, as an error and not as a wrong number.
pub(super) fn pieces<const N: usize>(work: &mut [f32], ranges: [Range<usize>; N]) -> Result<[&mut [f32]; N]> {
    work.get_disjoint_mut(ranges).map_err(|_| Error::Overflow { what: "work" })
}
