//! Batch normalization (Ioffe and Szegedy, "Batch Normalization", 2015) over `[n, channels, spatial]`.
//!
//! The plain algorithm is three passes over each channel: mean, variance, result; backward, two. How a channel lies in
//! memory decides how: see `planes.rs` (images) and `columns.rs` (dense layers).

use super::{Affine, BatchNorm, Gradients, Running, Saved, columns, planes};
use crate::error::{Result, check_len};
use crate::machine::Context;
use crate::simd::dispatch;
use crate::slice::{self, ChannelsMut};
use crate::update::Update;

/// Normalizes each channel by the statistics of this batch and updates the running ones (PyTorch's `batch_norm` with
/// `training=True`): `y = (x - mean) * weight / sqrt(var + eps) + bias`.
///
/// `x` and `y` are `[n, channels, spatial]`, all others `[channels]`. `saved` is an output for [`batch_norm_backward`].
/// With no elements per channel nothing happens.
///
/// # Numerics
///
/// Per channel: the sum of a plane in 16 virtual lanes ([`reference::math::sum`](crate::reference::math::sum)), planes
/// added sample after sample; `mean = sum / count`; the sum of `(x - mean) * (x - mean)` in the same order;
/// `rstd = 1 / sqrt(sum / count + eps)`; `y = (x - mean) * (weight * rstd) + bias`, multiplication and addition rounded
/// separately. Running statistics: `(1 - momentum) * running + momentum * new`; the new variance is the unbiased one,
/// `sum / (count - 1)`. `count` is rounded to `f32` (exact up to 2^24).
///
/// # Errors
///
/// Those of [`BatchNorm::check`]; [`Error::Dimension`](crate::Error::Dimension) if `n * spatial` is 1, which has no
/// variance; [`Error::Length`](crate::Error::Length) for a slice of the wrong length.
///
/// ```
/// use flatgrad_core::{Context, Isa, norm::{Affine, BatchNorm, Running, Saved, batch_norm_train}};
/// let (ctx, bn, x) = (Context::serial(Isa::detect()), BatchNorm::new(2, 1, 2), [1.0, 1.0, 3.0, 3.0]);
/// let (mut mean, mut var, mut y, mut means, mut rstds) = ([0.0], [1.0], [0.0; 4], [0.0], [0.0]);
/// let affine = Affine { weight: &[1.0][..], bias: &[0.0][..] };
/// let running = Running { mean: &mut mean[..], var: &mut var[..] };
/// let saved = Saved { mean: &mut means[..], rstd: &mut rstds[..] };
/// batch_norm_train(ctx, &bn, &x, affine, running, &mut y, saved)?;
/// assert_eq!(means, [2.0]);
/// assert!((y[0] + 1.0).abs() < 1e-5 && (y[3] - 1.0).abs() < 1e-5);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn batch_norm_train(
    ctx: Context,
    shape: &BatchNorm,
    x: &[f32],
    affine: Affine<&[f32]>,
    running: Running<&mut [f32]>,
    y: &mut [f32],
    saved: Saved<&mut [f32]>,
) -> Result {
    shape.check_train()?;
    check_tensors(shape, &[("x", x), ("y", y)])?;
    check_vectors(shape, &[("weight", affine.weight), ("bias", affine.bias), ("running_mean", running.mean)])?;
    check_vectors(shape, &[("running_var", running.var), ("saved_mean", saved.mean), ("saved_rstd", saved.rstd)])?;
    if shape.count() == 0 {
        return Ok(());
    }
    let outputs = [
        ChannelsMut::new(y, shape.dims()),
        ChannelsMut::vector(saved.mean),
        ChannelsMut::vector(saved.rstd),
        ChannelsMut::vector(running.mean),
        ChannelsMut::vector(running.var),
    ];
    slice::share_channels(ctx, x.len(), outputs, &|outputs| {
        dispatch!(ctx.isa(), |s| if shape.spatial == 1 {
            columns::train(s, shape, x, affine, outputs)
        } else {
            planes::train(s, shape, x, affine, outputs)
        })
    });
    Ok(())
}

