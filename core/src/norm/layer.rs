//! Layer normalization (Ba, Kiros and Hinton, "Layer Normalization", 2016).

use super::runs::{self, Inputs, Runs};
use super::{Affine, Gradients, Saved};
use crate::error::{Result, check_param, checked_len};
use crate::machine::Context;
use crate::update::Update;

/// The shape and the parameters of a layer normalization: data `[rows, features]`, each row normalized by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNorm {
    /// Rows: samples, or tokens of all samples.
    pub rows: usize,
    /// Elements of a row: each has its own weight and bias.
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

    /// Whether shape and parameters make sense. A row of one element is allowed, as in PyTorch: its output is `bias`.
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
/// `y = (x - mean) * weight / sqrt(var + eps) + bias`.
///
/// `x` and `y` are `[rows, features]`, `weight` and `bias` `[features]`; without `weight` it is 1, without `bias`
/// nothing is added. Both slices of `saved` are `[rows]`, outputs for [`layer_norm_backward`]. With no elements nothing
/// happens.
///
/// # Numerics
///
/// Per row: its sum in 16 virtual lanes ([`reference::math::sum`](crate::reference::math::sum));
/// `mean = sum / features`; the sum of `(x - mean) * (x - mean)` in the same order;
/// `rstd = 1 / sqrt(sum / features + eps)`, of the biased variance; `y = (x - mean) * (weight * rstd) + bias`, each
/// operation rounded. Plain loops: [`reference::norm::layer_norm`](crate::reference::norm::layer_norm).
///
/// # Errors
///
/// Those of [`LayerNorm::check`]; [`Error::Length`](crate::Error::Length) for a slice of the wrong length.
///
/// ```
/// use flatgrad_core::{Context, Isa, norm::{Affine, LayerNorm, Saved, layer_norm}};
/// let (ctx, ln) = (Context::serial(Isa::detect()), LayerNorm::new(2, 2).eps(0.0));
/// let (mut y, mut mean, mut rstd) = ([0.0; 4], [0.0; 2], [0.0; 2]);
/// let affine = Affine { weight: Some(&[1.0, 2.0][..]), bias: None };
/// let saved = Saved { mean: &mut mean[..], rstd: &mut rstd[..] };
/// layer_norm(ctx, &ln, &[1.0, 3.0, 10.0, 30.0], affine, &mut y, saved)?;
/// assert_eq!((y, mean), ([-1.0, 2.0, -1.0, 2.0], [2.0, 20.0]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn layer_norm(
    ctx: Context,
    shape: &LayerNorm,
    x: &[f32],
    affine: Affine<Option<&[f32]>>,
    y: &mut [f32],
    saved: Saved<&mut [f32]>,
) -> Result {
    shape.check()?;
    runs::forward(ctx, &shape.runs(), x, affine, y, Some(saved.mean), saved.rstd)
}

/// The gradients of [`layer_norm`]: `dbias = sum(dy)` and `dweight = sum(dy * xhat)` over the rows and, with the means
/// taken over a row, `dx = rstd * (g - mean(g) - xhat * mean(g * xhat))` with `g = dy * weight` and
/// `xhat = (x - mean) * rstd`.
///
/// `dx` is overwritten. `dweight` and `dbias` are `[features]`, each only where it is wanted; `update` says whether
/// they are overwritten or added to.
///
/// # Numerics
///
/// From 0 or from the stored value, for each row in order, `dbias = dbias + dy` and
/// `dweight = dweight + dy * (x - mean) * rstd`. Per row `a` and `b`, the sums of `dy * weight` and of
/// `dy * (x - mean) * weight` in 16 virtual lanes;
/// `dx = ((dy * weight - a / features) - (x - mean) * (b * rstd / features * rstd)) * rstd`, each operation rounded,
/// products from left to right. Plain loops:
/// [`reference::norm::layer_norm_backward`](crate::reference::norm::layer_norm_backward). A batch gives the bits of its
/// rows accumulated one by one.
///
/// # Errors
///
/// As [`layer_norm`].
///
/// ```
/// use flatgrad_core::{Context, Isa, Update, norm::{Gradients, LayerNorm, Saved, layer_norm_backward}};
/// let (ctx, ln, x, dy) = (Context::serial(Isa::detect()), LayerNorm::new(1, 2), [1.0, 3.0], [0.5, 0.25]);
/// let (mut dx, mut dweight, mut dbias) = ([0.0; 2], [0.0; 2], [1.0; 2]);
/// let saved = Saved { mean: &[2.0][..], rstd: &[1.0] };
/// let gradients = Gradients { x: &mut dx, weight: Some(&mut dweight[..]), bias: Some(&mut dbias[..]) };
/// layer_norm_backward(ctx, &ln, &x, &dy, None, saved, Update::Accumulate, gradients)?;
/// assert_eq!((dx, dweight, dbias), ([0.0, 0.0], [-0.5, 0.25], [1.5, 1.25]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn layer_norm_backward(
    ctx: Context,
    shape: &LayerNorm,
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
