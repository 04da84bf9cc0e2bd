//! The geometry that both engines share: a convolution as a set of correlations, cut into strips whose input is copied
//! to scratch.

mod axis;
mod correlation;
mod plan;

pub(super) use axis::{Axis, Line};
pub(super) use correlation::{Correlation, Direction, Phase, Source};
pub(super) use plan::{ALIGN, MAX_OUTS, PATCH, Plan, aligned, balanced, blocks};
