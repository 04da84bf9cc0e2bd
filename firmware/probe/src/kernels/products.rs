//! Chains of fused multiply-adds: matrix products, dense layers.

use super::{Print, any, fill, hash};
use flatgrad_core::dense::{
    Dense, dense, dense_backward_bias, dense_backward_input, dense_backward_weight, dense_scratch_len,
};
use flatgrad_core::gemm::{Bias, Epilogue, gemm, gemm_scratch_len};
use flatgrad_core::{Context, Fused, Mat, MatMut, Result, Update};

pub(super) fn run(ctx: Context, print: Print) -> Result {
    matrices(ctx, print)?;
    dense_layer(ctx, print)
}

fn matrices(ctx: Context, print: Print) -> Result {
    const M: usize = 23;
    const N: usize = 19;
    const K: usize = 13;
    let (a, b, bias): ([f32; M * K], [f32; K * N], [f32; N]) = (fill(40), fill(41), fill(42));
    let (mut c, mut scratch) = ([f32::NAN; M * N], [f32::NAN; 2 * gemm_scratch_len(M, N, K)]);
    let (m, n, k) = any((M, N, K));

    let (left, right) = (Mat::new(any(&a), m, k)?, Mat::new(any(&b), k, n)?);
    let epilogue = Epilogue { bias: Bias::PerCol(any(&bias)), activation: any(Fused::Relu) };
    gemm(ctx, left, right, any(Update::Overwrite), epilogue, MatMut::new(any(&mut c), m, n)?, any(&mut scratch))?;
    print("gemm", hash(&c));

    let (left, right) = (Mat::new(any(&a), k, m)?.t(), Mat::new(any(&b), n, k)?.t());
    let out = MatMut::new(any(&mut c), n, m)?.t();
    gemm(ctx, left, right, any(Update::Accumulate), Epilogue::NONE, out, any(&mut scratch))?;
    print("gemm, transposed, accumulated", hash(&c));

    let mut row = [f32::NAN; N];
    let (one, out) = (Mat::new(any(&a[..K]), 1, k)?, MatMut::new(any(&mut row), 1, n)?);
    gemm(ctx, one, right, any(Update::Overwrite), Epilogue::NONE, out, any(&mut scratch))?;
    print("gemm, one row", hash(&row));
    Ok(())
}

fn dense_layer(ctx: Context, print: Print) -> Result {
    const SHAPE: Dense = Dense::new(5, 21, 10);
    let (x, w, b): ([f32; 5 * 21], [f32; 21 * 10], [f32; 10]) = (fill(50), fill(51), fill(52));
    let dy: [f32; 5 * 10] = fill(53);
    let (mut y, mut dx, mut dw, mut db) = ([f32::NAN; 5 * 10], [f32::NAN; 5 * 21], [1.0; 21 * 10], [1.0; 10]);
    let mut scratch = [f32::NAN; 2 * dense_scratch_len(&SHAPE)];
    let d = any(&SHAPE);

    dense(ctx, d, any(&x), any(&w), any(Some(&b)), any(Fused::None), any(&mut y), any(&mut scratch))?;
    print("dense", hash(&y));
    dense_backward_input(ctx, d, any(&dy), any(&w), any(&mut dx), any(&mut scratch))?;
    print("dense_backward_input", hash(&dx));
    dense_backward_weight(ctx, d, any(&x), any(&dy), any(Update::Accumulate), any(&mut dw), any(&mut scratch))?;
    print("dense_backward_weight", hash(&dw));
    dense_backward_bias(ctx, d, any(&dy), any(Update::Accumulate), any(&mut db))?;
    print("dense_backward_bias", hash(&db));
    Ok(())
}
