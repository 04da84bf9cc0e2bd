//! What the learning rate does to the course of the loss.

use flatgrad_core::net::Optimizer;

use super::course::Course;
use super::finding::{Claim, Finding, Picture, Table};
use super::lab::{Lab, by_kind};
use super::nets::{classes, mlp, net};
use super::spread::{mean, sampled, series, text_or};
use crate::error::Result;
use crate::report::chart::{Axis, Chart};

pub(super) fn run(lab: &Lab) -> Result<Finding> {
    let (steps, batch) = (lab.pick(2000, 900, 400), lab.pick(64, 32, 32));
    let layers = mlp(lab, lab.pick(&[128, 64], &[64, 32], &[64, 32]));
    let net = net(lab, &layers)?;
    // Of plain SGD. With fewer inputs, more is too much.
    let high = lab.pick(0.6, 1.0, 1.0);
    let rates = [("too low", 0.0003), ("low", 0.01), ("good", 0.3), ("high", high), ("too high", 10.0)];
    let runs = lab.with_seeds(&rates);
    let losses = lab.side_by_side(steps * runs.len() as u64, &runs, |&((_, rate), seed), progress| {
        Course { net, optimizer: Optimizer::sgd(rate), batch, steps, seed }.smoothed(lab, progress)
    })?;
    let losses = by_kind(lab, &losses);
    // A course that ended at a loss that is not finite did not get to the end.
    let last = |run: &Vec<f64>| run.last().copied().filter(|_| run.len() as u64 == steps).unwrap_or(f64::INFINITY);
    let ends: Vec<Vec<f64>> = losses.iter().map(|runs| runs.iter().map(last).collect()).collect();
    let rows = rates
        .iter()
        .zip(&ends)
        .map(|((name, rate), ends)| [name.to_string(), rate.to_string(), text_or(ends, 4, "lost")]);
    let table = Table::new(["rate", "", "training loss at the end"], rows.collect());
    let series = rates.iter().zip(&losses).enumerate().map(|(i, ((name, rate), runs))| {
        let sampled: Vec<_> = runs.iter().map(|run| sampled(run)).collect();
        series(i, &format!("{name}: {rate}"), &sampled)
    });
    // The loss of a network that says the same of every sample.
    let chance = (classes(lab) as f64).ln();
    let y = Axis::linear("training loss").within(0.0, 1.5 * chance);
    let chart = Chart { series: series.collect(), ..Chart::new("The learning rate of SGD", Axis::counts("step"), y) };
    let [too_low, low, good, high, too_high] = [0, 1, 2, 3, 4].map(|i| ends.get(i).map_or(f64::NAN, |ends| mean(ends)));
    let pair = |a: f64, b: f64| format!("{a:.4} and {b:.4}");
    let claims = vec![
        Claim::new(
            "a rate too low has hardly learnt in as many steps",
            too_low > 0.5 * chance,
            format!("{too_low:.4}"),
        ),
        Claim::new("a low rate is slower than the good one", low > 1.5 * good, pair(low, good)),
        Claim::new("a high rate ends above the good one", high > good, pair(high, good)),
        Claim::new(
            "a rate too high learns nothing: the loss stays at chance or is lost",
            too_high >= 0.9 * chance,
            format!("{too_high:.4}, chance {chance:.4}"),
        ),
    ];
    Ok(Finding::new(Picture::Chart(chart), table, claims))
}
