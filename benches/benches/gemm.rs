//! The matrix product beside its peers, on one thread. Throughput counts two operations per multiply-add, so that
//! Gelem/s are GFLOP/s.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flatgrad_core::gemm::{Epilogue, gemm as product, gemm_scratch_len};
use flatgrad_core::{Context, Isa, Mat, MatMut, Update};
use std::time::Duration;

/// `m, n, k`.
const SHAPES: [[usize; 3]; 18] = [
    [8, 8, 8],
    [16, 16, 16],
    [32, 32, 32],
    [64, 64, 64],
    [128, 128, 128],
    [256, 256, 256],
    [512, 512, 512],
    [1024, 1024, 1024],
    [2048, 2048, 2048],
    [128, 800, 784],
    [128, 10, 800],
    [784, 800, 128],
    [32, 784, 288],
    [64, 196, 576],
    [64, 12544, 288],
    [1000, 3, 1000],
    [1, 1024, 1024],
    [2, 1024, 1024],
];

/// A matrix of pseudo-random numbers, stored by rows or by columns.
struct Operand {
    data: Vec<f32>,
    rows: usize,
    cols: usize,
    by_cols: bool,
}

impl Operand {
    fn new(rows: usize, cols: usize, by_cols: bool) -> Self {
        let number = |i| (i as u32).wrapping_mul(0x9e37_79b9) as i32 as f32 / 2_147_483_648.0;
        Self { data: (0..rows * cols).map(number).collect(), rows, cols, by_cols }
    }
    fn strides(&self) -> [usize; 2] {
        if self.by_cols { [1, self.rows] } else { [self.cols, 1] }
    }
    fn mat(&self) -> Mat<'_> {
        let [row, col] = self.strides();
        Mat::strided(&self.data, self.rows, self.cols, row, col).unwrap()
    }
    /// Pointer, row stride, column stride: what the peers take.
    fn raw(&self) -> (*const f32, isize, isize) {
        let [row, col] = self.strides();
        (self.data.as_ptr(), row as isize, col as isize)
    }
}

fn compare(criterion: &mut Criterion, name: &str, shapes: &[[usize; 3]], [a_by_cols, b_by_cols]: [bool; 2]) {
    let mut group = criterion.benchmark_group(name);
    group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(500)).sample_size(20);
    for &[m, n, k] in shapes {
        let shape = format!("{m}x{n}x{k}");
        let (a, b) = (Operand::new(m, k, a_by_cols), Operand::new(k, n, b_by_cols));
        let (mut c, mut scratch) = (vec![0.0; m * n], vec![0.0; gemm_scratch_len(m, n, k)]);
        let operations = 2 * m * n * k;
        group.throughput(Throughput::Elements(operations as u64));
        for isa in Isa::available() {
            // The portable table rounds its fused multiply-adds in software: minutes for the large shapes.
            if isa == Isa::PORTABLE && operations > 50_000_000 {
                continue;
            }
            let ctx = Context::serial(isa);
            group.bench_function(BenchmarkId::new(isa.name(), &shape), |bencher| {
                bencher.iter(|| {
                    let c = MatMut::new(&mut c, m, n).unwrap();
                    product(ctx, a.mat(), b.mat(), Update::Overwrite, Epilogue::NONE, c, &mut scratch).unwrap()
                })
            });
        }
        let ((a, ar, ac), (b, br, bc), cp, row) = (a.raw(), b.raw(), c.as_mut_ptr(), n as isize);
        group.bench_function(BenchmarkId::new("gemm crate", &shape), |bencher| {
            let (read, conj, serial) = (false, [false; 3], gemm::Parallelism::None);
            bencher.iter(|| {
                // SAFETY: a, b and c have these sizes and strides.
                unsafe {
                    gemm::gemm(
                        m, n, k, cp, 1, row, read, a, ac, ar, b, bc, br, 0.0, 1.0, conj[0], conj[1], conj[2], serial,
                    )
                }
            })
        });
        group.bench_function(BenchmarkId::new("matrixmultiply", &shape), |bencher| {
            // SAFETY: a, b and c have these sizes and strides.
            bencher.iter(|| unsafe { matrixmultiply::sgemm(m, k, n, 1.0, a, ar, ac, b, br, bc, 0.0, cp, row, 1) })
        });
    }
    group.finish();
}

fn benches(criterion: &mut Criterion) {
    compare(criterion, "gemm", &SHAPES, [false, false]);
    // The gradients of a dense layer: weight = x^T dy, input = dy w^T.
    compare(criterion, "gemm transposed a", &[[784, 800, 128], [512, 512, 512]], [true, false]);
    compare(criterion, "gemm transposed b", &[[128, 784, 800], [512, 512, 512], [1, 1024, 1024]], [false, true]);
}

criterion_group!(gemm_benches, benches);
criterion_main!(gemm_benches);
