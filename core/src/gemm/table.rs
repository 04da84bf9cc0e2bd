//! Tile and block sizes: everything in the product that depends on the instruction set or the target.

use super::blocks::blocks;
use super::product::Product;
use super::small;
use super::vector::{FEW_ROWS, row_times_transposed, rows_times_matrix};
use crate::machine::Isa;
use crate::machine::target::{LARGE, MICROCONTROLLER};
use crate::parts::Linked;
use crate::simd::{Simd, dispatch};

/// Longest block of `k`: a panel of `KC x 32` floats stays in the L1 or L2 cache while all row tiles read it.
pub(super) const KC: usize = if LARGE { 512 } else { 64 };
/// Most rows in a block: `MC x KC` floats of `a` stay in the L2 cache; a multiple of every tile's rows. 0: `a` is never
/// packed (a block has all rows).
pub(super) const MC: usize = if LARGE { 264 } else { 0 };
/// Columns of the widest panel of any instruction set, and the unit in which panels are narrower.
const WIDEST: usize = if LARGE { 32 } else { 8 };
const VECTOR: usize = if LARGE { 16 } else { 4 };

/// Floats of a cache line where panels are packed from a line's beginning: vectors that straddle lines cost some per cent.
pub(super) const ALIGN: usize = if LARGE { 16 } else { 1 };

/// Where threads' parts are cut, if possible: whole tiles of every instruction set.
pub(super) const ROW_CUT: usize = 12;
pub(super) const COL_CUT: usize = 32;

const fn min(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

/// Scratch of one thread, in floats: the same for the transposed product.
pub(super) const fn scratch_len(m: usize, n: usize, k: usize) -> usize {
    let (short, long) = if m < n { (m, n) } else { (n, m) };
    if short == 0 || k == 0 {
        return 0;
    }
    let panel = min(min(long, WIDEST).next_multiple_of(VECTOR), WIDEST);
    // No instruction set packs a block of `a` of up to 4 tiles of 4 rows, or for up to 4 panels of 8 columns.
    let block = if short <= 16 { 0 } else { min(min(long, MC).next_multiple_of(ROW_CUT), MC) };
    min(k, KC) * (panel + block) + (ALIGN - 1)
}

/// Computes the product on the calling thread.
///
/// # Safety
///
/// The product must be valid, and `scratch` writable for `scratch_len(m, n, k)` floats.
pub(super) unsafe fn multiply<L: Linked>(isa: Isa, p: &Product, scratch: *mut f32) {
    if p.m == 0 || p.n == 0 {
        return;
    }
    if MICROCONTROLLER {
        // SAFETY: as the caller's.
        return unsafe { small::multiply::<L>(p, scratch) };
    }
    // SAFETY: as the caller's.
    dispatch!(isa, |s| unsafe { by_shape(s, p, scratch) })
}

/// On vectors of 16 some products, or the last columns of one, are better served by vectors of 8.
///
/// # Safety
/// As [`multiply`], with `m > 0` and `n > 0`.
#[inline(always)]
unsafe fn by_shape<S: Simd>(s: S, p: &Product, scratch: *mut f32) {
    // SAFETY: as the caller's.
    unsafe {
        if S::LANES < 16 {
            return by_machine(s, p, scratch);
        }
        let (by_rows, rest) = (p.b.col == 1, p.n % 16);
        if p.m == 1 && p.b.row == 1 && !by_rows {
            // Blocks of b are transposed: short vectors take fewer shuffles for each element.
            by_machine(s.half(), p, scratch);
        } else if p.m < 8 && by_rows {
            // Few rows: wider tiles, so that there are chains enough to hide the latency. No panel is packed.
            tiles::<S, 6, 4, 12>(s, p, scratch);
        } else if rest == 0 || rest > 8 {
            by_machine(s, p, scratch);
        } else if rest == p.n {
            by_machine(s.half(), p, scratch);
        } else {
            let (main, rest) = p.split_cols(p.n - rest);
            by_machine(s, &main, scratch);
            by_machine(s.half(), &rest, scratch);
        }
    }
}

/// The tiles that fill the registers: rows, vectors side by side, and rows where there is one vector. A function of its own,
/// for it has many callers.
///
/// # Safety
/// As [`by_shape`].
#[inline(never)]
unsafe fn by_machine<S: Simd>(s: S, p: &Product, scratch: *mut f32) {
    s.run(
        #[inline(always)]
        // SAFETY: as the caller's.
        |s| unsafe {
            match (S::LANES, S::REGISTERS) {
                (8, _) => tiles::<S, 6, 2, 12>(s, p, scratch),
                (_, 32) => tiles::<S, 12, 2, 12>(s, p, scratch),
                _ => tiles::<S, 4, 2, 8>(s, p, scratch),
            }
        },
    )
}

/// # Safety
/// As [`multiply`], with `m > 0` and `n > 0`.
#[inline(always)]
unsafe fn tiles<S: Simd, const MR: usize, const NV: usize, const MR1: usize>(s: S, p: &Product, scratch: *mut f32) {
    // SAFETY: as the caller's.
    unsafe {
        if p.m <= FEW_ROWS && p.n > NV * S::LANES && p.b.col == 1 && p.k > 0 {
            match p.m {
                1 => rows_times_matrix::<S, 1>(s, p),
                2 => rows_times_matrix::<S, 2>(s, p),
                _ => rows_times_matrix::<S, FEW_ROWS>(s, p),
            }
        } else if p.m == 1 && p.b.row == 1 && p.b.col != 1 {
            row_times_transposed(s, p)
        } else {
            blocks::<S, MR, NV, MR1>(s, p, scratch)
        }
    }
}
