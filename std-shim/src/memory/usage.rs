//! What is in use when, and the peak.

use flatgrad_core::net::{Phase, Plan, Region, RegionKind};

use super::map::{Block, Content, ELEMENT, Usage};

/// The usage of a phase, of `bytes` in all, of which weights, gradients and state keep their places.
pub(super) fn usage(plan: &Plan, phase: Phase, bytes: usize, kept: [usize; 3]) -> Usage {
    let last_step = plan.last_step(phase);
    let contents = [Content::Weights, Content::WeightGradients, Content::OptimizerState];
    let (mut blocks, mut offset) = (Vec::new(), 0);
    for (content, bytes) in contents.into_iter().zip(kept) {
        if bytes > 0 {
            blocks.push(Block { content, layer: None, offset, bytes, first_step: 0, last_step });
        }
        offset += bytes;
    }
    let mut work: Vec<Block> = plan.regions(phase).map(|region| block(region, offset)).collect();
    let in_use = |step| work.iter().filter(|b| b.lives_in(step)).map(|b| b.bytes).sum::<usize>();
    // The first of equals, as the planner has it.
    let peak_step = (0..=last_step).rev().max_by_key(|&step| in_use(step)).unwrap_or(0);
    let (layers, peak_work) = (plan.layers().count(), in_use(peak_step));
    let peak_layer = match peak_step {
        step if step < layers => step,
        step if step == layers => layers - 1,
        step => 2 * layers - step,
    };
    work.sort_by_key(|block| (block.offset, block.first_step));
    blocks.extend(work);
    let [weights, gradients, optimizer_state] = kept;
    let work = bytes - offset;
    let steps = last_step + 1;
    Usage { bytes, weights, gradients, optimizer_state, work, peak_step, peak_layer, peak_work, steps, blocks }
}

fn block(region: Region, base: usize) -> Block {
    let content = match region.kind {
        RegionKind::Output => Content::Output,
        RegionKind::Gradient => Content::Gradient,
        RegionKind::Statistics => Content::Statistics,
        _ => Content::Scratch,
    };
    let Region { layer, offset, len, first_step, last_step, .. } = region;
    Block { content, layer: Some(layer), offset: base + ELEMENT * offset, bytes: ELEMENT * len, first_step, last_step }
}
