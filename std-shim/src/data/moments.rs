//! Means and standard deviations of channels.

use super::{Dataset, Scratch, Values};
use crate::error::{Error, Result};

/// Number of values, their sum and the sum of their squares.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    count: u64,
    sum: u64,
    squares: u64,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    fn of(bytes: &[u8]) -> Self {
        let sum = bytes.iter().map(|&b| u64::from(b)).sum();
        Self { count: bytes.len() as u64, sum, squares: bytes.iter().map(|&b| u64::from(b) * u64::from(b)).sum() }
    }

    /// Mean and standard deviation in parts of `white`; the deviation of a constant is 1.
    pub(super) fn moments(self, white: f64) -> (f32, f32) {
        // The biased variance times count^2, exactly: E[x^2] - E[x]^2 in floating point would cancel.
        let squared = u128::from(self.sum) * u128::from(self.sum);
        let variance_numerator = u128::from(self.count) * u128::from(self.squares) - squared;
        let count = self.count as f64;
        let mean = self.sum as f64 / count;
        let spread = (variance_numerator as f64).sqrt() / count;
        let std = if spread > 0.0 { spread / white } else { 1.0 };
        ((mean / white) as f32, std as f32)
    }
}

/// The exact sums of each channel of bytes, whoever reads what.
pub(super) fn channel_sums(data: &dyn Dataset, workers: usize) -> Result<Vec<Sums>> {
    if workers < 2 {
        return sums_of(data, 0..data.len());
    }
    let share = data.len().div_ceil(workers).max(1);
    let shares = (0..data.len()).step_by(share).map(|start| start..(start + share).min(data.len()));
    let parts: Vec<Result<Vec<Sums>>> = std::thread::scope(|scope| {
        let started: Result<Vec<_>> = shares
            .map(|share| {
                let reader = std::thread::Builder::new().spawn_scoped(scope, move || sums_of(data, share));
                reader.map_err(|e| Error::setting("workers", format!("cannot start a thread: {e}")))
            })
            .collect();
        let join = |reader: std::thread::ScopedJoinHandle<'_, _>| {
            reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        started.map(|readers| readers.into_iter().map(join).collect())
    })?;
    let mut sums = vec![Sums::default(); data.shape()[0]];
    for part in parts {
        sums.iter_mut().zip(part?).for_each(|(sum, part)| sum.add(part));
    }
    Ok(sums)
}

fn sums_of(data: &dyn Dataset, samples: std::ops::Range<usize>) -> Result<Vec<Sums>> {
    let (mut scratch, mut sums) = (Scratch::default(), vec![Sums::default(); data.shape()[0]]);
    let plane = (data.pixels() / sums.len().max(1)).max(1);
    for index in samples {
        if let Values::Bytes(bytes) = data.read(index, &mut scratch)? {
            sums.iter_mut().zip(bytes.chunks_exact(plane)).for_each(|(sum, bytes)| sum.add(Sums::of(bytes)));
        }
    }
    Ok(sums)
}

/// Mean and standard deviation of each channel of `f32`; the deviation of a constant is 1.
pub(super) fn channel_moments(data: &dyn Dataset) -> Result<Vec<(f32, f32)>> {
    let channels = data.shape()[0];
    let plane = (data.pixels() / channels.max(1)).max(1);
    let count = data.len() as f64 * plane as f64;
    let mut scratch = Scratch::default();
    let mut total = |term: &dyn Fn(usize, f64) -> f64| -> Result<Vec<f64>> {
        let mut sums = vec![0.0; channels];
        for index in 0..data.len() {
            if let Values::Floats(values) = data.read(index, &mut scratch)? {
                for (channel, values) in values.chunks_exact(plane).enumerate().take(channels) {
                    values.iter().for_each(|&x| sums[channel] += term(channel, f64::from(x)));
                }
            }
        }
        Ok(sums)
    };
    let mean: Vec<f64> = total(&|_, x| x)?.into_iter().map(|sum| sum / count).collect();
    let squares = total(&|channel, x| (x - mean[channel]) * (x - mean[channel]))?;
    let rounded = mean.iter().zip(squares).map(|(&mean, squares)| {
        let std = (squares / count).sqrt() as f32;
        (mean as f32, if std > 0.0 { std } else { 1.0 })
    });
    Ok(rounded.collect())
}
