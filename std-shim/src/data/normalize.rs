//! From bytes and numbers to numbers with mean 0 and standard deviation 1.

use super::dataset::check_sample;
use super::moments::{channel_moments, channel_sums};
use super::{DataFault, Dataset, Scratch, Values};
use crate::error::{Error, Result};

/// `(x / white - mean) / std`, with one mean and one standard deviation per channel, from the training part only. Of
/// `f32` samples `white` is 1, and of a table every column is a channel.
///
/// ```
/// use flatgrad::data::{Images, Normalizer};
/// let data = Images::new("two", [1, 1, 1], 1, 100, vec![0, 10], vec![0, 0])?;
/// let normalizer = Normalizer::fit(&data)?;
/// assert_eq!((normalizer.mean(), normalizer.std()), (&[0.05][..], &[0.05][..]));
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Numerics
///
/// Of bytes, mean and standard deviation (the biased one) come from exact integer sums, divided and rooted in f64 and
/// rounded to f32 once. The formula is then evaluated in f64 for each of the 256 possible bytes and rounded to f32
/// once; every pixel is looked up.
///
/// Of `f32`, they come from two passes in f64, sample after sample: the mean, then the mean square of what differs from
/// it. The formula is evaluated in f64 for each value and rounded to f32 once. All the same on every machine, and
/// however many threads read.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalizer {
    scaling: Scaling,
    /// One table of 256 numbers per channel; none for `f32`.
    table: Vec<[f32; 256]>,
}

/// How a value becomes a network's input: `(x / white - mean) / std`, with the numbers of its channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// The largest value a pixel can have; 1 if samples are no bytes.
    pub white: f32,
    /// The mean of each channel, in parts of `white`.
    pub mean: Vec<f32>,
    /// The standard deviation of each channel, in parts of `white`.
    pub std: Vec<f32>,
}

/// What the network is given in place of a sample's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Normalization {
    /// Numbers with mean 0 and standard deviation 1 in every channel, as measured on the training part.
    #[default]
    Standard,
    /// Bytes as 0 to 1 (torchvision's `ToTensor`), numbers as they are. A black background stays 0, and dropout of
    /// inputs blackens pixels.
    Unit,
}

impl Normalization {
    /// The normalizer, measured on `train` if there is anything to measure, read by so many threads (0: the caller's).
    ///
    /// ```
    /// use flatgrad::data::{self, Normalization};
    /// let unit = Normalization::Unit.fit(&data::digits()?.train, 0)?;
    /// assert_eq!((unit.mean(), unit.std()), (&[0.0][..], &[1.0][..]));
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Dataset::read`].
    pub fn fit(self, train: &dyn Dataset, workers: usize) -> Result<Normalizer> {
        if self == Self::Standard {
            return Normalizer::fit_with(train, workers);
        }
        let [channels, ..] = train.shape();
        let white = train.white().map_or(1.0, f32::from);
        let scaling = Scaling { white, mean: vec![0.0; channels], std: vec![1.0; channels] };
        Ok(Normalizer::with_scaling(scaling, train))
    }
}

impl Scaling {
    /// Normalizes one sample `[c, h, w]` that is in parts of `white`: `(x - mean) / std`, in f64 and rounded once.
    ///
    /// ```
    /// use flatgrad::data::Scaling;
    /// let mut sample = [0.5, 1.0];
    /// Scaling { white: 255.0, mean: vec![0.5], std: vec![0.25] }.apply(&mut sample);
    /// assert_eq!(sample, [0.0, 2.0]);
    /// ```
    pub fn apply(&self, sample: &mut [f32]) {
        let plane = (sample.len() / self.mean.len().max(1)).max(1);
        for ((values, &mean), &std) in sample.chunks_exact_mut(plane).zip(&self.mean).zip(&self.std) {
            let (mean, std) = (f64::from(mean), f64::from(std));
            for value in values {
                *value = ((f64::from(*value) - mean) / std) as f32;
            }
        }
    }
}

impl Normalizer {
    /// Measures the mean and standard deviation of `train`. A channel that is constant gets a standard deviation of 1.
    ///
    /// # Errors
    ///
    /// Those of [`Dataset::read`].
    pub fn fit(train: &dyn Dataset) -> Result<Self> {
        Self::fit_with(train, 0)
    }

