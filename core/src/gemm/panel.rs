//! One panel of columns: the row tiles, one below the other.

use super::pack::pack;
use super::product::Strided;
use super::tile::{LINE, Tile, tile};
use crate::simd::Simd;

/// How the tiles of a panel get at `b`.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Source {
    /// From the matrix.
    Matrix,
    /// The first row tile reads the matrix and leaves a packed panel for the others.
    Fused,
    /// A panel is packed first: `b` is not contiguous along its rows.
    Copied,
}

/// A block of rows times a panel of columns, over one block of `k`.
#[derive(Clone, Copy)]
pub(super) struct Panel {
    pub rows: usize,
    pub a: Strided,
    /// `a` is packed: row tiles one after the other, each by columns.
    pub packed_a: bool,
    pub source: Source,
    /// The panel after this one, to prefetch; null for none.
    pub next: *const f32,
    pub next_row: usize,
}

/// The next step down the ladder `MR`, 8, 4, 2, 1 of row tiles that `rows` can fill.
#[inline(always)]
pub(super) const fn ladder<const MR: usize>(rows: usize) -> usize {
    // 8 rows are two tiles of 4 rather than 6 and 2: the chains of a tile of 2 wait for each other.
    if rows >= MR && !(MR == 6 && rows == 8) {
        MR
    } else if rows >= 8 && MR > 8 {
        8
    } else if rows >= 4 {
        4
    } else if rows >= 2 {
        2
    } else {
        1
    }
}

/// One panel of `cols` columns: packs `b` where it must be, and picks the tile.
///
/// # Safety
/// The panel, its part of the product and the packed panel must be valid.
#[inline(always)]
pub(super) unsafe fn columns<S: Simd, const MR: usize, const NV: usize, const MR1: usize>(
    s: S,
    cols: usize,
    panel: Panel,
    mut t: Tile,
    b_col: usize,
) {
    let width = cols.div_ceil(S::LANES) * S::LANES;
    let last = cols - (width - S::LANES);
    // SAFETY: as the caller's; `tail` selects the columns of the last vector.
    unsafe {
        if panel.source == Source::Copied {
            let from = Strided { ptr: t.b, row: b_col, col: t.b_row };
            pack(s, t.packed, width, from, cols, t.k);
            (t.b, t.b_row) = (t.packed, width);
        }
        if cols == NV * S::LANES {
            row_tiles::<S, MR, NV, false>(s, S::LANES, panel, t)
        } else if cols > (NV - 1) * S::LANES {
            row_tiles::<S, MR, NV, true>(s, last, panel, t)
        } else if panel.packed_a {
            row_tiles::<S, MR, 1, true>(s, last, panel, t)
        } else {
            row_tiles::<S, MR1, 1, true>(s, last, panel, t)
        }
    }
}

/// All row tiles of a panel, down the ladder.
///
/// # Safety
/// As [`columns`]; with `TAIL`, `tail` selects the columns of vector `NV - 1`.
#[inline(always)]
unsafe fn row_tiles<S: Simd, const MR: usize, const NV: usize, const TAIL: bool>(
    s: S,
    cols: usize,
    panel: Panel,
    mut t: Tile,
) {
    let (first_c, first_epilogue, fetch_c) = (t.c, t.epilogue, !t.ahead.c.is_null());
    let fused = panel.source == Source::Fused;
    let mut ir = 0;
    while ir < panel.rows {
        let left = panel.rows - ir;
        let mr = ladder::<MR>(left);
        let a_step;
        t.a = if panel.packed_a {
            a_step = mr;
            panel.a.ptr.wrapping_add(ir * t.k)
        } else {
            a_step = panel.a.col;
            panel.a.at(ir, 0)
        };
        t.c = first_c.wrapping_add(ir * t.c_row);
        t.epilogue = first_epilogue.map(
            #[inline(always)]
            |e| e.at(ir, 0),
        );
        if fetch_c {
            t.ahead.c = if left > mr { t.c.wrapping_add(mr * t.c_row) } else { first_c.wrapping_add(NV * S::LANES) };
        }
        if fused && ir == 0 {
            t.ahead.b = t.b.wrapping_add(t.b_row.wrapping_mul(16));
            t.ahead.b_row = t.b_row;
            // SAFETY: as the caller's; a fused panel has at least MR rows.
            unsafe { strided::<S, MR, NV, TAIL, true>(s, cols, &t, a_step) };
            (t.b, t.b_row) = (t.packed, NV * S::LANES);
            ir += MR;
            continue;
        }
        // Row tile 0 fetches the rows of b that it will need soon; row tile 1 the first line of each row of the next
        // panel, row tile 2 the second, and so on.
        (t.ahead.b, t.ahead.b_row) = match ir / MR {
            0 => (t.b.wrapping_add(t.b_row.wrapping_mul(16)), t.b_row),
            line if line <= (NV * S::LANES).div_ceil(LINE) + 1 && !panel.next.is_null() => {
                (panel.next.wrapping_add((line - 1) * LINE), panel.next_row)
            }
            _ => (t.c.cast_const(), 0),
        };
        // SAFETY: as the caller's, for the rows ir .. ir + mr.
        unsafe {
            match mr {
                x if x == MR => strided::<S, MR, NV, TAIL, false>(s, cols, &t, a_step),
                8 if MR > 8 => strided::<S, 8, NV, TAIL, false>(s, cols, &t, a_step),
                4 => strided::<S, 4, NV, TAIL, false>(s, cols, &t, a_step),
                2 => strided::<S, 2, NV, TAIL, false>(s, cols, &t, a_step),
                _ => strided::<S, 1, NV, TAIL, false>(s, cols, &t, a_step),
            }
        }
        ir += mr;
    }
}

/// A tile whose columns of `a` are `a_step` apart: a function of its own, for the registers' sake.
///
/// # Safety
/// As [`tile`].
#[inline(never)]
unsafe fn strided<S: Simd, const MR: usize, const NV: usize, const TAIL: bool, const PACK: bool>(
    s: S,
    cols: usize,
    t: &Tile,
    a_step: usize,
) {
    s.run(
        #[inline(always)]
        |s| {
            let column = move |p: usize| p.wrapping_mul(a_step);
            // SAFETY: as the caller's.
            unsafe { tile::<S, MR, NV, TAIL, PACK>(s, s.tail(cols), t, column) }
        },
    )
}
