//! Optimizers.

use crate::context::Or;
use crate::fault::{Fault, Outcome};
use flatgrad_core::net::Optimizer;
use flatgrad_core::optim::{Adagrad, Adam, RmsProp, Sgd};

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

/// An optimizer with its hyper-parameters, named and meant as in PyTorch. Zeros stand for PyTorch's defaults, except
/// for lr, which has none. A parameter that the kind does not have must be 0.
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
