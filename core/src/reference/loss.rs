//! Losses.

use super::activation::softmax;
use super::math::{exp, maximum, sum};
use crate::loss::LossReport;

/// Softmax cross entropy of rows of `classes` logits, and its gradient.
pub fn cross_entropy(
    classes: usize,
    logits: &[f32],
    labels: &[u32],
    grad_scale: f32,
    dlogits: &mut [f32],
) -> LossReport {
    let mut report = LossReport::default();
    for (i, &label) in labels.iter().enumerate() {
        let (x, label) = (&logits[i * classes..][..classes], label as usize);
        let dx = &mut dlogits[i * classes..][..classes];
        let max = maximum(x);
        report.loss_sum += libm::logf(sum(x.iter().map(|x| exp(x - max)))) - (x[label] - max);
        report.correct += (x.iter().position(|&x| x == max) == Some(label)) as usize;
        softmax(x, dx);
        for (j, dx) in dx.iter_mut().enumerate() {
            *dx = (*dx - (j == label) as u32 as f32) * grad_scale;
        }
    }
    report
}
