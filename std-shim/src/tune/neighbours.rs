//! What a sample's nearest neighbours say about its label: a check of the data without any network.

use rayon::prelude::*;

use super::look::Look;
use super::subject::Lab;
use super::trial::Course;
use super::{Code, Severity, Verdict, limits};
use crate::data::{Dataset, Label};
use crate::error::Result;

/// Training samples that are asked, held-out samples that ask, and products that this takes at most.
const ASKED: usize = 1500;
const ASKING: usize = 400;
const PRODUCTS: usize = 400_000_000;

/// What neighbours know.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Signal {
    /// How they do on held-out samples: the share of right answers, or of the variance.
    pub(super) score: f64,
    /// How one does who always says the same.
    pub(super) chance: f64,
    /// The score's standard deviation by chance.
    pub(super) error: f64,
    /// The share of neighbours that agree with the most frequent label among them, on average over training samples.
    pub(super) agreement: f64,
    /// Its variance over that of drawing labels at random with this agreement.
    pub(super) dispersion: f64,
}

impl Signal {
    /// Whether a score is no better than always saying the same.
    pub(super) fn is_chance(&self, score: f64) -> bool {
        score <= self.chance + 3.0 * self.error
    }
}

/// Rows with mean 0 and deviation 1 for each feature, and their targets.
struct Rows {
    pixels: usize,
    x: Vec<f32>,
    targets: Vec<f32>,
}

impl Rows {
    fn of(part: &dyn Dataset, look: Look, moments: &[[f64; 2]]) -> Self {
        let Look { indices, pixels, mut x } = look;
        for row in x.chunks_exact_mut(pixels) {
            for (value, [mean, variance]) in row.iter_mut().zip(moments) {
                let std = variance.sqrt();
                *value = if std > 0.0 { ((f64::from(*value) - mean) / std) as f32 } else { 0.0 };
            }
        }
        let target = |&index: &usize| match part.target(index) {
            Label::Class(class) => class as f32,
            Label::Values(values) => values.first().copied().unwrap_or(0.0),
        };
        let targets = indices.iter().map(target).collect();
        Self { pixels, x, targets }
    }

    fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.x.chunks_exact(self.pixels)
    }

    /// The targets of the nearest rows, without row `own`.
    fn nearest(&self, from: &[f32], own: Option<usize>) -> Vec<f32> {
        let distance = |row: &[f32]| row.iter().zip(from).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
        let mut all: Vec<(f32, f32)> = self.rows().map(distance).zip(self.targets.iter().copied()).collect();
        if let Some(own) = own {
            all.swap_remove(own);
        }
        let k = limits::NEIGHBOURS.min(all.len());
        if k < all.len() {
            all.select_nth_unstable_by(k, |a, b| a.0.total_cmp(&b.0));
        }
        all.truncate(k);
        all.into_iter().map(|(_, target)| target).collect()
    }
}

/// The most frequent target, and its share.
fn majority(targets: &[f32]) -> (f32, f64) {
    let count = |target: f32| targets.iter().filter(|&&other| other == target).count();
    let best = targets.iter().copied().max_by_key(|&target| (count(target), -(target as i64))).unwrap_or(0.0);
    (best, count(best) as f64 / targets.len().max(1) as f64)
}

/// Asks the neighbours.
pub(super) fn signal(lab: &Lab) -> Result<Signal> {
    let pixels = lab.train.pixels().max(1);
    let asked = ASKED.min(PRODUCTS / 2 / pixels / ASKING).max(60);
    let look = Look::at(&*lab.train, asked)?;
    let moments = look.moments();
    let train = Rows::of(&*lab.train, look, &moments);
    let held = Rows::of(&*lab.held_out, Look::at(&*lab.held_out, ASKING)?, &moments);
    let n = held.targets.len().max(1) as f64;
    let ask: Vec<&[f32]> = held.rows().collect();
    if !lab.train.task().is_classes() {
        return Ok(values(&train, &held, &ask));
    }
    let right = |(row, &target): (&&[f32], &f32)| majority(&train.nearest(row, None)).0 == target;
    let right = ask.par_iter().zip(&held.targets).filter(|at| right((at.0, at.1))).count() as f64;
    let chance = majority(&held.targets).1;
    let among: Vec<(usize, &[f32])> = train.rows().enumerate().step_by(train.targets.len().div_ceil(ASKING)).collect();
    let shares: Vec<f64> = among.par_iter().map(|(own, row)| majority(&train.nearest(row, Some(*own))).1).collect();
    let count = shares.len().max(1) as f64;
    let agreement = shares.iter().sum::<f64>() / count;
    let variance = shares.iter().map(|share| (share - agreement).powi(2)).sum::<f64>() / count;
    let by_chance = agreement * (1.0 - agreement) / limits::NEIGHBOURS as f64;
    Ok(Signal {
        score: right / n,
        chance,
        error: (chance * (1.0 - chance) / n).sqrt(),
        agreement,
        dispersion: variance / by_chance.max(1e-9),
    })
}

