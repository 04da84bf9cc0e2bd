//! Layers as data: `Layer::conv2d(8, 3).padding(1)`.

/// One layer of a network: plain data, built in `const` context or at run time.
///
/// An option that a layer does not have (a padding on a relu) is remembered and refused by
/// [`Net::new`](super::Net::new), with the layer's index.
///
/// ```
/// use flatgrad_core::net::Layer;
/// const LAYERS: [Layer; 3] = [Layer::conv2d(8, 3).padding(1).no_bias(), Layer::batch_norm(), Layer::relu()];
/// assert_eq!(LAYERS[0].kind_name(), "conv2d");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer {
    pub(crate) kind: Kind,
    /// The first option that does not apply to this kind.
    pub(crate) misuse: Option<&'static str>,
}

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
    /// Batch normalization per channel, with learnt scale and shift.
    BatchNorm {
        /// Added to the variance.
        eps: f32,
        /// Weight of the new value in the running averages.
        momentum: f32,
    },
    /// `max(0, x)`
    Relu,
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
    /// `y = x W + b`, weight `[inputs, outputs]`.
    Dense {
        /// Features of the output.
        outputs: usize,
        /// Whether a bias is added.
        bias: bool,
    },
    /// Inverted dropout: kept values are scaled by `1 / (1 - p)` in training, nothing happens at test time.
    Dropout {
        /// Probability to drop.
        p: f32,
    },
}

impl Layer {
    const fn of(kind: Kind) -> Self {
        Self { kind, misuse: None }
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

    /// Batch normalization: eps 1e-5, momentum 0.1.
    pub const fn batch_norm() -> Self {
        Self::of(Kind::BatchNorm { eps: 1e-5, momentum: 0.1 })
    }

    /// `max(0, x)`
    pub const fn relu() -> Self {
        Self::of(Kind::Relu)
    }

    /// Maximum over square windows; the stride is the kernel, no padding.
    pub const fn max_pool(kernel: usize) -> Self {
        Self::of(Kind::MaxPool2d { kernel: [kernel, kernel], stride: [kernel, kernel], padding: [0, 0] })
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

    /// Zeros (pooling: minus infinity) on all sides; convolution and pooling only.
    pub const fn padding(mut self, by: usize) -> Self {
        match &mut self.kind {
            Kind::Conv2d { padding, .. } | Kind::MaxPool2d { padding, .. } => *padding = [by, by],
            _ => self.misuse = Some("padding"),
        }
        self
    }

    /// Stride in both directions; convolution and pooling only.
    pub const fn stride(mut self, by: usize) -> Self {
        match &mut self.kind {
            Kind::Conv2d { stride, .. } | Kind::MaxPool2d { stride, .. } => *stride = [by, by],
            _ => self.misuse = Some("stride"),
        }
        self
    }

    /// Distance between the kernel's taps, in both directions; convolution only.
    pub const fn dilation(mut self, by: usize) -> Self {
        match &mut self.kind {
            Kind::Conv2d { dilation, .. } => *dilation = [by, by],
            _ => self.misuse = Some("dilation"),
        }
        self
    }

    /// Number of independent groups of channels; convolution only.
    pub const fn groups(mut self, n: usize) -> Self {
        match &mut self.kind {
            Kind::Conv2d { groups, .. } => *groups = n,
            _ => self.misuse = Some("groups"),
        }
        self
    }

    /// Leaves the bias out (before batch normalization it is useless); convolution and dense only.
    pub const fn no_bias(mut self) -> Self {
        match &mut self.kind {
            Kind::Conv2d { bias, .. } | Kind::Dense { bias, .. } => *bias = false,
            _ => self.misuse = Some("no_bias"),
        }
        self
    }

    /// What is added to the variance; batch normalization only.
    pub const fn eps(mut self, value: f32) -> Self {
        match &mut self.kind {
            Kind::BatchNorm { eps, .. } => *eps = value,
            _ => self.misuse = Some("eps"),
        }
        self
    }

    /// Weight of the new value in the running averages; batch normalization only.
    pub const fn momentum(mut self, value: f32) -> Self {
        match &mut self.kind {
            Kind::BatchNorm { momentum, .. } => *momentum = value,
            _ => self.misuse = Some("momentum"),
        }
        self
    }

    /// What the layer computes.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The kind's name in tables and messages.
    pub const fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Conv2d { .. } => "conv2d",
            Kind::BatchNorm { .. } => "batch_norm",
            Kind::Relu => "relu",
            Kind::MaxPool2d { .. } => "max_pool2d",
            Kind::Flatten => "flatten",
            Kind::Dense { .. } => "dense",
            Kind::Dropout { .. } => "dropout",
        }
    }

    /// The stem of the names of this layer's parameters, as PyTorch users give them: `conv`, `bn`, `fc`.
    pub(crate) const fn stem(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Conv2d { .. } => Some("conv"),
            Kind::BatchNorm { .. } => Some("bn"),
            Kind::Dense { .. } => Some("fc"),
            _ => None,
        }
    }

    /// Works on its input's memory: element by element, and nothing needs the old values again.
    pub const fn in_place(&self) -> bool {
        matches!(self.kind, Kind::Relu | Kind::Flatten | Kind::Dropout { .. })
    }
}
