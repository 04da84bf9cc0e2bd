//! Root mean square normalization (Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019).

use super::runs::{self, Inputs, Runs};
use super::{Affine, Gradients};
use crate::error::{Result, check_param, checked_len};
use crate::machine::Context;
use crate::update::Update;

/// The shape and the parameters of an RMS normalization: data `[rows, features]`, each row divided by its root mean
/// square.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsNorm {
    /// Rows: samples, or tokens of all samples.
    pub rows: usize,
    /// Elements of a row: each has its own weight.
    pub features: usize,
    /// Added to the mean square; default 2^-23 = 1.1920929e-7.
    pub eps: f32,
}

impl RmsNorm {
    /// With PyTorch's default for `f32`: eps 1.1920929e-7.
    ///
    /// ```
    /// use flatgrad_core::norm::RmsNorm;
    /// const RN: RmsNorm = RmsNorm::new(128 * 196, 64).eps(1e-6);
    /// assert_eq!(RN.input_len(), 128 * 196 * 64);
    /// ```
    pub const fn new(rows: usize, features: usize) -> Self {
        Self { rows, features, eps: f32::EPSILON }
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

/// Divides each row by its root mean square (PyTorch's `rms_norm` over the last dimensions):
/// `y = x * weight / sqrt(mean(x^2) + eps)`.
///
/// `x` and `y` are `[rows, features]`, `weight` `[features]`, 1 where there is none. `saved_rstd`, `[rows]`, is an
/// output for [`rms_norm_backward`]. With no elements nothing happens.
///
/// # Numerics
///
/// Per row: the sum of `x * x` in 16 virtual lanes ([`reference::math::sum`](crate::reference::math::sum));
/// `rstd = 1 / sqrt(sum / features + eps)`; `y = x * (weight * rstd)`, each operation rounded. Plain loops:
/// [`reference::norm::rms_norm`](crate::reference::norm::rms_norm).
///
/// # Errors
///
/// Those of [`RmsNorm::check`]; [`Error::Length`](crate::Error::Length) for a slice of the wrong length.
///
/// ```
/// use flatgrad_core::{Context, Isa, norm::{RmsNorm, rms_norm}};
/// let rn = RmsNorm::new(2, 2).eps(0.0);
/// let (mut y, mut rstd) = ([0.0; 4], [0.0; 2]);
/// let x = [1.0, -7.0, 30.0, 40.0]; // mean squares 25 and 1250
/// rms_norm(Context::serial(Isa::detect()), &rn, &x, None, &mut y, &mut rstd)?;
/// assert_eq!((&y[..2], rstd[0]), (&[0.2, -1.4][..], 0.2));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn rms_norm(
    ctx: Context,
    shape: &RmsNorm,
    x: &[f32],
    weight: Option<&[f32]>,
    y: &mut [f32],
    saved_rstd: &mut [f32],
) -> Result {
    shape.check()?;
    runs::forward(ctx, &shape.runs(), x, Affine { weight, bias: None }, y, None, saved_rstd)
}

/// The gradients of [`rms_norm`]: `dweight = sum(dy * xhat)` over the rows and, with the mean taken over a row,
/// `dx = rstd * (g - xhat * mean(g * xhat))` with `g = dy * weight` and `xhat = x * rstd`.
///
/// `dx` is overwritten. `dweight` is `[features]`, only where it is wanted; `update` says whether it is overwritten or
/// added to.
///
/// # Numerics
///
/// From 0 or from the stored value, for each row in order, `dweight = dweight + dy * x * rstd`. Per row `b`, the sum of
/// `dy * x * weight` in 16 virtual lanes; `dx = (dy * weight - x * (b * rstd / features * rstd)) * rstd`, each
/// operation rounded, products from left to right. Plain loops:
/// [`reference::norm::rms_norm_backward`](crate::reference::norm::rms_norm_backward). A batch gives the bits of its
/// rows accumulated one by one.
///
/// # Errors
///
/// As [`rms_norm`].
///
/// ```
/// use flatgrad_core::{Context, Isa, Update, norm::{Gradients, RmsNorm, rms_norm_backward}};
/// let (ctx, rn) = (Context::serial(Isa::detect()), RmsNorm::new(1, 2));
/// let (mut dx, mut dweight) = ([0.0; 2], [0.0; 2]);
/// let (x, dy, rstd) = ([1.0, -1.0], [0.5, 0.25], [1.0]);
/// let gradients = Gradients { x: &mut dx, weight: Some(&mut dweight[..]), bias: () };
/// rms_norm_backward(ctx, &rn, &x, &dy, None, &rstd, Update::Overwrite, gradients)?;
/// assert_eq!((dx, dweight), ([0.375, 0.375], [0.5, -0.25])); // no part of dx along x
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn rms_norm_backward(
    ctx: Context,
    shape: &RmsNorm,
    x: &[f32],
    dy: &[f32],
    weight: Option<&[f32]>,
    saved_rstd: &[f32],
    update: Update,
    gradients: Gradients<Option<&mut [f32]>, ()>,
) -> Result {
    shape.check()?;
    let inputs = Inputs { x, dy, weight, mean: None, rstd: saved_rstd };
    let gradients = Gradients { x: gradients.x, weight: gradients.weight, bias: None };
    runs::backward(ctx, &shape.runs(), inputs, update, gradients)
}
