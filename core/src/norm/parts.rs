//! What the normalizations take and give, by name. `T` is a slice: `&[f32]` to read, `&mut [f32]` to write, and an
//! `Option` of one that may be missing.

use super::part;

/// The learnt factors and summands of a normalization, one each per channel: `y = xhat * weight + bias`.
///
/// ```
/// use flatgrad_core::norm::Affine;
/// let both: Affine<&[f32]> = Affine { weight: &[1.0, 2.0], bias: &[0.5, 0.0] };
/// let neither: Affine<Option<&[f32]>> = Affine { weight: None, bias: None };
/// # let _ = (both, neither);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Affine<T> {
    /// The factors; PyTorch starts from 1.
    pub weight: T,
    /// The summands; PyTorch starts from 0.
    pub bias: T,
}

impl Affine<&[f32]> {
    /// Those of `width` channels from `start`.
    #[inline(always)]
    pub(super) fn part(self, start: usize, width: usize) -> Self {
        Self { weight: part(self.weight, start, width), bias: part(self.bias, start, width) }
    }
}

/// The running averages of a batch normalization's statistics, one each per channel: training moves them, inference
/// normalizes by them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Running<T> {
    /// PyTorch's `running_mean`, which starts from 0.
    pub mean: T,
    /// PyTorch's `running_var`, which starts from 1.
    pub var: T,
}

/// The statistics of a batch, which the forward pass saves for the backward pass.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Saved<T> {
    /// The means.
    pub mean: T,
    /// The reciprocal deviations, `1 / sqrt(var + eps)`.
    pub rstd: T,
}

/// Where the gradients of a normalization go. `W` and `B` are `&mut [f32]`, or an `Option` of it where only some are
/// wanted, or `()` where there is no such parameter.
#[derive(Debug)]
pub struct Gradients<'a, W, B = W> {
    /// Of the input: always overwritten.
    pub x: &'a mut [f32],
    /// Of [`Affine::weight`]: overwritten or added to.
    pub weight: W,
    /// Of [`Affine::bias`]: overwritten or added to.
    pub bias: B,
}
