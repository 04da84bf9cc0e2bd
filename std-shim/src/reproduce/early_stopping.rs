//! Training and validation loss of a network that overfits, and where early stopping ends it.

use flatgrad_core::net::{Net, Optimizer};

use super::finding::{Claim, Finding, Picture, Table};
use super::lab::Lab;
use super::nets::{mlp, net};
use super::spread::series;
use crate::data::{SampleOptions, Samples};
use crate::error::Result;
use crate::report::Progress;
use crate::report::chart::{Axis, Chart, Rule};
use crate::train::{Callback, EarlyStopping, Fit, Flow, History, Outcome, Settings, StepRecord};

/// A run to the end, and one that was stopped.
#[derive(Clone)]
struct Pair {
    history: History,
    /// The epoch with the smallest validation loss until the stop, counted from 1.
    best: usize,
    stopped: Outcome,
}

/// Tells the progress of each step.
pub(super) struct Tick<'a>(pub(super) &'a Progress);

impl Callback for Tick<'_> {
    fn batch(&mut self, _: &StepRecord) -> Result<Flow> {
        self.0.advance();
        Ok(Flow::CONTINUE)
    }
}

pub(super) fn run(lab: &Lab) -> Result<Finding> {
    let (limit, epochs, patience) = (lab.pick(4000, 300, 300), lab.pick(40, 100, 60), lab.pick(6, 8, 8));
    let layers = mlp(lab, lab.pick(&[256, 128], &[128, 64], &[128, 64]));
    let net = net(lab, &layers)?;
    let options =
        SampleOptions { limit: Some(limit), validation: Some(lab.pick(0.25, 0.5, 0.5)), ..SampleOptions::default() };
    let samples = options.choose(lab.data().clone())?;
    let settings =
        |seed| Settings { epochs, batch: 32, seed, ..Settings::new(Optimizer::adam(lab.pick(1e-3, 3e-3, 3e-3))) };
    let steps = settings(0).steps_per_epoch(samples.data.train.len()) * epochs as u64;
    let seeds: Vec<u64> = lab.seeds().collect();
    let pairs = lab.side_by_side(2 * steps * seeds.len() as u64, &seeds, |&seed, progress| {
        pair(lab, net, &samples, &settings(seed), patience, progress)
    })?;
    let rows = seeds.iter().zip(&pairs).map(|(seed, pair)| {
        let Pair { history, best, stopped } = pair;
        let loss = |epoch: usize| validation(history).get(epoch.saturating_sub(1)).copied().unwrap_or(f64::NAN);
        let texts = [loss(*best), loss(epochs)].map(|loss| format!("{loss:.4}"));
        let [at_best, at_end] = texts;
        let stop = stopped.history.epochs.len();
        [seed.to_string(), best.to_string(), stop.to_string(), at_best, at_end, format!("{:.4}", stopped.test.loss)]
    });
    let heading =
        ["seed", "best epoch", "stopped after", "validation loss, best", "at the end", "test loss given back"];
    let table = Table::new(heading, rows.collect());
    Ok(Finding::new(Picture::Chart(chart(&pairs)), table, claims(&pairs, patience as usize)))
}

fn pair(
    lab: &Lab,
    net: Net,
    samples: &Samples,
    settings: &Settings,
    patience: u64,
    progress: &Progress,
) -> Result<Pair> {
    let fit = || {
        let fit = Fit::new(net, &samples.data, settings);
        samples.validation.as_ref().map_or(fit.clone(), |part| fit.validation(part))
    };
    let all = fit().run(lab.context(), &mut [&mut Tick(progress)])?;
    let mut stopping = EarlyStopping::new(patience);
    let stopped = fit().run(lab.context(), &mut [&mut stopping, &mut Tick(progress)])?;
    Ok(Pair { history: all.history, best: stopping.best_epoch(), stopped })
}

fn validation(history: &History) -> Vec<f64> {
    history.epochs.iter().map(|epoch| epoch.validation_loss.map_or(f64::NAN, f64::from)).collect()
}

fn training(history: &History) -> Vec<f64> {
    history.epochs.iter().map(|epoch| f64::from(epoch.train_loss)).collect()
}

/// Over all epochs, with the best epoch and the stop of the first seed.
fn chart(pairs: &[Pair]) -> Chart {
    let by_epoch = |losses: Vec<f64>| losses.into_iter().zip(1..).map(|(loss, i)| (f64::from(i), loss)).collect();
    let of = |losses: fn(&History) -> Vec<f64>| -> Vec<Vec<(f64, f64)>> {
        pairs.iter().map(|pair| by_epoch(losses(&pair.history))).collect()
    };
    let marks = pairs.first().map_or_else(Vec::new, |pair| {
        let stop = pair.stopped.history.epochs.len();
        let [best, stop] = [pair.best, stop].map(|epoch| epoch as f64);
        vec![Rule::vertical(best, "best epoch"), Rule::vertical(stop, "stopped")]
    });
    Chart {
        series: vec![series(0, "training", &of(training)), series(1, "validation", &of(validation))],
        rules: marks,
        ..Chart::new("Early stopping (best epoch and stop: seed 0)", Axis::counts("epoch"), Axis::linear("loss"))
    }
}

fn claims(pairs: &[Pair], patience: usize) -> Vec<Claim> {
    let every = |text: &str, held: &dyn Fn(&Pair) -> bool| {
        let count = pairs.iter().filter(|pair| held(pair)).count();
        Claim::new(text, count == pairs.len(), format!("in {count} of {} runs", pairs.len()))
    };
    let at = |losses: Vec<f64>, epoch: usize| losses.get(epoch.saturating_sub(1)).copied().unwrap_or(f64::NAN);
    let end = |losses: Vec<f64>| losses.last().copied().unwrap_or(f64::NAN);
    vec![
        every("after the best epoch the training loss goes on falling, by half or more", &|pair| {
            end(training(&pair.history)) < 0.5 * at(training(&pair.history), pair.best)
        }),
        every("the validation loss rises meanwhile, by a twentieth or more", &|pair| {
            end(validation(&pair.history)) > 1.05 * at(validation(&pair.history), pair.best)
        }),
        every("training stopped when patience ended", &|pair| {
            pair.stopped.history.epochs.len() == pair.best + patience
        }),
        every("the weights given back are those of the best epoch, to the bit of their test loss", &|pair| {
            let best = pair.history.epochs.get(pair.best.saturating_sub(1));
            best.is_some_and(|epoch| epoch.test_loss.to_bits() == pair.stopped.test.loss.to_bits())
        }),
    ]
}
