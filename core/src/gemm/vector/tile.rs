//! The microkernel: one tile of `C` in registers.

use crate::gemm::Epilogue;
use crate::scalar::ceil_div;
use crate::simd::Simd;

/// What a tile reads and writes. Where the columns of `a` are is given apart, as a function.
#[derive(Clone, Copy)]
pub(crate) struct Tile<'a> {
    /// Steps: the length of this block of `k`.
    pub k: usize,
    /// The first element of `a`, and from one row of the tile to the next.
    pub a: *const f32,
    pub a_row: usize,
    /// The first row of `b`: `NV` vectors side by side.
    pub b: *const f32,
    /// From one row of `b` to the next.
    pub b_row: usize,
    /// The tile's first element, and from one row to the next.
    pub c: *mut f32,
    pub c_row: usize,
    /// Chains start from `c`, not from zero.
    pub load: bool,
    /// Applied after this block of `k`, which is then the last.
    pub epilogue: Option<Epilogue<'a>>,
    /// With `PACK`: where the rows of `b` are copied to, `NV * LANES` apart.
    pub packed: *mut f32,
    /// Lines to ask the cache for while computing.
    pub ahead: Ahead,
}

/// Prefetches: any address is allowed.
#[derive(Clone, Copy)]
pub(crate) struct Ahead {
    /// Touched at the first step, and `b_row` further at each next one.
    pub b: *const f32,
    pub b_row: usize,
    /// From one line of such a row to the next; 0 to touch only the first.
    pub line: usize,
    /// The next tile of `c`; null for none.
    pub c: *const f32,
}

impl Ahead {
    /// Nothing to fetch: what is asked for at each step is at hand.
    pub(crate) const fn none(at_hand: *const f32) -> Self {
        Self { b: at_hand, b_row: 0, line: 0, c: core::ptr::null() }
    }
}

/// Floats in a cache line.
pub(super) const LINE: usize = 16;
/// Rows that one base address serves, at 0, 1 and 2 strides: what an x86 address can express without further sums.
const GROUP: usize = 3;
/// Enough for tiles of up to 30 rows.
const MAX_GROUPS: usize = 10;

/// `MR` rows of `NV` vectors: `c[i][j] = chain(c[i][j] or 0, a, b)`; then the epilogue, if this is the last block.
///
/// `column(p)` is the distance from `t.a` to step `p` of row 0. With `TAIL`, `tail` selects the columns of the last
/// vector. With `PACK`, `b` is copied to `t.packed` on its way through the registers.
///
/// # Safety
///
/// `a`, `b`, `c`, the bias and, with `PACK`, `packed` must be valid for the whole tile (for the selected columns of the
/// last vector), and `c` and `packed` must overlap nothing else.
#[inline(always)]
pub(crate) unsafe fn tile<S: Simd, const MR: usize, const NV: usize, const TAIL: bool, const PACK: bool>(
    s: S,
    tail: S::Tail,
    t: &Tile,
    column: impl Fn(usize) -> usize,
) {
    let mut acc = [[s.splat(0.0); NV]; MR];
    if t.load {
        // SAFETY: the caller grants the tile of c.
        unsafe { load_c::<S, MR, NV, TAIL>(s, tail, t, &mut acc) };
    }
    if !t.ahead.c.is_null() {
        fetch_c::<S, MR, NV>(s, t);
    }
    // Opaque to LLVM, which would else walk from row to row by a chain of additions, each waiting for the last, or keep
    // a register for each row.
    let bases: [*const f32; MAX_GROUPS] = core::array::from_fn(
        #[inline(always)]
        |g| if g * GROUP < MR { core::hint::black_box(t.a.wrapping_add(t.a_row.wrapping_mul(g * GROUP))) } else { t.a },
    );
    let (mut b, mut packed, mut ahead) = (t.b, t.packed, t.ahead.b);
    for p in 0..t.k {
        let mut bv = [s.splat(0.0); NV];
        for j in 0..NV {
            // SAFETY: the caller grants row p of b, and of packed.
            unsafe {
                let q = b.add(j * S::LANES);
                bv[j] = if TAIL && j == NV - 1 { s.load_tail(q, tail) } else { s.load(q) };
                if PACK {
                    s.store(packed.add(j * S::LANES), bv[j]);
                }
            }
        }
        for line in 0..ceil_div(NV * S::LANES, LINE) {
            s.prefetch(ahead.wrapping_add(line * t.ahead.line));
        }
        let offset = column(p);
        for i in 0..MR {
            let row = bases[i / GROUP].wrapping_add(offset).wrapping_add(t.a_row.wrapping_mul(i % GROUP));
            // SAFETY: the caller grants row i of a's column p.
            let av = s.splat(unsafe { *row });
            for j in 0..NV {
                acc[i][j] = s.mul_add(av, bv[j], acc[i][j]);
            }
        }
        b = b.wrapping_add(t.b_row);
        ahead = ahead.wrapping_add(t.ahead.b_row);
        if PACK {
            packed = packed.wrapping_add(NV * S::LANES);
        }
    }
    if let Some(epilogue) = &t.epilogue {
        // SAFETY: the caller grants the bias for the whole tile.
        unsafe { epilogue.apply::<S, MR, NV, TAIL>(s, tail, &mut acc) };
    }
    // SAFETY: the caller grants the tile of c.
    unsafe { store_c::<S, MR, NV, TAIL>(s, tail, t, &acc) }
}

/// The chains so far.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
unsafe fn load_c<S: Simd, const MR: usize, const NV: usize, const TAIL: bool>(
    s: S,
    tail: S::Tail,
    t: &Tile,
    acc: &mut [[S::V; NV]; MR],
) {
    for i in 0..MR {
        for j in 0..NV {
            // SAFETY: granted by the caller.
            acc[i][j] = unsafe {
                let p = t.c.add(i * t.c_row + j * S::LANES);
                if TAIL && j == NV - 1 { s.load_tail(p, tail) } else { s.load(p) }
            };
        }
    }
}

/// The way back of [`load_c`].
///
/// # Safety
/// As [`tile`].
#[inline(always)]
unsafe fn store_c<S: Simd, const MR: usize, const NV: usize, const TAIL: bool>(
    s: S,
    tail: S::Tail,
    t: &Tile,
    acc: &[[S::V; NV]; MR],
) {
    for i in 0..MR {
        for j in 0..NV {
            // SAFETY: granted by the caller.
            unsafe {
                let p = t.c.add(i * t.c_row + j * S::LANES);
                if TAIL && j == NV - 1 { s.store_tail(p, acc[i][j], tail) } else { s.store(p, acc[i][j]) }
            }
        }
    }
}

/// Asks for the lines of the next tile of `c`.
#[inline(always)]
fn fetch_c<S: Simd, const MR: usize, const NV: usize>(s: S, t: &Tile) {
    for i in 0..MR {
        let row = t.ahead.c.wrapping_add(i.wrapping_mul(t.c_row));
        for line in 0..ceil_div(NV * S::LANES, LINE) {
            s.prefetch(row.wrapping_add(line * LINE));
        }
    }
}
