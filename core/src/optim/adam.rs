use super::{check_rate, check_step, decayed};
use crate::context::Context;
use crate::error::{Result, check_len, check_param};
use crate::simd::{Simd, dispatch};
use crate::slice::{share, update};

/// Hyper-parameters of Adam; names, meaning and defaults are those of `torch.optim.Adam`.
///
/// ```
/// use flatgrad_core::optim::Adam;
/// let adam = Adam { lr: 3e-4, ..Adam::DEFAULT };
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate; finite, not negative.
    pub lr: f32,
    /// Weights of the old averages of the gradient and of its square; each in `[0, 1)`.
    ///
    /// In `f64` because what counts is one minus them, where `f32` would lose five of seven digits of 0.999.
    pub betas: [f64; 2],
    /// Added to the root of the corrected average (not inside the root); finite, not negative. With 0, a parameter whose
    /// gradients were all 0 becomes NaN.
    pub eps: f32,
    /// L2 penalty, added to the gradient (not the decoupled decay of AdamW); finite, not negative.
    pub weight_decay: f32,
}

impl Adam {
    /// PyTorch's defaults: learning rate 1e-3, betas 0.9 and 0.999, eps 1e-8, no weight decay.
    pub const DEFAULT: Self = Self { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0 };

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
        match check_param(beta1 >= 0.0 && beta1 < 1.0, "betas[0]", "at least 0 and below 1", beta1 as f32) {
            Ok(()) => {}
            e => return e,
        }
        match check_param(beta2 >= 0.0 && beta2 < 1.0, "betas[1]", "at least 0 and below 1", beta2 as f32) {
            Ok(()) => {}
            e => return e,
        }
        match check_rate("eps", self.eps) {
            Ok(()) => {}
            e => return e,
        }
        check_rate("weight_decay", self.weight_decay)
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
/// `exp_avg` and `exp_avg_sq` are as long as `params` and zeros before step 1.
///
/// # Errors
///
/// [`Parameter`](crate::Error::Parameter) as [`Adam::check`], [`Dimension`](crate::Error::Dimension) if `step` is 0,
/// [`Length`](crate::Error::Length) unless all slices are equally long.
///
/// # Numerics
///
/// Once a call, in `f64`, with the functions of libm (software, the same everywhere); each result is then rounded to
/// `f32`, as are `beta1`, `1 - beta1`, `beta2` and `1 - beta2`:
///
/// ```text
/// step_size = lr / (1 - beta1 ^ step)
/// root      = sqrt(1 - beta2 ^ step)
/// ```
///
/// Then for each element in `f32`, in this order, each operation rounded, products from left to right:
///
/// ```text
/// g     = grad + weight_decay * param                      (if weight_decay != 0)
/// m     = m + (1 - beta1) * (g - m)                        (beta1 > 0.5; else g - beta1 * (g - m))
/// v     = beta2 * v + (1 - beta2) * g * g
/// param = param - step_size * m / (sqrt(v) / root + eps)
/// ```
///
/// ```
/// use flatgrad_core::optim::{Adam, adam_step};
/// use flatgrad_core::{Context, Isa};
/// let (mut w, mut m, mut v) = ([1.0, 2.0], [0.0; 2], [0.0; 2]);
/// let adam = Adam { lr: 0.125, ..Adam::DEFAULT };
/// adam_step(Context::serial(Isa::detect()), &adam, 1, &[100.0, -0.01], &mut w, &mut m, &mut v)?;
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
) -> Result {
    adam.check()?;
    check_step(step)?;
    check_len("grads", params.len(), grads.len())?;
    check_len("exp_avg", params.len(), exp_avg.len())?;
    check_len("exp_avg_sq", params.len(), exp_avg_sq.len())?;
    let factors = Factors::new(adam, step);
    share(ctx, [grads], [params, exp_avg, exp_avg_sq], &|g, state| {
        dispatch!(ctx.isa(), |s| pass(s, &factors, g, state))
    });
    Ok(())
}

/// What a step computes once.
struct Factors {
    /// Whether `m` is nearer than `g` to their interpolation, which then starts there.
    from_m: bool,
    /// `1 - beta1`, or `-beta1` from the other end.
    toward: f32,
    beta2: f32,
    rest2: f32,
    step_size: f32,
    root: f32,
    eps: f32,
    weight_decay: f32,
}

impl Factors {
    fn new(adam: &Adam, step: u32) -> Self {
        let [beta1, beta2] = adam.betas;
        let from_m = beta1 > 0.5;
        Self {
            from_m,
            toward: if from_m { 1.0 - beta1 } else { -beta1 } as f32,
            beta2: beta2 as f32,
            rest2: (1.0 - beta2) as f32,
            step_size: (adam.lr as f64 / (1.0 - libm::pow(beta1, step as f64))) as f32,
            root: libm::sqrt(1.0 - libm::pow(beta2, step as f64)) as f32,
            eps: adam.eps,
            weight_decay: adam.weight_decay,
        }
    }
}

#[inline(always)]
fn pass<S: Simd>(s: S, f: &Factors, grads: [&[f32]; 1], state: [&mut [f32]; 3]) {
    let Factors { from_m, weight_decay, .. } = *f;
    let (toward, beta2, rest2) = (s.splat(f.toward), s.splat(f.beta2), s.splat(f.rest2));
    let (step_size, root, eps) = (s.splat(f.step_size), s.splat(f.root), s.splat(f.eps));
    update(
        s,
        grads,
        state,
        #[inline(always)]
        |[g], [p, m, v]| {
            let g = decayed(s, weight_decay, g, p);
            let m = s.add(if from_m { m } else { g }, s.mul(toward, s.sub(g, m)));
            let v = s.add(s.mul(beta2, v), s.mul(s.mul(rest2, g), g));
            let denominator = s.add(s.div(s.sqrt(v), root), eps);
            [s.sub(p, s.div(s.mul(step_size, m), denominator)), m, v]
        },
    );
}
