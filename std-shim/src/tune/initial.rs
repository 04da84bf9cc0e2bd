//! Step 1: the network before it has learnt anything.

use flatgrad_core::net::{Config, Kind, LayerInfo, Plan, Role, Trainer};

use super::subject::Lab;
use super::{Code, Severity, Verdict, limits};
use crate::data::{Dataset, Label, Loader};
use crate::error::{Error, Result};
use crate::model::{LayerStore, Network};
use crate::train::loss_for;
use crate::train::stats::{Collector, LayerStats};

/// Samples that go through the network at once, and batches of them.
const BATCH: usize = 64;
const BATCHES: usize = 4;

/// What a network computes, with given weights or those it starts from.
pub(super) struct Seen {
    pub(super) layers: Vec<LayerInfo>,
    pub(super) stats: Vec<LayerStats>,
    /// The mean loss.
    pub(super) loss: f64,
    /// For each layer with weights, its index, their deviation times the root of the number of inputs of an output,
    /// and the root mean square of their gradients.
    pub(super) weights: Vec<(usize, f64, f64)>,
    /// The size of the first update over that of the weights, the median over layers with weights.
    pub(super) update_ratio: f64,
}

impl Seen {
    /// Looks at the network with these weights; none are those it starts from.
    pub(super) fn at(lab: &Lab, network: &Network, weights: &[f32]) -> Result<Self> {
        let (store, settings) = (LayerStore::default(), &lab.subject.settings);
        let net = network.net(&store)?;
        let batch = BATCH.min(lab.train.len());
        let loss = loss_for(lab.train.task());
        let config = Config::new(batch, settings.optimizer).threads(lab.ctx.threads()).align(16).loss(loss);
        let plan = Plan::try_new(&net, config).map_err(|error| network.explain(error))?;
        let mut arena = vec![0.0; plan.train_len()];
        let mut trainer = Trainer::new(lab.ctx, &plan, &mut arena, settings.seed)?;
        if weights.len() == plan.weights_len() {
            trainer.weights_mut().copy_from_slice(weights);
        }
        let normalizer = settings.normalize.fit(&*lab.train, settings.loading.workers)?;
        let pipeline = lab.subject.augmentation.as_ref().map(crate::augment::Augmentation::test);
        let loader = Loader::new(&*lab.train, &normalizer, batch).seed(settings.seed).pipeline(pipeline);
        let whole = BATCHES.min(lab.train.len() / batch);
        let mut collector = Collector::new(&plan);
        let (mut loss, mut samples) = (0.0, 0);
        loader.epoch(0, |batches| {
            for _ in 0..whole {
                let Some(batch) = batches.next_batch()? else { break };
                let total = whole * batch.len();
                let report = trainer.accumulate_observed(batch.x(), batch.target(), total, &mut collector)?;
                loss += f64::from(report.loss_sum);
                samples += batch.len();
            }
            Ok::<(), Error>(())
        })?;
        let weights = weight_sizes(&plan, &trainer);
        let before = trainer.weights().to_vec();
        trainer.update(&settings.optimizer)?;
        collector.update(&before, trainer.weights());
        let (layers, stats): (_, Vec<LayerStats>) = (plan.layers().collect(), collector.describe());
        let update_ratio = median_ratio(&weights, &stats);
        Ok(Self { layers, stats, loss: loss / samples.max(1) as f64, weights, update_ratio })
    }
}

fn weight_sizes(plan: &Plan, trainer: &Trainer) -> Vec<(usize, f64, f64)> {
    let layers: Vec<LayerInfo> = plan.layers().collect();
    let mut sizes = Vec::new();
    let mut learnt = 0;
    for tensor in plan.tensors() {
        let layer = layers.get(tensor.layer);
        let frozen = layer.is_some_and(|layer| layer.options.frozen);
        let gradient = learnt..learnt + tensor.elements();
        if matches!(tensor.name.role, Role::Weight | Role::Bias) && !frozen {
            learnt = gradient.end;
        }
        let weighted = layer.is_some_and(|layer| matches!(layer.kind, Kind::Conv2d { .. } | Kind::Dense { .. }));
        // A single weight has no deviation.
        if tensor.name.role != Role::Weight || !weighted || tensor.elements() < 2 {
            continue;
        }
        let weights = trainer.weights().get(tensor.range()).unwrap_or_default();
        let shape = tensor.shape();
        let outputs = if tensor.is_dense_weight() { shape.last() } else { shape.first() };
        let inputs = weights.len() / outputs.copied().unwrap_or(1).max(1);
        let gradients = if frozen { &[] } else { trainer.gradients().get(gradient).unwrap_or_default() };
        sizes.push((tensor.layer, deviation(weights) * (inputs as f64).sqrt(), rms(gradients)));
    }
    sizes
}

fn median_ratio(weights: &[(usize, f64, f64)], stats: &[LayerStats]) -> f64 {
    let mut ratios: Vec<f64> =
        weights.iter().filter_map(|&(layer, ..)| stats.get(layer).and_then(|stats| stats.update_ratio)).collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(0.0)
}

