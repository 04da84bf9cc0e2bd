//! Training: one arena, one call per step.

use super::arena::{Regions, initialize};
use super::observer::Observer;
use super::work::{NOTHING, check_linked, pieces, samples};
use super::{backward, forward, update};
use crate::error::{Result, check_at_least, check_dim};
use crate::loss::{LossReport, Target};
use crate::machine::Context;
use crate::net::layers::{EXTERNAL, Noise, Slot, Step, Training};
use crate::net::learn::{Loss, Optimizer};
use crate::net::linked::{Everything, Linked, Parts};
use crate::net::plan::{Plan, View};
use crate::update::Update;
use core::marker::PhantomData;

/// A network in training, in an arena of [`Plan::train_len`] elements.
///
/// The arena begins with the weights ([`Plan::weights_len`]), then come gradients, optimizer state and work memory.
/// What happens in a step depends on the seed, the step's number and the samples alone: not on the instruction set, the
/// threads, or how the batch was split.
pub struct Trainer<'a, L = Everything> {
    pub(super) ctx: Context<'a>,
    pub(super) plan: View<'a>,
    pub(super) arena: &'a mut [f32],
    pub(super) seed: u64,
    /// Steps made.
    steps: u32,
    /// Samples whose gradients have been accumulated since the last step.
    accumulated: usize,
    linked: PhantomData<L>,
}

impl<'a> Trainer<'a> {
    /// Takes over the arena and initializes it: weights and biases as PyTorch does (uniform within `1 / sqrt(fan_in)`)
    /// or as the layer's [`init`](crate::net::Layer::init) says, scales 1, shifts 0, running averages 0 and 1,
    /// optimizer state 0 (Adagrad's: its initial accumulator).
    ///
    /// # Errors
    ///
    /// [`Error::TooShort`](crate::Error::TooShort) if the arena is.
    ///
    /// # Numerics
    ///
    /// Layers are counted from 0 in the order in which they run; flatten layers and the additions of residual blocks
    /// count. Layer `i` draws its weight from the stream `2 i` of `seed` and its bias from the stream `2 i + 1`, both
    /// at step 0 ([`Stream`](crate::rng::Stream), [`fan_in_uniform`](crate::init::fan_in_uniform)).
    pub fn new(ctx: Context<'a>, plan: &'a Plan<impl AsRef<[Slot]>>, arena: &'a mut [f32], seed: u64) -> Result<Self> {
        Self::linked(ctx, plan, arena, seed)
    }
}

impl<'a, L: Linked> Trainer<'a, L> {
    /// [`Trainer::new`] in a program that contains no more than it needs ([`Linked`]).
    ///
    /// # Errors
    ///
    /// As [`Trainer::new`]; [`Error::NotLinked`](crate::Error::NotLinked) for a plan that needs more than `L` says.
    pub fn linked(
        ctx: Context<'a>,
        plan: &'a Plan<impl AsRef<[Slot]>>,
        arena: &'a mut [f32],
        seed: u64,
    ) -> Result<Self> {
        let plan = plan.view();
        check_linked::<L>(plan, true)?;
        check_at_least("arena", plan.train_len(), arena.len())?;
        let mut trainer = Self { ctx, plan, arena, seed, steps: 0, accumulated: 0, linked: PhantomData };
        initialize::<L>(plan, trainer.regions(), seed)?;
        Ok(trainer)
    }