    /// The same, read by so many threads (0: the caller's): worth it where samples must be decoded.
    ///
    /// # Errors
    ///
    /// Those of [`Dataset::read`].
    pub fn fit_with(train: &dyn Dataset, workers: usize) -> Result<Self> {
        let Some(white) = train.white() else {
            let (mean, std) = channel_moments(train)?.into_iter().unzip();
            return Ok(Self { scaling: Scaling { white: 1.0, mean, std }, table: Vec::new() });
        };
        let (mean, std) = channel_sums(train, workers)?.into_iter().map(|sums| sums.moments(f64::from(white))).unzip();
        Ok(Self::bytes(Scaling { white: f32::from(white), mean, std }))
    }

    /// One that was measured before: for bytes if the data has them, else for `f32` samples.
    ///
    /// ```
    /// use flatgrad::data::{self, Normalizer};
    /// let digits = data::digits()?.train;
    /// let measured = Normalizer::fit(&digits)?;
    /// assert_eq!(Normalizer::with_scaling(measured.scaling().clone(), &digits), measured);
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    pub fn with_scaling(scaling: Scaling, data: &dyn Dataset) -> Self {
        if data.white().is_some() { Self::bytes(scaling) } else { Self { scaling, table: Vec::new() } }
    }

    fn bytes(scaling: Scaling) -> Self {
        let white = f64::from(scaling.white);
        let table = scaling.mean.iter().zip(&scaling.std).map(|(&m, &s)| table(white, m, s)).collect();
        Self { scaling, table }
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

    /// Writes sample `index` of `data`, normalized, to `out`, `[c, h, w]`.
    ///
    /// # Errors
    ///
    /// [`DataFault::Sample`] if there is no such sample, `out` is not one sample long, or `data` has other channels;
    /// those of [`Dataset::read`].
    pub fn write(&self, data: &dyn Dataset, index: usize, out: &mut [f32]) -> Result {
        self.write_with(data, index, &mut Scratch::default(), out)
    }

    /// The same, for a caller that reads many samples.
    ///
    /// # Errors
    ///
    /// As [`Normalizer::write`].
    pub fn write_with(&self, data: &dyn Dataset, index: usize, scratch: &mut Scratch, out: &mut [f32]) -> Result {
        self.check(data, index, out.len())?;
        let plane = self.plane(out.len());
        match data.read(index, scratch)? {
            Values::Bytes(bytes) if !self.table.is_empty() => {
                let image = bytes.chunks_exact(plane);
                for ((table, bytes), out) in self.table.iter().zip(image).zip(out.chunks_exact_mut(plane)) {
                    for (value, &byte) in out.iter_mut().zip(bytes) {
                        *value = table[usize::from(byte)];
                    }
                }
            }
            values => {
                self.parts_of(values, out);
                self.apply(out);
            }
        }
        Ok(())
    }

    /// Writes sample `index` of `data` to `out` in parts of `white`: what [`Normalizer::apply`] then normalizes.
    ///
    /// # Errors
    ///
    /// As [`Normalizer::write`].
    pub fn write_parts(&self, data: &dyn Dataset, index: usize, scratch: &mut Scratch, out: &mut [f32]) -> Result {
        self.check(data, index, out.len())?;
        self.parts_of(data.read(index, scratch)?, out);
        Ok(())
    }

    /// Normalizes one sample `[c, h, w]` that is in parts of `white`.
    ///
    /// A byte that goes this way (divided, rounded to f32, normalized) may differ from the looked up one in its last
    /// bit.
    pub fn apply(&self, sample: &mut [f32]) {
        self.scaling.apply(sample);
    }

    fn parts_of(&self, values: Values, out: &mut [f32]) {
        match values {
            Values::Bytes(bytes) => {
                for (value, &byte) in out.iter_mut().zip(bytes) {
                    *value = f32::from(byte) / self.scaling.white;
                }
            }
            Values::Floats(values) => {
                for (out, value) in out.iter_mut().zip(values) {
                    *out = value / self.scaling.white;
                }
            }
        }
    }

    fn plane(&self, pixels: usize) -> usize {
        (pixels / self.scaling.mean.len().max(1)).max(1)
    }

    fn check(&self, data: &dyn Dataset, index: usize, out: usize) -> Result {
        check_sample(data, index, out)?;
        if data.shape()[0] == self.scaling.mean.len() {
            return Ok(());
        }
        let fault = DataFault::Channels { found: data.shape()[0], expected: self.scaling.mean.len() };
        Err(Error::data(data.name(), fault))
    }
}

fn table(white: f64, mean: f32, std: f32) -> [f32; 256] {
    std::array::from_fn(|byte| ((byte as f64 / white - f64::from(mean)) / f64::from(std)) as f32)
}
