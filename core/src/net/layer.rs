//! Layers as data: `Layer::conv2d(8, 3).padding(1)`.

use super::kind::Kind;
use crate::dropout::Form as DropoutForm;
use crate::init::Init;

/// One layer of a network, or a residual block of layers: plain data, built in `const` context or at run time.
///
/// An option that a layer does not have (a padding on a relu) is remembered and refused by
/// [`Net::new`](super::Net::new), with the layer's index.
///
/// ```
/// use flatgrad_core::net::Layer;
/// const LAYERS: [Layer; 3] = [Layer::conv2d(8, 3).padding(1).no_bias(), Layer::batch_norm(), Layer::relu()];
/// const BLOCK: Layer = Layer::residual(&LAYERS);
/// assert_eq!((LAYERS[0].kind().name(), BLOCK.kind().name()), ("conv2d", "add"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer<'a> {
    pub(super) form: Form<'a>,
    pub(super) options: Options,
    /// The first option that does not apply to this kind.
    pub(super) misuse: Option<&'static str>,
}

/// A layer, or a block of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form<'a> {
    Single(Kind),
    /// `body(x) + shortcut(x)`; an empty shortcut is `x` itself.
    Residual {
        body: &'a [Layer<'a>],
        shortcut: &'a [Layer<'a>],
    },
}

/// How a layer, or all of a block, learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Its parameters stay as they are: no gradient, no optimizer state, no memory for them.
    pub frozen: bool,
    /// Multiplies the optimizer's learning rate.
    pub lr: f32,
    /// Multiplies the optimizer's weight decay.
    pub decay: f32,
    /// Where the weights start; biases start at 0 unless this is [`Init::Default`].
    pub init: Init,
    /// After each step, the longest that a neuron's incoming weights may be; infinite for no limit.
    pub max_norm: f32,
}

impl Options {
    pub(super) const DEFAULT: Self =
        Self { frozen: false, lr: 1.0, decay: 1.0, init: Init::Default, max_norm: f32::INFINITY };
}

impl<'a> Layer<'a> {
    pub(super) const fn of(kind: Kind) -> Self {
        Self { form: Form::Single(kind), options: Options::DEFAULT, misuse: None }
    }

    /// Convolution with a square kernel; stride 1, no padding, no dilation, one group, with a bias.
    pub const fn conv2d(out_channels: usize, kernel: usize) -> Self {
        Self::conv2d_rect(out_channels, [kernel, kernel])
    }

    /// Convolution with a kernel `[kh, kw]`.
    pub const fn conv2d_rect(out_channels: usize, kernel: [usize; 2]) -> Self {
        let (one, zero) = ([1, 1], [0, 0]);
        let kind =
            Kind::Conv2d { out_channels, kernel, stride: one, padding: zero, dilation: one, groups: 1, bias: true };
        Self::of(kind)
    }

    /// Convolution of a signal `[c, 1, len]` (sensor data) with a kernel of `kernel` taps.
    pub const fn conv1d(out_channels: usize, kernel: usize) -> Self {
        Self::conv2d_rect(out_channels, [1, kernel])
    }

    /// Batch normalization: eps 1e-5, momentum 0.1.
    pub const fn batch_norm() -> Self {
        Self::of(Kind::BatchNorm { eps: 1e-5, momentum: 0.1 })
    }

    /// Group normalization (Wu and He, 2018): eps 1e-5, with scale and shift.
    pub const fn group_norm(groups: usize) -> Self {
        Self::of(Kind::GroupNorm { groups: Some(groups), eps: 1e-5, affine: true })
    }

    /// Instance normalization (Ulyanov et al., 2016): eps 1e-5, without scale and shift, as in PyTorch; see
    /// [`Layer::affine`].
    pub const fn instance_norm() -> Self {
        Self::of(Kind::GroupNorm { groups: None, eps: 1e-5, affine: false })
    }

