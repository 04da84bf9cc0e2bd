//! Which optimizer trains a network.

use crate::optim::{Adam, Sgd};

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
}
