//! Pooling.

use super::math::sum;
use crate::pool::{AvgPool2d, MaxPool2d};

/// Calls `f(window, element)` for the elements inside the image of each window, both in row-major order.
fn elements(
    [n, channels, h, w]: [usize; 4],
    [out_h, out_w]: [usize; 2],
    [kernel, stride, padding]: [[usize; 2]; 3],
    mut f: impl FnMut(usize, usize),
) {
    for output in 0..n * channels * out_h * out_w {
        let (plane, oy, ox) = (output / (out_h * out_w), output / out_w % out_h, output % out_w);
        for (ky, kx) in (0..kernel[0]).flat_map(|ky| (0..kernel[1]).map(move |kx| (ky, kx))) {
            let (iy, ix) = (oy * stride[0] + ky, ox * stride[1] + kx);
            if (padding[0]..padding[0] + h).contains(&iy) && (padding[1]..padding[1] + w).contains(&ix) {
                f(output, (plane * h + iy - padding[0]) * w + ix - padding[1]);
            }
        }
    }
}

fn max_elements(pool: &MaxPool2d, f: impl FnMut(usize, usize)) {
    let &MaxPool2d { n, channels, h, w, kernel, stride, padding } = pool;
    elements([n, channels, h, w], [pool.out_h(), pool.out_w()], [kernel, stride, padding], f);
}

fn avg_elements(pool: &AvgPool2d, f: impl FnMut(usize, usize)) {
    let &AvgPool2d { n, channels, h, w, kernel, stride, padding, .. } = pool;
    elements([n, channels, h, w], [pool.out_h(), pool.out_w()], [kernel, stride, padding], f);
}

/// Max pooling: the first maximum, or the last NaN.
pub fn max_pool2d(pool: &MaxPool2d, x: &[f32], y: &mut [f32]) {
    y.fill(f32::NEG_INFINITY);
    max_elements(pool, |o, i| y[o] = if x[i] > y[o] || x[i].is_nan() { x[i] } else { y[o] });
}

/// The gradient of [`max_pool2d`].
pub fn max_pool2d_backward(pool: &MaxPool2d, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    dx.fill(0.0);
    let mut add = |window: Option<usize>, chosen: usize| window.into_iter().for_each(|o| dx[chosen] += dy[o]);
    let (mut window, mut chosen) = (None, 0);
    max_elements(pool, |o, i| {
        if window != Some(o) {
            add(window, chosen);
            (window, chosen) = (Some(o), i);
        } else if x[i] > x[chosen] || x[i].is_nan() {
            chosen = i;
        }
    });
    add(window, chosen);
}

/// What the sum of window `output` is divided by.
fn count(pool: &AvgPool2d, output: usize) -> f32 {
    let (oy, ox) = (output / pool.out_w() % pool.out_h(), output % pool.out_w());
    let inside = |d: usize, o: usize, size: usize| {
        let image = pool.padding[d]..pool.padding[d] + size;
        (0..pool.kernel[d]).filter(|k| pool.count_include_pad || image.contains(&(o * pool.stride[d] + k))).count()
    };
    (inside(0, oy, pool.h) * inside(1, ox, pool.w)) as f32
}

/// Average pooling.
pub fn avg_pool2d(pool: &AvgPool2d, x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    avg_elements(pool, |o, i| y[o] += x[i]);
    for (o, y) in y.iter_mut().enumerate() {
        *y /= count(pool, o);
    }
}

/// The gradient of [`avg_pool2d`].
pub fn avg_pool2d_backward(pool: &AvgPool2d, dy: &[f32], dx: &mut [f32]) {
    dx.fill(0.0);
    avg_elements(pool, |o, i| dx[i] += dy[o] * (1.0 / count(pool, o)));
}

/// Average over planes of `spatial` elements.
pub fn global_avg_pool(spatial: usize, x: &[f32], y: &mut [f32]) {
    for (x, y) in x.chunks(spatial).zip(y) {
        *y = sum(x.iter().copied()) / spatial as f32;
    }
}

/// The gradient of [`global_avg_pool`].
pub fn global_avg_pool_backward(spatial: usize, dy: &[f32], dx: &mut [f32]) {
    for (i, dx) in dx.iter_mut().enumerate() {
        *dx = dy[i / spatial] / spatial as f32;
    }
}
