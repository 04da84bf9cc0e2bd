//! Batch normalization.

use super::shapes::check_eps;
use super::{About, Backward, Cost, Forward, Mode, Needs, Pass, Shapes, Slot, Step, Training};
use super::{halves, halves_mut, range};
use crate::error::{Problem, Result};
use crate::keys::{Keys, Value};
use crate::net::describe::{Form, Kind, Layer};
use crate::net::linked::Parts;
use crate::norm::{Affine, BatchNorm, Gradients, Running, Saved};
use crate::norm::{batch_norm_backward, batch_norm_infer, batch_norm_infer_backward, batch_norm_train};

impl Layer<'_> {
    /// Batch normalization: eps 1e-5, momentum 0.1.
    pub const fn batch_norm() -> Self {
        Self::of(Kind::BatchNorm { eps: 1e-5, momentum: 0.1 })
    }

    /// Weight of the new value in the running averages; batch normalization only.
    pub const fn momentum(mut self, value: f32) -> Self {
        match &mut self.form {
            Form::Single(Kind::BatchNorm { momentum, .. }) => *momentum = value,
            _ => self.misuse = Some("momentum"),
        }
        self
    }
}

impl Parts {
    /// Batch normalization.
    pub const BATCH_NORM: Self = Self::layer(2);
}

/// A frozen one, which normalizes by its running averages, is linear: its gradient does not need `x`.
pub(super) const ABOUT: About =
    About { stem: Some("bn"), needs: Needs::Input, is_norm: true, has_averages: true, ..About::new("batch_norm") };

const fn shape_of(slot: &Slot, n: usize, eps: f32, momentum: f32) -> BatchNorm {
    let [c, h, w] = slot.input;
    BatchNorm::new(n, c, h * w).eps(eps).momentum(momentum)
}

pub(super) const fn shapes(eps: f32, momentum: f32, input: [usize; 3]) -> Result<Shapes, Problem> {
    if !(momentum >= 0.0 && momentum <= 1.0) {
        return Err(Problem::Parameter { what: "momentum must be from 0 to 1" });
    }
    match check_eps(eps) {
        Ok(()) => Ok(Shapes { output: input, weight: input[0], bias: input[0] }),
        Err(e) => Err(e),
    }
}

/// Mean and standard deviation of each channel; a frozen one has no need of them.
pub(super) const fn cost(slot: &Slot) -> Cost {
    Cost { statistics: if slot.options.frozen { 0 } else { 2 * slot.input[0] }, ..Cost::NONE }
}

pub(super) const fn keys(eps: f32, momentum: f32) -> Keys {
    Keys::NONE.and("eps", Value::Number(eps)).and("momentum", Value::Number(momentum))
}

pub(super) const fn with(values: &[Value]) -> Option<Kind> {
    match *values {
        [Value::Number(eps), Value::Number(momentum)] => Some(Kind::BatchNorm { eps, momentum }),
        _ => None,
    }
}

pub(super) fn forward(pass: &Pass, eps: f32, momentum: f32, t: Forward, mode: &mut Mode) -> Result {
    let (ctx, slot, affine) = (pass.ctx, pass.slot, Affine { weight: pass.weight(), bias: pass.bias_slice() });
    let averages = range((slot.running, 2 * slot.input[0]));
    let shape = shape_of(slot, pass.n, eps, momentum);
    match mode {
        Mode::Train(Training { running, momentum, .. }) if !slot.options.frozen => {
            let shape = shape.momentum(momentum.unwrap_or(shape.momentum));
            let (mean, var) = halves_mut(running.get_mut(averages).unwrap_or_default());
            let (saved_mean, rstd) = halves_mut(t.saved);
            let (running, saved) = (Running { mean, var }, Saved { mean: saved_mean, rstd });
            batch_norm_train(ctx, &shape, t.x, affine, running, t.y, saved)
        }
        mode => {
            let (mean, var) = halves(mode.running().get(averages).unwrap_or_default());
            batch_norm_infer(ctx, &shape, t.x, affine, Running { mean, var }, t.y)
        }
    }
}

pub(super) fn backward(pass: &Pass, eps: f32, momentum: f32, step: Step, t: Backward) -> Result {
    let (ctx, slot) = (pass.ctx, pass.slot);
    let shape = shape_of(slot, pass.n, eps, momentum);
    if slot.options.frozen {
        let (mean, var) = halves(step.running.get(range((slot.running, 2 * slot.input[0]))).unwrap_or_default());
        return batch_norm_infer_backward(ctx, &shape, t.dy, pass.weight(), Running { mean, var }, t.dx);
    }
    let (mean, rstd) = halves(t.saved);
    let gradients = Gradients { x: t.dx, weight: t.dw, bias: t.db };
    batch_norm_backward(ctx, &shape, t.x, t.dy, pass.weight(), Saved { mean, rstd }, step.update, gradients)
}
