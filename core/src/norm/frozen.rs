//! A batch normalization whose statistics stand still is a factor and a shift per channel: its gradient, and folding it
//! into the layer before it.

use super::batch::{check_frozen, check_tensors, check_vectors};
use super::{Affine, BLOCK, BatchNorm, Running, blocks, part, part_mut, reciprocal_deviation};
use crate::error::{Result, check_len, checked_len};
use crate::machine::Context;
use crate::simd::{Simd, dispatch};
use crate::slice::{self, ChannelsMut, chunks, chunks_mut};

/// The layer whose outputs a batch normalization follows: where in its weight an output stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoldInto {
    /// A convolution's weight `[channels, inputs]`: a row for each output channel.
    Conv2d {
        /// Weights of one output: `in_channels / groups * kh * kw`.
        inputs: usize,
    },
    /// A dense layer's weight `[inputs, channels]`: a column for each output.
    Dense {
        /// Weights of one output.
        inputs: usize,
    },
}

impl FoldInto {
    /// The weight as `[n, channels, spatial]`.
    const fn dims(self, channels: usize) -> [usize; 3] {
        match self {
            Self::Conv2d { inputs } => [1, channels, inputs],
            Self::Dense { inputs } => [inputs, channels, 1],
        }
    }
}

/// The input gradient of [`batch_norm_infer`](super::batch_norm_infer), for layers whose statistics are frozen:
/// `dx = dy * weight / sqrt(running_var + eps)`.
///
/// `dy` and `dx` are `[n, channels, spatial]`, the others `[channels]`; `bias` and `running.mean` do not matter.
///
/// # Numerics
///
/// `rstd = 1 / sqrt(running_var + eps)`, `dx = dy * (weight * rstd)`, each operation rounded. Plain loops:
/// [`reference::norm::batch_norm_infer_backward`](crate::reference::norm::batch_norm_infer_backward).
///
/// # Errors
///
/// Those of [`BatchNorm::check`]; [`Error::Length`](crate::Error::Length) for a slice of the wrong length.
///
/// ```
/// use flatgrad_core::{Context, Isa, norm::{BatchNorm, Running, batch_norm_infer_backward}};
/// let (ctx, bn, mut dx) = (Context::serial(Isa::detect()), BatchNorm::new(1, 2, 1).eps(0.0), [0.0; 2]);
/// let running = Running { mean: &[3.0, 1.0][..], var: &[4.0, 1.0] };
/// batch_norm_infer_backward(ctx, &bn, &[1.0, 3.0], &[1.0, 2.0], running, &mut dx)?;
/// assert_eq!(dx, [0.5, 6.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn batch_norm_infer_backward(
    ctx: Context,
    shape: &BatchNorm,
    dy: &[f32],
    weight: &[f32],
    running: Running<&[f32]>,
    dx: &mut [f32],
) -> Result {
    shape.check()?;
    check_tensors(shape, &[("dy", dy), ("dx", dx)])?;
    check_vectors(shape, &[("weight", weight), ("running_mean", running.mean), ("running_var", running.var)])?;
    if dy.is_empty() {
        return Ok(());
    }
    slice::share_channels(ctx, dy.len(), [ChannelsMut::new(dx, shape.dims())], &|[dx]| {
        dispatch!(ctx.isa(), |s| scale_channels(s, shape, dy, [weight, running.var], dx))
    });
    Ok(())
}

#[inline(always)]
fn scale_channels<S: Simd>(s: S, shape: &BatchNorm, dy: &[f32], [weight, var]: [&[f32]; 2], mut dx: ChannelsMut) {
    let (first, count) = (dx.first(), dx.count());
    blocks(
        count,
        BLOCK,
        #[inline(always)]
        |start, width| {
            let at = first + start;
            let factor = factors(s, shape.eps, part(weight, at, width), part(var, at, width));
            let factor = part(&factor, 0, width);
            for i in 0..shape.n {
                let dy = part(dy, (i * shape.channels + at) * shape.spatial, width * shape.spatial);
                let dx = part_mut(dx.sample(i), start * shape.spatial, width * shape.spatial);
                if shape.spatial == 1 {
                    slice::map(
                        s,
                        [dy, factor],
                        dx,
                        #[inline(always)]
                        |[dy, factor]| s.mul(dy, factor),
                    );
                    continue;
                }
                let planes = chunks(dy, shape.spatial).zip(chunks_mut(dx, shape.spatial));
                for (factor, (dy, dx)) in factor.iter().zip(planes) {
                    let factor = s.splat(*factor);
                    slice::map(
                        s,
                        [dy],
                        dx,
                        #[inline(always)]
                        |[dy]| s.mul(dy, factor),
                    );
                }
            }
        },
    );
}

