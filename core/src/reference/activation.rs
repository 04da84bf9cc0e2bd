//! Activation functions.

use super::math::{exp, maximum, sum};
use crate::activation::Function;

/// One element of [`activate`](crate::activation::activate).
pub fn activate(function: Function, x: f32) -> f32 {
    match function {
        Function::Relu => {
            if 0.0 > x {
                0.0
            } else {
                x
            }
        }
    }
}

/// One element of [`activate_backward`](crate::activation::activate_backward); `saved` is the function's input or output.
pub fn activate_backward(function: Function, saved: f32, dy: f32) -> f32 {
    match function {
        Function::Relu => {
            if 0.0 < saved {
                dy
            } else {
                0.0
            }
        }
    }
}

/// One row of softmax.
pub fn softmax(x: &[f32], y: &mut [f32]) {
    let max = maximum(x);
    let total = sum(x.iter().map(|x| exp(x - max)));
    y.iter_mut().zip(x).for_each(|(y, x)| *y = exp(x - max) / total);
}

/// One row of log-softmax.
pub fn log_softmax(x: &[f32], y: &mut [f32]) {
    let max = maximum(x);
    let log = libm::logf(sum(x.iter().map(|x| exp(x - max))));
    y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - max) - log);
}
