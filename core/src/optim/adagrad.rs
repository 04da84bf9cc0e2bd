use super::{check_rate, check_step, decayed};
use crate::error::{Result, check_len};
use crate::keys::{Keys, Value};
use crate::machine::Context;
use crate::simd::{Simd, dispatch};
use crate::slice::{share, update};

/// Hyper-parameters of Adagrad; names, meaning and defaults are those of `torch.optim.Adagrad`.
///
/// ```
/// use flatgrad_core::optim::Adagrad;
/// let adagrad = Adagrad { lr: 0.1, ..Adagrad::DEFAULT };
/// assert_eq!((adagrad.eps, adagrad.state_slots()), (1e-10, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    /// Learning rate; finite, not negative.
    pub lr: f32,
    /// Step `t` has the learning rate `lr / (1 + (t - 1) * lr_decay)`; finite, not negative.
    pub lr_decay: f32,
    /// L2 penalty, added to the gradient; finite, not negative.
    pub weight_decay: f32,
    /// What the caller fills `sum` with before step 1 (PyTorch's `initial_accumulator_value`); finite, not negative.
    /// No step reads it.
    pub initial_accumulator: f32,
    /// Added to the root (not inside the root); finite, not negative. With 0, a parameter whose gradients were all 0
    /// becomes NaN.
    pub eps: f32,
}

impl Adagrad {
    /// PyTorch's defaults: learning rate 1e-2, eps 1e-10, all else 0.
    pub const DEFAULT: Self = Self { lr: 1e-2, lr_decay: 0.0, weight_decay: 0.0, initial_accumulator: 0.0, eps: 1e-10 };

    /// The hyper-parameters by name.
    pub(crate) const fn keys(&self) -> Keys {
        Keys::NONE
            .and("lr", Value::Number(self.lr))
            .and("lr_decay", Value::Number(self.lr_decay))
            .and("weight_decay", Value::Number(self.weight_decay))
            .and("initial_accumulator", Value::Number(self.initial_accumulator))
            .and("eps", Value::Number(self.eps))
    }

    /// The optimizer with these hyper-parameters, in the order of its keys.
    pub(crate) const fn with(values: &[Value]) -> Option<Self> {
        match *values {
            [
                Value::Number(lr),
                Value::Number(lr_decay),
                Value::Number(weight_decay),
                Value::Number(initial_accumulator),
                Value::Number(eps),
            ] => Some(Self { lr, lr_decay, weight_decay, initial_accumulator, eps }),
            _ => None,
        }
    }

    /// Refuses hyper-parameters outside their range; every step does it.
    ///
    /// # Errors
    ///
    /// [`Parameter`](crate::Error::Parameter) with the name of the first that is wrong.
    pub const fn check(&self) -> Result {
        // `?` is not const yet.
        match check_rate("lr", self.lr) {
            Ok(()) => {}
            e => return e,
        }
        match check_rate("lr_decay", self.lr_decay) {
            Ok(()) => {}
            e => return e,
        }
        match check_rate("weight_decay", self.weight_decay) {
            Ok(()) => {}
            e => return e,
        }
        match check_rate("initial_accumulator", self.initial_accumulator) {
            Ok(()) => {}
            e => return e,
        }
        check_rate("eps", self.eps)
    }

    /// Elements of state per parameter.
    pub const fn state_slots(&self) -> usize {
        1
    }

    /// The learning rate of a step.
    const fn rate(&self, step: u32) -> f32 {
        (self.lr as f64 / (1.0 + (step as f64 - 1.0) * self.lr_decay as f64)) as f32
    }
}

impl Default for Adagrad {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// One step of Adagrad (Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
/// optimization", JMLR 2011), number `step`, counted from 1.
///
/// `sum` is as long as `params`, filled with [`Adagrad::initial_accumulator`] before step 1. It only grows, so a
/// parameter's effective rate `lr / (sqrt(sum) + eps)` only falls.
///
/// # Errors
///
/// [`Parameter`](crate::Error::Parameter) as [`Adagrad::check`], [`Dimension`](crate::Error::Dimension) if `step` is 0,
/// [`Length`](crate::Error::Length) unless all slices are equally long.
///
/// # Numerics
///
/// `rate = lr / (1 + (step - 1) * lr_decay)` once a call, in `f64`, rounded to `f32`. Then for each element in `f32`,
/// in this order, each operation rounded, products from left to right:
///
/// ```text
/// g     = grad + weight_decay * param       (if weight_decay != 0)
/// sum   = sum + g * g
/// param = param - rate * g / (sqrt(sum) + eps)
/// ```
///
/// ```
/// use flatgrad_core::optim::{Adagrad, adagrad_step};
/// use flatgrad_core::{Context, Isa};
/// let (mut w, mut sum) = ([1.0, 2.0], [0.0, 9.0]);
/// let adagrad = Adagrad { lr: 0.5, eps: 0.0, ..Adagrad::DEFAULT };
/// adagrad_step(Context::serial(Isa::detect()), &adagrad, 1, &[3.0, -4.0], &mut w, &mut sum)?;
/// assert_eq!((w, sum), ([0.5, 2.4], [9.0, 25.0]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn adagrad_step(
    ctx: Context,
    adagrad: &Adagrad,
    step: u32,
    grads: &[f32],
    params: &mut [f32],
    sum: &mut [f32],
) -> Result {
    adagrad.check()?;
    check_step(step)?;
    check_len("grads", params.len(), grads.len())?;
    check_len("sum", params.len(), sum.len())?;
    let rate = adagrad.rate(step);
    share(ctx, [grads], [params, sum], &|g, state| dispatch!(ctx.isa(), |s| pass(s, adagrad, rate, g, state)));
    Ok(())
}

#[inline(always)]
fn pass<S: Simd>(s: S, adagrad: &Adagrad, rate: f32, grads: [&[f32]; 1], state: [&mut [f32]; 2]) {
    let Adagrad { weight_decay, eps, .. } = *adagrad;
    let (rate, eps) = (s.splat(rate), s.splat(eps));
    update(
        s,
        grads,
        state,
        #[inline(always)]
        |[g], [p, sum]| {
            let g = decayed(s, weight_decay, g, p);
            let sum = s.add(sum, s.mul(g, g));
            [s.sub(p, s.div(s.mul(rate, g), s.add(s.sqrt(sum), eps))), sum]
        },
    );
}