/// `weight * rstd` of at most `BLOCK` channels.
#[inline(always)]
fn factors<S: Simd>(s: S, eps: f32, weight: &[f32], var: &[f32]) -> [f32; BLOCK] {
    let mut factor = [0.0; BLOCK];
    reciprocal_deviation(s, eps, var, &mut factor);
    slice::update(
        s,
        [weight],
        [&mut factor],
        #[inline(always)]
        |[weight], [rstd]| [s.mul(weight, rstd)],
    );
    factor
}

/// Folds [`batch_norm_infer`](super::batch_norm_infer) into the convolution or dense layer before it, whose outputs are
/// then the normalized ones: `layer.weight *= weight * rstd` and
/// `layer.bias = (layer.bias - running_mean) * weight * rstd + bias`.
///
/// `layer.weight` is laid out as `into` says, `layer.bias` and the other slices are `[channels]`; of the shape only
/// `channels` and `eps` matter, but all of it is checked. A layer without a bias gets one: pass zeros. The folded layer
/// computes the same up to rounding, without the pass over its output.
///
/// # Numerics
///
/// `rstd = 1 / sqrt(running_var + eps)`, `factor = weight * rstd`, `layer.weight * factor`,
/// `(layer.bias - running_mean) * factor + bias`, each operation rounded. Plain loops:
/// [`reference::norm::fold_batch_norm`](crate::reference::norm::fold_batch_norm).
///
/// # Errors
///
/// Those of [`BatchNorm::check`]; [`Error::Length`](crate::Error::Length) for a slice of the wrong length;
/// [`Error::Overflow`](crate::Error::Overflow) if the weight's length overflows.
///
/// ```
/// use flatgrad_core::{Context, Isa, norm::{Affine, BatchNorm, FoldInto, Running, fold_batch_norm}};
/// let (ctx, bn) = (Context::serial(Isa::detect()), BatchNorm::new(1, 2, 1).eps(0.0));
/// let (mut weight, mut bias) = ([1.0, 2.0, 3.0, 4.0], [0.0, 7.0]); // [2, 2]: one column per output
/// let affine = Affine { weight: &[1.0, 2.0][..], bias: &[0.0, 0.5] };
/// let running = Running { mean: &[3.0, 1.0][..], var: &[4.0, 1.0] };
/// let layer = Affine { weight: &mut weight[..], bias: &mut bias[..] };
/// fold_batch_norm(ctx, &bn, affine, running, FoldInto::Dense { inputs: 2 }, layer)?;
/// assert_eq!((weight, bias), ([0.5, 4.0, 1.5, 8.0], [-1.5, 12.5]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn fold_batch_norm(
    ctx: Context,
    shape: &BatchNorm,
    affine: Affine<&[f32]>,
    running: Running<&[f32]>,
    into: FoldInto,
    layer: Affine<&mut [f32]>,
) -> Result {
    shape.check()?;
    check_frozen(shape, affine, running)?;
    check_vectors(shape, &[("layer.bias", layer.bias)])?;
    let (dims, len) = (into.dims(shape.channels), layer.weight.len());
    check_len("layer.weight", checked_len("layer.weight", &dims)?, len)?;
    let outputs = [ChannelsMut::new(layer.weight, dims), ChannelsMut::vector(layer.bias)];
    slice::share_channels(ctx, len, outputs, &|outputs| {
        dispatch!(ctx.isa(), |s| fold(s, shape.eps, dims, affine, running, outputs))
    });
    Ok(())
}

#[inline(always)]
fn fold<S: Simd>(
    s: S,
    eps: f32,
    [n, _, spatial]: [usize; 3],
    affine: Affine<&[f32]>,
    running: Running<&[f32]>,
    [mut weight, mut bias]: [ChannelsMut; 2],
) {
    let (first, count) = (weight.first(), weight.count());
    blocks(
        count,
        BLOCK,
        #[inline(always)]
        |start, width| {
            let (at, affine) = (first + start, affine.part(first + start, width));
            let factor = factors(s, eps, affine.weight, part(running.var, at, width));
            let factor = part(&factor, 0, width);
            slice::update(
                s,
                [factor, part(running.mean, at, width), affine.bias],
                [part_mut(bias.sample(0), start, width)],
                #[inline(always)]
                |[factor, mean, add], [bias]| [s.add(s.mul(s.sub(bias, mean), factor), add)],
            );
            for i in 0..n {
                let weight = part_mut(weight.sample(i), start * spatial, width * spatial);
                if spatial == 1 {
                    slice::update(
                        s,
                        [factor],
                        [weight],
                        #[inline(always)]
                        |[factor], [w]| [s.mul(w, factor)],
                    );
                    continue;
                }
                for (factor, row) in factor.iter().zip(chunks_mut(weight, spatial)) {
                    let factor = s.splat(*factor);
                    slice::update(
                        s,
                        [],
                        [row],
                        #[inline(always)]
                        |[], [w]| [s.mul(w, factor)],
                    );
                }
            }
        },
    );
}
