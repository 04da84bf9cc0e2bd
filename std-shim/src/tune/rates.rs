//! How the loss falls at the rate asked for, and at others; and without what could hold it back.

use super::initial::{Seen, expected_loss};
use super::subject::{Lab, key, without_decay};
use super::trial::{Course, Trial};
use super::{Code, Severity, Verdict, limits};
use crate::error::Result;
use crate::train::Schedule;

/// Operations for a trial at most, and steps.
const WORK: f64 = 2.5e11;
const STEPS: u64 = 400;
const LEAST_STEPS: u64 = 60;
/// Factors of the rate.
const FACTORS: [f32; 5] = [1.0, 0.01, 0.1, 10.0, 100.0];

/// Losses after some steps at each of several rates.
pub(super) struct Rates {
    pub(super) steps: u64,
    pub(super) first_loss: f64,
    /// The factor of the rate, and the loss at the end.
    pub(super) ends: Vec<(f32, f64)>,
    /// How the loss fell at the rate asked for.
    pub(super) course: Course,
}

impl Rates {
    /// How far the loss falls to `end`, as a part of how far it falls at most.
    pub(super) fn progress(&self, end: f64) -> f64 {
        let best = self.ends.iter().map(|end| end.1).fold(f64::INFINITY, f64::min);
        let fall = self.first_loss - best;
        if fall <= 0.0 { 1.0 } else { ((self.first_loss - end) / fall).max(-9.0) }
    }

    pub(super) fn own(&self) -> f64 {
        self.progress(self.ends[0].1)
    }

    /// The same of logarithms; good losses are all alike.
    fn log_own(&self) -> f64 {
        let least = limits::GOOD * self.first_loss;
        let fall = |end: f64| (self.first_loss / end.max(least)).ln();
        let best = self.ends.iter().map(|end| fall(end.1)).fold(0.0, f64::max);
        if best <= 0.0 { 1.0 } else { fall(self.ends[0].1) / best }
    }

    /// The factor of the rate at which the loss falls most.
    pub(super) fn best(&self) -> f32 {
        self.ends.iter().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(1.0, |end| end.0)
    }
}

/// A trial of some steps at a constant rate.
fn short(lab: &Lab, trial: Trial) -> Result<Trial> {
    let settings = &trial.settings;
    let samples = (settings.batch * settings.accumulate) as f64;
    let work = lab.work(&trial.network)? * samples;
    let per_epoch = settings.steps_per_epoch(trial.train.len()).max(1);
    let steps = ((WORK * lab.scale / work) as u64).clamp(LEAST_STEPS, STEPS);
    let epochs = steps.div_ceil(per_epoch).max(1) as usize;
    let settings = crate::train::Settings {
        epochs,
        max_steps: Some(steps),
        schedule: Schedule::CONSTANT,
        ema: None,
        ..trial.settings
    };
    // Evaluation is not looked at.
    let probe = super::subject::spread(&trial.probe, 64)?;
    Ok(Trial { settings, probe, ..trial })
}

/// The subject's run at several rates.
pub(super) fn compare(lab: &Lab) -> Result<Rates> {
    let trial = short(lab, lab.trial())?;
    let lr = trial.settings.optimizer.lr();
    let mut factors = FACTORS.to_vec();
    // A rate that is further off needs a look at the usual one.
    let usual = lab.usual_rate() / lr;
    if usual.is_finite() && !(0.005..200.0).contains(&usual) {
        factors.push(usual);
    }
    let trials: Vec<Trial> = factors.iter().map(|factor| trial.clone().at_rate(lr * factor)).collect();
    let mut courses = lab.run_all(&trials)?;
    let ends = factors.iter().zip(&courses).map(|(&factor, course)| (factor, course.last_loss())).collect();
    let course = courses.swap_remove(0);
    let first = f64::from(course.history.step_losses.first().copied().unwrap_or(0.0));
    let first_loss = first.max(expected_loss(&*lab.train));
    Ok(Rates { steps: trial.settings.max_steps.unwrap_or(0), first_loss, ends, course })
}

