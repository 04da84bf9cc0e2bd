//! What a network gets at once.

use flatgrad_core::loss::Target;

use super::{Dataset, Label, Normalizer, Scratch, Task};
use crate::augment::{Canvas, Key, Mixing, Pipeline};
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
    pub(super) pipeline: Option<&'a Pipeline>,
    pub(super) mixing: Mixing,
}

/// A worker's memory.
#[derive(Default)]
pub(super) struct Workspace {
    scratch: Scratch,
    canvas: Canvas,
    /// A sample that the pipeline gives another shape.
    sample: Vec<f32>,
    spare: Vec<f32>,
}

impl Filler<'_> {
    /// Channels, height and width of what the network gets.
    pub(super) fn shape(&self) -> [usize; 3] {
        self.pipeline.map_or(self.data.shape(), Pipeline::out_shape)
    }

    /// Puts the samples `indices` into `batch`, whose number in the epoch is `key.sample`.
    pub(super) fn fill(&self, key: Key, indices: &[u32], space: &mut Workspace, batch: &mut Batch) -> Result {
        let pixels = self.shape().iter().product::<usize>().max(1);
        batch.x.resize(indices.len() * pixels, 0.0);
        batch.indices.clear();
        batch.indices.extend(indices);
        self.targets(indices, batch);
        let bytes = self.data.white().is_some();
        // Where nothing happens between, bytes are looked up in the normalizer's table.
        let plain = self.pipeline.is_none() && !self.mixing.mixes();
        for (&index, x) in indices.iter().zip(batch.x.chunks_exact_mut(pixels)) {
            let sample = Key { sample: u64::from(index), ..key };
            match self.pipeline {
                None => self.read(index, plain, space, x)?,
                Some(pipeline) if pipeline.shape() == pipeline.out_shape() => {
                    self.read(index, false, space, x)?;
                    pipeline.apply_in_place(sample, x, &mut space.canvas)?;
                }
                Some(pipeline) => {
                    let mut from = std::mem::take(&mut space.sample);
                    from.resize(self.data.pixels(), 0.0);
                    self.read(index, false, space, &mut from)?;
                    pipeline.apply(sample, &from, x, &mut space.canvas)?;
                    space.sample = from;
                }
            }
        }
        if self.mixing.mixes() {
            one_hot(self.data.task().outputs(), batch);
            self.mixing.apply(key, self.shape(), &mut batch.x, &mut batch.values, &mut space.spare)?;
        }
        if bytes && !plain {
            batch.x.chunks_exact_mut(pixels).for_each(|x| self.normalizer.apply(x));
        }
        Ok(())
    }

    /// One sample: bytes that are still to be changed in parts of white, everything else normalized.
    fn read(&self, index: u32, plain: bool, space: &mut Workspace, x: &mut [f32]) -> Result {
        if plain || self.data.white().is_none() {
            self.normalizer.write_with(self.data, index as usize, &mut space.scratch, x)
        } else {
            self.normalizer.write_parts(self.data, index as usize, &mut space.scratch, x)
        }
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
