use super::lerp::Lerp;
use super::{check_beta, check_rate, check_state, check_step, decayed};
use crate::error::{Result, check_len};
use crate::keys::{Keys, Value};
use crate::machine::Context;
use crate::scalar::double;
use crate::simd::{Simd, dispatch};
use crate::slice::{share, update};

/// Hyper-parameters of RMSprop; names, meaning and defaults are those of `torch.optim.RMSprop`.
///
/// ```
/// use flatgrad_core::optim::RmsProp;
/// let rmsprop = RmsProp { momentum: 0.9, ..RmsProp::DEFAULT };
/// assert_eq!(rmsprop.state_slots(), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// Learning rate; finite, not negative.
    pub lr: f32,
    /// Weight of the old average of the squares (rho in the papers and in Keras, where it is 0.9); in `[0, 1)`. In
    /// `f64` because what counts is one minus it.
    pub alpha: f64,
    /// Added to the root (not inside the root); finite, not negative. With 0, a parameter whose gradients were all 0
    /// becomes NaN.
    pub eps: f32,
    /// L2 penalty, added to the gradient; finite, not negative.
    pub weight_decay: f32,
    /// Weight of the old momentum buffer; finite, not negative; 0 means no buffer.
    pub momentum: f32,
    /// Divides by the gradient's standard deviation, not by its root mean square (Graves, 2013).
    pub centered: bool,
}

impl RmsProp {
    /// PyTorch's defaults: learning rate 1e-2, alpha 0.99, eps 1e-8, no weight decay, no momentum, not centered.
    pub const DEFAULT: Self =
        Self { lr: 1e-2, alpha: 0.99, eps: 1e-8, weight_decay: 0.0, momentum: 0.0, centered: false };

    /// The hyper-parameters by name.
    pub(crate) const fn keys(&self) -> Keys {
        Keys::NONE
            .and("lr", Value::Number(self.lr))
            .and("alpha", Value::Double(self.alpha))
            .and("eps", Value::Number(self.eps))
            .and("weight_decay", Value::Number(self.weight_decay))
            .and("momentum", Value::Number(self.momentum))
            .and("centered", Value::Flag(self.centered))
    }

    /// The optimizer with these hyper-parameters, in the order of its keys.
    pub(crate) const fn with(values: &[Value]) -> Option<Self> {
        match *values {
            [
                Value::Number(lr),
                Value::Double(alpha),
                Value::Number(eps),
                Value::Number(weight_decay),
                Value::Number(momentum),
                Value::Flag(centered),
            ] => Some(Self { lr, alpha, eps, weight_decay, momentum, centered }),
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
        match check_beta("alpha", self.alpha) {
            Ok(()) => {}
            e => return e,
        }
        match check_rate("eps", self.eps) {
            Ok(()) => {}
            e => return e,
        }
        match check_rate("weight_decay", self.weight_decay) {
            Ok(()) => {}
            e => return e,
        }
        check_rate("momentum", self.momentum)
    }

    /// Elements of state per parameter: the average of the squares, that of the gradients if `centered`, and the
    /// momentum buffer if there is momentum.
    pub const fn state_slots(&self) -> usize {
        1 + self.centered as usize + (self.momentum != 0.0) as usize
    }
}

impl Default for RmsProp {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// One step of RMSprop (Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5, 2012), number `step`,
/// counted from 1.
///
/// All state is zeros before step 1. `square_avg` is as long as `params`; so is `grad_avg` if the root is centered, and
/// `momentum_buffer` if there is momentum; else they are empty.
///
/// # Errors
///
/// [`Parameter`](crate::Error::Parameter) as [`RmsProp::check`], [`Dimension`](crate::Error::Dimension) if `step` is 0,
/// [`Length`](crate::Error::Length) unless all slices fit each other.
///
/// # Numerics
///
/// `alpha` and `1 - alpha` are rounded to `f32` from `f64`. For each element in `f32`, in this order, each operation
/// rounded, products from left to right:
///
/// ```text
/// g     = grad + weight_decay * param                           (if weight_decay != 0)
/// v     = alpha * v + (1 - alpha) * g * g
/// avg   = avg + (1 - alpha) * (g - avg)                         (if centered and alpha > 0.5)
/// avg   = g - (1 - (1 - alpha)) * (g - avg)                     (if centered and alpha <= 0.5)
/// d     = sqrt(max(0, v - avg * avg)) + eps  (centered)  or  sqrt(v) + eps
/// buf   = momentum * buf + g / d,  param = param - lr * buf     (if momentum != 0)
/// param = param - lr * g / d                                    (else)
/// ```
///
/// Rounding can make `v - avg * avg` negative where the gradient hardly changes. PyTorch's root is then NaN, and stays
/// NaN; here it is 0, and the step is `lr * g / eps`: choose an `eps` for `centered` that bounds it.
///
/// ```
/// use flatgrad_core::optim::{RmsProp, rmsprop_step};
/// use flatgrad_core::{Context, Isa};
/// let (mut w, mut v) = ([1.0, 2.0], [0.0; 2]);
/// let rmsprop = RmsProp { lr: 0.5, alpha: 0.75, eps: 0.0, ..RmsProp::DEFAULT };
/// rmsprop_step(Context::serial(Isa::detect()), &rmsprop, 1, &[2.0, -8.0], &mut w, &mut v, &mut [], &mut [])?;
/// assert_eq!((w, v), ([0.0, 3.0], [1.0, 16.0]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn rmsprop_step(
    ctx: Context,
    rmsprop: &RmsProp,
    step: u32,
    grads: &[f32],
    params: &mut [f32],
    square_avg: &mut [f32],
    grad_avg: &mut [f32],
    momentum_buffer: &mut [f32],
) -> Result {
    let (n, momentum) = (params.len(), rmsprop.momentum != 0.0);
    rmsprop.check()?;
    check_step(step)?;
    check_len("grads", n, grads.len())?;
    check_len("square_avg", n, square_avg.len())?;
    check_state("grad_avg", rmsprop.centered, n, grad_avg.len())?;
    check_state("momentum_buffer", momentum, n, momentum_buffer.len())?;
    let (rule, isa, grads) = (Rule::new(rmsprop), ctx.isa(), [grads]);
    match (rmsprop.centered, momentum) {
        (false, false) => share(ctx, grads, [params, square_avg], &|g, x| dispatch!(isa, |s| plain(s, rule, g, x))),
        (false, true) => share(ctx, grads, [params, square_avg, momentum_buffer], &|g, x| {
            dispatch!(isa, |s| with_momentum(s, rule, g, x))
        }),
        (true, false) => {
            share(ctx, grads, [params, square_avg, grad_avg], &|g, x| dispatch!(isa, |s| centered(s, rule, g, x)))
        }
        (true, true) => share(ctx, grads, [params, square_avg, grad_avg, momentum_buffer], &|g, x| {
            dispatch!(isa, |s| centered_with_momentum(s, rule, g, x))
        }),
    }
    Ok(())
}

/// The parts of a step, in the precision it runs in.
#[derive(Clone, Copy)]
struct Rule {
    lr: f32,
    alpha: f32,
    rest: f32,
    average: Lerp,
    eps: f32,
    weight_decay: f32,
    momentum: f32,
}

impl Rule {
    fn new(o: &RmsProp) -> Self {
        Self {
            lr: o.lr,
            alpha: double::narrow(o.alpha),
            rest: double::narrow(double::one_minus(o.alpha)),
            average: Lerp::new(o.alpha),
            eps: o.eps,
            weight_decay: o.weight_decay,
            momentum: o.momentum,
        }
    }

