//! The layers of a network in memory of its own.

use flatgrad_core::net::{Kind, Layer, Options};

/// A layer, or a block of them.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::model) enum Node {
    Single(Layer<'static>),
    /// A convolution in as many groups as its input has channels, with so many outputs each.
    Depthwise {
        layer: Layer<'static>,
        multiplier: usize,
    },
    Residual {
        common: Common,
        body: Vec<Self>,
        shortcut: Vec<Self>,
    },
}

/// The options of every layer.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::model) struct Common {
    pub(super) frozen: bool,
    pub(super) lr: f32,
    pub(super) decay: f32,
}

impl Node {
    /// A 3x3 depthwise convolution that keeps the size, or at stride 2 halves it.
    pub(in crate::model) const fn depthwise(stride: usize) -> Self {
        Self::Depthwise { layer: Layer::conv2d(1, 3).padding(1).stride(stride), multiplier: 1 }
    }

    /// `body(x) + shortcut(x)`; an empty shortcut is `x` itself.
    pub(in crate::model) const fn residual(body: Vec<Self>, shortcut: Vec<Self>) -> Self {
        Self::Residual { common: Common { frozen: false, lr: 1.0, decay: 1.0 }, body, shortcut }
    }

    /// What it computes, if it is no block.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Single(layer) | Self::Depthwise { layer, .. } => Some(layer.kind()),
            Self::Residual { .. } => None,
        }
    }

    /// Whether it is a convolution or a dense layer.
    pub(super) fn is_linear(&self) -> bool {
        matches!(self.kind(), Some(Kind::Conv2d { .. } | Kind::Dense { .. }))
    }

    /// Gives a convolution or a dense layer a bias, or takes it away.
    pub(super) fn set_bias(&mut self, on: bool) {
        let (Self::Single(layer) | Self::Depthwise { layer, .. }) = self else { return };
        let mut kind = layer.kind();
        if let Kind::Conv2d { bias, .. } | Kind::Dense { bias, .. } = &mut kind {
            *bias = on;
            *layer = linear(kind, layer.options());
        }
    }
}

/// The same for every layer that a batch norm follows.
pub(super) fn set_biases_before_norm(nodes: &mut [Node], on: bool) {
    let is_norm = |node: &Node| matches!(node.kind(), Some(Kind::BatchNorm { .. }));
    let before: Vec<bool> = nodes.iter().skip(1).map(is_norm).collect();
    for (node, is_before) in nodes.iter_mut().zip(before.into_iter().chain([false])) {
        if let Node::Residual { body, shortcut, .. } = node {
            set_biases_before_norm(body, on);
            set_biases_before_norm(shortcut, on);
        } else if is_before {
            node.set_bias(on);
        }
    }
}

/// A convolution or dense layer of this kind with these options.
pub(super) fn linear<'a>(kind: Kind, options: Options) -> Layer<'a> {
    let Options { frozen, lr, decay, init, max_norm } = options;
    let layer = Layer::from(kind).init(init).max_norm(max_norm).lr(lr).decay(decay);
    if frozen { layer.frozen() } else { layer }
}

impl From<Layer<'static>> for Node {
    fn from(layer: Layer<'static>) -> Self {
        Self::Single(layer)
    }
}
