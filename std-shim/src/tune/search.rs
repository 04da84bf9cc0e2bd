//! Steps 3 to 5: a rate, a coarse search of rates and weight decays, a fine one over seeds.

use std::time::{Duration, Instant};

use flatgrad_core::Context;
use serde::{Deserialize, Serialize};

use super::Watch;
use super::check::{Checked, check_in};
use super::range::{self, RangeTest};
use super::subject::{Lab, Subject, key, with_decay};
use super::trial::Trial;
use super::watch::Scaled;
use crate::error::{Error, Result};
use crate::train::{Schedule, Settings, Shape};

/// Operations that a second of the budget stands for: what one core of a small server does.
const WORK_PER_SECOND: f64 = 5e10;
/// Operations of a whole diagnosis.
const CHECK_WORK: f64 = 6e12;
/// The parts of the budget: diagnosis, rate, coarse search; the rest is the fine search.
const CHECK: f64 = 0.25;
const RATE: f64 = 0.05;
const COARSE: f64 = 0.3;
/// Steps of the range test.
const RANGE_STEPS: usize = 200;
/// Rates of the coarse search around the one that was found, and weight decays.
const AROUND: [f32; 5] = [1.0, 0.3, 3.0, 0.1, 10.0];
const DECAYS: [f32; 3] = [1e-4, 1e-5, 0.0];
/// Seeds of the last choice.
const SEEDS: u64 = 3;

/// What a search is given.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchOptions {
    /// How long it may take. Trials are chosen by counting operations, so that the choice does not depend on the
    /// machine; the clock only ends a search on a machine that is slower than the count supposes.
    pub budget: Duration,
    /// Trials of an earlier search that was interrupted, of the same subject and budget: they are not made again.
    pub known: Vec<TrialRecord>,
}

/// One training run of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// The step of the recipe.
    pub step: u8,
    /// The learning rate.
    pub lr: f32,
    /// The weight decay; nothing if the optimizer has none.
    pub weight_decay: Option<f32>,
    /// Whether the rate follows a cosine down to 0; else it is constant.
    pub cosine: bool,
    /// Epochs.
    pub epochs: usize,
    /// The seed.
    pub seed: u64,
    /// The loss on the validation part at the end; infinite if it diverged.
    #[serde(with = "finite")]
    pub loss: f64,
    /// The share of right answers, or of the variance; minus infinity if it diverged.
    #[serde(with = "finite")]
    pub score: f64,
}

/// JSON has no infinity: it is `null`, and comes back as NaN.
mod finite {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        number.is_finite().then_some(*number).serialize(serializer)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
    }
}

/// What a search chose.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The settings, with the subject's seed.
    pub settings: Settings,
    /// Mean and standard deviation over seeds of the score on the validation part: of right answers, or of the
    /// variance.
    pub score: [f64; 2],
    /// As many seeds.
    pub seeds: usize,
    /// The same of the subject's own settings.
    pub own_score: [f64; 2],
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// The diagnosis of the subject as it is.
    pub checked: Checked,
    /// The range test.
    pub range: RangeTest,
    /// All trials, in their order.
    pub trials: Vec<TrialRecord>,
    /// The choice; nothing if every trial diverged.
    pub choice: Option<Choice>,
    /// Whether the clock ended the search before all trials were made.
    pub cut: bool,
}

/// Runs the recipe's six steps and chooses rate, weight decay and schedule by the validation part.
///
/// The same subject and budget give the same choice on every machine and for any number of threads, unless
/// [`Tuned::cut`] says that the clock ended it. Nothing is chosen by the test part.
///
/// # Errors
///
/// As [`check`](super::check()).
pub fn tune(ctx: Context, subject: &Subject, options: &SearchOptions, watch: &mut dyn Watch) -> Result<Tuned> {
    let end = Instant::now() + options.budget.mul_f64(0.95);
    let mut lab = Lab::new(ctx, subject, watch.interrupt())?;
    let work = options.budget.as_secs_f64() * WORK_PER_SECOND;
    lab.scale = (work * CHECK / CHECK_WORK).min(1.0);
    let checked = check_in(&lab, &mut Scaled { watch, to: CHECK })?;
    let mut known = options.known.clone();
    for trial in known.iter_mut().filter(|trial| trial.loss.is_nan()) {
        (trial.loss, trial.score) = (f64::INFINITY, f64::NEG_INFINITY);
    }
    let mut search = Search { lab, end, cut: false, known, trials: Vec::new(), watch };
    search.watch.stage("rate", CHECK);
    let range = search.range(work * RATE)?;
    let own = subject.settings.optimizer.lr();
    let rate = range.suggestion().map_or(own, |rate| rounded(rate as f32));
    search.watch.stage("coarse search", CHECK + RATE);
    let best = search.coarse(rate, work * COARSE)?;
    search.watch.stage("fine search", CHECK + RATE + COARSE);
    let choice = search.fine(&best, work * (1.0 - CHECK - RATE - COARSE))?;
    search.watch.stage("done", 1.0);
    let Search { trials, cut, .. } = search;
    Ok(Tuned { checked, range, trials, choice, cut })
}

