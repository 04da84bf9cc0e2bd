//! Initial weights.

use crate::rng::Stream;
use crate::scalar::{ln, sin_cos};

/// Numbers in `[-bound, bound]`: [`uniform`](crate::init::uniform).
pub fn uniform(stream: Stream, bound: f32, out: &mut [f32]) {
    for i in 0..out.len() {
        out[i] = -bound + (bound - -bound) * stream.uniform(i as u64);
    }
}

/// Normal numbers: [`normal`](crate::init::normal).
pub fn normal(stream: Stream, mean: f32, std: f32, out: &mut [f32]) {
    for i in 0..out.len() as u64 {
        let u = (stream.bits(i & !1) as f64 + 1.0) / 4_294_967_296.0;
        let [sin, cos] = sin_cos(stream.bits(i | 1));
        let r = libm::sqrt(-2.0 * ln(u));
        let z = (r * if i % 2 == 0 { cos } else { sin }) as f32;
        out[i as usize] = mean + std * z;
    }
}

/// `gain * sqrt(factor / fan)`: the bound or the deviation of Kaiming's rules (factor 3 or 1) and Xavier's (6 or 2).
pub fn spread(gain: f32, factor: f64, fan: usize) -> f32 {
    (gain as f64 * libm::sqrt(factor / fan as f64)) as f32
}

/// An orthogonal matrix: [`orthogonal`](crate::init::orthogonal()). Here each vector is finished before the next is
/// begun.
pub fn orthogonal(stream: Stream, [rows, cols]: [usize; 2], gain: f32, out: &mut [f32]) {
    normal(stream, 0.0, 1.0, out);
    // Element i of vector v.
    let at = |v: usize, i: usize| if rows <= cols { v * cols + i } else { i * cols + v };
    let (vectors, len) = (rows.min(cols), rows.max(cols));
    let dot = |out: &[f32], v: usize, w: usize| {
        let mut lanes = [0.0f64; 4];
        (0..len).for_each(|i| lanes[i % 4] += out[at(v, i)] as f64 * out[at(w, i)] as f64);
        (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])
    };
    for _ in 0..2 {
        for v in 0..vectors {
            for w in 0..v {
                let along = dot(out, w, v);
                for i in 0..len {
                    out[at(v, i)] = (out[at(v, i)] as f64 - along * out[at(w, i)] as f64) as f32;
                }
            }
            let norm = libm::sqrt(dot(out, v, v));
            for i in 0..len {
                let unit = if i == v { 1.0 } else { 0.0 };
                out[at(v, i)] = if norm == 0.0 { unit } else { (out[at(v, i)] as f64 / norm) as f32 };
            }
        }
    }
    out.iter_mut().for_each(|x| *x *= gain);
}
