//! What a network's outputs are worth: measured batch by batch, over as many as there are.
//!
//! ```
//! use flatgrad::train::metrics::{Accuracy, Confusion, Metric, TopK};
//! use flatgrad_core::loss::Target;
//! let (mut first, mut two, mut confusion) = (Accuracy::default(), TopK::new(2), Confusion::new(3));
//! // Three samples, three classes.
//! let outputs = [0.1, 0.7, 0.2, 0.6, 0.3, 0.1, 0.2, 0.3, 0.5];
//! for metric in [&mut first as &mut dyn Metric, &mut two, &mut confusion] {
//!     metric.add(&outputs, Target::Classes(&[1, 1, 0]))?;
//! }
//! assert_eq!((first.value(), two.value()), (1.0 / 3.0, 2.0 / 3.0));
//! assert_eq!(confusion.counts()[3..6], [1, 1, 0]); // of class 1, one was taken for class 0
//! assert_eq!((confusion.precision(1), confusion.recall(1)), (Some(1.0), Some(0.5)));
//! # Ok::<(), flatgrad::Error>(())
//! ```

use flatgrad_core::loss::Target;
use flatgrad_core::net::Trainer;

use crate::error::{Error, Result};

/// A number measured over many samples.
pub trait Metric {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// Takes in the outputs `[n, outputs]` of a network for `n` samples, and what they should be.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if outputs and target do not fit together, or the metric is not for such targets. Nothing has
    /// been counted then.
    fn add(&mut self, outputs: &[f32], target: Target) -> Result;

    /// The number, over everything so far; NaN before the first sample.
    fn value(&self) -> f64;
}

/// Adds the outputs of a network for the samples `x` to all metrics.
///
/// # Errors
///
/// As [`Trainer::infer`] and [`Metric::add`].
pub fn measure(trainer: &mut Trainer, x: &[f32], target: Target, metrics: &mut [&mut dyn Metric]) -> Result {
    let outputs = trainer.infer(x)?;
    metrics.iter_mut().try_for_each(|metric| metric.add(outputs, target))
}

/// The share of samples whose largest output is at their class; the first of several, and a NaN is smaller than
/// everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accuracy {
    right: u64,
    samples: u64,
}

impl Metric for Accuracy {
    fn name(&self) -> &'static str {
        "accuracy"
    }
    fn add(&mut self, outputs: &[f32], target: Target) -> Result {
        for (row, class) in rows(outputs, target)? {
            self.samples += 1;
            self.right += u64::from(largest(row) == class);
        }
        Ok(())
    }
    fn value(&self) -> f64 {
        self.right as f64 / self.samples as f64
    }
}

/// The share of samples whose class is among the `k` largest outputs; of equal outputs the first counts as larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopK {
    k: usize,
    right: u64,
    samples: u64,
}

impl TopK {
    /// The `k` largest.
    pub const fn new(k: usize) -> Self {
        Self { k, right: 0, samples: 0 }
    }
}

impl Metric for TopK {
    fn name(&self) -> &'static str {
        "top-k accuracy"
    }
    fn add(&mut self, outputs: &[f32], target: Target) -> Result {
        for (row, class) in rows(outputs, target)? {
            let own = order(row[class]);
            let before = |(i, &x): (usize, &f32)| order(x) > own || (order(x) == own && i < class);
            let rank = row.iter().enumerate().filter(|&x| before(x)).count();
            self.samples += 1;
            self.right += u64::from(rank < self.k);
        }
        Ok(())
    }
    fn value(&self) -> f64 {
        self.right as f64 / self.samples as f64
    }
}

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

/// The mean of the absolute differences between outputs and target values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MeanAbsoluteError {
    sum: f64,
    count: u64,
}

impl Metric for MeanAbsoluteError {
    fn name(&self) -> &'static str {
        "mean absolute error"
    }
    fn add(&mut self, outputs: &[f32], target: Target) -> Result {
        let Target::Values(values) = target else { return Err(misfit("classes where values are wanted".into())) };
        if values.len() != outputs.len() {
            return Err(misfit(format!("{} outputs for {} values", outputs.len(), values.len())));
        }
        self.sum += outputs.iter().zip(values).map(|(y, t)| f64::from((y - t).abs())).sum::<f64>();
        self.count += outputs.len() as u64;
        Ok(())
    }
    fn value(&self) -> f64 {
        self.sum / self.count as f64
    }
}

/// The mean softmax cross entropy of the samples, from logits; in f64.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropy {
    sum: f64,
    samples: u64,
}

impl Metric for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross entropy"
    }
    fn add(&mut self, outputs: &[f32], target: Target) -> Result {
        for (row, class) in rows(outputs, target)? {
            let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = row.iter().map(|x| libm::exp(f64::from(x - max))).sum();
            self.sum += libm::log(sum) - f64::from(row[class] - max);
            self.samples += 1;
        }
        Ok(())
    }
    fn value(&self) -> f64 {
        self.sum / self.samples as f64
    }
}

/// The outputs of each sample, with its class, below their number.
fn rows<'a>(outputs: &'a [f32], target: Target<'a>) -> Result<impl Iterator<Item = (&'a [f32], usize)>> {
    let Target::Classes(classes) = target else { return Err(misfit("values where classes are wanted".into())) };
    let (n, len) = (classes.len(), outputs.len());
    let width = len.checked_div(n).unwrap_or(0);
    if width * n != len {
        return Err(misfit(format!("{len} outputs for {n} samples")));
    }
    if let Some(class) = classes.iter().find(|&&class| class as usize >= width) {
        return Err(misfit(format!("class {class} of {width} outputs")));
    }
    Ok(outputs.chunks_exact(width.max(1)).zip(classes.iter().map(|&class| class as usize)))
}

/// Where the first of the largest is.
fn largest(row: &[f32]) -> usize {
    let better = |best: (usize, f32), (i, &x): (usize, &f32)| if order(x) > best.1 { (i, order(x)) } else { best };
    row.iter().enumerate().fold((0, f32::NEG_INFINITY), better).0
}

fn order(x: f32) -> f32 {
    if x.is_nan() { f32::NEG_INFINITY } else { x }
}

fn misfit(fault: String) -> Error {
    Error::setting("metric", fault)
}
