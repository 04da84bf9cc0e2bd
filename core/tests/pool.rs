//! Max pooling against the plain loops.

mod common;
use common::{Guarded, assert_bits, contexts, numbers};
use flatgrad_core::pool::*;
use flatgrad_core::reference;
use flatgrad_core::{Context, Error, Isa};
use proptest::prelude::*;

/// Coarse numbers, so that windows have ties; zeros of both signs.
fn ties(len: usize, seed: u32) -> Vec<f32> {
    numbers(len, seed).iter().map(|x| (x * 3.0).trunc()).collect()
}

fn check(shape: &MaxPool2d, x: &[f32], what: &str) {
    shape.check().unwrap();
    let dy = numbers(shape.output_len(), 77).iter().map(|x| if x.abs() < 0.1 { -0.0 } else { *x }).collect::<Vec<_>>();
    let (mut want, mut want_dx) = (vec![f32::NAN; shape.output_len()], vec![f32::NAN; x.len()]);
    reference::pool::max_pool2d(shape, x, &mut want);
    reference::pool::max_pool2d_backward(shape, x, &dy, &mut want_dx);
    for (name, ctx) in contexts() {
        let what = format!("{name}, {shape:?} {what}");
        let (input, gradient) = (Guarded::new(x, 1), Guarded::new(&dy, 1));
        let (mut y, mut dx) = (Guarded::garbage(want.len(), 1), Guarded::garbage(x.len(), 0));
        max_pool2d(ctx, shape, &input, &mut y).unwrap();
        max_pool2d_backward(ctx, shape, &input, &gradient, &mut dx).unwrap();
        assert_bits(&what, y.get(), &want);
        assert_bits(&what, dx.get(), &want_dx);
    }
}

#[test]
fn two_by_two_at_all_widths() {
    for w in (2..20).chain([31, 32, 33, 34, 63, 64, 65, 66, 67, 97, 130, 131]) {
        for h in [2, 3, 6] {
            let shape = MaxPool2d::new(2, [3, h, w], [2, 2]);
            check(&shape, &numbers(shape.input_len(), 1), "numbers");
            check(&shape, &ties(shape.input_len(), 2), "ties");
        }
    }
}

#[test]
fn other_windows() {
    for (kernel, stride, padding) in [
        ([3, 3], [2, 2], [1, 1]),
        ([3, 3], [1, 1], [1, 1]),
        ([2, 2], [2, 2], [1, 1]),
        ([2, 2], [1, 1], [0, 0]),
        ([2, 2], [3, 3], [0, 0]),
        ([1, 1], [2, 1], [0, 0]),
        ([3, 2], [1, 2], [1, 0]),
        ([5, 4], [3, 2], [2, 2]),
    ] {
        for [h, w] in [[5, 5], [6, 7], [9, 13], [17, 8]] {
            let shape = MaxPool2d::new(2, [2, h, w], kernel).stride(stride).padding(padding);
            check(&shape, &numbers(shape.input_len(), 3), "numbers");
            check(&shape, &ties(shape.input_len(), 4), "ties");
        }
    }
}

#[test]
fn enough_for_three_threads() {
    for shape in [MaxPool2d::new(5, [7, 40, 41], [2, 2]), MaxPool2d::new(5, [7, 40, 41], [3, 3]).stride([2, 2])] {
        check(&shape, &numbers(shape.input_len(), 5), "long");
    }
}

#[test]
fn no_samples_or_channels() {
    check(&MaxPool2d::new(0, [3, 4, 4], [2, 2]), &[], "n = 0");
    check(&MaxPool2d::new(3, [0, 4, 4], [2, 2]), &[], "c = 0");
}

#[test]
fn nan_and_infinities() {
    let special = [f32::NAN, f32::NEG_INFINITY, f32::INFINITY, 0.0, -0.0, 1.0];
    let x: Vec<f32> = (0..2 * 36 * 36).map(|i| special[(i * i / 7 + i / 5) % 6]).collect();
    check(&MaxPool2d::new(1, [2, 36, 36], [2, 2]), &x, "special");
    check(&MaxPool2d::new(1, [2, 36, 36], [3, 3]).stride([2, 2]).padding([1, 1]), &x, "special");
    check(&MaxPool2d::new(1, [1, 4, 4], [2, 2]), &[f32::NEG_INFINITY; 16], "all -inf");
    let (nan, mut y) = (f32::NAN, [0.0]);
    for (name, ctx) in contexts() {
        for at in 0..4 {
            let mut x = [1.0, f32::INFINITY, 3.0, -1.0];
            x[at] = nan;
            max_pool2d(ctx, &MaxPool2d::new(1, [1, 2, 2], [2, 2]), &x, &mut y).unwrap();
            assert!(y[0].is_nan(), "{name}: NaN at {at}");
        }
    }
}

