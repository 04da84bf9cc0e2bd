//! What the plan asks of a layer.

use super::slot::Needs;
use crate::init::Fans;
use crate::optim::Neurons;

/// What there is to know of a kind of layer without its input.
#[derive(Clone, Copy)]
pub(in crate::net) struct About {
    /// In tables and messages.
    pub name: &'static str,
    /// The stem of the names of its parameters, as PyTorch users give them: `conv`, `bn`, `fc`.
    pub stem: Option<&'static str>,
    /// What the backward pass reads of the forward pass.
    pub needs: Needs,
    /// The same if its own parameters have no gradients.
    pub needs_frozen: Needs,
    /// It may work on its input's memory.
    pub in_place: bool,
    /// Working in place it keeps the signs of what it keeps: a backward pass that reads signs may follow.
    pub keeps_signs: bool,
    /// It can apply a relu to its results.
    pub can_fuse: bool,
    /// It is such a relu.
    pub is_relu: bool,
    /// It gives what it gets.
    pub is_flatten: bool,
    /// It is a normalization.
    pub is_norm: bool,
    /// It has running averages.
    pub has_averages: bool,
    /// Its weight and bias are drawn at random.
    pub draws: bool,
}

impl About {
    pub(super) const fn new(name: &'static str) -> Self {
        Self {
            name,
            stem: None,
            needs: Needs::Nothing,
            needs_frozen: Needs::Nothing,
            in_place: false,
            keeps_signs: false,
            can_fuse: false,
            is_relu: false,
            is_flatten: false,
            is_norm: false,
            has_averages: false,
            draws: false,
        }
    }

    /// A normalization by statistics of the sample.
    pub(super) const fn norm(name: &'static str) -> Self {
        Self { needs: Needs::Input, needs_frozen: Needs::Input, is_norm: true, ..Self::new(name) }
    }
}

/// Elements of memory that a layer takes beside its tensors.
pub(in crate::net) struct Cost {
    /// Statistics kept for the backward pass, for the batch or for each sample.
    pub statistics: usize,
    pub per_sample: bool,
    /// Scratch of one thread.
    pub forward: usize,
    pub backward: usize,
}

impl Cost {
    pub(super) const NONE: Self = Self { statistics: 0, per_sample: false, forward: 0, backward: 0 };
}

/// A weight that is drawn at random.
pub(in crate::net) struct Drawn {
    /// Its sizes in memory, of which the first `rank` count.
    pub dims: [usize; 4],
    pub rank: usize,
    /// What the size of its elements depends on.
    pub fans: Fans,
    /// Where the weights of one output lie in the weight as a matrix.
    pub neurons: Neurons,
    pub matrix: [usize; 2],
}
