//! The backward pass: from the gradient of the outputs to the gradients of the parameters.

use super::add::{add_to, copy};
use super::kind::{Kind, Needs};
use super::linked::{Linked, Parts};
use super::parts::MISSING;
use super::pass::{Noise, Pass, halves, place};
use super::plan::View;
use super::slot::{EXTERNAL, Gradient};
use super::work::{NOTHING, pieces, range, tensors};
use crate::activation::{Function, apply_backward, apply_backward_in_place, log_softmax_backward, softmax_backward};
use crate::conv::{conv2d_backward_bias_planned, conv2d_backward_input_planned, conv2d_backward_weight_planned};
use crate::dense::{Pass as Product, dense_backward_bias_planned, dense_planned};
use crate::dropout::{Dropout, dropout, dropout_in_place};
use crate::error::Result;
use crate::gemm::Epilogue;
use crate::machine::Context;
use crate::norm::{
    batch_norm_backward, batch_norm_infer_backward, group_norm_backward, layer_norm_backward, rms_norm_backward,
};
use crate::pool::{avg_pool2d_backward, global_avg_pool_backward, max_pool2d_backward_planned};
use crate::update::Update;

/// What a backward pass shares with the forward pass it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    /// Samples.
    pub(super) n: usize,
    /// Running averages, for layers that are frozen.
    pub(super) running: &'a [f32],
    pub(super) noise: Noise,
    /// Whether gradients are overwritten or accumulated.
    pub(super) update: Update,
}

/// All backward passes, last layer first; the gradient of the outputs is in place already.
pub(super) fn run<L: Linked>(
    ctx: Context,
    plan: View,
    params: &[f32],
    x: &[f32],
    (grads, work): (&mut [f32], &mut [f32]),
    step: Step,
) -> Result {
    for (i, slot) in plan.slots.iter().enumerate().rev().filter(|(_, slot)| slot.wanted) {
        let at = Places {
            x: place(plan, slot.from, |s| s.y),
            dx: place(plan, slot.from, |s| s.dy),
            dx_other: place(plan, slot.other, |s| s.dy),
        };
        layer::<L>(&Pass { ctx, n: step.n, params, slot, i }, x, (grads, work), at, step)?;
    }
    Ok(())
}

/// Offsets into the work region, or [`EXTERNAL`].
struct Places {
    x: usize,
    dx: usize,
    dx_other: usize,
}

/// The slices of one layer's backward pass; those it does not need are empty.
struct Tensors<'a> {
    x: &'a [f32],
    y: &'a [f32],
    dy: &'a mut [f32],
    dx: &'a mut [f32],
    dw: &'a mut [f32],
    db: &'a mut [f32],
    saved: &'a [f32],
    scratch: &'a mut [f32],
}

/// The backward pass of one layer.
fn layer<L: Linked>(
    pass: &Pass,
    external: &[f32],
    (grads, work): (&mut [f32], &mut [f32]),
    at: Places,
    step: Step,
) -> Result {
    let (ctx, slot) = (pass.ctx, pass.slot);
    let needs = slot.kind.needs(slot.learns());
    let wants = |wanted: bool, offset, len| if wanted { (offset, len) } else { NOTHING };
    let wants_dx = slot.dx != Gradient::None && !slot.in_place;
    // Without residual blocks no tensor has two readers.
    let joins = L::PARTS.has(Parts::ADD);
    let [x, y, dy, dx, dx_other, part, scratch, saved] = pieces(
        work,
        [
            wants(needs == Needs::Input, at.x, pass.input_len()),
            wants(matches!(needs, Needs::Sign | Needs::Output), slot.y, pass.output_len()),
            (slot.dy, pass.output_len()),
            wants(wants_dx, at.dx, pass.input_len()),
            wants(joins && slot.dx_other != Gradient::None, at.dx_other, pass.output_len()),
            wants(joins, slot.dx_part, pass.input_len()),
            (slot.scratch_backward, slot.scratch_backward_len),
            (slot.saved, slot.saved_len(pass.n)),
        ],
    )?;
    if joins && matches!(slot.kind, Kind::Add) {
        if wants_dx {
            join(ctx, slot.dx, dy, dx)?;
        }
        return join(ctx, slot.dx_other, dy, dx_other);
    }
    let x = if at.x == EXTERNAL { external } else { &*x };
    let grad = if slot.learns() { slot.grad } else { EXTERNAL };
    let [dw, db] = tensors(grads, (grad, slot.weight_len), slot.bias_len);
    // The kernels overwrite: what must be added to another gradient is computed beside it.
    let direct = !joins || slot.dx == Gradient::Write;
    let target = if direct { &mut *dx } else { &mut *part };
    kernel::<L>(pass, step, Tensors { x, y, dy, dx: target, dw, db, saved, scratch })?;
    if joins && slot.dx == Gradient::Add && !slot.in_place { add_to(ctx, part, dx) } else { Ok(()) }
}

/// One input gradient of an addition: `dy` itself.
fn join(ctx: Context, gradient: Gradient, dy: &[f32], dx: &mut [f32]) -> Result {
    match gradient {
        Gradient::None => Ok(()),
        Gradient::Write => copy(dy, dx),
        Gradient::Add => add_to(ctx, dy, dx),
    }
}

