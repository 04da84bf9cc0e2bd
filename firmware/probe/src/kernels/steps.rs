//! Element by element: the multiply-add, random numbers, initial weights, dropout.

use super::{Print, any, fill, hash};
use flatgrad_core::dropout::{self, Dropout, DropoutMask, Form};
use flatgrad_core::init::{self, Fans, Init};
use flatgrad_core::rng::{Stream, permutation, philox4x32_10};
use flatgrad_core::{Context, Result, reference};

pub(super) fn run(ctx: Context, print: Print) -> Result {
    fma(print);
    let stream = any(Stream { seed: 11, stream: 5, step: 3 });
    random(stream, print)?;
    weights(stream, print)?;
    forms(ctx, stream, print)
}

fn fma(print: Print) {
    let (a, b, c): ([f32; 64], [f32; 64], [f32; 64]) = (fill(1), fill(2), fill(3));
    let y: [f32; 64] = core::array::from_fn(|i| reference::fma(a[i], b[i], c[i]));
    print("fma", hash(&y));
    #[cfg(feature = "plant-panic")]
    print("planted", u64::from(c[any(hash(&y) as usize % 65)].to_bits()));
}

fn random(stream: Stream, print: Print) -> Result {
    let mut x = [0.0; 101];
    stream.fill_normal(any(&mut x), 7, 0.0, any(2.0))?;
    print("fill_normal", hash(&x));
    let mut order = [0; 101];
    permutation(stream, any(&mut order))?;
    print("permutation", hash(&order.map(|i| i as f32)));
    print("philox", hash(&philox4x32_10(any([1, 2, 3, 4]), any([5, 6])).map(f32::from_bits)));
    Ok(())
}

fn weights(stream: Stream, print: Print) -> Result {
    let mut x = [0.0; 5 * 21];
    let gain = init::gain::leaky_relu(any(0.1));
    init::uniform(stream, any(0.5), any(&mut x))?;
    print("uniform", hash(&x));
    init::normal(stream, any(0.5), any(2.0), any(&mut x))?;
    print("normal", hash(&x));
    init::fan_in_uniform(stream, any(9), any(&mut x))?;
    print("fan_in_uniform", hash(&x));
    init::kaiming_uniform(stream, any(9), any(gain), any(&mut x))?;
    print("kaiming_uniform", hash(&x));
    init::kaiming_normal(stream, any(9), any(gain), any(&mut x))?;
    print("kaiming_normal", hash(&x));
    init::xavier_uniform(stream, any([9, 4]), any(gain), any(&mut x))?;
    print("xavier_uniform", hash(&x));
    init::xavier_normal(stream, any([9, 4]), any(gain), any(&mut x))?;
    print("xavier_normal", hash(&x));
    for shape in [[5, 21], [21, 5]] {
        init::orthogonal(stream, any(shape), any(gain), any(&mut x))?;
        print("orthogonal", hash(&x));
    }
    any(Init::XavierUniform { gain }).fill(stream, any(Fans::dense(5, 21)), any(&mut x))?;
    print("init", hash(&x));
    Ok(())
}

fn forms(ctx: Context, stream: Stream, print: Print) -> Result {
    let (half, mask) = (Dropout::drop(any(0.5))?, any(DropoutMask { stream, first: 13 }));
    let (mut x, mut y): ([f32; 101], _) = (fill(4), [0.0; 101]);
    dropout::dropout(ctx, half, mask, any(&x), any(&mut y))?;
    print("dropout", hash(&y));
    dropout::dropout_in_place(ctx, half, mask, any(&mut x))?;
    print("dropout_in_place", hash(&x));
    let activations = any(Dropout::drop(0.3)?.form(Form::ScaleActivations));
    dropout::dropout_infer(ctx, activations, any(&x), any(&mut y))?;
    print("dropout_infer", hash(&y));
    dropout::dropout_infer_in_place(ctx, activations, any(&mut y))?;
    print("dropout_infer_in_place", hash(&y));
    dropout::scale_weights(ctx, any(Dropout::drop(0.3)?.form(Form::ScaleWeights)), any(&mut y))?;
    print("scale_weights", hash(&y));
    Ok(())
}
