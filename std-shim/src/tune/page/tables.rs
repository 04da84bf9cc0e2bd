//! The tables.

use std::fmt::Write;

use super::number;
use crate::train::stats::LayerStats;
use crate::tune::{TrialRecord, Tuned};

/// The trials of a search, in their order, the chosen one marked.
pub(super) fn search(tuned: &Tuned) -> String {
    let mut html = String::from("<section><h2>The choice</h2>\n");
    if let Some(choice) = &tuned.choice {
        let [mean, spread] = choice.score;
        let _ = writeln!(
            html,
            "<p>{:.2} % on the validation part, with a deviation of {:.2} over {} seeds; with the settings asked for \
             {:.2} %.</p>",
            100.0 * mean,
            100.0 * spread,
            choice.seeds,
            100.0 * choice.own_score[0]
        );
    } else {
        html += "<p>No trial gave a network that can be used.</p>\n";
    }
    if tuned.cut {
        html += "<p>The clock ended the search before all trials were made.</p>\n";
    }
    html += "<div class=\"wide\"><table><tr><th>step</th><th>rate</th><th>decay</th><th>schedule</th><th>epochs</th>\
             <th>seed</th><th>loss</th><th>score %</th></tr>\n";
    let is_chosen = |trial: &TrialRecord| {
        tuned.choice.as_ref().is_some_and(|choice| {
            trial.step == 5
                && choice.settings.optimizer.lr() == trial.lr
                && (choice.settings.schedule != crate::train::Schedule::CONSTANT) == trial.cosine
        })
    };
    for trial in &tuned.trials {
        let class = if is_chosen(trial) { " class=\"best\"" } else { "" };
        let _ = writeln!(
            html,
            "<tr{class}><td>{}</td><td>{:e}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            if trial.step == 4 { "4 coarse" } else { "5 fine" },
            trial.lr,
            trial.weight_decay.map_or(String::from("none"), |decay| format!("{decay}")),
            if trial.cosine { "cosine" } else { "constant" },
            trial.epochs,
            trial.seed,
            number(trial.loss),
            number(100.0 * trial.score),
        );
    }
    html + "</table></div></section>\n"
}

/// The layers before training.
pub(super) fn layers(layers: &[LayerStats]) -> String {
    if layers.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        "<section><h2>The layers before training</h2>\n<div class=\"wide\"><table><tr><th>layer</th><th>mean</th>\
         <th>deviation</th><th>5 %</th><th>median</th><th>95 %</th><th>gradients</th><th>dead units %</th></tr>\n",
    );
    for layer in layers {
        let [low, _, median, _, high] = layer.outputs.percentiles.map(f64::from);
        let _ = writeln!(
            html,
            "<tr><td>{} {}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            layer.layer + 1,
            layer.kind,
            number(layer.outputs.mean),
            number(layer.outputs.std),
            number(low),
            number(median),
            number(high),
            layer.gradients.as_ref().map_or(String::from("none"), |gradients| number(gradients.rms())),
            number(100.0 * layer.dead),
        );
    }
    html + "</table></div></section>\n"
}
