//! Matrices as views: a flat slice, rows, columns and two strides.

use crate::error::{Result, check_at_least, check_dim, check_product, checked_len};

/// A read-only matrix view: element `(i, j)` is `data[i * row_stride + j * col_stride]`.
///
/// ```
/// use flatgrad_core::Mat;
/// let data = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let a = Mat::new(&data, 2, 3)?;
/// assert_eq!(a.t().rows(), 3);
/// assert_eq!(a.t().get(2, 0), Some(3.0));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Mat<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// A matrix view that can be written; no two elements share a place.
#[derive(Debug)]
pub struct MatMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// One more than the largest offset of a `rows x cols` view; 0 for an empty one.
const fn extent(rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> Result<usize> {
    if rows == 0 || cols == 0 {
        return Ok(0);
    }
    let (down, across) =
        match (checked_len("matrix", &[rows - 1, row_stride]), checked_len("matrix", &[cols - 1, col_stride])) {
            (Ok(d), Ok(a)) => (d, a),
            (Err(e), _) | (_, Err(e)) => return Err(e),
        };
    match down.checked_add(across) {
        Some(last) if last < usize::MAX => Ok(last + 1),
        _ => Err(crate::Error::Overflow { what: "matrix" }),
    }
}

impl<'a> Mat<'a> {
    /// A row-major `[rows, cols]` matrix without gaps.
    ///
    /// # Errors
    ///
    /// [`TooShort`](crate::Error::TooShort) if `data` holds fewer than `rows * cols` elements.
    pub const fn new(data: &'a [f32], rows: usize, cols: usize) -> Result<Self> {
        Self::strided(data, rows, cols, cols, 1)
    }

    /// A row-major `[rows, cols]` matrix that is all of `data`.
    pub(crate) const fn fitting(data: &'a [f32], [rows, cols]: [usize; 2]) -> Option<Self> {
        match rows.checked_mul(cols) {
            Some(len) if len == data.len() => Some(Self { data, rows, cols, row_stride: cols, col_stride: 1 }),
            _ => None,
        }
    }

    /// The same, or an error.
    pub(crate) const fn exactly(what: &'static str, data: &'a [f32], [rows, cols]: [usize; 2]) -> Result<Self> {
        match check_product(what, [rows, cols], data.len()) {
            Ok(()) => Ok(Self { data, rows, cols, row_stride: cols, col_stride: 1 }),
            Err(e) => Err(e),
        }
    }

    /// A matrix with any strides; strides of 0 repeat a row or column.
    ///
    /// # Errors
    ///
    /// [`TooShort`](crate::Error::TooShort) if the last element lies outside `data`,
    /// [`Overflow`](crate::Error::Overflow) if its offset overflows.
    pub const fn strided(
        data: &'a [f32],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Result<Self> {
        let needed = match extent(rows, cols, row_stride, col_stride) {
            Ok(n) => n,
            Err(e) => return Err(e),
        };
        match check_at_least("matrix", needed, data.len()) {
            Ok(()) => Ok(Self { data, rows, cols, row_stride, col_stride }),
            Err(e) => Err(e),
        }
    }

    /// The transposed view; nothing moves.
    pub const fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            data: self.data,
        }
    }

    /// Number of rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }
    /// Number of columns.
    pub const fn cols(&self) -> usize {
        self.cols
    }
    /// Distance between rows, in elements.
    pub const fn row_stride(&self) -> usize {
        self.row_stride
    }
    /// Distance between columns, in elements.
    pub const fn col_stride(&self) -> usize {
        self.col_stride
    }
    /// Element `(i, j)`.
    pub fn get(&self, i: usize, j: usize) -> Option<f32> {
        if i < self.rows && j < self.cols {
            self.data.get(i * self.row_stride + j * self.col_stride).copied()
        } else {
            None
        }
    }
    /// The first element; with the strides it reaches every element of the view.
    pub(crate) const fn as_ptr(&self) -> *const f32 {
        self.data.as_ptr()
    }
}

impl<'a> MatMut<'a> {
    /// A row-major `[rows, cols]` matrix without gaps.
    ///
    /// # Errors
    ///
    /// [`TooShort`](crate::Error::TooShort) if `data` holds fewer than `rows * cols` elements.
    pub fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Result<Self> {
        Self::strided(data, rows, cols, cols, 1)
    }

    /// A row-major `[rows, cols]` matrix that is all of `data`.
    pub(crate) fn fitting(data: &'a mut [f32], [rows, cols]: [usize; 2]) -> Option<Self> {
        let fits = rows.checked_mul(cols) == Some(data.len());
        fits.then_some(Self { data, rows, cols, row_stride: cols, col_stride: 1 })
    }

    /// The same, or an error.
    pub(crate) fn exactly(what: &'static str, data: &'a mut [f32], [rows, cols]: [usize; 2]) -> Result<Self> {
        check_product(what, [rows, cols], data.len())?;
        Ok(Self { data, rows, cols, row_stride: cols, col_stride: 1 })
    }

    /// A matrix with rows (or columns) that may lie apart.
    ///
    /// # Errors
    ///
    /// As [`Mat::strided`]; [`Dimension`](crate::Error::Dimension) unless one stride is 1 and the other at least the
    /// length of that line, so that no two elements share a place.
    pub fn strided(
        data: &'a mut [f32],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Result<Self> {
        let by_rows = col_stride == 1 && (rows <= 1 || row_stride >= cols);
        let by_cols = row_stride == 1 && (cols <= 1 || col_stride >= rows);
        let requires = "1 along one direction and at least the line's length along the other";
        check_dim(by_rows || by_cols || rows == 0 || cols == 0, "output strides", requires, row_stride)?;
        check_at_least("output matrix", extent(rows, cols, row_stride, col_stride)?, data.len())?;
        Ok(Self { data, rows, cols, row_stride, col_stride })
    }

    /// The transposed view; nothing moves.
    pub fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            data: self.data,
        }
    }

    /// Number of rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }
    /// Number of columns.
    pub const fn cols(&self) -> usize {
        self.cols
    }
    /// Distance between rows, in elements.
    pub const fn row_stride(&self) -> usize {
        self.row_stride
    }
    /// Distance between columns, in elements.
    pub const fn col_stride(&self) -> usize {
        self.col_stride
    }
    pub(crate) const fn as_mut_ptr(&mut self) -> *mut f32 {
        self.data.as_mut_ptr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn views_outside_their_data_are_refused() {
        let mut data = [0.0; 6];
        assert!(Mat::new(&data, 2, 3).is_ok());
        assert_eq!(Mat::new(&data, 2, 4).err(), Some(Error::TooShort { what: "matrix", needed: 8, actual: 6 }));
        assert!(Mat::strided(&data, 3, 2, 2, 1).is_ok());
        assert!(Mat::strided(&data, usize::MAX, 2, usize::MAX, 1).is_err());
        assert!(Mat::strided(&[], 0, 5, 9, 9).is_ok());
        assert!(MatMut::strided(&mut data, 2, 2, 1, 1).is_err(), "elements would overlap");
        assert!(MatMut::strided(&mut data, 2, 3, 1, 2).is_ok());
        assert!(MatMut::strided(&mut data, 1, 6, 0, 1).is_ok());
    }
}
