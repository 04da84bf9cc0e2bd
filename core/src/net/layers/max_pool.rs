//! Maximum over windows.

use super::{About, Backward, Forward, Needs, Pass, Slot};
use crate::keys::{Keys, Value};
use crate::net::describe::{Kind, Layer};
use crate::net::linked::{Linked, Parts};
use crate::pool::{MaxPool2d, max_pool2d_backward_planned, max_pool2d_planned};

impl Layer<'_> {
    /// Maximum over square windows; the stride is the kernel, no padding.
    pub const fn max_pool(kernel: usize) -> Self {
        Self::max_pool_rect([kernel, kernel])
    }

    /// Maximum over windows `[kh, kw]`; the stride is the kernel, no padding.
    pub const fn max_pool_rect(kernel: [usize; 2]) -> Self {
        Self::of(Kind::MaxPool2d { kernel, stride: kernel, padding: [0, 0] })
    }

    /// Maximum over `kernel` neighbours of a signal `[c, 1, len]`.
    pub const fn max_pool1d(kernel: usize) -> Self {
        Self::max_pool_rect([1, kernel])
    }
}

impl Parts {
    /// Max pooling of 2x2, side by side.
    pub(super) const POOL: Self = Self::layer(11);
    /// Max pooling.
    pub const MAX_POOL: Self = Self::POOL.and(Self::WINDOWS);
}

pub(super) const ABOUT: About = About { needs: Needs::Input, needs_frozen: Needs::Input, ..About::new("max_pool2d") };

const fn shape_of(slot: &Slot, n: usize) -> MaxPool2d {
    let Kind::MaxPool2d { kernel, stride, padding } = slot.kind else {
        return MaxPool2d::new(0, slot.input, [1, 1]); // cannot be
    };
    MaxPool2d::new(n, slot.input, kernel).stride(stride).padding(padding)
}

pub(super) const fn needs_code(slot: &Slot) -> Parts {
    if shape_of(slot, 1).is_2x2() { Parts::POOL } else { Parts::MAX_POOL }
}

pub(super) const fn keys(kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]) -> Keys {
    Keys::NONE
        .and("kernel", Value::Pair(kernel))
        .and("stride", Value::Pair(stride))
        .and("padding", Value::Pair(padding))
}

pub(super) const fn with(values: &[Value]) -> Option<Kind> {
    match *values {
        [Value::Pair(kernel), Value::Pair(stride), Value::Pair(padding)] => {
            Some(Kind::MaxPool2d { kernel, stride, padding })
        }
        _ => None,
    }
}

pub(super) fn forward<L: Linked>(pass: &Pass, t: Forward) {
    max_pool2d_planned::<L>(pass.ctx, &shape_of(pass.slot, pass.n), t.x, t.y);
}

pub(super) fn backward<L: Linked>(pass: &Pass, t: Backward) {
    max_pool2d_backward_planned::<L>(pass.ctx, &shape_of(pass.slot, pass.n), t.x, t.dy, t.dx);
}
