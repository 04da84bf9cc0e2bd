//! An optimizer's step over all parameters that learn: one pass for each run of them with equal rates.

use crate::error::Result;
use crate::machine::Context;
use crate::net::layers::Slot;
use crate::net::learn::Optimizer;
use crate::net::linked::{Linked, Parts};
use crate::net::plan::{Decay, View};
use crate::optim::max_norm;

/// Neighbouring parameters with the same rates.
#[derive(Clone, Copy)]
struct Run {
    param: usize,
    grad: usize,
    len: usize,
    /// What learning rate and weight decay are multiplied by.
    lr: f32,
    decay: f32,
}

impl Run {
    /// Takes in what follows, if it lies behind it everywhere and has the same rates.
    fn join(&mut self, next: Run) -> bool {
        let follows = self.param + self.len == next.param && self.grad + self.len == next.grad;
        let joined = follows && self.lr == next.lr && self.decay == next.decay;
        if joined {
            self.len += next.len;
        }
        joined
    }
}

/// Weight and bias of one layer.
fn tensors(slot: &Slot, decay: Decay) -> [Run; 2] {
    let options = slot.options;
    let spared = |spared: bool| if spared { 0.0 } else { options.decay };
    let weights_only = decay == Decay::Weights;
    let weight = Run {
        param: slot.weight,
        grad: slot.grad,
        len: slot.weight_len,
        lr: options.lr,
        decay: spared(weights_only && slot.kind.about().is_norm),
    };
    let (param, grad) = (slot.bias(), slot.grad.saturating_add(slot.weight_len));
    [weight, Run { param, grad, len: slot.bias_len, decay: spared(weights_only), ..weight }]
}

/// Step number `step`, counted from 1.
pub(super) fn step<L: Linked>(
    ctx: Context,
    plan: View,
    optimizer: &Optimizer,
    step: u32,
    params: &mut [f32],
    grads: &[f32],
    state: &mut [f32],
) -> Result {
    if !L::PARTS.has(Parts::RATES) {
        // All parameters learn, at the same rates.
        optimizer.step::<L>(ctx, step, grads, params, state, plan.trained, 0)?;
        return if L::PARTS.has(Parts::MAX_NORM) { limit_norms(ctx, plan, params) } else { Ok(()) };
    }
    let mut pass = |run: Run| {
        let grads = grads.get(run.grad..run.grad + run.len).unwrap_or_default();
        let params = params.get_mut(run.param..run.param + run.len).unwrap_or_default();
        let optimizer = optimizer.scaled(run.lr, run.decay);
        optimizer.step::<L>(ctx, step, grads, params, state, plan.trained, run.grad)
    };
    let mut run: Option<Run> = None;
    let learning = plan.slots.iter().filter(|slot| slot.learns());
    for next in learning.flat_map(|slot| tensors(slot, plan.config.decay)).filter(|next| next.len > 0) {
        if !run.as_mut().is_some_and(|run| run.join(next))
            && let Some(done) = run.replace(next)
        {
            pass(done)?;
        }
    }
    run.map_or(Ok(()), pass)?;
    if L::PARTS.has(Parts::MAX_NORM) { limit_norms(ctx, plan, params) } else { Ok(()) }
}

/// Keeps the incoming weights of every neuron within its layer's limit.
fn limit_norms(ctx: Context, plan: View, params: &mut [f32]) -> Result {
    for slot in plan.slots.iter().filter(|slot| slot.learns() && slot.options.max_norm.is_finite()) {
        let Some(drawn) = slot.drawn() else { continue };
        let weight = params.get_mut(slot.weight..slot.weight + slot.weight_len).unwrap_or_default();
        max_norm(ctx, drawn.neurons, drawn.matrix, slot.options.max_norm, weight)?;
    }
    Ok(())
}
