//! What layers compute.

use crate::activation::Activation;
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
    Activation(Activation),
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
        /// What keeps the expectation: scaling in training, or of activations or weights at test time.
        form: Form,
    },
    /// The end of a residual block: the sum of body and shortcut.
    Add,
}
