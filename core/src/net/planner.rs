//! How a plan is made.
//!
//! Step `i` of a training step is the forward pass of layer `i`; then comes the loss (step `L`), then layer `i`'s
//! backward pass (step `2 L - i`). A layer's output lives until the last pass that reads it, its gradient from the pass
//! that writes it to its own layer's backward pass. relu and dropout work in place, flatten moves nothing, the first
//! layer with parameters computes no input gradient.

use super::error::Problem;
use super::infer::{infer_at, product};
use super::layer::{Kind, Layer};
use super::place::Lifetimes;
use super::plan::{Config, Plan};
use super::slot::{EXTERNAL, Slot, conv_shape, dense_shape};
use super::{MAX_LAYERS, Net};
use crate::conv::{conv2d_backward_input_scratch_len, conv2d_backward_weight_scratch_len, conv2d_scratch_len};
use crate::dense::dense_scratch_len;

/// A number for each thing that [`Lifetimes`] places; `NONE` where there is none.
const NONE: usize = usize::MAX;

/// The layer to blame, and what is wrong.
type Failure = (usize, Problem);

/// Makes a [`Plan`].
pub(super) struct Planner<'n> {
    net: &'n Net<'n>,
    config: Config,
    slots: [Slot; MAX_LAYERS],
    params: usize,
    running: usize,
    first: usize,
    train: Lifetimes<{ 5 * MAX_LAYERS }>,
    infer: Lifetimes<{ 2 * MAX_LAYERS }>,
}

impl<'n> Planner<'n> {
    pub(super) const fn new(net: &'n Net<'n>, config: Config) -> Self {
        let (train, infer) = (Lifetimes::new(), Lifetimes::new());
        Self { net, config, slots: [Slot::EMPTY; MAX_LAYERS], params: 0, running: 0, first: NONE, train, infer }
    }

    /// Shapes, lifetimes, places.
    pub(super) const fn plan(mut self) -> Result<Plan, Failure> {
        let layers = self.net.layers.len();
        if let Err(e) = self.parameters() {
            return Err(e);
        }
        // Numbers of the tensors and scratch areas, per layer, until they have been placed.
        let mut ids = [[NONE; 7]; MAX_LAYERS];
        let mut i = 0;
        while i < layers {
            match self.lifetimes(i) {
                Ok(of_layer) => ids[i] = of_layer,
                Err(problem) => return Err((i, problem)),
            }
            i += 1;
        }
        let (Some(train_work), Some(infer_work)) = (self.train.place(), self.infer.place()) else {
            return Err((0, Problem::Overflow));
        };
        i = 0;
        while i < layers {
            self.slots[i] = self.resolve(i, ids[i]);
            i += 1;
        }
        let step = self.train.peak_step(2 * layers + 1);
        let peak = if step < layers {
            step
        } else if step == layers {
            layers - 1
        } else {
            2 * layers - step
        };
        let plan = Plan {
            config: self.config,
            layers,
            slots: self.slots,
            first: self.first,
            params: self.params,
            running: self.running,
            train_work,
            infer_work,
            peak: (peak, self.net.layers[peak].kind_name()),
        };
        match Self::total(&plan) {
            Some(_) => Ok(plan),
            None => Err((peak, Problem::Overflow)),
        }
    }

    /// The arena's bytes, if they do not overflow.
    const fn total(plan: &Plan) -> Option<usize> {
        let copies = match plan.config.optimizer.slots().checked_add(2) {
            Some(n) => plan.params.checked_mul(n),
            None => None,
        };
        let Some(copies) = copies else { return None };
        let Some(weights) = copies.checked_add(plan.running) else { return None };
        match weights.checked_add(plan.work_len()) {
            Some(elements) => elements.checked_mul(size_of::<f32>()),
            None => None,
        }
    }

    /// Shapes, and the places of parameters and running averages.
    const fn parameters(&mut self) -> Result<(), Failure> {
        let (mut shape, mut i) = (self.net.input, 0);
        while i < self.net.layers.len() {
            let layer = &self.net.layers[i];
            let inferred = match infer_at(i, layer, shape) {
                Ok(inferred) => inferred,
                Err(e) => return Err((i, e.problem)),
            };
            let slot = &mut self.slots[i];
            (slot.input, slot.output) = (shape, inferred.output);
            (slot.weight_len, slot.bias_len) = (inferred.weight, inferred.bias);
            (slot.weight, slot.running) = (self.params, self.running);
            let Some(bias) = self.params.checked_add(inferred.weight) else { return Err((i, Problem::Overflow)) };
            slot.bias = bias;
            let Some(params) = bias.checked_add(inferred.bias) else { return Err((i, Problem::Overflow)) };
            self.params = params;
            if let Kind::BatchNorm { .. } = layer.kind {
                self.running += 2 * shape[0];
            }
            if inferred.weight > 0 && self.first == NONE {
                self.first = i;
            }
            shape = inferred.output;
            i += 1;
        }
        Ok(())
    }

