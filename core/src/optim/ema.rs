use super::lerp::Lerp;
use crate::error::{Result, check_len, check_param};
use crate::machine::Context;
use crate::simd::{Simd, dispatch};
use crate::slice::{share, update};

/// An exponential moving average of the parameters: `average = decay * average + (1 - decay) * params`.
///
/// `torch.optim.swa_utils.get_ema_multi_avg_fn(decay)`, whose default is 0.999. The average starts as a copy of the
/// parameters and is updated after each step; a network is often better with the averaged weights than with the last
/// (Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992).
///
/// # Errors
///
/// [`Parameter`](crate::Error::Parameter) unless `0 <= decay <= 1`, [`Length`](crate::Error::Length) unless both slices
/// are equally long.
///
/// # Numerics
///
/// `1 - decay` is computed in `f64` and rounded to `f32` once. For each element, in this order:
///
/// ```text
/// average = average + (1 - decay) * (params - average)           (if decay > 0.5)
/// average = params - (1 - (1 - decay)) * (params - average)      (else)
/// ```
///
/// ```
/// use flatgrad_core::optim::ema_update;
/// use flatgrad_core::{Context, Isa};
/// let mut average = [0.0, 8.0];
/// ema_update(Context::serial(Isa::detect()), 0.75, &[4.0, 8.0], &mut average)?;
/// assert_eq!(average, [1.0, 8.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn ema_update(ctx: Context, decay: f64, params: &[f32], average: &mut [f32]) -> Result {
    check_param((0.0..=1.0).contains(&decay), "decay", "from 0 to 1", decay as f32)?;
    check_len("average", params.len(), average.len())?;
    let lerp = Lerp::new(decay);
    share(ctx, [params], [average], &|p, a| dispatch!(ctx.isa(), |s| pass(s, lerp, p, a)));
    Ok(())
}

#[inline(always)]
fn pass<S: Simd>(s: S, lerp: Lerp, params: [&[f32]; 1], average: [&mut [f32]; 1]) {
    update(
        s,
        params,
        average,
        #[inline(always)]
        |[p], [a]| [lerp.of(s, a, p)],
    );
}
