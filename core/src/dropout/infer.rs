//! Dropout at inference: nothing is dropped, and what the form asks for is scaled.

use super::Dropout;
use crate::error::{Result, check_len};
use crate::machine::Context;
use crate::simd::{Simd, dispatch};
use crate::slice::{map, share, update};

/// `y = x`, or `keep * x` in the form that scales activations. Any equal lengths.
///
/// # Errors
///
/// [`Length`](crate::Error::Length) unless `x` and `y` are equally long.
///
/// # Numerics
///
/// One multiplication by [`Dropout::infer_scale`], which is exact where that is 1.
///
/// ```
/// use flatgrad_core::dropout::{Dropout, Form, dropout_infer};
/// use flatgrad_core::{Context, Isa};
/// let (ctx, mut y) = (Context::serial(Isa::detect()), [0.0; 2]);
/// let quarter = Dropout::drop(0.25)?.form(Form::ScaleActivations);
/// dropout_infer(ctx, quarter, &[4.0, -8.0], &mut y)?;
/// assert_eq!(y, [3.0, -6.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn dropout_infer(ctx: Context, dropout: Dropout, x: &[f32], y: &mut [f32]) -> Result {
    check_len("y", x.len(), y.len())?;
    let scale = dropout.infer_scale();
    share(ctx, [x], [y], &|[x], [y]| {
        dispatch!(ctx.isa(), |s| map(
            s,
            [x],
            y,
            #[inline(always)]
            |[x]| s.mul(s.splat(scale), x)
        ))
    });
    Ok(())
}

/// [`dropout_infer`] in place.
///
/// # Errors
///
/// None: any length is legal. The result is there because every kernel has one.
///
/// # Numerics
///
/// As [`dropout_infer`].
///
/// ```
/// use flatgrad_core::dropout::{Dropout, Form, dropout_infer_in_place};
/// use flatgrad_core::{Context, Isa};
/// let mut x = [4.0, -8.0];
/// let quarter = Dropout::drop(0.25)?.form(Form::ScaleActivations);
/// dropout_infer_in_place(Context::serial(Isa::detect()), quarter, &mut x)?;
/// assert_eq!(x, [3.0, -6.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn dropout_infer_in_place(ctx: Context, dropout: Dropout, x: &mut [f32]) -> Result {
    scale_by(ctx, dropout.infer_scale(), x);
    Ok(())
}

/// Turns the trained weights of the layer that follows dropout into those for inference: `keep * weight` in the form
/// that scales weights, unchanged in the others. Biases stay as they are.
///
/// Call it once, on a copy if training goes on.
///
/// # Errors
///
/// None: any length is legal. The result is there because every kernel has one.
///
/// # Numerics
///
/// One multiplication by [`Dropout::weight_scale`], or nothing where that is 1.
///
/// ```
/// use flatgrad_core::dropout::{Dropout, Form, scale_weights};
/// use flatgrad_core::{Context, Isa};
/// let (ctx, mut w) = (Context::serial(Isa::detect()), [4.0, -8.0]);
/// scale_weights(ctx, Dropout::drop(0.25)?, &mut w)?; // inverted: nothing to do
/// scale_weights(ctx, Dropout::drop(0.25)?.form(Form::ScaleWeights), &mut w)?;
/// assert_eq!(w, [3.0, -6.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn scale_weights(ctx: Context, dropout: Dropout, weight: &mut [f32]) -> Result {
    scale_by(ctx, dropout.weight_scale(), weight);
    Ok(())
}

fn scale_by(ctx: Context, scale: f32, x: &mut [f32]) {
    if scale == 1.0 {
        return;
    }
    share(ctx, [], [x], &|[], [x]| {
        dispatch!(ctx.isa(), |s| update(
            s,
            [],
            [x],
            #[inline(always)]
            |[], [x]| [s.mul(s.splat(scale), x)]
        ))
    });
}
