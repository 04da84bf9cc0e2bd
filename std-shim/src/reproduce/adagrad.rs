//! The effective rate of Adagrad and of RMSprop, by step.

use flatgrad_core::net::Optimizer;
use flatgrad_core::optim::RmsProp;

use super::course::Course;
use super::finding::{Claim, Finding, Picture, Table};
use super::lab::{Lab, by_kind};
use super::nets::{mlp, net};
use super::spread::{mean, percentile, series, text};
use crate::error::Result;
use crate::report::chart::{Axis, Chart};

/// How often the rates are looked at.
const LOOKS: u64 = 150;

type Points = Vec<(f64, f64)>;

pub(super) fn run(lab: &Lab) -> Result<Finding> {
    let (steps, batch) = (lab.pick(2000, 900, 300), lab.pick(64, 32, 32));
    let layers = mlp(lab, lab.pick(&[128, 64], &[64, 32], &[64, 32]));
    let net = net(lab, &layers)?;
    let forgetting = |alpha| Optimizer::RmsProp(RmsProp { lr: 1e-3, alpha, ..RmsProp::DEFAULT });
    let kinds = [
        ("Adagrad", Optimizer::adagrad(0.01)),
        ("RMSprop, forgetting 0.99", forgetting(0.99)),
        ("RMSprop, forgetting 0.9", forgetting(0.9)),
    ];
    let runs = lab.with_seeds(&kinds);
    let rates = lab.side_by_side(steps * runs.len() as u64, &runs, |&((_, optimizer), seed), progress| {
        let (mut points, mut sorted) = (Points::new(), Vec::new());
        Course { net, optimizer, batch, steps, seed }.run(lab, progress, |moment| {
            if moment.step > 0 && moment.is_one_of(LOOKS, steps) {
                sorted.clear();
                sorted.extend_from_slice(moment.trainer.state());
                sorted.sort_unstable_by(f32::total_cmp);
                // The rate falls as the square sum rises: the median of one is that of the other.
                points.push((moment.step as f64, effective(&optimizer, percentile(&sorted, 0.5))));
            }
            Ok(())
        })?;
        Ok(points)
    })?;
    let rates = by_kind(lab, &rates);
    let rises = |runs: &Vec<Points>| runs.iter().map(|run| 100.0 * rising(run)).collect::<Vec<_>>();
    let rows = kinds.iter().zip(&rates).map(|((name, _), runs)| {
        let at = |pick: fn(&Points) -> Option<&(f64, f64)>| {
            runs.iter().filter_map(|run| pick(run)).map(|point| point.1).collect::<Vec<_>>()
        };
        let ends = [at(|run| run.first()), at(|run| run.last())].map(|ends| format!("{:.2e}", mean(&ends)));
        let [first, last] = ends;
        [name.to_string(), first, last, text(&rises(runs), 0)]
    });
    let table = Table::new(["optimizer", "first rate", "last rate", "looks at which it rose, %"], rows.collect());
    let claims = kinds.iter().zip(&rates).map(|((name, optimizer), runs)| {
        let shares = rises(runs);
        let figures = format!("rose at {} % of the looks", text(&shares, 0));
        match optimizer {
            Optimizer::Adagrad(_) => {
                let never = shares.iter().all(|&share| share == 0.0);
                Claim::new("Adagrad's effective rate only falls", never, figures)
            }
            _ => Claim::new(format!("{name}: the rate goes up and down"), goes_both_ways(&shares), figures),
        }
    });
    let claims = claims.collect();
    let series = kinds.iter().zip(&rates).enumerate().map(|(i, ((name, _), runs))| series(i, name, runs)).collect();
    let title = "Effective rate lr / (sqrt(c) + eps), the median over all parameters";
    let chart = Chart { series, ..Chart::new(title, Axis::counts("step"), Axis::logarithmic("effective rate")) };
    Ok(Finding::new(Picture::Chart(chart), table, claims))
}

/// What the gradient is multiplied by, for a square sum or mean square of `c`.
fn effective(optimizer: &Optimizer, c: f64) -> f64 {
    let eps = match optimizer {
        Optimizer::Adagrad(adagrad) => adagrad.eps,
        Optimizer::RmsProp(rmsprop) => rmsprop.eps,
        _ => 0.0,
    };
    f64::from(optimizer.lr()) / (c.sqrt() + f64::from(eps))
}

/// At which share of the looks the rate was higher than at the one before.
fn rising(points: &Points) -> f64 {
    let rises = points.windows(2).filter(|pair| pair[1].1 > pair[0].1).count();
    rises as f64 / points.len().saturating_sub(1).max(1) as f64
}

/// In every run it rises at a fifth of the looks at least, and falls at a fifth at least.
fn goes_both_ways(shares: &[f64]) -> bool {
    shares.iter().all(|share| (20.0..=80.0).contains(share))
}
