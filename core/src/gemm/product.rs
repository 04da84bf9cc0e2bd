//! A product as the loops see it: pointers and strides, `C` row-major.

use super::Epilogue;
use crate::view::Mat;

/// A matrix by pointer: element `(i, j)` is at `ptr + i * row + j * col`.
#[derive(Clone, Copy)]
pub(crate) struct Strided {
    pub ptr: *const f32,
    pub row: usize,
    pub col: usize,
}

impl Strided {
    pub fn new(m: Mat) -> Self {
        Self { ptr: m.as_ptr(), row: m.row_stride(), col: m.col_stride() }
    }

    /// Where element `(i, j)` is; the address may be formed, not read, outside the matrix.
    #[inline(always)]
    pub fn at(self, i: usize, j: usize) -> *const f32 {
        self.ptr.wrapping_add(i.wrapping_mul(self.row)).wrapping_add(j.wrapping_mul(self.col))
    }

    /// The part that starts at `(i, j)`.
    #[inline(always)]
    pub fn from(self, i: usize, j: usize) -> Self {
        Self { ptr: self.at(i, j), ..self }
    }

    /// The transposed matrix.
    #[inline(always)]
    pub fn t(self) -> Self {
        Self { row: self.col, col: self.row, ..self }
    }
}

/// `c = epilogue([c +] a b)`, or a rectangle of it. Rows of `c` are contiguous and `c_row` apart.
///
/// Whoever makes one vouches for it: `a` is readable as `m x k`, `b` as `k x n`, `c` writable as `m x n` and by nobody
/// else, the bias as long as its side of `c`, all of them for as long as the value is used.
#[derive(Clone, Copy)]
pub(crate) struct Product<'a> {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub a: Strided,
    pub b: Strided,
    pub c: *mut f32,
    pub c_row: usize,
    /// Chains start from `c`, not from zero.
    pub accumulate: bool,
    pub epilogue: Epilogue<'a>,
}

// SAFETY: `a`, `b` and the bias are only read; the parts that `split_rows` and `split_cols` give to different threads
// write different elements of `c`.
unsafe impl Send for Product<'_> {}
// SAFETY: so too when threads look at one value to take their part of it.
unsafe impl Sync for Product<'_> {}

impl Product<'_> {
    /// The first `rows` rows, and the others.
    pub fn split_rows(self, rows: usize) -> (Self, Self) {
        let rows = rows.min(self.m);
        let below = Self {
            m: self.m - rows,
            a: self.a.from(rows, 0),
            c: self.c.wrapping_add(rows.wrapping_mul(self.c_row)),
            epilogue: self.epilogue.at(rows, 0),
            ..self
        };
        (Self { m: rows, ..self }, below)
    }

    /// The first `cols` columns, and the others.
    pub fn split_cols(self, cols: usize) -> (Self, Self) {
        let cols = cols.min(self.n);
        let right = Self {
            n: self.n - cols,
            b: self.b.from(0, cols),
            c: self.c.wrapping_add(cols),
            epilogue: self.epilogue.at(0, cols),
            ..self
        };
        (Self { n: cols, ..self }, right)
    }
}
