//! Mixing the images of a batch, and their labels with them.

use super::check::{check, check_len};
use super::{Draws, Region};
use crate::error::{Error, Result};

/// Images are weighted means of two (`MixUp`).
///
/// Zhang et al., "mixup: beyond empirical risk minimization", 2018.
///
/// ```
/// use flatgrad::augment::{Key, MixUp};
/// let lambda = MixUp { alpha: 0.2 }.params(&mut Key { seed: 1, epoch: 0, sample: 0 }.batch_draws(0));
/// assert!((0.0..=1.0).contains(&lambda));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MixUp {
    /// The weight comes from Beta(alpha, alpha): the smaller, the less is mixed.
    pub alpha: f32,
}

/// A rectangle of each image comes from another (`CutMix`).
///
/// Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable features", 2019.
///
/// ```
/// use flatgrad::augment::{CutMix, Key};
/// let mut draws = Key { seed: 1, epoch: 0, sample: 0 }.batch_draws(0);
/// let (region, lambda) = CutMix::DEFAULT.params(&mut draws, [1, 10, 10]);
/// assert_eq!(lambda, 1.0 - (region.height * region.width) as f32 / 100.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CutMix {
    /// The weight comes from Beta(alpha, alpha).
    pub alpha: f32,
}

impl MixUp {
    /// torchvision's default; the paper takes 0.1 to 0.4 for ImageNet.
    pub const DEFAULT: Self = Self { alpha: 1.0 };

    /// The weight of each image; the other one has the rest.
    pub fn params(&self, draws: &mut Draws) -> f32 {
        draws.beta(f64::from(self.alpha)) as f32
    }
}

impl CutMix {
    /// torchvision's default, and the paper's.
    pub const DEFAULT: Self = Self { alpha: 1.0 };

    /// What comes from the other image, and the weight of the first one's label: the part of its area that is left.
    pub fn params(&self, draws: &mut Draws, [_, height, width]: [usize; 3]) -> (Region, f32) {
        let half = 0.5 * (1.0 - draws.beta(f64::from(self.alpha))).max(0.0).sqrt();
        let mut side = |size: usize| {
            let (middle, half) = (draws.below(size), (half * size as f64) as usize);
            let (start, end) = (middle.saturating_sub(half), (middle + half).min(size));
            (start, end - start)
        };
        let (left, columns) = side(width);
        let (top, rows) = side(height);
        let part = (rows * columns) as f64 / (height * width) as f64;
        (Region { top, left, height: rows, width: columns }, (1.0 - part) as f32)
    }
}

/// Each of the `n` samples in `x` becomes `(1 - lambda) other + lambda sample`; the other is the one before it, for the
/// first one the last. Batches are shuffled: a neighbour is anyone. For images, and for labels that are probabilities.
///
/// ```
/// let mut labels = [1.0, 0.0, 0.0, 1.0];
/// flatgrad::augment::mix_up(0.75, 2, &mut labels, &mut Vec::new())?;
/// assert_eq!(labels, [0.75, 0.25, 0.25, 0.75]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Scratch
///
/// `spare` gets the size of one sample; anything may be in it.
///
/// # Errors
///
/// [`Error::Augment`] if `x` is not `n` samples, or lambda not from 0 to 1.
pub fn mix_up(lambda: f32, n: usize, x: &mut [f32], spare: &mut Vec<f32>) -> Result {
    check("mixup", (0.0..=1.0).contains(&lambda), "lambda", "from 0 to 1", lambda)?;
    let len = sample_len(n, x)?;
    let other = (1.0 - f64::from(lambda)) as f32;
    with_previous(len, x, spare, |previous, sample| {
        sample.iter_mut().zip(previous).for_each(|(x, p)| *x = p * other + *x * lambda);
    });
    Ok(())
}

/// The region of each image in `x`, `[n, c, h, w]`, comes from the image before it, of the first one from the last.
/// Labels are to be mixed by [`mix_up`].
///
/// ```
/// use flatgrad::augment::{Region, cut_mix};
/// let mut images = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0];
/// cut_mix([1, 1, 2], Region { top: 0, left: 1, height: 1, width: 1 }, &mut images, &mut Vec::new())?;
/// assert_eq!(images, [1.0, 3.0, 2.0, 1.0, 3.0, 2.0]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Scratch
///
/// `spare` gets the size of one sample; anything may be in it.
///
/// # Errors
///
/// [`Error::Augment`] if `x` is not a whole number of images, or the region not inside them.
pub fn cut_mix(shape: [usize; 3], region: Region, x: &mut [f32], spare: &mut Vec<f32>) -> Result {
    region.check("cutmix", shape)?;
    let len = shape.iter().product::<usize>().max(1);
    check_len("cutmix", x.get(..len).unwrap_or_default(), shape)?;
    sample_len(x.len() / len, x)?;
    let [_, height, width] = shape;
    with_previous(len, x, spare, |previous, sample| {
        for (previous, plane) in previous.chunks_exact(height * width).zip(sample.chunks_exact_mut(height * width)) {
            let rows = previous.chunks_exact(width).zip(plane.chunks_exact_mut(width));
            let columns = region.left..region.left + region.width;
            for (previous, row) in rows.skip(region.top).take(region.height) {
                row[columns.clone()].copy_from_slice(&previous[columns.clone()]);
            }
        }
    });
    Ok(())
}

/// The labels as probabilities, `[n, classes]`: all on the one class (`one_hot`).
///
/// ```
/// assert_eq!(flatgrad::augment::one_hot(&[2, 0], 3)?, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Augment`] if a label is not below `classes`.
pub fn one_hot(labels: &[u32], classes: usize) -> Result<Vec<f32>> {
    let mut soft = vec![0.0; labels.len() * classes];
    for (&label, row) in labels.iter().zip(soft.chunks_exact_mut(classes.max(1))) {
        let Some(probability) = row.get_mut(label as usize) else {
            return Err(Error::augment("one_hot", format!("label {label} is not below {classes}")));
        };
        *probability = 1.0;
    }
    Ok(soft)
}

fn sample_len(n: usize, x: &[f32]) -> Result<usize> {
    let fits = x.len().checked_rem(n) == Some(0) || x.is_empty();
    check("mix", fits, "the batch", format_args!("{n} samples of one size"), x.len())?;
    Ok(x.len().checked_div(n).unwrap_or(0).max(1))
}

/// `f(previous, sample)` for each sample with the one before it, as it was; before the first one comes the last.
fn with_previous(len: usize, x: &mut [f32], spare: &mut Vec<f32>, f: impl Fn(&[f32], &mut [f32])) {
    spare.clear();
    spare.extend_from_slice(x.rchunks_exact(len).next().unwrap_or_default());
    let mut rest = x;
    // From the last one on, what is before is still as it was.
    while let Some((before, sample)) = rest.len().checked_sub(len).map(|at| rest.split_at_mut(at)) {
        f(before.rchunks_exact(len).next().unwrap_or(spare), sample);
        rest = before;
    }
}
