//! Optimizers.

use crate::buffer::{buffers, read};
use crate::context::{Or, context};
use crate::fault::{Fault, Outcome, report};
use crate::status::{fg_error, fg_status};
use flatgrad_core::net::Optimizer;
use flatgrad_core::optim::{
    Adagrad, Adam, RmsProp, Sgd, adagrad_step, adam_step, clip_by_norm, rmsprop_step, sgd_step,
};

/// Which optimizer: one of FG_OPTIMIZER_...
pub type fg_optimizer_kind = u32;
/// Gradient descent, with momentum if asked for.
pub const FG_OPTIMIZER_SGD: fg_optimizer_kind = 0;
/// Adagrad (Duchi et al., 2011).
pub const FG_OPTIMIZER_ADAGRAD: fg_optimizer_kind = 1;
/// RMSprop (Tieleman and Hinton, 2012).
pub const FG_OPTIMIZER_RMSPROP: fg_optimizer_kind = 2;
/// Adam (Kingma and Ba, 2015).
pub const FG_OPTIMIZER_ADAM: fg_optimizer_kind = 3;
/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019); 0.01 if weight_decay is 0.
pub const FG_OPTIMIZER_ADAMW: fg_optimizer_kind = 4;

/// An optimizer with its hyper-parameters, named and meant as in PyTorch. Zeros stand for PyTorch's defaults, except for lr,
/// which has none. A parameter that the kind does not have must be 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct fg_optimizer {
    /// One of FG_OPTIMIZER_...
    pub kind: fg_optimizer_kind,
    /// Learning rate; taken as it is.
    pub lr: f32,
    /// Of gradient descent and RMSprop.
    pub momentum: f32,
    /// Of gradient descent.
    pub dampening: f32,
    /// L2 penalty, or decay of the parameters themselves if decoupled.
    pub weight_decay: f32,
    /// Added to the root; 0: 1e-8, Adagrad 1e-10.
    pub eps: f32,
    /// Of Adagrad.
    pub lr_decay: f32,
    /// Of Adagrad.
    pub initial_accumulator: f32,
    /// Of Adam; 0: 0.9.
    pub beta1: f64,
    /// Of Adam; 0: 0.999.
    pub beta2: f64,
    /// Of RMSprop; 0: 0.99.
    pub alpha: f64,
    /// Of gradient descent: look ahead by one step.
    pub nesterov: bool,
    /// Of gradient descent and Adam: weight decay past the moments.
    pub decoupled: bool,
    /// Of Adam: the largest second moment so far.
    pub amsgrad: bool,
    /// Of Adam: leave the bias correction out.
    pub no_bias_correction: bool,
    /// Of RMSprop: subtract the mean's square.
    pub centered: bool,
}

impl fg_optimizer {
    pub(crate) fn core(self) -> Outcome<Optimizer> {
        let Self { kind, lr, weight_decay, momentum, .. } = self;
        let (sgd, adagrad, rmsprop) =
            (kind == FG_OPTIMIZER_SGD, kind == FG_OPTIMIZER_ADAGRAD, kind == FG_OPTIMIZER_RMSPROP);
        let adam = kind == FG_OPTIMIZER_ADAM || kind == FG_OPTIMIZER_ADAMW;
        if !(sgd || adagrad || rmsprop || adam) {
            return Err(Fault::Unknown { what: "kind of optimizer", value: kind as usize });
        }
        for (set, fits, option) in [
            (momentum != 0.0, sgd || rmsprop, "momentum"),
            (self.dampening != 0.0, sgd, "dampening"),
            (self.eps != 0.0, !sgd, "eps"),
            (self.lr_decay != 0.0, adagrad, "lr_decay"),
            (self.initial_accumulator != 0.0, adagrad, "initial_accumulator"),
            (self.beta1 != 0.0, adam, "beta1"),
            (self.beta2 != 0.0, adam, "beta2"),
            (self.alpha != 0.0, rmsprop, "alpha"),
            (self.nesterov, sgd, "nesterov"),
            (self.decoupled, sgd || adam, "decoupled"),
            (self.amsgrad, adam, "amsgrad"),
            (self.no_bias_correction, adam, "no_bias_correction"),
            (self.centered, rmsprop, "centered"),
        ] {
            if set && !fits {
                return Err(Fault::Option { owner: "optimizer", option });
            }
        }
        let optimizer = match kind {
            FG_OPTIMIZER_SGD => {
                let Self { dampening, decoupled, nesterov, .. } = self;
                Optimizer::Sgd(Sgd { lr, momentum, dampening, weight_decay, decoupled, nesterov })
            }
            FG_OPTIMIZER_ADAGRAD => {
                let Self { lr_decay, initial_accumulator, .. } = self;
                let eps = self.eps.or(Adagrad::DEFAULT.eps);
                Optimizer::Adagrad(Adagrad { lr, lr_decay, weight_decay, initial_accumulator, eps })
            }
            FG_OPTIMIZER_RMSPROP => {
                let (alpha, eps) = (self.alpha.or(RmsProp::DEFAULT.alpha), self.eps.or(RmsProp::DEFAULT.eps));
                Optimizer::RmsProp(RmsProp { lr, alpha, eps, weight_decay, momentum, centered: self.centered })
            }
            _ => {
                let defaults = if kind == FG_OPTIMIZER_ADAMW { Adam::ADAMW } else { Adam::DEFAULT };
                let [beta1, beta2] = defaults.betas;
                Optimizer::Adam(Adam {
                    lr,
                    betas: [self.beta1.or(beta1), self.beta2.or(beta2)],
                    eps: self.eps.or(defaults.eps),
                    weight_decay: weight_decay.or(defaults.weight_decay),
                    decoupled: self.decoupled || defaults.decoupled,
                    amsgrad: self.amsgrad,
                    bias_correction: !self.no_bias_correction,
                })
            }
        };
        Ok(optimizer)
    }
}

