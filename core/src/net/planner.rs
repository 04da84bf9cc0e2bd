//! How a plan is made.
//!
//! Step `i` of a training step is the forward pass of layer `i`; then comes the loss (step `L`), then layer `i`'s
//! backward pass (step `2 L - i`). A tensor lives until the last pass that reads it, its gradient from the first pass
//! that writes to it to the backward pass of the layer that made it. Who works in place shares its input's tensor and
//! gradient; where nobody before it learns, a layer computes no input gradient.

use super::error::Problem;
use super::graph::Graph;
use super::infer::product;
use super::kind::{Kind, Needs};
use super::place::{Lifetimes, NONE};
use super::plan::{Config, Head, Plan};
use super::slot::{EXTERNAL, Gradient};
use super::{MAX_LAYERS, Net};
use crate::conv::{conv2d_backward_input_scratch_len, conv2d_backward_weight_scratch_len, conv2d_scratch_len};
use crate::dense::dense_scratch_len;

/// The layer to blame, and what is wrong.
type Failure = (usize, Problem);

/// Makes a [`Plan`].
pub(super) struct Planner {
    config: Config,
    graph: Graph,
    params: usize,
    trained: usize,
    running: usize,
    train: Lifetimes<{ 6 * MAX_LAYERS }>,
    infer: Lifetimes<{ 3 * MAX_LAYERS }>,
}

/// The numbers of what a layer brings along, in the lists of lifetimes.
#[derive(Clone, Copy)]
struct Ids {
    y: usize,
    y_infer: usize,
    dy: usize,
    dx_part: usize,
    saved: [usize; 2],
    scratch: [usize; 3],
}

impl Ids {
    const NONE: Self = Self { y: NONE, y_infer: NONE, dy: NONE, dx_part: NONE, saved: [NONE; 2], scratch: [NONE; 3] };
}

impl Planner {
    pub(super) const fn new(graph: Graph, config: Config) -> Self {
        let (train, infer) = (Lifetimes::new(), Lifetimes::new());
        Self { config, graph, params: 0, trained: 0, running: 0, train, infer }
    }

