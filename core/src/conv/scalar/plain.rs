//! The kernels as plain loops: what the assembly computes, for cores without a floating-point unit.

use super::job::{Gradient, Rows, Taps, Three};
use crate::simd::portable::fma;

/// `out = chain + bias`, the chain over channels, rows and columns of taps; `reversed`: the last column of taps
/// reads the first pixel.
///
/// # Safety
/// The job's pointers must be valid for its tile.
pub(super) unsafe fn three(reversed: bool, job: &Three) {
    for channel in 0..2 {
        for pixel in 0..8 {
            let (mut x, mut w, mut acc) = (job.x, job.weights[channel], 0.0);
            // SAFETY: granted by the caller.
            unsafe {
                for _ in 0..job.channels {
                    for _ in 0..3 {
                        for kw in 0..3 {
                            acc = fma(*x.add(pixel + if reversed { 2 - kw } else { kw }), *w, acc);
                            w = w.add(1);
                        }
                        x = x.wrapping_byte_add(job.row);
                    }
                    (x, w) = (x.wrapping_byte_add(job.next), w.wrapping_byte_add(job.next_weights));
                }
                *job.out[channel].add(pixel) = acc + job.bias[channel];
            }
        }
    }
}

/// `dw = chain(dw) + 0.0`, the chain over rows and columns of outputs.
///
/// # Safety
/// The job's pointers must be valid for its tile.
pub(super) unsafe fn gradient(three: bool, four: bool, job: &Gradient) {
    let (channels, taps) = (if three { 3 } else { 2 }, if four { 4 } else { 1 });
    // As in assembly, all chains are loaded before any is stored.
    let mut acc = [[0.0; 4]; 3];
    for ((dw, dy), acc) in job.dw.iter().zip(&job.dy).zip(&mut acc).take(channels) {
        for ((tap, x), acc) in job.x.iter().enumerate().zip(acc).take(taps) {
            let (mut x, mut dy) = (*x, *dy);
            // SAFETY: granted by the caller.
            unsafe {
                *acc = *dw.add(tap);
                for _ in 0..job.rows {
                    for _ in 0..job.cols {
                        *acc = fma(*x, *dy, *acc);
                        (x, dy) = (x.add(1), dy.add(1));
                    }
                    x = x.wrapping_byte_add(job.x_next);
                }
            }
        }
    }
    for (dw, acc) in job.dw.iter().zip(&acc).take(channels) {
        for (tap, acc) in acc.iter().enumerate().take(taps) {
            // SAFETY: granted by the caller.
            unsafe { *dw.add(tap) = acc + 0.0 }
        }
    }
}

/// Copies rows.
///
/// # Safety
/// The job's pointers must be valid for its rows.
pub(super) unsafe fn copy(job: &Rows) {
    let (mut from, mut to) = (job.from, job.to);
    for _ in 0..job.rows {
        for _ in 0..job.len {
            // SAFETY: granted by the caller.
            unsafe { *to = *from }
            (from, to) = (from.wrapping_byte_add(job.from_step), to.wrapping_add(1));
        }
        (from, to) = (from.wrapping_byte_add(job.from_next), to.wrapping_byte_add(job.to_next));
    }
}

/// Zeros.
///
/// # Safety
/// `to` must be valid for `len` floats.
pub(super) unsafe fn clear(to: *mut f32, len: usize) {
    // SAFETY: granted by the caller.
    unsafe { to.write_bytes(0, len) }
}

/// Copies what the taps read.
///
/// # Safety
/// The job's pointers must be valid for its taps.
pub(super) unsafe fn gather(job: &Taps) {
    let mut to = job.to;
    for tap in 0..job.taps {
        // SAFETY: granted by the caller.
        unsafe {
            let offset = (*job.offsets.add(tap)).to_bits() as usize;
            core::ptr::copy_nonoverlapping(job.from.add(offset), to, job.len);
        }
        to = to.wrapping_add(job.len).wrapping_byte_add(job.to_next);
    }
}
