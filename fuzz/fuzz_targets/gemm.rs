//! Matrix product: any size, layout, epilogue; overwriting and adding.
#![no_main]

use arbitrary::Arbitrary;
use flatgrad_core::gemm::{Bias, Epilogue, gemm, gemm_scratch_len};
use flatgrad_core::{Activation, Mat, MatMut, Update, reference};
use flatgrad_fuzz::{Guarded, UpTo, Values, assert_bits, contexts};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Case {
    m: UpTo<70>,
    n: UpTo<70>,
    k: UpTo<70>,
    /// Makes one dimension long: past the blocks.
    long: (UpTo<3>, UpTo<700>),
    a: Layout,
    b: Layout,
    c: Layout,
    accumulate: bool,
    bias: UpTo<2>,
    relu: bool,
    scratch: UpTo<3>,
    values: Values,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Layout {
    transposed: bool,
    gap: UpTo<5>,
}

impl Layout {
    /// Lines, their length, and the distance between them.
    fn lines(self, rows: usize, cols: usize) -> (usize, usize, usize) {
        let (lines, len) = if self.transposed { (cols, rows) } else { (rows, cols) };
        (lines, len, len + self.gap.0)
    }
    fn len(self, rows: usize, cols: usize) -> usize {
        let (lines, _, stride) = self.lines(rows, cols);
        lines * stride
    }
    fn view(self, data: &[f32], rows: usize, cols: usize) -> Mat<'_> {
        let (lines, len, stride) = self.lines(rows, cols);
        let view = Mat::strided(data, lines, len, stride, 1).unwrap();
        if self.transposed { view.t() } else { view }
    }
    fn view_mut(self, data: &mut [f32], rows: usize, cols: usize) -> MatMut<'_> {
        let (lines, len, stride) = self.lines(rows, cols);
        let view = MatMut::strided(data, lines, len, stride, 1).unwrap();
        if self.transposed { view.t() } else { view }
    }
    fn place(self, rows: usize, cols: usize, [i, j]: [usize; 2]) -> usize {
        let (_, _, stride) = self.lines(rows, cols);
        if self.transposed { j * stride + i } else { i * stride + j }
    }
}

fuzz_target!(|case: Case| {
    let mut size = [case.m.0, case.n.0, case.k.0];
    if let Some(long) = size.get(case.long.0.0).copied() {
        // The plain loop is slow: long in one direction means short in the others.
        size = size.map(|s| s % 20);
        size[case.long.0.0] = long + case.long.1.0;
    }
    let [m, n, k] = size;
    let v = case.values;
    let (a, b) = (v.any(case.a.len(m, k), 1), v.any(case.b.len(k, n), 2));
    let (a, b) = (case.a.view(&a, m, k), case.b.view(&b, k, n));
    let old = v.any(case.c.len(m, n), 3);
    let (per_row, per_col) = (v.any(m, 4), v.any(n, 5));
    let epilogue = Epilogue {
        bias: [Bias::None, Bias::PerRow(&per_row), Bias::PerCol(&per_col)][case.bias.0],
        activation: if case.relu { Activation::Relu } else { Activation::None },
    };
    let update = if case.accumulate { Update::Accumulate } else { Update::Overwrite };

    let places: Vec<usize> = (0..m * n).map(|at| case.c.place(m, n, [at / n, at % n])).collect();
    let mut product: Vec<f32> = places.iter().map(|&p| old[p]).collect();
    reference::gemm::gemm(a, b, update, epilogue, &mut product);
    // What lies between the lines stays.
    let mut want = old.clone();
    places.iter().zip(product).for_each(|(&p, x)| want[p] = x);

    for (name, ctx) in contexts() {
        let mut c = Guarded::new(&old, 1);
        let mut scratch = Guarded::garbage(gemm_scratch_len(m, n, k) * case.scratch.0.max(1), 3);
        gemm(ctx, a, b, update, epilogue, case.c.view_mut(&mut c, m, n), &mut scratch).unwrap();
        scratch.get();
        assert_bits(&name, c.get(), &want);
    }
});
