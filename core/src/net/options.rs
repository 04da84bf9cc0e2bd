//! The options of layers.

use super::kind::Kind;
use super::layer::{Form, Layer};
use crate::activation::Function;

impl Layer<'_> {
    /// A function of each element.
    ///
    /// ```
    /// use flatgrad_core::{activation::Function, net::Layer};
    /// assert_eq!(Layer::activation(Function::Relu), Layer::relu());
    /// ```
    pub const fn activation(function: Function) -> Self {
        Self::of(Kind::Activation(function))
    }

    /// `max(0, x)`
    pub const fn relu() -> Self {
        Self::activation(Function::Relu)
    }

    /// Zeros (pooling: minus infinity) on all sides; convolution and pooling only.
    pub const fn padding(self, by: usize) -> Self {
        self.padding_rect([by, by])
    }

    /// The same, down and across; for a signal, `[0, by]`.
    pub const fn padding_rect(mut self, by: [usize; 2]) -> Self {
        match &mut self.form {
            Form::Single(Kind::Conv2d { padding, .. } | Kind::MaxPool2d { padding, .. }) => *padding = by,
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
            Form::Single(Kind::Conv2d { stride, .. } | Kind::MaxPool2d { stride, .. }) => *stride = by,
            _ => self.misuse = Some("stride"),
        }
        self
    }

    /// Distance between the kernel's taps, in both directions; convolution only.
    pub const fn dilation(self, by: usize) -> Self {
        self.dilation_rect([by, by])
    }

    /// The same, down and across.
    pub const fn dilation_rect(mut self, by: [usize; 2]) -> Self {
        match &mut self.form {
            Form::Single(Kind::Conv2d { dilation, .. }) => *dilation = by,
            _ => self.misuse = Some("dilation"),
        }
        self
    }

    /// Number of independent groups of channels; convolution only.
    pub const fn groups(mut self, n: usize) -> Self {
        match &mut self.form {
            Form::Single(Kind::Conv2d { groups, .. }) => *groups = n,
            _ => self.misuse = Some("groups"),
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

    /// What is added to the variance; normalization only.
    pub const fn eps(mut self, value: f32) -> Self {
        match &mut self.form {
            Form::Single(Kind::BatchNorm { eps, .. }) => *eps = value,
            _ => self.misuse = Some("eps"),
        }
        self
    }

    /// Weight of the new value in the running averages; batch normalization only.
    pub const fn momentum(mut self, value: f32) -> Self {
        match &mut self.form {
            Form::Single(Kind::BatchNorm { momentum, .. }) => *momentum = value,
            _ => self.misuse = Some("momentum"),
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
