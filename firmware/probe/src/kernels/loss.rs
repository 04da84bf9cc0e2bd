//! Losses.

use super::{Print, any, fill, hash};
use flatgrad_core::loss::*;
use flatgrad_core::{Context, Result};

pub(super) fn run(ctx: Context, print: Print) -> Result {
    let labels = [3, 12, 0, 7, 7];
    let probabilities = fill::<65>(91).map(|p| p * p);
    classes(ctx, print, any(Target::Classes(&labels)), any(0.0))?;
    classes(ctx, print, any(Target::Classes(&labels)), any(0.1))?;
    classes(ctx, print, any(Target::Values(&probabilities)), any(0.1))?;
    numbers(ctx, print)?;
    answers(ctx, print)
}

fn report(print: Print, name: &str, r: LossReport) {
    print(name, hash(&[r.loss_sum, r.correct as f32]));
}

fn classes(ctx: Context, print: Print, target: Target, smoothing: f32) -> Result {
    let logits = fill::<65>(90).map(|x| 9.0 * x);
    let (mut dlogits, shape) = ([f32::NAN; 65], any([5, 13]));
    report(print, "cross_entropy", cross_entropy(ctx, shape, smoothing, any(&logits), target)?);
    let r = cross_entropy_backward(ctx, shape, smoothing, any(0.2), any(&logits), target, any(&mut dlogits))?;
    report(print, "cross_entropy_backward", r);
    print("dlogits", hash(&dlogits));
    Ok(())
}

fn numbers(ctx: Context, print: Print) -> Result {
    let (x, t) = (fill::<65>(92).map(|x| 3.0 * x), fill::<65>(93));
    let (mut dx, shape) = ([f32::NAN; 65], any([5, 13]));
    print("mean_squared", hash(&[mean_squared(ctx, shape, any(&x), any(&t))?]));
    mean_squared_backward(ctx, shape, any(0.2), any(&x), any(&t), any(&mut dx))?;
    print("mean_squared_backward", hash(&dx));
    print("huber", hash(&[huber(ctx, shape, any(1.0), any(&x), any(&t))?]));
    huber_backward(ctx, shape, any(1.0), any(0.2), any(&x), any(&t), any(&mut dx))?;
    print("huber_backward", hash(&dx));
    Ok(())
}

fn answers(ctx: Context, print: Print) -> Result {
    let (x, t) = (fill::<65>(94).map(|x| 9.0 * x), fill::<65>(95).map(|t| t * t));
    let (mut dx, shape) = ([f32::NAN; 65], any([5, 13]));
    report(print, "binary_cross_entropy", binary_cross_entropy(ctx, shape, any(&x), any(&t))?);
    let r = binary_cross_entropy_backward(ctx, shape, any(0.2), any(&x), any(&t), any(&mut dx))?;
    report(print, "binary_cross_entropy_backward", r);
    print("dlogits", hash(&dx));
    Ok(())
}
