//! Which class was taken for which.

use flatgrad_core::loss::Target;

use super::Metric;
use super::rows::{largest, misfit, rows};
use crate::error::Result;

/// How often each class was taken for each; the value is the accuracy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
}

impl Confusion {
    /// Of so many classes, a network's outputs.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes] }
    }

    /// `[classes, classes]`: a row for each true class, in it a number for each class that was predicted.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Of the samples taken for `class`, the share that is; `None` if there are none.
    pub fn precision(&self, class: usize) -> Option<f64> {
        let column = self.counts.iter().skip(class).step_by(self.classes.max(1));
        self.share(class, column.sum())
    }

    /// Of the samples of `class`, the share that was taken for it; `None` if there are none.
    pub fn recall(&self, class: usize) -> Option<f64> {
        let row = self.counts.iter().skip(class * self.classes).take(self.classes);
        self.share(class, row.sum())
    }

    /// The harmonic mean of precision and recall; `None` if one of them is not defined, 0 if both are 0.
    pub fn f1(&self, class: usize) -> Option<f64> {
        let (p, r) = (self.precision(class)?, self.recall(class)?);
        Some(if p + r > 0.0 { 2.0 * p * r / (p + r) } else { 0.0 })
    }

    /// Samples of `class`.
    pub fn support(&self, class: usize) -> u64 {
        self.counts.iter().skip(class * self.classes).take(self.classes).sum()
    }

    fn share(&self, class: usize, of: u64) -> Option<f64> {
        let right = *self.counts.get(class * self.classes + class)?;
        (class < self.classes && of > 0).then(|| right as f64 / of as f64)
    }
}

impl Metric for Confusion {
    fn name(&self) -> &'static str {
        "accuracy"
    }
    fn add(&mut self, outputs: &[f32], target: Target) -> Result {
        let rows: Vec<_> = rows(outputs, target)?.collect();
        if let Some((row, _)) = rows.first().filter(|(row, _)| row.len() != self.classes) {
            return Err(misfit(format!("{} outputs for {} classes", row.len(), self.classes)));
        }
        for (row, class) in rows {
            self.counts[class * self.classes + largest(row)] += 1;
        }
        Ok(())
    }
    fn value(&self) -> f64 {
        let right: u64 = self.counts.iter().step_by(self.classes + 1).sum();
        right as f64 / self.counts.iter().sum::<u64>() as f64
    }
}
