//! What a plan is made for.

use crate::net::learn::{Loss, Optimizer};

/// What a plan is made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// The most samples a pass takes at once.
    pub batch: usize,
    /// Whose state is kept.
    pub optimizer: Optimizer,
    /// What is minimized.
    pub loss: Loss,
    /// What weight decay reaches.
    pub decay: Decay,
    /// Layers before this one are frozen: only what comes after is fine-tuned.
    pub train_from: usize,
    /// Threads that get scratch of their own.
    pub threads: usize,
    /// Tensors start at multiples of this many elements (16 is a cache line; 1 wastes nothing).
    pub align: usize,
}

/// What an optimizer's weight decay reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decay {
    /// All parameters, as in PyTorch.
    All,
    /// The weights of convolutions and dense layers; neither biases nor the parameters of normalizations.
    Weights,
}

impl Config {
    /// Cross-entropy, decay of all parameters, no frozen layers, one thread, no alignment.
    pub const fn new(batch: usize, optimizer: Optimizer) -> Self {
        let loss = Loss::CrossEntropy { label_smoothing: 0.0 };
        Self { batch, optimizer, loss, decay: Decay::All, train_from: 0, threads: 1, align: 1 }
    }

    /// What is minimized.
    pub const fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// What weight decay reaches.
    pub const fn decay(mut self, decay: Decay) -> Self {
        self.decay = decay;
        self
    }

    /// Freezes the layers before `layer`, whatever they say themselves: they take no memory for gradients and optimizer
    /// state, and no backward pass.
    pub const fn train_from(mut self, layer: usize) -> Self {
        self.train_from = layer;
        self
    }

    /// Scratch for `n` threads.
    pub const fn threads(mut self, n: usize) -> Self {
        self.threads = n;
        self
    }

    /// Tensors start at multiples of `elements`.
    pub const fn align(mut self, elements: usize) -> Self {
        self.align = elements;
        self
    }
}
