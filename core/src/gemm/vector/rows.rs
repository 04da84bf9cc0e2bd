//! One row, or up to three, times a matrix: bound by the bandwidth at which the matrix arrives, so it is read in order.

use super::pack::load_transposed;
use crate::gemm::product::Product;
use crate::simd::Simd;

/// Most rows of `a` for which these loops are the better ones.
pub(super) const FEW_ROWS: usize = 3;
/// Rows of `b` that are added to all of `c` in one sweep.
const SWEEP: usize = 4;

/// `c = epilogue([c +] a b)` by sweeps over whole rows of `b`; between sweeps `c` holds the chains.
///
/// # Safety
///
/// The product must be valid, with `m == M`, `b.col == 1` and `k > 0`.
#[inline(always)]
pub(super) unsafe fn rows_times_matrix<S: Simd, const M: usize>(s: S, p: &Product) {
    let mut done = 0;
    // SAFETY: rows done .. done + SWEEP (or the one row `done`) are rows of b.
    unsafe {
        while p.k - done >= SWEEP {
            sweep::<S, M, SWEEP>(s, p, done);
            done += SWEEP;
        }
        while done < p.k {
            sweep::<S, M, 1>(s, p, done);
            done += 1;
        }
    }
}

/// Adds the products with rows `first .. first + R` of `b`.
///
/// # Safety
/// As [`rows_times_matrix`], with `first + R <= k`.
#[inline(always)]
unsafe fn sweep<S: Simd, const M: usize, const R: usize>(s: S, p: &Product, first: usize) {
    let mut a = [[s.splat(0.0); R]; M];
    for i in 0..M {
        for r in 0..R {
            // SAFETY: the caller grants columns first .. first + R of a.
            a[i][r] = s.splat(unsafe { *p.a.at(i, first + r) });
        }
    }
    let mut j = 0;
    // SAFETY: columns j .. j + LANES, or those that are left.
    unsafe {
        while j + S::LANES <= p.n {
            sweep_vector::<S, M, R, false>(s, p, first, j, &a);
            j += S::LANES;
        }
        if j < p.n {
            sweep_vector::<S, M, R, true>(s, p, first, j, &a);
        }
    }
}

/// The part of a sweep on one vector of columns, from `j` on; with `TAIL`, the columns that are left.
///
/// # Safety
/// As [`sweep`], with `j + LANES <= n`, or `j < n` with `TAIL`.
#[inline(always)]
unsafe fn sweep_vector<S: Simd, const M: usize, const R: usize, const TAIL: bool>(
    s: S,
    p: &Product,
    first: usize,
    j: usize,
    a: &[[S::V; R]; M],
) {
    let tail = s.tail(p.n - j);
    let mut acc = [[s.splat(0.0)]; M];
    // SAFETY: the caller grants these columns of b, of c and of the bias.
    unsafe {
        if p.accumulate || first > 0 {
            for i in 0..M {
                let c = p.c.add(i * p.c_row + j);
                acc[i] = [if TAIL { s.load_tail(c, tail) } else { s.load(c) }];
            }
        }
        for r in 0..R {
            let q = p.b.at(first + r, j);
            let b = if TAIL { s.load_tail(q, tail) } else { s.load(q) };
            for i in 0..M {
                acc[i] = [s.mul_add(a[i][r], b, acc[i][0])];
            }
        }
        if first + R == p.k {
            p.epilogue.at(0, j).apply::<S, M, 1, TAIL>(s, tail, &mut acc);
        }
        for i in 0..M {
            let c = p.c.add(i * p.c_row + j);
            if TAIL { s.store_tail(c, acc[i][0], tail) } else { s.store(c, acc[i][0]) }
        }
    }
}

/// Vectors of columns whose chains advance together in [`row_times_transposed`]: one chain waits while the next block
/// is transposed.
const TOGETHER: usize = 2;

/// `c = epilogue([c +] a b)` for one row and a `b` stored by columns: square blocks are transposed in registers and
/// used at once, which saves packing them.
///
/// # Safety
///
/// The product must be valid, with `m == 1` and `b.row == 1`.
#[inline(always)]
pub(super) unsafe fn row_times_transposed<S: Simd>(s: S, p: &Product) {
    let mut j = 0;
    while j < p.n {
        let cols = |g: usize| (p.n - j).saturating_sub(g * S::LANES).min(S::LANES);
        let mut acc = [[[s.splat(0.0)]]; TOGETHER];
        // SAFETY: vector g has cols(g) columns of b, of c and of the bias; a vector without columns is left out.
        unsafe {
            for g in 0..TOGETHER {
                if p.accumulate && cols(g) > 0 {
                    acc[g] = [[s.load_tail(p.c.add(j + g * S::LANES), s.tail(cols(g)))]];
                }
            }
            let mut done = 0;
            while done < p.k {
                let steps = (p.k - done).min(S::LANES);
                for g in 0..TOGETHER {
                    let b = p.b.from(done, j + g * S::LANES).t();
                    let b = load_transposed(s, b, cols(g), steps);
                    for q in 0..S::LANES {
                        if q < steps {
                            acc[g] = [[s.mul_add(s.splat(*p.a.at(0, done + q)), b[q], acc[g][0][0])]];
                        }
                    }
                }
                done += S::LANES;
            }
            for g in 0..TOGETHER {
                if cols(g) > 0 {
                    let (first, tail) = (j + g * S::LANES, s.tail(cols(g)));
                    p.epilogue.at(0, first).apply::<S, 1, 1, true>(s, tail, &mut acc[g]);
                    s.store_tail(p.c.add(first), acc[g][0][0], tail);
                }
            }
        }
        j += TOGETHER * S::LANES;
    }
}
