//! The product on vectors: blocks for the caches, tiles for the registers; see [`gemm`](super).
//!
//! | file | what is there |
//! |---|---|
//! | `table` | sizes of blocks, length of scratch |
//! | `blocks`, `panel`, `pack` | the loops around a tile, and the copies that they make |
//! | `tile` | the tile |
//! | `rows` | up to three rows, without blocks |

mod blocks;
mod pack;
mod panel;
mod rows;
mod table;
pub(crate) mod tile;

pub(super) use table::{COL_CUT, ROW_CUT, scratch_len};

use crate::gemm::product::Product;
use crate::machine::Isa;
use crate::simd::{Simd, dispatch};
use blocks::blocks;
use rows::{FEW_ROWS, row_times_transposed, rows_times_matrix};

/// Computes the product on the calling thread.
///
/// # Safety
///
/// The product must be valid, and `scratch` writable for `scratch_len(m, n, k)` floats.
pub(super) unsafe fn multiply(isa: Isa, p: &Product, scratch: *mut f32) {
    if p.m == 0 || p.n == 0 {
        return;
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

/// The tiles that fill the registers: rows, vectors side by side, and rows where there is one vector. A function of its
/// own, for it has many callers.
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
