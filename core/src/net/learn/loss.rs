//! What training minimizes.

use crate::error::{Error, Result, check_len, check_param, checked_len};
use crate::loss::{
    LossReport, Target, binary_cross_entropy, binary_cross_entropy_backward, cross_entropy_planned, huber,
    huber_backward, mean_squared, mean_squared_backward,
};
use crate::machine::Context;
use crate::net::linked::{Linked, Parts};

/// What training minimizes: the mean over the samples of a step, and over a sample's outputs where these are values of
/// their own, as PyTorch's losses with `reduction="mean"`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// Softmax cross entropy of the network's outputs as logits. The target is a class per sample, or the probabilities
    /// of all classes.
    CrossEntropy {
        /// The share of a label's weight that is spread over all classes; 0 to 1.
        label_smoothing: f32,
    },
    /// Binary cross entropy of each output as a logit; the targets are probabilities. What is correct is counted in
    /// outputs, not samples.
    BinaryCrossEntropy,
    /// Mean squared error; the target is a value for each output.
    MeanSquared,
    /// Huber's loss: squared near 0, linear from `delta` on.
    Huber {
        /// Where it becomes linear; above 0.
        delta: f32,
    },
}

/// One thing each, for programs whose plans are not known when they are built.
impl Parts {
    /// Cross-entropy of class indices.
    const SOFTMAX_LOSS: Self = Self::loss(0);
    /// Cross-entropy.
    pub const CROSS_ENTROPY: Self = Self::SOFTMAX_LOSS.and(Self::SMOOTHING).and(Self::PROBABILITIES);
    /// Binary cross-entropy.
    pub const BINARY_CROSS_ENTROPY: Self = Self::loss(3);
    /// Mean squared error.
    pub const MEAN_SQUARED: Self = Self::loss(4);
    /// Huber's loss.
    pub const HUBER: Self = Self::loss(5);
}

/// What is said of losses that are not linked.
const NOT_LINKED: Error = Error::NotLinked { what: "the loss" };

/// Losses whose targets are values.
const OF_VALUES: Parts =
    Parts::PROBABILITIES.and(Parts::BINARY_CROSS_ENTROPY).and(Parts::MEAN_SQUARED).and(Parts::HUBER);

impl Loss {
    /// What a program needs for it.
    pub(in crate::net) const fn needs_code(&self) -> Parts {
        match self {
            Self::CrossEntropy { label_smoothing: 0.0 } => Parts::SOFTMAX_LOSS,
            Self::CrossEntropy { .. } => Parts::SOFTMAX_LOSS.and(Parts::SMOOTHING),
            Self::BinaryCrossEntropy => Parts::BINARY_CROSS_ENTROPY,
            Self::MeanSquared => Parts::MEAN_SQUARED,
            Self::Huber { .. } => Parts::HUBER,
        }
    }

    /// Whether the targets of `n` samples fit; they are looked at before anything else happens.
    pub(in crate::net) fn check<L: Linked>(&self, n: usize, outputs: usize, target: Target) -> Result {
        match *self {
            Self::CrossEntropy { label_smoothing: s } if L::PARTS.has(Parts::SMOOTHING) => {
                check_param((0.0..=1.0).contains(&s), "label_smoothing", "from 0 to 1", s)?;
            }
            Self::Huber { delta } if L::PARTS.has(Parts::HUBER) => check_param(delta > 0.0, "delta", "above 0", delta)?,
            Self::CrossEntropy { .. } | Self::BinaryCrossEntropy | Self::MeanSquared | Self::Huber { .. } => {}
        }
        if L::PARTS.any(OF_VALUES)
            && !L::PARTS.has(Parts::PROBABILITIES)
            && self.is_softmax()
            && matches!(target, Target::Values(_))
        {
            return Err(Error::NotLinked { what: "probabilities as targets" });
        }
        match (self, target) {
            (Self::CrossEntropy { .. }, Target::Classes(labels)) => {
                check_len("labels", n, labels.len())?;
                match labels.iter().enumerate().find(|(_, label)| **label as usize >= outputs) {
                    Some((index, &label)) => Err(Error::Label { index, label, classes: outputs }),
                    None => Ok(()),
                }
            }
            (_, Target::Values(_)) if !L::PARTS.any(OF_VALUES) => Err(NOT_LINKED),
            (_, Target::Classes(_)) => {
                Err(Error::Dimension { what: "values of the target", requires: "as many as outputs", actual: 0 })
            }
            (_, Target::Values(values)) => check_len("target", checked_len("target", &[n, outputs])?, values.len())
                .and_then(|()| match values.iter().find(|v| self.is_binary() && !(0.0..=1.0).contains(*v)) {
                    Some(&value) => check_param(false, "target", "from 0 to 1", value),
                    None => Ok(()),
                }),
        }
    }

