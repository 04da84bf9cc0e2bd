//! Rows of `gemm`.

use super::{Call, Case, Draw, Output, for_threads};
use flatgrad_core::gemm::{Bias, Epilogue, gemm, gemm_scratch_len};
use flatgrad_core::{Fused, Mat, MatMut, Update, reference};

const COVERS: &[&str] = &["gemm::gemm", "gemm::gemm_scratch_len"];

pub const CASES: [Case; 4] = [
    Case {
        covers: COVERS,
        make: |draw| product(draw.size(0, 97, 200), draw.size(0, 97, 200), draw.size(0, 97, 200), draw),
    },
    // One side longer than the blocks, so that chains pause, operands are packed, and threads cut.
    Case {
        covers: COVERS,
        make: |draw| {
            let (long, short) = (draw.size(400, 1200, 700), [draw.size(0, 33, 40), draw.size(0, 33, 300)]);
            let [m, n, k] = draw.pick(&[[0, 1, 2], [2, 0, 1], [0, 2, 1]]).map(|i| [short[0], short[1], long][i]);
            product(m, n, k, draw)
        },
    },
    // Few rows: small batches through a dense layer.
    Case {
        covers: COVERS,
        make: |draw| product(draw.size(1, 13, 5), draw.size(0, 257, 800), draw.size(0, 131, 784), draw),
    },
    // Rows a multiple of 4 KB apart, which are packed.
    Case {
        covers: COVERS,
        make: |draw| {
            let (m, n, k) = (draw.size(47, 70, 70), draw.size(64, 200, 140), draw.size(0, 33, 64));
            let layouts = [Layout::Pages, draw.pick(&INPUTS), draw.pick(&OUTPUTS)];
            laid_out(m, n, k, layouts, draw)
        },
    },
];

/// How a matrix lies in memory.
#[derive(Clone, Copy, Debug)]
enum Layout {
    Rows,
    Cols,
    /// Rows (columns) further apart than they are long.
    Gaps,
    ColGaps,
    /// Inputs only: neither rows nor columns contiguous; every row (column) the same; rows 4 KB apart.
    Sparse,
    RepeatRows,
    RepeatCols,
    Pages,
}
use Layout::*;

const INPUTS: [Layout; 7] = [Rows, Cols, Gaps, ColGaps, Sparse, RepeatRows, RepeatCols];
const OUTPUTS: [Layout; 4] = [Rows, Cols, Gaps, ColGaps];

impl Layout {
    fn strides(self, rows: usize, cols: usize) -> [usize; 2] {
        match self {
            Rows => [cols, 1],
            Cols => [1, rows],
            Gaps => [cols + 3, 1],
            ColGaps => [1, rows + 5],
            Sparse => [2 * cols + 1, 2],
            RepeatRows => [0, 1],
            RepeatCols => [1, 0],
            Pages => [1024, 1],
        }
    }
    /// Up to the last element, and not one further.
    fn len(self, rows: usize, cols: usize) -> usize {
        let [r, c] = self.strides(rows, cols);
        if rows == 0 || cols == 0 { 0 } else { (rows - 1) * r + (cols - 1) * c + 1 }
    }
}

fn product(m: usize, n: usize, k: usize, draw: &mut Draw) -> Call {
    let layouts = [draw.pick(&INPUTS), draw.pick(&INPUTS), draw.pick(&OUTPUTS)];
    laid_out(m, n, k, layouts, draw)
}

fn epilogue(kind: usize, bias: &[f32], activation: Fused) -> Epilogue<'_> {
    Epilogue { bias: [Bias::None, Bias::PerRow(bias), Bias::PerCol(bias)][kind], activation }
}

fn laid_out(m: usize, n: usize, k: usize, layouts: [Layout; 3], draw: &mut Draw) -> Call {
    let [la, lb, lc] = layouts;
    let (update, bias_kind) = (draw.pick(&[Update::Overwrite, Update::Accumulate]), draw.pick(&[0, 1, 2]));
    let activation = draw.pick(&[Fused::None, Fused::Relu]);
    let (a, b) = (draw.any(la.len(m, k)), draw.any(lb.len(k, n)));
    let bias = draw.any([0, m, n][bias_kind]);
    let ([ar, ac], [br, bc], [cr, cc]) = (la.strides(m, k), lb.strides(k, n), lc.strides(m, n));
    // The old content of c: NaN where it must not be read; what lies between its lines stays.
    let old = if update == Update::Accumulate { draw.any(m * n) } else { vec![f32::NAN; m * n] };
    let mut want = old.clone();
    let (mat_a, mat_b) = (Mat::strided(&a, m, k, ar, ac).unwrap(), Mat::strided(&b, k, n, br, bc).unwrap());
    reference::gemm::gemm(mat_a, mat_b, update, epilogue(bias_kind, &bias, activation), &mut want);
    let scatter = |dense: &[f32]| {
        let mut all = vec![7.25; lc.len(m, n)];
        dense.iter().enumerate().for_each(|(at, x)| all[at / n * cr + at % n * cc] = *x);
        all
    };
    let per_thread = gemm_scratch_len(m, n, k);
    Call {
        what: format!("{m} x {n} x {k}, {layouts:?}, {update:?}, bias {bias_kind}, {activation:?}"),
        outputs: vec![Output::update(&scatter(&old), scatter(&want)), Output::scratch(3 * per_thread)],
        inputs: vec![a, b, bias],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [c, scratch] = outputs else { unreachable!() };
            let (a, b) = (Mat::strided(inputs[0], m, k, ar, ac)?, Mat::strided(inputs[1], k, n, br, bc)?);
            let (c, scratch) = (MatMut::strided(c, m, n, cr, cc)?, for_threads(scratch, per_thread));
            gemm(ctx, a, b, update, epilogue(bias_kind, inputs[2], activation), c, scratch)
        }),
    }
}
