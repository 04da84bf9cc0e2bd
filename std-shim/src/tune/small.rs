//! Step 2: whether the network can learn a small sample by heart, and if not, why.

use std::sync::Arc;

use super::subject::{Lab, Part};
use super::trial::{Course, Trial};
use super::{Code, Severity, Verdict, limits};
use crate::data::{Dataset, Label, Subset};
use crate::error::Result;
use crate::model::Network;
use crate::train::{Schedule, Settings};

/// The small sample.
const SAMPLES: usize = 32;
/// Steps between evaluations, and evaluations at most.
const STEPS: usize = 10;
const EVALUATIONS: usize = 30;
/// Operations for a trial at most.
const WORK: f64 = 4e11;
/// Rates that are tried, beside the one asked for.
const AROUND_OWN: [f32; 5] = [1.0, 10.0, 0.1, 100.0, 0.01];
/// The same, around the optimizer's usual rate.
const AROUND_USUAL: [f32; 3] = [1.0, 10.0, 0.1];
/// How much wider a network is tried.
const WIDER: usize = 16;

/// How step 2 went.
pub(super) struct Small {
    /// Whether the sample was learnt at the rate asked for, and at any.
    pub(super) at_rate: bool,
    pub(super) at_any: bool,
    /// The best score.
    pub(super) score: f64,
}

/// Step 2.
pub(super) fn overfit(lab: &Lab, found: &mut Vec<Verdict>) -> Result<Small> {
    let sample = few(&lab.train)?;
    let free = small_trial(lab, lab.free_trial().network, &sample)?;
    let own = free.settings.optimizer.lr();
    let mut trials = at_rates(&free, own, &AROUND_OWN);
    trials.extend(at_rates(&free, lab.usual_rate(), &AROUND_USUAL));
    let courses = lab.run_all(&trials)?;
    let learnt: Vec<bool> = courses.iter().map(|course| course.best_score() >= limits::LEARNT).collect();
    let score = courses.iter().map(Course::best_score).fold(f64::NEG_INFINITY, f64::max);
    let small = Small { at_rate: learnt[0], at_any: learnt.contains(&true), score };
    let narrow = narrowest(lab)?;
    if !small.at_any {
        why(lab, &free, &sample, narrow.as_ref(), score, found)?;
    } else if let Some((layer, width)) = narrow
        && width == 1
    {
        let text = format!("layer {layer} has a single unit: all that later layers know is one number");
        found.push(Verdict::new(Code::ModelTooSmall, 2, Severity::Warning, text).layer(layer).with("units", 1.0));
    }
    dropout(lab, &sample, &small, found)?;
    Ok(small)
}

fn at_rates(trial: &Trial, lr: f32, factors: &[f32]) -> Vec<Trial> {
    factors.iter().map(|factor| trial.clone().at_rate(lr * factor)).collect()
}

/// What would help: other weights to start from, or a wider network.
fn why(
    lab: &Lab,
    free: &Trial,
    sample: &Part,
    narrow: Option<&(String, usize)>,
    score: f64,
    found: &mut Vec<Verdict>,
) -> Result {
    let helps = |network: Network| -> Result<bool> {
        let Ok(trial) = small_trial(lab, network, sample) else { return Ok(false) };
        let trials = at_rates(&trial, lab.usual_rate(), &AROUND_USUAL);
        Ok(lab.run_all(&trials)?.iter().any(|course| course.best_score() >= limits::LEARNT))
    };
    let percent = 100.0 * score.max(0.0);
    if let Some((layer, 1)) = narrow {
        let text = format!("32 samples are learnt to {percent:.0} %; layer {layer} has a single unit");
        let verdict = Verdict::new(Code::ModelTooSmall, 2, Severity::Error, text).with("score", score);
        found.push(verdict.layer(layer.clone()));
        return Ok(());
    }
    let network = &free.network;
    if network.clone().with_default_init() != *network && helps(network.clone().with_default_init())? {
        // What is wrong with the weights is known from step 1, if it is more than a matter of luck.
        if !found.iter().any(|v| matches!(v.code, Code::InitZero | Code::InitTooLarge | Code::InitTooSmall)) {
            let text = "32 samples are learnt from the default initialization and not from this one";
            found.push(Verdict::new(Code::InitTooLarge, 2, Severity::Warning, text).with("score", score));
        }
    } else if helps(network.clone().wider(WIDER))? {
        let of = narrow.map_or(String::new(), |(layer, width)| format!("; layer {layer} has {width} units"));
        let text =
            format!("32 samples are learnt to {percent:.0} %, and wholly by a network {WIDER} times as wide{of}");
        let mut verdict = Verdict::new(Code::ModelTooSmall, 2, Severity::Error, text).with("score", score);
        verdict.layer = narrow.map(|(layer, _)| layer.clone());
        found.push(verdict);
    } else {
        let text = format!("no rate teaches the network 32 samples by heart: it gets {percent:.0} % of them");
        found.push(Verdict::new(Code::Underfitting, 2, Severity::Warning, text).with("score", score));
    }
    Ok(())
}

