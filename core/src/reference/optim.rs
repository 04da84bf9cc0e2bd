//! Optimizers.

use crate::optim::{Adam, Sgd};

/// Stochastic gradient descent: [`sgd_step`](crate::optim::sgd_step). `momentum_buffer` is as long as `params`, or empty
/// without momentum.
pub fn sgd(o: &Sgd, step: u32, grads: &[f32], params: &mut [f32], momentum_buffer: &mut [f32]) {
    for i in 0..params.len() {
        let mut g = grads[i];
        if o.weight_decay != 0.0 {
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

/// Adam: [`adam_step`](crate::optim::adam_step).
pub fn adam(o: &Adam, step: u32, grads: &[f32], params: &mut [f32], exp_avg: &mut [f32], exp_avg_sq: &mut [f32]) {
    let [beta1, beta2] = o.betas;
    let correction = [1.0 - libm::pow(beta1, step as f64), 1.0 - libm::pow(beta2, step as f64)];
    let step_size = (o.lr as f64 / correction[0]) as f32;
    let root = libm::sqrt(correction[1]) as f32;
    for i in 0..params.len() {
        let mut g = grads[i];
        if o.weight_decay != 0.0 {
            g += o.weight_decay * params[i];
        }
        let (m, v) = (exp_avg[i], exp_avg_sq[i]);
        // Linear interpolation from m to g, starting from the nearer end.
        let m = if beta1 > 0.5 { m + (1.0 - beta1) as f32 * (g - m) } else { g - beta1 as f32 * (g - m) };
        let v = beta2 as f32 * v + (1.0 - beta2) as f32 * g * g;
        params[i] -= step_size * m / (libm::sqrtf(v) / root + o.eps);
        (exp_avg[i], exp_avg_sq[i]) = (m, v);
    }
}
