//! Optimizers: one pass over parameters, gradients and state, in PyTorch's order of operations, and what acts on
//! gradients before a step ([`clip_by_norm`], [`clip_by_value`]) or on weights and state after it ([`max_norm`],
//! [`ema_update`], [`flush_state`]).
//!
//! A step is a function of its arguments. The hyper-parameters are a small struct that the caller owns, so a schedule
//! is an assignment to `lr` between two steps; the step number is the caller's too. Equal lengths of all slices are all
//! that is asked: one call may cover the parameters of a whole network, or a call each its tensors, with the same bits.
//!
//! | optimizer | state per parameter | rule, without weight decay |
//! |---|---|---|
//! | [`Sgd`] | 0, with momentum 1 | `buf = momentum * buf + g`, `p -= lr * buf` |
//! | [`Adagrad`] | 1 | `sum += g^2`, `p -= lr * g / (sqrt(sum) + eps)` |
//! | [`RmsProp`] | 1 to 3 | `v = alpha * v + (1 - alpha) * g^2`, `p -= lr * g / (sqrt(v) + eps)` |
//! | [`Lion`] | 1 | `p -= lr * sign(average of m and g)`, then `m` follows `g` |
//! | [`Adam`] | 2, with `amsgrad` 3 | averages of `g` and `g^2`, `p -= lr * m / (sqrt(v) + eps)`, both corrected |
//!
//! Parameters and state have the bits of PyTorch's optimizers wherever PyTorch rounds each operation once and correctly
//! (`ATEN_CPU_CAPABILITY=default MKL_ENABLE_INSTRUCTIONS=AVX2`; its kernels for AVX2 and AVX-512 fuse multiply and add,
//! except in the last elements of a tensor, and MKL's square root for AVX-512 is not always the nearest).
//!
//! The same names mean other things elsewhere. Here, as in PyTorch, eps stands outside the root and is added after the
//! correction of the average; the learning rate stands outside the momentum buffer (in the papers of Polyak and
//! Nesterov, and in Keras, it is inside); Adagrad's sum starts from 0 (Keras: 0.1); RMSprop's average starts from 0 and
//! is not corrected.
//!
//! Hyper-parameters outside their range are refused before anything is written. A gradient that is not finite is not
//! looked for: it makes the parameters NaN, as everywhere.

mod adagrad;
mod adam;
mod clip;
mod ema;
mod flush;
mod lerp;
mod lion;
mod max_norm;
mod rmsprop;
mod sgd;

pub use adagrad::{Adagrad, adagrad_step};
pub use adam::{Adam, adam_step};
pub use clip::{clip_by_norm, clip_by_value, grad_norm};
pub use ema::ema_update;
pub use flush::flush_state;
pub use lion::{Lion, lion_step};
pub use max_norm::{Neurons, max_norm};
pub use rmsprop::{RmsProp, rmsprop_step};
pub use sgd::{Sgd, sgd_step};

pub(crate) use adam::{Uses, adam_planned};
pub(crate) use sgd::sgd_planned;

use crate::error::{Result, check_dim, check_len, check_param};
use crate::scalar::double;
use crate::simd::Simd;

/// Finite and not negative: learning rates, weight decay, momentum.
const fn check_rate(what: &'static str, rate: f32) -> Result {
    check_param(is_rate(rate), what, "finite and not negative", rate)
}

/// Not inlined: the comparisons take more code than a call.
#[inline(never)]
const fn is_rate(rate: f32) -> bool {
    rate >= 0.0 && rate.is_finite()
}

/// The weight of an old average: in `[0, 1)`.
const fn check_beta(what: &'static str, beta: f64) -> Result {
    check_param(double::is_fraction(beta), what, "at least 0 and below 1", double::narrow(beta))
}

/// Steps count from 1.
const fn check_step(step: u32) -> Result {
    check_dim(step > 0, "step", "at least 1", step as usize)
}

/// State is as long as the parameters where the hyper-parameters use it, else empty.
const fn check_state(what: &'static str, used: bool, params: usize, state: usize) -> Result {
    check_len(what, if used { params } else { 0 }, state)
}

/// `g + decay * p`; a `decay` of 0 leaves `g` as it is, even where `p` is not finite.
#[inline(always)]
fn decayed<S: Simd>(s: S, decay: f32, g: S::V, p: S::V) -> S::V {
    if decay == 0.0 { g } else { s.add(g, s.mul(s.splat(decay), p)) }
}

/// Both ways to decay: what the parameter is multiplied by before the step, and the L2 penalty's share of the gradient.
/// One of the two does nothing: a factor of 1 changes no bit of a number.
const fn decays(lr: f32, weight_decay: f32, decoupled: bool) -> (f32, f32) {
    if decoupled {
        (double::narrow(double::one_minus(double::mul(double::wide(lr), double::wide(weight_decay)))), 0.0)
    } else {
        (1.0, weight_decay)
    }
}
