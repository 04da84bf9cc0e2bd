//! Normalization.

use super::{Print, any, fill, first, hash};
use flatgrad_core::norm::*;
use flatgrad_core::{Context, Result, Update};

pub(super) fn run(ctx: Context, print: Print) -> Result {
    batch_norm(ctx, print, any(BatchNorm::new(5, 3, 7)))?;
    batch_norm(ctx, print, any(BatchNorm::new(5, 21, 1)))?;
    frozen(ctx, print, any(BatchNorm::new(5, 3, 7)), any(FoldInto::Conv2d { inputs: 35 }))?;
    frozen(ctx, print, any(BatchNorm::new(5, 21, 1)), any(FoldInto::Dense { inputs: 5 }))?;
    group(ctx, print, any(GroupNorm::new(3, 6, 7, 2)))?;
    group(ctx, print, any(GroupNorm::new(6, 21, 1, 3)))?;
    group(ctx, print, any(GroupNorm::instance(2, 9, 7)))?;
    layer(ctx, print, any(LayerNorm::new(5, 21)))?;
    rms(ctx, print, any(RmsNorm::new(5, 21)))
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

    let affine = Affine { weight: scale, bias: shift };
    let running = Running { mean: &mut *running_mean, var: &mut *running_var };
    let saved = Saved { mean: &mut *mean, rstd: &mut *rstd };
    batch_norm_train(ctx, s, any(&x), affine, running, any(&mut y), saved)?;
    print("batch_norm_train", hash(&y));
    print("running_mean", hash(running_mean));
    print("running_var", hash(running_var));
    let (dscale, dshift) = (first(&mut dscale, c), first(&mut dshift, c));
    let gradients = Gradients { x: any(&mut dx), weight: &mut *dscale, bias: &mut *dshift };
    let (x, saved) = (any(&x), Saved { mean: &*mean, rstd: &*rstd });
    batch_norm_backward(ctx, s, x, any(&dy), scale, saved, any(Update::Accumulate), gradients)?;
    print("batch_norm_backward", hash(&dx));
    print("dscale", hash(dscale));
    print("dshift", hash(dshift));
    batch_norm_infer(ctx, s, x, affine, Running { mean: running_mean, var: running_var }, any(&mut y))?;
    print("batch_norm_infer", hash(&y));
    Ok(())
}

fn frozen(ctx: Context, print: Print, shape: BatchNorm, into: FoldInto) -> Result {
    let (dy, mut dx, mut layer_weight): ([f32; 105], _, [f32; 105]) = (fill(74), [f32::NAN; 105], fill(75));
    let v: [[f32; 21]; 4] = [fill(76), fill(77), fill(78), fill::<21>(79).map(|v| v * v)];
    let [weight, bias, mean, var] = v.each_ref().map(|v| v.get(..shape.channels).unwrap_or(&[]));
    let mut layer_bias: [f32; 21] = fill(80);
    let layer_bias = first(&mut layer_bias, shape.channels);
    batch_norm_infer_backward(ctx, &shape, any(&dy), weight, Running { mean, var }, any(&mut dx))?;
    print("batch_norm_infer_backward", hash(&dx));
    let layer: Affine<&mut [f32]> = Affine { weight: any(&mut layer_weight), bias: &mut *layer_bias };
    fold_batch_norm(ctx, &shape, Affine { weight, bias }, Running { mean, var }, into, layer)?;
    print("fold_batch_norm", hash(&layer_weight));
    print("folded bias", hash(layer_bias));
    Ok(())
}

/// The numbers all the others start from: x, dy, scale, shift.
fn numbers() -> ([f32; 126], [f32; 126], [f32; 21], [f32; 21]) {
    (fill(81), fill(82), fill(83), fill(84))
}

