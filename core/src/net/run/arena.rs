//! The regions of an arena, and what they start from.

use super::work::tensors;
use crate::error::Result;
use crate::init::{Init, fan_in_uniform};
use crate::net::layers::{halves_mut, range};
use crate::net::linked::{Linked, Parts};
use crate::net::plan::View;
use crate::rng::Stream;

/// Layers whose parameters are not drawn.
const NORMS: Parts = Parts::BATCH_NORM.and(Parts::GROUP_NORM).and(Parts::LAYER_NORM).and(Parts::RMS_NORM);

/// The arena, cut in its regions.
pub(super) struct Regions<'a> {
    pub(super) params: &'a mut [f32],
    pub(super) running: &'a mut [f32],
    pub(super) grads: &'a mut [f32],
    pub(super) state: &'a mut [f32],
    pub(super) work: &'a mut [f32],
}

impl<'a> Regions<'a> {
    /// Not inlined: it has many callers.
    #[inline(never)]
    pub(super) fn of(plan: View, arena: &'a mut [f32]) -> Self {
        let mut rest = arena;
        let params = cut(&mut rest, plan.params);
        let running = cut(&mut rest, plan.weights_len() - plan.params);
        let grads = cut(&mut rest, plan.trained);
        let state = cut(&mut rest, plan.trained * plan.config.optimizer.slots());
        Regions { params, running, grads, state, work: rest }
    }
}

/// Takes the first `len` elements off `rest`.
fn cut<'s>(rest: &mut &'s mut [f32], len: usize) -> &'s mut [f32] {
    let (first, others) = core::mem::take(rest).split_at_mut_checked(len).unwrap_or_default();
    *rest = others;
    first
}

/// The state before the first step.
pub(super) fn initialize<L: Linked>(plan: View, regions: Regions, seed: u64) -> Result {
    let Regions { params, running, state, .. } = regions;
    plan.config.optimizer.start(state);
    for (i, slot) in plan.slots.iter().enumerate() {
        let [weight, bias] = tensors(params, (slot.weight, slot.weight_len), slot.bias_len);
        if !slot.kind.about().draws {
            if L::PARTS.any(NORMS) {
                // Normalizations start as the identity.
                weight.fill(1.0);
                bias.fill(0.0);
            }
            continue;
        }
        let fan_in = slot.weight_len.checked_div(slot.output[0]).unwrap_or(0);
        // Two streams a layer: the weights do not depend on whether there is a bias.
        let stream = |which| Stream { seed, stream: 2 * i as u32 + which, step: 0 };
        if L::PARTS.has(Parts::INIT) {
            slot.drawn().map_or(Ok(()), |drawn| slot.options.init.fill(stream(0), drawn.fans, weight))?;
        } else {
            fan_in_uniform(stream(0), fan_in, weight)?;
        }
        if !L::PARTS.has(Parts::INIT) || matches!(slot.options.init, Init::Default) {
            fan_in_uniform(stream(1), fan_in, bias)?;
        } else {
            bias.fill(0.0);
        }
    }
    if !L::PARTS.has(Parts::BATCH_NORM) {
        return Ok(());
    }
    for slot in plan.slots.iter().filter(|s| s.kind.about().has_averages) {
        let (mean, var) = halves_mut(running.get_mut(range((slot.running, 2 * slot.input[0]))).unwrap_or_default());
        mean.fill(0.0);
        var.fill(1.0);
    }
    Ok(())
}
