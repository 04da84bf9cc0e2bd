//! relu, softmax and log-softmax against the plain loops.

mod common;
use common::{Guarded, LENGTHS, assert_bits, contexts, numbers};
use flatgrad_core::activation::*;
use flatgrad_core::reference::layers;
use flatgrad_core::{Context, Error, Isa};
use proptest::prelude::*;

/// Long enough to be shared over three threads.
const LONG: usize = 50_021;

const SPECIAL: [f32; 9] = [0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-45, -1e-45, f32::MAX, f32::MIN];

fn with_specials(len: usize, seed: u32) -> Vec<f32> {
    let mut x = numbers(len, seed);
    for (i, x) in x.iter_mut().enumerate().filter(|(i, _)| i % 3 == 1) {
        *x = SPECIAL[i / 3 % SPECIAL.len()];
    }
    x
}

#[test]
fn relu_and_its_gradient_in_all_forms() {
    for len in LENGTHS.into_iter().chain([LONG]) {
        let (x, dy) = (with_specials(len, 1), with_specials(len, 2));
        let want: Vec<f32> = x.iter().map(|&x| layers::relu(x)).collect();
        let want_dx: Vec<f32> = want.iter().zip(&dy).map(|(&y, &dy)| layers::relu_backward(y, dy)).collect();
        for (name, ctx) in contexts() {
            for shift in 0..2 {
                let (input, gradient) = (Guarded::new(&x, shift), Guarded::new(&dy, 1 - shift));
                let mut y = Guarded::garbage(len, shift);
                relu(ctx, &input, &mut y).unwrap();
                assert_bits(&name, y.get(), &want);
                let mut dx = Guarded::garbage(len, shift);
                relu_backward(ctx, &y, &gradient, &mut dx).unwrap();
                assert_bits(&name, dx.get(), &want_dx);
                let mut z = Guarded::new(&x, shift);
                relu_in_place(ctx, &mut z).unwrap();
                assert_bits(&name, z.get(), &want);
                let mut dz = Guarded::new(&dy, shift);
                relu_backward_in_place(ctx, &z, &mut dz).unwrap();
                assert_bits(&name, dz.get(), &want_dx);
            }
        }
    }
}

#[test]
fn relu_keeps_nan_and_negative_zero() {
    assert!(layers::relu(f32::NAN).is_nan());
    assert_eq!(layers::relu(-0.0).to_bits(), (-0.0f32).to_bits());
    assert_eq!(layers::relu_backward(f32::NAN, 1.0), 0.0);
}

fn shapes() -> Vec<[usize; 2]> {
    let mut all: Vec<_> = LENGTHS.into_iter().flat_map(|classes| [0, 1, 2, 5].map(|n| [n, classes])).collect();
    all.extend([[131, 257], [1, LONG], [LONG, 1], [5003, 10]]);
    all
}

#[test]
fn softmax_rows() {
    for [n, classes] in shapes() {
        let x: Vec<f32> = numbers(n * classes, 3).iter().map(|x| x * 30.0).collect();
        let (mut want, mut want_log) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        for i in 0..n {
            let row = i * classes..(i + 1) * classes;
            layers::softmax(&x[row.clone()], &mut want[row.clone()]);
            layers::log_softmax(&x[row.clone()], &mut want_log[row]);
        }
        for (name, ctx) in contexts() {
            let what = format!("{name}, {n} x {classes}");
            let (mut y, mut log) = (Guarded::garbage(x.len(), 1), Guarded::garbage(x.len(), 0));
            softmax(ctx, [n, classes], &x, &mut y).unwrap();
            log_softmax(ctx, [n, classes], &x, &mut log).unwrap();
            assert_bits(&what, y.get(), &want);
            assert_bits(&what, log.get(), &want_log);
        }
        for row in want.chunks_exact(classes.max(1)) {
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
    assert_eq!(relu(ctx, &x, &mut y), Err(Error::Length { what: "y", expected: 6, actual: 5 }));
    assert_eq!(relu_backward(ctx, &x, &x, &mut y), Err(Error::Length { what: "dx", expected: 6, actual: 5 }));
    assert!(relu_backward(ctx, &x[..5], &x, &mut y).is_err());
    assert!(relu_backward_in_place(ctx, &x, &mut y).is_err());
    assert!(softmax(ctx, [2, 3], &x, &mut y).is_err());
    assert!(softmax(ctx, [1, 5], &x, &mut y).is_err());
    assert!(log_softmax(ctx, [2, 3], &x, &mut y).is_err());
    assert_eq!(softmax(ctx, [usize::MAX, 2], &x, &mut y), Err(Error::Overflow { what: "x" }));
    assert_eq!(y, [7.0; 5]);
}

proptest! {
    /// An element's result does not depend on where it stands.
    #[test]
    fn relu_is_element_wise(x in prop::collection::vec(any::<f32>(), 0..80), cut in 0usize..80) {
        let cut = cut.min(x.len());
        for isa in Isa::available() {
            let ctx = Context::serial(isa);
            let (mut whole, mut parts) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            relu(ctx, &x, &mut whole).unwrap();
            let (a, b) = parts.split_at_mut(cut);
            relu(ctx, &x[..cut], a).unwrap();
            relu(ctx, &x[cut..], b).unwrap();
            assert_bits(isa.name(), &parts, &whole);
        }
    }

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
