//! Layers as data: `Layer::conv2d(8, 3).padding(1)`.

use super::kind::Kind;

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

/// How a layer learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Its parameters stay as they are: no gradient, no optimizer state, no memory for them.
    pub frozen: bool,
    /// Multiplies the optimizer's learning rate.
    pub lr: f32,
    /// Multiplies the optimizer's weight decay.
    pub decay: f32,
}

impl Options {
    const DEFAULT: Self = Self { frozen: false, lr: 1.0, decay: 1.0 };
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

    /// From image to features.
    pub const fn flatten() -> Self {
        Self::of(Kind::Flatten)
    }

    /// Fully connected, with a bias.
    pub const fn dense(outputs: usize) -> Self {
        Self::of(Kind::Dense { outputs, bias: true })
    }

    /// Dropout with probability `p` to drop.
    pub const fn dropout(p: f32) -> Self {
        Self::of(Kind::Dropout { p })
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
