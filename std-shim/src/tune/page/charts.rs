//! The pictures.

use super::escaped;
use crate::report::chart::{Axis, Chart, Rule, Series};
use crate::tune::{Checked, Tuned};

fn figure(chart: &Chart, caption: &str) -> String {
    format!(
        "<figure><div class=\"wide\">{}</div><figcaption>{}</figcaption></figure>\n",
        chart.to_svg(),
        escaped(caption)
    )
}

/// The range test, and the trials.
pub(super) fn search(tuned: &Tuned) -> String {
    let mut html = String::from("<section><h2>The rate</h2>\n");
    let range = &tuned.range;
    if !range.rates.is_empty() {
        let of = |losses: &[f64]| range.rates.iter().copied().zip(losses.iter().copied()).collect::<Vec<_>>();
        let mut chart = Chart::new("range test", Axis::logarithmic("learning rate"), Axis::linear("loss"));
        chart.series = vec![
            Series::new(5, "each step", of(&range.losses)),
            Series::new(0, "moving average", of(&range.smoothed())),
        ];
        if let Some(rate) = range.suggestion() {
            chart.rules.push(Rule::vertical(rate, format!("{rate:.1e}")));
        }
        html += &figure(&chart, "The rate grows from step to step; where the loss falls fastest, training goes well.");
    }
    let mut chart = Chart::new("trials", Axis::logarithmic("learning rate"), Axis::linear("validation loss"));
    for (index, (step, name)) in [(4, "coarse"), (5, "fine")].into_iter().enumerate() {
        let trials = tuned.trials.iter().filter(|trial| trial.step == step && trial.loss.is_finite());
        let mut points: Vec<(f64, f64)> = trials.map(|trial| (f64::from(trial.lr), trial.loss)).collect();
        // Of several at a rate, the best.
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        points.dedup_by_key(|point| point.0);
        chart.series.push(Series::new(index, name, points));
    }
    chart.series.retain(|series| !series.points.is_empty());
    if !chart.series.is_empty() {
        html += &figure(&chart, "The lowest loss on the validation part at each rate.");
    }
    html + "</section>\n"
}

/// The curves of the run, and of others at other rates.
pub(super) fn run(checked: &Checked) -> String {
    let history = &checked.history;
    if history.epochs.is_empty() {
        return String::new();
    }
    let mut html = String::from("<section><h2>The run</h2>\n");
    let steps = |losses: &[f64]| {
        let numbered = losses.iter().enumerate().filter(|(_, loss)| loss.is_finite());
        numbered.map(|(step, &loss)| (step as f64 + 1.0, loss)).collect::<Vec<_>>()
    };
    let ends = |of: &dyn Fn(usize) -> Option<f64>| {
        let points = history.epoch_ends.iter().enumerate().map(|(i, &end)| (end as f64, of(i).unwrap_or(f64::NAN)));
        points.filter(|point| point.1.is_finite()).collect::<Vec<_>>()
    };
    let mut losses = Chart::new("loss", Axis::counts("step"), Axis::linear("loss"));
    losses.series = vec![
        Series::new(0, "training, moving average", steps(&history.smoothed_losses())),
        Series::new(1, "held-out samples", ends(&|i| history.epochs[i].validation_loss.map(f64::from))),
    ];
    html += &figure(&losses, "Samples that were held out of the training part tell what was learnt beside them.");
    let accuracy = |i: usize| history.epochs[i].validation_accuracy.map(|share| 100.0 * share);
    if history.epochs.iter().any(|epoch| epoch.validation_accuracy.is_some()) {
        let mut chart = Chart::new("right answers", Axis::counts("step"), Axis::linear("%"));
        chart.series = vec![
            Series::new(0, "training samples", ends(&|i| history.epochs[i].test_accuracy.map(|share| 100.0 * share))),
            Series::new(1, "held-out samples", ends(&accuracy)),
        ];
        html += &figure(&chart, "Both as at test time.");
    }
    let mut rates: Vec<(f64, f64)> =
        checked.rates.iter().filter(|end| end.1.is_finite()).map(|&(factor, loss)| (f64::from(factor), loss)).collect();
    rates.sort_by(|a, b| a.0.total_cmp(&b.0));
    if rates.len() > 1 {
        let mut chart = Chart::new("other rates", Axis::logarithmic("times the rate"), Axis::linear("loss"));
        chart.series = vec![Series::new(0, "training loss at the end", rates)];
        chart.rules.push(Rule::vertical(1.0, "this run"));
        html += &figure(&chart, "The loss after the same number of steps at other rates.");
    }
    html + "</section>\n"
}
