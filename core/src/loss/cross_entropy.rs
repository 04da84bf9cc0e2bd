//! Softmax cross entropy.

use super::{LossReport, samples};
use crate::activation::{exp_row, sum_exp};
use crate::error::{Error, Result, check_len, check_param, check_product};
use crate::machine::Context;
use crate::scalar::ln_of_sum;
use crate::simd::{Simd, dispatch};
use crate::slice;

/// What the outputs for the samples of a batch should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target<'a> {
    /// One class index per sample.
    Classes(&'a [u32]),
    /// A value for each output of each sample, `[n, outputs]`. For cross entropy these are probabilities, of which a
    /// mixture of two samples (mixup) or a teacher's answer (distillation) has several; they need not add up to one.
    Values(&'a [f32]),
}

/// Class indices, as an array, a vector or a slice.
impl<'a, T: AsRef<[u32]> + ?Sized> From<&'a T> for Target<'a> {
    fn from(classes: &'a T) -> Self {
        Self::Classes(classes.as_ref())
    }
}

/// One sample's target, smoothed.
#[derive(Clone, Copy)]
enum Aim<'a> {
    Class(usize),
    Values(&'a [f32]),
}

/// Label smoothing: a target `p` counts as `on * p + off`.
#[derive(Clone, Copy)]
struct Smoothing {
    on: f32,
    off: f32,
}

/// Softmax cross entropy from logits `[n, classes]`, PyTorch's `cross_entropy` with reduction `sum`:
/// `loss_i = sum_j t_ij * -ln(softmax(x_i)_j)`, where `t = (1 - label_smoothing) * p + label_smoothing / classes` and
/// `p` is the target's probability: of a class index, 1 at that class and 0 elsewhere.
///
/// A prediction is right where the first of the largest logits is at the label, or at the first of the largest
/// probabilities.
///
/// Label smoothing: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016.
///
/// # Numerics
///
/// `max` and `sum` as in [`softmax`](crate::activation::softmax), `nll_j = ln(sum) - (x_j - max)`;
/// `off = label_smoothing / classes`, `on = 1 - label_smoothing`, in `f32`.
///
/// The logarithm is that of FreeBSD's `e_logf.c`, and not [`math::ln`](crate::math::ln). Both take
/// `x = 2^k (1 + f)` apart in the same way. Then, each operation rounded, the constants being the nearest `f32`:
///
/// ```text
/// s  = f / (2 + f),  z = s * s,  w = z * z,  h = 0.5 * f * f
/// r  = z * (0.66666662693 + w * 0.28498786688) + w * (0.40000972152 + w * 0.24279078841)
/// ln = (((s * (h + r) + k * 9.0580006145e-6) - h) + f) + k * 0.69313812256
/// ```
///
/// * Class indices: `nll_label`; if `off` is not 0, `on * nll_label + off * (sum over j of nll_j)`.
/// * Probabilities: the sum over `j` of `(on * p_j + off) * nll_j`.
///
/// Sums over `j` run in 16 virtual lanes. The samples' losses are added one after another, in order. A NaN counts as
/// smaller than every number when the prediction is taken.
///
/// # Errors
///
/// [`Error::Length`] unless `logits` (and probabilities) hold `n * classes` elements and class indices are `n`;
/// [`Error::Overflow`] if the product overflows; [`Error::Label`] for the first label that is not below `classes`;
/// [`Error::Parameter`] unless `label_smoothing` is in 0..=1.
///
/// ```
/// use flatgrad_core::{Context, Isa, loss::{Target, cross_entropy}};
/// let ctx = Context::serial(Isa::detect());
/// let report = cross_entropy(ctx, [1, 2], 0.0, &[3.0, 3.0], Target::Classes(&[0]))?;
/// assert!((report.loss_sum - 2f32.ln()).abs() < 1e-6);
/// assert_eq!(report.correct, 1);
///
/// let mixed = cross_entropy(ctx, [1, 2], 0.0, &[3.0, 3.0], Target::Values(&[0.25, 0.75]))?;
/// assert_eq!((mixed.loss_sum, mixed.correct), (report.loss_sum, 0));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn cross_entropy(
    ctx: Context,
    [n, classes]: [usize; 2],
    label_smoothing: f32,
    logits: &[f32],
    target: Target,
) -> Result<LossReport> {
    check([n, classes], logits, target, label_smoothing)?;
    Ok(cross_entropy_planned::<All>(ctx, [n, classes], label_smoothing, None, logits, target, &mut []))
}

