//! Element by element: random numbers, dropout, optimizers.

use super::{Print, any, fill, hash};
use flatgrad_core::dropout::{Dropout, DropoutMask, dropout, dropout_in_place};
use flatgrad_core::init::{kaiming_uniform, uniform};
use flatgrad_core::optim::{Adam, Sgd, adam_step, sgd_step};
use flatgrad_core::rng::{Stream, permutation};
use flatgrad_core::{Context, Result, reference};

pub(super) fn run(ctx: Context, print: Print) -> Result {
    fma(print);
    random(ctx, print)?;
    optimizers(ctx, print)
}

fn fma(print: Print) {
    let (a, b, c): ([f32; 64], [f32; 64], [f32; 64]) = (fill(1), fill(2), fill(3));
    let y: [f32; 64] = core::array::from_fn(|i| reference::fma(a[i], b[i], c[i]));
    print("fma", hash(&y));
    #[cfg(feature = "plant-panic")]
    print("planted", u64::from(c[any(hash(&y) as usize % 65)].to_bits()));
}

fn random(ctx: Context, print: Print) -> Result {
    let stream = any(Stream { seed: 11, stream: 5, step: 3 });
    let mut x = [0.0; 101];
    uniform(stream, any(0.5), any(&mut x))?;
    print("uniform", hash(&x));
    stream.fill_normal(any(&mut x), 7, 0.0, any(2.0))?;
    print("normal", hash(&x));
    kaiming_uniform(stream, any(9), any(&mut x))?;
    print("kaiming_uniform", hash(&x));
    let mut order = [0; 101];
    permutation(stream, any(&mut order))?;
    print("permutation", hash(&order.map(|i| i as f32)));

    let (half, mask) = (Dropout::drop(any(0.5))?, any(DropoutMask { stream, first: 13 }));
    let mut y = [0.0; 101];
    dropout(ctx, half, mask, any(&x), any(&mut y))?;
    print("dropout", hash(&y));
    dropout_in_place(ctx, half, mask, any(&mut x))?;
    print("dropout_in_place", hash(&x));
    Ok(())
}

fn optimizers(ctx: Context, print: Print) -> Result {
    let (mut w, mut first, mut second): ([f32; 67], _, _) = (fill(20), [0.0; 67], [0.0; 67]);
    let plain = any(Sgd { lr: 0.1, weight_decay: 0.01, ..Sgd::DEFAULT });
    sgd_step(ctx, &plain, 1, any(&fill::<67>(21)), any(&mut w), any(&mut []))?;
    print("sgd", hash(&w));
    let sgd = any(Sgd { momentum: 0.9, nesterov: true, ..plain });
    for step in 1..=any(3) {
        sgd_step(ctx, &sgd, step, any(&fill::<67>(22 + step)), any(&mut w), any(&mut first))?;
    }
    print("sgd, nesterov momentum", hash(&w));
    first = [0.0; 67];
    let adam = any(Adam::DEFAULT);
    for step in 1..=any(3) {
        adam_step(ctx, &adam, step, any(&fill::<67>(30 + step)), any(&mut w), any(&mut first), any(&mut second))?;
    }
    print("adam", hash(&w));
    Ok(())
}
