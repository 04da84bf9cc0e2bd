use super::{check_beta, check_rate, check_step, decays};
use crate::error::{Result, check_len};
use crate::keys::{Keys, Value};
use crate::machine::Context;
use crate::scalar::double;
use crate::simd::{Simd, dispatch};
use crate::slice::{share, update};

/// Hyper-parameters of Lion, which steps by the sign of an average: all parameters move by `lr`.
///
/// Usual learning rates are 3 to 10 times smaller than Adam's, and weight decays as much larger.
///
/// ```
/// use flatgrad_core::optim::Lion;
/// let lion = Lion { lr: 3e-4, weight_decay: 0.1, ..Lion::DEFAULT };
/// assert_eq!((lion.state_slots(), lion.betas), (1, [0.9, 0.99]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lion {
    /// Learning rate; finite, not negative.
    pub lr: f32,
    /// Weights of the old average: in what the step's sign is taken of, and in the average that is kept; each in
    /// `[0, 1)`.
    pub betas: [f64; 2],
    /// What each step shrinks the parameter by, times `lr`; finite, not negative.
    pub weight_decay: f32,
}

impl Lion {
    /// The paper's betas, a learning rate of 1e-4, no weight decay.
    pub const DEFAULT: Self = Self { lr: 1e-4, betas: [0.9, 0.99], weight_decay: 0.0 };

    /// The hyper-parameters by name.
    pub(crate) const fn keys(&self) -> Keys {
        Keys::NONE
            .and("lr", Value::Number(self.lr))
            .and("betas", Value::Doubles(self.betas))
            .and("weight_decay", Value::Number(self.weight_decay))
    }

    /// The optimizer with these hyper-parameters, in the order of its keys.
    pub(crate) const fn with(values: &[Value]) -> Option<Self> {
        match *values {
            [Value::Number(lr), Value::Doubles(betas), Value::Number(weight_decay)] => {
                Some(Self { lr, betas, weight_decay })
            }
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
        match (check_rate("lr", self.lr), check_rate("weight_decay", self.weight_decay)) {
            (Ok(()), Ok(())) => {}
            (Err(e), _) | (_, Err(e)) => return Err(e),
        }
        match check_beta("betas[0]", self.betas[0]) {
            Ok(()) => check_beta("betas[1]", self.betas[1]),
            e => e,
        }
    }

    /// Elements of state per parameter: the average.
    pub const fn state_slots(&self) -> usize {
        1
    }
}

impl Default for Lion {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// One step of Lion (Chen et al., "Symbolic discovery of optimization algorithms", 2023), number `step`, counted from
/// 1.
///
/// `exp_avg` is as long as `params` and zero before step 1.
///
/// # Errors
///
/// [`Parameter`](crate::Error::Parameter) as [`Lion::check`], [`Dimension`](crate::Error::Dimension) if `step` is 0,
/// [`Length`](crate::Error::Length) unless all slices are equally long.
///
/// # Numerics
///
/// Both betas, and one minus each, are rounded to `f32`; `shrink = 1 - lr * weight_decay` is computed in `f64` and
/// rounded. Then for each element in `f32`, in this order, each operation rounded:
///
/// ```text
/// c       = beta1 * exp_avg + (1 - beta1) * grad
/// param   = param * shrink - lr * sign(c)           (sign: 1, -1, and of a zero or NaN itself)
/// exp_avg = beta2 * exp_avg + (1 - beta2) * grad
/// ```
///
/// ```
/// use flatgrad_core::optim::{Lion, lion_step};
/// use flatgrad_core::{Context, Isa};
/// let (mut w, mut m) = ([1.0, 2.0, 3.0], [0.0; 3]);
/// let lion = Lion { lr: 0.5, betas: [0.5, 0.5], ..Lion::DEFAULT };
/// lion_step(Context::serial(Isa::detect()), &lion, 1, &[3.0, -4.0, 0.0], &mut w, &mut m)?;
/// assert_eq!((w, m), ([0.5, 2.5, 3.0], [1.5, -2.0, 0.0]));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn lion_step(
    ctx: Context,
    lion: &Lion,
    step: u32,
    grads: &[f32],
    params: &mut [f32],
    exp_avg: &mut [f32],
) -> Result {
    lion.check()?;
    check_step(step)?;
    check_len("grads", params.len(), grads.len())?;
    check_len("exp_avg", params.len(), exp_avg.len())?;
    let weights = lion.betas.map(|beta| [double::narrow(beta), double::narrow(double::one_minus(beta))]);
    let (shrink, _) = decays(lion.lr, lion.weight_decay, true);
    share(ctx, [grads], [params, exp_avg], &|g, state| {
        dispatch!(ctx.isa(), |s| pass(s, lion.lr, shrink, weights, g, state))
    });
    Ok(())
}

#[inline(always)]
fn pass<S: Simd>(s: S, lr: f32, shrink: f32, [moved, kept]: [[f32; 2]; 2], grads: [&[f32]; 1], state: [&mut [f32]; 2]) {
    update(
        s,
        grads,
        state,
        #[inline(always)]
        |[g], [p, m]| {
            let c = average(s, moved, m, g);
            let zero = s.splat(0.0);
            let negative = s.select(s.lt(c, zero), s.splat(-1.0), c);
            let sign = s.select(s.lt(zero, c), s.splat(1.0), negative);
            [s.sub(s.mul(p, s.splat(shrink)), s.mul(s.splat(lr), sign)), average(s, kept, m, g)]
        },
    );
}

/// The old average and the new value, each with its weight.
#[inline(always)]
fn average<S: Simd>(s: S, [old, new]: [f32; 2], m: S::V, g: S::V) -> S::V {
    s.add(s.mul(s.splat(old), m), s.mul(s.splat(new), g))
}
