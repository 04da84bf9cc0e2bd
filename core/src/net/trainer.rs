//! Training: one arena, one call per step.

use super::Net;
use super::backward::{self, Step};
use super::forward::{self, Noise, Training};
use super::layer::Kind;
use super::optimizer::Optimizer;
use super::plan::Plan;
use super::work::span;
use crate::context::Context;
use crate::error::{Error, Result, check_at_least, check_dim, check_len};
use crate::init::fan_in_uniform;
use crate::loss::{LossReport, cross_entropy, cross_entropy_backward};
use crate::optim::{adam_step, sgd_step};
use crate::rng::Stream;
use crate::update::Update;

/// A network in training, in an arena of [`Plan::train_len`] elements.
///
/// The arena begins with the weights ([`Plan::weights_len`]), then come gradients, optimizer state and work memory.
/// What happens in a step depends on the seed, the step's number and the samples alone: not on the instruction set, the
/// threads, or how the batch was split.
pub struct Trainer<'a> {
    ctx: Context<'a>,
    net: Net<'a>,
    plan: &'a Plan,
    arena: &'a mut [f32],
    seed: u64,
    /// Steps made.
    steps: u32,
    /// Samples whose gradients have been accumulated since the last step.
    accumulated: usize,
}

/// The arena, cut in its regions.
struct Regions<'a> {
    params: &'a mut [f32],
    running: &'a mut [f32],
    grads: &'a mut [f32],
    state: &'a mut [f32],
    work: &'a mut [f32],
}

impl<'a> Trainer<'a> {
    /// Takes over the arena and initializes it: weights and biases as PyTorch does (uniform within `1 / sqrt(fan_in)`),
    /// scales 1, shifts 0, running averages 0 and 1, optimizer state 0.
    ///
    /// # Errors
    ///
    /// [`Error::Net`] if the plan was made for another network, [`Error::TooShort`] if the arena is.
    pub fn new(ctx: Context<'a>, net: Net<'a>, plan: &'a Plan, arena: &'a mut [f32], seed: u64) -> Result<Self> {
        forward::check_plan(&net, plan)?;
        check_at_least("arena", plan.train_len(), arena.len())?;
        let mut trainer = Self { ctx, net, plan, arena, seed, steps: 0, accumulated: 0 };
        trainer.initialize()?;
        Ok(trainer)
    }

    fn initialize(&mut self) -> Result {
        let (net, plan, seed) = (self.net, self.plan, self.seed);
        let regions = self.regions();
        regions.state.fill(0.0);
        let (running, params) = (regions.running, regions.params);
        for (i, (slot, layer)) in plan.slots().iter().zip(net.layers()).enumerate() {
            let [c, _, _] = slot.input;
            let fan_in = match layer.kind() {
                Kind::Conv2d { kernel: [kh, kw], groups, .. } => (c * kh * kw).checked_div(groups).unwrap_or(0),
                Kind::Dense { .. } => c,
                _ => 0,
            };
            let [weight, bias] =
                super::work::pieces(params, [span(slot.weight, slot.weight_len), span(slot.bias, slot.bias_len)])?;
            if let Kind::BatchNorm { .. } = layer.kind() {
                weight.fill(1.0);
                bias.fill(0.0);
                let averages = running.get_mut(span(slot.running, 2 * c)).unwrap_or_default();
                let (mean, var) = averages.split_at_mut_checked(c).unwrap_or_default();
                mean.fill(0.0);
                var.fill(1.0);
            } else if slot.weight_len > 0 {
                // Two streams a layer: the weights do not depend on whether there is a bias.
                fan_in_uniform(Stream { seed, stream: 2 * i as u32, step: 0 }, fan_in, weight)?;
                fan_in_uniform(Stream { seed, stream: 2 * i as u32 + 1, step: 0 }, fan_in, bias)?;
            }
        }
        Ok(())
    }

    /// One training step on the samples `x` `[n, c, h, w]` with class indices `labels` `[n]`: forward, mean
    /// cross-entropy, backward, update. `n` may be less than the plan's batch.
    ///
    /// # Errors
    ///
    /// As [`Trainer::accumulate`] and [`Trainer::update`]; samples accumulated before are an error too.
    pub fn step(&mut self, optimizer: &Optimizer, x: &[f32], labels: &[u32]) -> Result<LossReport> {
        check_dim(self.accumulated == 0, "samples accumulated before a whole step", "0", self.accumulated)?;
        self.check_optimizer(optimizer)?;
        let report = self.accumulate(x, labels, labels.len())?;
        self.update(optimizer)?;
        Ok(report)
    }

