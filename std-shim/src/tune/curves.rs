//! Step 6: the curves of the run itself.

use flatgrad_core::net::{Config, Plan, Trainer};

use super::initial::{self, Seen};
use super::neighbours::{self, Signal};
use super::rates::Rates;
use super::small::{Small, most_dropped};
use super::subject::{Lab, key};
use super::trial::{Course, Trial};
use super::{Code, Severity, Verdict, limits};
use crate::augment::Augmentation;
use crate::data::Loader;
use crate::error::Result;
use crate::model::LayerStore;
use crate::train::{Settings, evaluate};

/// Operations for a run at most: a longer one is cut.
const WORK: f64 = 2.5e12;

/// The run, and how much of it there was time for.
pub(super) struct Run {
    pub(super) course: Course,
    /// The part of the steps that were made, up to 1.
    pub(super) part: f64,
}

impl Run {
    /// Whether it was as long as asked for.
    pub(super) fn is_whole(&self) -> bool {
        self.part >= 1.0
    }
}

/// The subject's run, or its beginning.
pub(super) fn train(lab: &Lab, trial: Trial) -> Result<Run> {
    let Settings { epochs, max_steps, .. } = trial.settings;
    let per_epoch = trial.settings.steps_per_epoch(trial.train.len()).max(1);
    let asked = per_epoch.saturating_mul(epochs as u64).min(max_steps.unwrap_or(u64::MAX));
    let samples = (trial.settings.batch * trial.settings.accumulate) as f64;
    let possible = ((WORK * lab.scale / (lab.work(&trial.network)? * samples)) as u64).max(100);
    let steps = asked.min(possible);
    let settings =
        Settings { max_steps: Some(steps), epochs: (steps.div_ceil(per_epoch) as usize).max(1), ..trial.settings };
    let course = lab.run(&Trial { settings, ..trial })?;
    Ok(Run { course, part: steps as f64 / asked.max(1) as f64 })
}

/// Everything that the run's curves and its last weights tell.
pub(super) fn judge(lab: &Lab, run: &Run, signal: &Signal, small: &Small, found: &mut Vec<Verdict>) -> Result {
    let course = &run.course;
    if let Some(step) = course.diverged {
        let text = format!("the loss of step {step} is not finite");
        found.push(Verdict::new(Code::LrTooHigh, 6, Severity::Error, text).with("step", step as f64));
        return Ok(());
    }
    let [own, held] = course.last_scores();
    labels(lab, signal, small, [own, held], found);
    generalization(run, found);
    neighbours::noisy(lab, signal, course, held, found)?;
    if !course.weights.is_empty() {
        let seen = Seen::at(lab, &lab.subject.network, &course.weights)?;
        let mut units = Vec::new();
        initial::units(&seen, 6, &mut units);
        // A network that has learnt in spite of them needs no alarm.
        let severity = if own < limits::LEARNT && own < signal.score { Severity::Error } else { Severity::Note };
        // What was alive before training was killed by the updates.
        let before = |verdict: &Verdict| found.iter().any(|other| other.code == verdict.code && other.step == 1);
        if severity == Severity::Error && units.iter().any(|verdict| !before(verdict)) {
            let text = "training has driven units to where they learn nothing any more";
            found.push(Verdict::new(Code::LrTooHigh, 6, Severity::Warning, text).with("score", own));
        }
        found.extend(units.into_iter().map(|verdict| Verdict { severity, ..verdict }));
    }
    Ok(())
}

fn labels(lab: &Lab, signal: &Signal, small: &Small, [own, held]: [f64; 2], found: &mut Vec<Verdict>) {
    let blind = signal.is_chance(signal.score) && signal.is_chance(held);
    if blind && (small.at_any || small.score > 0.5) && lab.held_out.len() >= 20 {
        let text = format!(
            "held-out samples are answered as by chance ({:.1} %), by the network and by their neighbours alike, and \
             training samples to {:.1} %: by heart",
            100.0 * held.max(0.0),
            100.0 * own.max(0.0)
        );
        let verdict = Verdict::new(Code::LabelsRandom, 6, Severity::Error, text);
        found.push(verdict.with("held_out", held).with("neighbours", signal.score).with("chance", signal.chance));
    }
}

/// Training samples beside held-out ones.
fn generalization(run: &Run, found: &mut Vec<Verdict>) {
    let records = &run.course.history.epochs;
    let losses: Vec<f64> = records.iter().filter_map(|record| record.validation_loss).map(f64::from).collect();
    let [own, held] = run.course.last_scores();
    let (Some(&last), Some(best)) = (losses.last(), losses.iter().copied().reduce(f64::min)) else { return };
    let epoch = 1 + losses.iter().position(|&loss| loss == best).unwrap_or(0);
    let (rise, gap) = (last / best.max(1e-9), own - held);
    let rises = rise > limits::RISE && epoch * 10 <= losses.len() * 7 && gap > 0.03;
    if rises || gap > limits::GAP {
        let text = format!(
            "training samples are answered {:.1} points better than held-out ones; the loss on these was lowest after \
             epoch {epoch} of {}, and is {rise:.2} times that at the end",
            100.0 * gap,
            losses.len()
        );
        let verdict = Verdict::new(Code::Overfitting, 6, Severity::Warning, text);
        found.push(verdict.with("gap", gap).with("rise", rise).with("best_epoch", epoch as f64));
    }
}

