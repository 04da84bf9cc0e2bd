//! Convolution.

use super::shapes::{product, windows};
use super::{About, Backward, Cost, Drawn, Forward, Needs, Pass, Shapes, Slot, Step};
use crate::conv::{
    Conv2d, conv2d_backward_bias_planned, conv2d_backward_input_planned, conv2d_backward_input_scratch_len,
    conv2d_backward_weight_planned, conv2d_backward_weight_scratch_len, conv2d_planned, conv2d_scratch_len, parts,
};
use crate::error::{Problem, Result};
use crate::init::Fans;
use crate::keys::{Keys, Value};
use crate::net::describe::{Form, Kind, Layer};
use crate::net::linked::{Linked, Parts};
use crate::optim::Neurons;

impl Layer<'_> {
    /// Convolution with a square kernel; stride 1, no padding, no dilation, one group, with a bias.
    pub const fn conv2d(out_channels: usize, kernel: usize) -> Self {
        Self::conv2d_rect(out_channels, [kernel, kernel])
    }

    /// Convolution with a kernel `[kh, kw]`.
    pub const fn conv2d_rect(out_channels: usize, kernel: [usize; 2]) -> Self {
        let (one, zero) = ([1, 1], [0, 0]);
        let kind =
            Kind::Conv2d { out_channels, kernel, stride: one, padding: zero, dilation: one, groups: 1, bias: true };
        Self::of(kind)
    }

    /// Convolution of a signal `[c, 1, len]` (sensor data) with a kernel of `kernel` taps.
    pub const fn conv1d(out_channels: usize, kernel: usize) -> Self {
        Self::conv2d_rect(out_channels, [1, kernel])
    }

    /// Distance between the kernel's taps, in both directions; convolution only.
    pub const fn dilation(self, by: usize) -> Self {
        self.dilation_rect([by, by])
    }

    /// The same, down and across.
    pub const fn dilation_rect(mut self, by: [usize; 2]) -> Self {
        match &mut self.form {
            Form::Single(Kind::Conv2d { dilation, .. }) => *dilation = by,
            _ => self.misuse = Some("dilation"),
        }
        self
    }

    /// Number of independent groups of channels; convolution only.
    pub const fn groups(mut self, n: usize) -> Self {
        match &mut self.form {
            Form::Single(Kind::Conv2d { groups, .. }) => *groups = n,
            _ => self.misuse = Some("groups"),
        }
        self
    }
}

impl Parts {
    /// Which convolutions, other bits tell.
    pub(super) const CONV: Self = Self::layer(0);
    /// Convolutions.
    pub const CONV2D: Self = Self::CONV.and(Self::WAYS).and(Self::TILES);
}

pub(super) const ABOUT: About =
    About { stem: Some("conv"), needs: Needs::Input, can_fuse: true, draws: true, ..About::new("conv2d") };

/// `n` samples of the layer.
pub(super) const fn shape_of(slot: &Slot, n: usize) -> Conv2d {
    let Kind::Conv2d { out_channels, kernel, stride, padding, dilation, groups, .. } = slot.kind else {
        return Conv2d::new(0, slot.input, 0, [1, 1]); // cannot be
    };
    Conv2d::new(n, slot.input, out_channels, kernel).stride(stride).padding(padding).dilation(dilation).groups(groups)
}

pub(super) const fn shapes(kind: &Kind, [c, h, w]: [usize; 3]) -> Result<Shapes, Problem> {
    let Kind::Conv2d { out_channels, kernel, stride, padding, dilation, groups, bias } = *kind else {
        return Err(Problem::Overflow); // cannot be
    };
    if out_channels == 0 {
        return Err(Problem::Zero { what: "the number of output channels" });
    }
    if groups == 0 || c % groups != 0 || out_channels % groups != 0 {
        return Err(Problem::Groups { groups, inputs: c, outputs: out_channels });
    }
    let [oh, ow] = match windows([h, w], kernel, stride, padding, dilation) {
        Ok(size) => size,
        Err(e) => return Err(e),
    };
    match product(&[out_channels, c / groups, kernel[0], kernel[1]]) {
        Ok(weight) => Ok(Shapes { output: [out_channels, oh, ow], weight, bias: if bias { out_channels } else { 0 } }),
        Err(e) => Err(e),
    }
}

pub(super) const fn cost(slot: &Slot, n: usize) -> Cost {
    let shape = shape_of(slot, n);
    let dx = if slot.wants_dx() { conv2d_backward_input_scratch_len(&shape) } else { 0 };
    let dw = if slot.learns() { conv2d_backward_weight_scratch_len(&shape) } else { 0 };
    Cost { forward: conv2d_scratch_len(&shape), backward: if dx > dw { dx } else { dw }, ..Cost::NONE }
}

pub(super) const fn needs_code(slot: &Slot) -> Parts {
    let (ways, tiles) = parts(&shape_of(slot, 1), slot.wants_dx());
    Parts::CONV.and(Parts::of_ways(ways)).and(Parts::of_tiles(tiles))
}

pub(super) const fn keys(kind: &Kind) -> Keys {
    let Kind::Conv2d { out_channels, kernel, stride, padding, dilation, groups, bias } = *kind else {
        return Keys::NONE; // cannot be
    };
    let keys = Keys::NONE.and("out_channels", Value::Size(out_channels)).and("kernel", Value::Pair(kernel));
    let keys = keys.and("stride", Value::Pair(stride)).and("padding", Value::Pair(padding));
    keys.and("dilation", Value::Pair(dilation)).and("groups", Value::Size(groups)).and("bias", Value::Flag(bias))
}

pub(super) const fn with(values: &[Value]) -> Option<Kind> {
    match *values {
        [
            Value::Size(out_channels),
            Value::Pair(kernel),
            Value::Pair(stride),
            Value::Pair(padding),
            Value::Pair(dilation),
            Value::Size(groups),
            Value::Flag(bias),
        ] => Some(Kind::Conv2d { out_channels, kernel, stride, padding, dilation, groups, bias }),
        _ => None,
    }
}

/// The weight is `[out_channels, in_channels / groups, kh, kw]`.
pub(super) fn drawn(slot: &Slot) -> Drawn {
    let shape = shape_of(slot, 1);
    let dims = [shape.out_channels, shape.group_in(), shape.kernel[0], shape.kernel[1]];
    let matrix = [shape.out_channels, slot.weight_len.checked_div(shape.out_channels).unwrap_or(0)];
    Drawn { dims, rank: 4, fans: Fans::conv2d(dims), neurons: Neurons::Rows, matrix }
}

pub(super) fn forward<L: Linked>(pass: &Pass, t: Forward) {
    let (shape, fused) = (shape_of(pass.slot, pass.n), pass.fused());
    conv2d_planned::<L>(pass.ctx, &shape, t.x, pass.weight(), pass.bias(), fused, t.y, t.scratch);
}

pub(super) fn backward<L: Linked>(pass: &Pass, step: Step, t: Backward) {
    let (ctx, slot) = (pass.ctx, pass.slot);
    let shape = &shape_of(slot, pass.n);
    if slot.learns() {
        conv2d_backward_weight_planned::<L>(ctx, shape, t.x, t.dy, step.update, t.dw, t.scratch);
    }
    if slot.learns() && slot.bias_len > 0 {
        let [_, h, w] = slot.output;
        conv2d_backward_bias_planned(ctx, [pass.n, h * w], t.dy, step.update, t.db);
    }
    if slot.wants_dx() {
        conv2d_backward_input_planned::<L>(ctx, shape, t.dy, pass.weight(), t.dx, t.scratch);
    }
}
