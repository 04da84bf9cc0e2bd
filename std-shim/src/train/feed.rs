//! What a run gets from a data set: the only part of the loop that knows how samples are kept.

use flatgrad_core::rng::{Stream, permutation};
use sha2::{Digest, Sha256};

use crate::data::{Batches, DataSplit, Dataset, Normalizer, epoch_order};
use crate::error::{Error, Result};

/// The random stream by which samples are held out.
const HOLD_OUT: u32 = 0x4000_0001;
/// At most so many samples of each part go into its fingerprint, evenly spread; all labels do.
const FINGERPRINT_SAMPLES: usize = 4096;

/// Batches of a data set, in two levels: some batches make a step.
pub(super) struct Feed<'a> {
    data: &'a Dataset,
    batches: Batches<'a>,
    batch: usize,
    /// Batches of a step.
    per_step: usize,
    seed: u64,
    class_weights: &'a [f32],
}

/// A batch on its way into the network.
pub(super) struct Part<'f> {
    pub(super) x: &'f [f32],
    pub(super) labels: &'f [u32],
    /// Samples of the whole step.
    pub(super) total: usize,
    /// Whether it is the step's last.
    pub(super) last: bool,
    /// What each class counts, so that the mean over the step is the weighted mean; none if all count the same.
    pub(super) weights: Vec<f32>,
}

impl<'a> Feed<'a> {
    pub(super) fn new(data: &'a Dataset, normalizer: &'a Normalizer, batch: usize, per_step: usize, seed: u64) -> Self {
        let batches = Batches::new(data, normalizer, batch);
        Self { data, batches, batch, per_step, seed, class_weights: &[] }
    }

    pub(super) fn class_weights(self, class_weights: &'a [f32]) -> Self {
        Self { class_weights, ..self }
    }

    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    /// The batches of an epoch, counted from 1, in its order without those of the first `skip` steps, until `consume` says
    /// `false`.
    pub(super) fn epoch(&mut self, epoch: usize, skip: u64, mut consume: impl FnMut(Part) -> Result<bool>) -> Result {
        let order = epoch_order(self.seed, epoch as u64 - 1, self.data.len() as u32);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        for step in order.chunks(self.batch * self.per_step).skip(skip) {
            let weights = self.step_weights(step);
            let mut parts = step.chunks(self.batch).peekable();
            while let Some(indices) = parts.next() {
                let (x, labels) = self.batches.load(indices)?;
                let last = parts.peek().is_none();
                if !consume(Part { x, labels, total: step.len(), last, weights: weights.clone() })? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// All samples in the data's own order.
    pub(super) fn in_order(&mut self, mut consume: impl FnMut(&[f32], &[u32]) -> Result) -> Result {
        let order: Vec<u32> = (0..self.data.len() as u32).collect();
        for indices in order.chunks(self.batch) {
            let (x, labels) = self.batches.load(indices)?;
            consume(x, labels)?;
        }
        Ok(())
    }

    /// The first `limit` whole batches of the first `samples` of an epoch, numbered from 1.
    pub(super) fn whole_batches(
        &mut self,
        epoch: usize,
        samples: usize,
        limit: u32,
        mut consume: impl FnMut(&[f32], u32) -> Result,
    ) -> Result {
        let mut order = epoch_order(self.seed, epoch as u64 - 1, self.data.len() as u32);
        order.truncate(samples);
        for (number, indices) in (1..=limit).zip(order.chunks_exact(self.batch)) {
            consume(self.batches.load(indices)?.0, number)?;
        }
        Ok(())
    }

    /// `weight * samples / sum of the samples' weights` for each class.
    fn step_weights(&self, step: &[u32]) -> Vec<f32> {
        if self.class_weights.is_empty() {
            return Vec::new();
        }
        let weight = |&i: &u32| self.class_weights.get(self.data.label(i as usize) as usize).copied().unwrap_or(1.0);
        let sum: f64 = step.iter().map(|i| f64::from(weight(i))).sum();
        self.class_weights.iter().map(|&w| (f64::from(w) * step.len() as f64 / sum) as f32).collect()
    }
}

/// The samples that are kept for training, and those held out for validation: `share` of each class, rounded, drawn by
/// `seed`; both in order.
///
/// # Errors
///
/// [`Error::Setting`] unless `share` is above 0 and below 1 and leaves samples on both sides.
///
/// ```
/// use flatgrad::{data, train::hold_out};
/// let digits = data::digits()?;
/// let (train, validation) = hold_out(&digits.train, 0.1, 0)?;
/// assert_eq!((train.len(), validation.len()), (1292, 145));
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub fn hold_out(data: &Dataset, share: f64, seed: u64) -> Result<(Dataset, Dataset)> {
    if !(share > 0.0 && share < 1.0) {
        return Err(Error::setting("val", "must be above 0 and below 1: the share of the training part"));
    }
    let mut order = vec![0; data.len()];
    permutation(Stream { seed, stream: HOLD_OUT, step: 0 }, &mut order)?;
    let mut held = vec![false; data.len()];
    for class in 0..data.classes() as u32 {
        let members: Vec<usize> = order.iter().map(|&i: &u32| i as usize).filter(|&i| data.label(i) == class).collect();
        let count = (members.len() as f64 * share).round() as usize;
        members.iter().take(count).for_each(|&i| held[i] = true);
    }
    let none = |_| Error::setting("val", format!("leaves no samples on one side of {}", data.len()));
    let train = data.filter(data.name(), |i| !held[i]).map_err(none)?;
    Ok((train, data.filter(data.name(), |i| held[i]).map_err(none)?))
}

/// A hash by which data is known again: shapes, classes, all labels, and at most 4,096 samples of each part.
pub(super) fn fingerprint(data: &DataSplit, validation: Option<&Dataset>) -> String {
    let mut hash = Sha256::new();
    for part in [Some(&data.train), validation, Some(&data.test)] {
        let Some(part) = part else {
            hash.update([0]);
            continue;
        };
        for size in part.shape().into_iter().chain([part.classes(), part.len(), usize::from(part.white())]) {
            hash.update((size as u64).to_le_bytes());
        }
        part.labels().iter().for_each(|label| hash.update(label.to_le_bytes()));
        let every = part.len().div_ceil(FINGERPRINT_SAMPLES).max(1);
        part.images().chunks_exact(part.pixels().max(1)).step_by(every).for_each(|image| hash.update(image));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