/// So much dropout that the sample, which is learnt without it, may not be learnt with it.
fn dropout(lab: &Lab, sample: &Part, small: &Small, found: &mut Vec<Verdict>) -> Result {
    let p = most_dropped(lab)?;
    if p < limits::DROPOUT {
        return Ok(());
    }
    let score = lab.run(&small_trial(lab, lab.subject.network.clone(), sample)?)?.best_score();
    let severity = if small.at_rate && score < limits::LEARNT { Severity::Error } else { Severity::Warning };
    let text = format!("dropout sets {:.0} % of a layer's outputs to 0", 100.0 * p);
    let verdict = Verdict::new(Code::BottleneckDropout, 2, severity, text);
    found.push(verdict.with("p", f64::from(p)).with("score_with_dropout", score));
    Ok(())
}

/// The largest probability to drop.
pub(super) fn most_dropped(lab: &Lab) -> Result<f32> {
    let of = |kind| if let flatgrad_core::net::Kind::Dropout { p, .. } = kind { p } else { 0.0 };
    Ok(layers(lab)?.into_iter().map(of).fold(0.0, f32::max))
}

fn layers(lab: &Lab) -> Result<Vec<flatgrad_core::net::Kind>> {
    Ok(plan_layers(lab)?.into_iter().map(|layer| layer.kind).collect())
}

fn plan_layers(lab: &Lab) -> Result<Vec<flatgrad_core::net::LayerInfo>> {
    let store = crate::model::LayerStore::default();
    let net = lab.subject.network.net(&store)?;
    let config = flatgrad_core::net::Config::new(2, lab.subject.settings.optimizer);
    let plan = flatgrad_core::net::Plan::try_new(&net, config).map_err(|error| lab.subject.network.explain(error))?;
    Ok(plan.layers().collect())
}

/// The hidden layer with the fewest units or channels, and how many.
fn narrowest(lab: &Lab) -> Result<Option<(String, usize)>> {
    use flatgrad_core::net::Kind;
    let layers = plan_layers(lab)?;
    let weighted = |kind: &Kind| matches!(kind, Kind::Conv2d { .. } | Kind::Dense { .. });
    let last = layers.iter().rposition(|layer| weighted(&layer.kind)).unwrap_or(0);
    let hidden = layers.iter().enumerate().take(last).filter(|(_, layer)| weighted(&layer.kind));
    // A channel of an image is as many numbers as the image has places.
    let width = |layer: &flatgrad_core::net::LayerInfo| layer.output.iter().product::<usize>();
    let narrow = hidden.min_by_key(|(_, layer)| width(layer));
    Ok(narrow.map(|(index, layer)| (format!("{} {}", index + 1, layer.kind.name()), width(layer))))
}

/// A few dozen samples, as many of each class as there can be.
fn few(part: &Part) -> Result<Part> {
    let classes = part.task().outputs().max(1);
    let per_class = SAMPLES.div_ceil(classes);
    let (mut counts, mut chosen) = (vec![0usize; classes], Vec::new());
    let mut rest = Vec::new();
    for index in 0..part.len() {
        let class = match part.target(index) {
            Label::Class(class) if part.task().is_classes() => class as usize,
            _ => 0,
        };
        let limit = if part.task().is_classes() { per_class } else { SAMPLES };
        match counts.get_mut(class) {
            Some(count) if *count < limit && chosen.len() < SAMPLES => {
                *count += 1;
                chosen.push(index as u32);
            }
            _ => rest.push(index as u32),
        }
    }
    let missing = SAMPLES.saturating_sub(chosen.len());
    chosen.extend(rest.into_iter().take(missing));
    Ok(Arc::new(Subset::new(Arc::clone(part), chosen)?))
}

/// Ten steps with the whole sample are an epoch; it ends as soon as all is right.
fn small_trial(lab: &Lab, network: Network, sample: &Part) -> Result<Trial> {
    let n = sample.len();
    let again: Vec<u32> = (0..n * STEPS).map(|i| (i % n) as u32).collect();
    let train: Part = Arc::new(Subset::new(Arc::clone(sample), again)?);
    let free = lab.free_trial();
    let work = lab.work(&network)? * (n * (STEPS + 1)) as f64;
    let epochs = ((WORK * lab.scale / work) as usize).clamp(3, EVALUATIONS);
    let settings = Settings {
        epochs,
        batch: n,
        accumulate: 1,
        max_steps: None,
        schedule: Schedule::CONSTANT,
        class_weights: Vec::new(),
        ..free.settings
    };
    Ok(Trial { network, settings, train, probe: Arc::clone(sample), until: Some(limits::LEARNT), ..free })
}
