//! Mean over windows.

use super::{About, Backward, Forward, Pass, Slot};
use crate::error::Result;
use crate::keys::{Keys, Value};
use crate::net::describe::{Form, Kind, Layer};
use crate::net::linked::Parts;
use crate::pool::{AvgPool2d, avg_pool2d, avg_pool2d_backward};

impl Layer<'_> {
    /// Mean over square windows; the stride is the kernel, no padding; zeros of a padding count, as in PyTorch.
    pub const fn avg_pool(kernel: usize) -> Self {
        Self::avg_pool_rect([kernel, kernel])
    }

    /// Mean over windows `[kh, kw]`; the stride is the kernel, no padding.
    pub const fn avg_pool_rect(kernel: [usize; 2]) -> Self {
        Self::of(Kind::AvgPool2d { kernel, stride: kernel, padding: [0, 0], count_include_pad: true })
    }

    /// Mean over `kernel` neighbours of a signal `[c, 1, len]`.
    pub const fn avg_pool1d(kernel: usize) -> Self {
        Self::avg_pool_rect([1, kernel])
    }

    /// Whether the zeros of a padding count in a mean (they do by default); average pooling only.
    pub const fn count_include_pad(mut self, count: bool) -> Self {
        match &mut self.form {
            Form::Single(Kind::AvgPool2d { count_include_pad, .. }) => *count_include_pad = count,
            _ => self.misuse = Some("count_include_pad"),
        }
        self
    }
}

impl Parts {
    /// Average pooling.
    pub const AVG_POOL: Self = Self::layer(13);
}

pub(super) const ABOUT: About = About::new("avg_pool2d");

const fn shape_of(slot: &Slot, n: usize) -> AvgPool2d {
    let Kind::AvgPool2d { kernel, stride, padding, count_include_pad } = slot.kind else {
        return AvgPool2d::new(0, slot.input, [1, 1]); // cannot be
    };
    let shape = AvgPool2d::new(n, slot.input, kernel).stride(stride).padding(padding);
    shape.count_include_pad(count_include_pad)
}

pub(super) const fn keys(kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2], count_include_pad: bool) -> Keys {
    super::max_pool::keys(kernel, stride, padding).and("count_include_pad", Value::Flag(count_include_pad))
}

pub(super) const fn with(values: &[Value]) -> Option<Kind> {
    match *values {
        [Value::Pair(kernel), Value::Pair(stride), Value::Pair(padding), Value::Flag(count_include_pad)] => {
            Some(Kind::AvgPool2d { kernel, stride, padding, count_include_pad })
        }
        _ => None,
    }
}

pub(super) fn forward(pass: &Pass, t: Forward) -> Result {
    avg_pool2d(pass.ctx, &shape_of(pass.slot, pass.n), t.x, t.y)
}

pub(super) fn backward(pass: &Pass, t: Backward) -> Result {
    avg_pool2d_backward(pass.ctx, &shape_of(pass.slot, pass.n), t.dy, t.dx)
}
