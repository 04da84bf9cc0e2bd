//! Batch normalization.

use super::{Print, any, fill, first, hash};
use flatgrad_core::norm::{BatchNorm, batch_norm_backward, batch_norm_infer, batch_norm_train};
use flatgrad_core::{Context, Result, Update};

pub(super) fn run(ctx: Context, print: Print) -> Result {
    batch_norm(ctx, print, any(BatchNorm::new(5, 3, 7)))?;
    batch_norm(ctx, print, any(BatchNorm::new(5, 21, 1)))
}

fn batch_norm(ctx: Context, print: Print, shape: BatchNorm) -> Result {
    let (x, dy): ([f32; 105], [f32; 105]) = (fill(70), fill(71));
    let (scale, shift): ([f32; 21], [f32; 21]) = (fill(72), fill(73));
    let (mut running_mean, mut running_var): ([f32; 21], [f32; 21]) = ([0.0; 21], [1.0; 21]);
    let (mut mean, mut rstd, mut y, mut dx) = ([0.0; 21], [0.0; 21], [f32::NAN; 105], [f32::NAN; 105]);
    let (mut dscale, mut dshift) = ([1.0; 21], [1.0; 21]);
    let s = &shape;
    let c = shape.channels;
    let (scale, shift) = (scale.get(..c).unwrap_or(&[]), shift.get(..c).unwrap_or(&[]));
    let (running_mean, running_var) = (first(&mut running_mean, c), first(&mut running_var, c));
    let (mean, rstd) = (first(&mut mean, c), first(&mut rstd, c));

    batch_norm_train(ctx, s, any(&x), scale, shift, running_mean, running_var, any(&mut y), mean, rstd)?;
    print("batch_norm_train", hash(&y));
    print("running_mean", hash(running_mean));
    print("running_var", hash(running_var));
    let (dscale, dshift) = (first(&mut dscale, c), first(&mut dshift, c));
    batch_norm_backward(
        ctx,
        s,
        any(&x),
        any(&dy),
        scale,
        mean,
        rstd,
        any(Update::Accumulate),
        any(&mut dx),
        dscale,
        dshift,
    )?;
    print("batch_norm_backward", hash(&dx));
    print("dscale", hash(dscale));
    print("dshift", hash(dshift));
    batch_norm_infer(ctx, s, any(&x), scale, shift, running_mean, running_var, any(&mut y))?;
    print("batch_norm_infer", hash(&y));
    Ok(())
}
