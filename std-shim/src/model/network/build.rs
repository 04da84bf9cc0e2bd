//! From nodes to the core's layers.

use flatgrad_core::net::{Kind, Layer, Net};

use super::Node;
use super::node::linear;

/// Memory for the layers of networks; [`Network::net`](super::Network::net) puts them there.
#[derive(Debug, Default)]
pub struct LayerStore(bumpalo::Bump);

/// The layers of `nodes` for an input of this shape.
pub(super) fn chain<'a>(nodes: &[Node], input: [usize; 3], store: &'a LayerStore) -> &'a [Layer<'a>] {
    let mut layers: Vec<Layer<'a>> = Vec::with_capacity(nodes.len());
    for node in nodes {
        // Where the layers so far do not fit, that is the error to come, and this shape does not matter.
        let shape = || Net::try_new(input, &layers).map_or(input, |net| net.output());
        let layer = match node {
            Node::Single(layer) => *layer,
            Node::Depthwise { layer, multiplier } => deepened(layer, shape()[0], *multiplier),
            Node::Residual { common, body, shortcut } => {
                let shape = shape();
                common.apply(Layer::residual_with(chain(body, shape, store), chain(shortcut, shape, store)))
            }
        };
        layers.push(layer);
    }
    store.0.alloc_slice_copy(&layers)
}

/// The depthwise convolution of `channels` channels that has the other options of `layer`.
fn deepened(layer: &Layer<'static>, channels: usize, multiplier: usize) -> Layer<'static> {
    let mut kind = layer.kind();
    if let Kind::Conv2d { out_channels, groups, .. } = &mut kind {
        (*out_channels, *groups) = (channels.saturating_mul(multiplier), channels);
    }
    linear(kind, layer.options())
}