/// [`cross_entropy`] and its gradient: `dlogits = (T * softmax(logits) - t) * grad_scale`, where `t` is the smoothed
/// target and `T` its sum over the classes, 1 for class indices; `grad_scale` is `1 / n` for the gradient of the mean.
///
/// # Numerics
///
/// `q` is [`softmax`](crate::activation::softmax); `on` and `off` as in [`cross_entropy`], whose bits the report has.
///
/// * Class indices: `(q - off) * grad_scale`, at the label `(q - (on + off)) * grad_scale`.
/// * Probabilities: `(T * q - (on * p + off)) * grad_scale`, `T` in 16 virtual lanes.
///
/// # Errors
///
/// As [`cross_entropy`], and [`Error::Length`] unless `dlogits` is as long as `logits`.
///
/// ```
/// use flatgrad_core::{Context, Isa, loss::{Target, cross_entropy_backward}};
/// let ctx = Context::serial(Isa::detect());
/// let (logits, target, mut dlogits) = ([3.0, 3.0], Target::Classes(&[0]), [0.0; 2]);
/// let report = cross_entropy_backward(ctx, [1, 2], 0.0, 1.0, &logits, target, &mut dlogits)?;
/// assert_eq!(dlogits, [-0.5, 0.5]);
/// assert_eq!(report.correct, 1);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn cross_entropy_backward(
    ctx: Context,
    [n, classes]: [usize; 2],
    label_smoothing: f32,
    grad_scale: f32,
    logits: &[f32],
    target: Target,
    dlogits: &mut [f32],
) -> Result<LossReport> {
    check([n, classes], logits, target, label_smoothing)?;
    check_len("dlogits", logits.len(), dlogits.len())?;
    let scale = Some(grad_scale);
    Ok(cross_entropy_planned::<All>(ctx, [n, classes], label_smoothing, scale, logits, target, dlogits))
}

/// What of cross-entropy a program uses, as a type.
pub(crate) trait Uses {
    /// Label smoothing.
    const SMOOTHING: bool;
    /// Targets that are probabilities.
    const PROBABILITIES: bool;
}

/// All there is.
struct All;

impl Uses for All {
    const SMOOTHING: bool = true;
    const PROBABILITIES: bool = true;
}

/// The report, and where a scale is given the gradient, of lengths and labels that a plan has checked.
pub(crate) fn cross_entropy_planned<U: Uses>(
    ctx: Context,
    [n, classes]: [usize; 2],
    label_smoothing: f32,
    grad_scale: Option<f32>,
    logits: &[f32],
    target: Target,
    dlogits: &mut [f32],
) -> LossReport {
    let smoothing = if U::SMOOTHING {
        Smoothing { on: 1.0 - label_smoothing, off: label_smoothing / classes as f32 }
    } else {
        Smoothing { on: 1.0, off: 0.0 }
    };
    samples::run(ctx, [n, classes], logits, dlogits, &|i, x, dx| {
        let aim = target.aim::<U>(i, classes);
        dispatch!(ctx.isa(), |s| {
            let (max, sum) = match grad_scale {
                Some(scale) => {
                    let (max, sum) = exp_row(s, x, dx);
                    gradient(s, dx, aim, smoothing, sum, scale);
                    (max, sum)
                }
                None => sum_exp(s, x),
            };
            score(s, x, aim, smoothing, max, sum)
        })
    })
}

