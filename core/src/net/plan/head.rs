//! What a plan says of all layers together.

use super::config::Config;
use crate::net::layers::Slot;
use crate::net::linked::Parts;

/// All of a plan but its layers.
#[derive(Clone, Copy)]
pub(in crate::net) struct Head {
    pub(in crate::net) config: Config,
    pub(in crate::net) input: [usize; 3],
    pub(in crate::net) outputs: usize,
    pub(in crate::net) layers: usize,
    pub(in crate::net) params: usize,
    /// Those that are not frozen.
    pub(in crate::net) trained: usize,
    pub(in crate::net) running: usize,
    pub(in crate::net) train_work: usize,
    pub(in crate::net) infer_work: usize,
    /// What training needs of a program, beside what the layers need.
    pub(in crate::net) training: Parts,
    /// The layer at work when most of the work region is in use.
    pub(in crate::net) peak: (usize, &'static str),
}

/// A plan, whatever holds its layers, as the passes see it.
#[derive(Clone, Copy)]
pub(in crate::net) struct View<'a> {
    pub(super) head: &'a Head,
    pub(in crate::net) slots: &'a [Slot],
}

impl core::ops::Deref for View<'_> {
    type Target = Head;
    fn deref(&self) -> &Head {
        self.head
    }
}

impl Head {
    pub(in crate::net) const fn weights_len(&self) -> usize {
        self.params + self.running
    }
    pub(in crate::net) const fn train_len(&self) -> usize {
        self.weights_len() + self.trained * (1 + self.config.optimizer.slots()) + self.work_len()
    }
    /// A training arena serves evaluation too.
    pub(in crate::net) const fn work_len(&self) -> usize {
        if self.train_work > self.infer_work { self.train_work } else { self.infer_work }
    }
    /// The arena's bytes, if they do not overflow.
    pub(in crate::net) const fn checked_bytes(&self) -> Option<usize> {
        let copies = self.config.optimizer.slots() + 1;
        let Some(training) = self.trained.checked_mul(copies) else { return None };
        let Some(weights) = self.params.checked_add(self.running) else { return None };
        let Some(both) = weights.checked_add(training) else { return None };
        match both.checked_add(self.work_len()) {
            Some(elements) => elements.checked_mul(size_of::<f32>()),
            None => None,
        }
    }
}
