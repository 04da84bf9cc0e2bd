//! The memory map: what lives where in the work region, and when. For tables and pictures; the passes do not need it.

use super::Plan;
use crate::net::layers::{EXTERNAL, Needs, Slot};

/// What the work region is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// One training step: of `L` layers, step `i` is the forward pass of layer `i`, step `L` the loss, and step
    /// `2 L - i` the backward pass of layer `i`.
    Training,
    /// One inference: step `i` is layer `i`, and in step `L` the caller reads the outputs.
    Inference,
}

/// What a region of the work memory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegionKind {
    /// The output of a layer, and of those that work on it in place.
    Output,
    /// The gradient of an output.
    Gradient,
    /// An input's gradient that is computed beside its place, to be added to another one or thrown away.
    Part,
    /// Statistics of a normalization.
    Statistics,
    /// Scratch of a kernel.
    Scratch,
}

/// A part of the work memory in use from one step to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Index of the layer it belongs to.
    pub layer: usize,
    /// What it holds.
    pub kind: RegionKind,
    /// Start in the work memory, in elements.
    pub offset: usize,
    /// Elements, rounded up to the plan's alignment.
    pub len: usize,
    /// The first step that uses it; see [`Phase`].
    pub first_step: usize,
    /// The last step that uses it.
    pub last_step: usize,
}

impl<S: AsRef<[Slot]>> Plan<S> {
    /// The regions of the work memory. Those in use in the same step do not overlap; the highest end is the length of
    /// the work memory of the phase.
    ///
    /// In a training arena, work memory begins after weights, gradients and optimizer state; for inference it is a
    /// slice of its own, of [`Plan::infer_work_len`].
    ///
    /// ```
    /// use flatgrad_core::net::{Config, Layer, Net, Optimizer, Phase, Plan, RegionKind};
    /// const NET: Net = Net::new([1, 4, 4], &[Layer::flatten(), Layer::dense(8), Layer::relu(), Layer::dense(2)]);
    /// const PLAN: Plan = Plan::new(&NET, Config::new(1, Optimizer::sgd(0.1)));
    /// let outputs = PLAN.regions(Phase::Training).filter(|r| r.kind == RegionKind::Output);
    /// let lives: Vec<_> = outputs.map(|r| (r.layer, r.len, r.first_step, r.last_step)).collect();
    /// // The hidden layer is read again by the backward pass of the relu, step 2 * 4 - 2;
    /// // the output by the loss, step 4.
    /// assert_eq!(lives, [(1, 8, 1, 6), (3, 2, 3, 4)]);
    /// ```
    pub fn regions(&self, phase: Phase) -> impl Iterator<Item = Region> + '_ {
        let of_layer = move |(i, slot)| match phase {
            Phase::Training => self.training_regions(i, slot),
            Phase::Inference => self.inference_regions(i, slot),
        };
        self.view().slots.iter().enumerate().flat_map(of_layer).flatten()
    }

    /// The last step: `2 L` in training, `L` in inference.
    pub const fn last_step(&self, phase: Phase) -> usize {
        match phase {
            Phase::Training => 2 * self.head.layers,
            Phase::Inference => self.head.layers,
        }
    }

    fn training_regions(&self, i: usize, slot: &Slot) -> [Option<Region>; 6] {
        let (backward, batch) = (self.last_step(Phase::Training) - i, self.head.config.batch);
        let region = |kind, offset, len, steps| self.region(i, kind, offset, len, steps);
        // Of tensors without a place the length does not matter, and nobody has checked it.
        let (inputs, outputs) = (batch.saturating_mul(slot.input_len()), batch.saturating_mul(slot.output_len()));
        let own = !slot.in_place;
        let (last, gradient) = self.lives(i);
        let saved_until = if slot.needs_grad { backward } else { i };
        [
            region(RegionKind::Output, slot.y, outputs, (i, last)).filter(|_| own),
            region(RegionKind::Gradient, slot.dy, outputs, (gradient.unwrap_or(backward), backward)).filter(|_| own),
            region(RegionKind::Part, slot.dx_part, inputs, (backward, backward)),
            region(RegionKind::Statistics, slot.saved, slot.saved_len(batch), (i, saved_until)),
            region(RegionKind::Scratch, slot.scratch_forward, slot.scratch_forward_len, (i, i)),
            region(RegionKind::Scratch, slot.scratch_backward, slot.scratch_backward_len, (backward, backward)),
        ]
    }

    fn inference_regions(&self, i: usize, slot: &Slot) -> [Option<Region>; 6] {
        let batch = self.head.config.batch;
        let region = |kind, offset, len, steps| self.region(i, kind, offset, len, steps);
        let readers = self.view().slots.iter().enumerate().filter(|(_, s)| self.reads(s, i)).map(|(j, _)| j);
        let last = if self.is_last(i) { self.head.layers } else { readers.fold(i, usize::max) };
        let outputs = region(RegionKind::Output, slot.y_infer, batch.saturating_mul(slot.output_len()), (i, last));
        let saved = region(RegionKind::Statistics, slot.saved_infer, slot.saved_len(batch), (i, i));
        let scratch = region(RegionKind::Scratch, slot.scratch_infer, slot.scratch_forward_len, (i, i));
        [outputs.filter(|_| !slot.in_place), saved, scratch, None, None, None]
    }

    /// `None` for what has no elements or no place.
    fn region(
        &self,
        layer: usize,
        kind: RegionKind,
        offset: usize,
        len: usize,
        (first_step, last_step): (usize, usize),
    ) -> Option<Region> {
        let len = len.checked_next_multiple_of(self.head.config.align)?;
        let region = Region { layer, kind, offset, len, first_step, last_step };
        Some(region).filter(|_| len > 0 && offset != EXTERNAL)
    }

    /// Of the tensor that layer `root` makes: the last step that reads it, and the first that writes its gradient.
    fn lives(&self, root: usize) -> (usize, Option<usize>) {
        let end = self.last_step(Phase::Training);
        let (mut last, mut writer, mut wanted) = (root, root, false);
        for (j, slot) in self.view().slots.iter().enumerate().skip(root) {
            let (own, reads) = (self.root(j) == root, self.reads(slot, root));
            if reads {
                last = last.max(j);
            }
            let again = match slot.needs {
                Needs::Nothing => false,
                Needs::Input => reads,
                Needs::Sign | Needs::Output => own,
            };
            if again && slot.needs_grad {
                last = last.max(end - j);
            }
            wanted |= own && slot.needs_grad;
            if reads && !own {
                writer = j;
            }
        }
        let is_last = self.is_last(root);
        let gradient = if is_last { self.head.layers } else { end - writer };
        (if is_last { last.max(self.head.layers) } else { last }, wanted.then_some(gradient))
    }

    /// The layer whose memory layer `i` works on; [`EXTERNAL`] for the caller's input.
    fn root(&self, mut i: usize) -> usize {
        while let Some(slot) = self.view().slots.get(i).filter(|slot| slot.in_place) {
            i = slot.from;
        }
        i
    }

    /// Whether a layer reads the memory of `root`.
    fn reads(&self, slot: &Slot, root: usize) -> bool {
        self.root(slot.from) == root || (slot.kind.is_add() && self.root(slot.other) == root)
    }

    /// Whether the network's outputs are in the memory of `root`.
    fn is_last(&self, root: usize) -> bool {
        self.root(self.head.layers.saturating_sub(1)) == root
    }
}

