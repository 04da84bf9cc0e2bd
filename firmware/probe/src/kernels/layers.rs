//! Layers without weights, and the loss.

use super::{Print, any, fill, hash};
use flatgrad_core::activation::*;
use flatgrad_core::loss::{LossReport, cross_entropy, cross_entropy_backward};
use flatgrad_core::pool::{MaxPool2d, max_pool2d, max_pool2d_backward};
use flatgrad_core::{Context, Result};

pub(super) fn run(ctx: Context, print: Print) -> Result {
    activations(ctx, print)?;
    pooling(ctx, print, any(MaxPool2d::new(2, [3, 6, 8], [2, 2])))?;
    pooling(ctx, print, any(MaxPool2d::new(1, [6, 6, 8], [3, 3]).stride([2, 2]).padding([1, 1])))?;
    loss(ctx, print)
}

fn activations(ctx: Context, print: Print) -> Result {
    let (x, dy, mut y): ([f32; 65], [f32; 65], _) = (fill(60), fill(61), [f32::NAN; 65]);
    for function in any([Function::Relu]) {
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
    }
    let rows = any([5, 13]);
    softmax(ctx, rows, any(&x.map(|x| 20.0 * x)), any(&mut y))?;
    print("softmax", hash(&y));
    log_softmax(ctx, rows, any(&x.map(|x| 20.0 * x)), any(&mut y))?;
    print("log_softmax", hash(&y));
    Ok(())
}

fn pooling(ctx: Context, print: Print, shape: MaxPool2d) -> Result {
    let x: [f32; 288] = fill(80);
    let dy: [f32; 72] = fill(81);
    let (mut y, mut dx) = ([f32::NAN; 72], [f32::NAN; 288]);
    max_pool2d(ctx, &shape, any(&x), any(&mut y))?;
    print("max_pool2d", hash(&y));
    max_pool2d_backward(ctx, &shape, any(&x), any(&dy), any(&mut dx))?;
    print("max_pool2d_backward", hash(&dx));
    Ok(())
}

fn loss(ctx: Context, print: Print) -> Result {
    let logits = fill::<65>(90).map(|x| 9.0 * x);
    let labels = [3, 12, 0, 7, 7];
    let (mut dlogits, shape) = ([f32::NAN; 65], any([5, 13]));
    let mut report = |name, r: LossReport| print(name, hash(&[r.loss_sum, r.correct as f32]));
    report("cross_entropy", cross_entropy(ctx, shape, any(&logits), any(&labels))?);
    let r = cross_entropy_backward(ctx, shape, any(&logits), any(&labels), any(0.2), any(&mut dlogits))?;
    report("cross_entropy_backward", r);
    print("dlogits", hash(&dlogits));
    Ok(())
}
