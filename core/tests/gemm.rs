//! The matrix product: every tile, blocks shared out over threads, chains that resume, refusals. The list of cases
//! draws layouts, values and shapes.
#![allow(missing_docs, reason = "tests")]

mod common;

use common::{Guarded, assert_bits, contexts, numbers};
use flatgrad_core::gemm::{Bias, Epilogue, gemm, gemm_scratch_len};
use flatgrad_core::{Context, Error, Fused, Isa, Mat, MatMut, Update, reference};

/// How a matrix lies in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Layout {
    Rows,
    Cols,
    /// Rows further apart than they are long.
    Gaps,
    /// Columns further apart than they are long.
    ColGaps,
    /// Neither rows nor columns contiguous (inputs only).
    Sparse,
    /// Every row the same (inputs only).
    RepeatRows,
    /// Every column the same (inputs only).
    RepeatCols,
}
use Layout::*;

const INPUTS: [Layout; 7] = [Rows, Cols, Gaps, ColGaps, Sparse, RepeatRows, RepeatCols];
const OUTPUTS: [Layout; 4] = [Rows, Cols, Gaps, ColGaps];

impl Layout {
    fn strides(self, rows: usize, cols: usize) -> (usize, usize) {
        match self {
            Rows => (cols, 1),
            Cols => (1, rows),
            Gaps => (cols + 3, 1),
            ColGaps => (1, rows + 5),
            Sparse => (2 * cols + 1, 2),
            RepeatRows => (0, 1),
            RepeatCols => (1, 0),
        }
    }
    fn len(self, rows: usize, cols: usize) -> usize {
        let (r, c) = self.strides(rows, cols);
        if rows == 0 || cols == 0 { 0 } else { (rows - 1) * r + (cols - 1) * c + 1 }
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    m: usize,
    n: usize,
    k: usize,
    layouts: [Layout; 3],
    update: Update,
    /// 0 none, 1 per row, 2 per column.
    bias: usize,
    activation: Fused,
    shift: usize,
}

impl Case {
    fn plain(m: usize, n: usize, k: usize) -> Self {
        let layouts = [Rows; 3];
        Self { m, n, k, layouts, update: Update::Overwrite, bias: 0, activation: Fused::None, shift: 0 }
    }

    /// Varies everything but the shape.
    fn vary(m: usize, n: usize, k: usize, seed: usize) -> Self {
        Self {
            layouts: [INPUTS[seed % 7], INPUTS[seed / 7 % 7], OUTPUTS[seed / 3 % 4]],
            update: if seed.is_multiple_of(2) { Update::Overwrite } else { Update::Accumulate },
            bias: seed % 3,
            activation: if seed % 5 < 2 { Fused::None } else { Fused::Relu },
            shift: seed % 4,
            ..Self::plain(m, n, k)
        }
    }

