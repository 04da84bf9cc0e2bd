//! Group normalization (Wu and He, "Group Normalization", 2018) and instance normalization (Ulyanov et al., "Instance
//! Normalization", 2016), which is the case of one channel per group.

use super::runs::{self, Inputs, Runs};
use crate::error::{Result, check_dim, check_param, checked_len};
use crate::machine::Context;
use crate::update::Update;

/// The shape and the parameters of a group normalization: data `[n, channels, spatial]`, where `spatial` is `h * w` for
/// images. The `channels / groups` channels of a group share one mean and one variance per sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupNorm {
    /// Samples.
    pub n: usize,
    /// Channels: each has its own scale and shift. A multiple of `groups`.
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

    /// Instance normalization: every channel is a group. PyTorch's has neither running statistics nor, by default, scale
    /// and shift.
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

    /// Elements of `saved_mean` and of `saved_rstd`: `n * groups`.
    pub const fn statistics_len(&self) -> usize {
        self.n.saturating_mul(self.groups)
    }

    fn runs(&self) -> Runs {
        let channels = self.channels.checked_div(self.groups).unwrap_or(0);
        Runs { n: self.n, groups: self.groups, channels, spatial: self.spatial, eps: self.eps }
    }
}

/// Normalizes each group of channels of each sample (PyTorch's `group_norm` and `instance_norm`):
/// `y = (x - mean) * scale / sqrt(var + eps) + shift`.
///
/// `x` and `y` are `[n, channels, spatial]`, `scale` and `shift` `[channels]`; without `scale` it is 1, without `shift`
/// nothing is added. `saved_mean` and `saved_rstd` are `[n, groups]`, outputs for [`group_norm_backward`]. With no
/// elements nothing happens.
///
/// # Numerics
///
/// Per group, which is contiguous: its sum in 16 virtual lanes ([`reference::math::sum`](crate::reference::math::sum));
/// `mean = sum / count`; the sum of `(x - mean) * (x - mean)` in the same order; `rstd = 1 / sqrt(sum / count + eps)`,
/// of the biased variance; `y = (x - mean) * (scale * rstd) + shift`, each operation rounded. Plain loops:
/// [`reference::norm::group_norm`](crate::reference::norm::group_norm).
///
/// # Errors
///
/// Those of [`GroupNorm::check`]; [`Error::Length`](crate::Error::Length) for a slice of the wrong length.
///
/// ```
/// use flatgrad_core::{Context, Isa, norm::{GroupNorm, group_norm}};
/// let gn = GroupNorm::new(1, 4, 1, 2).eps(0.0);
/// let (mut y, mut mean, mut rstd) = ([0.0; 4], [0.0; 2], [0.0; 2]);
/// let x = [1.0, 3.0, 10.0, 30.0];
/// group_norm(Context::serial(Isa::detect()), &gn, &x, None, Some(&[0.5; 4]), &mut y, &mut mean, &mut rstd)?;
/// assert_eq!((y, mean), ([-0.5, 1.5, -0.5, 1.5], [2.0, 20.0]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn group_norm(
    ctx: Context,
    shape: &GroupNorm,
    x: &[f32],
    scale: Option<&[f32]>,
    shift: Option<&[f32]>,
    y: &mut [f32],
    saved_mean: &mut [f32],
    saved_rstd: &mut [f32],
) -> Result {
    shape.check()?;
    let runs = shape.runs();
    runs.check_tensors(&[("x", x), ("y", y)])?;
    runs.check_channels(&[("scale", scale), ("shift", shift)])?;
    runs.check_runs(&[("saved_mean", saved_mean), ("saved_rstd", saved_rstd)])?;
    runs::forward(ctx, &runs, x, [scale, shift], y, Some(saved_mean), saved_rstd);
    Ok(())
}

/// The gradients of [`group_norm`]: `dshift = sum(dy)` and `dscale = sum(dy * xhat)` over samples and planes and, with the
/// means taken over a group, `dx = rstd * (g - mean(g) - xhat * mean(g * xhat))` with `g = dy * scale` and
/// `xhat = (x - mean) * rstd`.
///
/// `dx` is overwritten. `dscale` and `dshift` are `[channels]`, each only where it is wanted; `update` says whether they
/// are overwritten or added to. With no elements they become 0 or stay what they are.
///
/// # Numerics
///
/// For each plane (one channel of one sample) `sum(dy)` and `dot = sum(dy * (x - mean))` in 16 virtual lanes; the sum of
/// a plane of one element is that element. From 0 or from the stored value, for each sample in order,
/// `dshift = dshift + sum` and `dscale = dscale + dot * rstd`. Per group `a` and `b`, the sums of `sum * scale` and
/// `dot * scale` over its channels, in 16 virtual lanes again;
/// `dx = ((dy * scale - a / count) - (x - mean) * (b * rstd / count * rstd)) * rstd`, each operation rounded. Plain loops:
/// [`reference::norm::group_norm_backward`](crate::reference::norm::group_norm_backward). A batch gives the bits of its
/// samples accumulated one by one.
///
/// # Errors
///
/// As [`group_norm`].
///
/// ```
/// use flatgrad_core::{Context, Isa, Update, norm::{GroupNorm, group_norm_backward}};
/// let gn = GroupNorm::instance(1, 1, 2);
/// let (mut dx, mut dscale, mut dshift) = ([0.0; 2], [0.0], [0.0]);
/// let (ctx, x, dy) = (Context::serial(Isa::detect()), [1.0, 3.0], [0.5, 0.25]);
/// let (mean, rstd, gradients) = ([2.0], [1.0], (Some(&mut dscale[..]), Some(&mut dshift[..])));
/// group_norm_backward(
///     ctx, &gn, &x, &dy, None, &mean, &rstd, Update::Overwrite, &mut dx, gradients.0, gradients.1,
/// )?;
/// assert_eq!((dx, dscale, dshift), ([0.0, 0.0], [-0.25], [0.75]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn group_norm_backward(
    ctx: Context,
    shape: &GroupNorm,
    x: &[f32],
    dy: &[f32],
    scale: Option<&[f32]>,
    saved_mean: &[f32],
    saved_rstd: &[f32],
    update: Update,
    dx: &mut [f32],
    dscale: Option<&mut [f32]>,
    dshift: Option<&mut [f32]>,
) -> Result {
    shape.check()?;
    let runs = shape.runs();
    runs.check_tensors(&[("x", x), ("dy", dy), ("dx", dx)])?;
    runs.check_channels(&[("scale", scale), ("dscale", dscale.as_deref()), ("dshift", dshift.as_deref())])?;
    runs.check_runs(&[("saved_mean", saved_mean), ("saved_rstd", saved_rstd)])?;
    let inputs = Inputs { x, dy, scale, mean: Some(saved_mean), rstd: saved_rstd };
    runs::backward(ctx, &runs, inputs, update, dx, [dscale, dshift]);
    Ok(())
}
