//! Convolutions and dense layers.

use super::{Golden, ctx, garbage, transposed};
use flatgrad_core::conv::{self, Conv2d};
use flatgrad_core::dense::{self, Dense};
use flatgrad_core::{Fused, Update};

#[test]
fn conv2d() {
    let golden = Golden::read("products");
    for case in golden.cases("conv2d") {
        let [n, c, h, w] = golden.shape(&format!("{case}x"));
        let [out_channels, _, kh, kw] = golden.shape(&format!("{case}weight"));
        let [sh, sw, ph, pw, dh, dw, groups] = golden.numbers(&format!("{case}geometry")).map(|x| x as usize);
        let shape = Conv2d::new(n, [c, h, w], out_channels, [kh, kw])
            .stride([sh, sw])
            .padding([ph, pw])
            .dilation([dh, dw])
            .groups(groups);
        check_passes(&golden, &case, &shape);
    }
}

#[test]
fn conv1d() {
    let golden = Golden::read("products");
    for case in golden.cases("conv1d") {
        let [n, c, len] = golden.shape(&format!("{case}x"));
        let [out_channels, _, kernel] = golden.shape(&format!("{case}weight"));
        let [stride, padding, dilation, groups] = golden.numbers(&format!("{case}geometry")).map(|x| x as usize);
        let shape = Conv2d::new_1d(n, [c, len], out_channels, kernel)
            .stride([1, stride])
            .padding([0, padding])
            .dilation([1, dilation])
            .groups(groups);
        check_passes(&golden, &case, &shape);
    }
}

fn check_passes(golden: &Golden, case: &str, shape: &Conv2d) {
    let of = |name: &str| golden.get(&format!("{case}{name}"));
    let (x, weight, bias, dy) = (of("x"), of("weight"), of("bias"), of("dy"));

    let mut y = garbage(shape.output_len());
    let mut scratch = garbage(conv::conv2d_scratch_len(shape));
    conv::conv2d(ctx(), shape, x, weight, Some(bias), Fused::None, &mut y, &mut scratch).unwrap();
    golden.check("product", &format!("{case}y"), &y);

    let mut dx = garbage(x.len());
    let mut scratch = garbage(conv::conv2d_backward_input_scratch_len(shape));
    conv::conv2d_backward_input(ctx(), shape, dy, weight, &mut dx, &mut scratch).unwrap();
    golden.check("product", &format!("{case}dx"), &dx);

    let mut dw = garbage(weight.len());
    let mut scratch = garbage(conv::conv2d_backward_weight_scratch_len(shape));
    conv::conv2d_backward_weight(ctx(), shape, x, dy, Update::Overwrite, &mut dw, &mut scratch).unwrap();
    golden.check("product", &format!("{case}dweight"), &dw);

    let mut db = garbage(bias.len());
    conv::conv2d_backward_bias(ctx(), shape, dy, Update::Overwrite, &mut db).unwrap();
    golden.check("product", &format!("{case}dbias"), &db);
}

#[test]
fn linear() {
    let golden = Golden::read("products");
    for case in golden.cases("linear") {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let [n, inputs] = golden.shape(&format!("{case}x"));
        let [outputs, _] = golden.shape(&format!("{case}weight"));
        let shape = Dense::new(n, inputs, outputs);
        let mut scratch = garbage(dense::dense_scratch_len(&shape));
        let weight = transposed(of("weight"), outputs, inputs);

        let mut y = garbage(n * outputs);
        let bias = Some(of("bias"));
        dense::dense(ctx(), &shape, of("x"), &weight, bias, Fused::None, &mut y, &mut scratch).unwrap();
        golden.check("product", &format!("{case}y"), &y);

        let mut dx = garbage(n * inputs);
        dense::dense_backward_input(ctx(), &shape, of("dy"), &weight, &mut dx, &mut scratch).unwrap();
        golden.check("product", &format!("{case}dx"), &dx);

        let (mut dw, mut db) = (garbage(inputs * outputs), garbage(outputs));
        let overwrite = Update::Overwrite;
        dense::dense_backward_weight(ctx(), &shape, of("x"), of("dy"), overwrite, &mut dw, &mut scratch).unwrap();
        dense::dense_backward_bias(ctx(), &shape, of("dy"), overwrite, &mut db).unwrap();
        golden.check("product", &format!("{case}dweight"), &transposed(&dw, inputs, outputs));
        golden.check("product", &format!("{case}dbias"), &db);
    }
}
