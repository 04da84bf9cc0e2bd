//! Functions of each element, and softmax.

use crate::buffer::{buffers, read};
use crate::context::{Or, context};
use crate::fault::{Fault, Outcome, report};
use crate::layer::*;
use crate::status::{fg_error, fg_status};
use flatgrad_core::activation::{
    Activation, Saved, activate, activate_backward, activate_in_place, log_softmax, log_softmax_backward, softmax,
    softmax_backward,
};

/// A function of each element.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct fg_function {
    /// FG_KIND_RELU to FG_KIND_SOFTPLUS.
    pub kind: fg_kind,
    /// Leaky relu: the slope, 0: 0.01. Elu: alpha, 0: 1. Softplus: beta, 0: 1.
    pub alpha: f32,
    /// Softplus: above it the result is x, 0: 20.
    pub threshold: f32,
}

impl fg_function {
    pub(crate) fn core(self) -> Outcome<Activation> {
        let Self { kind, alpha, threshold } = self;
        let (takes_alpha, function) = match kind {
            FG_KIND_RELU => (false, Activation::Relu),
            FG_KIND_LEAKY_RELU => (true, Activation::LeakyRelu { slope: alpha.or(0.01) }),
            FG_KIND_ELU => (true, Activation::Elu { alpha: alpha.or(1.0) }),
            FG_KIND_SIGMOID => (false, Activation::Sigmoid),
            FG_KIND_TANH => (false, Activation::Tanh),
            FG_KIND_GELU => (false, Activation::Gelu),
            FG_KIND_GELU_TANH => (false, Activation::GeluTanh),
            FG_KIND_SILU => (false, Activation::Silu),
            FG_KIND_HARD_SWISH => (false, Activation::HardSwish),
            FG_KIND_SOFTPLUS => (true, Activation::Softplus { beta: alpha.or(1.0), threshold: threshold.or(20.0) }),
            _ => return Err(Fault::Unknown { what: "kind of function", value: kind as usize }),
        };
        if alpha != 0.0 && !takes_alpha {
            return Err(Fault::Option { owner: function.name(), option: "alpha" });
        }
        if threshold != 0.0 && kind != FG_KIND_SOFTPLUS {
            return Err(Fault::Option { owner: function.name(), option: "threshold" });
        }
        Ok(function)
    }
}

/// y = f(x), element by element; x and y have the same length. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_activate(
    function: *const fg_function,
    x: *const f32,
    x_len: usize,
    y: *mut f32,
    y_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let function = read("function", function)?.core()?;
            let ([x], [y]) = buffers([("x", x, x_len)], [("y", y, y_len)])?;
            Ok(activate(context(), function, x, y)?)
        })
    }
}

/// x = f(x). Keep a copy of x for the backward pass of a function for which fg_activate_needs_input is true. Returns
/// FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_activate_in_place(
    function: *const fg_function,
    x: *mut f32,
    x_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let function = read("function", function)?.core()?;
            let ([], [x]) = buffers([], [("x", x, x_len)])?;
            Ok(activate_in_place(context(), function, x)?)
        })
    }
}

/// Whether fg_activate_backward needs the function's input x (gelu, silu, ...) rather than its output y; false for a
/// null pointer or an unknown kind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_activate_needs_input(function: *const fg_function) -> bool {
    // SAFETY: as the crate's page asks of the caller.
    let function = unsafe { read("function", function) }.and_then(fg_function::core);
    function.is_ok_and(|function| function.saved() == Saved::Input)
}

/// dx = dy f'(x), from x or y as fg_activate_needs_input says; all of the same length. Returns FG_OK, or why nothing
/// was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_activate_backward(
    function: *const fg_function,
    saved: *const f32,
    saved_len: usize,
    dy: *const f32,
    dy_len: usize,
    dx: *mut f32,
    dx_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let function = read("function", function)?.core()?;
            let ([saved, dy], [dx]) = buffers([("saved", saved, saved_len), ("dy", dy, dy_len)], [("dx", dx, dx_len)])?;
            Ok(activate_backward(context(), function, saved, dy, dx)?)
        })
    }
}

/// y = exp(x) / sum of exp(x), or the logarithm of that, for each sample: x and y [n, classes]. Returns FG_OK, or why
/// nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_softmax(
    n: usize,
    classes: usize,
    logarithm: bool,
    x: *const f32,
    x_len: usize,
    y: *mut f32,
    y_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let ([x], [y]) = buffers([("x", x, x_len)], [("y", y, y_len)])?;
            let run = if logarithm { log_softmax } else { softmax };
            Ok(run(context(), [n, classes], x, y)?)
        })
    }
}

/// dx = y (dy - sum of y dy), or dy - exp(y) sum of dy: the gradient of fg_softmax, from its output; all [n,
/// classes]. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_softmax_backward(
    n: usize,
    classes: usize,
    logarithm: bool,
    y: *const f32,
    y_len: usize,
    dy: *const f32,
    dy_len: usize,
    dx: *mut f32,
    dx_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let ([y, dy], [dx]) = buffers([("y", y, y_len), ("dy", dy, dy_len)], [("dx", dx, dx_len)])?;
            let run = if logarithm { log_softmax_backward } else { softmax_backward };
            Ok(run(context(), [n, classes], y, dy, dx)?)
        })
    }
}
