//! Networks of MLPerf Tiny, with blocks.

use flatgrad_core::net::Layer;

use super::nodes;
use crate::model::network::Node;

/// MobileNet's last images have at least so many pixels, down and across: as those of the paper's 96 x 96 have.
pub(super) const LAST_SIDE: usize = 3;
/// The channels of MobileNet's blocks, a quarter of the paper's, and whether the paper's block is at stride 2.
const MOBILE_BLOCKS: [(usize, bool); 13] = [
    (16, false),
    (32, true),
    (32, false),
    (64, true),
    (64, false),
    (128, true),
    (128, false),
    (128, false),
    (128, false),
    (128, false),
    (128, false),
    (256, true),
    (256, false),
];
/// How often the paper's MobileNet halves the image: in the first convolution and in four blocks.
const MOBILE_HALVINGS: usize = 5;

pub(super) fn resnet8(classes: usize) -> Vec<Node> {
    let mut layers = normalized(Layer::conv2d(16, 3).padding(1));
    for (channels, stride) in [(16, 1), (32, 2), (64, 2)] {
        let mut body = normalized(Layer::conv2d(channels, 3).padding(1).stride(stride));
        body.extend(nodes([Layer::conv2d(channels, 3).padding(1), Layer::batch_norm()]));
        // The input is added as it is where the shape stays.
        let shortcut = if stride > 1 { nodes([Layer::conv2d(channels, 1).stride(stride)]) } else { Vec::new() };
        layers.extend([Node::residual(body, shortcut), Layer::relu().into()]);
    }
    layers.extend(nodes([Layer::global_avg_pool(), Layer::dense(classes)]));
    layers
}

pub(super) fn ds_cnn([height, width]: [usize; 2], classes: usize) -> Vec<Node> {
    let frames = height >= width.saturating_mul(2);
    let first = if frames {
        // Of 49 x 10 this makes 25 x 5, as the padding of the published network does, which is uneven.
        Layer::conv2d_rect(64, [10, 4]).padding_rect([5, 1])
    } else {
        Layer::conv2d(64, 3).padding(1)
    };
    let mut layers = normalized(first.stride(2));
    layers.extend(nodes([Layer::dropout(0.2)]));
    for _ in 0..4 {
        layers.extend(separable(64, 1));
    }
    layers.extend(nodes([Layer::dropout(0.4), Layer::global_avg_pool(), Layer::dense(classes)]));
    layers
}

pub(super) fn mobilenet(side: usize, classes: usize) -> Vec<Node> {
    // The strides left out are the first ones: later layers are wider, and small images are cheap.
    let mut skipped = MOBILE_HALVINGS - halvings(side);
    let mut stride = |halves: bool| match halves {
        true if skipped == 0 => 2,
        true => {
            skipped -= 1;
            1
        }
        false => 1,
    };
    let mut layers = normalized(Layer::conv2d(8, 3).padding(1).stride(stride(true)));
    for (channels, halves) in MOBILE_BLOCKS {
        layers.extend(separable(channels, stride(halves)));
    }
    layers.extend(nodes([Layer::global_avg_pool(), Layer::dense(classes)]));
    layers
}

/// How often an image can be halved, as a 3x3 window at stride 2 with a border of 1 does, before too little is left.
fn halvings(mut side: usize) -> usize {
    let mut count = 0;
    while count < MOBILE_HALVINGS && side.div_ceil(2) >= LAST_SIDE {
        side = side.div_ceil(2);
        count += 1;
    }
    count
}

/// A convolution with batch norm and relu.
fn normalized(convolution: Layer<'static>) -> Vec<Node> {
    nodes([convolution, Layer::batch_norm(), Layer::relu()])
}

/// A depthwise and a 1x1 convolution, each with batch norm and relu.
fn separable(channels: usize, stride: usize) -> Vec<Node> {
    let mut layers = vec![Node::depthwise(stride), Layer::batch_norm().into(), Layer::relu().into()];
    layers.extend(normalized(Layer::conv2d(channels, 1)));
    layers
}

#[cfg(test)]
mod tests {
    use super::halvings;

    #[test]
    fn three_pixels_are_left() {
        let sides = [(1, 0), (3, 0), (5, 1), (8, 1), (28, 3), (32, 3), (48, 4), (64, 4), (65, 5), (96, 5), (224, 5)];
        for (side, expected) in sides {
            assert_eq!(halvings(side), expected, "{side}");
        }
    }
}
