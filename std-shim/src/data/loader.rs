//! Which samples come when, and in what form.

use super::{Dataset, Normalizer};
use crate::error::Result;

/// Fills a network's input with the batches of a data set.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    data: &'a Dataset,
    normalizer: &'a Normalizer,
    labels: Vec<u32>,
    x: Vec<f32>,
}

impl<'a> Batches<'a> {
    /// Batches of at most `batch` samples.
    pub fn new(data: &'a Dataset, normalizer: &'a Normalizer, batch: usize) -> Self {
        let batch = batch.min(data.len());
        Self { data, normalizer, labels: Vec::with_capacity(batch), x: vec![0.0; batch * data.pixels()] }
    }

    /// The samples `indices`, in this order: images `[n, c, h, w]`, normalized, and labels.
    ///
    /// # Errors
    ///
    /// [`crate::data::DataFault::Sample`] if one of them does not exist.
    pub fn load(&mut self, indices: &[u32]) -> Result<(&[f32], &[u32])> {
        let pixels = self.data.pixels();
        self.x.resize(indices.len() * pixels, 0.0);
        self.labels.clear();
        for (&index, x) in indices.iter().zip(self.x.chunks_exact_mut(pixels)) {
            self.normalizer.write(self.data, index as usize, x)?;
            self.labels.push(self.data.label(index as usize));
        }
        Ok((&self.x, &self.labels))
    }
}
