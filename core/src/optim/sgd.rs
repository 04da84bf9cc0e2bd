use super::{check_rate, check_step, decayed};
use crate::context::Context;
use crate::error::{Result, check_len, check_param};
use crate::simd::{Simd, dispatch};
use crate::slice::{share, update};

/// Hyper-parameters of stochastic gradient descent; names, meaning and defaults are those of `torch.optim.SGD`.
///
/// ```
/// use flatgrad_core::optim::Sgd;
/// let sgd = Sgd { lr: 0.1, momentum: 0.9, nesterov: true, ..Sgd::DEFAULT };
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate; finite, not negative.
    pub lr: f32,
    /// Weight of the old momentum buffer; finite, not negative; 0 means no buffer.
    pub momentum: f32,
    /// One minus the weight of the gradient in the momentum buffer; finite.
    pub dampening: f32,
    /// L2 penalty, added to the gradient; finite, not negative.
    pub weight_decay: f32,
    /// Looks ahead by one momentum step; needs momentum, and dampening 0.
    pub nesterov: bool,
}

impl Sgd {
    /// PyTorch's defaults: learning rate 1e-3 and nothing else.
    pub const DEFAULT: Self = Self { lr: 1e-3, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false };

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
/// In this order, each multiplication and addition rounded:
///
/// ```text
/// g   = grad + weight_decay * param                 (if weight_decay != 0)
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
    if sgd.momentum == 0.0 {
        check_len("momentum_buffer", 0, momentum_buffer.len())?;
        share(ctx, [grads], [params], &|g, p| dispatch!(ctx.isa(), |s| plain(s, sgd, g, p)));
    } else {
        check_len("momentum_buffer", params.len(), momentum_buffer.len())?;
        let first = step == 1;
        share(ctx, [grads], [params, momentum_buffer], &|g, p| {
            dispatch!(ctx.isa(), |s| with_momentum(s, sgd, first, g, p))
        });
    }
    Ok(())
}

#[inline(always)]
fn plain<S: Simd>(s: S, sgd: &Sgd, grads: [&[f32]; 1], params: [&mut [f32]; 1]) {
    let Sgd { lr, weight_decay, .. } = *sgd;
    update(
        s,
        grads,
        params,
        #[inline(always)]
        |[g], [p]| [s.sub(p, s.mul(s.splat(lr), decayed(s, weight_decay, g, p)))],
    );
}

#[inline(always)]
fn with_momentum<S: Simd>(s: S, sgd: &Sgd, first: bool, grads: [&[f32]; 1], state: [&mut [f32]; 2]) {
    let Sgd { lr, momentum, dampening, weight_decay, nesterov } = *sgd;
    let (mu, fresh) = (s.splat(momentum), s.splat(1.0 - dampening));
    update(
        s,
        grads,
        state,
        #[inline(always)]
        |[g], [p, buf]| {
            let g = decayed(s, weight_decay, g, p);
            let buf = if first { g } else { s.add(s.mul(mu, buf), s.mul(fresh, g)) };
            let g = if nesterov { s.add(g, s.mul(mu, buf)) } else { buf };
            [s.sub(p, s.mul(s.splat(lr), g)), buf]
        },
    );
}
