//! The forward pass and the input gradient: both are correlations. Here the engine is chosen, and work is shared out.

use super::Conv2d;
use super::scalar::Scalar;
use super::strips::{Correlation, Direction, Source};
use super::vector::Vector;
use super::ways::{All, Uses};
use crate::machine::target::MICROCONTROLLER;
use crate::scalar::nonzero;
use crate::simd::{MAX_LANES, dispatch};
use crate::{Context, slice};

/// Scratch of one thread; 0 for a shape that [`Conv2d::check`] refuses.
pub(super) const fn scratch_len(conv: &Conv2d, direction: Direction) -> usize {
    if conv.check().is_err() {
        return 0;
    }
    let c = Correlation::new::<All>(conv, direction);
    if MICROCONTROLLER { Scalar(c).scratch_len::<All>() } else { Vector(c).scratch_len() }
}

/// `to = activation((acc + 0.0) + bias)`; the lengths have been checked.
pub(super) fn run<U: Uses>(
    ctx: Context,
    conv: &Conv2d,
    direction: Direction,
    source: Source,
    to: &mut [f32],
    scratch: &mut [f32],
) {
    let c = Correlation::new::<U>(conv, direction);
    if MICROCONTROLLER && ctx.threads() == 1 {
        return Scalar(c).part::<U>(0, source, to, scratch);
    }
    let channels = c.writes * c.conv.groups;
    // Whole samples, or where there are fewer of them than threads a sample's groups or vectors of channels.
    let split = if c.conv.groups > 1 { c.writes } else { MAX_LANES };
    let whole = c.conv.n >= ctx.threads() || !channels.is_multiple_of(nonzero(split));
    let planes = if whole { channels } else { split };
    let plane = c.to[0] * c.to[1];
    slice::share_chunks(ctx, to, planes * plane, scratch, scratch_len(conv, direction), &|first, to, scratch| {
        let first = first * planes;
        if MICROCONTROLLER {
            return Scalar(c).part::<U>(first, source, to, scratch);
        }
        dispatch!(ctx.isa(), |s| Vector(c).part(s, first, source, to, scratch));
    });
}