    /// The new average of the squares.
    #[inline(always)]
    fn squares<S: Simd>(&self, s: S, v: S::V, g: S::V) -> S::V {
        s.add(s.mul(s.splat(self.alpha), v), s.mul(s.mul(s.splat(self.rest), g), g))
    }

    #[inline(always)]
    fn root<S: Simd>(&self, s: S, v: S::V) -> S::V {
        s.add(s.sqrt(v), s.splat(self.eps))
    }

    #[inline(always)]
    fn centered_root<S: Simd>(&self, s: S, v: S::V, average: S::V) -> S::V {
        // A NaN on the right stays one.
        self.root(s, s.max(s.splat(0.0), s.sub(v, s.mul(average, average))))
    }

    #[inline(always)]
    fn moved<S: Simd>(&self, s: S, p: S::V, g: S::V, root: S::V) -> S::V {
        s.sub(p, s.div(s.mul(s.splat(self.lr), g), root))
    }

    /// The parameter and the momentum buffer.
    #[inline(always)]
    fn moved_with_momentum<S: Simd>(&self, s: S, p: S::V, buf: S::V, g: S::V, root: S::V) -> (S::V, S::V) {
        let buf = s.add(s.mul(s.splat(self.momentum), buf), s.div(g, root));
        (s.sub(p, s.mul(s.splat(self.lr), buf)), buf)
    }
}

#[inline(always)]
fn plain<S: Simd>(s: S, rule: Rule, grads: [&[f32]; 1], state: [&mut [f32]; 2]) {
    update(
        s,
        grads,
        state,
        #[inline(always)]
        |[g], [p, v]| {
            let g = decayed(s, rule.weight_decay, g, p);
            let v = rule.squares(s, v, g);
            [rule.moved(s, p, g, rule.root(s, v)), v]
        },
    );
}

#[inline(always)]
fn with_momentum<S: Simd>(s: S, rule: Rule, grads: [&[f32]; 1], state: [&mut [f32]; 3]) {
    update(
        s,
        grads,
        state,
        #[inline(always)]
        |[g], [p, v, buf]| {
            let g = decayed(s, rule.weight_decay, g, p);
            let v = rule.squares(s, v, g);
            let (p, buf) = rule.moved_with_momentum(s, p, buf, g, rule.root(s, v));
            [p, v, buf]
        },
    );
}

#[inline(always)]
fn centered<S: Simd>(s: S, rule: Rule, grads: [&[f32]; 1], state: [&mut [f32]; 3]) {
    update(
        s,
        grads,
        state,
        #[inline(always)]
        |[g], [p, v, average]| {
            let g = decayed(s, rule.weight_decay, g, p);
            let (v, average) = (rule.squares(s, v, g), rule.average.of(s, average, g));
            [rule.moved(s, p, g, rule.centered_root(s, v, average)), v, average]
        },
    );
}

#[inline(always)]
fn centered_with_momentum<S: Simd>(s: S, rule: Rule, grads: [&[f32]; 1], state: [&mut [f32]; 4]) {
    update(
        s,
        grads,
        state,
        #[inline(always)]
        |[g], [p, v, average, buf]| {
            let g = decayed(s, rule.weight_decay, g, p);
            let (v, average) = (rule.squares(s, v, g), rule.average.of(s, average, g));
            let (p, buf) = rule.moved_with_momentum(s, p, buf, g, rule.centered_root(s, v, average));
            [p, v, average, buf]
        },
    );
}