#[test]
fn gradient_by_finite_differences() {
    let shape = MaxPool2d::new(2, [2, 6, 7], [3, 3]).stride([2, 2]).padding([1, 1]);
    // Distinct values: no step of 1/64 changes which one is largest.
    let x: Vec<f32> = (0..shape.input_len()).map(|i| (i * 53 % shape.input_len()) as f32).collect();
    let dy: Vec<f32> = numbers(shape.output_len(), 6);
    let ctx = Context::serial(Isa::detect());
    let (mut y, mut dx) = (vec![0.0; dy.len()], vec![0.0; x.len()]);
    max_pool2d_backward(ctx, &shape, &x, &dy, &mut dx).unwrap();
    for i in 0..x.len() {
        let mut at = |step: f32| {
            let mut x = x.clone();
            x[i] += step;
            max_pool2d(ctx, &shape, &x, &mut y).unwrap();
            y.iter().zip(&dy).map(|(y, dy)| *y as f64 * *dy as f64).sum::<f64>()
        };
        let slope = (at(1.0 / 64.0) - at(-1.0 / 64.0)) * 32.0;
        assert!((slope - dx[i] as f64).abs() < 1e-5, "element {i}: {} against {slope}", dx[i]);
    }
}

#[test]
fn wrong_shapes_and_lengths_are_refused_and_nothing_is_written() {
    let ctx = Context::serial(Isa::detect());
    let good = MaxPool2d::new(1, [1, 4, 4], [2, 2]);
    let x = [1.0; 16];
    let (mut y, mut dx) = ([7.0; 4], [7.0; 16]);
    let mut refused = |shape: MaxPool2d, what: &str| {
        let error = max_pool2d(ctx, &shape, &x, &mut y).unwrap_err();
        assert!(matches!(error, Error::Dimension { what: w, .. } if w == what), "{error:?}");
        assert_eq!(max_pool2d_backward(ctx, &shape, &x, &x[..4], &mut dx), Err(error));
    };
    refused(MaxPool2d::new(1, [1, 4, 4], [0, 2]), "kernel");
    refused(MaxPool2d::new(1, [1, 4, 4], [5, 2]), "kernel");
    refused(good.stride([2, 0]), "stride");
    refused(good.padding([2, 0]), "padding");
    refused(MaxPool2d::new(1, [1, 0, 4], [1, 1]), "input height and width");
    let huge = MaxPool2d::new(usize::MAX, [2, 4, 4], [2, 2]);
    assert_eq!(max_pool2d(ctx, &huge, &x, &mut y), Err(Error::Overflow { what: "x" }));
    assert!(max_pool2d(ctx, &good, &x[..15], &mut y).is_err());
    assert!(max_pool2d(ctx, &good, &x, &mut y[..3]).is_err());
    assert!(max_pool2d_backward(ctx, &good, &x[1..], &[0.0; 4], &mut dx).is_err());
    assert!(max_pool2d_backward(ctx, &good, &x, &[0.0; 3], &mut dx).is_err());
    assert!(max_pool2d_backward(ctx, &good, &x, &[0.0; 4], &mut dx[1..]).is_err());
    assert_eq!((y, dx), ([7.0; 4], [7.0; 16]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_shape(
        n in 0usize..3, c in 1usize..3, h in 1usize..12, w in 1usize..40,
        kernel in prop::array::uniform2(1usize..6), stride in prop::array::uniform2(1usize..5),
        padding in prop::array::uniform2(0usize..3), seed in any::<u32>(),
    ) {
        let shape = MaxPool2d::new(n, [c, h, w], kernel).stride(stride).padding(padding);
        if shape.check().is_ok() {
            check(&shape, &ties(shape.input_len(), seed), "proptest");
        }
    }
}