    /// Forward and backward for some of the samples of a step: their gradients are added to those since the last
    /// [`Trainer::update`]. `total` is the number of samples of the whole step, over which the loss is averaged.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] unless `x` is a whole number of samples, as many as labels; [`Error::Dimension`] if that is 0
    /// or more than the plan's batch, or if there would be more than `total`; [`Error::Label`] for a label that is no
    /// class. Nothing has been written then.
    ///
    /// # Numerics
    ///
    /// Without batch normalization, the gradients of a step do not depend on how its samples are split into calls: bit
    /// for bit.
    pub fn accumulate(&mut self, x: &[f32], labels: &[u32], total: usize) -> Result<LossReport> {
        let n = self.check_samples(x, labels)?;
        check_dim(n > 0, "samples", "at least 1", n)?;
        let so_far = self.accumulated.saturating_add(n);
        check_dim(so_far <= total, "samples accumulated", "at most the step's total", so_far)?;
        self.check_norms(n)?;
        let step = Step {
            n,
            noise: Noise { seed: self.seed, step: u64::from(self.steps), first_sample: self.accumulated },
            update: if self.accumulated == 0 { Update::Overwrite } else { Update::Accumulate },
        };
        let (ctx, net, plan) = (self.ctx, self.net, self.plan);
        let Regions { params, running, grads, work, .. } = self.regions();
        let training = Training { running, momentum: None, noise: Some(step.noise) };
        forward::train(ctx, &net, plan, params, x, work, training)?;
        let report = loss_backward(ctx, &net, plan, labels, 1.0 / total as f32, x, work, n)?;
        backward::run(ctx, &net, plan, params, x, (grads, work), step)?;
        self.accumulated = so_far;
        Ok(report)
    }

    /// Changes the weights by the accumulated gradients, in one pass over parameters, gradients and state.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`] if nothing was accumulated or the optimizer needs more state than the plan has room for,
    /// [`Error::Parameter`] for a hyper-parameter outside its range. The weights are unchanged then.
    pub fn update(&mut self, optimizer: &Optimizer) -> Result {
        check_dim(self.accumulated > 0, "samples accumulated", "at least 1", self.accumulated)?;
        self.check_optimizer(optimizer)?;
        let (ctx, step) = (self.ctx, self.steps.saturating_add(1));
        let Regions { params, grads, state, .. } = self.regions();
        match optimizer {
            Optimizer::Sgd(sgd) => {
                let len = params.len() * optimizer.slots();
                sgd_step(ctx, sgd, step, grads, params, state.get_mut(..len).unwrap_or_default())?;
            }
            Optimizer::Adam(adam) => {
                let (exp_avg, rest) = state.split_at_mut_checked(params.len()).unwrap_or_default();
                let exp_avg_sq = rest.get_mut(..params.len()).unwrap_or_default();
                adam_step(ctx, adam, step, grads, params, exp_avg, exp_avg_sq, &mut [])?;
            }
        }
        (self.steps, self.accumulated) = (step, 0);
        Ok(())
    }

    /// Estimates batch normalization's running averages anew, from the weights as they are now: call it with batches of
    /// training samples `x` `[n, c, h, w]`, numbered from 1; after `batch` of them the averages are the plain means over
    /// all of them. Weights, gradients and optimizer state stay as they are.
    ///
    /// The averages that training keeps lag behind the weights and weigh the last few batches only; these do not, and a
    /// network evaluated early in training profits (Wu and Johnson, "Rethinking 'Batch' in BatchNorm", 2021, call it
    /// precise batch norm).
    ///
    /// # Errors
    ///
    /// As [`Trainer::accumulate`] for the samples; [`Error::Dimension`] if `batch` is 0.
    ///
    /// # Numerics
    ///
    /// A training pass without dropout, with the momentum `1 / batch`.
    pub fn calibrate(&mut self, x: &[f32], batch: u32) -> Result {
        let (ctx, net, plan) = (self.ctx, self.net, self.plan);
        let n = forward::samples(&net, plan, x)?;
        check_dim(n > 0, "samples", "at least 1", n)?;
        check_dim(batch > 0, "batch", "counted from 1", batch as usize)?;
        self.check_norms(n)?;
        let Regions { params, running, work, .. } = self.regions();
        let training = Training { running, momentum: Some(1.0 / batch as f32), noise: None };
        forward::train(ctx, &net, plan, params, x, work, training)
    }

    /// Logits `[n, outputs]` of the samples `x` `[n, c, h, w]`, as at test time.
    ///
    /// # Errors
    ///
    /// As [`infer`](super::infer).
    pub fn infer<'s>(&'s mut self, x: &'s [f32]) -> Result<&'s [f32]> {
        let (weights, rest) = self.arena.split_at_mut_checked(self.plan.weights_len()).unwrap_or_default();
        let between = self.plan.parameters() * (1 + self.plan.config.optimizer.slots());
        let work = rest.get_mut(between..).unwrap_or_default();
        super::infer(self.ctx, &self.net, self.plan, weights, x, work)
    }

