//! The backward pass: from the gradient of the outputs to the gradients of the parameters.

use super::observer::Observer;
use super::work::{NOTHING, pieces, place, tensors};
use crate::error::Result;
use crate::machine::Context;
use crate::net::layers::{self, Backward, EXTERNAL, Gradient, Needs, Pass, Step, add, range};
use crate::net::linked::{Linked, Parts};
use crate::net::plan::View;

/// All backward passes, last layer first; the gradient of the outputs is in place already.
pub(super) fn run<L: Linked>(
    ctx: Context,
    plan: View,
    params: &[f32],
    x: &[f32],
    (grads, work): (&mut [f32], &mut [f32]),
    step: Step,
    mut observer: impl Observer,
) -> Result {
    for (i, slot) in plan.slots.iter().enumerate().rev().filter(|(_, slot)| slot.needs_grad) {
        let at = Places {
            x: place(plan, slot.from, |s| s.y),
            dx: place(plan, slot.from, |s| s.dy),
            dx_other: place(plan, slot.other, |s| s.dy),
        };
        observer.gradient(i, work.get(range((slot.dy, step.n * slot.output_len()))).unwrap_or_default());
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

/// The backward pass of one layer.
fn layer<L: Linked>(
    pass: &Pass,
    external: &[f32],
    (grads, work): (&mut [f32], &mut [f32]),
    at: Places,
    step: Step,
) -> Result {
    let (ctx, slot) = (pass.ctx, pass.slot);
    let wants = |wanted: bool, offset, len| if wanted { (offset, len) } else { NOTHING };
    let wants_dx = slot.dx != Gradient::None && !slot.in_place;
    // Without residual blocks no tensor has two readers.
    let joins = L::PARTS.has(Parts::ADD);
    let [x, y, dy, dx, dx_other, part, scratch, saved] = pieces(
        work,
        [
            wants(slot.needs == Needs::Input, at.x, pass.input_len()),
            wants(matches!(slot.needs, Needs::Sign | Needs::Output), slot.y, pass.output_len()),
            (slot.dy, pass.output_len()),
            wants(wants_dx, at.dx, pass.input_len()),
            wants(joins && slot.dx_other != Gradient::None, at.dx_other, pass.output_len()),
            wants(joins, slot.dx_part, pass.input_len()),
            (slot.scratch_backward, slot.scratch_backward_len),
            (slot.saved, slot.saved_len(pass.n)),
        ],
    )?;
    if joins && slot.kind.is_add() {
        if wants_dx {
            add::input_gradient(ctx, slot.dx, dy, dx)?;
        }
        return add::input_gradient(ctx, slot.dx_other, dy, dx_other);
    }
    let x = if at.x == EXTERNAL { external } else { &*x };
    let grad = if slot.learns() { slot.grad } else { EXTERNAL };
    let [dw, db] = tensors(grads, (grad, slot.weight_len), slot.bias_len);
    // The kernels overwrite: what must be added to another gradient is computed beside it.
    let direct = !joins || slot.dx == Gradient::Write;
    let target = if direct { &mut *dx } else { &mut *part };
    layers::backward::<L>(pass, step, Backward { x, y, dy, dx: target, dw, db, saved, scratch })?;
    if joins && slot.dx == Gradient::Add && !slot.in_place { add::add_to(ctx, part, dx) } else { Ok(()) }
}
