//! Batch normalization (Ioffe and Szegedy, "Batch Normalization", 2015) over `[n, channels, spatial]`.
//!
//! The plain algorithm is three passes over each channel: mean, variance, result; backward, two. How a channel lies in
//! memory decides how: see `planes.rs` (images) and `columns.rs` (dense layers).

use super::{BatchNorm, columns, planes};
use crate::error::{Result, check_len};
use crate::machine::Context;
use crate::simd::dispatch;
use crate::slice::{self, ChannelsMut};
use crate::update::Update;

/// Normalizes each channel by the statistics of this batch and updates the running ones (PyTorch's `batch_norm` with
/// `training=True`): `y = (x - mean) * scale / sqrt(var + eps) + shift`.
///
/// `x` and `y` are `[n, channels, spatial]`, all others `[channels]`. `saved_mean` and `saved_rstd` are outputs for
/// [`batch_norm_backward`]. With no elements per channel nothing happens.
///
/// # Numerics
///
/// Per channel: the sum of a plane in 16 virtual lanes ([`reference::math::sum`](crate::reference::math::sum)), planes
/// added sample after sample; `mean = sum / count`; the sum of `(x - mean) * (x - mean)` in the same order;
/// `rstd = 1 / sqrt(sum / count + eps)`; `y = (x - mean) * (scale * rstd) + shift`, multiplication and addition rounded
/// separately. Running statistics: `(1 - momentum) * running + momentum * new`; the new variance is the unbiased one,
/// `sum / (count - 1)`. `count` is rounded to `f32` (exact up to 2^24).
///
/// # Errors
///
/// Those of [`BatchNorm::check`]; [`Error::Dimension`](crate::Error::Dimension) if `n * spatial` is 1, which has no
/// variance; [`Error::Length`](crate::Error::Length) for a slice of the wrong length.
///
/// ```
/// use flatgrad_core::{Context, Isa, norm::{BatchNorm, batch_norm_train}};
/// let bn = BatchNorm::new(2, 1, 2);
/// let (mut mean, mut var, mut y, mut saved) = ([0.0], [1.0], [0.0; 4], [[0.0], [0.0]]);
/// let [saved_mean, saved_rstd] = &mut saved;
/// let x = [1.0, 1.0, 3.0, 3.0];
/// let ctx = Context::serial(Isa::detect());
/// batch_norm_train(ctx, &bn, &x, &[1.0], &[0.0], &mut mean, &mut var, &mut y, saved_mean, saved_rstd)?;
/// assert_eq!(*saved_mean, [2.0]);
/// assert!((y[0] + 1.0).abs() < 1e-5 && (y[3] - 1.0).abs() < 1e-5);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn batch_norm_train(
    ctx: Context,
    shape: &BatchNorm,
    x: &[f32],
    scale: &[f32],
    shift: &[f32],
    running_mean: &mut [f32],
    running_var: &mut [f32],
    y: &mut [f32],
    saved_mean: &mut [f32],
    saved_rstd: &mut [f32],
) -> Result {
    shape.check_train()?;
    check_tensors(shape, &[("x", x), ("y", y)])?;
    check_vectors(shape, &[("scale", scale), ("shift", shift), ("running_mean", running_mean)])?;
    check_vectors(shape, &[("running_var", running_var), ("saved_mean", saved_mean), ("saved_rstd", saved_rstd)])?;
    if shape.count() == 0 {
        return Ok(());
    }
    let outputs = [
        ChannelsMut::new(y, shape.dims()),
        ChannelsMut::vector(saved_mean),
        ChannelsMut::vector(saved_rstd),
        ChannelsMut::vector(running_mean),
        ChannelsMut::vector(running_var),
    ];
    slice::share_channels(ctx, x.len(), outputs, &|outputs| {
        dispatch!(ctx.isa(), |s| if shape.spatial == 1 {
            columns::train(s, shape, x, [scale, shift], outputs)
        } else {
            planes::train(s, shape, x, [scale, shift], outputs)
        })
    });
    Ok(())
}