    /// The number of elements of a tensor of `shape` for the whole batch, rounded up to the alignment.
    const fn batch_len(&self, shape: [usize; 3]) -> Result<usize, Problem> {
        match product(&[self.config.batch, shape[0], shape[1], shape[2]]) {
            Ok(len) => match len.checked_next_multiple_of(self.config.align) {
                Some(len) => Ok(len),
                None => Err(Problem::Overflow),
            },
            Err(e) => Err(e),
        }
    }

    /// Whether layer `i` works on its input's memory. The caller's input is never written.
    const fn in_place(&self, i: usize) -> bool {
        let mut j = i;
        while j > 0 && matches!(self.net.layers[j - 1].kind, Kind::Flatten) {
            j -= 1;
        }
        self.net.layers[i].in_place() && (j > 0 || matches!(self.net.layers[i].kind, Kind::Flatten))
    }

    /// The next layer after `i` that does not work in place: the one that reads the tensor made by `i`.
    const fn consumer(&self, i: usize) -> usize {
        let mut c = i + 1;
        while c < self.net.layers.len() && self.in_place(c) {
            c += 1;
        }
        c
    }

    /// Adds what layer `i` makes: `[y, y_infer, dy, saved, scratch forward, backward, infer]`.
    const fn lifetimes(&mut self, i: usize) -> Result<[usize; 7], Problem> {
        let (layers, layer, slot) = (self.net.layers.len(), self.net.layers[i], self.slots[i]);
        let backward = 2 * layers - i;
        let mut ids = [NONE; 7];
        if !self.in_place(i) {
            let len = match self.batch_len(slot.output) {
                Ok(len) => len,
                Err(e) => return Err(e),
            };
            let c = self.consumer(i);
            // The last pass that reads it: a relu's backward pass (which runs after the consumer's), the consumer's
            // backward pass, or the loss.
            let (mut last, mut j) = (c, i + 1);
            while j < c {
                if matches!(self.net.layers[j].kind, Kind::Relu) {
                    last = j;
                    break;
                }
                j += 1;
            }
            let until = if last < layers { 2 * layers - last } else { layers };
            ids[0] = self.train.add(i, until, len);
            ids[1] = self.infer.add(i, c, len);
            if self.first != NONE && i >= self.first {
                let from = if c < layers { 2 * layers - c } else { layers };
                ids[2] = self.train.add(from, backward, len);
            }
        }
        if let Kind::BatchNorm { .. } = layer.kind {
            ids[3] = self.train.add(i, backward, 2 * slot.input[0]);
        }
        let (forward_len, backward_len) = match self.scratch(i, &layer) {
            Ok(lens) => lens,
            Err(e) => return Err(e),
        };
        self.slots[i].scratch_forward_len = forward_len;
        self.slots[i].scratch_backward_len = backward_len;
        ids[4] = self.train.add(i, i, forward_len);
        ids[5] = self.train.add(backward, backward, backward_len);
        ids[6] = self.infer.add(i, i, forward_len);
        Ok(ids)
    }

    /// Scratch of the forward and of the backward passes, for all threads.
    const fn scratch(&self, i: usize, layer: &Layer) -> Result<(usize, usize), Problem> {
        let (n, slot) = (self.config.batch, &self.slots[i]);
        let (forward, backward) = match layer.kind {
            Kind::Conv2d { .. } => {
                let shape = conv_shape(n, slot, &layer.kind);
                let (dx, dw) = (conv2d_backward_input_scratch_len(&shape), conv2d_backward_weight_scratch_len(&shape));
                let dx = if i == self.first { 0 } else { dx };
                (conv2d_scratch_len(&shape), if dx > dw { dx } else { dw })
            }
            Kind::Dense { .. } => {
                let len = dense_scratch_len(&dense_shape(n, slot));
                (len, len)
            }
            // Nobody asks for its input's gradient, but the kernel writes one.
            Kind::BatchNorm { .. } if i == self.first => match self.batch_len(slot.input) {
                Ok(len) => return Ok((0, len)),
                Err(e) => return Err(e),
            },
            _ => (0, 0),
        };
        match (product(&[forward, self.config.threads]), product(&[backward, self.config.threads])) {
            (Ok(f), Ok(b)) => Ok((f, b)),
            (Err(e), _) | (_, Err(e)) => Err(e),
        }
    }

    /// Offsets for the numbers; a layer in place has its input's tensor and gradient.
    const fn resolve(&self, i: usize, ids: [usize; 7]) -> Slot {
        let mut slot = self.slots[i];
        if self.in_place(i) {
            if i > 0 {
                let before = self.slots[i - 1];
                (slot.y, slot.y_infer, slot.dy) = (before.y, before.y_infer, before.dy);
            }
        } else {
            (slot.y, slot.y_infer) = (self.train.offset(ids[0]), self.infer.offset(ids[1]));
            slot.dy = if ids[2] == NONE { EXTERNAL } else { self.train.offset(ids[2]) };
        }
        slot.saved = if ids[3] == NONE { 0 } else { self.train.offset(ids[3]) };
        (slot.scratch_forward, slot.scratch_backward) = (self.train.offset(ids[4]), self.train.offset(ids[5]));
        slot.scratch_infer = self.infer.offset(ids[6]);
        slot
    }
}
