//! Group normalization (Wu and He, "Group Normalization", 2018) and instance normalization (Ulyanov et al., "Instance
//! Normalization", 2016), which is the case of one channel per group.

use super::runs::{self, Inputs, Runs};
use super::{Affine, Gradients, Saved};
use crate::error::{Result, check_dim, check_param, checked_len};
use crate::machine::Context;
use crate::update::Update;

/// The shape and the parameters of a group normalization: data `[n, channels, spatial]`, where `spatial` is `h * w` for
/// images. The `channels / groups` channels of a group share one mean and one variance per sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupNorm {
    /// Samples.
    pub n: usize,
    /// Channels: each has its own weight and bias. A multiple of `groups`.
    pub channels: usize,
    /// Elements of one channel of one sample.
    pub spatial: usize,
    /// Groups of neighbouring channels.
    pub groups: usize,
    /// Added to the variance; default 1e-5.
    pub eps: f32,
}

impl GroupNorm {
    /// With PyTorch's default: eps 1e-5.
    ///
    /// ```
    /// use flatgrad_core::norm::GroupNorm;
    /// const GN: GroupNorm = GroupNorm::new(128, 32, 28 * 28, 4);
    /// assert_eq!((GN.input_len(), GN.statistics_len()), (128 * 32 * 28 * 28, 128 * 4));
    /// ```
    pub const fn new(n: usize, channels: usize, spatial: usize, groups: usize) -> Self {
        Self { n, channels, spatial, groups, eps: 1e-5 }
    }

    /// Instance normalization: every channel is a group. PyTorch's has neither running statistics nor, by default,
    /// weight and bias.
    ///
    /// ```
    /// use flatgrad_core::norm::GroupNorm;
    /// assert_eq!(GroupNorm::instance(8, 3, 64), GroupNorm::new(8, 3, 64, 3));
    /// ```
    pub const fn instance(n: usize, channels: usize, spatial: usize) -> Self {
        Self::new(n, channels, spatial, channels)
    }

    /// The same with this `eps`.
    pub const fn eps(mut self, eps: f32) -> Self {
        self.eps = eps;
        self
    }

    /// Whether shape and parameters make sense.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`](crate::Error::Parameter) unless `eps` is finite and at least 0;
    /// [`Error::Dimension`](crate::Error::Dimension) unless `channels` is a multiple of `groups`, and if a group of a
    /// sample has just one element, which has no variance (PyTorch refuses an instance norm of one element, too);
    /// [`Error::Overflow`](crate::Error::Overflow) if the tensor's length overflows.
    pub const fn check(&self) -> Result {
        if let Err(e) = check_param(self.eps >= 0.0 && self.eps.is_finite(), "eps", "finite and at least 0", self.eps) {
            return Err(e);
        }
        let divides = self.channels == 0 || self.groups != 0 && self.channels.is_multiple_of(self.groups);
        if let Err(e) = check_dim(divides, "channels", "a multiple of groups", self.channels) {
            return Err(e);
        }
        if let Err(e) = checked_len("x", &[self.n, self.channels, self.spatial]) {
            return Err(e);
        }
        if let Err(e) = checked_len("saved_rstd", &[self.n, self.groups]) {
            return Err(e);
        }
        let one = self.spatial == 1 && self.channels == self.groups && self.channels != 0;
        check_dim(!one, "channels / groups * spatial", "more than 1", 1)
    }

    /// Elements of the input and of the output: `n * channels * spatial`.
    pub const fn input_len(&self) -> usize {
        self.n.saturating_mul(self.channels).saturating_mul(self.spatial)
    }

    /// Elements of `saved.mean` and of `saved.rstd`: `n * groups`.
    pub const fn statistics_len(&self) -> usize {
        self.n.saturating_mul(self.groups)
    }

    fn runs(&self) -> Runs {
        let channels = self.channels.checked_div(self.groups).unwrap_or(0);
        Runs { n: self.n, groups: self.groups, channels, spatial: self.spatial, eps: self.eps }
    }
}

