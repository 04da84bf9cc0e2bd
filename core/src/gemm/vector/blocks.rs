//! The loops around the panels, and what is packed.

use super::pack::pack;
use super::panel::{Panel, Source, columns, ladder};
use super::table::{ALIGN, KC, MC};
use super::tile::{Ahead, Tile};
use crate::gemm::product::{Product, Strided};
use crate::scalar::ceil_div;
use crate::simd::Simd;

/// Rows a multiple of this many floats (4 KB) apart compete for the same few cache sets.
const PAGE: usize = 1024;

/// `len` in equal parts of at most `max` (0: one part): the length of a part.
#[inline(always)]
const fn even(len: usize, max: usize) -> usize {
    if len <= max || max == 0 { len } else { ceil_div(len, ceil_div(len, max)) }
}

/// The whole product. Tiles are `MR` rows of `NV` vectors, or `MR1` rows of one vector where the columns end.
///
/// # Safety
///
/// The product must be valid, and `scratch` writable for `gemm_scratch_len(m, n, k)` floats.
#[inline(always)]
pub(super) unsafe fn blocks<S: Simd, const MR: usize, const NV: usize, const MR1: usize>(
    s: S,
    p: &Product,
    scratch: *mut f32,
) {
    let nr = NV * S::LANES;
    let (kc, mc) = (even(p.k, KC), even(p.m, MC).next_multiple_of(MR));
    let packed_b = scratch.wrapping_add(scratch.addr().wrapping_neg() / size_of::<f32>() % ALIGN);
    let packed_a = packed_b.wrapping_add(kc * ceil_div(p.n, S::LANES).min(NV) * S::LANES);
    let small = p.m <= 3 * MR || (S::LANES >= 16 && p.k.saturating_mul(p.b.row) <= 8192);
    let ahead = !(small && p.k <= KC && p.b.col == 1);
    let mut pc = 0;
    loop {
        let k = (p.k - pc).min(kc);
        let mut ic = 0;
        while ic < p.m {
            let rows = (p.m - ic).min(mc);
            let pack_a = worth_packing_a::<MR>(p, rows, nr);
            let source = match p.b.col {
                1 if small || rows <= 3 * MR || rows < MR1 => Source::Matrix,
                1 => Source::Fused,
                _ => Source::Copied,
            };
            let mut a = p.a.from(ic, pc);
            if pack_a {
                // SAFETY: rows <= mc <= MC rows of k <= kc floats fit behind the panel.
                unsafe { pack_rows::<S, MR>(s, packed_a, a, rows, k) };
                a.ptr = packed_a;
            }
            let next = core::ptr::null();
            let panel = Panel { rows, a, packed_a: pack_a, source, next, next_row: p.b.row };
            let (b, c) = (p.b.at(pc, 0), p.c.wrapping_add(ic * p.c_row));
            let t = Tile {
                k,
                a: a.ptr,
                a_row: if pack_a { 1 } else { a.row },
                b,
                b_row: p.b.row,
                c,
                c_row: p.c_row,
                load: p.accumulate || pc > 0,
                epilogue: if pc + k >= p.k { Some(p.epilogue.at(ic, 0)) } else { None },
                packed: packed_b,
                ahead: Ahead { c: if ahead { c } else { core::ptr::null() }, ..Ahead::none(b) },
            };
            // SAFETY: the block lies inside the product; the packed panel has room for k rows of its vectors.
            unsafe { panels::<S, MR, NV, MR1>(s, p, panel, t) };
            ic += rows;
        }
        pc += k;
        if pc >= p.k {
            break;
        }
    }
}

/// All panels of a block of rows, from the first one's tile on.
///
/// # Safety
/// As [`columns`], for every panel.
#[inline(always)]
unsafe fn panels<S: Simd, const MR: usize, const NV: usize, const MR1: usize>(
    s: S,
    p: &Product,
    panel: Panel,
    first: Tile,
) {
    let b = Strided { ptr: first.b, ..p.b };
    let ahead = !first.ahead.c.is_null();
    // What is asked for of a panel whose rows share cache sets is gone before its turn, and takes other lines with it.
    let spread = !p.b.row.is_multiple_of(PAGE);
    let mut jr = 0;
    while jr < p.n {
        let cols = (p.n - jr).min(NV * S::LANES);
        let more = ahead && spread && cols < p.n - jr;
        let panel = Panel { next: if more { b.at(0, jr + cols) } else { core::ptr::null() }, ..panel };
        let (b, c) = (b.at(0, jr), first.c.wrapping_add(jr));
        let epilogue = first.epilogue.map(
            #[inline(always)]
            |e| e.at(0, jr),
        );
        let ahead = Ahead { c: if ahead { c } else { core::ptr::null() }, ..Ahead::none(b) };
        // SAFETY: granted by the caller.
        unsafe { columns::<S, MR, NV, MR1>(s, cols, panel, Tile { b, c, epilogue, ahead, ..first }, p.b.col) };
        jr += cols;
    }
}

/// Reading `a` in place is free but for cache sets (rows a multiple of `PAGE` apart share them) and for a transposed
/// `a`, of which a tile uses a part of each line.
#[inline(always)]
fn worth_packing_a<const MR: usize>(p: &Product, rows: usize, nr: usize) -> bool {
    MC > 0 && rows > 4 * MR && p.n > 4 * nr && (p.a.row == 1 || p.a.row.is_multiple_of(PAGE))
}

/// Packs a block of `a`, row tile by row tile down the ladder.
///
/// # Safety
/// `from` must be readable as `rows x k`, `to` writable for as many floats.
#[inline(always)]
unsafe fn pack_rows<S: Simd, const MR: usize>(s: S, to: *mut f32, from: Strided, rows: usize, k: usize) {
    let mut ir = 0;
    while ir < rows {
        let mr = ladder::<MR>(rows - ir);
        // SAFETY: rows ir .. ir + mr; the tiles before hold ir * k floats.
        unsafe { pack(s, to.add(ir * k), mr, from.from(ir, 0), mr, k) };
        ir += mr;
    }
}
