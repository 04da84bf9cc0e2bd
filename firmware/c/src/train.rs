//! Training in one arena.

use crate::buffer::{Region, check, read, slice, slice_mut, write};
use crate::built::Built;
use crate::context::context;
use crate::fault::{Fault, Outcome, report};
use crate::loss::{fg_report, fg_target};
use crate::optim::fg_optimizer;
use crate::plan::fg_plan;
use crate::status::{fg_error, fg_status};
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
pub(crate) struct State {
    magic: u64,
    plan: *const fg_plan,
    arena: *const f32,
    arena_len: usize,
    pub(crate) trainer: Trainer<'static, Built>,
}

const _: () = assert!(size_of::<State>() <= size_of::<fg_trainer>() && align_of::<State>() <= align_of::<fg_trainer>());

/// The trainer, if there is one, and if a call's other buffers keep clear of it, its arena and its plan.
///
/// # Safety
///
/// What the crate's page asks of the caller.
pub(crate) unsafe fn open<'t>(trainer: *mut fg_trainer, inputs: [Region; 2], output: Region) -> Outcome<&'t mut State> {
    let own = Region::new("trainer", trainer.cast_const(), 1);
    check(&[own], &[])?;
    // SAFETY: not null, aligned; anything is a u64.
    if unsafe { *trainer.cast::<u64>() } != MAGIC {
        return Err(Fault::Uninitialized { what: "trainer" });
    }
    // SAFETY: `fg_train_init` has been here.
    let state = unsafe { &mut *trainer.cast::<State>() };
    let ([a, b], arena) = (inputs, Region::new("arena", state.arena, state.arena_len));
    // SAFETY: the trainer was made of it.
    let plan = unsafe { fg_plan::region(state.plan) };
    check(&[a, b, plan], &[arena, own, output])?;
    Ok(state)
}

pub(crate) const NONE: Region = Region::NONE;

/// Begins training in an arena of at least fg_plan_arena_len floats: weights as their layers' init says, biases too
/// (PyTorch's default: uniform within 1 / sqrt(fan_in)), scales 1, shifts 0, running averages 0 and 1.
///
/// All random numbers of the run are functions of the seed. From here on plan and arena belong to the trainer: they
/// must live as long, and between calls the arena is read and written only through fg_train_weights and
/// fg_train_gradients. Returns FG_OK, or why nothing was written.
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
            let inner = Trainer::<Built>::linked(context(), core_plan, slice_mut(arena, arena_len), seed)?;
            trainer.cast::<State>().write(State { magic: MAGIC, plan, arena, arena_len, trainer: inner });
            Ok(())
        })
    }
}

/// One training step on the samples x [n, c, h, w], n at most the plan's batch, and their target: forward, mean
/// loss, backward, update. What it says of the samples (before the update) goes to result, if that is not null.
///
/// optimizer may differ from step to step, in its rates above all; its state must fit the plan's. Returns FG_OK, or
/// why nothing was written.
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

/// Forward and backward for some of a step's samples: their gradients are added to those since the last
/// fg_train_update. total is the number of samples of the whole step, over which the loss is averaged. So a step of
/// 32 samples fits in an arena for 4, with the same bits (batch normalization aside). Returns FG_OK, or why nothing
/// was written.
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

/// Estimates batch normalization's running averages anew, from the weights as they are: call it with batches of
/// samples, numbered from 1; after the last the averages are the means over all (Wu and Johnson, 2021). Returns
/// FG_OK, or why nothing was written.
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
