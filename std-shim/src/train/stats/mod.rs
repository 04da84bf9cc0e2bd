//! What the layers of a network compute, in numbers: mean and deviation, percentiles, units without output.

mod collect;
mod values;

use flatgrad_core::net::{Kind, Layer};
use serde::{Deserialize, Deserializer, Serialize};

pub use collect::Collector;
pub use values::{Histogram, ValueStats};

/// What the layers computed in some steps of an epoch ([`Fit::stats`](super::Fit::stats)).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochStats {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Steps made at its end since the beginning of the run.
    pub step: u64,
    /// How many of the epoch's steps were looked at.
    pub steps: usize,
    /// All layers, in the order in which they run.
    pub layers: Vec<LayerStats>,
}

impl EpochStats {
    /// One JSON object per line, one line per layer.
    ///
    /// ```
    /// use flatgrad::train::stats::{EpochStats, LayerStats};
    /// let layer = LayerStats {
    ///     layer: 0,
    ///     kind: "relu",
    ///     outputs: Default::default(),
    ///     gradients: None,
    ///     dead: 0.25,
    ///     saturated: None,
    ///     update_ratio: None,
    /// };
    /// let stats = EpochStats { epoch: 1, step: 45, steps: 8, layers: vec![layer; 2] };
    /// let lines = stats.to_jsonl();
    /// assert_eq!(lines.lines().count(), 2);
    /// assert!(lines.starts_with(r#"{"epoch":1,"step":45,"steps":8,"layer":0,"kind":"relu","outputs":{"count":0,"#));
    /// ```
    pub fn to_jsonl(&self) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            epoch: usize,
            step: u64,
            steps: usize,
            #[serde(flatten)]
            layer: &'a LayerStats,
        }
        let Self { epoch, step, steps, ref layers } = *self;
        let line = |layer| serde_json::to_string(&Line { epoch, step, steps, layer });
        // Numbers and names: it cannot fail to serialize.
        layers.iter().filter_map(|layer| line(layer).ok()).map(|line| line + "\n").collect()
    }
}

/// What one layer computed over some batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerStats {
    /// The layer, counted as in [`Plan::layers`](flatgrad_core::net::Plan::layers).
    pub layer: usize,
    /// What it computes: `conv2d`, `relu` ...
    #[serde(deserialize_with = "kind_by_name")]
    pub kind: KindName,
    /// Its outputs. A convolution or dense layer that computes the relu behind it shows what relu gives.
    pub outputs: ValueStats,
    /// The gradients of the loss with respect to these, if they are computed.
    pub gradients: Option<ValueStats>,
    /// The share of its units whose output was 0 for every sample: channels of an image, else features.
    pub dead: f64,
    /// The share of outputs within 3 % of an end of their range, if the layer's range has two ends.
    pub saturated: Option<f64>,
    /// The size of an update over the size of the weights, both as Euclidean norms, if it has weights and there was an
    /// update ([`Collector::update`]); the mean, if there were several.
    pub update_ratio: Option<f64>,
}

impl LayerStats {
    /// The layer as people find it: its number, as [`Plan::layers`](flatgrad_core::net::Plan::layers) counts, and what
    /// it computes.
    pub fn name(&self) -> String {
        format!("{:02} {}", self.layer, self.kind)
    }
}

/// What [`Kind::name`] gives.
type KindName = &'static str;

/// The kind's own name, which lasts as long as the program.
fn kind_by_name<'de, D: Deserializer<'de>>(from: D) -> Result<KindName, D::Error> {
    let name = String::deserialize(from)?;
    let known = Layer::all().map(|layer| layer.kind().name()).chain([Kind::Add.name()]).find(|known| *known == name);
    known.ok_or_else(|| serde::de::Error::custom(format!("{name} is no kind of layer")))
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
