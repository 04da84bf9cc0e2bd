//! The memory map in bytes.

use flatgrad_core::net::{Kind, LayerInfo, Phase, Plan};
use serde::Serialize;

use super::usage::usage;
use crate::report::layer_rows;

pub(super) const ELEMENT: usize = size_of::<f32>();

/// Where everything of a network lives, for training and for inference.
///
/// ```
/// use flatgrad::memory::MemoryMap;
/// use flatgrad::model::{Architecture, LayerStore, Network};
/// use flatgrad_core::net::{Config, Optimizer, Plan};
/// let store = LayerStore::default();
/// let net = Network::new(Architecture::Tiny, [1, 8, 8], 10).net(&store)?;
/// let map = MemoryMap::new(&Plan::try_new(&net, Config::new(1, Optimizer::adam(1e-3)))?);
/// // Weights, their gradients, and two moments.
/// assert_eq!(map.training.bytes - map.training.work, 4 * 1_898 * 4);
/// assert!(map.inference.work < map.training.work);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemoryMap {
    /// One training step.
    pub training: Usage,
    /// One inference; the weights may lie elsewhere, in flash memory for example.
    pub inference: Usage,
    /// The samples of a batch, which stay where the caller has them: not counted above.
    pub samples: usize,
    /// The layers in the order in which they run.
    pub layers: Vec<LayerMemory>,
}

/// The memory of training or of inference, in bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Usage {
    /// All of it.
    pub bytes: usize,
    /// Parameters and running averages.
    pub weights: usize,
    /// Gradients of the parameters.
    pub gradients: usize,
    /// What the optimizer keeps.
    pub optimizer_state: usize,
    /// What comes and goes with the layers.
    pub work: usize,
    /// The step in which most of the work memory is in use.
    pub peak_step: usize,
    /// The layer at work in it.
    pub peak_layer: usize,
    /// How much is in use in it.
    pub peak_work: usize,
    /// The number of steps.
    pub steps: usize,
    /// What lives where and when, lowest address first.
    pub blocks: Vec<Block>,
}

/// A part of the memory, in use from one step to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    /// What it holds.
    pub content: Content,
    /// The layer it belongs to; `None` for what belongs to all.
    pub layer: Option<usize>,
    /// Its first byte.
    pub offset: usize,
    /// Its length.
    pub bytes: usize,
    /// The first step that uses it.
    pub first_step: usize,
    /// The last step that uses it.
    pub last_step: usize,
}

/// What a block of memory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Parameters and running averages of all layers.
    Weights,
    /// The gradients of all parameters.
    WeightGradients,
    /// The optimizer's state for all parameters.
    OptimizerState,
    /// A layer's output.
    Output,
    /// The gradient of a layer's output.
    Gradient,
    /// Statistics of a normalization.
    Statistics,
    /// Scratch.
    Scratch,
}

/// What one layer brings along, in bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerMemory {
    /// The layer, such as `conv2d 3x3`.
    pub layer: String,
    /// The shape of its output for one sample.
    pub output: Vec<usize>,
    /// The number of trained parameters, frozen or not.
    pub parameters: usize,
    /// Whether its parameters stay as they are.
    pub frozen: bool,
    /// Whether it works on its input's memory: then it has no activations of its own.
    pub in_place: bool,
    /// Parameters and running averages.
    pub weights: usize,
    /// Gradients of the parameters.
    pub gradients: usize,
    /// What the optimizer keeps.
    pub optimizer_state: usize,
    /// Its output for a batch, in training.
    pub activations: usize,
    /// The gradient of its output, in training.
    pub activation_gradients: usize,
    /// Scratch and statistics, in training, the larger of forward and backward pass.
    pub scratch: usize,
    /// The first byte of its output in the training arena.
    pub offset: Option<usize>,
}

impl MemoryMap {
    /// The map of a plan.
    pub fn new(plan: &Plan) -> Self {
        let slots = plan.config().optimizer.slots();
        let bytes = ELEMENT * plan.weights_len();
        let gradients = ELEMENT * plan.trained_parameters();
        let training = usage(plan, Phase::Training, ELEMENT * plan.train_len(), [bytes, gradients, slots * gradients]);
        let inference = ELEMENT * (plan.weights_len() + plan.infer_work_len());
        let inference = usage(plan, Phase::Inference, inference, [bytes, 0, 0]);
        let rows = layer_rows(plan).into_iter().zip(plan.layers()).enumerate();
        let layers = rows.map(|(i, (row, info))| {
            let trained = if info.options.frozen { 0 } else { ELEMENT * info.parameters };
            let sum = |wanted: &[Content], pass: fn(&Block, usize) -> bool| {
                let own = training.blocks.iter().filter(|b| b.layer == Some(i) && wanted.contains(&b.content));
                own.filter(|b| pass(b, plan.layers().count())).map(|b| b.bytes).sum::<usize>()
            };
            let helpers = [Content::Scratch, Content::Statistics];
            let (forward, backward) = (sum(&helpers, |b, n| b.first_step < n), sum(&helpers, |b, n| b.last_step > n));
            LayerMemory {
                layer: row.layer,
                output: row.output,
                parameters: row.parameters,
                frozen: info.options.frozen,
                in_place: info.in_place,
                weights: ELEMENT * (info.parameters + running(&info)),
                gradients: trained,
                optimizer_state: slots * trained,
                activations: sum(&[Content::Output], |_, _| true),
                activation_gradients: sum(&[Content::Gradient], |_, _| true),
                scratch: forward.max(backward),
                offset: training.blocks.iter().find(|b| b.output_of(i)).map(|b| b.offset),
            }
        });
        let layers = layers.collect();
        let sizes = plan.input().into_iter().chain([plan.config().batch]);
        let samples = sizes.fold(ELEMENT, usize::saturating_mul);
        Self { training, inference, samples, layers }
    }
}

impl Block {
    fn output_of(&self, layer: usize) -> bool {
        self.layer == Some(layer) && self.content == Content::Output
    }

    /// Whether it is in use in a step.
    pub fn lives_in(&self, step: usize) -> bool {
        (self.first_step..=self.last_step).contains(&step)
    }
}

/// Elements of a layer's running averages.
fn running(info: &LayerInfo) -> usize {
    if matches!(info.kind, Kind::BatchNorm { .. }) { 2 * info.input[0] } else { 0 }
}
