//! Pooling.

use super::{Golden, ctx, garbage};
use flatgrad_core::pool::{self, MaxPool2d};

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
