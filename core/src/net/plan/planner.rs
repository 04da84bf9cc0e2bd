//! How a plan is made.
//!
//! Step `i` of a training step is the forward pass of layer `i`; then comes the loss (step `L`), then layer `i`'s
//! backward pass (step `2 L - i`). Which tensors live when, `lifetimes.rs` knows.

use super::arena::{Draft, Lifetimes};
use super::config::{Config, Decay};
use super::graph::Graph;
use super::head::Head;
use super::network::Net;
use crate::error::Problem;
use crate::init::Init;
use crate::net::layers::Slot;
use crate::net::linked::Parts;

/// The layer to blame, and what is wrong.
pub(super) type Failure = (usize, Problem);

/// Makes a [`Plan`](super::Plan).
pub(super) struct Planner<'a> {
    pub(super) config: Config,
    pub(super) graph: Graph<'a>,
    training: Parts,
    params: usize,
    trained: usize,
    running: usize,
}

impl<'a> Planner<'a> {
    pub(super) const fn new(graph: Graph<'a>, config: Config) -> Self {
        Self { config, graph, training: of_training(&config), params: 0, trained: 0, running: 0 }
    }

    /// Wiring, lifetimes, places.
    pub(super) const fn plan(&mut self, net: &Net, drafts: &mut [Draft]) -> Result<Head, Failure> {
        let layers = self.graph.count;
        let mut i = 0;
        while i < layers && i < self.config.train_from {
            if let Some(slot) = self.graph.at_mut(i) {
                slot.options.frozen = true;
            }
            i += 1;
        }
        self.graph.wire();
        if let Err(e) = self.parameters() {
            return Err(e);
        }
        let mut tensors = Lifetimes::new(drafts);
        let train_work = match self.place_training(&mut tensors) {
            Ok(len) => len,
            Err(e) => return Err(e),
        };
        let peak = self.layer_at(tensors.peak_step(2 * layers + 1));
        tensors.clear();
        let infer_work = match self.place_inference(&mut tensors) {
            Ok(len) => len,
            Err(e) => return Err(e),
        };
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
            training: self.training,
            peak: (peak, self.graph.at(peak).kind.name()),
        };
        match head.checked_bytes() {
            Some(_) => Ok(head),
            None => Err((peak, Problem::Overflow)),
        }
    }

    /// The layer at work in a step.
    const fn layer_at(&self, step: usize) -> usize {
        let layers = self.graph.count;
        if step < layers {
            step
        } else if step == layers {
            layers.saturating_sub(1)
        } else {
            2 * layers - step
        }
    }

    /// The places of parameters, their gradients and running averages, and what layers need of a program.
    const fn parameters(&mut self) -> Result<(), Failure> {
        let mut i = 0;
        while i < self.graph.count {
            let (params, trained, running) = (self.params, self.trained, self.running);
            let Some(slot) = self.graph.at_mut(i) else { break };
            let Some(bias) = params.checked_add(slot.weight_len) else { return Err((i, Problem::Overflow)) };
            let Some(end) = bias.checked_add(slot.bias_len) else { return Err((i, Problem::Overflow)) };
            (slot.weight, slot.running) = (params, running);
            if slot.learns() {
                slot.grad = trained;
                self.trained = trained + slot.parameters();
            }
            if slot.kind.about().has_averages {
                self.running = running + 2 * slot.input[0];
            }
            let cost = slot.cost(1);
            (slot.statistics, slot.per_sample) = (cost.statistics, cost.per_sample);
            slot.parts = slot.needs_code(self.config.batch).and(of_options(slot));
            self.training = self.training.and(of_rates(slot));
            self.params = end;
            i += 1;
        }
        Ok(())
    }
}

/// What training needs of a program beside the layers.
const fn of_training(config: &Config) -> Parts {
    let rates = if matches!(config.decay, Decay::Weights) { Parts::RATES } else { Parts::NONE };
    config.optimizer.needs_code().and(config.loss.needs_code()).and(rates)
}

/// What training needs for the layer's rates.
const fn of_rates(slot: &Slot) -> Parts {
    let frozen = slot.options.frozen && slot.parameters() > 0;
    if frozen || slot.options.lr != 1.0 || slot.options.decay != 1.0 { Parts::RATES } else { Parts::NONE }
}

/// What initializing and limiting the layer's weights needs.
const fn of_options(slot: &Slot) -> Parts {
    let init = if matches!(slot.options.init, Init::Default) { Parts::NONE } else { Parts::INIT };
    let limited = if slot.options.max_norm < f32::INFINITY { Parts::MAX_NORM } else { Parts::NONE };
    init.and(limited)
}
