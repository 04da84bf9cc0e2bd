//! Batch norm at larger learning rates, beside the network without.

use flatgrad_core::net::Optimizer;

use super::course::Course;
use super::covariate_shift::Run;
use super::finding::{Claim, Compared, Finding, Picture, Table};
use super::lab::{Lab, by_kind};
use super::nets::{net, rectifiers};
use super::spread::{mean, series, text, text_or};
use crate::error::Result;
use crate::report::chart::{Axis, Chart};

const LOOKS: u64 = 100;
/// The rate of the network without batch norm.
const RATE: f32 = 0.03;
const BATCH: usize = 60;
const KINDS: [(&str, bool, f32); 5] = [
    ("without, x1", false, 1.0),
    ("batch norm, x1", true, 1.0),
    ("batch norm, x5", true, 5.0),
    ("batch norm, x30", true, 30.0),
    ("without, x30", false, 30.0),
];

pub(super) fn run(lab: &Lab) -> Result<Finding> {
    let steps = lab.pick(6_000, 3_000, 1_200);
    let runs = lab.with_seeds(&KINDS);
    let results = lab.side_by_side(steps * runs.len() as u64, &runs, |&((_, batch_norm, times), seed), progress| {
        let layers = rectifiers(lab, batch_norm);
        let optimizer = Optimizer::sgd(RATE * times);
        let mut run = Run::default();
        let course = Course { net: net(lab, &layers)?, optimizer, batch: BATCH, steps, seed };
        course.run(lab, progress, |moment| {
            if moment.step > 0 && moment.is_one_of(LOOKS, steps) {
                let accuracy = moment.test()?.accuracy.unwrap_or(f64::NAN);
                run.accuracy.push((moment.step as f64, 100.0 * accuracy));
            }
            Ok(())
        })?;
        Ok(run)
    })?;
    Ok(finding(&by_kind(lab, &results)))
}

fn finding(results: &[Vec<Run>]) -> Finding {
    let ends = |runs: &[Run]| runs.iter().map(Run::last).collect::<Vec<_>>();
    let without = results.first().map(Vec::as_slice).unwrap_or_default();
    let reached = |runs: &[Run]| {
        without
            .iter()
            .zip(runs)
            .map(|(base, run)| run.reaches(base.last()) / base.reaches(base.last()))
            .collect::<Vec<_>>()
    };
    let rows = KINDS.iter().zip(results).map(|((name, _, times), runs)| {
        let rate = format!("{:.2}", RATE * times);
        [name.to_string(), rate, text(&ends(runs), 2), text_or(&reached(runs), 2, "not reached")]
    });
    let heading =
        ["", "rate", "test accuracy at the end, %", "steps to the accuracy of the first, in parts of its own"];
    let table = Table::new(heading, rows.collect());
    let share = |i: usize| results.get(i).map_or(f64::NAN, |runs| mean(&reached(runs)));
    let end = |i: usize| results.get(i).map_or(f64::NAN, |runs| mean(&ends(runs)));
    let claims = vec![
        Claim::new(
            "batch norm at x1 reaches the final accuracy of the network without in fewer steps",
            share(1) < 1.0,
            format!("{:.2}", share(1)),
        ),
        Claim::new(
            "at x5 it is faster still",
            share(2) < share(1),
            format!("{:.2} at x5, {:.2} at x1", share(2), share(1)),
        ),
        Claim::new(
            "at x30 it still trains, and faster than the network without",
            share(3) < 1.0,
            format!("{:.2}, {:.2} % at the end", share(3), end(3)),
        ),
        Claim::new(
            "without batch norm, x30 ends below what batch norm has at x30",
            end(4) < end(3),
            format!("{:.2} and {:.2} %", end(4), end(3)),
        ),
    ];
    let published = [(1, "BN-Baseline, x1", "0.43"), (2, "x5", "0.07"), (3, "x30", "0.09")];
    let compared = published.map(|(i, name, published)| Compared {
        what: format!("steps to the accuracy of the network without, in parts of its own: {name}"),
        published: published.to_string(),
        ours: format!("{:.2}", share(i)),
        source: "Ioffe and Szegedy 2015, figure 3 (Inception on ImageNet)".to_string(),
    });
    let curves = KINDS.iter().zip(results).enumerate().map(|(i, ((name, _, _), runs))| {
        let accuracies: Vec<_> = runs.iter().map(|run| run.accuracy.clone()).collect();
        series(i, name, &accuracies)
    });
    let low = (end(0) - 20.0).clamp(0.0, 80.0);
    let y = Axis::linear("test accuracy (%)").within(low, 100.0);
    let title = "Batch norm at larger rates";
    let chart = Chart { series: curves.collect(), ..Chart::new(title, Axis::counts("step"), y) };
    Finding { compared: compared.to_vec(), ..Finding::new(Picture::Chart(chart), table, claims) }
}
