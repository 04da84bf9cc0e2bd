use super::lerp::Lerp;
use super::{check_beta, check_rate, check_state, check_step, decayed, decays};
use crate::error::{Result, check_len};
use crate::keys::{Keys, Value};
use crate::machine::Context;
use crate::scalar::double;
use crate::simd::{Simd, dispatch};
use crate::slice::{share, update};

/// Hyper-parameters of Adam, AMSGrad and AdamW; names, meaning and defaults are those of `torch.optim.Adam` and
/// `torch.optim.AdamW`.
///
/// ```
/// use flatgrad_core::optim::Adam;
/// let adam = Adam { lr: 3e-4, ..Adam::DEFAULT };
/// let adamw = Adam { weight_decay: 0.1, ..Adam::ADAMW };
/// let amsgrad = Adam { amsgrad: true, ..adam };
/// assert_eq!([adam, adamw, amsgrad].map(|a| a.state_slots()), [2, 2, 3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate; finite, not negative.
    pub lr: f32,
    /// Weights of the old averages of the gradient and of its square; each in `[0, 1)`.
    ///
    /// In `f64` because what counts is one minus them, where `f32` would lose five of seven digits of 0.999.
    pub betas: [f64; 2],
    /// Added to the root of the corrected average (not inside the root); finite, not negative. With 0, a parameter
    /// whose gradients were all 0 becomes NaN.
    pub eps: f32,
    /// L2 penalty, added to the gradient, or, if `decoupled`, what each step shrinks the parameter by, times `lr`;
    /// finite, not negative.
    pub weight_decay: f32,
    /// Whether the decay acts on the parameter itself, past the averages (PyTorch's `decoupled_weight_decay`; AdamW:
    /// Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019).
    pub decoupled: bool,
    /// Divides by the largest average of squares so far, not by the present one (Reddi, Kale and Kumar, "On the
    /// convergence of Adam and beyond", ICLR 2018); takes a third element of state.
    pub amsgrad: bool,
    /// Whether the averages, which start from zero, are corrected for it (in PyTorch always). Without, the first steps
    /// are too long or too short: `lr * (1 - beta1) / sqrt(1 - beta2)` in place of `lr` at step 1, 3.16 times as far
    /// with the default betas. After some thousand steps both are the same.
    pub bias_correction: bool,
}

impl Adam {
    /// PyTorch's defaults: learning rate 1e-3, betas 0.9 and 0.999, eps 1e-8, no weight decay.
    pub const DEFAULT: Self = Self {
        lr: 1e-3,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weight_decay: 0.0,
        decoupled: false,
        amsgrad: false,
        bias_correction: true,
    };

    /// PyTorch's defaults of AdamW: the same with a decoupled weight decay of 1e-2.
    pub const ADAMW: Self = Self { weight_decay: 1e-2, decoupled: true, ..Self::DEFAULT };

    /// The hyper-parameters by name.
    pub(crate) const fn keys(&self) -> Keys {
        Keys::NONE
            .and("lr", Value::Number(self.lr))
            .and("betas", Value::Doubles(self.betas))
            .and("eps", Value::Number(self.eps))
            .and("weight_decay", Value::Number(self.weight_decay))
            .and("decoupled", Value::Flag(self.decoupled))
            .and("amsgrad", Value::Flag(self.amsgrad))
            .and("bias_correction", Value::Flag(self.bias_correction))
    }

    /// The optimizer with these hyper-parameters, in the order of its keys.
    pub(crate) const fn with(values: &[Value]) -> Option<Self> {
        match *values {
            [
                Value::Number(lr),
                Value::Doubles(betas),
                Value::Number(eps),
                Value::Number(weight_decay),
                Value::Flag(decoupled),
                Value::Flag(amsgrad),
                Value::Flag(bias_correction),
            ] => Some(Self { lr, betas, eps, weight_decay, decoupled, amsgrad, bias_correction }),
            _ => None,
        }
    }

    /// Refuses hyper-parameters outside their range; every step does it.
    ///
    /// # Errors
    ///
    /// [`Parameter`](crate::Error::Parameter) with the name of the first that is wrong.
    pub const fn check(&self) -> Result {
        let [beta1, beta2] = self.betas;
        // `?` is not const yet.
        match check_rate("lr", self.lr) {
            Ok(()) => {}
            e => return e,
        }
        match check_beta("betas[0]", beta1) {
            Ok(()) => {}
            e => return e,
        }
        match check_beta("betas[1]", beta2) {
            Ok(()) => {}
            e => return e,
        }
        match check_rate("eps", self.eps) {
            Ok(()) => {}
            e => return e,
        }
        check_rate("weight_decay", self.weight_decay)
    }

