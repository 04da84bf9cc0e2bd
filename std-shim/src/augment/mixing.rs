//! What a recipe does to batches.

use super::check::{check, check_probability};
use super::{CutMix, Key, MixUp, Region, cut_mix, mix_up};
use crate::error::Result;

/// What a recipe does to whole batches.
///
/// ```
/// use flatgrad::augment::{Key, MixUp, Mixing, one_hot};
/// let mixing = Mixing { mix_up: Some(MixUp { alpha: 0.2 }), ..Mixing::DEFAULT };
/// let (mut images, mut labels) = ([0.0, 0.0, 1.0, 1.0], one_hot(&[0, 1], 2)?);
/// let key = Key { seed: 1, epoch: 0, sample: 0 };
/// mixing.apply(key, [1, 1, 2], &mut images, &mut labels, &mut Vec::new())?;
/// assert_eq!(images[..2], [labels[1]; 2], "the label is as mixed as the image");
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixing {
    /// [`MixUp`], if wanted.
    pub mix_up: Option<MixUp>,
    /// [`CutMix`], if wanted; of both, each batch gets one, equally likely.
    pub cut_mix: Option<CutMix>,
    /// The probability that a batch is mixed at all.
    pub p: f32,
}

/// What a [`Mixing`] drew for a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MixParams {
    /// The batch stays as it is.
    Nothing,
    /// [`mix_up`] with this weight.
    MixUp(f32),
    /// [`cut_mix`] of this region, and the labels' weight.
    CutMix(Region, f32),
}

impl Mixing {
    /// Neither.
    pub const DEFAULT: Self = Self { mix_up: None, cut_mix: None, p: 1.0 };

    /// Whether there is something to mix: labels must be probabilities then.
    pub const fn mixes(&self) -> bool {
        self.mix_up.is_some() || self.cut_mix.is_some()
    }

    /// Checks the parameters.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`](crate::Error::Augment) if one is out of range.
    pub fn check(&self) -> Result {
        let alphas = [("mixup", self.mix_up.map(|m| m.alpha)), ("cutmix", self.cut_mix.map(|c| c.alpha))];
        for (operation, alpha) in alphas {
            let fits = alpha.is_none_or(|alpha| (1e-3..=1e3).contains(&alpha));
            check(operation, fits, "alpha", "from 0.001 to 1000", alpha.unwrap_or_default())?;
        }
        check_probability("mix", self.p)
    }

    /// What to do with the batch whose number is `key.sample`.
    pub fn params(&self, key: Key, shape: [usize; 3]) -> MixParams {
        let mut draws = key.batch_draws(0);
        if !draws.chance(self.p) {
            return MixParams::Nothing;
        }
        let first = draws.chance(0.5);
        match (self.mix_up, self.cut_mix) {
            (Some(mix), other) if first || other.is_none() => MixParams::MixUp(mix.params(&mut draws)),
            (_, Some(cut)) => {
                let (region, lambda) = cut.params(&mut draws, shape);
                MixParams::CutMix(region, lambda)
            }
            _ => MixParams::Nothing,
        }
    }

    /// Mixes the images `[n, c, h, w]` and their labels, probabilities `[n, classes]`, in place; `key.sample` is the
    /// batch's number.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`](crate::Error::Augment) if a parameter is out of range, or images and labels do not fit;
    /// nothing is written.
    pub fn apply(
        &self,
        key: Key,
        shape: [usize; 3],
        images: &mut [f32],
        labels: &mut [f32],
        spare: &mut Vec<f32>,
    ) -> Result {
        self.check()?;
        let len = shape.iter().product::<usize>().max(1);
        let n = images.len() / len;
        let fits = images.len() == n * len && n > 0 && labels.len().is_multiple_of(n);
        check(
            "mix",
            fits,
            "the batch",
            format_args!("images of {shape:?} with a label each"),
            [images.len(), labels.len()],
        )?;
        match self.params(key, shape) {
            MixParams::Nothing => Ok(()),
            MixParams::MixUp(lambda) => {
                mix_up(lambda, n, images, spare)?;
                mix_up(lambda, n, labels, spare)
            }
            MixParams::CutMix(region, lambda) => {
                cut_mix(shape, region, images, spare)?;
                mix_up(lambda, n, labels, spare)
            }
        }
    }
}
