//! Samples of a part, in memory.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::data::{Dataset, Scratch, Values};
use crate::error::Result;

/// At most so many values of a part are kept.
const MAX_VALUES: usize = 1 << 24;
/// At most so many are read to find duplicates.
const MAX_HASHED: usize = 1 << 27;

/// Evenly spread samples of a part, as they were read: parts of white for bytes.
pub(super) struct Look {
    pub(super) indices: Vec<usize>,
    pub(super) pixels: usize,
    /// `[samples, pixels]`
    pub(super) x: Vec<f32>,
}

impl Look {
    pub(super) fn at(part: &dyn Dataset, samples: usize) -> Result<Self> {
        let pixels = part.pixels().max(1);
        let n = samples.min(part.len()).min((MAX_VALUES / pixels).max(1));
        let indices: Vec<usize> = (0..n).map(|i| i * part.len() / n).collect();
        let (mut x, mut scratch) = (Vec::with_capacity(n * pixels), Scratch::default());
        for &index in &indices {
            push(part, index, &mut scratch, &mut x)?;
        }
        Ok(Self { indices, pixels, x })
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.x.chunks_exact(self.pixels)
    }

    /// The first value that is not finite: the sample's index and the feature's.
    pub(super) fn not_finite(&self) -> Option<[usize; 2]> {
        let at = self.x.iter().position(|value| !value.is_finite())?;
        Some([*self.indices.get(at / self.pixels)?, at % self.pixels])
    }

    /// How many values are not finite.
    pub(super) fn count_not_finite(&self) -> usize {
        self.x.iter().filter(|value| !value.is_finite()).count()
    }

    /// Mean and variance of each feature over the samples.
    pub(super) fn moments(&self) -> Vec<[f64; 2]> {
        let n = self.indices.len().max(1) as f64;
        let mut sums = vec![[0.0f64; 2]; self.pixels];
        // A first value near the mean keeps the squares small.
        let origin = self.rows().next().unwrap_or_default();
        for row in self.rows() {
            for ((sum, &value), &origin) in sums.iter_mut().zip(row).zip(origin) {
                let value = f64::from(value) - f64::from(origin);
                sum[0] += value;
                sum[1] += value * value;
            }
        }
        let moments = |([sum, squares], &origin): ([f64; 2], &f32)| {
            let mean = sum / n;
            [mean + f64::from(origin), (squares / n - mean * mean).max(0.0)]
        };
        sums.into_iter().zip(origin).map(moments).collect()
    }
}

fn push(part: &dyn Dataset, index: usize, scratch: &mut Scratch, x: &mut Vec<f32>) -> Result {
    match part.read(index, scratch)? {
        Values::Bytes(bytes) => {
            let white = f32::from(part.white().unwrap_or(1));
            x.extend(bytes.iter().map(|&byte| f32::from(byte) / white));
        }
        Values::Floats(values) => x.extend_from_slice(values),
    }
    Ok(())
}

/// Hashes of a part's samples, of as many as are worth the reading.
fn hashes(part: &dyn Dataset) -> Result<Vec<u64>> {
    let n = part.len().min((MAX_HASHED / part.pixels().max(1)).max(1));
    let mut scratch = Scratch::default();
    let hash = |i: usize| {
        let mut hasher = DefaultHasher::new();
        match part.read(i * part.len() / n, &mut scratch)? {
            Values::Bytes(bytes) => bytes.hash(&mut hasher),
            Values::Floats(values) => values.iter().for_each(|value| value.to_bits().hash(&mut hasher)),
        }
        Ok(hasher.finish())
    };
    (0..n).map(hash).collect()
}

/// The share of `other`'s samples that are samples of `train`, and the share of `train`'s that equal an earlier one.
pub(super) fn duplicates(train: &dyn Dataset, other: &dyn Dataset) -> Result<[f64; 2]> {
    let train = hashes(train)?;
    let seen: HashSet<u64> = train.iter().copied().collect();
    let other = hashes(other)?;
    let leaked = other.iter().filter(|hash| seen.contains(hash)).count();
    let own = train.len() - seen.len();
    Ok([leaked as f64 / other.len().max(1) as f64, own as f64 / train.len().max(1) as f64])
}
