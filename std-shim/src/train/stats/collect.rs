//! An observer that describes what it sees.

use flatgrad_core::net::{Kind, Observer, Plan, TensorInfo};

use super::values::Gather;
use super::{LayerStats, range_of};

/// This part of a range counts as its end.
const END: f32 = 0.03;

/// Describes what the layers of a network compute; an observer of
/// [`Trainer::accumulate_observed`](flatgrad_core::net::Trainer::accumulate_observed).
///
/// ```
/// use flatgrad::train::stats::Collector;
/// use flatgrad_core::net::{Config, Layer, Net, Optimizer, Plan, Trainer};
/// use flatgrad_core::{Context, Isa};
///
/// const NET: Net = Net::new([2, 1, 1], &[Layer::dense(3), Layer::sigmoid(), Layer::dense(2)]);
/// let plan = Plan::try_new(&NET, Config::new(4, Optimizer::sgd(0.1)))?;
/// let mut arena = vec![0.0; plan.train_len()];
/// let mut trainer = Trainer::new(Context::serial(Isa::detect()), &plan, &mut arena, 1)?;
/// let mut collector = Collector::new(&plan);
/// trainer.accumulate_observed(&[1.0; 8], &[0, 1, 0, 1], 4, &mut collector)?;
/// let before = trainer.weights().to_vec();
/// trainer.update(&Optimizer::sgd(0.1))?;
/// collector.update(&before, trainer.weights());
/// let stats = collector.describe();
/// assert_eq!((stats[1].kind, stats[1].outputs.count, stats[1].saturated), ("sigmoid", 12, Some(0.0)));
/// assert!(stats[0].update_ratio.is_some_and(|ratio| ratio > 0.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Collector {
    layers: Vec<Seen>,
    tensors: Vec<TensorInfo>,
}

#[derive(Clone, Debug)]
struct Seen {
    kind: Kind,
    /// Values of a unit: those of a channel, or one.
    plane: usize,
    outputs: Gather,
    gradients: Gather,
    /// Units that have given something other than 0.
    alive: Vec<bool>,
    at_ends: usize,
    ratio: Option<f64>,
}

impl Collector {
    /// Has seen nothing yet.
    pub fn new<S: AsRef<[flatgrad_core::net::Slot]>>(plan: &Plan<S>) -> Self {
        let seen = |layer: flatgrad_core::net::LayerInfo| {
            let [channels, height, width] = layer.output;
            Seen {
                kind: layer.kind,
                plane: height * width,
                outputs: Gather::default(),
                gradients: Gather::default(),
                alive: vec![false; channels],
                at_ends: 0,
                ratio: None,
            }
        };
        Self { layers: plan.layers().map(seen).collect(), tensors: plan.tensors().collect() }
    }

    /// Weights before and after an update: the last one counts.
    pub fn update(&mut self, before: &[f32], after: &[f32]) {
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let (mut change, mut size) = (0.0, 0.0);
            for tensor in self.tensors.iter().filter(|tensor| tensor.layer == index && is_learnt(tensor)) {
                let [before, after] = [before, after].map(|weights| weights.get(tensor.range()).unwrap_or_default());
                for (&before, &after) in before.iter().zip(after) {
                    change += (f64::from(after) - f64::from(before)).powi(2);
                    size += f64::from(before).powi(2);
                }
            }
            if size > 0.0 {
                layer.ratio = Some((change / size).sqrt());
            }
        }
    }

    /// What has been seen, layer by layer.
    pub fn describe(&self) -> Vec<LayerStats> {
        self.layers.iter().enumerate().map(|(layer, seen)| seen.describe(layer)).collect()
    }
}

fn is_learnt(tensor: &TensorInfo) -> bool {
    use flatgrad_core::net::Role;
    matches!(tensor.name.role, Role::Weight | Role::Bias)
}

impl Seen {
    fn add(&mut self, values: &[f32]) {
        self.outputs.add(values);
        let units = self.alive.len().max(1);
        for (unit, values) in values.chunks(self.plane.max(1)).enumerate() {
            if let Some(alive) = self.alive.get_mut(unit % units) {
                *alive = *alive || values.iter().any(|&value| value != 0.0);
            }
        }
        if let Some([low, high]) = range_of(self.kind) {
            let margin = END * (high - low);
            self.at_ends += values.iter().filter(|&&y| y <= low + margin || y >= high - margin).count();
        }
    }

    fn describe(&self, layer: usize) -> LayerStats {
        let dead = self.alive.iter().filter(|&&alive| !alive).count();
        let count = self.outputs.describe().count;
        LayerStats {
            layer,
            kind: self.kind.name(),
            outputs: self.outputs.describe(),
            gradients: (!self.gradients.is_empty()).then(|| self.gradients.describe()),
            dead: if count == 0 { 0.0 } else { dead as f64 / self.alive.len().max(1) as f64 },
            saturated: range_of(self.kind).map(|_| self.at_ends as f64 / count.max(1) as f64),
            update_ratio: self.ratio,
        }
    }
}

impl Observer for Collector {
    fn output(&mut self, layer: usize, values: &[f32]) {
        if let Some(seen) = self.layers.get_mut(layer) {
            seen.add(values);
        }
    }
    fn gradient(&mut self, layer: usize, values: &[f32]) {
        if let Some(seen) = self.layers.get_mut(layer) {
            seen.gradients.add(values);
        }
    }
}
