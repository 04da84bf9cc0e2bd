//! What layers compute.

use crate::activation::{Function, Saved};
use crate::dropout::Form;

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
    /// Group normalization, with a learnt scale and shift per channel if `affine`.
    GroupNorm {
        /// Groups of channels with one mean each; `None`: a group for each channel, which is instance normalization.
        groups: Option<usize>,
        /// Added to the variance.
        eps: f32,
        /// Whether there are a scale and a shift.
        affine: bool,
    },
    /// Layer normalization over all of a sample, with a learnt scale and shift per element if `affine`.
    LayerNorm {
        /// Added to the variance.
        eps: f32,
        /// Whether there are a scale and a shift.
        affine: bool,
    },
    /// Division by the root mean square of a sample, with a learnt scale per element if `affine`.
    RmsNorm {
        /// Added to the mean square.
        eps: f32,
        /// Whether there is a scale.
        affine: bool,
    },
    /// A function of each element.
    Activation(Function),
    /// Softmax over the features.
    Softmax,
    /// Its logarithm.
    LogSoftmax,
    /// Maximum over windows.
    MaxPool2d {
        /// Height and width.
        kernel: [usize; 2],
        /// Down and across.
        stride: [usize; 2],
        /// Minus infinity on each side, down and across.
        padding: [usize; 2],
    },
    /// Mean over windows.
    AvgPool2d {
        /// Height and width.
        kernel: [usize; 2],
        /// Down and across.
        stride: [usize; 2],
        /// Zeros on each side, down and across.
        padding: [usize; 2],
        /// Whether the padding's zeros count.
        count_include_pad: bool,
    },
    /// Mean over all of a channel: `[c, h, w]` to `[c, 1, 1]`.
    GlobalAvgPool,
    /// `[c, h, w]` to `[c * h * w]`; nothing moves.
    Flatten,
    /// Dropout.
    Dropout {
        /// Probability to drop.
        p: f32,
        /// What keeps the expectation: scaling in training, or at test time.
        form: Form,
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
            Self::GroupNorm { groups: Some(_), .. } => "group_norm",
            Self::GroupNorm { groups: None, .. } => "instance_norm",
            Self::LayerNorm { .. } => "layer_norm",
            Self::RmsNorm { .. } => "rms_norm",
            Self::Activation(function) => function.name(),
            Self::Softmax => "softmax",
            Self::LogSoftmax => "log_softmax",
            Self::MaxPool2d { .. } => "max_pool2d",
            Self::AvgPool2d { .. } => "avg_pool2d",
            Self::GlobalAvgPool => "global_avg_pool",
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
            Self::GroupNorm { groups: Some(_), .. } => Some("gn"),
            Self::GroupNorm { groups: None, .. } => Some("in"),
            Self::LayerNorm { .. } => Some("ln"),
            Self::RmsNorm { .. } => Some("rms"),
            _ => None,
        }
    }

    /// Whether it has running averages.
    pub(super) const fn is_batch_norm(&self) -> bool {
        matches!(self, Self::BatchNorm { .. })
    }

    /// Whether it is a normalization.
    pub(super) const fn is_norm(&self) -> bool {
        matches!(self, Self::BatchNorm { .. } | Self::GroupNorm { .. } | Self::LayerNorm { .. } | Self::RmsNorm { .. })
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
            // A frozen batch norm, which normalizes by its running averages, is linear: its gradient does not need `x`.
            Self::Conv2d { .. } | Self::Dense { .. } | Self::BatchNorm { .. } => {
                if learns {
                    Needs::Input
                } else {
                    Needs::Nothing
                }
            }
            Self::GroupNorm { .. } | Self::LayerNorm { .. } | Self::RmsNorm { .. } | Self::MaxPool2d { .. } => {
                Needs::Input
            }
            Self::Activation(function) => match (function, function.saved()) {
                (Function::Relu, _) | (Function::LeakyRelu { .. }, Saved::Output) => Needs::Sign,
                (_, Saved::Output) => Needs::Output,
                (_, Saved::Input) => Needs::Input,
            },
            Self::Softmax | Self::LogSoftmax => Needs::Output,
            Self::AvgPool2d { .. } | Self::GlobalAvgPool => Needs::Nothing,
            Self::Flatten | Self::Dropout { .. } | Self::Add => Needs::Nothing,
        }
    }
}
