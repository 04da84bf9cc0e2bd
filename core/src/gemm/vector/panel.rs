//! One panel of columns: the row tiles, one below the other.

use super::pack::pack;
use super::tile::{LINE, Tile, tile};
use crate::gemm::product::Strided;
use crate::machine::target::LARGE;
use crate::scalar::ceil_div;
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

/// Rows of the next tile, of those that are left: `MR`, and the last two tiles share evenly what would leave one of
/// them too few chains to hide their latency. Small targets have tiles of powers of two only.
#[inline(always)]
pub(super) const fn ladder<const MR: usize>(rows: usize) -> usize {
    let enough = if MR < 8 { 4 } else { MR / 2 };
    if LARGE {
        match rows {
            _ if rows == MR || rows >= MR + enough => MR,
            _ if rows > MR => ceil_div(rows, 2),
            _ => rows,
        }
    } else {
        match rows {
            _ if rows >= MR => MR,
            4.. => 4,
            2.. => 2,
            _ => 1,
        }
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
    let width = ceil_div(cols, S::LANES) * S::LANES;
    let last = cols - (width - S::LANES);
    // SAFETY: as the caller's; `tail` selects the columns of the last vector.
    unsafe {
        if panel.source == Source::Copied {
            let from = Strided { ptr: t.b, row: b_col, col: t.b_row };
            pack(s, t.packed, width, from, cols, t.k);
            (t.b, t.b_row) = (t.packed, width);
        }
        match width / S::LANES {
            v if v == NV && cols == width => row_tiles::<S, MR, NV, false>(s, S::LANES, panel, t),
            v if v == NV => row_tiles::<S, MR, NV, true>(s, last, panel, t),
            3 if NV > 3 => row_tiles::<S, MR, 3, true>(s, last, panel, t),
            2 if NV > 2 => row_tiles::<S, MR, 2, true>(s, last, panel, t),
            _ if panel.packed_a => row_tiles::<S, MR, 1, true>(s, last, panel, t),
            _ => row_tiles::<S, MR1, 1, true>(s, last, panel, t),
        }
    }
}

/// Whether [`ladder`] ever takes this many rows.
const fn has_tile<const MR: usize>(rows: usize) -> bool {
    rows < MR && ladder::<MR>(rows) == rows
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
        let a_step = if panel.packed_a { mr } else { panel.a.col };
        t.a = if panel.packed_a { panel.a.ptr.wrapping_add(ir * t.k) } else { panel.a.at(ir, 0) };
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
            t.ahead.line = LINE;
            // SAFETY: as the caller's; a fused panel has at least MR rows.
            unsafe { strided::<S, MR, NV, TAIL, true>(s, cols, &t, a_step) };
            (t.b, t.b_row) = (t.packed, NV * S::LANES);
            ir += MR;
            continue;
        }
        // Row tile 0 fetches the rows of b that it will need soon; row tile 1 the first line of each row of the next
        // panel, row tile 2 the second, and so on.
        (t.ahead.b, t.ahead.b_row, t.ahead.line) = match ir / MR {
            0 => (t.b.wrapping_add(t.b_row.wrapping_mul(16)), t.b_row, LINE),
            line if line <= ceil_div(NV * S::LANES, LINE) + 1 && !panel.next.is_null() => {
                (panel.next.wrapping_add((line - 1) * LINE), panel.next_row, 0)
            }
            _ => (t.c.cast_const(), 0, 0),
        };
        macro_rules! tiles {
            ($($rows:literal)*) => {
                match mr {
                    x if x == MR => strided::<S, MR, NV, TAIL, false>(s, cols, &t, a_step),
                    $($rows if has_tile::<MR>($rows) => strided::<S, $rows, NV, TAIL, false>(s, cols, &t, a_step),)*
                    _ => {}
                }
            };
        }
        // SAFETY: as the caller's, for the rows ir .. ir + mr.
        unsafe { tiles!(1 2 3 4 5 6 7 8 9 10 11) }
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
