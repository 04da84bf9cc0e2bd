//! A function on slices, forward and backward.

use super::formula::Formula;
use super::function::{Activation, with_formula};
use crate::error::{Result, check_len};
use crate::machine::Context;
use crate::simd::dispatch;
use crate::slice;

/// `y = f(x)` for each element.
///
/// # Numerics
///
/// The formula of each [`Activation`], one IEEE operation after another, on
/// [`reference::math`](crate::reference::math)'s exponentials.
///
/// # Errors
///
/// Those of [`Activation::check`]; [`Error::Length`](crate::Error::Length) if `y` is not as long as `x`.
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::{Activation, activate}};
/// let mut y = [0.0; 2];
/// activate(Context::serial(Isa::detect()), Activation::Relu, &[-1.0, 0.5], &mut y)?;
/// assert_eq!(y, [0.0, 0.5]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn activate(ctx: Context, function: Activation, x: &[f32], y: &mut [f32]) -> Result {
    function.check()?;
    check_len("y", x.len(), y.len())?;
    apply(ctx, function, x, y);
    Ok(())
}

/// [`activate`], inlined: with a constant function, all others are left out.
#[inline(always)]
pub(crate) fn apply(ctx: Context, function: Activation, x: &[f32], y: &mut [f32]) {
    with_formula!(function, |f| slice::share(ctx, [x], [y], &|[x], [y]| {
        dispatch!(ctx.isa(), |s| slice::map(
            s,
            [x],
            y,
            #[inline(always)]
            |[x]| f.forward(s, x)
        ))
    }))
}

/// [`activate`] in place.
///
/// # Numerics
///
/// As [`activate`].
///
/// # Errors
///
/// Those of [`Activation::check`].
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::{Activation, activate_in_place}};
/// let mut x = [-1.0, 0.5];
/// activate_in_place(Context::serial(Isa::detect()), Activation::Relu, &mut x)?;
/// assert_eq!(x, [0.0, 0.5]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn activate_in_place(ctx: Context, function: Activation, x: &mut [f32]) -> Result {
    function.check()?;
    apply_in_place(ctx, function, x);
    Ok(())
}

/// [`activate_in_place`], inlined: with a constant function, all others are left out.
#[inline(always)]
pub(crate) fn apply_in_place(ctx: Context, function: Activation, x: &mut [f32]) {
    with_formula!(function, |f| slice::share(ctx, [], [x], &|[], [x]| {
        dispatch!(ctx.isa(), |s| slice::update(
            s,
            [],
            [x],
            #[inline(always)]
            |[], [x]| [f.forward(s, x)]
        ))
    }))
}

/// `dx = dy f'(x)` for each element; `saved` is the input or the output of [`activate`], as [`Activation::saved`] says.
///
/// # Numerics
///
/// The formula of each [`Activation`], one IEEE operation after another, on
/// [`reference::math`](crate::reference::math)'s exponentials.
///
/// # Errors
///
/// Those of [`Activation::check`]; [`Error::Length`](crate::Error::Length) if `dy` or `dx` is not as long as `saved`.
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::{Activation, activate_backward}};
/// let mut dx = [0.0; 2];
/// activate_backward(Context::serial(Isa::detect()), Activation::Relu, &[0.0, 0.5], &[3.0, 4.0], &mut dx)?;
/// assert_eq!(dx, [0.0, 4.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn activate_backward(ctx: Context, function: Activation, saved: &[f32], dy: &[f32], dx: &mut [f32]) -> Result {
    function.check()?;
    check_len("dy", saved.len(), dy.len())?;
    check_len("dx", saved.len(), dx.len())?;
    apply_backward(ctx, function, saved, dy, dx);
    Ok(())
}

/// [`activate_backward`], inlined: with a constant function, all others are left out.
#[inline(always)]
pub(crate) fn apply_backward(ctx: Context, function: Activation, saved: &[f32], dy: &[f32], dx: &mut [f32]) {
    with_formula!(function, |f| slice::share(ctx, [saved, dy], [dx], &|[saved, dy], [dx]| {
        dispatch!(ctx.isa(), |s| slice::map(
            s,
            [saved, dy],
            dx,
            #[inline(always)]
            |[saved, dy]| f.backward(s, saved, dy)
        ))
    }))
}

/// [`activate_backward`] in place: `dy` becomes `dx`.
///
/// # Numerics
///
/// As [`activate_backward`].
///
/// # Errors
///
/// Those of [`Activation::check`]; [`Error::Length`](crate::Error::Length) if `dy` is not as long as `saved`.
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::{Activation, activate_backward_in_place}};
/// let mut dy = [3.0, 4.0];
/// activate_backward_in_place(Context::serial(Isa::detect()), Activation::Relu, &[0.0, 0.5], &mut dy)?;
/// assert_eq!(dy, [0.0, 4.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn activate_backward_in_place(ctx: Context, function: Activation, saved: &[f32], dy: &mut [f32]) -> Result {
    function.check()?;
    check_len("dy", saved.len(), dy.len())?;
    apply_backward_in_place(ctx, function, saved, dy);
    Ok(())
}

/// [`activate_backward_in_place`], inlined: with a constant function, all others are left out.
#[inline(always)]
pub(crate) fn apply_backward_in_place(ctx: Context, function: Activation, saved: &[f32], dy: &mut [f32]) {
    with_formula!(function, |f| slice::share(ctx, [saved], [dy], &|[saved], [dy]| {
        dispatch!(ctx.isa(), |s| slice::update(
            s,
            [saved],
            [dy],
            #[inline(always)]
            |[saved], [dy]| [f.backward(s, saved, dy)]
        ))
    }))
}