/// What a trial tries.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    lr: f32,
    decay: Option<f32>,
    cosine: bool,
}

struct Search<'a, 'w> {
    lab: Lab<'a>,
    end: Instant,
    cut: bool,
    known: Vec<TrialRecord>,
    trials: Vec<TrialRecord>,
    watch: &'w mut dyn Watch,
}

impl Search<'_, '_> {
    fn range(&self, work: f64) -> Result<RangeTest> {
        let trial = self.lab.trial();
        let step = self.lab.work(&trial.network)? * trial.settings.batch as f64;
        range::test(&self.lab, &trial, ((work / step) as usize).clamp(80, RANGE_STEPS))
    }

    /// Rates around the one found, then weight decays at the best of them; the worse half is dropped after an epoch,
    /// and rates go on at the edge where the best is at the edge.
    fn coarse(&mut self, rate: f32, work: f64) -> Result<Vec<Candidate>> {
        let own = self.lab.subject.settings.optimizer;
        let decay = key(&own, "weight_decay");
        let at = |lr: f32| Candidate { lr: rounded(lr), decay, cosine: false };
        let mut rates: Vec<Candidate> = AROUND.iter().map(|factor| at(rate * factor)).collect();
        if !rates.contains(&at(own.lr())) {
            rates.push(at(own.lr()));
        }
        let whole = self.lab.work(&self.lab.subject.network)? * self.lab.train.len() as f64;
        // Half of it for rates in two rounds, half for decays.
        let short = ((work / 2.0 / whole / (rates.len() as f64 + 3.0)) as usize).clamp(1, 2);
        let long = (2 * short).min(5);
        let mut ranked = self.round(4, &rates, short)?;
        // The best at the edge: further out.
        for _ in 0..2 {
            let lowest = ranked.iter().map(|ranked| ranked.0.lr).fold(f32::INFINITY, f32::min);
            let highest = ranked.iter().map(|ranked| ranked.0.lr).fold(0.0, f32::max);
            let beyond = match ranked.first() {
                Some((best, _)) if best.lr == lowest => at(lowest * 0.3),
                Some((best, _)) if best.lr == highest => at(highest * 3.0),
                _ => break,
            };
            ranked.extend(self.round(4, &[beyond], short)?);
            ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        }
        let kept: Vec<Candidate> = ranked.iter().take(ranked.len().div_ceil(2).min(3)).map(|ranked| ranked.0).collect();
        let ranked = self.round(4, &kept, long)?;
        let Some(&(best, _)) = ranked.first() else { return Ok(kept) };
        let mut pairs = vec![best];
        if decay.is_some() {
            pairs.extend(DECAYS.iter().map(|&decay| Candidate { decay: Some(decay), ..best }).filter(|c| *c != best));
            pairs.extend(ranked.get(1).map(|second| second.0));
            let ranked = self.round(4, &pairs, long)?;
            pairs = ranked.into_iter().map(|ranked| ranked.0).collect();
        }
        Ok(pairs)
    }

    /// The best pairs for longer, with a constant rate and with a cosine, beside the settings asked for; the best of
    /// these over seeds.
    fn fine(&mut self, best: &[Candidate], work: f64) -> Result<Option<Choice>> {
        let settings = &self.lab.subject.settings;
        let own = Candidate {
            lr: settings.optimizer.lr(),
            decay: key(&settings.optimizer, "weight_decay"),
            cosine: matches!(settings.schedule, schedule if schedule == cosine(settings, self.lab.train.len())),
        };
        let mut candidates = vec![own];
        for candidate in best.iter().take(2) {
            candidates.push(*candidate);
            candidates.push(Candidate { cosine: true, ..*candidate });
        }
        candidates.push(Candidate { cosine: true, ..own });
        if let Some(first) = best.first() {
            candidates.push(Candidate { lr: rounded(first.lr * 2.0), cosine: true, ..*first });
        }
        candidates.dedup();
        let whole = self.lab.work(&self.lab.subject.network)? * self.lab.train.len() as f64;
        // All candidates once, two of them for all seeds.
        let runs = candidates.len() as f64 + 2.0 * (SEEDS - 1) as f64;
        let asked = self.lab.subject.settings.epochs;
        let epochs = ((work / whole / runs) as usize).clamp(1, asked.max(20)).max(asked.min(3));
        let ranked = self.round(5, &candidates, epochs)?;
        let mut finalists: Vec<Candidate> = ranked.iter().take(2).map(|ranked| ranked.0).collect();
        if !finalists.contains(&own) {
            finalists.push(own);
        }
        let mut results = Vec::new();
        for candidate in finalists {
            let (score, loss) = self.over_seeds(candidate, epochs)?;
            results.push((candidate, score, loss));
        }
        let own_score = results.iter().find(|result| result.0 == own).map_or([f64::NAN; 2], |result| result.1);
        let best = results
            .iter()
            .filter(|result| result.1[0].is_finite())
            .max_by(|a, b| a.1[0].total_cmp(&b.1[0]).then(b.2.total_cmp(&a.2)));
        // Of equal scores, the lower loss.
        Ok(best.map(|&(candidate, score, _)| Choice {
            settings: self.settings(candidate, epochs, self.lab.subject.settings.seed, self.lab.subject.train.len()),
            score,
            seeds: SEEDS as usize,
            own_score,
        }))
    }

