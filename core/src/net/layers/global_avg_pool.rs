//! Mean over all of a channel.

use super::{About, Backward, Forward, Pass, Shapes};
use crate::error::Result;
use crate::net::describe::{Kind, Layer};
use crate::net::linked::Parts;
use crate::pool::{global_avg_pool, global_avg_pool_backward};

impl Layer<'_> {
    /// Mean over all of a channel: from image to as many features as there are channels.
    pub const fn global_avg_pool() -> Self {
        Self::of(Kind::GlobalAvgPool)
    }
}

impl Parts {
    /// Global average pooling.
    pub const GLOBAL_AVG_POOL: Self = Self::layer(14);
}

pub(super) const ABOUT: About = About::new("global_avg_pool");

pub(super) const fn shapes(input: [usize; 3]) -> Shapes {
    Shapes { output: [input[0], 1, 1], ..Shapes::same(input) }
}

pub(super) fn forward(pass: &Pass, t: Forward) -> Result {
    global_avg_pool(pass.ctx, pass.planes(), t.x, t.y)
}

pub(super) fn backward(pass: &Pass, t: Backward) -> Result {
    global_avg_pool_backward(pass.ctx, pass.planes(), t.dy, t.dx)
}
