//! What the layers of a network compute, in numbers: mean and deviation, percentiles, units without output.

mod collect;
mod values;

use flatgrad_core::net::Kind;
use serde::Serialize;

pub use collect::Collector;
pub use values::ValueStats;

/// What one layer computed over some batches.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerStats {
    /// The layer, counted as in [`Plan::layers`](flatgrad_core::net::Plan::layers).
    pub layer: usize,
    /// What it computes: `conv2d`, `relu` ...
    pub kind: &'static str,
    /// Its outputs. A convolution or dense layer that computes the relu behind it shows what relu gives.
    pub outputs: ValueStats,
    /// The gradients of the loss with respect to these, if they are computed.
    pub gradients: Option<ValueStats>,
    /// The share of its units whose output was 0 for every sample: channels of an image, else features.
    pub dead: f64,
    /// The share of outputs within 3 % of an end of their range, if the layer's range has two ends.
    pub saturated: Option<f64>,
    /// The size of an update over the size of the weights, both as Euclidean norms, if it has weights and there was an
    /// update ([`Collector::update`]).
    pub update_ratio: Option<f64>,
}

/// The ends of what a layer of this kind can give.
pub(crate) fn range_of(kind: Kind) -> Option<[f32; 2]> {
    use flatgrad_core::activation::Activation;
    match kind {
        Kind::Activation(Activation::Sigmoid) | Kind::Softmax => Some([0.0, 1.0]),
        Kind::Activation(Activation::Tanh) => Some([-1.0, 1.0]),
        _ => None,
    }
}
