//! Batch normalization, maximum pooling, softmax and cross-entropy.

use super::{Print, fill, nan};
use flatgrad_core::activation::softmax;
use flatgrad_core::loss::{Target, cross_entropy, cross_entropy_backward};
use flatgrad_core::norm::{Affine, BatchNorm, Gradients, Running, Saved};
use flatgrad_core::norm::{batch_norm_backward, batch_norm_infer, batch_norm_train};
use flatgrad_core::pool::{MaxPool2d, max_pool2d, max_pool2d_backward};
use flatgrad_core::{Context, Result, Update};

pub(super) fn run(ctx: Context, print: Print) -> Result {
    batch_norm(ctx, print, "batch_norm_7x6", &BatchNorm::new(5, 3, 42), 40)?;
    batch_norm(ctx, print, "batch_norm_37", &BatchNorm::new(4, 5, 37), 41)?;
    batch_norm(ctx, print, "batch_norm_1", &BatchNorm::new(6, 20, 1), 42)?;
    max_pool(ctx, print, "max_pool_2x2", &MaxPool2d::new(2, [3, 9, 10], [2, 2]))?;
    let overlapping = MaxPool2d::new(2, [3, 9, 10], [3, 3]).stride([2, 2]).padding([1, 1]);
    max_pool(ctx, print, "max_pool_3x3_stride_2_padding_1", &overlapping)?;
    losses(ctx, print)
}

fn batch_norm(ctx: Context, print: Print, name: &str, bn: &BatchNorm, seed: u32) -> Result {
    let (n, c) = (bn.input_len(), bn.channels);
    let (x, dy, scale, shift) = (fill(seed, n), fill(seed + 1, n), fill(seed + 2, c), fill(seed + 3, c));
    let (mut mean, mut var) = (fill(seed + 4, c), fill(seed + 5, c));
    var.iter_mut().for_each(|v| *v += 1.5);
    let (mut y, mut dx, mut saved_mean, mut rstd) = (nan(n), nan(n), nan(c), nan(c));
    let (mut dscale, mut dshift) = (nan(c), nan(c));
    let affine = Affine { weight: &scale[..], bias: &shift[..] };
    let running = Running { mean: &mut mean[..], var: &mut var[..] };
    let saved = Saved { mean: &mut saved_mean[..], rstd: &mut rstd[..] };
    batch_norm_train(ctx, bn, &x, affine, running, &mut y, saved)?;
    print(&format!("{name}/training"), &y);
    print(&format!("{name}/saved_mean"), &saved_mean);
    print(&format!("{name}/saved_inverse_deviation"), &rstd);
    print(&format!("{name}/running_mean"), &mean);
    print(&format!("{name}/running_variance"), &var);
    let saved = Saved { mean: &saved_mean[..], rstd: &rstd[..] };
    let gradients = Gradients { x: &mut dx, weight: &mut dscale[..], bias: &mut dshift[..] };
    batch_norm_backward(ctx, bn, &x, &dy, &scale, saved, Update::Overwrite, gradients)?;
    print(&format!("{name}/input_gradient"), &dx);
    print(&format!("{name}/scale_gradient"), &dscale);
    print(&format!("{name}/shift_gradient"), &dshift);
    y.fill(f32::NAN);
    batch_norm_infer(ctx, bn, &x, affine, Running { mean: &mean, var: &var }, &mut y)?;
    print(&format!("{name}/inference"), &y);
    Ok(())
}

fn max_pool(ctx: Context, print: Print, name: &str, pool: &MaxPool2d) -> Result {
    let (mut x, dy) = (fill(50, pool.input_len()), fill(51, pool.output_len()));
    let (mut y, mut dx) = (nan(dy.len()), nan(x.len()));
    // Many are equal.
    x.iter_mut().for_each(|x| *x = if *x < 0.0 { f32::NEG_INFINITY } else { (4.0 * *x) as i32 as f32 });
    max_pool2d(ctx, pool, &x, &mut y)?;
    print(&format!("{name}/forward"), &y);
    max_pool2d_backward(ctx, pool, &x, &dy, &mut dx)?;
    print(&format!("{name}/input_gradient"), &dx);
    Ok(())
}

fn losses(ctx: Context, print: Print) -> Result {
    const SHAPE: [usize; 2] = [7, 10];
    let x: Vec<f32> = fill(63, 70).iter().map(|x| 4.0 * x).collect();
    let labels: [u32; 7] = core::array::from_fn(|i| 3 * i as u32 % 10);
    let mut y = nan(70);
    softmax(ctx, SHAPE, &x, &mut y)?;
    print("softmax/forward", &y);
    for (name, smoothing) in [("cross_entropy", 0.0), ("cross_entropy_label_smoothing", 0.1)] {
        let target = Target::Classes(&labels);
        print(&format!("{name}/loss"), &[cross_entropy(ctx, SHAPE, smoothing, &x, target)?.loss_sum]);
        y.fill(f32::NAN);
        cross_entropy_backward(ctx, SHAPE, smoothing, 1.0 / 7.0, &x, target, &mut y)?;
        print(&format!("{name}/gradient"), &y);
    }
    Ok(())
}