    /// Mean and deviation of the scores of a candidate, and its mean loss.
    fn over_seeds(&mut self, candidate: Candidate, epochs: usize) -> Result<([f64; 2], f64)> {
        let first = self.lab.subject.settings.seed;
        let trials: Vec<(Candidate, u64)> = (0..SEEDS).map(|seed| (candidate, first.wrapping_add(seed))).collect();
        self.run(5, &trials, epochs)?;
        let is_it = |record: &&TrialRecord| {
            record.step == 5
                && record.epochs == epochs
                && (record.lr, record.weight_decay, record.cosine) == (candidate.lr, candidate.decay, candidate.cosine)
        };
        let made: Vec<&TrialRecord> = self.trials.iter().filter(is_it).collect();
        let scores: Vec<f64> = made.iter().map(|record| record.score).collect();
        // None were made if the clock has ended it.
        let n = scores.len() as f64;
        let mean = scores.iter().sum::<f64>() / n;
        let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        let loss = made.iter().map(|record| record.loss).sum::<f64>() / n;
        Ok(([mean, variance.sqrt()], loss))
    }

    /// Candidates, best first.
    fn round(&mut self, step: u8, candidates: &[Candidate], epochs: usize) -> Result<Vec<(Candidate, f64)>> {
        let seed = self.lab.subject.settings.seed;
        let trials: Vec<(Candidate, u64)> = candidates.iter().map(|&candidate| (candidate, seed)).collect();
        let from = self.trials.len();
        self.run(step, &trials, epochs)?;
        // Losses tell more than answers while both are good.
        let rank = |record: &TrialRecord| if step == 4 { -record.loss } else { record.score };
        let mut ranked: Vec<(Candidate, f64)> = self.trials[from..]
            .iter()
            .map(|r| (Candidate { lr: r.lr, decay: r.weight_decay, cosine: r.cosine }, rank(r)))
            .collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(ranked)
    }

    /// Makes trials that have not been made yet, as many as there is time for.
    fn run(&mut self, step: u8, trials: &[(Candidate, u64)], epochs: usize) -> Result {
        for &(candidate, seed) in trials {
            if self.lab.is_interrupted() {
                return Err(Error::Interrupted { step: self.trials.len() as u64 });
            }
            let is_it = |record: &&TrialRecord| {
                (record.step, record.lr, record.weight_decay, record.cosine, record.epochs, record.seed)
                    == (step, candidate.lr, candidate.decay, candidate.cosine, epochs, seed)
            };
            if self.trials.iter().find(is_it).is_some() {
                continue;
            }
            if let Some(known) = self.known.iter().find(is_it) {
                self.trials.push(known.clone());
                continue;
            }
            if Instant::now() > self.end {
                self.cut = true;
                continue;
            }
            let trial = self.lab.trial();
            let settings = self.settings(candidate, epochs, seed, trial.train.len());
            let settings = Settings { batch: trial.settings.batch, ..settings };
            let probe = super::subject::spread(&trial.probe, 64)?;
            let course = self.lab.run(&Trial { settings, probe, ..trial })?;
            let loss = course.history.epochs.last().and_then(|epoch| epoch.validation_loss);
            let loss = if course.diverged.is_some() { f64::INFINITY } else { loss.map_or(f64::INFINITY, f64::from) };
            let [_, score] = course.last_scores();
            let Candidate { lr, decay, cosine } = candidate;
            let record = TrialRecord { step, lr, weight_decay: decay, cosine, epochs, seed, loss, score };
            self.watch.trial(&record)?;
            self.trials.push(record);
        }
        Ok(())
    }

    fn settings(&self, candidate: Candidate, epochs: usize, seed: u64, samples: usize) -> Settings {
        let settings = self.lab.subject.settings.clone();
        let optimizer = settings.optimizer.with_lr(candidate.lr);
        let optimizer = candidate.decay.map_or(optimizer, |decay| with_decay(optimizer, decay));
        let settings = Settings { optimizer, epochs, seed, max_steps: None, ..settings };
        let schedule = if candidate.cosine { cosine(&settings, samples) } else { Schedule::CONSTANT };
        Settings { schedule, ..settings }
    }
}

/// Down to 0 over all steps, as `train` has it.
fn cosine(settings: &Settings, samples: usize) -> Schedule {
    let steps = (settings.epochs as u64).saturating_mul(settings.steps_per_epoch(samples));
    Schedule::new(Shape::Cosine { steps, min: 0.0 })
}

/// Two digits: what people type.
fn rounded(rate: f32) -> f32 {
    format!("{rate:.1e}").parse().unwrap_or(rate)
}