    /// Elements of state per parameter: two averages, and with `amsgrad` a maximum.
    pub const fn state_slots(&self) -> usize {
        2 + self.amsgrad as usize
    }

    /// Whether it is more than the usual rule: [`Uses::VARIANTS`].
    pub(crate) const fn is_variant(&self) -> bool {
        self.amsgrad || self.weight_decay != 0.0 || !double::above(self.betas[0], 0.5)
    }
}

impl Default for Adam {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// One step of Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015), number `step`, counted
/// from 1.
///
/// `exp_avg` and `exp_avg_sq` are as long as `params` and zeros before step 1; so is `max_exp_avg_sq` with `amsgrad`,
/// and empty without.
///
/// # Errors
///
/// [`Parameter`](crate::Error::Parameter) as [`Adam::check`], [`Dimension`](crate::Error::Dimension) if `step` is 0,
/// [`Length`](crate::Error::Length) unless all slices fit each other.
///
/// # Numerics
///
/// Once a call, in `f64`, each operation rounded, powers by squaring from the lowest bit of `step` up; each result is
/// then rounded to `f32`, as are `beta1`, `1 - beta1`, `beta2` and `1 - beta2`:
///
/// ```text
/// step_size = lr / (1 - beta1 ^ step)          (without bias correction: lr)
/// root      = sqrt(1 - beta2 ^ step)           (without bias correction: 1)
/// shrink    = 1 - lr * weight_decay            (if decoupled, else 1)
/// ```
///
/// Then for each element in `f32`, in this order, each operation rounded, products from left to right:
///
/// ```text
/// param = param * shrink
/// g     = grad + weight_decay * param                      (if weight_decay != 0 and not decoupled)
/// m     = m + (1 - beta1) * (g - m)                        (beta1 > 0.5; else g - (1 - (1 - beta1)) * (g - m))
/// v     = beta2 * v + (1 - beta2) * g * g
/// top   = max(top, v)  (amsgrad; top if top > v, else v)  or  v
/// param = param - step_size * m / (sqrt(top) / root + eps)
/// ```
///
/// ```
/// use flatgrad_core::optim::{Adam, adam_step};
/// use flatgrad_core::{Context, Isa};
/// let (mut w, mut m, mut v) = ([1.0, 2.0], [0.0; 2], [0.0; 2]);
/// let adam = Adam { lr: 0.125, ..Adam::DEFAULT };
/// adam_step(Context::serial(Isa::detect()), &adam, 1, &[100.0, -0.01], &mut w, &mut m, &mut v, &mut [])?;
/// assert!((w[0] - 0.875).abs() < 1e-6 && (w[1] - 2.125).abs() < 1e-6, "the first step is lr in each direction");
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn adam_step(
    ctx: Context,
    adam: &Adam,
    step: u32,
    grads: &[f32],
    params: &mut [f32],
    exp_avg: &mut [f32],
    exp_avg_sq: &mut [f32],
    max_exp_avg_sq: &mut [f32],
) -> Result {
    adam.check()?;
    check_step(step)?;
    check_len("grads", params.len(), grads.len())?;
    check_len("exp_avg", params.len(), exp_avg.len())?;
    check_len("exp_avg_sq", params.len(), exp_avg_sq.len())?;
    check_state("max_exp_avg_sq", adam.amsgrad, params.len(), max_exp_avg_sq.len())?;
    adam_planned::<All>(ctx, adam, step, grads, params, [exp_avg, exp_avg_sq, max_exp_avg_sq]);
    Ok(())
}

/// What of Adam a program uses, as a type.
pub(crate) trait Uses {
    /// Weight decay, AMSGrad, or a first beta of at most a half.
    const VARIANTS: bool;
}

/// All there is.
struct All;

impl Uses for All {
    const VARIANTS: bool = true;
}

/// [`adam_step`] of hyper-parameters and lengths that have been checked.
#[inline(never)]
pub(crate) fn adam_planned<U: Uses>(
    ctx: Context,
    adam: &Adam,
    step: u32,
    grads: &[f32],
    params: &mut [f32],
    [exp_avg, exp_avg_sq, max_exp_avg_sq]: [&mut [f32]; 3],
) {
    let (factors, isa) = (Factors::new::<U>(adam, step), ctx.isa());
    if !U::VARIANTS {
        share(ctx, [grads], [params, exp_avg, exp_avg_sq], &|g, state| dispatch!(isa, |s| every(s, factors, g, state)));
    } else if adam.amsgrad {
        share(ctx, [grads], [params, exp_avg, exp_avg_sq, max_exp_avg_sq], &|g, state| {
            dispatch!(isa, |s| with_maximum(s, factors, g, state))
        });
    } else {
        share(ctx, [grads], [params, exp_avg, exp_avg_sq], &|g, state| dispatch!(isa, |s| plain(s, factors, g, state)));
    }
}

/// What a step computes once.
#[derive(Clone, Copy)]
struct Factors {
    shrink: f32,
    weight_decay: f32,
    average: Lerp,
    beta2: f32,
    rest2: f32,
    step_size: f32,
    root: f32,
    eps: f32,
}

impl Factors {
    fn new<U: Uses>(adam: &Adam, step: u32) -> Self {
        let [beta1, beta2] = adam.betas;
        let ((shrink, weight_decay), average) = if U::VARIANTS {
            (decays(adam.lr, adam.weight_decay, adam.decoupled), Lerp::new(beta1))
        } else {
            ((1.0, 0.0), Lerp::from_old(beta1))
        };
        // What is left of each start from zero is the decay's power of the step.
        let [first, second] = adam
            .betas
            .map(|beta| if adam.bias_correction { double::one_minus(double::power(beta, step)) } else { 1.0 });
        Self {
            shrink,
            weight_decay,
            average,
            beta2: double::narrow(beta2),
            rest2: double::narrow(double::one_minus(beta2)),
            step_size: double::narrow(double::div(double::wide(adam.lr), first)),
            root: double::narrow(double::sqrt(second)),
            eps: adam.eps,
        }
    }