    /// Runs it everywhere; `threads_of_scratch` scratch buffers.
    fn check(&self, contexts: &[(String, Context)], threads_of_scratch: usize) {
        let &Case { m, n, k, layouts: [la, lb, lc], update, bias, activation, shift } = self;
        let a = Guarded::new(&numbers(la.len(m, k), 1), shift);
        let b = Guarded::new(&numbers(lb.len(k, n), 2), shift / 2);
        let bias_data = Guarded::new(&numbers(if bias == 1 { m } else { n }, 3), shift);
        let bias = [Bias::None, Bias::PerRow(&bias_data), Bias::PerCol(&bias_data)][bias];
        let epilogue = Epilogue { bias, activation };
        let (sa, sb, sc) = (la.strides(m, k), lb.strides(k, n), lc.strides(m, n));
        let mat_a = Mat::strided(&a, m, k, sa.0, sa.1).unwrap();
        let mat_b = Mat::strided(&b, k, n, sb.0, sb.1).unwrap();
        // The old content of c: NaN where it must not be read.
        let old = if update == Update::Accumulate { numbers(m * n, 4) } else { vec![f32::NAN; m * n] };
        let mut want = old.clone();
        reference::gemm::gemm(mat_a, mat_b, update, epilogue, &mut want);
        // Gaps between the lines of c must keep what they hold.
        let scatter = |dense: &[f32]| {
            let mut all = vec![7.25; lc.len(m, n)];
            for i in 0..m {
                for j in 0..n {
                    all[i * sc.0 + j * sc.1] = dense[i * n + j];
                }
            }
            all
        };
        let want = scatter(&want);
        for (name, ctx) in contexts {
            let mut c = Guarded::new(&scatter(&old), shift);
            let mut scratch = Guarded::garbage(threads_of_scratch * gemm_scratch_len(m, n, k), 1);
            let out = MatMut::strided(&mut c, m, n, sc.0, sc.1).unwrap();
            gemm(*ctx, mat_a, mat_b, update, epilogue, out, &mut scratch).unwrap();
            assert_bits(&format!("{name} {self:?}"), c.get(), &want);
            scratch.get();
        }
    }
}

fn serial() -> Vec<(String, Context<'static>)> {
    Isa::available().map(|isa| (isa.name().to_string(), Context::serial(isa))).collect()
}

#[test]
fn shapes_around_every_tile() {
    let contexts = serial();
    let (rows, cols) = (
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 19, 24, 37],
        [1, 2, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 47, 49, 64, 71],
    );
    let mut seed = 0;
    for m in rows {
        for n in cols {
            for k in [0, 1, 2, 7, 17] {
                Case::plain(m, n, k).check(&contexts, 1);
                Case::vary(m, n, k, seed).check(&contexts, 1);
                seed += 1;
            }
        }
    }
}

/// More than one block of k, of rows; packed a and b; threads that cut rows and columns.
#[test]
fn blocks_and_threads() {
    let contexts = contexts();
    let shapes = [
        (60, 50, 1100),
        (300, 140, 40),
        (40, 530, 60),
        (1, 1500, 1061),
        (1500, 1, 1061),
        (130, 77, 513),
        (529, 33, 65),
    ];
    for (i, (m, n, k)) in shapes.into_iter().enumerate() {
        Case::plain(m, n, k).check(&contexts, 3);
        let layouts = [[Rows, Cols][i % 2], [Cols, Rows][i / 2 % 2], [Rows, Gaps, Cols][i % 3]];
        let update = if i % 2 == 0 { Update::Accumulate } else { Update::Overwrite };
        Case { layouts, update, bias: 1 + i % 2, activation: Fused::Relu, ..Case::plain(m, n, k) }.check(&contexts, 2);
    }
}

/// The chains resume where a smaller product stopped: blocks of k by hand give the bits of the whole.
#[test]
fn accumulation_resumes_chains() {
    let (m, n, k) = (7, 21, 40);
    let (a, b) = (numbers(m * k, 5), numbers(k * n, 6));
    for (name, ctx) in contexts() {
        let mut scratch = vec![f32::NAN; gemm_scratch_len(m, n, k)];
        let (mut whole, mut parts) = (vec![f32::NAN; m * n], vec![0.0; m * n]);
        let out = MatMut::new(&mut whole, m, n).unwrap();
        let (full_a, full_b) = (Mat::new(&a, m, k).unwrap(), Mat::new(&b, k, n).unwrap());
        gemm(ctx, full_a, full_b, Update::Overwrite, Epilogue::NONE, out, &mut scratch).unwrap();
        for first in (0..k).step_by(13) {
            let len = (k - first).min(13);
            let a = Mat::strided(&a[first..], m, len, k, 1).unwrap();
            let b = Mat::new(&b[first * n..], len, n).unwrap();
            let out = MatMut::new(&mut parts, m, n).unwrap();
            gemm(ctx, a, b, Update::Accumulate, Epilogue::NONE, out, &mut scratch).unwrap();
        }
        assert_bits(&name, &parts, &whole);
    }
}

