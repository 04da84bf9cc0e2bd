//! Pooling.

use super::{Golden, ctx, garbage};
use flatgrad_core::pool::{self, AvgPool2d, MaxPool2d};

#[test]
fn max_pool2d() {
    let golden = Golden::read("pool");
    for case in golden.cases("max_pool2d") {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let [n, c, h, w] = golden.shape(&format!("{case}x"));
        let [kh, kw, sh, sw, ph, pw] = golden.numbers(&format!("{case}geometry")).map(|x| x as usize);
        let shape = MaxPool2d::new(n, [c, h, w], [kh, kw]).stride([sh, sw]).padding([ph, pw]);
        let (mut y, mut dx) = (garbage(shape.output_len()), garbage(shape.input_len()));
        pool::max_pool2d(ctx(), &shape, of("x"), &mut y).unwrap();
        golden.check("max_pool2d", &format!("{case}y"), &y);
        pool::max_pool2d_backward(ctx(), &shape, of("x"), of("dy"), &mut dx).unwrap();
        golden.check("max_pool2d", &format!("{case}dx"), &dx);
    }
}

#[test]
fn avg_pool2d() {
    let golden = Golden::read("pool");
    for case in golden.cases("avg_pool2d") {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let [n, c, h, w] = golden.shape(&format!("{case}x"));
        let [kh, kw, sh, sw, ph, pw, include] = golden.numbers(&format!("{case}geometry")).map(|x| x as usize);
        let shape =
            AvgPool2d::new(n, [c, h, w], [kh, kw]).stride([sh, sw]).padding([ph, pw]).count_include_pad(include == 1);
        let (mut y, mut dx) = (garbage(shape.output_len()), garbage(shape.input_len()));
        pool::avg_pool2d(ctx(), &shape, of("x"), &mut y).unwrap();
        golden.check("avg_pool2d", &format!("{case}y"), &y);
        pool::avg_pool2d_backward(ctx(), &shape, of("dy"), &mut dx).unwrap();
        golden.check("avg_pool2d", &format!("{case}dx"), &dx);
    }
}

#[test]
fn global_avg_pool() {
    let golden = Golden::read("pool");
    for case in golden.cases("global_avg_pool") {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let [n, c, h, w] = golden.shape(&format!("{case}x"));
        let (mut y, mut dx) = (garbage(n * c), garbage(n * c * h * w));
        pool::global_avg_pool(ctx(), [n, c, h * w], of("x"), &mut y).unwrap();
        golden.check("avg_pool2d", &format!("{case}y"), &y);
        pool::global_avg_pool_backward(ctx(), [n, c, h * w], of("dy"), &mut dx).unwrap();
        golden.check("avg_pool2d", &format!("{case}dx"), &dx);
    }
}
