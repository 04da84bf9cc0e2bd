//! Training in one arena. Only this file and `plan.rs` know how core keeps a plan.

use crate::buffer::{Region, check, read, slice, slice_mut, write};
use crate::context::context;
use crate::fault::{Fault, Outcome, report};
use crate::loss::{fg_report, fg_target};
use crate::optim::fg_optimizer;
use crate::plan::{check_outputs, copy, fg_plan};
use crate::status::{fg_error, fg_status};
use core::ptr;
use flatgrad_core::net::Trainer;

/// Says that the memory holds a trainer.
const MAGIC: u64 = u64::from_le_bytes(*b"fg train");

/// A network in training: fg_train_init makes it. Plain data, nothing to free; use it where it is, do not copy it.
#[repr(C)]
pub struct fg_trainer {
    /// For flatgrad alone.
    pub memory: [u64; 16],
}

/// What is in [`fg_trainer`].
#[repr(C)]
struct State {
    magic: u64,
    plan: *const fg_plan,
    arena: *const f32,
    arena_len: usize,
    trainer: Trainer<'static>,
}

const _: () = assert!(size_of::<State>() <= size_of::<fg_trainer>() && align_of::<State>() <= align_of::<fg_trainer>());

/// The trainer, if there is one, and if a call's other buffers keep clear of it, its arena and its plan.
///
/// # Safety
///
/// What the crate's page asks of the caller.
unsafe fn open<'t>(trainer: *mut fg_trainer, inputs: [Region; 2], output: Region) -> Outcome<&'t mut State> {
    let own = Region::new("trainer", trainer.cast_const(), 1);
    check(&[own], &[])?;
    // SAFETY: not null, aligned; anything is a u64.
    if unsafe { *trainer.cast::<u64>() } != MAGIC {
        return Err(Fault::Uninitialized { what: "trainer" });
    }
    // SAFETY: `fg_train_init` has been here.
    let state = unsafe { &mut *trainer.cast::<State>() };
    let ([a, b], arena) = (inputs, Region::new("arena", state.arena, state.arena_len));
    check(&[a, b, fg_plan::region(state.plan)], &[arena, own, output])?;
    Ok(state)
}

const NONE: Region = Region::NONE;

/// Begins training in an arena of at least fg_plan_arena_len floats: weights as their layers' init says, biases too (PyTorch's
/// default: uniform within 1 / sqrt(fan_in)), scales 1, shifts 0, running averages 0 and 1.
///
/// All random numbers of the run are functions of the seed. From here on plan and arena belong to the trainer: they must live
/// as long, and between calls the arena is read and written only through fg_train_weights and fg_train_gradients. Returns
/// FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_train_init(
    trainer: *mut fg_trainer,
    plan: *const fg_plan,
    arena: *mut f32,
    arena_len: usize,
    seed: u64,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let region = Region::new("arena", arena.cast_const(), arena_len);
            let core_plan = fg_plan::open(plan)?;
            check(&[fg_plan::region(plan)], &[Region::new("trainer", trainer.cast_const(), 1), region])?;
            let inner = Trainer::new(context(), core_plan, slice_mut(arena, arena_len), seed)?;
            trainer.cast::<State>().write(State { magic: MAGIC, plan, arena, arena_len, trainer: inner });
            Ok(())
        })
    }
}

/// One training step on the samples x [n, c, h, w], n at most the plan's batch, and their target: forward, mean loss, backward,
/// update. What it says of the samples (before the update) goes to result, if that is not null.
///
/// optimizer may differ from step to step, in its rates above all; its state must fit the plan's. Returns FG_OK, or why
/// nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_train_step(
    trainer: *mut fg_trainer,
    optimizer: *const fg_optimizer,
    x: *const f32,
    x_len: usize,
    target: *const fg_target,
    result: *mut fg_report,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let (optimizer, target) = (read("optimizer", optimizer)?.core()?, fg_target::read(target)?);
            let inputs = [Region::new("x", x, x_len), target.region()];
            let state = open(trainer, inputs, fg_report::region(result))?;
            let report = state.trainer.step(&optimizer, slice(x, x_len), target.core())?;
            write(result, report.into());
            Ok(())
        })
    }
}

/// Forward and backward for some of a step's samples: their gradients are added to those since the last fg_train_update. total
/// is the number of samples of the whole step, over which the loss is averaged. So a step of 32 samples fits in an arena for 4,
/// with the same bits (batch normalization aside). Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_train_accumulate(
    trainer: *mut fg_trainer,
    x: *const f32,
    x_len: usize,
    target: *const fg_target,
    total: usize,
    result: *mut fg_report,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let target = fg_target::read(target)?;
            let inputs = [Region::new("x", x, x_len), target.region()];
            let state = open(trainer, inputs, fg_report::region(result))?;
            let report = state.trainer.accumulate(slice(x, x_len), target.core(), total)?;
            write(result, report.into());
            Ok(())
        })
    }
}

/// weights = weights - the optimizer's step of the accumulated gradients. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_train_update(
    trainer: *mut fg_trainer,
    optimizer: *const fg_optimizer,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let optimizer = read("optimizer", optimizer)?.core()?;
            Ok(open(trainer, [NONE; 2], NONE)?.trainer.update(&optimizer)?)
        })
    }
}

/// Estimates batch normalization's running averages anew, from the weights as they are: call it with batches of samples,
/// numbered from 1; after the last the averages are the means over all (Wu and Johnson, 2021). Returns FG_OK, or why nothing
/// was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_train_calibrate(
    trainer: *mut fg_trainer,
    x: *const f32,
    x_len: usize,
    batch: u32,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let state = open(trainer, [Region::new("x", x, x_len), NONE], NONE)?;
            Ok(state.trainer.calibrate(slice(x, x_len), batch)?)
        })
    }
}

/// Loss and number of correct answers on the samples x, as at test time, into result; nothing is learnt. Returns FG_OK, or why
/// nothing was written.
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

/// y = the outputs [n, outputs] of the samples x, as at test time, in the trainer's own work memory. Returns FG_OK, or why
/// nothing was written.
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
            check_outputs(state.trainer.plan(), x_len, y_len)?;
            copy(state.trainer.infer(slice(x, x_len))?, slice_mut(y, y_len));
            Ok(())
        })
    }
}

/// grads = grads limit / |grads| if their norm is more than limit; before fg_train_update. The norm they had goes to norm, if
/// that is not null. Returns FG_OK, or why nothing was written.
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

/// The weights, fg_plan_weights_len floats: parameters, then running averages. To save, load and send them; good until the next
/// call with this trainer. Null if trainer is not one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_train_weights(trainer: *mut fg_trainer) -> *mut f32 {
    // SAFETY: as the crate's page asks of the caller.
    let state = unsafe { open(trainer, [NONE; 2], NONE) };
    state.map_or(ptr::null_mut(), |state| state.trainer.weights_mut().as_mut_ptr())
}

/// The accumulated gradients, in the order of the parameters without frozen ones; their number goes to len, if that is not
/// null. Good until the next call with this trainer. Null if trainer is not one.
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