    /// Loss and number of correct answers on the samples `x`, as at test time; nothing is learnt.
    ///
    /// # Errors
    ///
    /// As [`infer`](super::infer); [`Error::Length`] and [`Error::Label`] for labels that do not fit.
    pub fn evaluate(&mut self, x: &[f32], labels: &[u32]) -> Result<LossReport> {
        let n = self.check_samples(x, labels)?;
        let (ctx, outputs) = (self.ctx, self.net.outputs());
        cross_entropy(ctx, [n, outputs], self.infer(x)?, labels)
    }

    /// Parameters and running averages; [`Plan::tensors`] says which is where.
    pub fn weights(&self) -> &[f32] {
        self.arena.get(..self.plan.weights_len()).unwrap_or(&[])
    }

    /// The same, to load trained weights.
    pub fn weights_mut(&mut self) -> &mut [f32] {
        self.arena.get_mut(..self.plan.weights_len()).unwrap_or_default()
    }

    /// The gradients accumulated last, in the order of the parameters.
    pub fn gradients(&self) -> &[f32] {
        let start = self.plan.weights_len();
        self.arena.get(start..start + self.plan.parameters()).unwrap_or(&[])
    }

    /// Steps made so far.
    pub const fn steps(&self) -> u32 {
        self.steps
    }

    /// The network.
    pub const fn net(&self) -> Net<'a> {
        self.net
    }

    /// The memory plan.
    pub const fn plan(&self) -> &'a Plan {
        self.plan
    }

    fn check_samples(&self, x: &[f32], labels: &[u32]) -> Result<usize> {
        let n = forward::samples(&self.net, self.plan, x)?;
        check_len("labels", n, labels.len())?;
        let classes = self.net.outputs();
        match labels.iter().enumerate().find(|(_, label)| **label as usize >= classes) {
            Some((index, &label)) => Err(Error::Label { index, label, classes }),
            None => Ok(n),
        }
    }

    /// One value per channel has no variance; the kernel would say so too, but only after layers before it have run.
    fn check_norms(&self, n: usize) -> Result {
        let mut layers = self.plan.slots().iter().zip(self.net.layers());
        let single = layers.any(|(slot, layer)| {
            let [_, h, w] = slot.input;
            matches!(layer.kind(), Kind::BatchNorm { .. }) && n * h * w == 1
        });
        check_dim(!single, "samples for batch normalization of features", "at least 2", n)
    }

    /// Before anything is written: batch norm's running averages change in the forward pass already.
    fn check_optimizer(&self, optimizer: &Optimizer) -> Result {
        let room = self.plan.config.optimizer.slots();
        let requires = "at most what the plan has room for";
        check_dim(optimizer.slots() <= room, "optimizer state", requires, optimizer.slots())?;
        match optimizer {
            Optimizer::Sgd(sgd) => sgd.check(),
            Optimizer::Adam(adam) => adam.check(),
        }
    }

    fn regions(&mut self) -> Regions<'_> {
        let plan = self.plan;
        let mut rest = &mut *self.arena;
        let params = cut(&mut rest, plan.parameters());
        let running = cut(&mut rest, plan.weights_len() - plan.parameters());
        let grads = cut(&mut rest, plan.parameters());
        let state = cut(&mut rest, plan.parameters() * plan.config.optimizer.slots());
        Regions { params, running, grads, state, work: rest }
    }
}

/// The loss, and its gradient where the last layer's backward pass looks for it.
fn loss_backward(
    ctx: Context,
    net: &Net,
    plan: &Plan,
    labels: &[u32],
    grad_scale: f32,
    x: &[f32],
    work: &mut [f32],
    n: usize,
) -> Result<LossReport> {
    let shape = [n, net.outputs()];
    let Some(last) = plan.slots().last() else { return cross_entropy(ctx, shape, &[], labels) };
    let len = n * last.output_len();
    let [y, dy] = super::work::pieces(work, [span(last.y, len), span(last.dy, len)])?;
    let logits = if last.y == super::slot::EXTERNAL { x } else { &*y };
    if dy.is_empty() {
        return cross_entropy(ctx, shape, logits, labels); // nothing to learn
    }
    cross_entropy_backward(ctx, shape, logits, labels, grad_scale, dy)
}

/// Takes the first `len` elements off `rest`.
fn cut<'s>(rest: &mut &'s mut [f32], len: usize) -> &'s mut [f32] {
    let (first, others) = core::mem::take(rest).split_at_mut_checked(len).unwrap_or_default();
    *rest = others;
    first
}
