//! What a network gets at once.

use flatgrad_core::loss::Target;

use super::{BatchKey, Dataset, Label, Mix, Normalizer, SampleKey, Scratch, Task, Transform};
use crate::error::Result;

/// Some samples, normalized, with their targets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    x: Vec<f32>,
    indices: Vec<u32>,
    /// Classes; none if the task is about values.
    labels: Vec<u32>,
    /// Values, or probabilities of the classes; none where there are only classes.
    values: Vec<f32>,
}

impl Batch {
    /// The number of samples.
    pub fn len(&self) -> usize {
        self.indices.len()
    }
    /// Whether there are none: never so in a loader's batches.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }
    /// The samples, `[n, c, h, w]`.
    pub fn x(&self) -> &[f32] {
        &self.x
    }
    /// The samples' numbers in their data set.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }
    /// The classes, before any mixing; none if the task is about values.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }
    /// The targets, for [`Trainer::step`](flatgrad_core::net::Trainer::step): classes, or values `[n, outputs]`.
    pub fn target(&self) -> Target<'_> {
        if self.values.is_empty() { Target::Classes(&self.labels) } else { Target::Values(&self.values) }
    }
}

/// What fills batches.
#[derive(Clone, Copy)]
pub(super) struct Filler<'a> {
    pub(super) data: &'a dyn Dataset,
    pub(super) normalizer: &'a Normalizer,
    pub(super) transform: Option<&'a dyn Transform>,
}

impl Filler<'_> {
    /// Puts the samples `indices` into `batch`, batch `key` of its epoch.
    pub(super) fn fill(&self, key: BatchKey, indices: &[u32], scratch: &mut Scratch, batch: &mut Batch) -> Result {
        let pixels = self.data.pixels();
        batch.x.resize(indices.len() * pixels, 0.0);
        batch.indices.clear();
        batch.indices.extend(indices);
        self.targets(indices, batch);
        let samples = indices.iter().zip(batch.x.chunks_exact_mut(pixels.max(1)));
        let Some(transform) = self.transform else {
            let mut samples = samples;
            return samples.try_for_each(|(&i, x)| self.normalizer.write_with(self.data, i as usize, scratch, x));
        };
        let BatchKey { seed, epoch, .. } = key;
        for (&index, x) in samples {
            self.normalizer.write_parts(self.data, index as usize, scratch, x)?;
            transform.apply(SampleKey { seed, epoch, index }, self.data.shape(), x);
        }
        if transform.mixes() {
            let outputs = self.data.task().outputs();
            one_hot(outputs, batch);
            let Batch { x, values, .. } = batch;
            transform.mix(key, Mix { shape: self.data.shape(), x, targets: values, outputs });
        }
        batch.x.chunks_exact_mut(pixels.max(1)).for_each(|x| self.normalizer.apply(x));
        Ok(())
    }

    fn targets(&self, indices: &[u32], batch: &mut Batch) {
        batch.labels.clear();
        batch.values.clear();
        for &index in indices {
            match self.data.target(index as usize) {
                Label::Class(label) => batch.labels.push(label),
                Label::Values(values) => batch.values.extend(values),
            }
        }
        debug_assert_eq!(batch.labels.is_empty(), matches!(self.data.task(), Task::Values { .. }));
    }
}

/// Classes as probabilities.
fn one_hot(classes: usize, batch: &mut Batch) {
    if batch.labels.is_empty() {
        return;
    }
    batch.values.resize(batch.labels.len() * classes, 0.0);
    for (&label, row) in batch.labels.iter().zip(batch.values.chunks_exact_mut(classes.max(1))) {
        if let Some(probability) = row.get_mut(label as usize) {
            *probability = 1.0;
        }
    }
}
