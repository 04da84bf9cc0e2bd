//! Layer normalization (Ba, Kiros and Hinton, "Layer Normalization", 2016).

use super::runs::{self, Inputs, Runs};
use crate::error::{Result, check_param, checked_len};
use crate::machine::Context;
use crate::update::Update;

/// The shape and the parameters of a layer normalization: data `[rows, features]`, each row normalized by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNorm {
    /// Rows: samples, or tokens of all samples.
    pub rows: usize,
    /// Elements of a row: each has its own scale and shift.
    pub features: usize,
    /// Added to the variance; default 1e-5.
    pub eps: f32,
}

impl LayerNorm {
    /// With PyTorch's default: eps 1e-5.
    ///
    /// ```
    /// use flatgrad_core::norm::LayerNorm;
    /// const LN: LayerNorm = LayerNorm::new(128 * 196, 64);
    /// assert_eq!(LN.input_len(), 128 * 196 * 64);
    /// ```
    pub const fn new(rows: usize, features: usize) -> Self {
        Self { rows, features, eps: 1e-5 }
    }

    /// The same with this `eps`.
    pub const fn eps(mut self, eps: f32) -> Self {
        self.eps = eps;
        self
    }

    /// Whether shape and parameters make sense. A row of one element is allowed, as in PyTorch: its output is `shift`.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`](crate::Error::Parameter) unless `eps` is finite and at least 0;
    /// [`Error::Overflow`](crate::Error::Overflow) if the tensor's length overflows.
    pub const fn check(&self) -> Result {
        if let Err(e) = check_param(self.eps >= 0.0 && self.eps.is_finite(), "eps", "finite and at least 0", self.eps) {
            return Err(e);
        }
        match checked_len("x", &[self.rows, self.features]) {
            Ok(_) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Elements of the input and of the output: `rows * features`.
    pub const fn input_len(&self) -> usize {
        self.rows.saturating_mul(self.features)
    }

    fn runs(&self) -> Runs {
        Runs { n: self.rows, groups: 1, channels: self.features, spatial: 1, eps: self.eps }
    }
}

/// Normalizes each row (PyTorch's `layer_norm` over the last dimensions):
/// `y = (x - mean) * scale / sqrt(var + eps) + shift`.
///
/// `x` and `y` are `[rows, features]`, `scale` and `shift` `[features]`; without `scale` it is 1, without `shift` nothing
/// is added. `saved_mean` and `saved_rstd` are `[rows]`, outputs for [`layer_norm_backward`]. With no elements nothing
/// happens.
///
/// # Numerics
///
/// Per row: its sum in 16 virtual lanes ([`reference::math::sum`](crate::reference::math::sum)); `mean = sum / features`;
/// the sum of `(x - mean) * (x - mean)` in the same order; `rstd = 1 / sqrt(sum / features + eps)`, of the biased variance;
/// `y = (x - mean) * (scale * rstd) + shift`, each operation rounded. Plain loops:
/// [`reference::norm::layer_norm`](crate::reference::norm::layer_norm).
///
/// # Errors
///
/// Those of [`LayerNorm::check`]; [`Error::Length`](crate::Error::Length) for a slice of the wrong length.
///
/// ```
/// use flatgrad_core::{Context, Isa, norm::{LayerNorm, layer_norm}};
/// let ln = LayerNorm::new(2, 2).eps(0.0);
/// let (mut y, mut mean, mut rstd) = ([0.0; 4], [0.0; 2], [0.0; 2]);
/// let (x, scale) = ([1.0, 3.0, 10.0, 30.0], [1.0, 2.0]);
/// layer_norm(Context::serial(Isa::detect()), &ln, &x, Some(&scale), None, &mut y, &mut mean, &mut rstd)?;
/// assert_eq!((y, mean), ([-1.0, 2.0, -1.0, 2.0], [2.0, 20.0]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn layer_norm(
    ctx: Context,
    shape: &LayerNorm,
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

/// The gradients of [`layer_norm`]: `dshift = sum(dy)` and `dscale = sum(dy * xhat)` over the rows and, with the means taken
/// over a row, `dx = rstd * (g - mean(g) - xhat * mean(g * xhat))` with `g = dy * scale` and `xhat = (x - mean) * rstd`.
///
/// `dx` is overwritten. `dscale` and `dshift` are `[features]`, each only where it is wanted; `update` says whether they
/// are overwritten or added to.
///
/// # Numerics
///
/// From 0 or from the stored value, for each row in order, `dshift = dshift + dy` and
/// `dscale = dscale + dy * (x - mean) * rstd`. Per row `a` and `b`, the sums of `dy * scale` and of
/// `dy * (x - mean) * scale` in 16 virtual lanes;
/// `dx = ((dy * scale - a / features) - (x - mean) * (b * rstd / features * rstd)) * rstd`, each operation rounded, products
/// from left to right. Plain loops: [`reference::norm::layer_norm_backward`](crate::reference::norm::layer_norm_backward).
/// A batch gives the bits of its rows accumulated one by one.
///
/// # Errors
///
/// As [`layer_norm`].
///
/// ```
/// use flatgrad_core::{Context, Isa, Update, norm::{LayerNorm, layer_norm_backward}};
/// let (ctx, ln) = (Context::serial(Isa::detect()), LayerNorm::new(1, 2));
/// let (mut dx, mut dscale, mut dshift) = ([0.0; 2], [0.0; 2], [1.0; 2]);
/// let (x, dy, mean, rstd, update) = ([1.0, 3.0], [0.5, 0.25], [2.0], [1.0], Update::Accumulate);
/// let (ds, db) = (Some(&mut dscale[..]), Some(&mut dshift[..]));
/// layer_norm_backward(ctx, &ln, &x, &dy, None, &mean, &rstd, update, &mut dx, ds, db)?;
/// assert_eq!((dx, dscale, dshift), ([0.0, 0.0], [-0.5, 0.25], [1.5, 1.25]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn layer_norm_backward(
    ctx: Context,
    shape: &LayerNorm,
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