    /// Wiring, lifetimes, places.
    pub(super) const fn plan(mut self, net: &Net) -> Result<Plan, Failure> {
        let layers = self.graph.count;
        let mut i = 0;
        while i < layers && i < self.config.train_from {
            self.graph.slots[i].options.frozen = true;
            i += 1;
        }
        self.graph.wire();
        if let Err(e) = self.parameters() {
            return Err(e);
        }
        let mut ids = [Ids::NONE; MAX_LAYERS];
        i = 0;
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
            self.resolve(i, ids[i]);
            i += 1;
        }
        let peak = self.layer_at(self.train.peak_step(2 * layers + 1));
        let head = Head {
            config: self.config,
            input: net.input(),
            outputs: net.outputs(),
            layers,
            params: self.params,
            trained: self.trained,
            running: self.running,
            train_work,
            infer_work,
            peak: (peak, self.graph.slots[peak].kind.name()),
        };
        match head.checked_bytes() {
            Some(_) => Ok(Plan { head, slots: self.graph.slots }),
            None => Err((peak, Problem::Overflow)),
        }
    }

    /// The layer at work in a step.
    const fn layer_at(&self, step: usize) -> usize {
        let layers = self.graph.count;
        if step < layers {
            step
        } else if step == layers {
            layers - 1
        } else {
            2 * layers - step
        }
    }

    /// The places of parameters, their gradients and running averages.
    const fn parameters(&mut self) -> Result<(), Failure> {
        let mut i = 0;
        while i < self.graph.count {
            let slot = &mut self.graph.slots[i];
            (slot.weight, slot.running) = (self.params, self.running);
            let Some(bias) = self.params.checked_add(slot.weight_len) else { return Err((i, Problem::Overflow)) };
            slot.bias = bias;
            let Some(params) = bias.checked_add(slot.bias_len) else { return Err((i, Problem::Overflow)) };
            self.params = params;
            if slot.learns() {
                slot.grad = self.trained;
                self.trained += slot.parameters();
            }
            if slot.kind.is_batch_norm() {
                self.running += 2 * slot.input[0];
            }
            i += 1;
        }
        Ok(())
    }

    /// The number of elements of a tensor of `shape` for the whole batch.
    const fn batch_len(&self, shape: [usize; 3]) -> Result<usize, Problem> {
        product(&[self.config.batch, shape[0], shape[1], shape[2]])
    }

    /// Adds what layer `i` brings along.
    const fn lifetimes(&mut self, i: usize) -> Result<Ids, Problem> {
        let (slot, align) = (self.graph.slots[i], self.config.align);
        let backward = 2 * self.graph.count - i;
        let mut ids = Ids::NONE;
        if !slot.in_place {
            let len = match self.batch_len(slot.output) {
                Ok(len) => len,
                Err(e) => return Err(e),
            };
            let life = self.life(i);
            ids.y = self.train.add(i, life.train, len, align);
            ids.y_infer = self.infer.add(i, life.infer, len, align);
            if life.dy != NONE {
                ids.dy = self.train.add(life.dy, backward, len, align);
            }
        }
        if self.needs_part(i) {
            match self.batch_len(slot.input) {
                Ok(len) => ids.dx_part = self.train.add(backward, backward, len, align),
                Err(e) => return Err(e),
            }
        }
        let saved = slot.saved_len(self.config.batch);
        let at_test_time = if slot.kind.is_batch_norm() { 0 } else { saved };
        ids.saved = [
            self.train.add(i, if slot.wanted { backward } else { i }, saved, align),
            self.infer.add(i, i, at_test_time, align),
        ];
        let (forward_len, backward_len) = match self.scratch(i) {
            Ok(lens) => lens,
            Err(e) => return Err(e),
        };
        self.graph.slots[i].scratch_forward_len = forward_len;
        self.graph.slots[i].scratch_backward_len = backward_len;
        ids.scratch = [
            self.train.add(i, i, forward_len, align),
            self.train.add(backward, backward, backward_len, align),
            self.infer.add(i, i, forward_len, align),
        ];
        Ok(ids)
    }

    /// How long the tensor lives that layer `root` makes.
    const fn life(&self, root: usize) -> Life {
        let (graph, layers) = (&self.graph, self.graph.count);
        let last = graph.root(layers - 1) == root;
        let mut life = Life { train: root, infer: root, dy: NONE };
        // The last reader that leaves a gradient, and whether anyone wants it.
        let (mut writer, mut wanted, mut j) = (root, false, root);
        while j < layers {
            let (slot, own, reads) = (&graph.slots[j], graph.root(j) == root, graph.touches(j, root));
            if reads {
                life.train = max(life.train, j);
                life.infer = j;
            }
            let needs = slot.kind.needs(slot.learns());
            let again = match needs {
                Needs::Nothing => false,
                Needs::Input => reads,
                Needs::Sign | Needs::Output => own,
            };
            if again && slot.wanted {
                life.train = max(life.train, 2 * layers - j);
            }
            wanted |= own && slot.wanted;
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
        let slot = &self.graph.slots[i];
        match slot.dx {
            _ if slot.in_place || matches!(slot.kind, Kind::Add) => false,
            Gradient::Write => false,
            Gradient::Add => true,
            Gradient::None => slot.kind.is_norm() && slot.wanted,
        }
    }

    /// Scratch of the forward and of the backward passes, for all threads.
    const fn scratch(&self, i: usize) -> Result<(usize, usize), Problem> {
        let (n, slot) = (self.config.batch, &self.graph.slots[i]);
        let (forward, backward) = match slot.kind {
            Kind::Conv2d { .. } => {
                let shape = slot.conv(n);
                let dx = if matches!(slot.dx, Gradient::None) { 0 } else { conv2d_backward_input_scratch_len(&shape) };
                let dw = if slot.learns() { conv2d_backward_weight_scratch_len(&shape) } else { 0 };
                (conv2d_scratch_len(&shape), max(dx, dw))
            }
            Kind::Dense { .. } => {
                let len = dense_scratch_len(&slot.dense(n));
                (len, len)
            }
            _ => (0, 0),
        };
        match (product(&[forward, self.config.threads]), product(&[backward, self.config.threads])) {
            (Ok(f), Ok(b)) => Ok((f, if slot.wanted { b } else { 0 })),
            (Err(e), _) | (_, Err(e)) => Err(e),
        }
    }

    /// Offsets for the numbers; a layer in place has its input's tensor and gradient.
    const fn resolve(&mut self, i: usize, ids: Ids) {
        let from = self.graph.slots[i].from;
        let (y, y_infer, dy) = if !self.graph.slots[i].in_place {
            (self.train.offset(ids.y), self.infer.offset(ids.y_infer), self.train.offset(ids.dy))
        } else if from == EXTERNAL {
            (EXTERNAL, EXTERNAL, EXTERNAL)
        } else {
            let before = &self.graph.slots[from];
            (before.y, before.y_infer, before.dy)
        };
        let slot = &mut self.graph.slots[i];
        (slot.y, slot.y_infer, slot.dy) = (y, y_infer, dy);
        slot.dx_part = self.train.offset(ids.dx_part);
        (slot.saved, slot.saved_infer) = (self.train.offset(ids.saved[0]), self.infer.offset(ids.saved[1]));
        slot.scratch_forward = self.train.offset(ids.scratch[0]);
        slot.scratch_backward = self.train.offset(ids.scratch[1]);
        slot.scratch_infer = self.infer.offset(ids.scratch[2]);
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
