//! How often the class was found.

use flatgrad_core::loss::Target;

use super::Metric;
use super::rows::{largest, order, rows};
use crate::error::Result;

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
