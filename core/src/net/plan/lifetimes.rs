//! Which tensors a layer brings along, how long each lives, and where it goes.
//!
//! A tensor lives until the last pass that reads it, its gradient from the first pass that writes to it to the backward
//! pass of the layer that made it. Who works in place shares its input's tensor and gradient; where nobody before it
//! learns, a layer computes no input gradient.
//!
//! Until all have places, a tensor's field in its [`Slot`](crate::net::Slot) holds its number in the list of lifetimes.

use super::arena::{Lifetimes, NONE};
use super::planner::{Failure, Planner};
use crate::error::Problem;
use crate::net::layers::{Cost, Gradient, Needs, product};

impl Planner<'_> {
    /// Places of everything that a training step needs, and how long its work region is.
    pub(super) const fn place_training(&mut self, tensors: &mut Lifetimes) -> Result<usize, Failure> {
        let mut i = 0;
        while i < self.graph.count {
            if let Err(problem) = self.training(i, tensors) {
                return Err((i, problem));
            }
            i += 1;
        }
        let Some(len) = tensors.place() else { return Err((0, Problem::Overflow)) };
        i = 0;
        while i < self.graph.count {
            let before = *self.graph.at(self.graph.at(i).from);
            let Some(slot) = self.graph.at_mut(i) else { break };
            (slot.y, slot.dy) = if slot.in_place {
                (before.y, before.dy) // of the caller's input: nowhere
            } else {
                (tensors.offset(slot.y), tensors.offset(slot.dy))
            };
            slot.dx_part = tensors.offset(slot.dx_part);
            slot.saved = tensors.offset(slot.saved);
            slot.scratch_forward = tensors.offset(slot.scratch_forward);
            slot.scratch_backward = tensors.offset(slot.scratch_backward);
            i += 1;
        }
        Ok(len)
    }

    /// The same for inference; comes second, for it needs to know the scratch.
    pub(super) const fn place_inference(&mut self, tensors: &mut Lifetimes) -> Result<usize, Failure> {
        let mut i = 0;
        while i < self.graph.count {
            if let Err(problem) = self.inference(i, tensors) {
                return Err((i, problem));
            }
            i += 1;
        }
        let Some(len) = tensors.place() else { return Err((0, Problem::Overflow)) };
        i = 0;
        while i < self.graph.count {
            let before = self.graph.at(self.graph.at(i).from).y_infer;
            let Some(slot) = self.graph.at_mut(i) else { break };
            slot.y_infer = if slot.in_place { before } else { tensors.offset(slot.y_infer) };
            slot.saved_infer = tensors.offset(slot.saved_infer);
            slot.scratch_infer = tensors.offset(slot.scratch_infer);
            i += 1;
        }
        Ok(len)
    }

    /// The number of elements of a tensor of `shape` for the whole batch.
    const fn batch_len(&self, shape: [usize; 3]) -> Result<usize, Problem> {
        product(&[self.config.batch, shape[0], shape[1], shape[2]])
    }

    /// Adds what layer `i` brings along in training.
    const fn training(&mut self, i: usize, tensors: &mut Lifetimes) -> Result<(), Problem> {
        let (batch, align, backward) = (self.config.batch, self.config.align, 2 * self.graph.count - i);
        let (life, part, lens) = (self.life(i), self.needs_part(i), self.scratch(i));
        let shapes = (self.batch_len(self.graph.at(i).output), self.batch_len(self.graph.at(i).input));
        let (output, input, forward_len, backward_len) = match (shapes, lens) {
            ((Ok(output), Ok(input)), Ok((forward, backward))) => (output, input, forward, backward),
            ((Err(e), _), _) | ((_, Err(e)), _) | (_, Err(e)) => return Err(e),
        };
        let Some(slot) = self.graph.at_mut(i) else { return Ok(()) };
        (slot.y, slot.dy, slot.dx_part) = (NONE, NONE, NONE);
        if !slot.in_place {
            slot.y = tensors.add(i, life.train, output, align);
            if life.dy != NONE {
                slot.dy = tensors.add(life.dy, backward, output, align);
            }
        }
        if part {
            slot.dx_part = tensors.add(backward, backward, input, align);
        }
        slot.saved = tensors.add(i, if slot.needs_grad { backward } else { i }, slot.saved_len(batch), align);
        (slot.scratch_forward_len, slot.scratch_backward_len) = (forward_len, backward_len);
        slot.scratch_forward = tensors.add(i, i, forward_len, align);
        slot.scratch_backward = tensors.add(backward, backward, backward_len, align);
        Ok(())
    }

    /// Adds what layer `i` brings along at test time.
    const fn inference(&mut self, i: usize, tensors: &mut Lifetimes) -> Result<(), Problem> {
        let (batch, align, life) = (self.config.batch, self.config.align, self.life(i));
        let output = match self.batch_len(self.graph.at(i).output) {
            Ok(len) => len,
            Err(e) => return Err(e),
        };
        let Some(slot) = self.graph.at_mut(i) else { return Ok(()) };
        slot.y_infer = if slot.in_place { NONE } else { tensors.add(i, life.infer, output, align) };
        let saved = if slot.per_sample { slot.saved_len(batch) } else { 0 }; // running averages serve the others
        slot.saved_infer = tensors.add(i, i, saved, align);
        slot.scratch_infer = tensors.add(i, i, slot.scratch_forward_len, align);
        Ok(())
    }

    /// How long the tensor lives that layer `root` makes.
    const fn life(&self, root: usize) -> Life {
        let (graph, layers) = (&self.graph, self.graph.count);
        let last = graph.root(layers.saturating_sub(1)) == root;
        let mut life = Life { train: root, infer: root, dy: NONE };
        // The last reader that leaves a gradient, and whether anyone wants it.
        let (mut writer, mut wanted, mut j) = (root, false, root);
        while j < layers {
            let (slot, own, reads) = (graph.at(j), graph.root(j) == root, graph.touches(j, root));
            if reads {
                life.train = max(life.train, j);
                life.infer = j;
            }
            let again = match slot.needs {
                Needs::Nothing => false,
                Needs::Input => reads,
                Needs::Sign | Needs::Output => own,
            };
            if again && slot.needs_grad {
                life.train = max(life.train, 2 * layers - j);
            }
            wanted |= own && slot.needs_grad;
            if reads && !own {
                writer = j;
            }
            j += 1;
        }
        if last {
            (life.train, life.infer) = (max(life.train, layers), layers);
        }
        if wanted {
            life.dy = if last { layers } else { 2 * layers - writer };
        }
        life
    }

    /// Whether the input gradient of layer `i` is computed beside its place: because it must be added to another, or
    /// because nobody wants it but the kernel writes one.
    const fn needs_part(&self, i: usize) -> bool {
        let slot = self.graph.at(i);
        match slot.dx {
            _ if slot.in_place || slot.kind.is_add() => false,
            Gradient::Write => false,
            Gradient::Add => true,
            Gradient::None => slot.kind.about().is_norm && slot.needs_grad,
        }
    }

    /// Scratch of the forward and of the backward passes, for all threads.
    const fn scratch(&self, i: usize) -> Result<(usize, usize), Problem> {
        let slot = self.graph.at(i);
        let Cost { forward, backward, .. } = slot.cost(self.config.batch);
        match (product(&[forward, self.config.threads]), product(&[backward, self.config.threads])) {
            (Ok(f), Ok(b)) => Ok((f, if slot.needs_grad { b } else { 0 })),
            (Err(e), _) | (_, Err(e)) => Err(e),
        }
    }
}

/// The last steps that read a tensor, and the first that writes its gradient ([`NONE`]: nobody wants it).
struct Life {
    train: usize,
    infer: usize,
    dy: usize,
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}