/// Normalizes each channel by the running statistics (PyTorch's `batch_norm` with `training=False`):
/// `y = (x - running_mean) * weight / sqrt(running_var + eps) + bias`.
///
/// # Numerics
///
/// `rstd = 1 / sqrt(running_var + eps)`, `y = (x - running_mean) * (weight * rstd) + bias`, each operation rounded.
///
/// # Errors
///
/// Those of [`BatchNorm::check`]; [`Error::Length`](crate::Error::Length) for a slice of the wrong length.
///
/// ```
/// use flatgrad_core::{Context, Isa, norm::{Affine, BatchNorm, Running, batch_norm_infer}};
/// let (ctx, bn, mut y) = (Context::serial(Isa::detect()), BatchNorm::new(1, 2, 1).eps(0.0), [0.0; 2]);
/// let affine = Affine { weight: &[1.0, 2.0][..], bias: &[0.0, 0.5] };
/// let running = Running { mean: &[3.0, 1.0][..], var: &[4.0, 1.0] };
/// batch_norm_infer(ctx, &bn, &[5.0, 1.0], affine, running, &mut y)?;
/// assert_eq!(y, [1.0, 0.5]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn batch_norm_infer(
    ctx: Context,
    shape: &BatchNorm,
    x: &[f32],
    affine: Affine<&[f32]>,
    running: Running<&[f32]>,
    y: &mut [f32],
) -> Result {
    shape.check()?;
    check_tensors(shape, &[("x", x), ("y", y)])?;
    check_frozen(shape, affine, running)?;
    if x.is_empty() {
        return Ok(());
    }
    slice::share_channels(ctx, x.len(), [ChannelsMut::new(y, shape.dims())], &|[y]| {
        dispatch!(ctx.isa(), |s| if shape.spatial == 1 {
            columns::infer(s, shape, x, affine, running, y)
        } else {
            planes::infer(s, shape, x, affine, running, y)
        })
    });
    Ok(())
}

/// The gradients of [`batch_norm_train`]: `dbias = sum(dy)`, `dweight = sum(dy * xhat)` and
/// `dx = weight * rstd * (dy - mean(dy) - xhat * mean(dy * xhat))` with `xhat = (x - mean) * rstd`.
///
/// `x`, `dy` and `dx` are `[n, channels, spatial]`, all others `[channels]`; `bias` has no part in it. `dx` is
/// overwritten; `update` says whether `dweight` and `dbias` are, or whether the batch's sums are added to them. With no
/// elements per channel the sums are 0.
///
/// # Numerics
///
/// Per channel `a = sum(dy)` and `b = sum(dy * (x - mean))`, in the order of [`batch_norm_train`]; the batch's
/// `dbias = a`, `dweight = b * rstd`;
/// `dx = ((dy - a / count) - (x - mean) * (dweight / count * rstd)) * (weight * rstd)`, each operation rounded.
/// Accumulation adds the batch's `dweight` and `dbias` once.
///
/// # Errors
///
/// As [`batch_norm_train`].
///
/// ```
/// use flatgrad_core::{Context, Isa, Update, norm::{BatchNorm, Gradients, Saved, batch_norm_backward}};
/// let (ctx, bn, x, dy) = (Context::serial(Isa::detect()), BatchNorm::new(2, 1, 1), [1.0, 3.0], [0.5, 0.25]);
/// let (mut dx, mut dweight, mut dbias) = ([0.0; 2], [0.0], [0.0]);
/// let saved = Saved { mean: &[2.0][..], rstd: &[1.0] };
/// let gradients = Gradients { x: &mut dx, weight: &mut dweight[..], bias: &mut dbias[..] };
/// batch_norm_backward(ctx, &bn, &x, &dy, &[1.0], saved, Update::Overwrite, gradients)?;
/// assert_eq!((dweight, dbias), ([-0.25], [0.75]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn batch_norm_backward(
    ctx: Context,
    shape: &BatchNorm,
    x: &[f32],
    dy: &[f32],
    weight: &[f32],
    saved: Saved<&[f32]>,
    update: Update,
    Gradients { x: dx, weight: dweight, bias: dbias }: Gradients<&mut [f32]>,
) -> Result {
    shape.check_train()?;
    check_tensors(shape, &[("x", x), ("dy", dy), ("dx", dx)])?;
    check_vectors(shape, &[("weight", weight), ("saved_mean", saved.mean), ("saved_rstd", saved.rstd)])?;
    check_vectors(shape, &[("dweight", dweight), ("dbias", dbias)])?;
    if shape.count() == 0 && update == Update::Overwrite {
        dweight.fill(0.0);
        dbias.fill(0.0);
    }
    if shape.count() == 0 {
        return Ok(());
    }
    let outputs = [ChannelsMut::new(dx, shape.dims()), ChannelsMut::vector(dweight), ChannelsMut::vector(dbias)];
    slice::share_channels(ctx, x.len(), outputs, &|outputs| {
        dispatch!(ctx.isa(), |s| if shape.spatial == 1 {
            columns::backward(s, shape, [x, dy], weight, saved, update, outputs)
        } else {
            planes::backward(s, shape, [x, dy], weight, saved, update, outputs)
        })
    });
    Ok(())
}

pub(super) fn check_tensors(shape: &BatchNorm, tensors: &[(&'static str, &[f32])]) -> Result {
    tensors.iter().try_for_each(|(what, x)| check_len(what, shape.input_len(), x.len()))
}

pub(super) fn check_frozen(shape: &BatchNorm, affine: Affine<&[f32]>, running: Running<&[f32]>) -> Result {
    check_vectors(shape, &[("weight", affine.weight), ("bias", affine.bias)])?;
    check_vectors(shape, &[("running_mean", running.mean), ("running_var", running.var)])
}

pub(super) fn check_vectors(shape: &BatchNorm, vectors: &[(&'static str, &[f32])]) -> Result {
    vectors.iter().try_for_each(|(what, x)| check_len(what, shape.channels, x.len()))
}
