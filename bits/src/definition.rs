//! The calls whose results `definition.c` computes, too, by its own plain loops. Names and inputs are the same on
//! both sides.

mod elements;
mod layers;
mod optimizers;
mod products;
mod training;

use crate::Work;
use flatgrad_core::{Context, Result};

/// Where results go: a name, and the numbers.
pub type Print<'a> = &'a mut dyn FnMut(&str, &[f32]);

/// Makes all calls, on outputs and scratch full of NaN.
pub fn run(ctx: Context, work: Work, print: Print) -> Result {
    products::run(ctx, print)?;
    layers::run(ctx, print)?;
    elements::run(ctx, print)?;
    optimizers::run(ctx, print)?;
    training::run(ctx, work, print)
}

/// Numbers in `[-1, 1)`: Marsaglia's xorshift, its upper 24 bits times 2^-23, minus 1.
fn fill(seed: u32, n: usize) -> Vec<f32> {
    let mut s = seed.wrapping_mul(0x9e37_79b9) | 1;
    let next = || {
        s ^= s << 13;
        s ^= s >> 17;
        s ^= s << 5;
        (s >> 8) as f32 / 8_388_608.0 - 1.0
    };
    core::iter::repeat_with(next).take(n).collect()
}

/// Memory whose content no result may depend on.
fn nan(n: usize) -> Vec<f32> {
    vec![f32::NAN; n]
}