/// Normalizes each group of channels of each sample (PyTorch's `group_norm` and `instance_norm`):
/// `y = (x - mean) * weight / sqrt(var + eps) + bias`.
///
/// `x` and `y` are `[n, channels, spatial]`, `weight` and `bias` `[channels]`; without `weight` it is 1, without `bias`
/// nothing is added. Both slices of `saved` are `[n, groups]`, outputs for [`group_norm_backward`]. With no elements
/// nothing happens.
///
/// # Numerics
///
/// Per group, which is contiguous: its sum in 16 virtual lanes ([`reference::math::sum`](crate::reference::math::sum));
/// `mean = sum / count`; the sum of `(x - mean) * (x - mean)` in the same order; `rstd = 1 / sqrt(sum / count + eps)`,
/// of the biased variance; `y = (x - mean) * (weight * rstd) + bias`, each operation rounded. Plain loops:
/// [`reference::norm::group_norm`](crate::reference::norm::group_norm).
///
/// # Errors
///
/// Those of [`GroupNorm::check`]; [`Error::Length`](crate::Error::Length) for a slice of the wrong length.
///
/// ```
/// use flatgrad_core::{Context, Isa, norm::{Affine, GroupNorm, Saved, group_norm}};
/// let (ctx, gn) = (Context::serial(Isa::detect()), GroupNorm::new(1, 4, 1, 2).eps(0.0));
/// let (mut y, mut mean, mut rstd) = ([0.0; 4], [0.0; 2], [0.0; 2]);
/// let affine = Affine { weight: None, bias: Some(&[0.5; 4][..]) };
/// let saved = Saved { mean: &mut mean[..], rstd: &mut rstd[..] };
/// group_norm(ctx, &gn, &[1.0, 3.0, 10.0, 30.0], affine, &mut y, saved)?;
/// assert_eq!((y, mean), ([-0.5, 1.5, -0.5, 1.5], [2.0, 20.0]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn group_norm(
    ctx: Context,
    shape: &GroupNorm,
    x: &[f32],
    affine: Affine<Option<&[f32]>>,
    y: &mut [f32],
    saved: Saved<&mut [f32]>,
) -> Result {
    shape.check()?;
    runs::forward(ctx, &shape.runs(), x, affine, y, Some(saved.mean), saved.rstd)
}

/// The gradients of [`group_norm`]: `dbias = sum(dy)` and `dweight = sum(dy * xhat)` over samples and planes and, with
/// the means taken over a group, `dx = rstd * (g - mean(g) - xhat * mean(g * xhat))` with `g = dy * weight` and
/// `xhat = (x - mean) * rstd`.
///
/// `dx` is overwritten. `dweight` and `dbias` are `[channels]`, each only where it is wanted; `update` says whether
/// they are overwritten or added to. With no elements they become 0 or stay what they are.
///
/// # Numerics
///
/// For each plane (one channel of one sample) `sum(dy)` and `dot = sum(dy * (x - mean))` in 16 virtual lanes; the sum
/// of a plane of one element is that element. From 0 or from the stored value, for each sample in order,
/// `dbias = dbias + sum` and `dweight = dweight + dot * rstd`. Per group `a` and `b`, the sums of `sum * weight` and
/// `dot * weight` over its channels, in 16 virtual lanes again;
/// `dx = ((dy * weight - a / count) - (x - mean) * (b * rstd / count * rstd)) * rstd`, each operation rounded. Plain
/// loops: [`reference::norm::group_norm_backward`](crate::reference::norm::group_norm_backward). A batch gives the bits
/// of its samples accumulated one by one.
///
/// # Errors
///
/// As [`group_norm`].
///
/// ```
/// use flatgrad_core::{Context, Isa, Update, norm::{Gradients, GroupNorm, Saved, group_norm_backward}};
/// let (ctx, gn, x, dy) = (Context::serial(Isa::detect()), GroupNorm::instance(1, 1, 2), [1.0, 3.0], [0.5, 0.25]);
/// let (mut dx, mut dweight, mut dbias) = ([0.0; 2], [0.0], [0.0]);
/// let saved = Saved { mean: &[2.0][..], rstd: &[1.0] };
/// let gradients = Gradients { x: &mut dx, weight: Some(&mut dweight[..]), bias: Some(&mut dbias[..]) };
/// group_norm_backward(ctx, &gn, &x, &dy, None, saved, Update::Overwrite, gradients)?;
/// assert_eq!((dx, dweight, dbias), ([0.0, 0.0], [-0.25], [0.75]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn group_norm_backward(
    ctx: Context,
    shape: &GroupNorm,
    x: &[f32],
    dy: &[f32],
    weight: Option<&[f32]>,
    saved: Saved<&[f32]>,
    update: Update,
    gradients: Gradients<Option<&mut [f32]>>,
) -> Result {
    shape.check()?;
    let inputs = Inputs { x, dy, weight, mean: Some(saved.mean), rstd: saved.rstd };
    runs::backward(ctx, &shape.runs(), inputs, update, gradients)
}
