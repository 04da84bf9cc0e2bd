//! Activation functions and softmax.

use super::{Print, any, fill, hash};
use flatgrad_core::activation::*;
use flatgrad_core::{Context, Result};

pub(super) fn run(ctx: Context, print: Print) -> Result {
    let functions = [
        Activation::Relu,
        Activation::LEAKY_RELU,
        Activation::ELU,
        Activation::elu(-0.5),
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::Silu,
        Activation::HardSwish,
        Activation::SOFTPLUS,
    ];
    for function in any(functions) {
        elements(ctx, print, function)?;
    }
    rows(ctx, print)
}

fn elements(ctx: Context, print: Print, function: Activation) -> Result {
    let (x, dy, mut y) = (fill::<65>(60).map(|x| 9.0 * x), fill::<65>(61), [f32::NAN; 65]);
    activate(ctx, function, any(&x), any(&mut y))?;
    print(function.name(), hash(&y));
    let saved = if function.saved() == Saved::Input { x } else { y };
    let mut dx = [f32::NAN; 65];
    activate_backward(ctx, function, any(&saved), any(&dy), any(&mut dx))?;
    print("activate_backward", hash(&dx));
    dx = dy;
    activate_backward_in_place(ctx, function, any(&saved), any(&mut dx))?;
    print("activate_backward_in_place", hash(&dx));
    dx = x;
    activate_in_place(ctx, function, any(&mut dx))?;
    print("activate_in_place", hash(&dx));
    Ok(())
}

fn rows(ctx: Context, print: Print) -> Result {
    let (x, dy) = (fill::<65>(60).map(|x| 20.0 * x), fill::<65>(61));
    let (mut y, mut dx, shape) = ([f32::NAN; 65], [f32::NAN; 65], any([5, 13]));
    softmax(ctx, shape, any(&x), any(&mut y))?;
    print("softmax", hash(&y));
    softmax_backward(ctx, shape, any(&y), any(&dy), any(&mut dx))?;
    print("softmax_backward", hash(&dx));
    log_softmax(ctx, shape, any(&x), any(&mut y))?;
    print("log_softmax", hash(&y));
    log_softmax_backward(ctx, shape, any(&y), any(&dy), any(&mut dx))?;
    print("log_softmax_backward", hash(&dx));
    Ok(())
}
