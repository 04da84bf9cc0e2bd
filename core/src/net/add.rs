//! Sums of tensors: the end of a residual block, and gradients that come together.

use crate::error::{Result, check_len};
use crate::machine::Context;
use crate::simd::{Simd, dispatch};
use crate::slice;

/// `y = a + b`
pub(super) fn add(ctx: Context, a: &[f32], b: &[f32], y: &mut [f32]) -> Result {
    check_len("shortcut", a.len(), b.len())?;
    check_len("y", a.len(), y.len())?;
    slice::share(ctx, [a, b], [y], &|[a, b], [y]| {
        dispatch!(ctx.isa(), |s| slice::map(
            s,
            [a, b],
            y,
            #[inline(always)]
            |[a, b]| s.add(a, b)
        ))
    });
    Ok(())
}

/// `y = y + x`
pub(super) fn add_to(ctx: Context, x: &[f32], y: &mut [f32]) -> Result {
    check_len("y", x.len(), y.len())?;
    slice::share(ctx, [x], [y], &|[x], [y]| {
        dispatch!(ctx.isa(), |s| slice::update(
            s,
            [x],
            [y],
            #[inline(always)]
            |[x], [y]| [s.add(y, x)]
        ))
    });
    Ok(())
}

/// `y = x`
pub(super) fn copy(x: &[f32], y: &mut [f32]) -> Result {
    check_len("y", x.len(), y.len())?;
    y.iter_mut().zip(x).for_each(|(y, x)| *y = *x);
    Ok(())
}
