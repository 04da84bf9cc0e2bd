//! Activation functions.

use super::math::{exp, expm1, gaussian, log1p, maximum, scaled_tail, sigmoid, sum, tanh};
use crate::activation::Activation;
use crate::scalar::ln_of_sum;

/// One element of [`activate`](crate::activation::activate).
pub fn activate(function: Activation, x: f32) -> f32 {
    match function {
        Activation::Relu => max(0.0, x),
        Activation::LeakyRelu { slope } => {
            if 0.0 < x {
                x
            } else {
                slope * x
            }
        }
        Activation::Elu { alpha } => {
            if 0.0 < x {
                x
            } else {
                alpha * expm1(x)
            }
        }
        Activation::Sigmoid => sigmoid(x),
        Activation::Tanh => tanh(x),
        Activation::Gelu => {
            let a = min(15.0, x.abs());
            max(-15.0, x) * mirrored(x, gaussian(a) * scaled_tail(a))
        }
        Activation::GeluTanh => {
            let x = max(-16.0, x);
            x * sigmoid(x * (1.595_769_2 + 0.071_354_82 * (x * x)))
        }
        Activation::Silu => max(-104.0, x) * sigmoid(x),
        Activation::HardSwish => {
            let x = max(-3.0, x);
            x * (min(6.0, x + 3.0) / 6.0)
        }
        Activation::Mish => {
            let [_, a, d] = mish(x);
            max(-104.0, x) * (a / d)
        }
        Activation::Softplus { beta, threshold } => {
            let z = beta * x;
            if threshold < z { x } else { (max(0.0, z) + log1p(exp(-z.abs()))) / beta }
        }
    }
}

/// One element of [`activate_backward`](crate::activation::activate_backward); `saved` is the function's input or
/// output.
pub fn activate_backward(function: Activation, saved: f32, dy: f32) -> f32 {
    let (x, y) = (saved, saved);
    match function {
        Activation::Relu => {
            if 0.0 < y {
                dy
            } else {
                0.0
            }
        }
        Activation::LeakyRelu { slope } => {
            if 0.0 < saved {
                dy
            } else {
                dy * slope
            }
        }
        Activation::Elu { alpha } => {
            if 0.0 < saved {
                dy
            } else if alpha >= 0.0 {
                dy * (y + alpha)
            } else {
                dy * (alpha * exp(x))
            }
        }
        Activation::Sigmoid => dy * ((1.0 - y) * y),
        Activation::Tanh => dy * (1.0 - y * y),
        Activation::Gelu => {
            let a = min(15.0, x.abs());
            dy * mirrored(x, gaussian(a) * (scaled_tail(a) - a * 0.398_942_3))
        }
        Activation::GeluTanh => {
            let x = min(16.0, max(-16.0, x));
            let square = x * x;
            let s = sigmoid(x * (1.595_769_2 + 0.071_354_82 * square));
            dy * (s * (1.0 + x * (1.0 - s) * (1.595_769_2 + 3.0 * 0.071_354_82 * square)))
        }
        Activation::Silu => {
            let x = min(104.0, max(-104.0, x));
            let s = sigmoid(x);
            dy * (s * (1.0 + x * (1.0 - s)))
        }
        Activation::HardSwish => {
            let inside = if -3.0 < x { x / 3.0 + 0.5 } else { 0.0 };
            dy * if x < 3.0 { inside } else { 1.0 }
        }
        Activation::Mish => {
            let [e, a, d] = mish(x);
            let slope = 4.0 * (e * (1.0 + e));
            let slope = if x < 0.0 { slope } else { slope * e } / (d * d);
            dy * (a / d + min(104.0, max(-104.0, x)) * slope)
        }
        Activation::Softplus { beta, threshold } => {
            let z = beta * x;
            if threshold < z { dy } else { dy * sigmoid(z) }
        }
    }
}

/// `e = exp(-|x|)`, and `a / d = tanh(ln(1 + e^x))`.
fn mish(x: f32) -> [f32; 3] {
    let e = exp(-x.abs());
    let a = if x < 0.0 { e * e } else { 1.0 } + (e + e);
    [e, a, a + if x < 0.0 { 2.0 } else { e * e + e * e }]
}

/// With a NaN on either side, `b`.
fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// With a NaN on either side, `b`.
fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// `v` for a negative `x`, else `1 - v`.
fn mirrored(x: f32, v: f32) -> f32 {
    if x < 0.0 { v } else { 1.0 - v }
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
    let log = ln_of_sum(sum(x.iter().map(|x| exp(x - max))));
    y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - max) - log);
}

/// One row of the gradient of softmax, whose output was `y`.
pub fn softmax_backward(y: &[f32], dy: &[f32], dx: &mut [f32]) {
    let dot = sum(y.iter().zip(dy).map(|(y, dy)| dy * y));
    dx.iter_mut().zip(y.iter().zip(dy)).for_each(|(dx, (y, dy))| *dx = (dy - dot) * y);
}

/// One row of the gradient of log-softmax, whose output was `y`.
pub fn log_softmax_backward(y: &[f32], dy: &[f32], dx: &mut [f32]) {
    let total = sum(dy.iter().copied());
    dx.iter_mut().zip(y.iter().zip(dy)).for_each(|(dx, (y, dy))| *dx = dy - exp(*y) * total);
}
