//! Pooling.

use super::{Print, any, fill, first, hash};
use flatgrad_core::pool::*;
use flatgrad_core::{Context, Result};

pub(super) fn run(ctx: Context, print: Print) -> Result {
    // Side by side, overlapping, and one window at a time.
    for (kernel, stride, padding) in
        any([([2, 2], [2, 2], [0, 0]), ([3, 3], [2, 2], [1, 1]), ([3, 3], [1, 1], [1, 1]), ([2, 3], [1, 3], [1, 1])])
    {
        maximum(ctx, print, any(MaxPool2d::new(2, [3, 6, 8], kernel).stride(stride).padding(padding)))?;
        let shape = AvgPool2d::new(2, [3, 6, 8], kernel).stride(stride).padding(padding);
        average(ctx, print, any(shape))?;
        average(ctx, print, any(shape.count_include_pad(false)))?;
    }
    global(ctx, print)
}

const INPUT: usize = 2 * 3 * 6 * 8;
/// No case has more outputs.
const OUTPUT: usize = 2 * 3 * 7 * 8;

fn maximum(ctx: Context, print: Print, shape: MaxPool2d) -> Result {
    let (x, mut dy): ([f32; INPUT], [f32; OUTPUT]) = (fill(80), fill(81));
    let (mut y, mut dx) = ([f32::NAN; OUTPUT], [f32::NAN; INPUT]);
    let (y, dy) = (first(&mut y, shape.output_len()), first(&mut dy, shape.output_len()));
    max_pool2d(ctx, &shape, any(&x), any(&mut *y))?;
    print("max_pool2d", hash(y));
    max_pool2d_backward(ctx, &shape, any(&x), any(dy), any(&mut dx))?;
    print("max_pool2d_backward", hash(&dx));
    Ok(())
}

fn average(ctx: Context, print: Print, shape: AvgPool2d) -> Result {
    let (x, mut dy): ([f32; INPUT], [f32; OUTPUT]) = (fill(82), fill(83));
    let (mut y, mut dx) = ([f32::NAN; OUTPUT], [f32::NAN; INPUT]);
    let (y, dy) = (first(&mut y, shape.output_len()), first(&mut dy, shape.output_len()));
    avg_pool2d(ctx, &shape, any(&x), any(&mut *y))?;
    print("avg_pool2d", hash(y));
    avg_pool2d_backward(ctx, &shape, any(dy), any(&mut dx))?;
    print("avg_pool2d_backward", hash(&dx));
    Ok(())
}

fn global(ctx: Context, print: Print) -> Result {
    let (x, dy): ([f32; INPUT], [f32; 6]) = (fill(84), fill(85));
    let (mut y, mut dx, shape) = ([f32::NAN; 6], [f32::NAN; INPUT], any([2, 3, 48]));
    global_avg_pool(ctx, shape, any(&x), any(&mut y))?;
    print("global_avg_pool", hash(&y));
    global_avg_pool_backward(ctx, shape, any(&dy), any(&mut dx))?;
    print("global_avg_pool_backward", hash(&dx));
    Ok(())
}
