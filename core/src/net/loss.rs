//! What training minimizes.

use crate::context::Context;
use crate::error::{Error, Result, check_len};
use crate::loss::{LossReport, cross_entropy, cross_entropy_backward};

/// What training minimizes; the mean over the samples of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// Softmax cross entropy of the network's outputs as logits.
    CrossEntropy {
        /// The share of a label's weight that is spread over all classes; 0 to 1.
        label_smoothing: f32,
    },
}

/// What the outputs of a batch should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target<'a> {
    /// A class index per sample.
    Classes(&'a [u32]),
    /// Values, as many as there are outputs.
    Values(&'a [f32]),
}

impl<'a, T: AsRef<[u32]> + ?Sized> From<&'a T> for Target<'a> {
    fn from(classes: &'a T) -> Self {
        Self::Classes(classes.as_ref())
    }
}

impl Loss {
    /// Refuses a target that does not fit.
    pub(super) fn check(&self, n: usize, outputs: usize, target: Target) -> Result {
        let Target::Classes(target) = target else { return Err(Error::IsaUnknown) };
        check_len("labels", n, target.len())?;
        match target.iter().enumerate().find(|(_, label)| **label as usize >= outputs) {
            Some((index, &label)) => Err(Error::Label { index, label, classes: outputs }),
            None => Ok(()),
        }
    }

    /// The sum over the samples.
    pub(super) fn value(&self, ctx: Context, shape: [usize; 2], outputs: &[f32], target: Target) -> Result<LossReport> {
        match *self {
            Self::CrossEntropy { .. } => cross_entropy(ctx, shape, outputs, target.classes()),
        }
    }

    /// The same, and the gradient of the mean over `total` samples.
    pub(super) fn backward(
        &self,
        ctx: Context,
        shape: [usize; 2],
        outputs: &[f32],
        target: Target,
        total: usize,
        doutputs: &mut [f32],
    ) -> Result<LossReport> {
        match *self {
            Self::CrossEntropy { .. } => {
                cross_entropy_backward(ctx, shape, outputs, target.classes(), 1.0 / total as f32, doutputs)
            }
        }
    }
}

impl<'a> Target<'a> {
    fn classes(self) -> &'a [u32] {
        match self {
            Self::Classes(c) => c,
            Self::Values(_) => &[],
        }
    }
}
