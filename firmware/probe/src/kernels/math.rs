//! Vector mathematics.

use super::{Print, any, fill, hash};
use flatgrad_core::{Context, Result, math};

pub(super) fn run(ctx: Context, print: Print) -> Result {
    // From the smallest numbers to the largest, of both signs.
    let mut wide = fill::<131>(150);
    for (x, exponent) in wide.iter_mut().zip(fill::<131>(151)) {
        let biased = (exponent * 126.0 + 128.0) as u32;
        *x *= f32::from_bits(biased << 23);
    }
    each(ctx, print, "math::exp", math::exp, &wide)?;
    each(ctx, print, "math::expm1", math::expm1, &wide)?;
    each(ctx, print, "math::ln", math::ln, &wide)?;
    each(ctx, print, "math::log1p", math::log1p, &wide)?;
    each(ctx, print, "math::tanh", math::tanh, &wide)?;
    each(ctx, print, "math::sigmoid", math::sigmoid, &wide)?;
    each(ctx, print, "math::erf", math::erf, &wide)?;
    each(ctx, print, "math::rsqrt", math::rsqrt, &wide)
}

type Kernel = fn(Context, &[f32], &mut [f32]) -> Result;

fn each(ctx: Context, print: Print, name: &str, kernel: Kernel, wide: &[f32; 131]) -> Result {
    for x in [wide, &wide.map(f32::abs), &fill::<131>(152).map(|x| 20.0 * x)] {
        let mut y = [f32::NAN; 131];
        kernel(ctx, any(x), any(&mut y))?;
        // Sign and payload of a NaN are not promised.
        print(name, hash(&y.map(|y| if y.is_nan() { f32::NAN } else { y })));
    }
    Ok(())
}
