//! Optimizers.

use super::math::sum;
use crate::optim::{Adagrad, Adam, Lion, Neurons, RmsProp, Sgd};

/// Linear interpolation from `old` to `new` with the weight `keep` of the old, starting from the nearer end.
fn lerp(keep: f64, old: f32, new: f32) -> f32 {
    let weight = (1.0 - keep) as f32;
    if keep > 0.5 { old + weight * (new - old) } else { new - (1.0 - weight) * (new - old) }
}

/// `1 - lr * weight_decay`
fn shrink(lr: f32, weight_decay: f32) -> f32 {
    (1.0 - lr as f64 * weight_decay as f64) as f32
}

/// Stochastic gradient descent: [`sgd_step`](crate::optim::sgd_step). `momentum_buffer` is as long as `params`, or
/// empty without momentum.
pub fn sgd(o: &Sgd, step: u32, grads: &[f32], params: &mut [f32], momentum_buffer: &mut [f32]) {
    for i in 0..params.len() {
        let mut g = grads[i];
        if o.decoupled {
            params[i] *= shrink(o.lr, o.weight_decay);
        } else if o.weight_decay != 0.0 {
            g += o.weight_decay * params[i];
        }
        if o.momentum != 0.0 {
            let old = momentum_buffer[i];
            let buf = if step == 1 { g } else { o.momentum * old + (1.0 - o.dampening) * g };
            momentum_buffer[i] = buf;
            g = if o.nesterov { g + o.momentum * buf } else { buf };
        }
        params[i] -= o.lr * g;
    }
}

/// Adagrad: [`adagrad_step`](crate::optim::adagrad_step).
pub fn adagrad(o: &Adagrad, step: u32, grads: &[f32], params: &mut [f32], sum: &mut [f32]) {
    let rate = (o.lr as f64 / (1.0 + (step as f64 - 1.0) * o.lr_decay as f64)) as f32;
    for i in 0..params.len() {
        let mut g = grads[i];
        if o.weight_decay != 0.0 {
            g += o.weight_decay * params[i];
        }
        sum[i] += g * g;
        params[i] -= rate * g / (libm::sqrtf(sum[i]) + o.eps);
    }
}

/// Lion: [`lion_step`](crate::optim::lion_step).
pub fn lion(o: &Lion, grads: &[f32], params: &mut [f32], exp_avg: &mut [f32]) {
    let average = |beta: f64, m: f32, g: f32| beta as f32 * m + (1.0 - beta) as f32 * g;
    for i in 0..params.len() {
        let (m, g) = (exp_avg[i], grads[i]);
        let c = average(o.betas[0], m, g);
        let sign = if c > 0.0 {
            1.0
        } else if c < 0.0 {
            -1.0
        } else {
            c
        };
        params[i] = params[i] * shrink(o.lr, o.weight_decay) - o.lr * sign;
        exp_avg[i] = average(o.betas[1], m, g);
    }
}

/// RMSprop: [`rmsprop_step`](crate::optim::rmsprop_step). `grad_avg` and `momentum_buffer` are empty where they are not
/// used.
pub fn rmsprop(
    o: &RmsProp,
    grads: &[f32],
    params: &mut [f32],
    square_avg: &mut [f32],
    grad_avg: &mut [f32],
    momentum_buffer: &mut [f32],
) {
    for i in 0..params.len() {
        let mut g = grads[i];
        if o.weight_decay != 0.0 {
            g += o.weight_decay * params[i];
        }
        square_avg[i] = o.alpha as f32 * square_avg[i] + (1.0 - o.alpha) as f32 * g * g;
        let mut variance = square_avg[i];
        if o.centered {
            grad_avg[i] = lerp(o.alpha, grad_avg[i], g);
            let difference = variance - grad_avg[i] * grad_avg[i];
            variance = if 0.0 > difference { 0.0 } else { difference };
        }
        let root = libm::sqrtf(variance) + o.eps;
        if o.momentum != 0.0 {
            momentum_buffer[i] = o.momentum * momentum_buffer[i] + g / root;
            params[i] -= o.lr * momentum_buffer[i];
        } else {
            params[i] -= o.lr * g / root;
        }
    }
}