    /// One training step on the samples `x` `[n, c, h, w]` with the target that the plan's [`Loss`] asks for, such as
    /// class indices `[n]`: forward, mean loss, backward, update. `n` may be less than the plan's batch.
    ///
    /// # Errors
    ///
    /// As [`Trainer::accumulate`] and [`Trainer::update`]; samples accumulated before are an error too.
    pub fn step<'t>(&mut self, optimizer: &Optimizer, x: &[f32], target: impl Into<Target<'t>>) -> Result<LossReport> {
        check_dim(self.accumulated == 0, "samples accumulated before a whole step", "0", self.accumulated)?;
        self.check_optimizer(optimizer)?;
        let n = samples(self.plan, x)?;
        let report = self.accumulate(x, target, n)?;
        self.update(optimizer)?;
        Ok(report)
    }

    /// Forward and backward for some of the samples of a step: their gradients are added to those since the last
    /// [`Trainer::update`]. `total` is the number of samples of the whole step, over which the loss is averaged.
    ///
    /// # Errors
    ///
    /// [`Error::Length`](crate::Error::Length) unless `x` is a whole number of samples, and the target fits it;
    /// [`Error::Dimension`](crate::Error::Dimension) if there are 0 samples, more than the plan's batch, or more than
    /// `total` with those before, if a batch normalization would have one value per channel, or for class indices where
    /// the loss asks for values; [`Error::Label`](crate::Error::Label) for a label that is no class;
    /// [`Error::Parameter`](crate::Error::Parameter) for a probability outside 0 to 1, or a parameter of the loss
    /// outside its range. Nothing has been written then.
    ///
    /// # Numerics
    ///
    /// Every layer computes what the function of its kind computes. The gradient of the loss takes the factor
    /// `1 / (total * terms)`, computed in `f32`, where `terms` is 1 for cross-entropy and the number of outputs for the
    /// other losses. The first call of a step overwrites the gradients of parameters, further ones accumulate.
    ///
    /// Dropout in layer `i` (counted as in [`Trainer::new`]) draws from the stream `2^31 + i` of the seed. The stream's
    /// step is the number of steps made before this one. Sample `s` of the step, counted over all calls, has the
    /// stream's elements from `s * features` on.
    ///
    /// Without batch normalization, the gradients of a step do not depend on how its samples are split into calls: bit
    /// for bit.
    pub fn accumulate<'t>(&mut self, x: &[f32], target: impl Into<Target<'t>>, total: usize) -> Result<LossReport> {
        self.accumulate_observed(x, target, total, ())
    }

    /// [`Trainer::accumulate`], and shows an observer the output of every layer and its gradient.
    ///
    /// # Errors
    ///
    /// As [`Trainer::accumulate`].
    ///
    /// # Numerics
    ///
    /// As [`Trainer::accumulate`]: an observer changes no bit.
    pub fn accumulate_observed<'t>(
        &mut self,
        x: &[f32],
        target: impl Into<Target<'t>>,
        total: usize,
        observer: impl Observer,
    ) -> Result<LossReport> {
        let target = target.into();
        let n = self.check_samples(x, target)?;
        check_dim(n > 0, "samples", "at least 1", n)?;
        let so_far = self.accumulated.saturating_add(n);
        check_dim(so_far <= total, "samples accumulated", "at most the step's total", so_far)?;
        self.check_norms(n)?;
        let noise = Noise { seed: self.seed, step: u64::from(self.steps), first_sample: self.accumulated };
        let update = if self.accumulated == 0 { Update::Overwrite } else { Update::Accumulate };
        let (ctx, plan) = (self.ctx, self.plan);
        let Regions { params, running, grads, work, .. } = self.regions();
        let training = Training { running: &mut *running, momentum: None, noise: Some(noise) };
        let observer = forward::train::<L, _>(ctx, plan, params, n, x, work, training, observer)?;
        let report = loss_backward::<L>(ctx, plan, target, total, x, work, n)?;
        backward::run::<L>(ctx, plan, params, x, (grads, work), Step { n, running, noise, update }, observer)?;
        self.accumulated = so_far;
        Ok(report)
    }

    /// Counts `n` samples of the step whose gradients are computed elsewhere, such as on another machine: they add
    /// nothing here, and dropout goes on as if they had been accumulated. Add their gradients to
    /// [`Trainer::gradients_mut`] before [`Trainer::update`].
    ///
    /// ```
    /// use flatgrad_core::net::{Config, Layer, Net, Optimizer, Plan, Trainer};
    /// use flatgrad_core::{Context, Isa};
    ///
    /// const NET: Net = Net::new([2, 1, 1], &[Layer::dropout(0.5), Layer::dense(2)]);
    /// let plan = Plan::try_new(&NET, Config::new(2, Optimizer::sgd(0.1)))?;
    /// let (x, labels) = ([1.0, 2.0, 3.0, 4.0], [0, 1]);
    /// // One trainer takes the first sample of a step, another one the second.
    /// let mut arenas = [(); 2].map(|()| vec![0.0; plan.train_len()]);
    /// let [first, second] = &mut arenas;
    /// let ctx = Context::serial(Isa::detect());
    /// let mut first = Trainer::new(ctx, &plan, first, 1)?;
    /// first.accumulate(&x[..2], &labels[..1], 2)?;
    /// first.skip(1);
    /// let mut second = Trainer::new(ctx, &plan, second, 1)?;
    /// second.skip(1);
    /// second.accumulate(&x[2..], &labels[1..], 2)?;
    /// let sum: Vec<f32> = first.gradients().iter().zip(second.gradients()).map(|(a, b)| a + b).collect();
    ///
    /// let mut arena = vec![0.0; plan.train_len()];
    /// let mut both = Trainer::new(ctx, &plan, &mut arena, 1)?;
    /// both.accumulate(&x, &labels, 2)?;
    /// assert_eq!(both.gradients(), sum);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn skip(&mut self, n: usize) {
        if n > 0 && self.accumulated == 0 {
            self.regions().grads.fill(0.0);
        }
        self.accumulated = self.accumulated.saturating_add(n);
    }

    /// Changes the weights by the accumulated gradients, in one pass over parameters, gradients and state. It is step
    /// [`steps`](Trainer::steps)` + 1` of the optimizer.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`](crate::Error::Dimension) if nothing was accumulated or the optimizer needs more state than
    /// the plan has room for, [`Error::Parameter`](crate::Error::Parameter) for a hyper-parameter outside its range.
    /// The weights are unchanged then.
    pub fn update(&mut self, optimizer: &Optimizer) -> Result {
        check_dim(self.accumulated > 0, "samples accumulated", "at least 1", self.accumulated)?;
        self.check_optimizer(optimizer)?;
        let (ctx, plan, step) = (self.ctx, self.plan, self.steps.saturating_add(1));
        let Regions { params, grads, state, .. } = self.regions();
        update::step::<L>(ctx, plan, optimizer, step, params, grads, state)?;
        (self.steps, self.accumulated) = (step, 0);
        Ok(())
    }

    /// Estimates batch normalization's running averages anew, from the weights as they are now: call it with batches of
    /// training samples `x` `[n, c, h, w]`, numbered from 1; after `batch` of them the averages are the plain means
    /// over all of them. Weights, gradients and optimizer state stay as they are.
    ///
    /// The averages that training keeps lag behind the weights and weigh the last few batches only; these do not, and a
    /// network evaluated early in training profits (Wu and Johnson, "Rethinking 'Batch' in BatchNorm", 2021, call it
    /// precise batch norm).
    ///
    /// # Errors
    ///
    /// As [`Trainer::accumulate`] for the samples; [`Error::Dimension`](crate::Error::Dimension) if `batch` is 0.
    ///
    /// # Numerics
    ///
    /// A training pass with the momentum `1 / batch`, in which dropout does what it does at test time.
    pub fn calibrate(&mut self, x: &[f32], batch: u32) -> Result {
        let (ctx, plan) = (self.ctx, self.plan);
        let n = samples(plan, x)?;
        check_dim(n > 0, "samples", "at least 1", n)?;
        check_dim(batch > 0, "batch", "counted from 1", batch as usize)?;
        self.check_norms(n)?;
        let Regions { params, running, work, .. } = self.regions();
        let training = Training { running, momentum: Some(1.0 / batch as f32), noise: None };
        forward::train::<L, _>(ctx, plan, params, n, x, work, training, ())
    }

    /// Outputs `[n, outputs]` of the samples `x` `[n, c, h, w]`, as at test time.
    ///
    /// # Errors
    ///
    /// As [`infer`](super::infer).
    pub fn infer<'s>(&'s mut self, x: &'s [f32]) -> Result<&'s [f32]> {
        let (weights, rest) = self.arena.split_at_mut_checked(self.plan.weights_len()).unwrap_or_default();
        let between = self.plan.trained * (1 + self.plan.config.optimizer.slots());
        let work = rest.get_mut(between..).unwrap_or_default();
        forward::run::<L>(self.ctx, self.plan, weights, x, work)
    }

    /// Loss and number of correct answers on the samples `x`, as at test time; nothing is learnt.
    ///
    /// # Errors
    ///
    /// As [`infer`](super::infer) for the samples, as [`Trainer::accumulate`] for the target.
    pub fn evaluate<'t>(&mut self, x: &[f32], target: impl Into<Target<'t>>) -> Result<LossReport> {
        let target = target.into();
        let n = self.check_samples(x, target)?;
        let (ctx, loss, outputs) = (self.ctx, self.plan.config.loss, self.plan.outputs);
        loss.run::<L>(ctx, [n, outputs], self.infer(x)?, target, None, &mut [])
    }

    /// Steps made so far.
    pub const fn steps(&self) -> u32 {
        self.steps
    }

    /// Goes on as if so many steps had been made; samples accumulated for the next one are forgotten.
    pub const fn set_steps(&mut self, steps: u32) {
        self.steps = steps;
        self.accumulated = 0;
    }

    /// The memory plan.
    pub fn plan(&self) -> Plan<&'a [Slot]> {
        self.plan.plan()
    }

    fn check_samples(&self, x: &[f32], target: Target) -> Result<usize> {
        let n = samples(self.plan, x)?;
        self.plan.config.loss.check::<L>(n, self.plan.outputs, target)?;
        Ok(n)
    }

    /// One value per channel has no variance; the kernel would say so too, but only after layers before it have run.
    fn check_norms(&self, n: usize) -> Result {
        let single = L::PARTS.has(Parts::BATCH_NORM)
            && self.plan.slots.iter().any(|slot| {
                let [_, h, w] = slot.input;
                slot.kind.about().has_averages && !slot.options.frozen && n * h * w == 1
            });
        check_dim(!single, "samples for batch normalization of features", "at least 2", n)
    }

    /// Before anything is written: batch norm's running averages change in the forward pass already.
    fn check_optimizer(&self, optimizer: &Optimizer) -> Result {
        let room = self.plan.config.optimizer.slots();
        let requires = "at most what the plan has room for";
        check_dim(optimizer.slots() <= room, "optimizer state", requires, optimizer.slots())?;
        optimizer.check_linked::<L>()?;
        if !L::PARTS.has(Parts::RATES) {
            return Ok(());
        }
        // With their factors, rates may overflow.
        let learning = self.plan.slots.iter().filter(|slot| slot.learns());
        learning.map(|slot| slot.options).try_for_each(|o| optimizer.scaled(o.lr, o.decay).check_linked::<L>())
    }

    pub(super) fn regions(&mut self) -> Regions<'_> {
        Regions::of(self.plan, self.arena)
    }
}

/// The loss of `n` of `total` samples, and its gradient where the last layer's backward pass looks for it.
fn loss_backward<L: Linked>(
    ctx: Context,
    plan: View,
    target: Target,
    total: usize,
    x: &[f32],
    work: &mut [f32],
    n: usize,
) -> Result<LossReport> {
    let (loss, shape): (Loss, _) = (plan.config.loss, [n, plan.outputs]);
    let Some(last) = plan.slots.last() else { return Ok(LossReport::default()) };
    let len = n * last.output_len();
    let [y, dy, ..] =
        pieces(work, [(last.y, len), (last.dy, len), NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING])?;
    let outputs = if last.y == EXTERNAL { x } else { &*y };
    let learns = !dy.is_empty();
    loss.run::<L>(ctx, shape, outputs, target, learns.then_some(total), dy)
}
