//! The layers of a network in memory of its own.

use flatgrad_core::net::Layer;

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
}

impl From<Layer<'static>> for Node {
    fn from(layer: Layer<'static>) -> Self {
        Self::Single(layer)
    }
}