    fn is_softmax(&self) -> bool {
        matches!(self, Self::CrossEntropy { .. })
    }

    fn is_binary(&self) -> bool {
        matches!(self, Self::BinaryCrossEntropy)
    }

    /// The number of terms whose mean is one sample's loss.
    fn terms(&self, outputs: usize) -> f32 {
        match self {
            Self::CrossEntropy { .. } => 1.0,
            Self::BinaryCrossEntropy | Self::MeanSquared | Self::Huber { .. } => outputs as f32,
        }
    }

    /// The sum of the samples' losses, and where it is averaged over a `total` of samples the gradient of that mean.
    pub(in crate::net) fn run<L: Linked>(
        &self,
        ctx: Context,
        shape: [usize; 2],
        outputs: &[f32],
        target: Target,
        total: Option<usize>,
        d: &mut [f32],
    ) -> Result<LossReport> {
        let (values, terms) = (values(target), self.terms(shape[1]));
        let scale = total.map(|total| 1.0 / (total as f32 * terms));
        let report = match (*self, scale) {
            (Self::CrossEntropy { label_smoothing }, _) if L::PARTS.has(Parts::SOFTMAX_LOSS) => {
                cross_entropy_planned::<L>(ctx, shape, label_smoothing, scale, outputs, target, d)
            }
            (Self::BinaryCrossEntropy, Some(scale)) if L::PARTS.has(Parts::BINARY_CROSS_ENTROPY) => {
                binary_cross_entropy_backward(ctx, shape, scale, outputs, values, d)?
            }
            (Self::BinaryCrossEntropy, None) if L::PARTS.has(Parts::BINARY_CROSS_ENTROPY) => {
                binary_cross_entropy(ctx, shape, outputs, values)?
            }
            (Self::MeanSquared, Some(scale)) if L::PARTS.has(Parts::MEAN_SQUARED) => {
                sum(mean_squared_backward(ctx, shape, scale, outputs, values, d)?)
            }
            (Self::MeanSquared, None) if L::PARTS.has(Parts::MEAN_SQUARED) => {
                sum(mean_squared(ctx, shape, outputs, values)?)
            }
            (Self::Huber { delta }, Some(scale)) if L::PARTS.has(Parts::HUBER) => {
                sum(huber_backward(ctx, shape, delta, scale, outputs, values, d)?)
            }
            (Self::Huber { delta }, None) if L::PARTS.has(Parts::HUBER) => {
                sum(huber(ctx, shape, delta, outputs, values)?)
            }
            (Self::CrossEntropy { .. } | Self::BinaryCrossEntropy | Self::MeanSquared | Self::Huber { .. }, _) => {
                return Err(NOT_LINKED);
            }
        };
        Ok(LossReport { loss_sum: report.loss_sum / terms, ..report })
    }
}

fn values<'a>(target: Target<'a>) -> &'a [f32] {
    match target {
        Target::Classes(_) => &[],
        Target::Values(values) => values,
    }
}

fn sum(loss_sum: f32) -> LossReport {
    LossReport { loss_sum, correct: 0 }
}
