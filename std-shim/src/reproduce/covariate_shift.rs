//! Section 4.1 of Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
//! Covariate Shift" (2015): the test accuracy by step, and what a typical sigmoid of the last hidden layer gets.

use flatgrad_core::net::Optimizer;

use super::course::Course;
use super::finding::{Claim, Compared, Finding, Picture, Table};
use super::lab::{Lab, by_kind};
use super::nets::{net, sigmoids};
use super::sigmoid_input::{Percentiles, Probe, typical};
use super::spread::{mean, series, text, text_or};
use crate::error::Result;
use crate::report::chart::{Axis, Chart, Dash, Series, Style};

/// How often the networks are looked at.
const LOOKS: u64 = 60;
/// Training samples whose way to the last hidden layer is followed.
const PROBE: usize = 500;
const RATE: f32 = 0.1;
const BATCH: usize = 60;

/// A run: places, test accuracies in per cent, percentiles.
#[derive(Clone, Default)]
pub(super) struct Run {
    pub(super) accuracy: Vec<(f64, f64)>,
    looks: Vec<Percentiles>,
}

impl Run {
    pub(super) fn last(&self) -> f64 {
        self.accuracy.last().map_or(f64::NAN, |point| point.1)
    }

    /// The first step at which so much is reached.
    pub(super) fn reaches(&self, accuracy: f64) -> f64 {
        self.accuracy.iter().find(|point| point.1 >= accuracy).map_or(f64::INFINITY, |point| point.0)
    }
}

pub(super) fn run(lab: &Lab) -> Result<Finding> {
    // The weights begin "small" in the paper. How small decides: on MNIST, with deviations 0.1, 0.05, 0.03, 0.02, 0.01,
    // batch norm took 0.89, 0.55, 0.27, 0.13, 0.02 of the steps, and the drift was 1.8, 2.2, 2.7, 3.3, 4.7 times less.
    // The digits have fewer inputs: below 0.1, the network without batch norm learns nothing in as many steps.
    let (steps, std) = (lab.pick(12_000, 6_000, 5_000), lab.pick(0.02, 0.1, 0.1));
    let runs = lab.with_seeds(&[false, true]);
    let results = lab.side_by_side(steps * runs.len() as u64, &runs, |&(batch_norm, seed), progress| {
        let layers = sigmoids(lab, batch_norm, std);
        let course = Course { net: net(lab, &layers)?, optimizer: Optimizer::sgd(RATE), batch: BATCH, steps, seed };
        let (mut run, mut probe) = (Run::default(), None);
        course.run(lab, progress, |moment| {
            if moment.is_one_of(LOOKS, steps) {
                if probe.is_none() {
                    probe = Some(Probe::new(lab, &layers, moment, PROBE)?);
                }
                if let Some(probe) = &probe {
                    run.looks.push(probe.look(lab, moment)?);
                }
                let accuracy = moment.test()?.accuracy.unwrap_or(f64::NAN);
                run.accuracy.push((moment.step as f64, 100.0 * accuracy));
            }
            Ok(())
        })?;
        Ok(run)
    })?;
    let results = by_kind(lab, &results);
    let [without, with] = [0, 1].map(|i| results.get(i).cloned().unwrap_or_default());
    Ok(finding(&without, &with))
}

fn finding(without: &[Run], with: &[Run]) -> Finding {
    let ends = |runs: &[Run]| runs.iter().map(Run::last).collect::<Vec<_>>();
    let drifts = |runs: &[Run]| runs.iter().map(|run| typical(&run.looks).1).collect::<Vec<_>>();
    // Each run of one kind beside that of the other kind with the same seed.
    let speed: Vec<f64> = without.iter().zip(with).map(|(a, b)| b.reaches(a.last()) / a.reaches(a.last())).collect();
    let calm: Vec<f64> = drifts(without).iter().zip(drifts(with)).map(|(a, b)| a / b).collect();
    let rows = [("without batch norm", without), ("with batch norm", with)].map(|(name, runs)| {
        let reached: Vec<f64> = without.iter().zip(runs).map(|(a, run)| run.reaches(a.last())).collect();
        [name.to_string(), text(&ends(runs), 2), text_or(&reached, 0, "not reached"), text(&drifts(runs), 2)]
    });
    let heading =
        ["", "test accuracy at the end, %", "steps to the final accuracy of the first", "drift of percentiles"];
    let table = Table::new(heading, rows.to_vec());
    let claims = vec![
        Claim::new(
            "batch norm reaches the other network's final accuracy in at most a third of the steps",
            speed.iter().all(|&share| share <= 1.0 / 3.0),
            format!("share of the steps {}", text(&speed, 3)),
        ),
        Claim::new(
            "with batch norm a typical sigmoid's input drifts at least 3 times less",
            calm.iter().all(|&times| times >= 3.0),
            format!("times less {}", text(&calm, 1)),
        ),
    ];
    let compared = vec![Compared {
        what: "test accuracy at the end, without and with".to_string(),
        published: "about 97 and 98 %, read off figure 1a, after 50,000 steps".to_string(),
        ours: format!("{:.1} and {:.1} %", mean(&ends(without)), mean(&ends(with))),
        source: "Ioffe and Szegedy 2015, MNIST".to_string(),
    }];
    let more = vec![("accuracy", Picture::Chart(accuracies(without, with)))];
    Finding { compared, more, ..Finding::new(Picture::Chart(chart(without, with)), table, claims) }
}

/// The test accuracy by step.
fn accuracies(without: &[Run], with: &[Run]) -> Chart {
    let curve = |index: usize, name: &str, runs: &[Run]| {
        series(index, name, &runs.iter().map(|run| run.accuracy.clone()).collect::<Vec<_>>())
    };
    let series = vec![curve(0, "with batch norm", with), curve(1, "without batch norm", without)];
    let y = Axis::linear("test accuracy (%)").within(0.0, 100.0);
    Chart { series, ..Chart::new("Test accuracy with and without batch norm", Axis::counts("step"), y) }
}

/// The typical sigmoid's percentiles, of the first seed: without batch norm, and with.
fn chart(without: &[Run], with: &[Run]) -> Chart {
    let lines = |name: &str, color: usize, dash: Dash, runs: &[Run]| {
        let Some(run) = runs.first() else { return Vec::new() };
        let (unit, _) = typical(&run.looks);
        let places = || run.accuracy.iter().map(|point| point.0).zip(&run.looks);
        let of = |k: usize| places().filter_map(|(x, look)| Some((x, look.get(unit)?[k]))).collect::<Vec<_>>();
        let band = of(0).iter().zip(of(2)).map(|(low, high)| (low.0, low.1, high.1)).collect();
        let style = Style { dash, ..Style::plain(color) };
        let middle = Series { name: name.to_string(), points: of(1), style, band };
        let edge = |k: usize| Series { name: String::new(), points: of(k), band: Vec::new(), ..middle.clone() };
        vec![edge(0), edge(2), middle.clone()]
    };
    let mut series = lines("without batch norm", 2, Dash::Short, without);
    series.extend(lines("with batch norm", 0, Dash::Solid, with));
    let title = "Input of a typical sigmoid, last hidden layer: 15th, 50th, 85th percentile";
    Chart { series, ..Chart::new(title, Axis::counts("step"), Axis::linear("input of the sigmoid")) }
}
