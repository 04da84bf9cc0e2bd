//! Inference from weights alone.

use crate::buffer::{Region, check, slice, slice_mut};
use crate::built::Built;
use crate::context::context;
use crate::fault::{Outcome, report};
use crate::plan::{Plan, fg_plan};
use crate::status::{fg_error, fg_status};
use flatgrad_core::net;

/// y = the outputs [n, outputs] of the samples x [n, c, h, w], as at test time, for at most the plan's batch of
/// samples.
///
/// weights of fg_plan_weights_len floats, as fg_train_weights gives them (they may be in flash); work of at least
/// fg_plan_infer_work_len. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_infer(
    plan: *const fg_plan,
    weights: *const f32,
    weights_len: usize,
    x: *const f32,
    x_len: usize,
    y: *mut f32,
    y_len: usize,
    work: *mut f32,
    work_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let core_plan = fg_plan::open(plan)?;
            let regions =
                [Region::new("weights", weights, weights_len), Region::new("x", x, x_len), fg_plan::region(plan)];
            let outputs = [Region::new("y", y.cast_const(), y_len), Region::new("work", work.cast_const(), work_len)];
            check(&regions, &outputs)?;
            check_outputs(core_plan, x_len, y_len)?;
            let (weights, x) = (slice(weights, weights_len), slice(x, x_len));
            let result = net::infer_linked::<Built>(context(), core_plan, weights, x, slice_mut(work, work_len))?;
            copy(result, slice_mut(y, y_len));
            Ok(())
        })
    }
}

/// Whether `y` holds the outputs of the samples in `x`.
pub(crate) fn check_outputs(plan: &Plan, x_len: usize, y_len: usize) -> Outcome {
    let sample: usize = plan.input().iter().product();
    let expected = x_len.checked_div(sample).unwrap_or(0).saturating_mul(plan.outputs());
    if y_len == expected {
        return Ok(());
    }
    Err(flatgrad_core::Error::Length { what: "y", expected, actual: y_len }.into())
}

pub(crate) fn copy(from: &[f32], to: &mut [f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}
