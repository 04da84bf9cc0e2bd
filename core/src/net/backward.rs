//! The backward pass: from the gradient of the logits to the gradients of the parameters.

use super::Net;
use super::forward::{Noise, Pass, input_place};
use super::layer::Kind;
use super::plan::Plan;
use super::slot::{EXTERNAL, Slot, batch_norm_shape, conv_shape, dense_shape, pool_shape};
use super::work::{pieces, span};
use crate::activation::{Function, activate_backward_in_place};
use crate::context::Context;
use crate::conv::{conv2d_backward_bias, conv2d_backward_input, conv2d_backward_weight};
use crate::dense::{dense_backward_bias, dense_backward_input, dense_backward_weight};
use crate::dropout::{Dropout, dropout_in_place};
use crate::error::Result;
use crate::norm::batch_norm_backward;
use crate::pool::max_pool2d_backward;
use crate::update::Update;

/// What a backward pass shares with the forward pass it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// Samples.
    pub(super) n: usize,
    pub(super) noise: Noise,
    /// Whether gradients are overwritten or accumulated.
    pub(super) update: Update,
}

/// All backward passes, last layer first; the gradient of the logits is in place already.
pub(super) fn run(
    ctx: Context,
    net: &Net,
    plan: &Plan,
    params: &[f32],
    x: &[f32],
    (grads, work): (&mut [f32], &mut [f32]),
    step: Step,
) -> Result {
    for (i, slot) in plan.slots().iter().enumerate().rev() {
        if i < plan.first {
            break;
        }
        let input = input_place(plan, i, |s: &Slot| s.y);
        let dx = if i == plan.first { EXTERNAL } else { input_place(plan, i, |s| s.dy) };
        layer(&Pass { ctx, net, n: step.n, params, slot, i }, x, (grads, work), (input, dx), step)?;
    }
    Ok(())
}

/// The backward pass of one layer; `input` and `dx` are offsets into the work region, or [`EXTERNAL`].
fn layer(
    pass: &Pass,
    x: &[f32],
    (grads, work): (&mut [f32], &mut [f32]),
    (input, dx): (usize, usize),
    step: Step,
) -> Result {
    let (ctx, n, slot, i) = (pass.ctx, pass.n, pass.slot, pass.i);
    let Some(layer) = pass.layers().get(i) else { return Ok(()) };
    let in_place = slot.y == input;
    let channels = slot.input[0];
    let saved = if matches!(layer.kind, Kind::BatchNorm { .. }) { channels } else { 0 };
    let needs_y = matches!(layer.kind, Kind::Relu);
    let wants_dx = dx != EXTERNAL && !in_place;
    let [source, y, dy, dx, scratch, mean, rstd] = pieces(
        work,
        [
            if in_place { 0..0 } else { span(input, n * slot.input_len()) },
            if needs_y { span(slot.y, n * slot.output_len()) } else { 0..0 },
            span(slot.dy, n * slot.output_len()),
            if wants_dx { span(dx, n * slot.input_len()) } else { 0..0 },
            span(slot.scratch_backward, slot.scratch_backward_len),
            span(slot.saved, saved),
            span(slot.saved + channels, saved),
        ],
    )?;
    let x = if input == EXTERNAL { x } else { &*source };
    let [dw, db] = pieces(grads, [span(slot.weight, slot.weight_len), span(slot.bias, slot.bias_len)])?;
    match layer.kind {
        Kind::Conv2d { bias, .. } => {
            let shape = conv_shape(n, slot, &layer.kind);
            conv2d_backward_weight(ctx, &shape, x, dy, step.update, dw, scratch)?;
            if bias {
                conv2d_backward_bias(ctx, &shape, dy, step.update, db)?;
            }
            if wants_dx { conv2d_backward_input(ctx, &shape, dy, pass.weight(), dx, scratch) } else { Ok(()) }
        }
        Kind::Dense { bias, .. } => {
            let shape = dense_shape(n, slot);
            dense_backward_weight(ctx, &shape, x, dy, step.update, dw, scratch)?;
            if bias {
                dense_backward_bias(ctx, &shape, dy, step.update, db)?;
            }
            if wants_dx { dense_backward_input(ctx, &shape, dy, pass.weight(), dx, scratch) } else { Ok(()) }
        }
        Kind::BatchNorm { eps, momentum } => {
            let shape = batch_norm_shape(n, slot, eps, momentum);
            let dx = if wants_dx { dx } else { scratch.get_mut(..x.len()).unwrap_or_default() };
            batch_norm_backward(ctx, &shape, x, dy, pass.weight(), mean, rstd, step.update, dx, dw, db)
        }
        Kind::Relu => activate_backward_in_place(ctx, Function::Relu, y, dy),
        Kind::MaxPool2d { kernel, stride, padding } => {
            max_pool2d_backward(ctx, &pool_shape(n, slot, kernel, stride, padding), x, dy, dx)
        }
        Kind::Flatten => Ok(()),
        Kind::Dropout { p } => {
            let mask = step.noise.mask(i, slot.output_len());
            dropout_in_place(ctx, Dropout::drop(p)?, mask, dy)
        }
    }
}
