//! Where the passes find their tensors: disjoint pieces of the work region, borrowed all at once.

use crate::error::{Error, Result, check_dim, check_len};
use crate::net::layers::{EXTERNAL, Slot, Span, range};
use crate::net::linked::{Linked, Parts};
use crate::net::plan::View;

/// Nowhere.
pub(super) const NOTHING: Span = (EXTERNAL, 0);

/// The most pieces that a pass wants at once.
const MOST: usize = 8;

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

/// A place of the layer `from`'s: where it left its output, or its gradient.
pub(super) fn place(plan: View, from: usize, of: impl Fn(&Slot) -> usize) -> usize {
    plan.slots.get(from).map_or(EXTERNAL, of)
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

/// Whether a plan runs in a program that contains `L`; to train, with the plan's loss and optimizer.
pub(super) fn check_linked<L: Linked>(plan: View, to_train: bool) -> Result {
    if L::PARTS == Parts::ALL {
        return Ok(());
    }
    if let Some(slot) = plan.slots.iter().find(|slot| !L::PARTS.has(slot.parts)) {
        return Err(Error::NotLinked { what: slot.kind.name() });
    }
    if to_train && !L::PARTS.has(plan.training) {
        Err(Error::NotLinked { what: "the optimizer or the loss" })
    } else {
        Ok(())
    }
}