/// Floats of state for each parameter: 0 for gradient descent, 1 with momentum, 2 for Adam, ...; 0 if it is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_optimizer_slots(optimizer: *const fg_optimizer) -> usize {
    // SAFETY: as the crate's page asks of the caller.
    unsafe { read("optimizer", optimizer) }.and_then(fg_optimizer::core).map_or(0, |optimizer| optimizer.slots())
}

/// Fills the state as it must be before step 1: zeros, or Adagrad's initial accumulator. Returns FG_OK, or why nothing was
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_optimizer_start(
    optimizer: *const fg_optimizer,
    state: *mut f32,
    state_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let optimizer = read("optimizer", optimizer)?.core()?;
            let ([], [state]) = buffers([], [("state", state, state_len)])?;
            optimizer.check()?;
            state.fill(if let Optimizer::Adagrad(adagrad) = optimizer { adagrad.initial_accumulator } else { 0.0 });
            Ok(())
        })
    }
}

/// params = params - the step that the optimizer makes of grads; step is counted from 1 (gradient descent, step 1 of 1:
/// params - lr grads).
///
/// grads and params have the same length, state fg_optimizer_slots times as many floats: one moment after the other.
/// Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_optimizer_step(
    optimizer: *const fg_optimizer,
    step: u32,
    grads: *const f32,
    grads_len: usize,
    params: *mut f32,
    params_len: usize,
    state: *mut f32,
    state_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let optimizer = read("optimizer", optimizer)?.core()?;
            let ([grads], [params, mut state]) =
                buffers([("grads", grads, grads_len)], [("params", params, params_len), ("state", state, state_len)])?;
            let expected = params.len().saturating_mul(optimizer.slots());
            if state.len() != expected {
                let (what, actual) = ("state", state.len());
                return Err(flatgrad_core::Error::Length { what, expected, actual }.into());
            }
            let (ctx, len) = (context(), params.len());
            let mut next = |kept: bool| {
                let at = if kept { len } else { 0 };
                let (moment, rest) = core::mem::take(&mut state).split_at_mut_checked(at).unwrap_or_default();
                state = rest;
                moment
            };
            match &optimizer {
                Optimizer::Adagrad(adagrad) => adagrad_step(ctx, adagrad, step, grads, params, next(true))?,
                Optimizer::RmsProp(rmsprop) => {
                    let (square, mean) = (next(true), next(rmsprop.centered));
                    rmsprop_step(ctx, rmsprop, step, grads, params, square, mean, next(rmsprop.momentum != 0.0))?;
                }
                Optimizer::Adam(adam) => {
                    let (mean, square) = (next(true), next(true));
                    adam_step(ctx, adam, step, grads, params, mean, square, next(adam.amsgrad))?;
                }
                Optimizer::Sgd(sgd) => sgd_step(ctx, sgd, step, grads, params, next(sgd.momentum != 0.0))?,
                _ => {}
            }
            Ok(())
        })
    }
}

/// grads = grads times limit / |grads| if their norm |grads| is more than limit. The norm they had goes to norm, if it is
/// not null. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_clip_by_norm(
    limit: f32,
    grads: *mut f32,
    grads_len: usize,
    norm: *mut f32,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let norm_len = usize::from(!norm.is_null());
            let ([], [grads, norm]) = buffers([], [("grads", grads, grads_len), ("norm", norm, norm_len)])?;
            norm.fill(clip_by_norm(context(), limit, grads)?);
            Ok(())
        })
    }
}
