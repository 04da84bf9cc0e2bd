//! The loops around the kernels against the loops that define the bits, on the host with the plain kernels.

extern crate std;

use super::multiply;
use crate::Fused;
use crate::gemm::product::{Product, Strided};
use crate::gemm::{All, Tiles, Uses};
use crate::gemm::{Bias, Epilogue, gemm_scratch_len};
use crate::simd::portable::fma;
use std::vec::Vec;

/// Numbers between -1 and 1.
pub(crate) fn numbers(n: usize, seed: u32) -> Vec<f32> {
    let mut s = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut next = || {
        s ^= s << 13;
        s ^= s >> 17;
        s ^= s << 5;
        (s >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

#[test]
fn products_have_the_bits_of_plain_loops() {
    for (m, n, k) in [(1, 1, 1), (1, 21, 7), (2, 8, 64), (3, 15, 5), (7, 13, 19), (5, 4, 1), (4, 9, 130), (6, 3, 0)] {
        let (a, b, bias) = (numbers(m * k, 1), numbers(k * n, 2), numbers(m.max(n), 3));
        for case in 0..16 {
            let (by_rows_a, by_rows_b, accumulate, relu) = (case & 1 == 0, case & 2 == 0, case & 4 == 0, case & 8 == 0);
            let layout = |rows: usize, cols: usize, by_rows| if by_rows { [cols, 1] } else { [1, rows] };
            let ([ar, ac], [br, bc]) = (layout(m, k, by_rows_a), layout(k, n, by_rows_b));
            let bias = match (accumulate, relu) {
                (true, true) => Bias::None,
                (false, true) => Bias::PerRow(&bias[..m]),
                _ => Bias::PerCol(&bias[..n]),
            };
            let activation = if relu { Fused::Relu } else { Fused::None };
            let c_row = n + 3;
            let old = numbers(m * c_row, 4);
            let (mut c, mut scratch) = (old.clone(), std::vec![f32::NAN; gemm_scratch_len(m, n, k).max(64 * 8)]);
            let product = Product {
                m,
                n,
                k,
                a: Strided { ptr: a.as_ptr(), row: ar, col: ac },
                b: Strided { ptr: b.as_ptr(), row: br, col: bc },
                c: c.as_mut_ptr(),
                c_row,
                accumulate,
                epilogue: Epilogue { bias, activation },
            };
            // SAFETY: the vectors are as long as the shapes say.
            unsafe { multiply::<All>(&product, scratch.as_mut_ptr()) };
            for (at, (&got, &old)) in c.iter().zip(&old).enumerate() {
                let (i, j) = (at / c_row, at % c_row);
                let mut want = old;
                if j < n {
                    want = if accumulate { old } else { 0.0 };
                    for p in 0..k {
                        want = fma(a[i * ar + p * ac], b[p * br + j * bc], want);
                    }
                    match bias {
                        Bias::None => {}
                        Bias::PerRow(b) => want += b[i],
                        Bias::PerCol(b) => want += b[j],
                    }
                    want = if relu && 0.0 > want { 0.0 } else { want };
                }
                assert_eq!(got.to_bits(), want.to_bits(), "{m} {n} {k}, case {case}, element {i}, {j}");
            }
        }
    }
}

/// A program with one dense layer.
struct Dense<const BATCH: usize, const INPUTS: usize, const OUTPUTS: usize>;

impl<const BATCH: usize, const INPUTS: usize, const OUTPUTS: usize> Uses for Dense<BATCH, INPUTS, OUTPUTS> {
    const ANY_LAYOUT: bool = false;
    const TILES: Tiles = Tiles::of_dense(BATCH, INPUTS, OUTPUTS);
}

/// The plain kernels assert that their tiles are linked.
fn dense<const BATCH: usize, const INPUTS: usize, const OUTPUTS: usize>() {
    let strided = |x: &[f32], [row, col]: [usize; 2]| Strided { ptr: x.as_ptr(), row, col };
    for samples in 1..=BATCH {
        let (x, y, w) = (numbers(samples * INPUTS, 1), numbers(samples * OUTPUTS, 2), numbers(INPUTS * OUTPUTS, 3));
        for (m, n, k, a, b) in [
            (samples, OUTPUTS, INPUTS, strided(&x, [INPUTS, 1]), strided(&w, [OUTPUTS, 1])),
            (samples, INPUTS, OUTPUTS, strided(&y, [OUTPUTS, 1]), strided(&w, [1, OUTPUTS])),
            (INPUTS, OUTPUTS, samples, strided(&x, [1, INPUTS]), strided(&y, [OUTPUTS, 1])),
        ] {
            let [mut want, mut got] = [std::vec![f32::NAN; m * n], std::vec![f32::NAN; m * n]];
            let mut product =
                Product { m, n, k, a, b, c: want.as_mut_ptr(), c_row: n, accumulate: false, epilogue: Epilogue::NONE };
            // SAFETY: the vectors are as long as the shapes say.
            unsafe {
                multiply::<All>(&product, core::ptr::null_mut());
                product.c = got.as_mut_ptr();
                multiply::<Dense<BATCH, INPUTS, OUTPUTS>>(&product, core::ptr::null_mut());
            }
            assert!(want.iter().zip(&got).all(|(a, b)| a.to_bits() == b.to_bits()), "{m} {n} {k}");
        }
    }
}

#[test]
fn programs_with_one_dense_layer_have_all_that_it_needs() {
    for check in [dense::<1, 64, 10>, dense::<1, 3, 1>, dense::<2, 7, 24>, dense::<5, 9, 15>, dense::<3, 4, 6>] {
        check();
    }
}
