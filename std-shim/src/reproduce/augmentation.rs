//! Test errors by the size of the training part, with augmentation and without.

use flatgrad_core::net::Optimizer;

use super::early_stopping::Tick;
use super::finding::{Claim, Finding, Picture, Table};
use super::lab::{Lab, by_kind};
use super::nets::{mlp, net};
use super::spread::{mean, series, text};
use crate::augment::Recipe;
use crate::data::{Dataset, SampleOptions};
use crate::error::Result;
use crate::report::chart::{Axis, Chart};
use crate::train::{Fit, Schedule, Settings, Shape};

/// Parts of the training part.
const SHARES: [f64; 4] = [0.1, 0.25, 0.5, 1.0];

pub(super) fn run(lab: &Lab) -> Result<Finding> {
    let data = lab.data();
    // As many steps for each size: fewer samples are seen more often.
    let (steps, batch) = (lab.pick(4_000, 6_000, 3_000), lab.pick(64, 32, 32));
    let layers = mlp(lab, lab.pick(&[256, 128], &[128, 64], &[128, 64]));
    let augmentation = Recipe::named("digits")?.augmentation(data.train.shape())?;
    let kinds: Vec<(f64, bool)> = SHARES.iter().flat_map(|&share| [(share, false), (share, true)]).collect();
    let runs = lab.with_seeds(&kinds);
    let results = lab.side_by_side(steps * runs.len() as u64, &runs, |&((share, augmented), seed), progress| {
        let limit = Some((share * data.train.len() as f64).round() as usize);
        let samples = SampleOptions { limit, seed, ..SampleOptions::default() }.choose(data.clone())?.data;
        let settings = Settings {
            epochs: steps.div_ceil((samples.train.len() as u64).div_ceil(batch as u64)) as usize,
            batch,
            seed,
            max_steps: Some(steps),
            schedule: Schedule::new(Shape::Cosine { steps, min: 0.0 }),
            ..Settings::new(Optimizer::adam(1e-3))
        };
        let fit = Fit::new(net(lab, &layers)?, &samples, &settings);
        let fit = if augmented { fit.augment(&augmentation) } else { fit };
        let outcome = fit.run(lab.context(), &mut [&mut Tick(progress)])?;
        Ok((samples.train.len(), 100.0 * (1.0 - outcome.test.accuracy.unwrap_or(f64::NAN))))
    })?;
    let results = by_kind(lab, &results);
    let errors = |i: usize| results.get(i).map(|runs| runs.iter().map(|run| run.1).collect()).unwrap_or_default();
    let sizes: Vec<usize> = results.iter().step_by(2).filter_map(|runs| Some(runs.first()?.0)).collect();
    let pairs: Vec<(usize, [Vec<f64>; 2])> =
        sizes.iter().enumerate().map(|(i, &size)| (size, [errors(2 * i), errors(2 * i + 1)])).collect();
    Ok(finding(&pairs))
}

/// Errors in per cent for each size: without augmentation, and with.
fn finding(pairs: &[(usize, [Vec<f64>; 2])]) -> Finding {
    let rows = pairs.iter().map(|(size, [plain, augmented])| {
        let fewer = format!("{:.0}", 100.0 * (1.0 - mean(augmented) / mean(plain)));
        [size.to_string(), text(plain, 2), text(augmented, 2), fewer]
    });
    let heading = ["training samples", "test errors without, %", "with augmentation, %", "fewer, %"];
    let table = Table::new(heading, rows.collect());
    let gains: Vec<f64> = pairs.iter().map(|(_, [plain, augmented])| mean(plain) - mean(augmented)).collect();
    let few = gains.first().copied().unwrap_or(f64::NAN);
    let later = gains.iter().skip(1).copied().fold(f64::NEG_INFINITY, f64::max);
    let points = gains.iter().map(|gain| format!("{gain:.2}")).collect::<Vec<_>>().join(", ");
    let claims = vec![
        Claim::new("augmentation lowers the errors with the fewest samples", few > 0.0, format!("by {few:.2} points")),
        Claim::new("it lowers them in the mean over all sizes", mean(&gains) > 0.0, format!("by {points} points")),
        Claim::new("it gains most with the fewest samples", few >= later, format!("{points} points")),
    ];
    let curve = |index: usize, name: &str| {
        let seeds = pairs.iter().map(|(_, errors)| errors[index].len()).max().unwrap_or(0);
        let run = |seed: usize| {
            let of = |(size, errors): &(usize, [Vec<f64>; 2])| Some((*size as f64, *errors[index].get(seed)?));
            pairs.iter().filter_map(of).collect()
        };
        series(index, name, &(0..seeds).map(run).collect::<Vec<Vec<_>>>())
    };
    let chart = Chart {
        series: vec![curve(0, "without augmentation"), curve(1, "with augmentation")],
        ..Chart::new(
            "Augmentation: errors by the number of training samples, as many steps each",
            Axis::logarithmic("training samples"),
            Axis::logarithmic("test errors (%)"),
        )
    };
    Finding::new(Picture::Chart(chart), table, claims)
}
