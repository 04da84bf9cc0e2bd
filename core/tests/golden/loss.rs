//! Losses.

use super::{Golden, common, ctx, garbage, labels, tolerance};
use flatgrad_core::loss;

#[test]
fn cross_entropy() {
    let golden = Golden::read("loss");
    for case in golden.cases("cross_entropy") {
        let [n, classes] = golden.shape(&format!("{case}x"));
        let (x, labels) = (golden.get(&format!("{case}x")), labels(golden.get(&format!("{case}labels"))));
        let ([want], [correct]) =
            (golden.numbers(&format!("{case}mean_loss")), golden.numbers(&format!("{case}correct")));
        let mut dx = garbage(n * classes);
        let backward = loss::cross_entropy_backward(ctx(), [n, classes], x, &labels, 1.0 / n as f32, &mut dx).unwrap();
        golden.check("cross_entropy", &format!("{case}dx"), &dx);
        let forward = loss::cross_entropy(ctx(), [n, classes], x, &labels).unwrap();
        for report in [backward, forward] {
            let mean = report.loss_sum / n as f32;
            common::assert_close("mean loss", &[mean], &[want as f32], tolerance("cross_entropy").relative, 0.0);
            assert_eq!(report.correct, correct as usize);
        }
    }
}
