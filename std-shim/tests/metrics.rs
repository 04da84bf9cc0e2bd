//! Metrics against counting by hand.
#![allow(missing_docs, reason = "a test")]

use flatgrad::train::metrics::{Accuracy, Confusion, CrossEntropy, MeanAbsoluteError, Metric, TopK};
use flatgrad_core::loss::{Target, cross_entropy};
use flatgrad_core::{Context, Isa};

const N: usize = 50;
const CLASSES: usize = 4;

/// Numbers of which many are equal, and their classes.
fn samples() -> (Vec<f32>, Vec<u32>) {
    let outputs = (0..N * CLASSES).map(|i| ((i * i * 7 + i / 3) % 11) as f32 - 5.0).collect();
    (outputs, (0..N as u32).map(|i| (i * i + 1) % 4).collect())
}

#[test]
fn batches_do_not_matter_and_counts_are_right() {
    let (outputs, classes) = samples();
    let report = cross_entropy(Context::serial(Isa::detect()), [N, CLASSES], 0.0, &outputs, Target::Classes(&classes));
    let report = report.unwrap();
    for batch in [1, 7, N] {
        let (mut accuracy, mut confusion, mut loss) =
            (Accuracy::default(), Confusion::new(CLASSES), CrossEntropy::default());
        let mut tops: Vec<TopK> = (0..=CLASSES).map(TopK::new).collect();
        for (x, y) in outputs.chunks(batch * CLASSES).zip(classes.chunks(batch)) {
            for metric in [&mut accuracy as &mut dyn Metric, &mut confusion, &mut loss] {
                metric.add(x, Target::Classes(y)).unwrap();
            }
            tops.iter_mut().for_each(|top| top.add(x, Target::Classes(y)).unwrap());
        }
        assert_eq!(accuracy.value(), report.correct as f64 / N as f64);
        assert_eq!((confusion.value(), tops[1].value()), (accuracy.value(), accuracy.value()));
        assert_eq!((tops[0].value(), tops[CLASSES].value()), (0.0, 1.0));
        assert!(tops.windows(2).all(|pair| pair[0].value() <= pair[1].value()));
        assert!((loss.value() - f64::from(report.loss_sum) / N as f64).abs() < 1e-5);
        let (mut predicted, mut right) = ([0u64; CLASSES], [0u64; CLASSES]);
        for (row, &class) in outputs.chunks(CLASSES).zip(&classes) {
            let first = (0..CLASSES).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
            predicted[first] += 1;
            right[first] += u64::from(first == class as usize);
        }
        for class in 0..CLASSES {
            let support = classes.iter().filter(|&&c| c as usize == class).count() as u64;
            assert_eq!(confusion.support(class), support);
            let share = |of: u64| (of > 0).then(|| right[class] as f64 / of as f64);
            assert_eq!(
                (confusion.precision(class), confusion.recall(class)),
                (share(predicted[class]), share(support))
            );
        }
        assert_eq!(confusion.precision(CLASSES), None);
    }
}

#[test]
fn what_does_not_fit_is_refused_and_counts_nothing() {
    let mut confusion = Confusion::new(3);
    assert!(confusion.add(&[1.0; 8], Target::Classes(&[0, 1])).is_err());
    assert!(confusion.add(&[1.0; 7], Target::Classes(&[0, 1])).is_err());
    assert!(confusion.add(&[1.0; 6], Target::Classes(&[0, 3])).is_err());
    assert!(confusion.add(&[1.0; 6], Target::Values(&[0.0; 6])).is_err());
    assert!(confusion.add(&[], Target::Classes(&[])).is_ok());
    assert!(confusion.value().is_nan() && confusion.counts().iter().all(|&c| c == 0));
    let mut error = MeanAbsoluteError::default();
    assert!(error.add(&[1.0, 2.0], Target::Values(&[0.0])).is_err());
    assert!(error.add(&[1.0], Target::Classes(&[0])).is_err());
    error.add(&[1.0, -2.0], Target::Values(&[0.0, 2.0])).unwrap();
    assert_eq!(error.value(), 2.5);
    let mut accuracy = Accuracy::default();
    accuracy.add(&[f32::NAN, -1.0, f32::NAN, f32::NAN], Target::Classes(&[1, 0])).unwrap();
    assert_eq!(accuracy.value(), 1.0);
}
