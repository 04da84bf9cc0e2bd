//! The product for microcontrollers: no vectors, no caches, little flash.
//!
//! Instead of a ladder of tiles for each instruction set there are three small kernels, which differ in how their
//! operands lie in memory, and a loop around each. On a Cortex-M with a floating-point unit the kernels are assembly
//! (`thumb.rs`: stable Rust has no other way to its `vfma.f32`); elsewhere, and in this module's tests on the host,
//! they are plain loops (`plain.rs`). Both run the chains that define the bits.
//!
//! | kernel | `a` | `b` | used for |
//! |---|---|---|---|
//! | [`chain`](Kernels::chain) | rows | rows | dense forward, 1x1 convolutions, unfolded convolutions |
//! | [`dot`](Kernels::dot) | rows | columns | gradient of a dense layer's input, of a 1x1 convolution's weight |
//! | [`outer`](Kernels::outer) | columns | rows | gradient of a dense layer's weight, of a 1x1 convolution's input |
//!
//! If both lie the wrong way round, columns of `b` are copied to scratch, eight at a time.

mod job;
#[cfg(test)]
pub(crate) mod tests;

crate::machine::target::kernels!(pub(crate));

pub(crate) use job::{Job, ZEROS};

use super::product::{Product, Strided};
use crate::Fused;
use crate::gemm::tiles::{WIDTH, log_width};
use crate::gemm::{All, Tiles, Uses};
use crate::gemm::{Bias, Epilogue};

/// Longest block of `k` of which columns of `b` are copied.
pub(super) const BLOCK: usize = 64;

/// Computes the product.
///
/// # Safety
///
/// The product must be valid, and `scratch` writable for `gemm_scratch_len(m, n, k)` floats.
pub(super) unsafe fn multiply<U: Uses>(p: &Product, scratch: *mut f32) {
    // SAFETY: as the caller's.
    unsafe {
        match (p.a.col == 1 || p.k == 0, p.b.col == 1 || p.k == 0) {
            (true, true) => chains::<U>(p),
            (true, false) => dots::<U>(p),
            (false, true) => outers::<U>(p, 0, p.b, p.k),
            (false, false) if U::ANY_LAYOUT => copied(p, scratch),
            (false, false) => return,
        }
        finish(p.c, [p.m, p.n, p.c_row], &p.epilogue, false);
    }
}

/// Both operands by rows.
///
/// # Safety
/// The product must be valid, with `a.col == 1` and `b.col == 1` (or no steps).
pub(crate) unsafe fn chains<U: Uses>(p: &Product) {
    let mut job = Job::new(p.k, p.c_row);
    (job.a_step, job.b_step) = (Job::bytes(p.a.row), Job::bytes(p.b.row));
    let mut i = 0;
    while i < p.m {
        let rows = (p.m - i).min(2);
        let c = p.c.wrapping_add(i * p.c_row);
        let (a, mut j) = (p.a.at(i, 0), 0);
        while j < p.n {
            let log = log_width(p.n - j);
            (job.a, job.b) = (a, p.b.ptr.wrapping_add(j));
            job.target(c.wrapping_add(j), p.accumulate);
            // SAFETY: the tile lies inside the product.
            unsafe { kernels::chain::<U>(rows == 2, log, &job) };
            j += 1 << log;
        }
        i += rows;
    }
}

/// `a` by rows, `b` by columns.
///
/// # Safety
/// The product must be valid, with `a.col == 1`, `b.row == 1` and `k > 0`.
pub(crate) unsafe fn dots<U: Uses>(p: &Product) {
    let mut job = Job::new(p.k, p.c_row);
    (job.a_step, job.b_step) = (Job::bytes(p.a.row), Job::bytes(p.b.col));
    let linked = |two, four| U::TILES.has(Tiles::dot(two, four));
    let most = if linked(true, false) || linked(true, true) { 2 } else { 1 };
    let fours = p.n & !3;
    let mut i = 0;
    while i < p.m {
        let rows = (p.m - i).min(most);
        job.a = p.a.at(i, 0);
        // Four columns at a time, then one at a time: the kernel runs over all of them.
        let mut columns = |first, groups, four| {
            if groups > 0 {
                (job.b, job.groups) = (p.b.at(0, first), groups);
                job.target(p.c.wrapping_add(i * p.c_row + first), p.accumulate);
                // SAFETY: the columns lie inside the product.
                unsafe { kernels::dot::<U>(rows == 2, four, &job) };
            }
        };
        if linked(false, true) || linked(true, true) {
            columns(0, fours / 4, true);
        }
        if linked(false, false) || linked(true, false) {
            columns(fours, p.n - fours, false);
        }
        i += rows;
    }
}

