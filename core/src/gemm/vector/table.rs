//! Block sizes, and the scratch that they take.

use crate::machine::target::LARGE;

/// Longest block of `k`: a panel of `KC x 32` floats stays in the L1 or L2 cache while all row tiles read it.
pub(super) const KC: usize = if LARGE { 512 } else { 64 };
/// Most rows in a block: `MC x KC` floats of `a` stay in the L2 cache; a multiple of every tile's rows. 0: `a` is never
/// packed (a block has all rows).
pub(super) const MC: usize = if LARGE { 264 } else { 0 };
/// Columns of the widest panel of any instruction set, and the unit in which panels are narrower.
const WIDEST: usize = if LARGE { 32 } else { 8 };
const VECTOR: usize = if LARGE { 16 } else { 4 };

/// Floats of a cache line where panels are packed from a line's beginning: vectors that straddle lines cost some per
/// cent.
pub(super) const ALIGN: usize = if LARGE { 16 } else { 1 };

/// Where threads' parts are cut, if possible: whole tiles of every instruction set.
pub(in crate::gemm) const ROW_CUT: usize = 12;
pub(in crate::gemm) const COL_CUT: usize = 32;

const fn min(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

/// Scratch of one thread, in floats: the same for the transposed product.
pub(in crate::gemm) const fn scratch_len(m: usize, n: usize, k: usize) -> usize {
    let (short, long) = if m < n { (m, n) } else { (n, m) };
    if short == 0 || k == 0 {
        return 0;
    }
    let panel = min(min(long, WIDEST).next_multiple_of(VECTOR), WIDEST);
    // No instruction set packs a block of `a` of up to 4 tiles of 4 rows, or for up to 4 panels of 8 columns.
    let block = if short <= 16 { 0 } else { min(min(long, MC).next_multiple_of(ROW_CUT), MC) };
    min(k, KC) * (panel + block) + (ALIGN - 1)
}
