//! State that has faded away.

use crate::error::Result;
use crate::machine::Context;
use crate::simd::{Simd, dispatch};
use crate::slice::{self, share};

/// 2^-100, about 7.9e-31: what is less no longer moves a parameter. With usual learning rates the products of what is
/// left do not become subnormal within 32 steps of a decay by 0.9.
const NEGLIGIBLE: f32 = 1.0 / (1u128 << 100) as f32;

/// Replaces the elements of an optimizer's state that are below 2^-100 in magnitude by 0; the others, NaN too, keep
/// their bits. Called now and then, such as after every 32nd step.
///
/// The momentum of a parameter that no longer has a gradient (the weights of a pixel that is always black, of a neuron
/// whose relu never opens) shrinks in each step until it is subnormal, and stays there: 0.9 times the smallest numbers
/// rounds to themselves. x86 processors take over 100 cycles for an operation on such numbers: with an eighth of them a
/// step of Adam takes 8 times as long, one of SGD with momentum 30 times. They mean nothing: a step that they alone
/// make is below 1e-22 times the learning rate.
///
/// It is no part of the optimizers' steps, whose bits are PyTorch's. Training in two places has the same bits if both
/// call it after the same steps. With an `eps` of 0, leave the averages of squares alone: a step divides by their root.
///
/// # Errors
///
/// None: any length is legal. The result is there because every kernel has one.
///
/// # Numerics
///
/// A comparison: exact.
///
/// ```
/// use flatgrad_core::optim::flush_state;
/// use flatgrad_core::{Context, Isa};
/// let mut momentum = [0.5, -1e-30, 1e-31, -1e-44];
/// flush_state(Context::serial(Isa::detect()), &mut momentum)?;
/// assert_eq!(momentum, [0.5, -1e-30, 0.0, 0.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn flush_state(ctx: Context, state: &mut [f32]) -> Result {
    share(ctx, [], [state], &|[], [x]| dispatch!(ctx.isa(), |s| flush(s, x)));
    Ok(())
}

#[inline(always)]
fn flush<S: Simd>(s: S, x: &mut [f32]) {
    let (low, high, zero) = (s.splat(-NEGLIGIBLE), s.splat(NEGLIGIBLE), s.splat(0.0));
    slice::update(
        s,
        [],
        [x],
        #[inline(always)]
        |[], [x]| [s.select(s.lt(low, x), s.select(s.lt(x, high), zero, x), x)],
    );
}
