//! Means over the samples.

use flatgrad_core::loss::Target;

use super::Metric;
use super::rows::{misfit, rows};
use crate::error::Result;

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
