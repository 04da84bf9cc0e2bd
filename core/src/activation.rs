//! Activation functions: relu, softmax, log-softmax.

use crate::context::Context;
use crate::error::{Result, check_len, checked_len};
use crate::simd::{Simd, dispatch, math};
use crate::slice;

/// What is applied to a result on its way to memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// `y = x`
    #[default]
    None,
    /// `y = max(0, x)`: `if 0 > x { 0 } else { x }`, so a NaN and a negative zero stay what they are.
    Relu,
}

/// A function applied to each element.
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::{Function, activate}};
/// let mut y = [0.0; 3];
/// activate(Context::serial(Isa::detect()), Function::Relu, &[-1.0, 0.5, 2.0], &mut y)?;
/// assert_eq!(y, [0.0, 0.5, 2.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Function {
    /// `y = if 0 > x { 0 } else { x }`: a NaN and a negative zero stay what they are. `dx = if 0 < y { dy } else { 0 }`
    /// (a NaN in `y` gives 0; PyTorch lets the gradient through there).
    Relu,
}

/// What a function's backward pass needs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The input `x`.
    Input,
    /// The output `y`: the function may work in place.
    Output,
}

impl Function {
    /// What [`activate_backward`] needs as `saved`.
    pub const fn saved(&self) -> Saved {
        match self {
            Self::Relu => Saved::Output,
        }
    }

    /// The name in tables and messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Relu => "relu",
        }
    }

    /// Whether the parameters make sense.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`](crate::Error::Parameter) with the name of the one that does not.
    pub const fn check(&self) -> Result {
        match self {
            Self::Relu => Ok(()),
        }
    }

    /// `f(x)`
    #[inline(always)]
    fn forward<S: Simd>(self, s: S, x: S::V) -> S::V {
        match self {
            Self::Relu => s.max(s.splat(0.0), x),
        }
    }

    /// `dy f'`, from the input or output.
    #[inline(always)]
    fn backward<S: Simd>(self, s: S, saved: S::V, dy: S::V) -> S::V {
        match self {
            Self::Relu => s.select(s.lt(s.splat(0.0), saved), dy, s.splat(0.0)),
        }
    }
}

/// `y = f(x)` for each element.
///
/// # Numerics
///
/// The formula of each [`Function`], one IEEE operation after another.
///
/// # Errors
///
/// Those of [`Function::check`]; [`Error::Length`](crate::Error::Length) if `y` is not as long as `x`.
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::{Function, activate}};
/// let mut y = [0.0; 2];
/// activate(Context::serial(Isa::detect()), Function::Relu, &[-1.0, 0.5], &mut y)?;
/// assert_eq!(y, [0.0, 0.5]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn activate(ctx: Context, function: Function, x: &[f32], y: &mut [f32]) -> Result {
    function.check()?;
    check_len("y", x.len(), y.len())?;
    slice::share(ctx, [x], [y], &|[x], [y]| {
        dispatch!(ctx.isa(), |s| slice::map(
            s,
            [x],
            y,
            #[inline(always)]
            |[x]| function.forward(s, x)
        ))
    });
    Ok(())
}

/// [`activate`] in place.
///
/// # Numerics
///
/// As [`activate`].
///
/// # Errors
///
/// Those of [`Function::check`].
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::{Function, activate_in_place}};
/// let mut x = [-1.0, 0.5];
/// activate_in_place(Context::serial(Isa::detect()), Function::Relu, &mut x)?;
/// assert_eq!(x, [0.0, 0.5]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn activate_in_place(ctx: Context, function: Function, x: &mut [f32]) -> Result {
    function.check()?;
    slice::share(ctx, [], [x], &|[], [x]| {
        dispatch!(ctx.isa(), |s| slice::update(
            s,
            [],
            [x],
            #[inline(always)]
            |[], [x]| [function.forward(s, x)]
        ))
    });
    Ok(())
}

/// `dx = dy f'(x)` for each element; `saved` is the input or the output of [`activate`], as [`Function::saved`] says.
///
/// # Numerics
///
/// The formula of each [`Function`], one IEEE operation after another.
///
/// # Errors
///
/// Those of [`Function::check`]; [`Error::Length`](crate::Error::Length) if `dy` or `dx` is not as long as `saved`.
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::{Function, activate_backward}};
/// let mut dx = [0.0; 2];
/// activate_backward(Context::serial(Isa::detect()), Function::Relu, &[0.0, 0.5], &[3.0, 4.0], &mut dx)?;
/// assert_eq!(dx, [0.0, 4.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn activate_backward(ctx: Context, function: Function, saved: &[f32], dy: &[f32], dx: &mut [f32]) -> Result {
    function.check()?;
    check_len("dy", saved.len(), dy.len())?;
    check_len("dx", saved.len(), dx.len())?;
    slice::share(ctx, [saved, dy], [dx], &|[saved, dy], [dx]| {
        dispatch!(ctx.isa(), |s| slice::map(
            s,
            [saved, dy],
            dx,
            #[inline(always)]
            |[saved, dy]| function.backward(s, saved, dy)
        ))
    });
    Ok(())
}

