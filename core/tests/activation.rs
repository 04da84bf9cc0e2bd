//! What activation functions promise beside their bits.

mod common;
use common::{assert_bits, contexts, numbers};
use flatgrad_core::activation::*;
use flatgrad_core::{Context, Error, Isa};
use proptest::prelude::*;

#[test]
fn relu_keeps_nan_and_negative_zero() {
    let mut y = [f32::NAN, -0.0];
    activate_in_place(Context::serial(Isa::detect()), Function::Relu, &mut y).unwrap();
    assert!(y[0].is_nan());
    assert_eq!(y[1].to_bits(), (-0.0f32).to_bits());
}

#[test]
fn the_rows_of_softmax_sum_to_one() {
    for [n, classes] in [[1, 1], [5, 10], [3, 257], [2, 50_021]] {
        let x: Vec<f32> = numbers(n * classes, 3).iter().map(|x| x * 30.0).collect();
        let mut y = vec![f32::NAN; x.len()];
        softmax(Context::serial(Isa::detect()), [n, classes], &x, &mut y).unwrap();
        for row in y.chunks_exact(classes) {
            let total: f64 = row.iter().map(|&y| y as f64).sum();
            assert!((total - 1.0).abs() < 1e-5, "{n} x {classes}: sum {total}");
        }
    }
}

#[test]
fn softmax_against_f64() {
    let x: Vec<f32> = numbers(100, 9).iter().map(|x| x * 20.0).collect();
    let total: f64 = x.iter().map(|&x| (x as f64).exp()).sum();
    let (mut y, mut log) = (vec![0.0; 100], vec![0.0; 100]);
    let ctx = Context::serial(Isa::detect());
    softmax(ctx, [1, 100], &x, &mut y).unwrap();
    log_softmax(ctx, [1, 100], &x, &mut log).unwrap();
    for i in 0..100 {
        let want = (x[i] as f64).exp() / total;
        // The difference to the maximum, up to 40, is rounded by 2e-6 before the exponential, the logarithm as much again.
        assert!((y[i] as f64 / want - 1.0).abs() < 5e-6, "{i}");
        assert!((log[i] as f64 - want.ln()).abs() < 5e-6, "{i}");
    }
}

#[test]
fn softmax_of_large_and_unusual_numbers() {
    for (name, ctx) in contexts() {
        let mut y = [0.0; 3];
        softmax(ctx, [1, 3], &[f32::MAX, f32::MIN, 0.0], &mut y).unwrap();
        assert_eq!(y, [1.0, 0.0, 0.0], "{name}");
        softmax(ctx, [1, 3], &[0.0, f32::NEG_INFINITY, 0.0], &mut y).unwrap();
        assert_eq!(y, [0.5, 0.0, 0.5], "{name}");
        for bad in [[0.0, f32::NAN, 1.0], [f32::INFINITY, 0.0, 1.0], [f32::NEG_INFINITY; 3]] {
            softmax(ctx, [1, 3], &bad, &mut y).unwrap();
            assert!(y.iter().all(|y| y.is_nan()), "{name}: {bad:?} gave {y:?}");
            log_softmax(ctx, [1, 3], &bad, &mut y).unwrap();
            assert!(y.iter().all(|y| y.is_nan()), "{name}: {bad:?} gave {y:?}");
        }
    }
}

#[test]
fn wrong_lengths_are_refused_and_nothing_is_written() {
    let ctx = Context::serial(Isa::detect());
    let x = [1.0; 6];
    let mut y = [7.0; 5];
    let length = Error::Length { what: "y", expected: 6, actual: 5 };
    assert_eq!(activate(ctx, Function::Relu, &x, &mut y), Err(length));
    assert!(softmax(ctx, [2, 3], &x, &mut y).is_err());
    assert!(softmax(ctx, [1, 5], &x, &mut y).is_err());
    assert!(log_softmax(ctx, [2, 3], &x, &mut y).is_err());
    assert_eq!(softmax(ctx, [usize::MAX, 2], &x, &mut y), Err(Error::Overflow { what: "x" }));
    assert_eq!(y, [7.0; 5]);
}

proptest! {
    /// Rows do not see each other, and a constant added to all logits (exactly) changes nothing.
    #[test]
    fn softmax_rows_are_independent(classes in 1usize..40, n in 1usize..5, seed in any::<u32>()) {
        let x: Vec<f32> = numbers(n * classes, seed).iter().map(|x| (x * 64.0).round()).collect();
        for isa in Isa::available() {
            let ctx = Context::serial(isa);
            let (mut whole, mut one) = (vec![0.0; x.len()], vec![0.0; classes]);
            softmax(ctx, [n, classes], &x, &mut whole).unwrap();
            for (row, want) in x.chunks(classes).zip(whole.chunks(classes)) {
                let moved: Vec<f32> = row.iter().map(|x| x + 1024.0).collect();
                softmax(ctx, [1, classes], &moved, &mut one).unwrap();
                assert_bits(isa.name(), &one, want);
            }
        }
    }
}
