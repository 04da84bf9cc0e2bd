//! The loss by step of six optimizers, on the same network with the same start and order of samples: at the rates that
//! are usual for each, and at the best of four rates each.

use flatgrad_core::net::Optimizer;
use flatgrad_core::optim::Adam;

use super::course::Course;
use super::finding::{Claim, Compared, Finding, Picture, Table};
use super::lab::{Lab, by_kind};
use super::nets::{mlp, net};
use super::spread::{mean, most, sampled, series, text};
use crate::error::Result;
use crate::report::Progress;
use crate::report::chart::{Axis, Chart, Series};

/// An optimizer, its usual learning rate, and the rates among which a run with another seed chooses.
#[derive(Clone, Copy)]
struct Rule {
    name: &'static str,
    of: fn(f32) -> Optimizer,
    usual: f32,
    rates: [f32; 4],
}

const SGD: &str = "SGD";
const RMSPROP: &str = "RMSprop";
const SIMPLE: &str = "Adam, simple form";
const FULL: &str = "Adam, full form";
const ADAPTIVE: [f32; 4] = [3e-4, 1e-3, 3e-3, 1e-2];
const RULES: [Rule; 6] = [
    Rule { name: SGD, of: Optimizer::sgd, usual: 0.01, rates: [0.03, 0.1, 0.3, 1.0] },
    Rule { name: "momentum 0.9", of: |lr| Optimizer::momentum(lr, 0.9), usual: 0.01, rates: [0.003, 0.01, 0.03, 0.1] },
    Rule { name: "Adagrad", of: Optimizer::adagrad, usual: 0.01, rates: [0.003, 0.01, 0.03, 0.1] },
    Rule { name: RMSPROP, of: Optimizer::rmsprop, usual: 1e-3, rates: ADAPTIVE },
    Rule { name: SIMPLE, of: simple_adam, usual: 1e-3, rates: ADAPTIVE },
    Rule { name: FULL, of: Optimizer::adam, usual: 1e-3, rates: ADAPTIVE },
];

/// Adam without bias correction.
fn simple_adam(lr: f32) -> Optimizer {
    Optimizer::Adam(Adam { lr, bias_correction: false, ..Adam::DEFAULT })
}

/// The seed of the runs that choose rates: not one of the runs that are shown.
const CHOOSING_SEED: u64 = 1_000;

/// Rules with a rate each, and the smoothed losses of their runs.
struct Race {
    kinds: Vec<(Rule, f32)>,
    losses: Vec<Vec<Vec<f64>>>,
}

pub(super) fn run(lab: &Lab) -> Result<Finding> {
    let (steps, batch) = (lab.pick(2000, 900, 400), lab.pick(64, 32, 32));
    let layers = mlp(lab, lab.pick(&[128, 64], &[64, 32], &[64, 32]));
    let net = net(lab, &layers)?;
    let smoothed = |(rule, rate): (Rule, f32), seed, progress: &Progress| {
        Course { net, optimizer: (rule.of)(rate), batch, steps, seed }.smoothed(lab, progress)
    };
    let tried: Vec<(Rule, f32)> = RULES.iter().flat_map(|&rule| rule.rates.map(|rate| (rule, rate))).collect();
    let ends = lab.side_by_side(steps * tried.len() as u64, &tried, |&kind, progress| {
        Ok(late(&smoothed(kind, CHOOSING_SEED, progress)?))
    })?;
    let race = |kinds: Vec<(Rule, f32)>| -> Result<Race> {
        let runs = lab.with_seeds(&kinds);
        let losses = lab
            .side_by_side(steps * runs.len() as u64, &runs, |&(kind, seed), progress| smoothed(kind, seed, progress))?;
        Ok(Race { kinds, losses: by_kind(lab, &losses) })
    };
    let usual = race(RULES.map(|rule| (rule, rule.usual)).to_vec())?;
    let best = race(tried.chunks(4).zip(ends.chunks(4)).filter_map(best).collect())?;
    Ok(finding(&usual, &best))
}

/// The mean loss of the last fifth: a single step's is too noisy to choose by.
fn late(losses: &[f64]) -> f64 {
    mean(losses.get(losses.len() * 4 / 5..).unwrap_or_default())
}

/// The rate with the lowest loss.
fn best((tried, ends): (&[(Rule, f32)], &[f64])) -> Option<(Rule, f32)> {
    let finite = tried.iter().zip(ends).filter(|(_, end)| end.is_finite());
    finite.min_by(|a, b| a.1.total_cmp(b.1)).map(|(&rule, _)| rule)
}