    /// The parameter after decoupled decay, and both averages.
    #[inline(always)]
    fn averages<S: Simd>(&self, s: S, g: S::V, [p, m, v]: [S::V; 3]) -> [S::V; 3] {
        let p = s.mul(p, s.splat(self.shrink));
        let g = decayed(s, self.weight_decay, g, p);
        let v = s.add(s.mul(s.splat(self.beta2), v), s.mul(s.mul(s.splat(self.rest2), g), g));
        [p, self.average.of(s, m, g), v]
    }

    #[inline(always)]
    fn moved<S: Simd>(&self, s: S, p: S::V, m: S::V, v: S::V) -> S::V {
        let denominator = s.add(s.div(s.sqrt(v), s.splat(self.root)), s.splat(self.eps));
        s.sub(p, s.div(s.mul(s.splat(self.step_size), m), denominator))
    }
}

#[inline(always)]
fn plain<S: Simd>(s: S, factors: Factors, grads: [&[f32]; 1], state: [&mut [f32]; 3]) {
    if let (true, Some(average)) = (factors.weight_decay == 0.0, factors.average.only_from_old()) {
        // The usual case without its choices, which would be made for each vector again.
        every(s, Factors { weight_decay: 0.0, average, ..factors }, grads, state)
    } else {
        every(s, factors, grads, state)
    }
}

#[inline(always)]
fn every<S: Simd>(s: S, factors: Factors, grads: [&[f32]; 1], state: [&mut [f32]; 3]) {
    update(
        s,
        grads,
        state,
        #[inline(always)]
        |[g], state| {
            let [p, m, v] = factors.averages(s, g, state);
            [factors.moved(s, p, m, v), m, v]
        },
    );
}

#[inline(always)]
fn with_maximum<S: Simd>(s: S, factors: Factors, grads: [&[f32]; 1], state: [&mut [f32]; 4]) {
    update(
        s,
        grads,
        state,
        #[inline(always)]
        |[g], [p, m, v, top]| {
            let [p, m, v] = factors.averages(s, g, [p, m, v]);
            // Gives v for a NaN on either side.
            let top = s.max(top, v);
            [factors.moved(s, p, m, top), m, v, top]
        },
    );
}