fn kernel<L: Linked>(pass: &Pass, step: Step, t: Tensors) -> Result {
    let (ctx, n, slot) = (pass.ctx, pass.n, pass.slot);
    let Tensors { x, y, dy, dx, dw, db, saved, scratch } = t;
    let (learns, wants_dx) = (slot.learns(), slot.dx != Gradient::None);
    let has = |part| L::PARTS.has(part);
    match slot.kind {
        Kind::Conv2d { bias, .. } if has(Parts::CONV) => {
            let shape = &slot.conv(n);
            if learns {
                conv2d_backward_weight_planned::<L>(ctx, shape, x, dy, step.update, dw, scratch);
            }
            if learns && bias {
                let [_, h, w] = slot.output;
                conv2d_backward_bias_planned(ctx, [n, h * w], dy, step.update, db);
            }
            if wants_dx {
                conv2d_backward_input_planned::<L>(ctx, shape, dy, pass.weight(), dx, scratch);
            }
        }
        Kind::Dense { bias, .. } if has(Parts::DENSE_LAYER) => {
            let mut product = |product, operands, update, c: &mut [f32]| {
                dense_planned::<L>(ctx, &slot.dense(n), product, operands, update, Epilogue::NONE, c, scratch);
            };
            if learns {
                product(Product::Weight, [x, &*dy], step.update, dw);
            }
            if learns && bias {
                dense_backward_bias_planned(ctx, dy, step.update, db);
            }
            if wants_dx {
                product(Product::Input, [&*dy, pass.weight()], Update::Overwrite, dx);
            }
        }
        Kind::BatchNorm { eps, momentum } if has(Parts::BATCH_NORM) && slot.options.frozen => {
            let (_, var) = halves(step.running.get(range((slot.running, 2 * slot.input[0]))).unwrap_or_default());
            batch_norm_infer_backward(ctx, &slot.batch_norm(n, eps, momentum), dy, pass.weight(), var, dx)?
        }
        Kind::BatchNorm { eps, momentum } if has(Parts::BATCH_NORM) => {
            let shape = slot.batch_norm(n, eps, momentum);
            let (mean, rstd) = halves(saved);
            batch_norm_backward(ctx, &shape, x, dy, pass.weight(), mean, rstd, step.update, dx, dw, db)?
        }
        Kind::GroupNorm { groups, eps, .. } if has(Parts::GROUP_NORM) => {
            let (shape, (mean, rstd)) = (slot.group_norm(n, groups, eps), halves(saved));
            let (dw, db) = (some(dw), some(db));
            group_norm_backward(ctx, &shape, x, dy, pass.scale(), mean, rstd, step.update, dx, dw, db)?
        }
        Kind::LayerNorm { eps, .. } if has(Parts::LAYER_NORM) => {
            let (shape, (mean, rstd)) = (slot.layer_norm(n, eps), halves(saved));
            let (dw, db) = (some(dw), some(db));
            layer_norm_backward(ctx, &shape, x, dy, pass.scale(), mean, rstd, step.update, dx, dw, db)?
        }
        Kind::RmsNorm { eps, .. } if has(Parts::RMS_NORM) => {
            let shape = slot.rms_norm(n, eps);
            rms_norm_backward(ctx, &shape, x, dy, pass.scale(), saved, step.update, dx, some(dw))?
        }
        Kind::Softmax if has(Parts::SOFTMAX) => softmax_backward(ctx, [n, slot.input_len()], y, dy, dx)?,
        Kind::LogSoftmax if has(Parts::LOG_SOFTMAX) => log_softmax_backward(ctx, [n, slot.input_len()], y, dy, dx)?,
        Kind::Activation(Function::Relu) if has(Parts::RELU_ALONE) => function(pass, Function::Relu, y, dy, dx),
        Kind::Activation(Function::Relu) if has(Parts::RELU_IN_PLACE) => {
            apply_backward_in_place(ctx, Function::Relu, y, dy)
        }
        Kind::Activation(f) if has(Parts::FUNCTIONS) => {
            let saved = if slot.kind.needs(false) == Needs::Input { x } else { y };
            function(pass, f, saved, dy, dx)
        }
        Kind::MaxPool2d { kernel, stride, padding } if has(Parts::POOL) => {
            max_pool2d_backward_planned::<L>(ctx, &slot.max_pool(n, kernel, stride, padding), x, dy, dx)
        }
        Kind::AvgPool2d { kernel, stride, padding, count_include_pad } if has(Parts::AVG_POOL) => {
            avg_pool2d_backward(ctx, &slot.avg_pool(n, kernel, stride, padding, count_include_pad), dy, dx)?
        }
        Kind::GlobalAvgPool if has(Parts::GLOBAL_AVG_POOL) => global_avg_pool_backward(ctx, slot.planes(n), dy, dx)?,
        Kind::Flatten | Kind::Add => {}
        Kind::Dropout { p, form } if has(Parts::DROPOUT) => {
            let mask = step.noise.mask(pass.i, slot.output_len());
            let drop = Dropout::drop(p)?.form(form);
            if slot.in_place { dropout_in_place(ctx, drop, mask, dy) } else { dropout(ctx, drop, mask, dy, dx) }?
        }
        _ => return Err(MISSING),
    }
    Ok(())
}

/// The gradient of a function of each element; inlined, so that a constant one leaves out the others.
#[inline(always)]
fn function(pass: &Pass, f: Function, saved: &[f32], dy: &mut [f32], dx: &mut [f32]) {
    if pass.slot.in_place {
        apply_backward_in_place(pass.ctx, f, saved, dy)
    } else {
        apply_backward(pass.ctx, f, saved, dy, dx)
    }
}

/// Nothing for parameters that do not learn, or that there are not.
fn some(x: &mut [f32]) -> Option<&mut [f32]> {
    Some(x).filter(|x| !x.is_empty())
}