impl Race {
    fn curves(&self) -> Vec<Series> {
        let mut curves = Vec::new();
        for ((rule, rate), runs) in self.kinds.iter().zip(&self.losses) {
            let points: Vec<_> = runs.iter().map(|run| sampled(run)).collect();
            curves.push(series(curves.len(), &format!("{}, rate {rate}", rule.name), &points));
        }
        curves
    }

    fn chart(&self, title: &str) -> Picture {
        let (x, y) = (Axis::counts("step"), Axis::logarithmic("training loss"));
        Picture::Chart(Chart { series: self.curves(), ..Chart::new(title, x, y) })
    }

    fn place(&self, name: &str) -> usize {
        self.kinds.iter().position(|(rule, _)| rule.name == name).unwrap_or(usize::MAX)
    }

    /// The late losses of the runs of a rule.
    fn late(&self, name: &str) -> Vec<f64> {
        self.losses.get(self.place(name)).map(|runs| runs.iter().map(|run| late(run)).collect()).unwrap_or_default()
    }

    fn rate(&self, name: &str) -> f32 {
        self.kinds.get(self.place(name)).map_or(f32::NAN, |kind| kind.1)
    }

    /// How far the losses of two rules are apart: at most, and in the mean of the last fifth.
    fn apart(&self, one: &str, other: &str) -> (f64, f64) {
        let curves = self.curves();
        let (Some(one), Some(other)) = (curves.get(self.place(one)), curves.get(self.place(other))) else {
            return (f64::NAN, f64::NAN);
        };
        let apart: Vec<f64> = one.points.iter().zip(&other.points).map(|(a, b)| (a.1 - b.1).abs()).collect();
        (most(&apart), late(&apart))
    }

    /// At which share of the places after the first tenth the loss is below SGD's.
    fn below_sgd(&self, name: &str) -> f64 {
        let curves = self.curves();
        let (Some(it), Some(sgd)) = (curves.get(self.place(name)), curves.get(self.place(SGD))) else { return 0.0 };
        let pairs: Vec<(f64, f64)> = it.points.iter().zip(&sgd.points).map(|(a, b)| (a.1, b.1)).collect();
        let later = pairs.get(pairs.len() / 10..).unwrap_or_default();
        later.iter().filter(|(a, b)| a < b).count() as f64 / later.len().max(1) as f64
    }
}

fn finding(usual: &Race, best: &Race) -> Finding {
    let rows = RULES.iter().map(|Rule { name, usual: rate, .. }| {
        let (of, rate) = (|race: &Race| text(&race.late(name), 4), rate.to_string());
        [name.to_string(), rate, of(usual), best.rate(name).to_string(), of(best)]
    });
    let heading =
        ["optimizer", "usual rate", "training loss, last fifth", "best rate of 4", "training loss, last fifth "];
    let table = Table::new(heading, rows.collect());
    let sgd = mean(&usual.late(SGD));
    let claims = [RMSPROP, SIMPLE, FULL].into_iter().map(|name| {
        let (share, it) = (usual.below_sgd(name), mean(&usual.late(name)));
        let figures = format!("{it:.4} and {sgd:.4} late; below at {:.0} % of the steps", 100.0 * share);
        Claim::new(
            format!("at usual rates, {name}'s loss is below SGD's at equal steps"),
            share >= 0.9 && it < sgd,
            figures,
        )
    });
    let mut claims: Vec<Claim> = claims.collect();
    let (largest, late) = usual.apart(SIMPLE, FULL);
    claims.push(Claim::new(
        "Adam's two forms differ at the start and come together: late they are at most a quarter as far apart",
        late <= 0.25 * largest,
        format!("losses {largest:.4} apart at most, {late:.4} late"),
    ));
    let order = |what: &str, race: &Race| {
        let [sgd, rmsprop, adam] = [SGD, RMSPROP, FULL].map(|name| mean(&race.late(name)));
        Compared {
            what: what.to_string(),
            published: "RMSprop and Adam below SGD".to_string(),
            ours: format!("SGD {sgd:.4}, RMSprop {rmsprop:.4}, Adam {adam:.4}"),
            source: "Kingma and Ba 2015, section 6.2 (MLP on MNIST)".to_string(),
        }
    };
    let compared = vec![order("late losses, usual rates", usual), order("late losses, best of four rates", best)];
    let more = vec![("tuned", best.chart("Optimizers, each at the best of four rates"))];
    Finding { compared, more, ..Finding::new(usual.chart("Optimizers, each at its usual rate"), table, claims) }
}
