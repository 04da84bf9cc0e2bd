//! An observer that describes what it sees.

use flatgrad_core::net::{Kind, Observer, Plan, TensorInfo};

use serde::{Deserialize, Serialize};

use super::values::Gather;
use super::{LayerStats, range_of};
use crate::error::{Error, Result};
use crate::train::Saved;

/// This part of a range counts as its end.
const END: f32 = 0.03;

/// Under this name, what has been seen is kept in a checkpoint.
const KEPT: &str = "stats.layers";

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
    sums: Sums,
}

/// What is added up over all that is seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sums {
    outputs: Gather,
    gradients: Gather,
    /// Units that have given something other than 0.
    alive: Vec<bool>,
    at_ends: usize,
    /// The sum of the updates' ratios.
    ratio: f64,
    updates: usize,
}

impl Sums {
    fn new(units: usize) -> Self {
        let (outputs, gradients) = (Gather::default(), Gather::default());
        Self { outputs, gradients, alive: vec![false; units], at_ends: 0, ratio: 0.0, updates: 0 }
    }
}

impl Collector {
    /// Has seen nothing yet.
    pub fn new<S: AsRef<[flatgrad_core::net::Slot]>>(plan: &Plan<S>) -> Self {
        let seen = |layer: flatgrad_core::net::LayerInfo| {
            let [channels, height, width] = layer.output;
            Seen { kind: layer.kind, plane: height * width, sums: Sums::new(channels) }
        };
        Self { layers: plan.layers().map(seen).collect(), tensors: plan.tensors().collect() }
    }

    /// Weights before and after an update.
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
                layer.sums.ratio += (change / size).sqrt();
                layer.sums.updates += 1;
            }
        }
    }

    /// What has been seen, layer by layer.
    pub fn describe(&self) -> Vec<LayerStats> {
        self.layers.iter().enumerate().map(|(layer, seen)| seen.describe(layer)).collect()
    }

    /// Forgets what has been seen.
    pub fn clear(&mut self) {
        self.layers.iter_mut().for_each(|seen| seen.sums = Sums::new(seen.sums.alive.len()));
    }

    /// Puts what has been seen into a checkpoint.
    pub(in crate::train) fn save(&self, saved: &mut Saved) {
        let sums: Vec<&Sums> = self.layers.iter().map(|seen| &seen.sums).collect();
        saved.put(KEPT, &sums);
        for (layer, sums) in sums.iter().enumerate() {
            for (what, gather) in [("outputs", &sums.outputs), ("gradients", &sums.gradients)] {
                if !gather.kept.is_empty() {
                    saved.tensors.insert(format!("stats.{layer}.{what}"), gather.kept.clone());
                }
            }
        }
    }

    /// Takes it out again, if it is there.
    pub(in crate::train) fn load(&mut self, saved: &Saved) -> Result {
        let Some(all) = saved.get::<Vec<Sums>>(KEPT)? else { return Ok(()) };
        let fits = |(seen, sums): (&Seen, &Sums)| seen.sums.alive.len() == sums.alive.len();
        if all.len() != self.layers.len() || !self.layers.iter().zip(&all).all(fits) {
            return Err(Error::weights("checkpoint", format!("{KEPT} is not of this network")));
        }
        let row =
            |layer: usize, what: &str| saved.tensors.get(&format!("stats.{layer}.{what}")).cloned().unwrap_or_default();
        for (layer, (seen, mut sums)) in self.layers.iter_mut().zip(all).enumerate() {
            (sums.outputs.kept, sums.gradients.kept) = (row(layer, "outputs"), row(layer, "gradients"));
            seen.sums = sums;
        }
        Ok(())
    }
}

fn is_learnt(tensor: &TensorInfo) -> bool {
    use flatgrad_core::net::Role;
    matches!(tensor.name.role, Role::Weight | Role::Bias)
}

impl Seen {
    fn add(&mut self, values: &[f32]) {
        let sums = &mut self.sums;
        sums.outputs.add(values);
        let plane = self.plane.max(1);
        for sample in values.chunks((plane * sums.alive.len()).max(1)) {
            for (alive, values) in sums.alive.iter_mut().zip(sample.chunks(plane)) {
                *alive = *alive || values.iter().any(|&value| value != 0.0);
            }
        }
        if let Some([low, high]) = range_of(self.kind) {
            let margin = END * (high - low);
            sums.at_ends += values.iter().filter(|&&y| y <= low + margin || y >= high - margin).count();
        }
    }

    fn describe(&self, layer: usize) -> LayerStats {
        let Sums { outputs, gradients, alive, at_ends, ratio, updates } = &self.sums;
        let dead = alive.iter().filter(|&&alive| !alive).count();
        let outputs = outputs.describe();
        let count = outputs.count;
        LayerStats {
            layer,
            kind: self.kind.name(),
            outputs,
            gradients: (!gradients.is_empty()).then(|| gradients.describe()),
            dead: if count == 0 { 0.0 } else { dead as f64 / alive.len().max(1) as f64 },
            saturated: range_of(self.kind).map(|_| *at_ends as f64 / count.max(1) as f64),
            update_ratio: (*updates > 0).then(|| ratio / *updates as f64),
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
            seen.sums.gradients.add(values);
        }
    }
}