fn rms(values: &[f32]) -> f64 {
    (values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / values.len().max(1) as f64).sqrt()
}

fn deviation(values: &[f32]) -> f64 {
    let n = values.len().max(1) as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    (values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n).sqrt()
}

/// What the first loss must be: ln of the classes; for values, their mean square.
pub(super) fn expected_loss(part: &dyn Dataset) -> f64 {
    if part.task().is_classes() {
        return (part.task().outputs().max(2) as f64).ln();
    }
    let (mut n, mut squares) = (0.0, 0.0);
    for index in 0..part.len() {
        if let Label::Values(values) = part.target(index) {
            for &value in values {
                (n, squares) = (n + 1.0, squares + f64::from(value).powi(2));
            }
        }
    }
    squares / f64::max(n, 1.0)
}

/// A layer as people find it: its place in the table, counted from 1, and its kind.
pub(super) fn name(stats: &LayerStats) -> String {
    format!("{} {}", stats.layer + 1, stats.kind)
}

/// Step 1.
pub(super) fn look(lab: &Lab, seen: &Seen, found: &mut Vec<Verdict>) {
    weights(seen, found);
    let expected = expected_loss(&*lab.train);
    let ratio = seen.loss / expected.max(1e-9);
    if !seen.loss.is_finite() || ratio > limits::FIRST_LOSS {
        let text = format!("before training the loss is {:.3}, and should be near {expected:.3}", seen.loss);
        // One layer's fault is named by its layer: this says that it matters.
        let code = if found.iter().any(|verdict| verdict.code == Code::InitTooLarge) {
            Code::InitTooLarge
        } else {
            Code::Exploding
        };
        let verdict = Verdict::new(code, 1, Severity::Error, text);
        found.push(verdict.with("loss", seen.loss).with("expected", expected));
    }
    gradients(seen, found);
    units(seen, 1, found);
}

/// How the weights start.
fn weights(seen: &Seen, found: &mut Vec<Verdict>) {
    for &(layer, size, _) in &seen.weights {
        let Some(stats) = seen.stats.get(layer) else { continue };
        let of = name(stats);
        let (code, text) = if size == 0.0 {
            (Code::InitZero, format!("all weights of layer {of} start from one value, so all its units learn the same"))
        } else if size > limits::INIT_LARGE {
            (Code::InitTooLarge, format!("the weights of layer {of} are {:.0} times as large as usual", size / 0.58))
        } else if size < limits::INIT_SMALL {
            (Code::InitTooSmall, format!("the weights of layer {of} are {:.0} times smaller than usual", 0.58 / size))
        } else {
            continue;
        };
        found.push(Verdict::new(code, 1, Severity::Error, text).layer(of).with("deviation_times_root_inputs", size));
    }
}

/// What comes of the gradients on their way back.
fn gradients(seen: &Seen, found: &mut Vec<Verdict>) {
    let layers = seen.weights.iter().filter(|(.., gradient)| *gradient > 0.0);
    let sizes: Vec<(usize, f64)> = layers.map(|&(layer, _, gradient)| (layer, gradient)).collect();
    let (Some(&(first, first_size)), Some(&(_, last_size))) = (sizes.first(), sizes.last()) else { return };
    let ratio = first_size / last_size;
    let of = seen.stats.get(first).map_or(String::new(), name);
    if ratio < limits::VANISHING {
        let text = format!("the gradients of layer {of} are {ratio:.1e} of those of the last layer");
        found.push(Verdict::new(Code::Vanishing, 1, Severity::Error, text).layer(of).with("first_over_last", ratio));
    } else if ratio > limits::EXPLODING {
        let text = format!("the gradients of layer {of} are {ratio:.0} times those of the last layer");
        found.push(Verdict::new(Code::Exploding, 1, Severity::Error, text).layer(of).with("first_over_last", ratio));
    }
}

/// Units that say nothing: at the ends of their range, or 0 for every sample.
pub(super) fn units(seen: &Seen, step: u8, found: &mut Vec<Verdict>) {
    let when = if step == 1 { "before training" } else { "after training" };
    let ends_in_softmax = seen.layers.len().saturating_sub(1);
    for (index, (layer, stats)) in seen.layers.iter().zip(&seen.stats).enumerate() {
        let of = name(stats);
        if let Some(share) = stats.saturated.filter(|share| *share > limits::SATURATED && index != ends_in_softmax) {
            let text =
                format!("{when}, {:.0} % of the outputs of layer {of} are at an end of its range", 100.0 * share);
            found.push(Verdict::new(Code::Saturated, step, Severity::Error, text).layer(of).with("share", share));
        } else if is_relu(layer.kind) && stats.dead > limits::DEAD {
            let text =
                format!("{when}, {:.0} % of the units of layer {of} give 0 for every sample", 100.0 * stats.dead);
            found.push(Verdict::new(Code::DeadRelu, step, Severity::Error, text).layer(of).with("share", stats.dead));
        }
    }
}

fn is_relu(kind: Kind) -> bool {
    matches!(kind, Kind::Activation(flatgrad_core::activation::Activation::Relu))
}
