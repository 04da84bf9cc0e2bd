//! Who works in place, whose gradient is wanted, which gradients are added: what follows from the graph alone.

use super::graph::Graph;
use crate::net::layers::{EXTERNAL, Gradient, Needs};

impl Graph<'_> {
    /// Fills in everything about the passes that does not need sizes.
    pub(super) const fn wire(&mut self) {
        self.places();
        self.gradients();
    }

    /// Decides who works in place. A layer may overwrite its input if nobody else reads that, and if no backward pass
    /// of those who have worked on the same memory needs what it would overwrite.
    const fn places(&mut self) {
        let mut i = 0;
        while i < self.count {
            let slot = self.at(i);
            let (about, learns) = (slot.kind.about(), slot.learns());
            let value = self.value(slot.from);
            let in_place = if about.is_flatten {
                true
            } else if !about.in_place || value == EXTERNAL {
                false
            } else {
                let readers = self.readers_after(value, value);
                let kept = self.kept(value);
                let spares = match kept {
                    Needs::Nothing | Needs::Input => true,
                    Needs::Sign => about.keeps_signs,
                    Needs::Output => false,
                };
                readers == 1 && spares
            };
            if let Some(slot) = self.at_mut(i) {
                slot.in_place = in_place;
                slot.needs = if learns { about.needs } else { about.needs_frozen };
            }
            if self.is_fused_relu(i, value) {
                self.fuse(i);
                self.fuse(value);
            }
            i += 1;
        }
    }

    const fn fuse(&mut self, i: usize) {
        if let Some(slot) = self.at_mut(i) {
            slot.fused = true;
        }
    }

    /// What the backward passes of all who wrote the memory of `value` need of it as it is now.
    const fn kept(&self, mut value: usize) -> Needs {
        loop {
            let slot = self.at(value);
            match slot.needs {
                Needs::Output => return Needs::Output,
                Needs::Sign => return Needs::Sign,
                _ => {}
            }
            if !slot.in_place {
                return Needs::Nothing;
            }
            value = self.value(slot.from);
        }
    }

    /// Whether `i` is a relu that the linear layer before it can apply to its results.
    const fn is_fused_relu(&self, i: usize, value: usize) -> bool {
        let slot = self.at(i);
        slot.in_place && slot.kind.about().is_relu && value == slot.from && self.at(value).kind.about().can_fuse
    }

    /// Decides whose output's gradient is wanted, and which input gradients are written and which added. Backward
    /// passes run from the last layer to the first, so of the readers of one tensor the last one writes.
    const fn gradients(&mut self) {
        let mut i = 0;
        while i < self.count {
            let (from, other) = (self.at(i).from, self.at(i).other);
            let wanted = self.at(i).learns() || self.wants(from) || self.wants(other);
            let (dx, dx_other) = (self.gradient(i, from), self.gradient(i, other));
            if let Some(slot) = self.at_mut(i) {
                (slot.needs_grad, slot.dx, slot.dx_other) = (wanted, dx, dx_other);
            }
            i += 1;
        }
    }

    const fn wants(&self, from: usize) -> bool {
        from != EXTERNAL && self.at(from).needs_grad
    }

    const fn gradient(&self, i: usize, from: usize) -> Gradient {
        if !self.wants(from) {
            Gradient::None
        } else if self.readers_after(i, self.value(from)) > 0 {
            Gradient::Add
        } else {
            Gradient::Write
        }
    }

    /// The layer whose memory layer `i` works on: itself, or the first of those in place before it; [`EXTERNAL`] for
    /// the caller's input.
    pub(super) const fn root(&self, mut i: usize) -> usize {
        while i != EXTERNAL && self.at(i).in_place {
            i = self.at(i).from;
        }
        i
    }

    /// Whether layer `i` reads the memory of `root`.
    pub(super) const fn touches(&self, i: usize, root: usize) -> bool {
        let slot = self.at(i);
        self.root(slot.from) == root || (slot.kind.is_add() && self.root(slot.other) == root)
    }
}