/// Normalizes each channel by the running statistics (PyTorch's `batch_norm` with `training=False`):
/// `y = (x - running_mean) * scale / sqrt(running_var + eps) + shift`.
///
/// # Numerics
///
/// `rstd = 1 / sqrt(running_var + eps)`, `y = (x - running_mean) * (scale * rstd) + shift`, each operation rounded.
///
/// # Errors
///
/// Those of [`BatchNorm::check`]; [`Error::Length`](crate::Error::Length) for a slice of the wrong length.
///
/// ```
/// use flatgrad_core::{Context, Isa, norm::{BatchNorm, batch_norm_infer}};
/// let bn = BatchNorm::new(1, 2, 1).eps(0.0);
/// let mut y = [0.0; 2];
/// let ctx = Context::serial(Isa::detect());
/// batch_norm_infer(ctx, &bn, &[5.0, 1.0], &[1.0, 2.0], &[0.0, 0.5], &[3.0, 1.0], &[4.0, 1.0], &mut y)?;
/// assert_eq!(y, [1.0, 0.5]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn batch_norm_infer(
    ctx: Context,
    shape: &BatchNorm,
    x: &[f32],
    scale: &[f32],
    shift: &[f32],
    running_mean: &[f32],
    running_var: &[f32],
    y: &mut [f32],
) -> Result {
    shape.check()?;
    check_tensors(shape, &[("x", x), ("y", y)])?;
    check_vectors(shape, &[("scale", scale), ("shift", shift)])?;
    check_vectors(shape, &[("running_mean", running_mean), ("running_var", running_var)])?;
    if x.is_empty() {
        return Ok(());
    }
    let parameters = [running_mean, running_var, scale, shift];
    slice::share_channels(ctx, x.len(), [ChannelsMut::new(y, shape.dims())], &|[y]| {
        dispatch!(ctx.isa(), |s| if shape.spatial == 1 {
            columns::infer(s, shape, x, parameters, y)
        } else {
            planes::infer(s, shape, x, parameters, y)
        })
    });
    Ok(())
}

/// The gradients of [`batch_norm_train`]: `dshift = sum(dy)`, `dscale = sum(dy * xhat)` and
/// `dx = scale * rstd * (dy - mean(dy) - xhat * mean(dy * xhat))` with `xhat = (x - mean) * rstd`.
///
/// `dx` is overwritten; `update` says whether `dscale` and `dshift` are, or whether the batch's sums are added to them.
/// With no elements per channel the sums are 0.
///
/// # Numerics
///
/// Per channel `a = sum(dy)` and `b = sum(dy * (x - mean))`, in the order of [`batch_norm_train`]; the batch's
/// `dshift = a`, `dscale = b * rstd`; `dx = ((dy - a / count) - (x - mean) * (dscale / count * rstd)) * (scale * rstd)`,
/// each operation rounded. Accumulation adds the batch's `dscale` and `dshift` once.
///
/// # Errors
///
/// As [`batch_norm_train`].
///
/// ```
/// use flatgrad_core::{Context, Isa, Update, norm::{BatchNorm, batch_norm_backward}};
/// let bn = BatchNorm::new(2, 1, 1);
/// let (mut dx, mut dscale, mut dshift) = ([0.0; 2], [0.0], [0.0]);
/// let (ctx, x, dy) = (Context::serial(Isa::detect()), [1.0, 3.0], [0.5, 0.25]);
/// let (mean, rstd) = ([2.0], [1.0]);
/// batch_norm_backward(ctx, &bn, &x, &dy, &[1.0], &mean, &rstd, Update::Overwrite, &mut dx, &mut dscale, &mut dshift)?;
/// assert_eq!((dscale, dshift), ([-0.25], [0.75]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn batch_norm_backward(
    ctx: Context,
    shape: &BatchNorm,
    x: &[f32],
    dy: &[f32],
    scale: &[f32],
    saved_mean: &[f32],
    saved_rstd: &[f32],
    update: Update,
    dx: &mut [f32],
    dscale: &mut [f32],
    dshift: &mut [f32],
) -> Result {
    shape.check_train()?;
    check_tensors(shape, &[("x", x), ("dy", dy), ("dx", dx)])?;
    check_vectors(shape, &[("scale", scale), ("saved_mean", saved_mean), ("saved_rstd", saved_rstd)])?;
    check_vectors(shape, &[("dscale", dscale), ("dshift", dshift)])?;
    if shape.count() == 0 && update == Update::Overwrite {
        dscale.fill(0.0);
        dshift.fill(0.0);
    }
    if shape.count() == 0 {
        return Ok(());
    }
    let saved = [scale, saved_mean, saved_rstd];
    let outputs = [ChannelsMut::new(dx, shape.dims()), ChannelsMut::vector(dscale), ChannelsMut::vector(dshift)];
    slice::share_channels(ctx, x.len(), outputs, &|outputs| {
        dispatch!(ctx.isa(), |s| if shape.spatial == 1 {
            columns::backward(s, shape, [x, dy], saved, update, outputs)
        } else {
            planes::backward(s, shape, [x, dy], saved, update, outputs)
        })
    });
    Ok(())
}

pub(super) fn check_tensors(shape: &BatchNorm, tensors: &[(&'static str, &[f32])]) -> Result {
    tensors.iter().try_for_each(|(what, x)| check_len(what, shape.input_len(), x.len()))
}

pub(super) fn check_vectors(shape: &BatchNorm, vectors: &[(&'static str, &[f32])]) -> Result {
    vectors.iter().try_for_each(|(what, x)| check_len(what, shape.channels, x.len()))
}
