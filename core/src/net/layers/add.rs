//! The end of a residual block, and gradients that come together.

use super::{About, Forward, Gradient, Pass};
use crate::error::{Result, check_len};
use crate::machine::Context;
use crate::net::linked::Parts;
use crate::simd::{Simd, dispatch};
use crate::slice;

impl Parts {
    /// Additions at the ends of residual blocks.
    pub const ADD: Self = Self::layer(16);
}

pub(super) const ABOUT: About = About { in_place: true, ..About::new("add") };

pub(super) fn forward(pass: &Pass, t: Forward) -> Result {
    if pass.slot.in_place { add_to(pass.ctx, t.other, t.y) } else { add(pass.ctx, t.x, t.other, t.y) }
}

/// The gradient of one of the two inputs: `dy` itself.
pub(in crate::net) fn input_gradient(ctx: Context, gradient: Gradient, dy: &[f32], dx: &mut [f32]) -> Result {
    match gradient {
        Gradient::None => Ok(()),
        Gradient::Write => copy(dy, dx),
        Gradient::Add => add_to(ctx, dy, dx),
    }
}

/// `y = a + b`
fn add(ctx: Context, a: &[f32], b: &[f32], y: &mut [f32]) -> Result {
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
pub(in crate::net) fn add_to(ctx: Context, x: &[f32], y: &mut [f32]) -> Result {
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
fn copy(x: &[f32], y: &mut [f32]) -> Result {
    check_len("y", x.len(), y.len())?;
    y.iter_mut().zip(x).for_each(|(y, x)| *y = *x);
    Ok(())
}