/// `a` by columns, `b` by rows: two steps of all chains at a time. `b` may be a copy of steps `first ..first + steps`.
///
/// # Safety
/// The product must be valid for these steps, with `a.row == 1`, `b.col == 1` and `steps > 0`.
pub(crate) unsafe fn outers<U: Uses>(p: &Product, first: usize, b: Strided, steps: usize) {
    let mut job = Job::new(p.m, p.c_row);
    (job.a_step, job.b_step) = (Job::bytes(p.a.col), Job::bytes(b.row));
    let mut s = 0;
    while s < steps {
        let two = U::TILES.any(Tiles::TWO_STEPS) && steps - s >= 2;
        let mut j = 0;
        while j < p.n {
            let log = log_width(p.n - j);
            (job.a, job.b) = (p.a.at(0, first + s), b.at(s, j));
            job.target(p.c.wrapping_add(j), p.accumulate || first + s > 0);
            // SAFETY: the columns lie inside the product.
            unsafe { kernels::outer::<U>(two, log, &job) };
            j += 1 << log;
        }
        s += if two { 2 } else { 1 };
    }
}

/// `a` by columns, `b` by columns: those are copied.
///
/// # Safety
/// As [`multiply`], with `a.row == 1`, `b.row == 1`.
unsafe fn copied(p: &Product, scratch: *mut f32) {
    let mut j = 0;
    while j < p.n {
        let cols = (p.n - j).min(WIDTH);
        let part = Product { n: cols, c: p.c.wrapping_add(j), ..*p };
        let mut first = 0;
        while first < p.k {
            let steps = (p.k - first).min(BLOCK);
            // SAFETY: scratch holds `BLOCK` (or k, if that is less) rows of the panel.
            unsafe {
                for s in 0..steps {
                    for c in 0..cols {
                        *scratch.add(s * cols + c) = *p.b.at(first + s, j + c);
                    }
                }
                outers::<All>(&part, first, Strided { ptr: scratch, row: cols, col: 1 }, steps);
            }
            first += steps;
        }
        j += cols;
    }
}

/// The way of finished chains to their final value, in place: `activation(acc + bias)`, or `activation((acc + 0.0) +
/// bias)` for a convolution.
///
/// # Safety
/// `c` must be valid for `m` rows of `n` elements, `row` apart; the bias as long as its side.
pub(crate) unsafe fn finish(c: *mut f32, [m, n, row]: [usize; 3], epilogue: &Epilogue, zero: bool) {
    let relu = epilogue.activation == Fused::Relu;
    if epilogue.bias == Bias::None && !relu && !zero {
        return;
    }
    for i in 0..m {
        // SAFETY: row i of c, which nobody else uses.
        let c = unsafe { core::slice::from_raw_parts_mut(c.add(i * row), n) };
        // Adding -0.0 changes nothing, not even a zero's sign.
        let zero = if zero { 0.0 } else { -0.0 };
        match epilogue.bias {
            Bias::PerCol(bias) => c.iter_mut().zip(bias).for_each(|(c, b)| *c = (*c + zero) + b),
            Bias::PerRow(bias) => {
                let b = bias.get(i).copied().unwrap_or(-0.0);
                c.iter_mut().for_each(|c| *c = (*c + zero) + b);
            }
            Bias::None => c.iter_mut().for_each(|c| *c += zero),
        }
        if relu {
            c.iter_mut().for_each(|c| *c = if 0.0 > *c { 0.0 } else { *c });
        }
    }
}
