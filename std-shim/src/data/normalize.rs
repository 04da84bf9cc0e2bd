//! From bytes to numbers with mean 0 and standard deviation 1.

use super::{DataFault, Dataset};
use crate::error::{Error, Result};

/// `(x / white - mean) / std`, with one mean and one standard deviation per channel, from the training part only.
///
/// ```
/// use flatgrad::data::{Dataset, Normalizer};
/// let data = Dataset::new("two", [1, 1, 1], 1, 100, vec![0, 10], vec![0, 0])?;
/// let normalizer = Normalizer::fit(&data);
/// assert_eq!((normalizer.mean(), normalizer.std()), (&[0.05][..], &[0.05][..]));
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Numerics
///
/// Mean and standard deviation (the biased one) come from exact integer sums, divided and rooted in f64 and rounded to
/// f32 once. The formula is then evaluated in f64 for each of the 256 possible bytes and rounded to f32 once; every
/// pixel is looked up. The same on every machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalizer {
    scaling: Scaling,
    /// One table of 256 numbers per channel.
    table: Vec<[f32; 256]>,
}

/// How a pixel becomes a network's input: `(x / white - mean) / std`, with the numbers of its channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// The largest value a pixel can have.
    pub white: f32,
    /// The mean of each channel, in parts of `white`.
    pub mean: Vec<f32>,
    /// The standard deviation of each channel, in parts of `white`.
    pub std: Vec<f32>,
}

impl Normalizer {
    /// Measures the mean and standard deviation of `train`. A channel that is constant gets a standard deviation of 1.
    pub fn fit(train: &Dataset) -> Self {
        let white = f64::from(train.white());
        let (mean, std): (Vec<f32>, Vec<f32>) = sums(train)
            .into_iter()
            .map(|(count, sum, squares)| {
                // The biased variance times count^2, exactly: E[x^2] - E[x]^2 in floating point would cancel.
                let squared = u128::from(sum) * u128::from(sum);
                let variance_numerator = u128::from(count) * u128::from(squares) - squared;
                let count = count as f64;
                let mean = sum as f64 / count;
                let spread = (variance_numerator as f64).sqrt() / count;
                let std = if spread > 0.0 { spread / white } else { 1.0 };
                ((mean / white) as f32, std as f32)
            })
            .unzip();
        let table = mean.iter().zip(&std).map(|(&m, &s)| table(white, m, s)).collect();
        Self { scaling: Scaling { white: f32::from(train.white()), mean, std }, table }
    }

    /// The mean of each channel, in parts of `white`.
    pub fn mean(&self) -> &[f32] {
        &self.scaling.mean
    }
    /// The standard deviation of each channel, in parts of `white`.
    pub fn std(&self) -> &[f32] {
        &self.scaling.std
    }
    /// What it does, for those who have no normalizer.
    pub fn scaling(&self) -> &Scaling {
        &self.scaling
    }

    /// Writes sample `index` of `data` to `out`, `[c, h, w]`.
    ///
    /// # Errors
    ///
    /// [`DataFault::Sample`] if there is no such sample, `out` is not one image long, or `data` has other channels.
    pub fn write(&self, data: &Dataset, index: usize, out: &mut [f32]) -> Result {
        let pixels = data.pixels();
        let channels_fit = data.shape()[0] == self.table.len();
        if index >= data.len() || out.len() != pixels || !channels_fit {
            let fault = DataFault::Sample { index, len: data.len(), actual: out.len(), pixels };
            return Err(Error::data(data.name(), fault));
        }
        let plane = pixels / self.table.len();
        let image = data.image(index).chunks_exact(plane);
        for ((table, bytes), out) in self.table.iter().zip(image).zip(out.chunks_exact_mut(plane)) {
            for (value, &byte) in out.iter_mut().zip(bytes) {
                *value = table[usize::from(byte)];
            }
        }
        Ok(())
    }
}

/// Number of values, their sum and the sum of their squares, for each channel.
fn sums(data: &Dataset) -> Vec<(u64, u64, u64)> {
    let channels = data.shape()[0];
    let plane = data.pixels() / channels;
    let mut sums = vec![(0u64, 0u64, 0u64); channels];
    for (i, bytes) in data.images().chunks_exact(plane).enumerate() {
        let (count, sum, squares) = &mut sums[i % channels];
        *count += bytes.len() as u64;
        *sum += bytes.iter().map(|&b| u64::from(b)).sum::<u64>();
        *squares += bytes.iter().map(|&b| u64::from(b) * u64::from(b)).sum::<u64>();
    }
    sums
}

fn table(white: f64, mean: f32, std: f32) -> [f32; 256] {
    std::array::from_fn(|byte| ((byte as f64 / white - f64::from(mean)) / f64::from(std)) as f32)
}