/// The stride of a single row or column is never used, however large.
#[test]
fn unused_strides() {
    let (x, huge) = (numbers(40, 7), usize::MAX);
    for (name, ctx) in contexts() {
        let mut scratch = vec![f32::NAN; gemm_scratch_len(40, 40, 40)];
        for (m, n, k) in [(1, 40, 1), (40, 1, 1), (1, 1, 40), (1, 40, 40), (40, 40, 1), (40, 1, 40)] {
            let lines = |rows, cols| {
                if rows == 1 {
                    (huge, 1)
                } else if cols == 1 {
                    (1, huge)
                } else {
                    (0, 1)
                }
            };
            let (sa, sb) = (lines(m, k), lines(k, n));
            let a = Mat::strided(&x, m, k, sa.0, sa.1).unwrap();
            let b = Mat::strided(&x, k, n, sb.0, sb.1).unwrap();
            let (mut want, mut c) = (vec![f32::NAN; m * n], vec![f32::NAN; m * n]);
            reference::gemm::gemm(a, b, Update::Overwrite, Epilogue::NONE, &mut want);
            let sc = if m == 1 || n == 1 { lines(m, n) } else { (n, 1) };
            let out = MatMut::strided(&mut c, m, n, sc.0, sc.1).unwrap();
            gemm(ctx, a, b, Update::Overwrite, Epilogue::NONE, out, &mut scratch).unwrap();
            assert_bits(&format!("{name} {m}x{n}x{k}"), &c, &want);
        }
    }
}

#[test]
fn refusals_write_nothing() {
    let (a, b) = (numbers(12, 1), numbers(20, 2));
    let ctx = Context::serial(Isa::detect());
    let needed = gemm_scratch_len(3, 5, 4);
    let run = |a: Mat, b: Mat, epilogue: Epilogue, rows: usize, cols: usize, scratch: usize| {
        let mut c = Guarded::new(&[2.5; 24], 0);
        let mut scratch = vec![f32::NAN; scratch];
        let result =
            gemm(ctx, a, b, Update::Overwrite, epilogue, MatMut::new(&mut c, rows, cols).unwrap(), &mut scratch);
        assert_eq!(c.get() == [2.5; 24], result.is_err());
        result
    };
    let (a, b) = (Mat::new(&a, 3, 4).unwrap(), Mat::new(&b, 4, 5).unwrap());
    assert_eq!(run(a, b, Epilogue::NONE, 3, 5, needed), Ok(()));
    let length = |what, expected, actual| Err(Error::Length { what, expected, actual });
    assert_eq!(run(a, b, Epilogue::NONE, 4, 5, needed), length("rows of a", 4, 3));
    assert_eq!(run(a, b, Epilogue::NONE, 3, 4, needed), length("columns of b", 4, 5));
    assert_eq!(run(a, b.t(), Epilogue::NONE, 3, 4, needed), length("rows of b", 4, 5));
    let bias = Epilogue { bias: Bias::PerRow(&[0.0; 5]), ..Epilogue::NONE };
    assert_eq!(run(a, b, bias, 3, 5, needed), length("bias per row", 3, 5));
    let bias = Epilogue { bias: Bias::PerCol(&[0.0; 3]), ..Epilogue::NONE };
    assert_eq!(run(a, b, bias, 3, 5, needed), length("bias per column", 5, 3));
    let short = Err(Error::TooShort { what: "scratch", needed, actual: needed - 1 });
    assert_eq!(run(a, b, Epilogue::NONE, 3, 5, needed - 1), short);
}

#[test]
fn scratch_is_bounded_and_symmetric() {
    for m in [0, 1, 7, 16, 17, 100, 5000] {
        for n in [0, 1, 9, 33, 400] {
            for k in [0, 3, 511, 513, 9000] {
                assert_eq!(gemm_scratch_len(m, n, k), gemm_scratch_len(n, m, k));
                assert!(gemm_scratch_len(m, n, k) <= 512 * (264 + 32) + 15);
            }
        }
    }
    assert!(gemm_scratch_len(usize::MAX, usize::MAX, usize::MAX) <= 512 * (264 + 32) + 15);
}
