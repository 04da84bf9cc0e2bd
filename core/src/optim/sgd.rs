use super::{check_rate, check_state, check_step, decayed, decays};
use crate::error::{Result, check_len, check_param};
use crate::keys::{Keys, Value};
use crate::machine::Context;
use crate::simd::{Simd, dispatch};
use crate::slice::{share, update};

/// Hyper-parameters of stochastic gradient descent; names, meaning and defaults are those of `torch.optim.SGD`.
///
/// ```
/// use flatgrad_core::optim::Sgd;
/// let sgd = Sgd { lr: 0.1, momentum: 0.9, nesterov: true, ..Sgd::DEFAULT };
/// assert_eq!((Sgd::DEFAULT.state_slots(), sgd.state_slots()), (0, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate; finite, not negative.
    pub lr: f32,
    /// Weight of the old momentum buffer; finite, not negative; 0 means no buffer.
    pub momentum: f32,
    /// One minus the weight of the gradient in the momentum buffer; finite.
    pub dampening: f32,
    /// L2 penalty, added to the gradient, or, if `decoupled`, what each step shrinks the parameter by, times `lr`;
    /// finite, not negative.
    pub weight_decay: f32,
    /// Whether the decay acts on the parameter itself, past the momentum buffer: SGDW of Loshchilov and Hutter,
    /// "Decoupled weight decay regularization", ICLR 2019 (not in PyTorch). Without momentum both are the same but for
    /// rounding.
    pub decoupled: bool,
    /// Looks ahead by one momentum step; needs momentum, and dampening 0.
    pub nesterov: bool,
}

impl Sgd {
    /// PyTorch's defaults: learning rate 1e-3 and nothing else.
    pub const DEFAULT: Self =
        Self { lr: 1e-3, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, decoupled: false, nesterov: false };

    /// The hyper-parameters by name.
    pub(crate) const fn keys(&self) -> Keys {
        Keys::NONE
            .and("lr", Value::Number(self.lr))
            .and("momentum", Value::Number(self.momentum))
            .and("dampening", Value::Number(self.dampening))
            .and("weight_decay", Value::Number(self.weight_decay))
            .and("decoupled", Value::Flag(self.decoupled))
            .and("nesterov", Value::Flag(self.nesterov))
    }

