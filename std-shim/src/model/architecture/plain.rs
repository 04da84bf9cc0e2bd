//! Networks of layers one after the other.

use flatgrad_core::net::Layer;

use super::nodes;
use crate::model::network::Node;

/// From this side on, there are pixels enough for the larger of the two.
const LARGE: usize = 16;
/// The side of the images in the paper of LeNet-5; below, its first convolution pads.
const LENET_SIDE: usize = 32;

pub(super) fn cnn(side: usize, classes: usize) -> Vec<Node> {
    if side >= LARGE { large_cnn(classes) } else { small_cnn(classes) }
}

fn large_cnn(classes: usize) -> Vec<Node> {
    let mut layers = Vec::new();
    for channels in [32, 64] {
        for _ in 0..2 {
            layers.extend(normalized(channels));
        }
        layers.extend(nodes([Layer::max_pool(2)]));
    }
    let head = [Layer::flatten(), Layer::dense(128), Layer::relu(), Layer::dropout(0.5), Layer::dense(classes)];
    layers.extend(nodes(head));
    layers
}

fn small_cnn(classes: usize) -> Vec<Node> {
    let mut layers = Vec::new();
    for channels in [16, 32] {
        layers.extend(normalized(channels));
    }
    layers.extend(nodes([Layer::max_pool(2), Layer::flatten(), Layer::dense(classes)]));
    layers
}

pub(super) fn mlp(classes: usize) -> Vec<Node> {
    nodes([Layer::flatten(), Layer::dense(800), Layer::relu(), Layer::dense(800), Layer::relu(), Layer::dense(classes)])
}

pub(super) fn tiny(classes: usize) -> Vec<Node> {
    let mut layers = Vec::new();
    for channels in [8, 16] {
        layers.extend(nodes([Layer::conv2d(channels, 3).padding(1), Layer::relu(), Layer::max_pool(2)]));
    }
    layers.extend(nodes([Layer::flatten(), Layer::dense(classes)]));
    layers
}

pub(super) fn lenet(side: usize, classes: usize) -> Vec<Node> {
    let padding = if side < LENET_SIDE { 2 } else { 0 };
    nodes([
        Layer::conv2d(6, 5).padding(padding),
        Layer::relu(),
        Layer::max_pool(2),
        Layer::conv2d(16, 5),
        Layer::relu(),
        Layer::max_pool(2),
        Layer::flatten(),
        Layer::dense(120),
        Layer::relu(),
        Layer::dense(84),
        Layer::relu(),
        Layer::dense(classes),
    ])
}

pub(super) fn vgg_small(classes: usize) -> Vec<Node> {
    let mut layers = Vec::new();
    for channels in [32, 64, 128] {
        layers.extend(normalized(channels));
        layers.extend(normalized(channels));
        if channels < 128 {
            layers.extend(nodes([Layer::max_pool(2), Layer::dropout(0.25)]));
        }
    }
    layers.extend(nodes([Layer::global_avg_pool(), Layer::dropout(0.5), Layer::dense(classes)]));
    layers
}

/// A 3x3 convolution with batch norm and relu.
fn normalized(channels: usize) -> Vec<Node> {
    nodes([Layer::conv2d(channels, 3).padding(1), Layer::batch_norm(), Layer::relu()])
}
