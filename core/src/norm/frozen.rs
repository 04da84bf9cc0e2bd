//! A batch normalization whose statistics stand still is a factor and a shift per channel: its gradient, and folding it
//! into the layer before it.

use super::batch::{check_tensors, check_vectors};
use super::{BLOCK, BatchNorm, blocks, part, part_mut, reciprocal_deviation};
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
/// `dx = dy * scale / sqrt(running_var + eps)`.
///
/// `dy` and `dx` are `[n, channels, spatial]`, the others `[channels]`.
///
/// # Numerics
///
/// `rstd = 1 / sqrt(running_var + eps)`, `dx = dy * (scale * rstd)`, each operation rounded. Plain loops:
/// [`reference::norm::batch_norm_infer_backward`](crate::reference::norm::batch_norm_infer_backward).
///
/// # Errors
///
/// Those of [`BatchNorm::check`]; [`Error::Length`](crate::Error::Length) for a slice of the wrong length.
///
/// ```
/// use flatgrad_core::{Context, Isa, norm::{BatchNorm, batch_norm_infer_backward}};
/// let bn = BatchNorm::new(1, 2, 1).eps(0.0);
/// let mut dx = [0.0; 2];
/// let ctx = Context::serial(Isa::detect());
/// batch_norm_infer_backward(ctx, &bn, &[1.0, 3.0], &[1.0, 2.0], &[4.0, 1.0], &mut dx)?;
/// assert_eq!(dx, [0.5, 6.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn batch_norm_infer_backward(
    ctx: Context,
    shape: &BatchNorm,
    dy: &[f32],
    scale: &[f32],
    running_var: &[f32],
    dx: &mut [f32],
) -> Result {
    shape.check()?;
    check_tensors(shape, &[("dy", dy), ("dx", dx)])?;
    check_vectors(shape, &[("scale", scale), ("running_var", running_var)])?;
    if dy.is_empty() {
        return Ok(());
    }
    slice::share_channels(ctx, dy.len(), [ChannelsMut::new(dx, shape.dims())], &|[dx]| {
        dispatch!(ctx.isa(), |s| scale_channels(s, shape, dy, [scale, running_var], dx))
    });
    Ok(())
}

#[inline(always)]
fn scale_channels<S: Simd>(s: S, shape: &BatchNorm, dy: &[f32], [scale, var]: [&[f32]; 2], mut dx: ChannelsMut) {
    let (first, count) = (dx.first(), dx.count());
    blocks(
        count,
        BLOCK,
        #[inline(always)]
        |start, width| {
            let at = first + start;
            let factor = factors(s, shape.eps, part(scale, at, width), part(var, at, width));
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

/// `scale * rstd` of at most `BLOCK` channels.
#[inline(always)]
fn factors<S: Simd>(s: S, eps: f32, scale: &[f32], var: &[f32]) -> [f32; BLOCK] {
    let mut factor = [0.0; BLOCK];
    reciprocal_deviation(s, eps, var, &mut factor);
    slice::update(
        s,
        [scale],
        [&mut factor],
        #[inline(always)]
        |[scale], [rstd]| [s.mul(scale, rstd)],
    );
    factor
}

/// Folds [`batch_norm_infer`](super::batch_norm_infer) into the convolution or dense layer before it, whose outputs are
/// then the normalized ones: `weight *= scale * rstd`, `bias = (bias - running_mean) * scale * rstd + shift`.
///
/// `weight` is laid out as `into` says, `bias` and the other slices are `[channels]`; of the shape only `channels` and
/// `eps` matter, but all of it is checked. A layer without a bias gets one: pass zeros. The folded layer computes the
/// same up to rounding, without the pass over its output.
///
/// # Numerics
///
/// `rstd = 1 / sqrt(running_var + eps)`, `factor = scale * rstd`, `weight * factor`,
/// `(bias - running_mean) * factor + shift`, each operation rounded. Plain loops:
/// [`reference::norm::fold_batch_norm`](crate::reference::norm::fold_batch_norm).
///
/// # Errors
///
/// Those of [`BatchNorm::check`]; [`Error::Length`](crate::Error::Length) for a slice of the wrong length;
/// [`Error::Overflow`](crate::Error::Overflow) if the weight's length overflows.
///
/// ```
/// use flatgrad_core::{Context, Isa, norm::{BatchNorm, FoldInto, fold_batch_norm}};
/// let bn = BatchNorm::new(1, 2, 1).eps(0.0);
/// let (mut weight, mut bias) = ([1.0, 2.0, 3.0, 4.0], [0.0, 7.0]); // [2, 2]: one column per output
/// let ctx = Context::serial(Isa::detect());
/// let (scale, shift, mean, var) = ([1.0, 2.0], [0.0, 0.5], [3.0, 1.0], [4.0, 1.0]);
/// fold_batch_norm(ctx, &bn, FoldInto::Dense { inputs: 2 }, &scale, &shift, &mean, &var, &mut weight, &mut bias)?;
/// assert_eq!((weight, bias), ([0.5, 4.0, 1.5, 8.0], [-1.5, 12.5]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn fold_batch_norm(
    ctx: Context,
    shape: &BatchNorm,
    into: FoldInto,
    scale: &[f32],
    shift: &[f32],
    running_mean: &[f32],
    running_var: &[f32],
    weight: &mut [f32],
    bias: &mut [f32],
) -> Result {
    shape.check()?;
    check_vectors(shape, &[("scale", scale), ("shift", shift), ("running_mean", running_mean)])?;
    check_vectors(shape, &[("running_var", running_var), ("bias", bias)])?;
    let dims = into.dims(shape.channels);
    check_len("weight", checked_len("weight", &dims)?, weight.len())?;
    let len = weight.len();
    let outputs = [ChannelsMut::new(weight, dims), ChannelsMut::vector(bias)];
    slice::share_channels(ctx, len, outputs, &|outputs| {
        dispatch!(ctx.isa(), |s| fold(s, shape.eps, dims, [scale, shift, running_mean, running_var], outputs))
    });
    Ok(())
}

#[inline(always)]
fn fold<S: Simd>(
    s: S,
    eps: f32,
    [n, _, spatial]: [usize; 3],
    parameters: [&[f32]; 4],
    [mut weight, mut bias]: [ChannelsMut; 2],
) {
    let (first, count) = (weight.first(), weight.count());
    blocks(
        count,
        BLOCK,
        #[inline(always)]
        |start, width| {
            let [scale, shift, mean, var] = parameters.map(
                #[inline(always)]
                |p| part(p, first + start, width),
            );
            let factor = factors(s, eps, scale, var);
            let factor = part(&factor, 0, width);
            slice::update(
                s,
                [factor, mean, shift],
                [part_mut(bias.sample(0), start, width)],
                #[inline(always)]
                |[factor, mean, shift], [bias]| [s.add(s.mul(s.sub(bias, mean), factor), shift)],
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
