//! Optimizers, and what acts on gradients before a step or on weights after it.

use super::{Print, any, fill, hash};
use flatgrad_core::optim::*;
use flatgrad_core::{Context, Result};

const N: usize = 67;

pub(super) fn run(ctx: Context, print: Print) -> Result {
    let mut w: [f32; N] = fill(20);
    gradient_descent(ctx, print, &mut w)?;
    adam(ctx, print, &mut w)?;
    adaptive(ctx, print, &mut w)?;
    limits(ctx, print, &mut w)
}

fn gradient_descent(ctx: Context, print: Print, w: &mut [f32; N]) -> Result {
    let plain = any(Sgd { lr: 0.1, weight_decay: 0.01, ..Sgd::DEFAULT });
    sgd_step(ctx, &plain, 1, any(&fill::<N>(21)), any(w), any(&mut []))?;
    print("sgd", hash(w));
    let sgd = any(Sgd { momentum: 0.9, nesterov: true, ..plain });
    let mut buf = [0.0; N];
    for step in 1..=any(3) {
        sgd_step(ctx, &sgd, step, any(&fill::<N>(22 + step)), any(w), any(&mut buf))?;
    }
    print("sgd, nesterov momentum", hash(w));
    Ok(())
}

fn adam(ctx: Context, print: Print, w: &mut [f32; N]) -> Result {
    let (mut m, mut v, mut top) = ([0.0; N], [0.0; N], [0.0; N]);
    for (name, adam) in [("adam", Adam::DEFAULT), ("adamw, amsgrad", Adam { amsgrad: true, ..Adam::ADAMW })] {
        let adam = any(adam);
        let top: &mut [f32] = if adam.amsgrad { &mut top } else { &mut [] };
        for step in 1..=any(3) {
            adam_step(ctx, &adam, step, any(&fill::<N>(30 + step)), any(w), any(&mut m), any(&mut v), any(&mut *top))?;
        }
        print(name, hash(w));
    }
    Ok(())
}

fn adaptive(ctx: Context, print: Print, w: &mut [f32; N]) -> Result {
    let (mut a, mut b, mut c) = ([0.0; N], [0.0; N], [0.0; N]);
    let adagrad = any(Adagrad { lr_decay: 0.1, ..Adagrad::DEFAULT });
    for step in 1..=any(3) {
        adagrad_step(ctx, &adagrad, step, any(&fill::<N>(40 + step)), any(w), any(&mut a))?;
    }
    print("adagrad", hash(w));
    for (name, momentum, centered) in [
        ("rmsprop", 0.0, false),
        ("rmsprop, centered", 0.0, true),
        ("rmsprop, momentum", 0.9, false),
        ("rmsprop, centered, momentum", 0.9, true),
    ] {
        let rmsprop = any(RmsProp { momentum, centered, eps: 1e-3, ..RmsProp::DEFAULT });
        let avg: &mut [f32] = if rmsprop.centered { &mut b } else { &mut [] };
        let buf: &mut [f32] = if rmsprop.momentum > 0.0 { &mut c } else { &mut [] };
        for step in 1..=any(3) {
            let g = fill::<N>(50 + step);
            rmsprop_step(ctx, &rmsprop, step, any(&g), any(w), any(&mut a), any(&mut *avg), any(&mut *buf))?;
        }
        print(name, hash(w));
    }
    Ok(())
}

fn limits(ctx: Context, print: Print, w: &mut [f32; N]) -> Result {
    let mut average: [f32; N] = fill(60);
    ema_update(ctx, any(0.99), any(w), any(&mut average))?;
    print("ema_update", hash(&average));
    let mut g: [f32; N] = fill(61);
    print("grad_norm", hash(&[grad_norm(ctx, any(&g))?]));
    clip_by_norm(ctx, any(2.0), any(&mut g))?;
    print("clip_by_norm", hash(&g));
    clip_by_value(ctx, any(0.2), any(&mut g))?;
    print("clip_by_value", hash(&g));
    for neurons in [Neurons::Rows, Neurons::Columns] {
        let mut w: [f32; 84] = fill(62);
        max_norm(ctx, any(neurons), any([7, 12]), any(1.5), any(&mut w))?;
        print("max_norm", hash(&w));
    }
    Ok(())
}
