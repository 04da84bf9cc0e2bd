//! Losses: PyTorch's mean, and its gradient.

use super::{Golden, common, ctx, garbage, labels, tolerance};
use flatgrad_core::loss::{self, LossReport, Target};

/// Compares mean loss and gradient with those of a case.
fn check(golden: &Golden, of: &str, case: &str, losses: [f32; 2], count: usize, dx: &[f32]) {
    let [want] = golden.numbers(&format!("{case}mean_loss"));
    for loss in losses {
        let mean = loss / count as f32;
        if std::env::var_os("GOLDEN_DIFFERENCES").is_some() {
            println!("{of}: {case}mean_loss: {:.1e}", (f64::from(mean) / want - 1.0).abs());
        }
        common::assert_close("mean loss", &[mean], &[want as f32], tolerance(of).relative, 0.0);
    }
    golden.check(of, &format!("{case}dx"), dx);
}

fn check_correct(golden: &Golden, case: &str, reports: [LossReport; 2]) {
    let [correct] = golden.numbers(&format!("{case}correct"));
    assert_eq!(reports.map(|r| r.correct), [correct as usize; 2], "{case}");
}

#[test]
fn cross_entropy() {
    let golden = Golden::read("loss");
    for case in [golden.cases("cross_entropy"), golden.cases("soft_cross_entropy")].concat() {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let [n, classes] = golden.shape(&format!("{case}x"));
        let [smoothing] = golden.numbers(&format!("{case}smoothing")).map(|s| s as f32);
        let soft = case.starts_with("soft");
        let labels = if soft { vec![] } else { labels(of("labels")) };
        let target = if soft { Target::Values(of("probabilities")) } else { Target::Classes(&labels) };
        let (x, scale, mut dx) = (of("x"), 1.0 / n as f32, garbage(n * classes));
        let reports = [
            loss::cross_entropy(ctx(), [n, classes], smoothing, x, target).unwrap(),
            loss::cross_entropy_backward(ctx(), [n, classes], smoothing, scale, x, target, &mut dx).unwrap(),
        ];
        let class = if soft || smoothing > 0.0 { "cross_entropy, soft" } else { "cross_entropy" };
        check(&golden, class, &case, reports.map(|r| r.loss_sum), n, &dx);
        check_correct(&golden, &case, reports);
    }
}

#[test]
fn regression() {
    let golden = Golden::read("loss");
    for case in [golden.cases("mean_squared"), golden.cases("huber")].concat() {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let [n, f] = golden.shape(&format!("{case}x"));
        let (x, t, scale, mut dx) = (of("x"), of("target"), 1.0 / (n * f) as f32, garbage(n * f));
        let losses = if case.starts_with("huber") {
            [
                loss::huber(ctx(), [n, f], 0.75, x, t).unwrap(),
                loss::huber_backward(ctx(), [n, f], 0.75, scale, x, t, &mut dx).unwrap(),
            ]
        } else {
            [
                loss::mean_squared(ctx(), [n, f], x, t).unwrap(),
                loss::mean_squared_backward(ctx(), [n, f], scale, x, t, &mut dx).unwrap(),
            ]
        };
        check(&golden, "regression", &case, losses, n * f, &dx);
    }
}

#[test]
fn binary_cross_entropy() {
    let golden = Golden::read("loss");
    for case in golden.cases("binary_cross_entropy") {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let [n, f] = golden.shape(&format!("{case}x"));
        let (x, t, scale, mut dx) = (of("x"), of("target"), 1.0 / (n * f) as f32, garbage(n * f));
        let reports = [
            loss::binary_cross_entropy(ctx(), [n, f], x, t).unwrap(),
            loss::binary_cross_entropy_backward(ctx(), [n, f], scale, x, t, &mut dx).unwrap(),
        ];
        check(&golden, "binary_cross_entropy", &case, reports.map(|r| r.loss_sum), n * f, &dx);
        check_correct(&golden, &case, reports);
    }
}