/// Whether the rate is far from the best.
pub(super) fn judge(rates: &Rates, seen: &Seen, found: &mut Vec<Verdict>) {
    let (own, best) = (rates.own(), rates.best());
    let end = rates.ends[0].1;
    if seen.update_ratio > limits::UPDATE {
        let text = format!("the first update is {:.1} times as large as the weights", seen.update_ratio);
        let verdict = Verdict::new(Code::LrTooHigh, 3, Severity::Error, text).with("update_ratio", seen.update_ratio);
        found.push(verdict.with("better_factor", f64::from(best)));
        return;
    }
    let evidence = |verdict: Verdict| {
        verdict
            .with("progress", own)
            .with("progress_of_logarithms", rates.log_own())
            .with("better_factor", f64::from(best))
            .with("steps", rates.steps as f64)
    };
    let slow = own < limits::PROGRESS || rates.log_own() < limits::LOG_PROGRESS;
    if !end.is_finite() || (slow && best < 1.0) {
        let course = if end.is_finite() { "falls little" } else { "becomes infinite" };
        let text =
            format!("at this rate the loss {course} in {} steps; at {best} times the rate it falls", rates.steps);
        found.push(evidence(Verdict::new(Code::LrTooHigh, 3, Severity::Error, text)));
    } else if slow && best > 1.0 {
        let text = format!(
            "in {} steps the loss falls {:.0} % as far as at {best} times the rate",
            rates.steps,
            100.0 * own.max(0.0)
        );
        found.push(evidence(Verdict::new(Code::LrTooLow, 3, Severity::Error, text)));
    }
}

/// What regularization and the optimizer's constants cost.
pub(super) fn optimizer(lab: &Lab, seen: &Seen, rates: &Rates, found: &mut Vec<Verdict>) -> Result {
    let optimizer = lab.subject.settings.optimizer;
    let decay = key(&optimizer, "weight_decay").unwrap_or(0.0);
    if decay > 0.0 {
        let trial = short(lab, lab.trial())?;
        let without = lab.run(&Trial { settings: without_decay(trial.settings.clone()), ..trial })?;
        let fall = rates.first_loss - without.last_loss();
        let own = if fall > 0.0 { (rates.first_loss - rates.ends[0].1) / fall } else { 1.0 };
        if decay >= limits::DECAY || own < limits::HELD_BACK {
            let severity = if own < limits::HELD_BACK { Severity::Error } else { Severity::Warning };
            let text =
                format!("with weight decay {decay} the loss falls {:.0} % as far as without", 100.0 * own.max(0.0));
            let verdict = Verdict::new(Code::DecayTooHigh, 3, severity, text);
            found.push(verdict.with("weight_decay", f64::from(decay)).with("progress", own));
        }
    }
    if let Some(eps) = key(&optimizer, "eps").filter(|eps| *eps >= limits::LEAST_EPS) {
        let mut sizes: Vec<f64> = seen.weights.iter().map(|&(.., gradient)| gradient).filter(|g| *g > 0.0).collect();
        sizes.sort_by(f64::total_cmp);
        let typical = sizes.get(sizes.len() / 2).copied().unwrap_or(1.0);
        let ratio = f64::from(eps) / typical;
        if ratio > limits::EPS {
            let text = format!("eps {eps} is {ratio:.0} times a typical gradient: the updates are that much smaller");
            found.push(Verdict::new(Code::EpsTooLarge, 3, Severity::Error, text).with("eps_over_gradient", ratio));
        }
    }
    batch(lab, rates, found)
}

/// Whether the batch is large enough.
fn batch(lab: &Lab, rates: &Rates, found: &mut Vec<Verdict>) -> Result {
    let settings = &lab.subject.settings;
    let store = crate::model::LayerStore::default();
    let net = lab.subject.network.net(&store)?;
    let config = flatgrad_core::net::Config::new(settings.batch.max(2), settings.optimizer);
    let plan = flatgrad_core::net::Plan::try_new(&net, config).map_err(|error| lab.subject.network.explain(error))?;
    let normalizes = plan.layers().any(|layer| matches!(layer.kind, flatgrad_core::net::Kind::BatchNorm { .. }));
    let batch = settings.batch;
    if normalizes && batch < limits::NORM_BATCH {
        let text = format!("batch normalization takes its mean and variance from {batch} samples");
        found.push(Verdict::new(Code::BatchTooSmall, 6, Severity::Error, text).with("batch", batch as f64));
    } else if batch * settings.accumulate <= 2 && lab.train.len() >= 64 {
        let jumps = jumps(&rates.course);
        let text = format!("steps of {batch} samples: the loss jumps by {jumps:.1} times itself from step to step");
        let verdict = Verdict::new(Code::BatchTooSmall, 6, Severity::Warning, text);
        found.push(verdict.with("batch", batch as f64).with("jumps", jumps));
    }
    Ok(())
}

/// The mean difference of neighbouring steps' losses over their mean.
fn jumps(course: &Course) -> f64 {
    let losses = &course.history.step_losses;
    let (mut change, mut size) = (0.0, 0.0);
    for pair in losses.windows(2) {
        change += f64::from(pair[1] - pair[0]).abs();
        size += f64::from(pair[0].abs());
    }
    change / size.max(1e-30)
}
