//! Optimizer steps.

use crate::buffer::{buffers, read};
use crate::context::context;
use crate::fault::report;
use crate::optim::fg_optimizer;
use crate::status::{fg_error, fg_status};
use flatgrad_core::net::Optimizer;
use flatgrad_core::optim::{adagrad_step, adam_step, clip_by_norm, rmsprop_step, sgd_step};

/// Floats of state for each parameter: 0 for gradient descent, 1 with momentum, 2 for Adam, ...; 0 if it is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_optimizer_slots(optimizer: *const fg_optimizer) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { read("optimizer", optimizer) }.and_then(fg_optimizer::core).map_or(0, |optimizer| optimizer.slots())
}

/// Fills the state as it must be before step 1: zeros, or Adagrad's initial accumulator. Returns FG_OK, or why
/// nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_optimizer_start(
    optimizer: *const fg_optimizer,
    state: *mut f32,
    state_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let optimizer = read("optimizer", optimizer)?.core()?;
            let ([], [state]) = buffers([], [("state", state, state_len)])?;
            optimizer.check()?;
            state.fill(if let Optimizer::Adagrad(adagrad) = optimizer { adagrad.initial_accumulator } else { 0.0 });
            Ok(())
        })
    }
}

/// params = params - the step that the optimizer makes of grads; step is counted from 1 (gradient descent, step 1 of
/// 1: params - lr grads).
///
/// grads and params have the same length, state fg_optimizer_slots times as many floats: one moment after the other.
/// Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_optimizer_step(
    optimizer: *const fg_optimizer,
    step: u32,
    grads: *const f32,
    grads_len: usize,
    params: *mut f32,
    params_len: usize,
    state: *mut f32,
    state_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let optimizer = read("optimizer", optimizer)?.core()?;
            let ([grads], [params, mut state]) =
                buffers([("grads", grads, grads_len)], [("params", params, params_len), ("state", state, state_len)])?;
            let expected = params.len().saturating_mul(optimizer.slots());
            if state.len() != expected {
                let (what, actual) = ("state", state.len());
                return Err(flatgrad_core::Error::Length { what, expected, actual }.into());
            }
            let (ctx, len) = (context(), params.len());
            let mut next = |kept: bool| {
                let at = if kept { len } else { 0 };
                let (moment, rest) = core::mem::take(&mut state).split_at_mut_checked(at).unwrap_or_default();
                state = rest;
                moment
            };
            match &optimizer {
                Optimizer::Adagrad(adagrad) => adagrad_step(ctx, adagrad, step, grads, params, next(true))?,
                Optimizer::RmsProp(rmsprop) => {
                    let (square, mean) = (next(true), next(rmsprop.centered));
                    rmsprop_step(ctx, rmsprop, step, grads, params, square, mean, next(rmsprop.momentum != 0.0))?;
                }
                Optimizer::Adam(adam) => {
                    let (mean, square) = (next(true), next(true));
                    adam_step(ctx, adam, step, grads, params, mean, square, next(adam.amsgrad))?;
                }
                Optimizer::Sgd(sgd) => sgd_step(ctx, sgd, step, grads, params, next(sgd.momentum != 0.0))?,
                _ => {}
            }
            Ok(())
        })
    }
}

/// grads = grads times limit / |grads| if their norm |grads| is more than limit. The norm they had goes to norm, if
/// it is not null. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_clip_by_norm(
    limit: f32,
    grads: *mut f32,
    grads_len: usize,
    norm: *mut f32,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let norm_len = usize::from(!norm.is_null());
            let ([], [grads, norm]) = buffers([], [("grads", grads, grads_len), ("norm", norm, norm_len)])?;
            norm.fill(clip_by_norm(context(), limit, grads)?);
            Ok(())
        })
    }
}
