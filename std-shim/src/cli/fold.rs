//! `--fold`, and what is said of layers that are folded into others.

use flatgrad::Result;
use flatgrad::model::{FoldReport, Network, StateDict, fold_norm_biases};
use flatgrad_core::net::Kind;
use serde_json::{Value, json};

use super::output::Printer;

/// What was folded, and what was not.
pub fn say(printer: Printer, report: &FoldReport) {
    let FoldReport { norms, dropouts, stay } = report;
    if norms.is_empty() && dropouts.is_empty() && stay.is_empty() {
        printer.line(format_args!(
            "folded          nothing: there is no batch norm, and no dropout that scales at test time"
        ));
    }
    if !norms.is_empty() {
        printer.line(format_args!("folded          batch norm of layer {} into the layer before it", listed(norms)));
    }
    if !dropouts.is_empty() {
        printer.line(format_args!(
            "folded          dropout's factor of layer {} into the weights after it",
            listed(dropouts)
        ));
    }
    for (layer, kind) in stay {
        printer.line(format_args!("stays           layer {layer} ({}): {}", kind.name(), why(kind)));
    }
}

/// The same for programs.
pub fn json(report: &FoldReport) -> Value {
    let FoldReport { norms, dropouts, stay } = report;
    let stay: Vec<usize> = stay.iter().map(|(layer, _)| *layer).collect();
    json!({ "norms": norms, "dropouts": dropouts, "stay": stay })
}

/// Why a layer cannot be folded.
fn why(kind: &Kind) -> &'static str {
    match kind {
        Kind::BatchNorm { .. } => "no convolution or dense layer is right before it",
        _ => "no convolution or dense layer after it can take its factor",
    }
}

fn listed(layers: &[usize]) -> String {
    layers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

/// Weights for a network that somebody named: biases that it does not have before batch norm go into running means.
pub fn without_norm_biases(network: &Network, weights: StateDict) -> Result<StateDict> {
    let (weights, names) = fold_norm_biases(network, weights)?;
    if !names.is_empty() {
        Printer { to_stderr: true }.line(format_args!(
            "flatgrad: {} before batch norm: the network has no bias there, so it was folded into the running mean \
             (--bias-before-norm keeps it)",
            names.join(", ")
        ));
    }
    Ok(weights)
}