fn group(ctx: Context, print: Print, shape: GroupNorm) -> Result {
    let (x, dy, scale, shift) = numbers();
    let (c, runs, len) = (shape.channels, shape.statistics_len(), shape.input_len());
    let (x, dy) = (x.get(..len).unwrap_or(&[]), dy.get(..len).unwrap_or(&[]));
    let (mut y, mut dx, mut mean, mut rstd) = ([f32::NAN; 126], [f32::NAN; 126], [0.0; 21], [0.0; 21]);
    let (y, dx, mean, rstd) = (first(&mut y, len), first(&mut dx, len), first(&mut mean, runs), first(&mut rstd, runs));
    let (scale, shift) = (any(scale.get(..c)), any(shift.get(..c)));
    let affine = Affine { weight: scale, bias: shift };
    group_norm(ctx, &shape, x, affine, y, Saved { mean: &mut *mean, rstd: &mut *rstd })?;
    print("group_norm", hash(y));
    let (mut dscale, mut dshift) = ([1.0; 21], [1.0; 21]);
    let (weight, bias) = (any(dscale.get_mut(..c)), any(dshift.get_mut(..c)));
    let (saved, gradients) = (Saved { mean: &*mean, rstd: &*rstd }, Gradients { x: &mut *dx, weight, bias });
    group_norm_backward(ctx, &shape, x, dy, scale, saved, any(Update::Accumulate), gradients)?;
    print("group_norm_backward", hash(dx));
    print("dscale", hash(&dscale));
    print("dshift", hash(&dshift));
    Ok(())
}

fn layer(ctx: Context, print: Print, shape: LayerNorm) -> Result {
    let (x, dy, scale, shift) = numbers();
    let (rows, len) = (shape.rows, shape.input_len());
    let (x, dy) = (x.get(..len).unwrap_or(&[]), dy.get(..len).unwrap_or(&[]));
    let (mut y, mut dx, mut mean, mut rstd) = ([f32::NAN; 126], [f32::NAN; 126], [0.0; 21], [0.0; 21]);
    let (y, dx, mean, rstd) = (first(&mut y, len), first(&mut dx, len), first(&mut mean, rows), first(&mut rstd, rows));
    let (scale, shift) = (any(Some(&scale[..])), any(Some(&shift[..])));
    let affine = Affine { weight: scale, bias: shift };
    layer_norm(ctx, &shape, x, affine, y, Saved { mean: &mut *mean, rstd: &mut *rstd })?;
    print("layer_norm", hash(y));
    let (mut dscale, mut dshift) = ([1.0; 21], [1.0; 21]);
    let (weight, bias) = (any(Some(&mut dscale[..])), any(Some(&mut dshift[..])));
    let (saved, gradients) = (Saved { mean: &*mean, rstd: &*rstd }, Gradients { x: &mut *dx, weight, bias });
    layer_norm_backward(ctx, &shape, x, dy, scale, saved, any(Update::Accumulate), gradients)?;
    print("layer_norm_backward", hash(dx));
    print("dscale", hash(&dscale));
    print("dshift", hash(&dshift));
    Ok(())
}

fn rms(ctx: Context, print: Print, shape: RmsNorm) -> Result {
    let (x, dy, scale, _) = numbers();
    let (rows, len) = (shape.rows, shape.input_len());
    let (x, dy) = (x.get(..len).unwrap_or(&[]), dy.get(..len).unwrap_or(&[]));
    let (mut y, mut dx, mut rstd, mut dscale) = ([f32::NAN; 126], [f32::NAN; 126], [0.0; 21], [1.0; 21]);
    let (y, dx, rstd) = (first(&mut y, len), first(&mut dx, len), first(&mut rstd, rows));
    let (scale, weight) = (any(Some(&scale[..])), any(Some(&mut dscale[..])));
    rms_norm(ctx, &shape, x, scale, y, rstd)?;
    print("rms_norm", hash(y));
    let gradients = Gradients { x: &mut *dx, weight, bias: () };
    rms_norm_backward(ctx, &shape, x, dy, scale, rstd, any(Update::Accumulate), gradients)?;
    print("rms_norm_backward", hash(dx));
    print("dscale", hash(&dscale));
    Ok(())
}
