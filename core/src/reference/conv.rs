//! Convolutions.

use super::fma;
use crate::conv::Conv2d;
use crate::{Fused, Update};

/// The input position that output `o` and tap `k` read, if it lies in the image.
fn position(o: usize, stride: usize, k: usize, dilation: usize, padding: usize, image: usize) -> Option<usize> {
    (o * stride + k * dilation).checked_sub(padding).filter(|&i| i < image)
}

/// The place in a plane `[h, w]` of what output `(oh, ow)` reads through tap `(kh, kw)`, if it lies in the image.
fn tap(c: &Conv2d, [oh, ow]: [usize; 2], [kh, kw]: [usize; 2]) -> Option<usize> {
    let ih = position(oh, c.stride[0], kh, c.dilation[0], c.padding[0], c.h)?;
    let iw = position(ow, c.stride[1], kw, c.dilation[1], c.padding[1], c.w)?;
    Some(ih * c.w + iw)
}

/// `y = activation((acc + 0.0) + bias)`, `acc` the chain over `(ic, kh, kw)` ascending; taps outside the image are
/// zeros.
pub fn conv2d(c: &Conv2d, x: &[f32], weight: &[f32], bias: Option<&[f32]>, activation: Fused, y: &mut [f32]) {
    let [kh, kw] = c.kernel;
    let (icg, ocg) = (c.in_channels / c.groups, c.out_channels / c.groups);
    let (oh, ow) = (c.out_h(), c.out_w());
    for (at, y) in y.iter_mut().enumerate() {
        let (n, oc, pixel) =
            (at / (ow * oh) / c.out_channels, at / (ow * oh) % c.out_channels, [at / ow % oh, at % ow]);
        let mut acc = 0.0;
        for k in 0..icg * kh * kw {
            let channel = n * c.in_channels + oc / ocg * icg + k / (kh * kw);
            let x = tap(c, pixel, [k / kw % kh, k % kw]).map_or(0.0, |at| x[channel * c.h * c.w + at]);
            acc = fma(x, weight[oc * icg * kh * kw + k], acc);
        }
        acc += 0.0;
        if let Some(bias) = bias {
            acc += bias[oc];
        }
        *y = match activation {
            Fused::Relu if 0.0 > acc => 0.0,
            _ => acc,
        };
    }
}

/// `dx = acc + 0.0`, `acc` the chain over `(oc, kh, kw)` ascending; output positions that do not exist are zeros.
pub fn conv2d_backward_input(c: &Conv2d, dy: &[f32], weight: &[f32], dx: &mut [f32]) {
    let [kh, kw] = c.kernel;
    let (icg, ocg) = (c.in_channels / c.groups, c.out_channels / c.groups);
    let out = [c.out_h(), c.out_w()];
    // The output position that reads input position `i` through tap `k`: `None` between two strides (no tap at all).
    let reads = |axis: usize, i: usize, k: usize| {
        let at = (i + c.padding[axis]) as isize - (k * c.dilation[axis]) as isize;
        let stride = c.stride[axis] as isize;
        (at % stride == 0).then_some(at / stride)
    };
    for (at, dx) in dx.iter_mut().enumerate() {
        let (n, ic) = (at / (c.h * c.w) / c.in_channels, at / (c.h * c.w) % c.in_channels);
        let mut acc = 0.0;
        for k in 0..ocg * kh * kw {
            let oc = ic / icg * ocg + k / (kh * kw);
            let Some(oh) = reads(0, at / c.w % c.h, k / kw % kh) else { continue };
            let Some(ow) = reads(1, at % c.w, k % kw) else { continue };
            let exists = oh >= 0 && oh < out[0] as isize && ow >= 0 && ow < out[1] as isize;
            let place = ((n * c.out_channels + oc) * out[0]) as isize + oh;
            let dy = if exists { dy[(place * out[1] as isize + ow) as usize] } else { 0.0 };
            acc = fma(dy, weight[(oc * icg + ic % icg) * kh * kw + k % (kh * kw)], acc);
        }
        *dx = acc + 0.0;
    }
}

/// `dw = acc + 0.0`, `acc` the chain over `(n, oh, ow)` ascending from 0 or from the stored `dw`; taps outside the
/// image are zeros.
pub fn conv2d_backward_weight(c: &Conv2d, x: &[f32], dy: &[f32], update: Update, dw: &mut [f32]) {
    let [kh, kw] = c.kernel;
    let (icg, ocg) = (c.in_channels / c.groups, c.out_channels / c.groups);
    let (oh, ow) = (c.out_h(), c.out_w());
    for (at, dw) in dw.iter_mut().enumerate() {
        let (oc, ic, t) = (at / (kh * kw) / icg, at / (kh * kw) % icg, [at / kw % kh, at % kw]);
        let mut acc = if update == Update::Accumulate { *dw } else { 0.0 };
        for k in 0..c.n * oh * ow {
            let (n, pixel) = (k / (oh * ow), k % (oh * ow));
            let channel = n * c.in_channels + oc / ocg * icg + ic;
            let x = tap(c, [pixel / ow, pixel % ow], t).map_or(0.0, |at| x[channel * c.h * c.w + at]);
            acc = fma(x, dy[(n * c.out_channels + oc) * oh * ow + pixel], acc);
        }
        *dw = acc + 0.0;
    }
}

/// `db[c]` from 0 or from the stored value, then for each sample in order `+ sum(dy[n, c])`, a sum over sixteen lanes.
pub fn conv2d_backward_bias(c: &Conv2d, dy: &[f32], update: Update, db: &mut [f32]) {
    let plane = c.out_h() * c.out_w();
    for (oc, db) in db.iter_mut().enumerate() {
        let mut total = if update == Update::Accumulate { *db } else { 0.0 };
        for n in 0..c.n {
            let mut lanes = [0.0f32; 16];
            for (i, dy) in dy[(n * c.out_channels + oc) * plane..][..plane].iter().enumerate() {
                lanes[i % 16] += dy;
            }
            for half in [8, 4, 2, 1] {
                for l in 0..half {
                    lanes[l] += lanes[l + half];
                }
            }
            total += lanes[0];
        }
        *db = total;
    }
}

/// Row `(c, kh, kw)` and column `(oh, ow)` of `cols` is what that output reads through that tap; 0 outside the image.
pub fn im2col(c: &Conv2d, x: &[f32], cols: &mut [f32]) {
    let ([kh, kw], plane, ow) = (c.kernel, c.out_h() * c.out_w(), c.out_w());
    for (at, col) in cols.iter_mut().enumerate() {
        let (row, pixel) = (at / plane, at % plane);
        let found = tap(c, [pixel / ow, pixel % ow], [row / kw % kh, row % kw]);
        *col = found.map_or(0.0, |at| x[row / (kh * kw) * c.h * c.w + at]);
    }
}

/// Each element of `x`, from 0 or from its stored value, plus the columns it was copied to, `(kh, kw)` ascending.
pub fn col2im(c: &Conv2d, cols: &[f32], update: Update, x: &mut [f32]) {
    if update == Update::Overwrite {
        x.fill(0.0);
    }
    let ([kh, kw], plane, ow) = (c.kernel, c.out_h() * c.out_w(), c.out_w());
    for (at, col) in cols.iter().enumerate() {
        let (row, pixel) = (at / plane, at % plane);
        if let Some(at) = tap(c, [pixel / ow, pixel % ow], [row / kw % kh, row % kw]) {
            x[row / (kh * kw) * c.h * c.w + at] += col;
        }
    }
}
