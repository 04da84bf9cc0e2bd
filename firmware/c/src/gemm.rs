//! Matrix products.

use crate::buffer::{buffers, read};
use crate::context::{Or, context, fused, update};
use crate::fault::report;
use crate::status::{fg_error, fg_status};
use flatgrad_core::gemm::{Bias, Epilogue, gemm, gemm_scratch_len};
use flatgrad_core::{Mat, MatMut};

/// The sizes of a product: a [m, k] times b [k, n] gives c [m, n]; all row after row.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct fg_gemm_shape {
    /// Rows of a and c.
    pub m: usize,
    /// Columns of b and c.
    pub n: usize,
    /// Columns of a, rows of b.
    pub k: usize,
    /// Elements from one row of a's memory to the next; 0: rows touch.
    pub a_stride: usize,
    /// The same for b.
    pub b_stride: usize,
    /// The same for c.
    pub c_stride: usize,
    /// a's memory holds [k, m].
    pub a_transposed: bool,
    /// b's memory holds [n, k].
    pub b_transposed: bool,
    /// The bias has one element for each row of c, not for each column.
    pub bias_per_row: bool,
}

/// Floats of scratch that fg_gemm needs.
#[unsafe(no_mangle)]
pub extern "C" fn fg_gemm_scratch_len(m: usize, n: usize, k: usize) -> usize {
    gemm_scratch_len(m, n, k)
}

/// c = act(a b + bias), or act(c + a b + bias) to accumulate; act is max(0, x) if relu is set.
///
/// a [m, k], b [k, n], bias [n] (or [m]; null with length 0: none), c [m, n], scratch of fg_gemm_scratch_len(m, n,
/// k). Each element is one chain of fused multiply-adds over ascending k. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_gemm(
    shape: *const fg_gemm_shape,
    a: *const f32,
    a_len: usize,
    b: *const f32,
    b_len: usize,
    bias: *const f32,
    bias_len: usize,
    accumulate: bool,
    relu: bool,
    c: *mut f32,
    c_len: usize,
    scratch: *mut f32,
    scratch_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let shape = read("shape", shape)?;
            let ([a, b, bias], [c, scratch]) = buffers(
                [("a", a, a_len), ("b", b, b_len), ("bias", bias, bias_len)],
                [("c", c, c_len), ("scratch", scratch, scratch_len)],
            )?;
            let (m, n, k) = (shape.m, shape.n, shape.k);
            let a = matrix(a, [m, k], shape.a_stride, shape.a_transposed)?;
            let b = matrix(b, [k, n], shape.b_stride, shape.b_transposed)?;
            let c = MatMut::strided(c, m, n, shape.c_stride.or(n), 1)?;
            let bias = match bias {
                [] => Bias::None,
                _ if shape.bias_per_row => Bias::PerRow(bias),
                _ => Bias::PerCol(bias),
            };
            Ok(gemm(context(), a, b, update(accumulate), Epilogue { bias, activation: fused(relu) }, c, scratch)?)
        })
    }
}

fn matrix(data: &[f32], [rows, cols]: [usize; 2], stride: usize, transposed: bool) -> flatgrad_core::Result<Mat<'_>> {
    if transposed {
        Ok(Mat::strided(data, cols, rows, stride.or(rows), 1)?.t())
    } else {
        Mat::strided(data, rows, cols, stride.or(cols), 1)
    }
}
