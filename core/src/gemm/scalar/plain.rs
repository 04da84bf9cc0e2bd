//! The kernels as plain loops: what the assembly computes, for cores without a floating-point unit.

use super::job::Job;
use crate::gemm::{Tiles, Uses};
use crate::simd::portable::fma;

/// `p`, `rows` distances of `step` bytes and `cols` elements further.
#[inline(always)]
fn at(p: *const f32, rows: usize, step: usize, cols: usize) -> *const f32 {
    p.wrapping_byte_add(rows.wrapping_mul(step)).wrapping_add(cols)
}

/// One chain of `k` steps, from `acc`.
///
/// # Safety
/// Both pointers must be readable at `k` multiples of their steps (in bytes).
unsafe fn one(k: usize, [a, b]: [*const f32; 2], steps: [usize; 2], mut acc: f32) -> f32 {
    let (mut a, mut b) = (a, b);
    for _ in 0..k {
        // SAFETY: the caller grants k elements of both.
        acc = unsafe { fma(*a, *b, acc) };
        (a, b) = (a.wrapping_byte_add(steps[0]), b.wrapping_byte_add(steps[1]));
    }
    acc
}

/// A tile of one or two rows and `1 << log` columns: `c = init + a b`, `a` and `b` by rows.
///
/// # Safety
/// The job's pointers must be valid for the tile.
pub(crate) unsafe fn chain<U: Uses>(two: bool, log: usize, job: &Job) {
    debug_assert!(U::TILES.has(Tiles::chain(two, log)), "a tile that is not linked");
    for i in 0..1 + usize::from(two) {
        for j in 0..1 << log {
            // SAFETY: granted by the caller.
            unsafe {
                let sources = [at(job.a, i, job.a_step, 0), at(job.b, 0, 0, j)];
                let acc = *at(job.init, i, job.init_row, j);
                *at(job.c, i, job.c_row, j).cast_mut() = one(job.k, sources, [4, job.b_step], acc);
            }
        }
    }
}

/// One or two rows and `groups` times four columns, or one: `c = init + a b`, `a` by rows and `b` by columns.
///
/// # Safety
/// The job's pointers must be valid for the tile.
pub(crate) unsafe fn dot<U: Uses>(two: bool, four: bool, job: &Job) {
    debug_assert!(U::TILES.has(Tiles::dot(two, four)), "a tile that is not linked");
    for i in 0..1 + usize::from(two) {
        for j in 0..job.groups * if four { 4 } else { 1 } {
            // SAFETY: granted by the caller.
            unsafe {
                let sources = [at(job.a, i, job.a_step, 0), at(job.b, j, job.b_step, 0)];
                let acc = if !job.zeros.is_null() { 0.0 } else { *at(job.init, i, job.init_row, j) };
                *at(job.c, i, job.c_row, j).cast_mut() = one(job.k, sources, [4, 4], acc);
            }
        }
    }
}

/// One or two steps of the chains in `k` rows of `1 << log` columns: `c = init + a b`, `a` by columns and `b` by rows.
///
/// # Safety
/// The job's pointers must be valid for the tile.
pub(crate) unsafe fn outer<U: Uses>(two: bool, log: usize, job: &Job) {
    debug_assert!(U::TILES.has(Tiles::outer(two, log)), "a tile that is not linked");
    for i in 0..job.k {
        for j in 0..1 << log {
            // SAFETY: granted by the caller.
            unsafe {
                let sources = [at(job.a, 0, 0, i), at(job.b, 0, 0, j)];
                let acc = *at(job.init, i, job.init_row, j);
                let acc = one(1 + usize::from(two), sources, [job.a_step, job.b_step], acc);
                *at(job.c, i, job.c_row, j).cast_mut() = acc;
            }
        }
    }
}
