//! One small call of each kernel, on numbers that are the same everywhere.

use flatgrad_core::dropout::{Dropout, DropoutMask, dropout, dropout_in_place};
use flatgrad_core::init::{kaiming_uniform, uniform};
use flatgrad_core::optim::{Adam, Sgd, adam_step, sgd_step};
use flatgrad_core::rng::{Stream, permutation};
use flatgrad_core::{Context, Result, reference};

type Print<'a> = &'a mut dyn FnMut(&str, u64);

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

/// Runs every kernel and gives each result's name and hash to `print`.
pub fn run(ctx: Context, print: Print) -> Result {
    fma(print);
    random(ctx, print)?;
    optimizers(ctx, print)
}

fn fma(print: Print) {
    let (a, b, c): ([f32; 64], [f32; 64], [f32; 64]) = (fill(1), fill(2), fill(3));
    let y: [f32; 64] = core::array::from_fn(|i| reference::fma(a[i], b[i], c[i]));
    print("fma", hash(&y));
    #[cfg(feature = "plant-panic")]
    print("planted", u64::from(c[core::hint::black_box(hash(&y) as usize % 65)].to_bits()));
}

fn random(ctx: Context, print: Print) -> Result {
    let stream = Stream { seed: 11, stream: 5, step: 3 };
    let mut x = [0.0; 101];
    uniform(stream, 0.5, &mut x)?;
    print("uniform", hash(&x));
    stream.fill_normal(&mut x, 7, 0.0, 2.0)?;
    print("normal", hash(&x));
    kaiming_uniform(stream, 9, &mut x)?;
    print("kaiming_uniform", hash(&x));
    let mut order = [0; 101];
    permutation(stream, &mut order)?;
    print("permutation", hash(&order.map(|i| i as f32)));

    let (half, mask) = (Dropout::drop(0.5)?, DropoutMask { stream, first: 13 });
    let mut y = [0.0; 101];
    dropout(ctx, half, mask, &x, &mut y)?;
    print("dropout", hash(&y));
    dropout_in_place(ctx, half, mask, &mut x)?;
    print("dropout_in_place", hash(&x));
    Ok(())
}

fn optimizers(ctx: Context, print: Print) -> Result {
    let (mut w, mut first, mut second): ([f32; 67], _, _) = (fill(20), [0.0; 67], [0.0; 67]);
    let plain = Sgd { lr: 0.1, weight_decay: 0.01, ..Sgd::DEFAULT };
    sgd_step(ctx, &plain, 1, &fill::<67>(21), &mut w, &mut [])?;
    print("sgd", hash(&w));
    let sgd = Sgd { momentum: 0.9, nesterov: true, ..plain };
    for step in 1..=3 {
        sgd_step(ctx, &sgd, step, &fill::<67>(22 + step), &mut w, &mut first)?;
    }
    print("sgd, nesterov momentum", hash(&w));
    first = [0.0; 67];
    for step in 1..=3 {
        adam_step(ctx, &Adam::DEFAULT, step, &fill::<67>(30 + step), &mut w, &mut first, &mut second)?;
    }
    print("adam", hash(&w));
    Ok(())
}
