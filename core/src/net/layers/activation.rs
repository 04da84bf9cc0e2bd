//! Functions of each element.

use super::{About, Backward, Forward, Needs, Pass, Shapes, Slot};
use crate::activation::{Activation, Saved, apply, apply_backward, apply_backward_in_place, apply_in_place};
use crate::error::{Problem, Result};
use crate::net::describe::{Kind, Layer};
use crate::net::linked::Parts;

impl Layer<'_> {
    /// A function of each element.
    ///
    /// ```
    /// use flatgrad_core::{activation::Activation, net::Layer};
    /// assert_eq!(Layer::activation(Activation::Relu), Layer::relu());
    /// ```
    pub const fn activation(function: Activation) -> Self {
        Self::of(Kind::Activation(function))
    }

    /// `max(0, x)`
    pub const fn relu() -> Self {
        Self::activation(Activation::Relu)
    }

    /// `x` where it is positive, else `slope * x`.
    pub const fn leaky_relu(slope: f32) -> Self {
        Self::activation(Activation::LeakyRelu { slope })
    }

    /// `x` where it is positive, else `alpha * (e^x - 1)`.
    pub const fn elu(alpha: f32) -> Self {
        Self::activation(Activation::Elu { alpha })
    }

    /// `1 / (1 + e^-x)`
    pub const fn sigmoid() -> Self {
        Self::activation(Activation::Sigmoid)
    }

    /// The hyperbolic tangent.
    pub const fn tanh() -> Self {
        Self::activation(Activation::Tanh)
    }

    /// `x` times the normal distribution function at `x`; [`Activation::GeluTanh`] is the approximation.
    pub const fn gelu() -> Self {
        Self::activation(Activation::Gelu)
    }

    /// `x` times its sigmoid.
    pub const fn silu() -> Self {
        Self::activation(Activation::Silu)
    }

    /// `x` times a piecewise linear sigmoid.
    pub const fn hard_swish() -> Self {
        Self::activation(Activation::HardSwish)
    }
}

impl Parts {
    /// Relu as the epilogue of the layer before it.
    pub(super) const RELU_IN_PLACE: Self = Self::layer(6);
    /// Relu that is no epilogue.
    pub(super) const RELU_ALONE: Self = Self::layer(7);
    /// Relu.
    pub const RELU: Self = Self::RELU_IN_PLACE.and(Self::RELU_ALONE);
    /// All other functions of each element.
    pub const FUNCTIONS: Self = Self::layer(8);
}

pub(super) const fn about(function: Activation) -> About {
    let (is_relu, of_output) = (matches!(function, Activation::Relu), matches!(function.saved(), Saved::Output));
    let needs = match function.saved() {
        Saved::Output if is_relu || matches!(function, Activation::LeakyRelu { .. }) => Needs::Sign,
        Saved::Output => Needs::Output,
        Saved::Input => Needs::Input,
    };
    About { needs, needs_frozen: needs, in_place: of_output, is_relu, ..About::new(function.name()) }
}

pub(super) const fn shapes(function: Activation, input: [usize; 3]) -> Result<Shapes, Problem> {
    match function.check() {
        Ok(()) => Ok(Shapes::same(input)),
        Err(_) => Err(Problem::Parameter { what: "a parameter of the function is outside its range" }),
    }
}

pub(super) const fn needs_code(slot: &Slot, function: Activation) -> Parts {
    match matches!(function, Activation::Relu) {
        true if slot.fused => Parts::RELU_IN_PLACE,
        true => Parts::RELU,
        false => Parts::FUNCTIONS,
    }
}

/// Inlined, so that a constant function leaves out the others; so is the gradient.
#[inline(always)]
pub(super) fn forward(pass: &Pass, function: Activation, t: Forward) {
    if pass.slot.in_place { apply_in_place(pass.ctx, function, t.y) } else { apply(pass.ctx, function, t.x, t.y) }
}

#[inline(always)]
pub(super) fn backward(pass: &Pass, function: Activation, t: Backward) {
    let saved = match function.saved() {
        Saved::Input => t.x,
        Saved::Output => t.y,
    };
    if pass.slot.in_place {
        apply_backward_in_place(pass.ctx, function, saved, t.dy)
    } else {
        apply_backward(pass.ctx, function, saved, t.dy, t.dx)
    }
}

/// The gradient of a relu that is the epilogue of the layer before it.
pub(super) fn fused_backward(pass: &Pass, t: Backward) {
    apply_backward_in_place(pass.ctx, Activation::Relu, t.y, t.dy);
}
