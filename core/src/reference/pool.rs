//! Pooling.

use crate::pool::MaxPool2d;

/// Calls `f(x index, y index)` with the element that each window chooses: the first maximum, or the last NaN.
fn chosen(pool: &MaxPool2d, x: &[f32], mut f: impl FnMut(usize, usize)) {
    let mut output = 0;
    for plane in 0..pool.n * pool.channels {
        for (oy, ox) in (0..pool.out_h()).flat_map(|oy| (0..pool.out_w()).map(move |ox| (oy, ox))) {
            let (mut best, mut at) = (f32::NEG_INFINITY, None);
            for (ky, kx) in (0..pool.kernel[0]).flat_map(|ky| (0..pool.kernel[1]).map(move |kx| (ky, kx))) {
                let (iy, ix) = (oy * pool.stride[0] + ky, ox * pool.stride[1] + kx);
                if iy < pool.padding[0] || ix < pool.padding[1] {
                    continue;
                }
                let (iy, ix) = (iy - pool.padding[0], ix - pool.padding[1]);
                if iy < pool.h && ix < pool.w {
                    let i = (plane * pool.h + iy) * pool.w + ix;
                    if at.is_none() || x[i] > best || x[i].is_nan() {
                        (best, at) = (x[i], Some(i));
                    }
                }
            }
            if let Some(at) = at {
                f(at, output);
            }
            output += 1;
        }
    }
}

/// Max pooling.
pub fn max_pool2d(pool: &MaxPool2d, x: &[f32], y: &mut [f32]) {
    chosen(pool, x, |from, to| y[to] = x[from]);
}

/// The gradient of [`max_pool2d`].
pub fn max_pool2d_backward(pool: &MaxPool2d, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    dx.fill(0.0);
    chosen(pool, x, |from, to| dx[from] += dy[to]);
}
