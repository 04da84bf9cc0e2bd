//! What is computed element by element: relu, exp and ln, and random numbers.

use super::{Print, fill, nan};
use flatgrad_core::activation::{Activation, activate, activate_backward};
use flatgrad_core::dropout::{Dropout, DropoutMask, dropout};
use flatgrad_core::init::fan_in_uniform;
use flatgrad_core::math::{exp, ln};
use flatgrad_core::rng::Stream;
use flatgrad_core::{Context, Result};

const N: usize = 333;

pub(super) fn run(ctx: Context, print: Print) -> Result {
    relu(ctx, print)?;
    math(ctx, print)?;
    random(ctx, print)
}

fn relu(ctx: Context, print: Print) -> Result {
    let (mut x, dy, mut y, mut dx) = (fill(60, N), fill(61, N), nan(N), nan(N));
    x[5] = -0.0;
    activate(ctx, Activation::Relu, &x, &mut y)?;
    print("relu/forward", &y);
    activate_backward(ctx, Activation::Relu, &y, &dy, &mut dx)?;
    print("relu/input_gradient", &dx);
    Ok(())
}

fn math(ctx: Context, print: Print) -> Result {
    let mut x: Vec<f32> = fill(62, 400).iter().map(|x| 110.0 * x).collect();
    x.extend([0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, 88.72284, 88.73, -87.34, -103.97]);
    let mut y = nan(408);
    exp(ctx, &x, &mut y)?;
    print("math/exp", &y);
    let mut x: Vec<f32> = (1..=400).map(|i| f32::from_bits(5_347_737 * i)).collect();
    x.extend([0.0, -0.0, f32::INFINITY, 1.0, 0.999_999_94, 1.000_000_1]);
    let mut y = nan(406);
    ln(ctx, &x, &mut y)?;
    print("math/ln", &y);
    Ok(())
}

fn random(ctx: Context, print: Print) -> Result {
    let stream = Stream { seed: 0x0123_4567_89ab_cdef, stream: 5, step: 0x0002_0000_0003 };
    // The upper and the lower half of each word.
    let words = (0..N as u64).map(|i| stream.bits(0x10_0000_0003 + i));
    let halves: Vec<f32> = words.flat_map(|word| [(word >> 16) as f32, (word & 0xffff) as f32]).collect();
    print("random/philox_words", &halves);
    let mut y = nan(N);
    dropout(ctx, Dropout::drop(0.3)?, DropoutMask { stream, first: 1001 }, &fill(70, N), &mut y)?;
    print("random/dropout", &y);
    y.fill(f32::NAN);
    fan_in_uniform(Stream { seed: 9, stream: 4, step: 0 }, 27, &mut y)?;
    print("random/fan_in_uniform", &y);
    Ok(())
}