    /// Layer normalization (Ba et al., 2016) over all of a sample: eps 1e-5, with scale and shift.
    pub const fn layer_norm() -> Self {
        Self::of(Kind::LayerNorm { eps: 1e-5, affine: true })
    }

    /// Root mean square normalization (Zhang and Sennrich, 2019) over all of a sample: eps 1.1920929e-7, with a scale.
    pub const fn rms_norm() -> Self {
        Self::of(Kind::RmsNorm { eps: f32::EPSILON, affine: true })
    }

    /// Maximum over square windows; the stride is the kernel, no padding.
    pub const fn max_pool(kernel: usize) -> Self {
        Self::max_pool_rect([kernel, kernel])
    }

    /// Maximum over windows `[kh, kw]`; the stride is the kernel, no padding.
    pub const fn max_pool_rect(kernel: [usize; 2]) -> Self {
        Self::of(Kind::MaxPool2d { kernel, stride: kernel, padding: [0, 0] })
    }

    /// Maximum over `kernel` neighbours of a signal `[c, 1, len]`.
    pub const fn max_pool1d(kernel: usize) -> Self {
        Self::max_pool_rect([1, kernel])
    }

    /// Mean over square windows; the stride is the kernel, no padding; zeros of a padding count, as in PyTorch.
    pub const fn avg_pool(kernel: usize) -> Self {
        Self::avg_pool_rect([kernel, kernel])
    }

    /// Mean over windows `[kh, kw]`; the stride is the kernel, no padding.
    pub const fn avg_pool_rect(kernel: [usize; 2]) -> Self {
        Self::of(Kind::AvgPool2d { kernel, stride: kernel, padding: [0, 0], count_include_pad: true })
    }

    /// Mean over `kernel` neighbours of a signal `[c, 1, len]`.
    pub const fn avg_pool1d(kernel: usize) -> Self {
        Self::avg_pool_rect([1, kernel])
    }

    /// Mean over all of a channel: from image to as many features as there are channels.
    pub const fn global_avg_pool() -> Self {
        Self::of(Kind::GlobalAvgPool)
    }

    /// Softmax over the features. A loss from logits has one built in; this is for networks that end in probabilities.
    pub const fn softmax() -> Self {
        Self::of(Kind::Softmax)
    }

    /// The logarithm of softmax over the features.
    pub const fn log_softmax() -> Self {
        Self::of(Kind::LogSoftmax)
    }

    /// From image to features.
    pub const fn flatten() -> Self {
        Self::of(Kind::Flatten)
    }

    /// Fully connected, with a bias.
    pub const fn dense(outputs: usize) -> Self {
        Self::of(Kind::Dense { outputs, bias: true })
    }

    /// Inverted dropout with probability `p` to drop: what is kept is scaled by `1 / (1 - p)` in training, and nothing
    /// happens at test time. [`Layer::form`] says otherwise.
    pub const fn dropout(p: f32) -> Self {
        Self::of(Kind::Dropout { p, form: DropoutForm::Inverted })
    }

    /// A residual block, `body(x) + x` (He et al., "Deep Residual Learning for Image Recognition", 2015). The body must
    /// give the shape it gets. Layers are numbered in the order in which they run: the body's, then the addition.
    pub const fn residual(body: &'a [Layer<'a>]) -> Self {
        Self::residual_with(body, &[])
    }

    /// A residual block with layers on the shortcut too, `body(x) + shortcut(x)`: a 1x1 convolution, where the shape
    /// changes. The shortcut's layers are numbered after the body's.
    pub const fn residual_with(body: &'a [Layer<'a>], shortcut: &'a [Layer<'a>]) -> Self {
        Self { form: Form::Residual { body, shortcut }, options: Options::DEFAULT, misuse: None }
    }

    /// What the layer computes; of a residual block, the addition at its end.
    pub const fn kind(&self) -> Kind {
        match self.form {
            Form::Single(kind) => kind,
            Form::Residual { .. } => Kind::Add,
        }
    }

    /// How it learns.
    pub const fn options(&self) -> Options {
        self.options
    }
}
