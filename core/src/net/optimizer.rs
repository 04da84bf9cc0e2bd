//! Which optimizer trains a network.

use crate::context::Context;
use crate::error::Result;
use crate::optim::{Adam, Sgd, adam_step, sgd_step};

/// An optimizer with its hyper-parameters; they may change from step to step, the amount of state may not.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Optimizer {
    /// [`Sgd`]: no state, or one momentum buffer.
    Sgd(Sgd),
    /// [`Adam`]: two moments.
    Adam(Adam),
}

impl Optimizer {
    /// Plain gradient descent.
    pub const fn sgd(lr: f32) -> Self {
        Self::Sgd(Sgd { lr, ..Sgd::DEFAULT })
    }

    /// Gradient descent with momentum.
    pub const fn momentum(lr: f32, momentum: f32) -> Self {
        Self::Sgd(Sgd { lr, momentum, ..Sgd::DEFAULT })
    }

    /// Adam with PyTorch's betas and eps.
    pub const fn adam(lr: f32) -> Self {
        Self::Adam(Adam { lr, ..Adam::DEFAULT })
    }

    /// Elements of state per parameter.
    pub const fn slots(&self) -> usize {
        match self {
            Self::Sgd(sgd) if sgd.momentum == 0.0 => 0,
            Self::Sgd(_) => 1,
            Self::Adam(_) => 2,
        }
    }

    /// The learning rate.
    pub const fn lr(&self) -> f32 {
        match self {
            Self::Sgd(sgd) => sgd.lr,
            Self::Adam(adam) => adam.lr,
        }
    }

    /// The same with this learning rate: what a schedule sets before each step.
    pub const fn with_lr(mut self, lr: f32) -> Self {
        match &mut self {
            Self::Sgd(sgd) => sgd.lr = lr,
            Self::Adam(adam) => adam.lr = lr,
        }
        self
    }

    /// Refuses hyper-parameters outside their range.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`](crate::Error::Parameter) with the name of the first that is wrong.
    pub const fn check(&self) -> Result {
        match self {
            Self::Sgd(sgd) => sgd.check(),
            Self::Adam(adam) => adam.check(),
        }
    }

    /// Learning rate and weight decay multiplied by these factors; a factor of 1 changes no bit.
    pub(super) fn scaled(self, lr: f32, decay: f32) -> Self {
        let mut scaled = self.with_lr(self.lr() * lr);
        let weight_decay = match &mut scaled {
            Self::Sgd(sgd) => &mut sgd.weight_decay,
            Self::Adam(adam) => &mut adam.weight_decay,
        };
        *weight_decay *= decay;
        scaled
    }

    /// The state before the first step.
    pub(super) fn start(&self, state: &mut [f32]) {
        state.fill(0.0);
    }

    /// One step on some of the parameters: `first` is the place of the first of them among all `total`, and `state` holds
    /// `total` elements for each kind of state.
    pub(super) fn step(
        &self,
        ctx: Context,
        step: u32,
        grads: &[f32],
        params: &mut [f32],
        state: &mut [f32],
        total: usize,
        first: usize,
    ) -> Result {
        let [a, b] = parts(state, total, first, params.len());
        match self {
            Self::Sgd(sgd) if self.slots() == 0 => sgd_step(ctx, sgd, step, grads, params, &mut []),
            Self::Sgd(sgd) => sgd_step(ctx, sgd, step, grads, params, a),
            Self::Adam(adam) => adam_step(ctx, adam, step, grads, params, a, b),
        }
    }
}

/// `len` elements from `first` of each kind of state; empty for kinds that there are not.
fn parts<const N: usize>(mut state: &mut [f32], total: usize, first: usize, len: usize) -> [&mut [f32]; N] {
    core::array::from_fn(|_| {
        let (kind, rest) = core::mem::take(&mut state).split_at_mut_checked(total).unwrap_or_default();
        state = rest;
        kind.get_mut(first..first + len).unwrap_or_default()
    })
}
