//! What layers compute.

use crate::activation::{Function, Saved};

/// What a layer computes, with PyTorch's parameters and defaults.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// Cross-correlation, weight `[out_channels, in_channels / groups, kh, kw]`.
    Conv2d {
        /// Channels of the output.
        out_channels: usize,
        /// Height and width.
        kernel: [usize; 2],
        /// Down and across.
        stride: [usize; 2],
        /// Zeros on each side, down and across.
        padding: [usize; 2],
        /// Distance between the kernel's taps.
        dilation: [usize; 2],
        /// Channels are cut in as many independent groups.
        groups: usize,
        /// Whether a bias is added.
        bias: bool,
    },
    /// `y = x W + b`, weight `[inputs, outputs]`.
    Dense {
        /// Features of the output.
        outputs: usize,
        /// Whether a bias is added.
        bias: bool,
    },
    /// Batch normalization per channel, with learnt scale and shift.
    BatchNorm {
        /// Added to the variance.
        eps: f32,
        /// Weight of the new value in the running averages.
        momentum: f32,
    },
    /// A function of each element.
    Activation(Function),
    /// Maximum over windows.
    MaxPool2d {
        /// Height and width.
        kernel: [usize; 2],
        /// Down and across.
        stride: [usize; 2],
        /// Minus infinity on each side, down and across.
        padding: [usize; 2],
    },
    /// `[c, h, w]` to `[c * h * w]`; nothing moves.
    Flatten,
    /// Inverted dropout: kept values are scaled by `1 / (1 - p)` in training, nothing happens at test time.
    Dropout {
        /// Probability to drop.
        p: f32,
    },
    /// The end of a residual block: the sum of body and shortcut.
    Add,
}

/// What a layer's backward pass reads of its forward pass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    Input,
    /// The output, but for no more than the sign of its elements: dropout may still work on it in place, for it keeps
    /// the sign of what it keeps, and what it drops has no gradient.
    Sign,
    Output,
}

impl Kind {
    /// The kind's name in tables and messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Conv2d { .. } => "conv2d",
            Self::Dense { .. } => "dense",
            Self::BatchNorm { .. } => "batch_norm",
            Self::Activation(function) => function.name(),
            Self::MaxPool2d { .. } => "max_pool2d",
            Self::Flatten => "flatten",
            Self::Dropout { .. } => "dropout",
            Self::Add => "add",
        }
    }

    /// The stem of the names of this layer's parameters, as PyTorch users give them: `conv`, `bn`, `fc`.
    pub(super) const fn stem(&self) -> Option<&'static str> {
        match self {
            Self::Conv2d { .. } => Some("conv"),
            Self::Dense { .. } => Some("fc"),
            Self::BatchNorm { .. } => Some("bn"),
            _ => None,
        }
    }

    /// Whether it has running averages.
    pub(super) const fn is_batch_norm(&self) -> bool {
        matches!(self, Self::BatchNorm { .. })
    }

    /// Whether it is a normalization.
    pub(super) const fn is_norm(&self) -> bool {
        matches!(self, Self::BatchNorm { .. })
    }

    /// Whether it may work on its input's memory.
    pub(super) const fn can_be_in_place(&self) -> bool {
        match self {
            Self::Flatten | Self::Dropout { .. } | Self::Add => true,
            Self::Activation(function) => matches!(function.saved(), Saved::Output),
            _ => false,
        }
    }

    /// What the backward pass reads; `learns`: whether the layer's own parameters have gradients.
    pub(super) const fn needs(&self, learns: bool) -> Needs {
        match self {
            // Without running averages to normalize by, a frozen batch norm's input gradient is a linear function.
            Self::Conv2d { .. } | Self::Dense { .. } | Self::BatchNorm { .. } => {
                if learns {
                    Needs::Input
                } else {
                    Needs::Nothing
                }
            }
            Self::MaxPool2d { .. } => Needs::Input,
            Self::Activation(function) => match (function, function.saved()) {
                (Function::Relu, _) => Needs::Sign,
                (_, Saved::Output) => Needs::Output,
                (_, Saved::Input) => Needs::Input,
            },
            Self::Flatten | Self::Dropout { .. } | Self::Add => Needs::Nothing,
        }
    }
}