/// Of values: the share of the variance that the neighbours' means explain.
fn values(train: &Rows, held: &Rows, ask: &[&[f32]]) -> Signal {
    let mean = |targets: &[f32]| targets.iter().map(|&y| f64::from(y)).sum::<f64>() / targets.len().max(1) as f64;
    let center = mean(&train.targets);
    let error = |(row, &target): (&&[f32], &f32)| (f64::from(target) - mean(&train.nearest(row, None))).powi(2);
    let errors: f64 = ask.par_iter().zip(&held.targets).map(|at| error((at.0, at.1))).sum();
    let all: f64 = held.targets.iter().map(|&target| (f64::from(target) - center).powi(2)).sum();
    let n = held.targets.len().max(1) as f64;
    // Means of some neighbours add a part of the noise to the error: nothing known is a little below 0.
    let score = 1.0 - errors / all.max(1e-30);
    Signal { score, chance: 0.0, error: 0.35 / n.sqrt(), agreement: 1.0, dispersion: f64::INFINITY }
}

/// Labels of which a good part is wrong: of the network's wrong answers to held-out samples, the label is as likely to
/// be any other class; or neighbours agree, but everywhere only so far, and the network does no better.
pub(super) fn noisy(lab: &Lab, signal: &Signal, course: &Course, held: f64, found: &mut Vec<Verdict>) -> Result {
    if !lab.train.task().is_classes() || course.best.weights.is_empty() {
        return Ok(());
    }
    let Ranks { wrong, share, mean } = ranks(lab, &course.best.weights)?;
    let known = 1.0 - share > signal.chance + 4.0 * signal.error;
    if wrong >= 20 && known && limits::NOISE_SHARE.contains(&share) && mean > limits::NOISE_RANK {
        let text = format!(
            "{:.0} % of held-out samples are answered wrongly, and their labels are as likely to be any other class: \
             they look wrong themselves",
            100.0 * share
        );
        let verdict = Verdict::new(Code::LabelsNoisy, 6, Severity::Warning, text);
        found.push(verdict.with("share", share).with("mean_rank", mean));
        return Ok(());
    }
    let known = signal.score > signal.chance + 6.0 * signal.error;
    let better = held.max(1.0 - share) > signal.agreement + 0.08;
    if known && !better && signal.agreement < 0.85 && signal.dispersion < limits::NOISE_DISPERSION {
        let text = format!(
            "a sample's neighbours agree about their label by {:.0} %, everywhere alike, and the network does no better",
            100.0 * signal.agreement
        );
        let verdict = Verdict::new(Code::LabelsNoisy, 6, Severity::Warning, text);
        found.push(verdict.with("agreement", signal.agreement).with("dispersion", signal.dispersion));
    }
    Ok(())
}

/// Wrong answers to held-out samples.
struct Ranks {
    wrong: usize,
    /// Of all answers.
    share: f64,
    /// The mean rank of the label among the classes that were not answered: 0 is the next, 1 the last. Without a third
    /// class, 0.
    mean: f64,
}

fn ranks(lab: &Lab, weights: &[f32]) -> Result<Ranks> {
    let (outputs, labels) = lab.answers(&lab.held_out, weights)?;
    let classes = lab.train.task().outputs();
    let (mut wrong, mut sum) = (0, 0.0);
    for (row, &label) in outputs.chunks_exact(classes.max(1)).zip(&labels) {
        let of_label = row.get(label as usize).copied().unwrap_or(f32::NEG_INFINITY);
        let above = row.iter().filter(|&&logit| logit > of_label).count();
        if above > 0 {
            wrong += 1;
            sum += (above - 1) as f64 / classes.saturating_sub(2).max(1) as f64;
        }
    }
    let mean = if classes > 2 { sum / wrong.max(1) as f64 } else { 0.0 };
    Ok(Ranks { wrong, share: wrong as f64 / labels.len().max(1) as f64, mean })
}
