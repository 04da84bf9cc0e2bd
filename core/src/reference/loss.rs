//! Losses: each gives the sum over the samples and writes the gradient.

use super::activation::softmax;
use super::math::{exp, log1p, maximum, sigmoid, sum};
use crate::loss::{LossReport, Target};
use crate::scalar::ln_of_sum;

/// Softmax cross entropy of rows of `classes` logits.
pub fn cross_entropy(
    [n, classes]: [usize; 2],
    logits: &[f32],
    target: Target,
    label_smoothing: f32,
    grad_scale: f32,
    dlogits: &mut [f32],
) -> LossReport {
    let mut report = LossReport::default();
    let (on, off) = (1.0 - label_smoothing, label_smoothing / classes as f32);
    for i in 0..n {
        let row = i * classes..(i + 1) * classes;
        let (x, q) = (&logits[row.clone()], &mut dlogits[row.clone()]);
        let max = maximum(x);
        let log = ln_of_sum(sum(x.iter().map(|x| exp(x - max))));
        let nll = |j: usize| log - (x[j] - max);
        softmax(x, q);
        let label = match target {
            Target::Classes(labels) => {
                let label = labels[i] as usize;
                report.loss_sum +=
                    if off == 0.0 { nll(label) } else { on * nll(label) + off * sum((0..classes).map(nll)) };
                for j in 0..classes {
                    q[j] = (q[j] - if j == label { on + off } else { off }) * grad_scale;
                }
                Some(label)
            }
            Target::Values(p) => {
                let p = &p[row];
                let t = |j: usize| on * p[j] + off;
                let total = sum((0..classes).map(t));
                report.loss_sum += sum((0..classes).map(|j| t(j) * nll(j)));
                for j in 0..classes {
                    q[j] = (total * q[j] - t(j)) * grad_scale;
                }
                let largest = maximum(p);
                p.iter().position(|p| *p == largest)
            }
        };
        report.correct += (label.is_some() && x.iter().position(|&x| x == max) == label) as usize;
    }
    report
}

/// The sum over the samples of the sums over their features of `f(x, t) = (loss, derivative)`; `dx = derivative *
/// grad_scale`.
fn elements(
    features: usize,
    x: &[f32],
    target: &[f32],
    grad_scale: f32,
    dx: &mut [f32],
    f: impl Fn(f32, f32) -> (f32, f32),
) -> f32 {
    let mut loss = 0.0;
    for ((x, t), dx) in x.iter().zip(target).zip(dx) {
        *dx = f(*x, *t).1 * grad_scale;
    }
    for (x, t) in x.chunks(features.max(1)).zip(target.chunks(features.max(1))) {
        loss += sum(x.iter().zip(t).map(|(x, t)| f(*x, *t).0));
    }
    loss
}

/// Squared differences of rows of `features`.
pub fn mean_squared(features: usize, x: &[f32], target: &[f32], grad_scale: f32, dx: &mut [f32]) -> f32 {
    elements(features, x, target, grad_scale, dx, |x, t| ((x - t) * (x - t), (x - t) + (x - t)))
}

/// Huber's loss of rows of `features`.
pub fn huber(features: usize, x: &[f32], target: &[f32], delta: f32, grad_scale: f32, dx: &mut [f32]) -> f32 {
    elements(features, x, target, grad_scale, dx, |x, t| {
        let (d, z) = (x - t, (x - t).abs());
        let derivative = if d >= delta {
            delta
        } else if d <= -delta {
            -delta
        } else {
            d
        };
        (if z < delta { (0.5 * z) * z } else { delta * (z - 0.5 * delta) }, derivative)
    })
}

/// Cross entropy of yes-or-no answers, of rows of `features` logits.
pub fn binary_cross_entropy(
    features: usize,
    logits: &[f32],
    target: &[f32],
    grad_scale: f32,
    dlogits: &mut [f32],
) -> LossReport {
    let loss_sum = elements(features, logits, target, grad_scale, dlogits, |x, t| {
        let loss = (if 0.0 > x { 0.0 } else { x } - x * t) + log1p(exp(-x.abs()));
        (loss, sigmoid(x) - t)
    });
    let right = |(x, t): (&f32, &f32)| (*x > 0.0) == (*t > 0.5);
    LossReport { loss_sum, correct: logits.iter().zip(target).filter(|at| right(*at)).count() }
}
