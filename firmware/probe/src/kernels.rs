//! One small call of each kernel, on numbers that are the same everywhere.
//!
//! Shapes, slices and the number of threads pass through [`any`]: the compiler must not know them, or it would drop a
//! panic that only other arguments reach.

mod activation;
mod convolution;
mod loss;
mod math;
mod network;
mod norm;
mod optimizers;
mod pool;
mod products;
mod steps;

use core::hint::black_box as any;
use flatgrad_core::{Context, Isa, Parallel, Result};

type Print<'a> = &'a mut dyn FnMut(&str, u64);

/// Two tasks, one after the other: kernels split their work as for real threads.
struct Two;

impl Parallel for Two {
    fn threads(&self) -> usize {
        any(2)
    }
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        a();
        b();
    }
}

/// Runs every kernel and gives each result's name and hash to `print`.
pub fn run(isa: Isa, print: Print) -> Result {
    let ctx = Context::parallel(isa, &Two);
    steps::run(ctx, print)?;
    optimizers::run(ctx, print)?;
    products::run(ctx, print)?;
    convolution::run(ctx, print)?;
    math::run(ctx, print)?;
    activation::run(ctx, print)?;
    norm::run(ctx, print)?;
    pool::run(ctx, print)?;
    loss::run(ctx, print)?;
    network::run(ctx, print)
}

/// FNV-1a over the bits.
fn hash(x: &[f32]) -> u64 {
    x.iter()
        .flat_map(|x| x.to_bits().to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Numbers in `[-1, 1)` whose products round.
fn fill<const N: usize>(seed: u32) -> [f32; N] {
    let mut s = seed.wrapping_mul(0x9e37_79b9) | 1;
    core::array::from_fn(|_| {
        s ^= s << 13;
        s ^= s >> 17;
        s ^= s << 5;
        (s >> 8) as f32 / 8_388_608.0 - 1.0
    })
}

/// The first `n` elements.
fn first(x: &mut [f32], n: usize) -> &mut [f32] {
    x.get_mut(..n).unwrap_or_default()
}