/// [`activate_backward`] in place: `dy` becomes `dx`.
///
/// # Numerics
///
/// As [`activate_backward`].
///
/// # Errors
///
/// Those of [`Function::check`]; [`Error::Length`](crate::Error::Length) if `dy` is not as long as `saved`.
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::{Function, activate_backward_in_place}};
/// let mut dy = [3.0, 4.0];
/// activate_backward_in_place(Context::serial(Isa::detect()), Function::Relu, &[0.0, 0.5], &mut dy)?;
/// assert_eq!(dy, [0.0, 4.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn activate_backward_in_place(ctx: Context, function: Function, saved: &[f32], dy: &mut [f32]) -> Result {
    function.check()?;
    check_len("dy", saved.len(), dy.len())?;
    slice::share(ctx, [saved], [dy], &|[saved], [dy]| {
        dispatch!(ctx.isa(), |s| slice::update(
            s,
            [saved],
            [dy],
            #[inline(always)]
            |[saved], [dy]| [function.backward(s, saved, dy)]
        ))
    });
    Ok(())
}

/// `y[i, j] = exp(x[i, j] - max_i) / sum_j exp(x[i, j] - max_i)` for each row of `[n, classes]` (PyTorch's `softmax`
/// over the last dimension).
///
/// # Numerics
///
/// Per row: the maximum; `e = exp(x - max)` ([`reference::math::exp`](crate::reference::math::exp), at most 2 ULP);
/// their sum in 16 virtual lanes ([`reference::math::sum`](crate::reference::math::sum)); `e / sum`, IEEE division.
/// A row with a NaN or positive infinity, or of negative infinities only, becomes NaN.
///
/// # Errors
///
/// [`Error::Length`](crate::Error::Length) unless `x` and `y` hold `n * classes` elements;
/// [`Error::Overflow`](crate::Error::Overflow) if that product overflows.
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::softmax};
/// let mut y = [0.0; 4];
/// softmax(Context::serial(Isa::detect()), [2, 2], &[5.0, 5.0, 1000.0, 0.0], &mut y)?;
/// assert_eq!(y, [0.5, 0.5, 1.0, 0.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn softmax(ctx: Context, [n, classes]: [usize; 2], x: &[f32], y: &mut [f32]) -> Result {
    rows(ctx, [n, classes], x, y, &|x, y| {
        dispatch!(ctx.isa(), |s| {
            let (_, sum) = exp_row(s, x, y);
            divide_row(s, y, sum);
        })
    })
}

/// `y[i, j] = x[i, j] - max_i - ln(sum_j exp(x[i, j] - max_i))` for each row of `[n, classes]` (PyTorch's `log_softmax`
/// over the last dimension).
///
/// # Numerics
///
/// Maximum and sum as in [`softmax`]; the logarithm is `libm::logf`; then `(x - max) - ln(sum)`.
///
/// # Errors
///
/// As [`softmax`].
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::log_softmax};
/// let mut y = [0.0; 2];
/// log_softmax(Context::serial(Isa::detect()), [1, 2], &[7.0, 7.0], &mut y)?;
/// assert!((y[0] + 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn log_softmax(ctx: Context, [n, classes]: [usize; 2], x: &[f32], y: &mut [f32]) -> Result {
    rows(ctx, [n, classes], x, y, &|x, y| {
        dispatch!(ctx.isa(), |s| {
            let (max, sum) = sum_exp(s, x);
            let (max, log) = (s.splat(max), s.splat(libm::logf(sum)));
            slice::map(
                s,
                [x],
                y,
                #[inline(always)]
                |[x]| s.sub(s.sub(x, max), log),
            );
        })
    })
}

/// Checks the lengths and runs `f` on each row.
fn rows(
    ctx: Context,
    [n, classes]: [usize; 2],
    x: &[f32],
    y: &mut [f32],
    f: &(dyn Fn(&[f32], &mut [f32]) + Sync),
) -> Result {
    let len = checked_len("x", &[n, classes])?;
    check_len("x", len, x.len())?;
    check_len("y", len, y.len())?;
    slice::share_chunks(slice::worth(ctx, len), y, classes, &mut [], 0, &|first, y, _| {
        let x = x.get(first * classes..).unwrap_or(&[]);
        let width = classes.max(1);
        x.chunks_exact(width).zip(y.chunks_exact_mut(width)).for_each(|(x, y)| f(x, y));
    });
    Ok(())
}

/// `e = exp(x - max)` of one row; gives the maximum and the sum of `e`.
#[inline(always)]
pub(crate) fn exp_row<S: Simd>(s: S, x: &[f32], e: &mut [f32]) -> (f32, f32) {
    let max = slice::maximum(s, x);
    let m = s.splat(max);
    slice::map(
        s,
        [x],
        e,
        #[inline(always)]
        |[x]| math::exp(s, s.sub(x, m)),
    );
    let [sum] = slice::sum(
        s,
        [&*e],
        #[inline(always)]
        |[e]| [e],
    );
    (max, sum)
}

/// [`exp_row`] without storing the exponentials.
#[inline(always)]
pub(crate) fn sum_exp<S: Simd>(s: S, x: &[f32]) -> (f32, f32) {
    let max = slice::maximum(s, x);
    let m = s.splat(max);
    let [sum] = slice::sum(
        s,
        [x],
        #[inline(always)]
        |[x]| [math::exp(s, s.sub(x, m))],
    );
    (max, sum)
}

#[inline(always)]
fn divide_row<S: Simd>(s: S, y: &mut [f32], sum: f32) {
    let sum = s.splat(sum);
    slice::update(
        s,
        [],
        [y],
        #[inline(always)]
        |[], [e]| [s.div(e, sum)],
    );
}
