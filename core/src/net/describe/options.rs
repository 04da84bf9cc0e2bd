//! Options that several kinds of layers have, and those of all layers.
//!
//! An option of other kinds is remembered as a misuse: hence the `_` in the matches here.

use super::kind::Kind;
use super::layer::{Form, Layer};
use crate::init::Init;

impl Layer<'_> {
    /// Zeros (maximum pooling: minus infinity) on all sides; convolution and pooling only.
    pub const fn padding(self, by: usize) -> Self {
        self.padding_rect([by, by])
    }

    /// The same, down and across; for a signal, `[0, by]`.
    pub const fn padding_rect(mut self, by: [usize; 2]) -> Self {
        match &mut self.form {
            Form::Single(
                Kind::Conv2d { padding, .. } | Kind::MaxPool2d { padding, .. } | Kind::AvgPool2d { padding, .. },
            ) => *padding = by,
            _ => self.misuse = Some("padding"),
        }
        self
    }

    /// Stride in both directions; convolution and pooling only.
    pub const fn stride(self, by: usize) -> Self {
        self.stride_rect([by, by])
    }

    /// The same, down and across; for a signal, `[1, by]`.
    pub const fn stride_rect(mut self, by: [usize; 2]) -> Self {
        match &mut self.form {
            Form::Single(
                Kind::Conv2d { stride, .. } | Kind::MaxPool2d { stride, .. } | Kind::AvgPool2d { stride, .. },
            ) => *stride = by,
            _ => self.misuse = Some("stride"),
        }
        self
    }

    /// Leaves the bias out (before batch normalization it is useless); convolution and dense only.
    pub const fn no_bias(mut self) -> Self {
        match &mut self.form {
            Form::Single(Kind::Conv2d { bias, .. } | Kind::Dense { bias, .. }) => *bias = false,
            _ => self.misuse = Some("no_bias"),
        }
        self
    }

    /// What is added to the variance, or to the mean square; finite and above 0. Normalization only.
    pub const fn eps(mut self, value: f32) -> Self {
        match &mut self.form {
            Form::Single(
                Kind::BatchNorm { eps, .. }
                | Kind::GroupNorm { eps, .. }
                | Kind::LayerNorm { eps, .. }
                | Kind::RmsNorm { eps, .. },
            ) => *eps = value,
            _ => self.misuse = Some("eps"),
        }
        self
    }

    /// Whether a group, instance, layer or root mean square normalization has a learnt scale (and shift).
    pub const fn affine(mut self, learnt: bool) -> Self {
        match &mut self.form {
            Form::Single(
                Kind::GroupNorm { affine, .. } | Kind::LayerNorm { affine, .. } | Kind::RmsNorm { affine, .. },
            ) => *affine = learnt,
            _ => self.misuse = Some("affine"),
        }
        self
    }

    /// Where the weights start; biases then start at 0. Convolution and dense only.
    pub const fn init(mut self, init: Init) -> Self {
        match &self.form {
            Form::Single(Kind::Conv2d { .. } | Kind::Dense { .. }) => self.options.init = init,
            _ => self.misuse = Some("init"),
        }
        self
    }

    /// After each step, scales down every neuron's incoming weights that are longer than this (Hinton et al., 2012).
    /// Convolution and dense only.
    pub const fn max_norm(mut self, limit: f32) -> Self {
        match &self.form {
            Form::Single(Kind::Conv2d { .. } | Kind::Dense { .. }) => self.options.max_norm = limit,
            _ => self.misuse = Some("max_norm"),
        }
        self
    }

    /// The parameters stay as they are: no gradient, no optimizer state, no memory for them. A frozen batch norm
    /// normalizes by its running averages, in training too, and does not change them. A block is frozen as a whole.
    pub const fn frozen(mut self) -> Self {
        self.options.frozen = true;
        self
    }

    /// Multiplies the optimizer's learning rate for this layer, or for all layers of a block.
    pub const fn lr(mut self, factor: f32) -> Self {
        self.options.lr = factor;
        self
    }

    /// Multiplies the optimizer's weight decay for this layer, or for all layers of a block.
    pub const fn decay(mut self, factor: f32) -> Self {
        self.options.decay = factor;
        self
    }
}