    /// The optimizer with these hyper-parameters, in the order of its keys.
    pub(crate) const fn with(values: &[Value]) -> Option<Self> {
        match *values {
            [
                Value::Number(lr),
                Value::Number(momentum),
                Value::Number(dampening),
                Value::Number(weight_decay),
                Value::Flag(decoupled),
                Value::Flag(nesterov),
            ] => Some(Self { lr, momentum, dampening, weight_decay, decoupled, nesterov }),
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
        match check_rate("momentum", self.momentum) {
            Ok(()) => {}
            e => return e,
        }
        match check_rate("weight_decay", self.weight_decay) {
            Ok(()) => {}
            e => return e,
        }
        match check_param(self.dampening.is_finite(), "dampening", "finite", self.dampening) {
            Ok(()) => {}
            e => return e,
        }
        match check_param(!self.nesterov || self.momentum > 0.0, "momentum", "positive for nesterov", self.momentum) {
            Ok(()) => {}
            e => return e,
        }
        check_param(!self.nesterov || self.dampening == 0.0, "dampening", "0 for nesterov", self.dampening)
    }

    /// Elements of state per parameter: a momentum buffer, if there is momentum.
    pub const fn state_slots(&self) -> usize {
        (self.momentum != 0.0) as usize
    }
}

impl Default for Sgd {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// One step of stochastic gradient descent, number `step`, counted from 1.
///
/// `momentum_buffer` is as long as `params`, or empty if `momentum` is 0. Step 1 ignores its content. The learning rate
/// is applied outside the buffer, as in PyTorch (in the papers and in Keras it is inside).
///
/// # Errors
///
/// [`Parameter`](crate::Error::Parameter) as [`Sgd::check`], [`Dimension`](crate::Error::Dimension) if `step` is 0,
/// [`Length`](crate::Error::Length) unless `params`, `grads` and `momentum_buffer` fit each other.
///
/// # Numerics
///
/// `shrink = 1 - lr * weight_decay` in `f64`, rounded to `f32`, if the decay is decoupled, else 1. Then in `f32`, in
/// this order, each multiplication, addition and subtraction rounded:
///
/// ```text
/// param = param * shrink
/// g   = grad + weight_decay * param                 (if weight_decay != 0 and not decoupled)
/// buf = g                                           (step 1)
/// buf = momentum * buf + (1 - dampening) * g        (later)
/// g   = g + momentum * buf  (nesterov)  or  buf
/// param = param - lr * g
/// ```
///
/// ```
/// use flatgrad_core::optim::{Sgd, sgd_step};
/// use flatgrad_core::{Context, Isa};
/// let (mut w, mut buf) = ([1.0, 2.0], [f32::NAN; 2]);
/// let sgd = Sgd { lr: 0.5, momentum: 0.5, ..Sgd::DEFAULT };
/// for step in 1..=2 {
///     sgd_step(Context::serial(Isa::detect()), &sgd, step, &[1.0, -1.0], &mut w, &mut buf)?;
/// }
/// assert_eq!((w, buf), ([-0.25, 3.25], [1.5, -1.5]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn sgd_step(
    ctx: Context,
    sgd: &Sgd,
    step: u32,
    grads: &[f32],
    params: &mut [f32],
    momentum_buffer: &mut [f32],
) -> Result {
    sgd.check()?;
    check_step(step)?;
    check_len("grads", params.len(), grads.len())?;
    check_state("momentum_buffer", sgd.momentum != 0.0, params.len(), momentum_buffer.len())?;
    sgd_planned(ctx, sgd, step, grads, params, momentum_buffer);
    Ok(())
}

/// [`sgd_step`] of hyper-parameters and lengths that have been checked.
pub(crate) fn sgd_planned(
    ctx: Context,
    sgd: &Sgd,
    step: u32,
    grads: &[f32],
    params: &mut [f32],
    momentum_buffer: &mut [f32],
) {
    let (isa, first) = (ctx.isa(), step == 1);
    if sgd.momentum == 0.0 {
        share(ctx, [grads], [params], &|g, p| dispatch!(isa, |s| plain(s, sgd, g, p)));
    } else {
        share(ctx, [grads], [params, momentum_buffer], &|g, p| dispatch!(isa, |s| with_momentum(s, sgd, first, g, p)));
    }
}

#[inline(always)]
fn plain<S: Simd>(s: S, sgd: &Sgd, grads: [&[f32]; 1], params: [&mut [f32]; 1]) {
    let (shrink, weight_decay) = decays(sgd.lr, sgd.weight_decay, sgd.decoupled);
    let (lr, shrink) = (s.splat(sgd.lr), s.splat(shrink));
    update(
        s,
        grads,
        params,
        #[inline(always)]
        |[g], [p]| {
            let p = s.mul(p, shrink);
            [s.sub(p, s.mul(lr, decayed(s, weight_decay, g, p)))]
        },
    );
}

#[inline(always)]
fn with_momentum<S: Simd>(s: S, sgd: &Sgd, first: bool, grads: [&[f32]; 1], state: [&mut [f32]; 2]) {
    let (shrink, weight_decay) = decays(sgd.lr, sgd.weight_decay, sgd.decoupled);
    let (lr, shrink) = (s.splat(sgd.lr), s.splat(shrink));
    let (mu, fresh) = (s.splat(sgd.momentum), s.splat(1.0 - sgd.dampening));
    let nesterov = sgd.nesterov;
    update(
        s,
        grads,
        state,
        #[inline(always)]
        |[g], [p, buf]| {
            let p = s.mul(p, shrink);
            let g = decayed(s, weight_decay, g, p);
            let buf = if first { g } else { s.add(s.mul(mu, buf), s.mul(fresh, g)) };
            let g = if nesterov { s.add(g, s.mul(mu, buf)) } else { buf };
            [s.sub(p, s.mul(lr, g)), buf]
        },
    );
}
