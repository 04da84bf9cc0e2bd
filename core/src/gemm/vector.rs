//! One row times a matrix: bound by the bandwidth at which the matrix arrives, so its rows are read in order.

use super::product::Product;
use super::tile::LINE;
use crate::simd::Simd;

/// Rows of `b` that are added to all of `c` in one sweep.
const SWEEP: usize = 4;

/// `c[0][..] = epilogue([c[0][..] +] a[0][..] b)` by sweeps over whole rows of `b`; between sweeps `c` holds the chains.
///
/// # Safety
///
/// The product must be valid, with `m == 1`, `b.col == 1` and `k > 0`.
#[inline(always)]
pub(super) unsafe fn row_times_matrix<S: Simd>(s: S, p: &Product) {
    let mut done = 0;
    // SAFETY: rows done .. done + SWEEP (or the one row `done`) are rows of b.
    unsafe {
        while p.k - done >= SWEEP {
            sweep::<S, SWEEP>(s, p, done);
            done += SWEEP;
        }
        while done < p.k {
            sweep::<S, 1>(s, p, done);
            done += 1;
        }
    }
}

/// # Safety
/// As [`row_times_matrix`], with `first + R <= k`.
#[inline(always)]
unsafe fn sweep<S: Simd, const R: usize>(s: S, p: &Product, first: usize) {
    let (load, last) = (p.accumulate || first > 0, first + R == p.k);
    // SAFETY: the caller grants elements first .. first + R of a's row.
    let a: [S::V; R] = core::array::from_fn(
        #[inline(always)]
        |r| s.splat(unsafe { *p.a.at(0, first + r) }),
    );
    let b = p.b.from(first, 0);
    let mut j = 0;
    while j < p.n {
        let full = j + S::LANES <= p.n;
        let tail = s.tail(p.n - j);
        // SAFETY: columns j .. j + LANES, or those the tail selects, are columns of b, of c and of the bias.
        unsafe {
            let c = p.c.add(j);
            let mut acc = match (load, full) {
                (false, _) => s.splat(0.0),
                (true, true) => s.load(c),
                (true, false) => s.load_tail(c, tail),
            };
            for r in 0..R {
                let row = b.at(r, j);
                s.prefetch(row.wrapping_add(16 * LINE));
                let bv = if full { s.load(row) } else { s.load_tail(row, tail) };
                acc = s.mul_add(a[r], bv, acc);
            }
            let mut out = [[acc]];
            if last {
                let epilogue = p.epilogue.at(0, j);
                if full {
                    epilogue.apply::<S, 1, 1, false>(s, tail, &mut out);
                } else {
                    epilogue.apply::<S, 1, 1, true>(s, tail, &mut out);
                }
            }
            if full { s.store(c, out[0][0]) } else { s.store_tail(c, out[0][0], tail) }
        }
        j += S::LANES;
    }
}
