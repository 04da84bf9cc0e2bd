//! Batch, layer, instance and group normalization in a convolutional network, beside none.

use flatgrad_core::net::{Layer, Optimizer};

use super::course::{Course, smoothed};
use super::finding::{Claim, Finding, Picture, Table};
use super::lab::{Lab, by_kind};
use super::nets::{classes, net};
use super::spread::{mean, sampled, series, text};
use crate::error::Result;
use crate::report::chart::{Axis, Chart};

const KINDS: [(&str, Option<Layer<'static>>); 5] = [
    ("none", None),
    ("batch", Some(Layer::batch_norm())),
    ("layer", Some(Layer::layer_norm())),
    ("instance", Some(Layer::instance_norm().affine(true))),
    ("group (4 groups)", Some(Layer::group_norm(4))),
];

/// Three convolutions with a normalization before each nonlinearity; then the bias is useless and left out.
fn layers(lab: &Lab, norm: Option<Layer<'static>>) -> Vec<Layer<'static>> {
    let channels = lab.pick([8, 16, 16], [8, 16, 16], [8, 8, 8]);
    let mut layers = Vec::new();
    for (i, channels) in channels.into_iter().enumerate() {
        let conv = Layer::conv2d(channels, 3).padding(1);
        match norm {
            Some(norm) => layers.extend([conv.no_bias(), norm]),
            None => layers.push(conv),
        }
        layers.push(Layer::relu());
        if i < 2 {
            layers.push(Layer::max_pool(2));
        }
    }
    layers.extend([Layer::flatten(), Layer::dense(classes(lab))]);
    layers
}

/// A run: its loss by step, and its test accuracy at the end, in per cent.
#[derive(Clone)]
struct Run {
    losses: Vec<f64>,
    accuracy: f64,
}

pub(super) fn run(lab: &Lab) -> Result<Finding> {
    let (steps, batch) = (lab.pick(900, 600, 120), lab.pick(64, 32, 32));
    let runs = lab.with_seeds(&KINDS);
    let results = lab.side_by_side(steps * runs.len() as u64, &runs, |&((_, norm), seed), progress| {
        let layers = layers(lab, norm);
        let course = Course { net: net(lab, &layers)?, optimizer: Optimizer::sgd(0.05), batch, steps, seed };
        let mut accuracy = f64::NAN;
        let losses = course.run(lab, progress, |moment| {
            if moment.step == steps {
                accuracy = 100.0 * moment.test()?.accuracy.unwrap_or(f64::NAN);
            }
            Ok(())
        })?;
        Ok(Run { losses: smoothed(losses), accuracy })
    })?;
    let results = by_kind(lab, &results);
    let area = |runs: &Vec<Run>| runs.iter().map(|run| mean(&run.losses)).collect::<Vec<_>>();
    let ends = |runs: &Vec<Run>| runs.iter().filter_map(|run| run.losses.last().copied()).collect::<Vec<_>>();
    let accuracies = |runs: &Vec<Run>| runs.iter().map(|run| run.accuracy).collect::<Vec<_>>();
    let rows = KINDS.iter().zip(&results).map(|((name, _), runs)| {
        [name.to_string(), text(&area(runs), 3), text(&ends(runs), 3), text(&accuracies(runs), 2)]
    });
    let heading = ["normalization", "mean training loss", "at the end", "test accuracy, %"];
    let table = Table::new(heading, rows.collect());
    let without = results.first().map_or(f64::NAN, |runs| mean(&area(runs)));
    let claims = KINDS.iter().zip(&results).skip(1).map(|((name, _), runs)| {
        let with = mean(&area(runs));
        let figures = format!("mean loss over the course {with:.3}, without {without:.3}");
        Claim::new(format!("{name}: trains faster than without normalization"), with < without, figures)
    });
    let claims = claims.collect();
    let series = KINDS.iter().zip(&results).enumerate().map(|(i, ((name, _), runs))| {
        let sampled: Vec<_> = runs.iter().map(|run| sampled(&run.losses)).collect();
        series(i, name, &sampled)
    });
    let title = "Normalizations in a convolutional network (SGD, rate 0.05)";
    let y = Axis::logarithmic("training loss");
    let chart = Chart { series: series.collect(), ..Chart::new(title, Axis::counts("step"), y) };
    Ok(Finding::new(Picture::Chart(chart), table, claims))
}