/// `x ^ n`: the squares of `x` whose bits are in `n`, the lowest first.
fn power(mut x: f64, n: u32) -> f64 {
    let mut y = 1.0;
    for bit in 0..32 {
        if n >> bit & 1 == 1 {
            y *= x;
        }
        x *= x;
    }
    y
}

/// Adam: [`adam_step`](crate::optim::adam_step). `max_exp_avg_sq` is empty without `amsgrad`.
pub fn adam(
    o: &Adam,
    step: u32,
    grads: &[f32],
    params: &mut [f32],
    exp_avg: &mut [f32],
    exp_avg_sq: &mut [f32],
    max_exp_avg_sq: &mut [f32],
) {
    let [beta1, beta2] = o.betas;
    let mut correction = [1.0, 1.0];
    if o.bias_correction {
        correction = [1.0 - power(beta1, step), 1.0 - power(beta2, step)];
    }
    let step_size = (o.lr as f64 / correction[0]) as f32;
    let root = libm::sqrt(correction[1]) as f32;
    for i in 0..params.len() {
        let mut g = grads[i];
        if o.decoupled {
            params[i] *= shrink(o.lr, o.weight_decay);
        } else if o.weight_decay != 0.0 {
            g += o.weight_decay * params[i];
        }
        exp_avg[i] = lerp(beta1, exp_avg[i], g);
        exp_avg_sq[i] = beta2 as f32 * exp_avg_sq[i] + (1.0 - beta2) as f32 * g * g;
        let mut v = exp_avg_sq[i];
        if o.amsgrad {
            v = if max_exp_avg_sq[i] > v { max_exp_avg_sq[i] } else { v };
            max_exp_avg_sq[i] = v;
        }
        params[i] -= step_size * exp_avg[i] / (libm::sqrtf(v) / root + o.eps);
    }
}

/// An exponential moving average of the parameters: [`ema_update`](crate::optim::ema_update).
pub fn ema(decay: f64, params: &[f32], average: &mut [f32]) {
    for i in 0..params.len() {
        average[i] = lerp(decay, average[i], params[i]);
    }
}

/// The Euclidean norm: [`grad_norm`](crate::optim::grad_norm).
pub fn norm(x: &[f32]) -> f32 {
    let mut total = 0.0f64;
    for block in x.chunks(1024) {
        total += sum(block.iter().map(|x| x * x)) as f64;
    }
    libm::sqrt(total) as f32
}

/// Clipping by norm: [`clip_by_norm`](crate::optim::clip_by_norm).
pub fn clip_by_norm(max_norm: f32, grads: &mut [f32]) -> f32 {
    let norm = norm(grads);
    let coefficient = max_norm / (norm + 1e-6);
    let coefficient = if coefficient >= 1.0 { 1.0 } else { coefficient };
    grads.iter_mut().for_each(|g| *g *= coefficient);
    norm
}

/// Clipping by value: [`clip_by_value`](crate::optim::clip_by_value).
pub fn clip_by_value(limit: f32, grads: &mut [f32]) {
    for g in grads {
        let high = if limit < *g { limit } else { *g };
        *g = if -limit > high { -limit } else { high };
    }
}

/// What has faded away: [`flush_state`](crate::optim::flush_state).
pub fn flush_state(state: &mut [f32]) {
    for x in state {
        if x.abs() < f32::from_bits((127 - 100) << 23) {
            *x = 0.0;
        }
    }
}

/// The constraint on each neuron's weights: [`max_norm`](crate::optim::max_norm()).
pub fn max_norm(neurons: Neurons, [rows, cols]: [usize; 2], limit: f32, weight: &mut [f32]) {
    match neurons {
        Neurons::Rows => {
            for r in 0..rows {
                let row = &mut weight[r * cols..(r + 1) * cols];
                let norm = norm(row);
                if norm > limit {
                    row.iter_mut().for_each(|w| *w *= limit / (norm + 1e-7));
                }
            }
        }
        Neurons::Columns => {
            for c in 0..cols {
                let norm = libm::sqrtf((0..rows).fold(0.0, |s, r| s + weight[r * cols + c] * weight[r * cols + c]));
                if norm > limit {
                    (0..rows).for_each(|r| weight[r * cols + c] *= limit / (norm + 1e-7));
                }
            }
        }
    }
}
