//! Cross entropy against the plain loops, f64 and finite differences.

mod common;
use common::{Guarded, LENGTHS, assert_bits, contexts, numbers};
use flatgrad_core::loss::*;
use flatgrad_core::reference;
use flatgrad_core::{Context, Error, Isa};

fn data(n: usize, classes: usize) -> (Vec<f32>, Vec<u32>) {
    let logits = numbers(n * classes, 5).iter().map(|x| x * 8.0).collect();
    (logits, (0..n).map(|i| (i * 31 % classes.max(1)) as u32).collect())
}

#[test]
fn loss_and_gradient_have_the_bits_of_the_plain_loops() {
    let small = LENGTHS.into_iter().filter(|c| *c > 0).flat_map(|classes| [0, 1, 3, 64, 65].map(|n| [n, classes]));
    for [n, classes] in small.chain([[130, 1009], [1000, 10], [0, 0]]) {
        let (logits, labels) = data(n, classes);
        let mut want = vec![f32::NAN; logits.len()];
        let report = reference::loss::cross_entropy(classes, &logits, &labels, 0.037, &mut want);
        for (name, ctx) in contexts() {
            let what = format!("{name}, {n} x {classes}");
            let mut dlogits = Guarded::garbage(logits.len(), 1);
            let got = cross_entropy_backward(ctx, [n, classes], &logits, &labels, 0.037, &mut dlogits).unwrap();
            assert_bits(&what, dlogits.get(), &want);
            for got in [got, cross_entropy(ctx, [n, classes], &logits, &labels).unwrap()] {
                assert_bits(&what, &[got.loss_sum], &[report.loss_sum]);
                assert_eq!(got.correct, report.correct, "{what}");
            }
        }
    }
}

fn loss_f64(logits: &[f64], classes: usize, labels: &[u32]) -> f64 {
    let rows = logits.chunks(classes).zip(labels);
    rows.map(|(x, &label)| x.iter().map(|x| x.exp()).sum::<f64>().ln() - x[label as usize]).sum()
}

#[test]
fn gradient_by_finite_differences() {
    let (n, classes) = (7, 11);
    let (logits, labels) = data(n, classes);
    let wide: Vec<f64> = logits.iter().map(|&x| x as f64).collect();
    let mut dlogits = vec![0.0; logits.len()];
    let ctx = Context::serial(Isa::detect());
    let report = cross_entropy_backward(ctx, [n, classes], &logits, &labels, 0.5, &mut dlogits).unwrap();
    assert!((report.loss_sum as f64 / loss_f64(&wide, classes, &labels) - 1.0).abs() < 1e-6);
    for i in 0..wide.len() {
        let at = |step: f64| {
            let mut x = wide.clone();
            x[i] += step;
            loss_f64(&x, classes, &labels)
        };
        let slope = 0.5 * (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((dlogits[i] as f64 - slope).abs() < 1e-7, "element {i}: {} against {slope}", dlogits[i]);
    }
}

#[test]
fn the_initial_loss_is_the_logarithm_of_the_number_of_classes() {
    let ctx = Context::serial(Isa::detect());
    let report = cross_entropy(ctx, [100, 10], &[0.25; 1000], &[0; 100]).unwrap();
    assert!((report.loss_sum / 100.0 - 10f32.ln()).abs() < 1e-5);
    assert_eq!(report.correct, 100, "of equal logits the first counts");
}

#[test]
fn ties_and_nan_in_the_prediction() {
    for (name, ctx) in contexts() {
        let correct = |x: [f32; 3], label| cross_entropy(ctx, [1, 3], &x, &[label]).unwrap().correct;
        assert_eq!([0, 1, 2].map(|l| correct([1.0, 2.0, 2.0], l)), [0, 1, 0], "{name}");
        assert_eq!([0, 1, 2].map(|l| correct([-0.0, 0.0, -1.0], l)), [1, 0, 0], "{name}");
        assert_eq!([0, 1, 2].map(|l| correct([f32::NAN, 0.0, 1.0], l)), [0, 0, 1], "{name}");
        assert!(cross_entropy(ctx, [1, 3], &[f32::NAN, 0.0, 1.0], &[2]).unwrap().loss_sum.is_nan(), "{name}");
    }
}

#[test]
fn extreme_logits() {
    let ctx = Context::serial(Isa::detect());
    let mut dx = [0.0; 2];
    let report = cross_entropy_backward(ctx, [1, 2], &[1000.0, -1000.0], &[1], 1.0, &mut dx).unwrap();
    assert_eq!((report.loss_sum, dx), (2000.0, [1.0, -1.0]));
    let report = cross_entropy_backward(ctx, [1, 2], &[1000.0, -1000.0], &[0], 1.0, &mut dx).unwrap();
    assert_eq!((report.loss_sum, dx), (0.0, [0.0, 0.0]));
}

#[test]
fn wrong_arguments_are_refused_and_nothing_is_written() {
    let ctx = Context::serial(Isa::detect());
    let mut dx = [7.0; 6];
    let mut call = |dims, x: &[f32], labels: &[u32]| {
        let backward = cross_entropy_backward(ctx, dims, x, labels, 1.0, &mut dx);
        assert_eq!(backward, cross_entropy(ctx, dims, x, labels));
        assert_eq!(dx, [7.0; 6]);
        backward.unwrap_err()
    };
    let x = [1.0; 6];
    assert_eq!(call([2, 3], &x, &[0, 3]), Error::Label { index: 1, label: 3, classes: 3 });
    assert_eq!(call([2, 3], &x, &[u32::MAX, 3]), Error::Label { index: 0, label: u32::MAX, classes: 3 });
    assert_eq!(call([2, 3], &x, &[0]), Error::Length { what: "labels", expected: 2, actual: 1 });
    assert_eq!(call([2, 3], &x[..5], &[0, 0]), Error::Length { what: "logits", expected: 6, actual: 5 });
    assert_eq!(call([usize::MAX, 3], &x, &[0, 0]), Error::Overflow { what: "logits" });
    let short = cross_entropy_backward(ctx, [2, 3], &x, &[0, 0], 1.0, &mut dx[..5]);
    assert_eq!(short, Err(Error::Length { what: "dlogits", expected: 6, actual: 5 }));
    assert_eq!(cross_entropy(ctx, [1, 0], &[], &[0]), Err(Error::Label { index: 0, label: 0, classes: 0 }));
}
