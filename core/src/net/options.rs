//! Layers that are a function of each element, and the options of all layers.

use super::kind::Kind;
use super::layer::{Form, Layer};
use crate::activation::Function;
use crate::dropout::Form as DropoutForm;
use crate::init::Init;

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

    /// `x` where it is positive, else `slope * x`.
    pub const fn leaky_relu(slope: f32) -> Self {
        Self::activation(Function::LeakyRelu { slope })
    }

    /// `x` where it is positive, else `alpha * (e^x - 1)`.
    pub const fn elu(alpha: f32) -> Self {
        Self::activation(Function::Elu { alpha })
    }

    /// `1 / (1 + e^-x)`
    pub const fn sigmoid() -> Self {
        Self::activation(Function::Sigmoid)
    }

    /// The hyperbolic tangent.
    pub const fn tanh() -> Self {
        Self::activation(Function::Tanh)
    }

    /// `x` times the normal distribution function at `x`; [`Function::GeluTanh`] is the approximation.
    pub const fn gelu() -> Self {
        Self::activation(Function::Gelu)
    }

    /// `x` times its sigmoid.
    pub const fn silu() -> Self {
        Self::activation(Function::Silu)
    }

    /// `x` times a piecewise linear sigmoid.
    pub const fn hard_swish() -> Self {
        Self::activation(Function::HardSwish)
    }

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

    /// Weight of the new value in the running averages; batch normalization only.
    pub const fn momentum(mut self, value: f32) -> Self {
        match &mut self.form {
            Form::Single(Kind::BatchNorm { momentum, .. }) => *momentum = value,
            _ => self.misuse = Some("momentum"),
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

    /// Whether the zeros of a padding count in a mean (they do by default); average pooling only.
    pub const fn count_include_pad(mut self, count: bool) -> Self {
        match &mut self.form {
            Form::Single(Kind::AvgPool2d { count_include_pad, .. }) => *count_include_pad = count,
            _ => self.misuse = Some("count_include_pad"),
        }
        self
    }

    /// How dropout keeps the expectation; dropout only. [`ScaleWeights`](DropoutForm::ScaleWeights) is refused: the
    /// weights at test time would not be those that are trained.
    pub const fn form(mut self, by: DropoutForm) -> Self {
        match &mut self.form {
            Form::Single(Kind::Dropout { form, .. }) => *form = by,
            _ => self.misuse = Some("form"),
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
