//! Which samples come when, and in what form.

use flatgrad_core::rng::{Stream, permutation};

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

/// The random stream of the order of samples; its step is the epoch.
const STREAM: u32 = 0x4000_0000;

/// The order in which an epoch (counted from 0) takes the samples `0..n`: a function of the seed and the epoch alone
/// ([`permutation`]).
///
/// ```
/// use flatgrad::data::epoch_order;
/// let mut order = epoch_order(1, 0, 100);
/// assert_ne!(order, epoch_order(1, 1, 100));
/// order.sort();
/// assert!(order.into_iter().eq(0..100));
/// ```
pub fn epoch_order(seed: u64, epoch: u64, n: u32) -> Vec<u32> {
    let mut order = vec![0; n as usize];
    let shuffled = permutation(Stream { seed, stream: STREAM, step: epoch }, &mut order);
    debug_assert!(shuffled.is_ok(), "a u32 counts the samples, and that is all it asks");
    order
}
