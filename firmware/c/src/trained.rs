//! What a network in training knows.

use crate::buffer::{Region, slice, slice_mut, write};
use crate::fault::report;
use crate::infer::{check_outputs, copy};
use crate::loss::{fg_report, fg_target};
use crate::status::{fg_error, fg_status};
use crate::train::{NONE, fg_trainer, open};
use core::ptr;

/// Loss and number of correct answers on the samples x, as at test time, into result; nothing is learnt. Returns
/// FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_evaluate(
    trainer: *mut fg_trainer,
    x: *const f32,
    x_len: usize,
    target: *const fg_target,
    result: *mut fg_report,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let target = fg_target::read(target)?;
            let inputs = [Region::new("x", x, x_len), target.region()];
            let state = open(trainer, inputs, fg_report::region(result))?;
            let report = state.trainer.evaluate(slice(x, x_len), target.core())?;
            write(result, report.into());
            Ok(())
        })
    }
}

/// y = the outputs [n, outputs] of the samples x, as at test time, in the trainer's own work memory. Returns FG_OK,
/// or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_train_infer(
    trainer: *mut fg_trainer,
    x: *const f32,
    x_len: usize,
    y: *mut f32,
    y_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let inputs = [Region::new("x", x, x_len), NONE];
            let state = open(trainer, inputs, Region::new("y", y.cast_const(), y_len))?;
            check_outputs(&state.trainer.plan(), x_len, y_len)?;
            copy(state.trainer.infer(slice(x, x_len))?, slice_mut(y, y_len));
            Ok(())
        })
    }
}

/// grads = grads limit / |grads| if their norm is more than limit; before fg_train_update. The norm they had goes to
/// norm, if that is not null. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_train_clip_by_norm(
    trainer: *mut fg_trainer,
    limit: f32,
    norm: *mut f32,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let region = Region::new("norm", norm.cast_const(), usize::from(!norm.is_null()));
            let state = open(trainer, [NONE; 2], region)?;
            write(norm, state.trainer.clip_by_norm(limit)?);
            Ok(())
        })
    }
}

/// The weights, fg_plan_weights_len floats: parameters, then running averages. To save, load and send them; good
/// until the next call with this trainer. Null if trainer is not one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_train_weights(trainer: *mut fg_trainer) -> *mut f32 {
    // SAFETY: as the crate's page asks of the caller.
    let state = unsafe { open(trainer, [NONE; 2], NONE) };
    state.map_or(ptr::null_mut(), |state| state.trainer.weights_mut().as_mut_ptr())
}

/// The accumulated gradients, in the order of the parameters without frozen ones; their number goes to len, if that
/// is not null. Good until the next call with this trainer. Null if trainer is not one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_train_gradients(trainer: *mut fg_trainer, len: *mut usize) -> *mut f32 {
    let region = Region::new("len", len.cast_const(), usize::from(!len.is_null()));
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        open(trainer, [NONE; 2], region).map_or(ptr::null_mut(), |state| {
            let gradients = state.trainer.gradients_mut();
            write(len, gradients.len());
            gradients.as_mut_ptr()
        })
    }
}

/// Updates made so far. 0 if trainer is not one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_train_steps(trainer: *mut fg_trainer) -> u32 {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { open(trainer, [NONE; 2], NONE) }.map_or(0, |state| state.trainer.steps())
}
