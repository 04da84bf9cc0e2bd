//! Copies of an operand in the order in which tiles read it.

use crate::gemm::product::Strided;
use crate::simd::{MAX_LANES, Simd};

/// `to[p * width + r] = from(r, p)` for `r < rows` and `p < k`.
///
/// Contiguous along `r`: copies of vectors. Contiguous along `p`: blocks of `LANES x LANES` are transposed in
/// registers. Neither: element by element.
///
/// # Safety
///
/// `from` must be readable as `rows x k`, `to` writable where the formula says.
#[inline(always)]
pub(super) unsafe fn pack<S: Simd>(s: S, to: *mut f32, width: usize, from: Strided, rows: usize, k: usize) {
    let mut r = 0;
    while r < rows {
        let live = (rows - r).min(S::LANES);
        // SAFETY: rows r .. r + live lie within what the caller grants.
        unsafe {
            let (to, from) = (to.add(r), from.from(r, 0));
            if from.row == 1 {
                copy_lines(s, to, width, from, live, k)
            } else if from.col == 1 {
                transpose_lines(s, to, width, from, live, k)
            } else {
                copy_elements(to, width, from, live, k)
            }
        }
        r += S::LANES;
    }
}

/// # Safety
/// As [`pack`], with `rows <= LANES` and `from.row == 1`.
#[inline(always)]
unsafe fn copy_lines<S: Simd>(s: S, to: *mut f32, width: usize, from: Strided, rows: usize, k: usize) {
    let tail = s.tail(rows);
    for p in 0..k {
        // SAFETY: the tail selects the rows that the caller grants.
        unsafe { s.store_tail(to.add(p * width), s.load_tail(from.at(0, p), tail), tail) }
    }
}

/// # Safety
/// As [`pack`], with `rows <= LANES` and `from.col == 1`.
#[inline(always)]
unsafe fn transpose_lines<S: Simd>(s: S, to: *mut f32, width: usize, from: Strided, rows: usize, k: usize) {
    let out = s.tail(rows);
    let mut p = 0;
    while p < k {
        let steps = (k - p).min(S::LANES);
        // SAFETY: the block lies within what the caller grants.
        let v = unsafe { load_transposed(s, from.from(0, p), rows, steps) };
        for q in 0..S::LANES {
            if q < steps {
                // SAFETY: step p + q < k; `out` selects the rows granted.
                unsafe {
                    let to = to.add((p + q) * width);
                    if rows == S::LANES { s.store(to, v[q]) } else { s.store_tail(to, v[q], out) }
                }
            }
        }
        p += S::LANES;
    }
}

/// Vector `q` of the result holds `from(r, q)` in lane `r`, for `r < rows` and `q < steps`; zeros elsewhere. Only the
/// first `LANES` vectors are used.
///
/// # Safety
///
/// `from` must be readable as `rows x steps`, both at most `LANES`, with `from.col == 1`.
#[inline(always)]
pub(super) unsafe fn load_transposed<S: Simd>(s: S, from: Strided, rows: usize, steps: usize) -> [S::V; MAX_LANES] {
    let tail = s.tail(steps);
    let mut v = [s.splat(0.0); MAX_LANES];
    if rows == S::LANES && steps == S::LANES {
        for r in 0..S::LANES {
            // SAFETY: row r is among the rows granted.
            v[r] = unsafe { s.load(from.at(r, 0)) };
        }
    } else {
        for r in 0..S::LANES {
            if r < rows {
                // SAFETY: row r is among the rows granted, and the tail selects the steps granted.
                v[r] = unsafe { s.load_tail(from.at(r, 0), tail) };
            }
        }
    }
    s.transpose(&mut v);
    v
}

/// # Safety
/// As [`pack`].
#[inline(always)]
unsafe fn copy_elements(to: *mut f32, width: usize, from: Strided, rows: usize, k: usize) {
    for p in 0..k {
        for r in 0..rows {
            // SAFETY: both places are within what the caller grants.
            unsafe { *to.add(p * width + r) = *from.at(r, p) }
        }
    }
}