fn check([n, classes]: [usize; 2], logits: &[f32], target: Target, label_smoothing: f32) -> Result {
    let len = logits.len();
    check_product("logits", [n, classes], len)?;
    check_param((0.0..=1.0).contains(&label_smoothing), "label_smoothing", "in 0..=1", label_smoothing)?;
    match target {
        Target::Values(p) => check_len("probabilities", len, p.len()),
        Target::Classes(labels) => {
            check_len("labels", n, labels.len())?;
            match labels.iter().enumerate().find(|(_, label)| **label as usize >= classes) {
                Some((index, &label)) => Err(Error::Label { index, label, classes }),
                None => Ok(()),
            }
        }
    }
}

impl<'a> Target<'a> {
    #[inline(always)]
    fn aim<U: Uses>(self, sample: usize, classes: usize) -> Aim<'a> {
        match self {
            // `check` has seen all labels.
            Self::Classes(labels) => Aim::Class(labels.get(sample).map_or(usize::MAX, |&label| label as usize)),
            Self::Values(p) if U::PROBABILITIES => Aim::Values(samples::row(p, sample, classes)),
            Self::Values(_) => Aim::Class(usize::MAX), // has been refused
        }
    }
}

impl Smoothing {
    /// The smoothed target of probabilities `p`.
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, p: S::V) -> S::V {
        s.add(s.mul(s.splat(self.on), p), s.splat(self.off))
    }
}

/// A sample's loss, and 1 if its first maximum is where it should be, else 0.
#[inline(always)]
fn score<S: Simd>(s: S, x: &[f32], aim: Aim, smoothing: Smoothing, max: f32, sum: f32) -> (f32, f32) {
    let log = ln_of_sum(sum);
    let (loss, label) = match aim {
        Aim::Class(label) => {
            let mut loss = log - (x.get(label).copied().unwrap_or(f32::NAN) - max);
            if smoothing.off != 0.0 {
                let [all] = slice::sum(
                    s,
                    [x],
                    #[inline(always)]
                    |[x]| [nll(s, x, max, log)],
                );
                loss = smoothing.on * loss + smoothing.off * all;
            }
            (loss, label)
        }
        Aim::Values(p) => {
            let [loss] = slice::sum(
                s,
                [x, p],
                #[inline(always)]
                |[x, p]| [s.mul(smoothing.apply(s, p), nll(s, x, max, log))],
            );
            let largest = slice::maximum(s, p);
            (loss, p.iter().position(|p| *p == largest).unwrap_or(usize::MAX))
        }
    };
    (loss, first(x, max, label))
}

/// `-ln(softmax(x))`
#[inline(always)]
fn nll<S: Simd>(s: S, x: S::V, max: f32, log: f32) -> S::V {
    s.sub(s.splat(log), s.sub(x, s.splat(max)))
}

/// 1 if `label` is the first place of the maximum, else 0.
fn first(x: &[f32], max: f32, label: usize) -> f32 {
    let there = x.get(label) == Some(&max) && x.iter().position(|x| *x == max) == Some(label);
    if there { 1.0 } else { 0.0 }
}

/// From `e` to `(total * e / sum - target) * scale`.
#[inline(always)]
fn gradient<S: Simd>(s: S, e: &mut [f32], aim: Aim, smoothing: Smoothing, sum: f32, scale: f32) {
    let (sum_, scale_, off) = (s.splat(sum), s.splat(scale), s.splat(smoothing.off));
    match aim {
        Aim::Class(label) => {
            let own = e.get(label).map_or(0.0, |e| (e / sum - (smoothing.on + smoothing.off)) * scale);
            slice::update(
                s,
                [],
                [&mut *e],
                #[inline(always)]
                |[], [e]| [s.mul(s.sub(s.div(e, sum_), off), scale_)],
            );
            if let Some(e) = e.get_mut(label) {
                *e = own;
            }
        }
        Aim::Values(p) => {
            let [total] = slice::sum(
                s,
                [p],
                #[inline(always)]
                |[p]| [smoothing.apply(s, p)],
            );
            let total = s.splat(total);
            slice::update(
                s,
                [p],
                [e],
                #[inline(always)]
                |[p], [e]| [s.mul(s.sub(s.mul(total, s.div(e, sum_)), smoothing.apply(s, p)), scale_)],
            );
        }
    }
}
