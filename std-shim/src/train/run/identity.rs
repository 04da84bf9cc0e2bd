//! What a run must have in common with the one that it continues, as text.
//!
//! Checkpoints keep the text. It does not depend on how the code names things.

use std::collections::BTreeMap;
use std::fmt::Write;

use flatgrad_core::net::{Decay, Layer, LayerInfo, Net, Optimizer, Plan};

use crate::augment::Augmentation;
use crate::data::Normalization;
use crate::error::Result;
use crate::model::{layer_toml, value_toml};
use crate::train::feed::fingerprint;
use crate::train::{Clip, Fit, OneCycle, Plateau, Schedule, Settings, Shape};

/// The version of the text. It is raised with every intended change of the text or of the fingerprint of the data, and
/// when a layer, an operation or a default gets another meaning under the same words.
pub(in crate::train) const FORMAT: &str = "2";

/// Under this name the version stands among the settings.
pub(in crate::train) const FORMAT_KEY: &str = "format";

/// The settings by name, and the fingerprint of the data.
pub(in crate::train) fn identity(fit: &Fit, plan: &Plan, ranks: usize) -> Result<(BTreeMap<String, String>, String)> {
    let augmentation = fit.augmentation.map_or(Ok("none".to_string()), Augmentation::describe)?;
    let rest = [
        (FORMAT_KEY, FORMAT.to_string()),
        ("ranks", ranks.to_string()),
        ("augmentation", augmentation),
        ("network", network(&fit.net, plan)),
    ];
    let all = settings(fit.settings).into_iter().chain(rest).map(|(name, value)| (name.to_string(), value));
    Ok((all.collect(), fingerprint(&[Some(fit.train), fit.validation, Some(fit.test)])?))
}

/// Everything that decides over the weights after a step. How long training lasts does not: where it does, it is part
/// of the schedule.
fn settings(of: &Settings) -> [(&'static str, String); 12] {
    let clip = match of.clip {
        Some(Clip::Norm(limit)) => format!("norm {limit}"),
        Some(Clip::Value(limit)) => format!("value {limit}"),
        None => "none".to_string(),
    };
    let decay = match of.decay {
        Decay::All => "all",
        Decay::Weights => "weights",
    };
    let normalize = match of.normalize {
        Normalization::Standard => "standard",
        Normalization::Unit => "unit",
    };
    [
        ("batch", of.batch.to_string()),
        ("optimizer", optimizer(&of.optimizer)),
        ("seed", of.seed.to_string()),
        ("schedule", schedule(&of.schedule)),
        ("clip", clip),
        ("accumulate", of.accumulate.to_string()),
        ("ema", of.ema.map_or("none".to_string(), |ema| ema.to_string())),
        ("label-smoothing", of.label_smoothing.to_string()),
        ("decay", decay.to_string()),
        ("class-weights", of.class_weights.iter().map(f32::to_string).collect::<Vec<_>>().join(" ")),
        ("normalize", normalize.to_string()),
        ("drop-last", of.loading.drop_last.to_string()),
    ]
}

/// With PyTorch's names.
fn optimizer(of: &Optimizer) -> String {
    let keys: Vec<String> = of.keys().iter().map(|(key, value)| format!("{key} {}", value_toml(value))).collect();
    format!("{} {}", of.name(), keys.join(", "))
}

fn schedule(of: &Schedule) -> String {
    let shape = match of.shape {
        Shape::Constant => "constant".to_string(),
        Shape::Step { every, gamma } => format!("step every {every}, gamma {gamma}"),
        Shape::Exponential { gamma } => format!("exponential gamma {gamma}"),
        Shape::Cosine { steps, min } => format!("cosine steps {steps}, min {min}"),
        Shape::OneCycle(OneCycle { steps, pct_start, div_factor, final_div_factor }) => format!(
            "one_cycle steps {steps}, pct_start {pct_start}, div_factor {div_factor}, \
             final_div_factor {final_div_factor}"
        ),
        Shape::Plateau(Plateau { factor, patience, threshold, cooldown, min_lr, eps }) => format!(
            "plateau factor {factor}, patience {patience}, threshold {threshold}, cooldown {cooldown}, \
             min_lr {min_lr}, eps {eps}"
        ),
    };
    format!("{shape}; warmup {} from {}", of.warmup, of.warmup_start)
}

/// The layers as they are nested, in the words of network files; then all of them in the order in which they run, with
/// what the plan makes of their options and the shapes of input and output.
fn network(net: &Net, plan: &Plan) -> String {
    let mut text = format!("{:?}{}", net.input(), chain(net.layers()));
    for LayerInfo { kind, options, input, output, .. } in plan.layers() {
        // A string takes every line.
        let _ = write!(text, "\n{{ {} }} {input:?} {output:?}", layer_toml(&kind, options));
    }
    text
}

fn chain(layers: &[Layer]) -> String {
    let one = |layer: &Layer| match layer.branches() {
        None => format!(" {}", layer.kind().name()),
        Some([body, shortcut]) => format!(" ({} +{} )", chain(body), chain(shortcut)),
    };
    layers.iter().map(one).collect()
}
