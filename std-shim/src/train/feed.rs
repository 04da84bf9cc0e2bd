//! What a run gets from its data: batches on their way into steps, and a hash by which the data is known again.

use sha2::{Digest, Sha256};

use super::Settings;
use crate::data::{Batch, Dataset, Label, Loader, Scratch, Values};
use crate::error::Result;
use crate::files::hexadecimal;

/// At most so many samples of each part go into its fingerprint, evenly spread; all targets do.
const FINGERPRINT_SAMPLES: usize = 1024;

/// The training part, in two levels: some batches make a step.
#[derive(Clone, Copy)]
pub(super) struct Feed<'a> {
    loader: Loader<'a>,
    settings: &'a Settings,
}

/// A batch on its way into the network.
pub(super) struct Part<'f> {
    /// This rank's share of it.
    pub(super) batch: &'f Batch,
    /// Its samples that lower ranks have, and those that higher ranks have.
    pub(super) elsewhere: [usize; 2],
    /// Samples of the whole step.
    pub(super) total: usize,
    /// Whether it is the step's last.
    pub(super) last: bool,
    /// What each class counts, so that the mean over the step is the weighted mean; none if all count the same.
    pub(super) weights: &'f [f32],
}

impl<'a> Feed<'a> {
    pub(super) const fn new(loader: Loader<'a>, settings: &'a Settings) -> Self {
        Self { loader, settings }
    }

    /// Steps of an epoch.
    pub(super) fn steps(&self) -> u64 {
        self.settings.steps_per_epoch(self.loader.data().len())
    }

    /// The batches of an epoch, counted from 1, without those of the first `skip` steps, until `consume` says `false`.
    /// Gives the seconds that there was nothing to do but to wait for them.
    pub(super) fn epoch(&self, epoch: usize, skip: u64, mut consume: impl FnMut(Part) -> Result<bool>) -> Result<f64> {
        let epoch = epoch as u64 - 1;
        let (accumulate, size) = (self.settings.accumulate, self.settings.batch);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX).saturating_mul(accumulate);
        let order = if self.settings.class_weights.is_empty() { Vec::new() } else { self.loader.order(epoch) };
        let (batches_of_epoch, len) = (self.loader.steps(), self.loader.data().len());
        let samples = if self.settings.loading.drop_last { batches_of_epoch * size } else { len };
        self.loader.epoch_from(epoch, skip, |batches| {
            let (mut number, mut weights) = (skip, Vec::new());
            while let Some(batch) = batches.next_batch()? {
                let first = number - number % accumulate;
                let total = (size * accumulate).min(samples - first * size);
                if number == first {
                    weights = self.step_weights(order.get(first * size..).unwrap_or_default(), total);
                }
                let whole = size.min(samples - number * size);
                let share = self.loader.share_of(whole);
                let elsewhere = [share.start, whole - share.end];
                number += 1;
                let last = number == batches_of_epoch || number.is_multiple_of(accumulate);
                if !consume(Part { batch, elsewhere, total, last, weights: &weights })? {
                    break;
                }
            }
            Ok(batches.waited().as_secs_f64())
        })
    }

    /// The first `limit` whole batches of the first `samples` of an epoch, numbered from 1.
    pub(super) fn whole_batches(
        &self,
        epoch: usize,
        samples: usize,
        limit: u32,
        mut consume: impl FnMut(&[f32], u32) -> Result,
    ) -> Result {
        let whole = u32::try_from(samples / self.settings.batch).unwrap_or(u32::MAX);
        self.loader.epoch(epoch as u64 - 1, |batches| {
            for number in 1..=limit.min(whole) {
                let Some(batch) = batches.next_batch()? else { break };
                consume(batch.x(), number)?;
            }
            Ok(())
        })
    }

    /// `weight * samples / sum of the samples' weights` for each class, of the step that begins `order`.
    fn step_weights(&self, order: &[u32], total: usize) -> Vec<f32> {
        let classes = &self.settings.class_weights;
        let weight = |&i: &u32| match self.loader.data().target(i as usize) {
            Label::Class(class) => classes.get(class as usize).copied().unwrap_or(1.0),
            Label::Values(_) => 1.0,
        };
        let sum: f64 = order.iter().take(total).map(|i| f64::from(weight(i))).sum();
        classes.iter().map(|&w| (f64::from(w) * total as f64 / sum) as f32).collect()
    }
}

/// A hash by which data is known again: shapes, tasks, all targets, and at most 1,024 samples of each part.
pub(super) fn fingerprint(parts: &[Option<&dyn Dataset>]) -> Result<String> {
    let mut hash = Sha256::new();
    for part in parts {
        match part {
            Some(part) => add_part(&mut hash, *part)?,
            None => hash.update([0]),
        }
    }
    Ok(hexadecimal(hash))
}

fn add_part(hash: &mut Sha256, part: &dyn Dataset) -> Result {
    let task = [part.task().outputs(), usize::from(part.task().is_classes())];
    let white = part.white().map_or(0, usize::from);
    for size in part.shape().into_iter().chain(task).chain([part.len(), white]) {
        hash.update((size as u64).to_le_bytes());
    }
    let floats = |hash: &mut Sha256, values: &[f32]| values.iter().for_each(|value| hash.update(value.to_le_bytes()));
    for index in 0..part.len() {
        match part.target(index) {
            Label::Class(class) => hash.update(class.to_le_bytes()),
            Label::Values(values) => floats(hash, values),
        }
    }
    let mut scratch = Scratch::default();
    for index in (0..part.len()).step_by(part.len().div_ceil(FINGERPRINT_SAMPLES).max(1)) {
        match part.read(index, &mut scratch)? {
            Values::Bytes(bytes) => hash.update(bytes),
            Values::Floats(values) => floats(hash, values),
        }
    }
    Ok(())
}