#[cfg(test)]
mod tests {
    use super::super::arena::{Draft, Lifetimes};
    use super::*;
    use crate::net::{Config, Layer, Net, Optimizer};

    const CONV: Layer = Layer::conv2d(4, 3).padding(1);
    const BODY: [Layer; 5] = [CONV, Layer::batch_norm(), Layer::relu(), CONV, Layer::group_norm(2)];
    const SAME: [Layer; 2] = [Layer::rms_norm(), Layer::sigmoid()];
    const SHORTCUT: [Layer; 1] = [Layer::conv2d(4, 1)];
    const BLOCKS: [Layer; 12] = [
        CONV,
        Layer::gelu(),
        Layer::residual(&BODY),
        Layer::relu(),
        Layer::residual_with(&BODY, &SHORTCUT),
        Layer::dropout(0.2),
        Layer::max_pool(2),
        Layer::flatten(),
        Layer::dense(7),
        Layer::layer_norm(),
        Layer::tanh(),
        Layer::dense(3),
    ];
    const NETS: [&[Layer]; 4] =
        [&BLOCKS, &[Layer::relu()], &[Layer::flatten(), Layer::dense(3)], &[Layer::residual(&SAME), Layer::gelu()]];

    fn each_plan(check: impl Fn(&Plan)) {
        for layers in NETS {
            let net = Net::try_new([2, 6, 6], layers).unwrap();
            for (batch, align, threads, train_from) in [(1, 1, 1, 0), (3, 16, 2, 0), (2, 4, 1, 4), (2, 1, 1, 100)] {
                let config = Config::new(batch, Optimizer::adam(0.1)).align(align).threads(threads);
                check(&Plan::try_new(&net, config.train_from(train_from)).unwrap());
            }
        }
    }

    #[test]
    fn what_is_in_use_together_does_not_overlap_and_ends_at_the_plans_length() {
        each_plan(|plan| {
            for (phase, len) in [(Phase::Training, plan.head.train_work), (Phase::Inference, plan.head.infer_work)] {
                assert_eq!(plan.regions(phase).map(|r| r.offset + r.len).max().unwrap_or(0), len);
                for step in 0..=plan.last_step(phase) {
                    let live = || plan.regions(phase).filter(move |r| (r.first_step..=r.last_step).contains(&step));
                    for (i, a) in live().enumerate() {
                        for b in live().skip(i + 1) {
                            assert!(a.offset + a.len <= b.offset || b.offset + b.len <= a.offset, "{a:?} {b:?}");
                        }
                    }
                }
            }
        });
    }

    /// Lifetimes are not in a plan: these here are the planner's if they lead to its places.
    #[test]
    fn placed_again_every_region_comes_to_the_same_place() {
        each_plan(|plan| {
            for (phase, len) in [(Phase::Training, plan.head.train_work), (Phase::Inference, plan.head.infer_work)] {
                let mut drafts = [Draft::EMPTY; super::super::MAX_LAYERS];
                let mut lifetimes = Lifetimes::new(&mut drafts);
                for region in plan.regions(phase) {
                    lifetimes.add(region.first_step, region.last_step, region.len, 1);
                }
                assert_eq!(lifetimes.place(), Some(len));
                for (id, region) in plan.regions(phase).enumerate() {
                    assert_eq!(lifetimes.offset(id), region.offset, "{region:?}");
                }
            }
        });
    }
}