/// Whether the loss still falls at the end.
pub(super) fn length(run: &Run, rates: &Rates, found: &mut Vec<Verdict>) {
    let course = &run.course;
    if !run.is_whole() || course.diverged.is_some() {
        return;
    }
    let made = course.history.step_losses.len() as u64;
    let further = course.last_loss() - rates.ends[0].1;
    if rates.steps >= 2 * made && further > limits::FALLS_FURTHER * rates.first_loss {
        let text = format!(
            "the run ends after {made} steps with a loss of {:.3}; after {} it is {:.3}",
            course.last_loss(),
            rates.steps,
            rates.ends[0].1
        );
        let verdict = Verdict::new(Code::TooFewEpochs, 6, Severity::Warning, text);
        found.push(verdict.with("steps", made as f64).with("falls_further", further / rates.first_loss));
        return;
    }
    let records = &course.history.epochs;
    let losses: Vec<f64> = if records.len() >= 6 {
        records.iter().filter_map(|record| record.validation_loss).map(f64::from).collect()
    } else {
        fifths(&course.history.step_losses)
    };
    if losses.len() < 3 {
        return;
    }
    let before = losses[losses.len() - 1 - (losses.len() / 3).max(1)];
    let last = losses[losses.len() - 1];
    let fall = (before - last) / before.abs().max(1e-9);
    let lowest = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let [own, _] = course.last_scores();
    let counts = before - last > limits::FALL_THAT_COUNTS * rates.first_loss;
    if fall > limits::STILL_FALLING && counts && last <= lowest * 1.02 && own < 0.985 {
        let text = format!("over the last third of the run the loss still fell by {:.0} %", 100.0 * fall);
        found.push(Verdict::new(Code::TooFewEpochs, 6, Severity::Warning, text).with("fall", fall));
    }
}

/// The means of the fifths of a row.
fn fifths(losses: &[f32]) -> Vec<f64> {
    let mean = |part: &[f32]| part.iter().map(|&loss| f64::from(loss)).sum::<f64>() / part.len().max(1) as f64;
    losses.chunks(losses.len().div_ceil(5).max(1)).map(mean).collect()
}

/// What the run would be without everything that holds it back.
pub(super) fn regularization(lab: &Lab, run: &Run, found: &mut Vec<Verdict>) -> Result {
    let settings = &lab.subject.settings;
    let decay = key(&settings.optimizer, "weight_decay").unwrap_or(0.0);
    let regularized = decay > 0.0 || settings.label_smoothing > 0.0 || most_dropped(lab)? > 0.0;
    if !regularized && lab.subject.augmentation.is_none() || run.course.diverged.is_some() {
        return Ok(());
    }
    let [own, held] = run.course.last_scores();
    if own >= limits::LEARNT {
        return Ok(());
    }
    let mut free = lab.free_trial();
    // What augmentation takes is judged for itself.
    free.augmentation.clone_from(&lab.subject.augmentation);
    let [free_own, free_held] = train(lab, free)?.course.last_scores();
    if free_held > held + 0.05 && free_own > own + 0.05 {
        let text = format!(
            "without regularization {:.1} % of the training samples and {:.1} % of held-out ones are right, with it \
             {:.1} and {:.1} %",
            100.0 * free_own,
            100.0 * free_held,
            100.0 * own.max(0.0),
            100.0 * held.max(0.0)
        );
        let verdict = Verdict::new(Code::Underfitting, 6, Severity::Warning, text);
        found.push(verdict.with("without", free_held).with("with", held));
    }
    Ok(())
}

/// Augmented training samples, shown to a network that has learnt them as they are.
pub(super) fn augmentation(lab: &Lab, run: &Run, signal: &Signal, found: &mut Vec<Verdict>) -> Result {
    let Some(augmentation) = &lab.subject.augmentation else { return Ok(()) };
    if augmentation.train().is_empty() || run.course.weights.is_empty() || !lab.train.task().is_classes() {
        return Ok(());
    }
    let plain = Trial { augmentation: None, ..lab.trial() };
    let Ok(plain) = train(lab, plain) else { return Ok(()) };
    let seen = accuracy(lab, augmentation, &plain.course.weights)?;
    // The network that was trained with the recipe knows its samples best.
    let learnt = accuracy(lab, augmentation, &run.course.weights)?;
    let [own, _] = plain.course.last_scores();
    let above = |score: f64| (score - signal.chance) / (own - signal.chance).max(1e-9);
    let recognized = above(seen).max(above(learnt));
    if own > signal.chance + 0.2 && recognized < limits::RECOGNIZED {
        let text = format!(
            "of the training samples {:.1} % are told apart as they are, and {:.1} % behind the recipe",
            100.0 * own,
            100.0 * seen.max(learnt)
        );
        let verdict = Verdict::new(Code::AugmentationDestroys, 6, Severity::Error, text);
        found.push(verdict.with("plain", own).with("augmented", seen).with("augmented_after_training", learnt));
    }
    Ok(())
}

/// The share of right answers on training samples behind the training recipe.
fn accuracy(lab: &Lab, augmentation: &Augmentation, weights: &[f32]) -> Result<f64> {
    let (store, subject) = (LayerStore::default(), lab.subject);
    let net = subject.network.net(&store)?;
    let batch = 64.min(lab.probe.len());
    let config = Config::new(batch, subject.settings.optimizer).threads(lab.ctx.threads()).align(16);
    let plan = Plan::try_new(&net, config).map_err(|error| subject.network.explain(error))?;
    let mut arena = vec![0.0; plan.train_len()];
    let mut trainer = Trainer::new(lab.ctx, &plan, &mut arena, 0)?;
    if weights.len() != plan.weights_len() {
        return Ok(0.0);
    }
    trainer.weights_mut().copy_from_slice(weights);
    let normalizer = subject.settings.normalize.fit(&*lab.train, subject.settings.loading.workers)?;
    let loader = Loader::new(&*lab.probe, &normalizer, batch).pipeline(Some(augmentation.train()));
    Ok(evaluate(lab.ctx, &mut trainer, &loader)?.accuracy.unwrap_or(0.0))
}
