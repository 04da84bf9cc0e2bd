//! Dropout.

mod common;

use common::{assert_bits, numbers};
use flatgrad_core::dropout::{Dropout, DropoutMask, Form, dropout, dropout_in_place, dropout_infer, scale_weights};
use flatgrad_core::rng::Stream;
use flatgrad_core::{Context, Error, Isa};
use proptest::prelude::*;

const MASK: DropoutMask =
    DropoutMask { stream: Stream { seed: 11 << 40, stream: 2, step: 0x7654_0000_0345 }, first: 0 };

fn at(first: u64) -> DropoutMask {
    DropoutMask { first, ..MASK }
}

/// A linear layer `y = w . x` on what dropout leaves of `x`: on average over many masks each form's training output is
/// what it is at inference, up to its own factor, and the three inferences agree where they restore the same
/// expectation.
#[test]
fn the_three_forms_agree_in_expectation() {
    let (ctx, len, masks) = (Context::serial(Isa::detect()), 40, 20_000);
    let (x, w) = (numbers(len, 1), numbers(len, 2));
    let dot = |w: &[f32], x: &[f32]| w.iter().zip(x).map(|(w, x)| *w as f64 * *x as f64).sum::<f64>();
    let p = Dropout::drop(0.3).unwrap();
    for form in [Form::Inverted, Form::ScaleActivations, Form::ScaleWeights] {
        let p = p.form(form);
        let (mut y, mut mean, mut square) = (vec![0.0; len], 0.0, 0.0);
        for i in 0..masks {
            dropout(ctx, p, at((i * len) as u64), &x, &mut y).unwrap();
            let one = dot(&w, &y);
            (mean, square) = (mean + one / masks as f64, square + one * one / masks as f64);
        }
        let (mut scaled, mut a) = (w.clone(), vec![0.0; len]);
        scale_weights(ctx, p, &mut scaled).unwrap();
        dropout_infer(ctx, p, &x, &mut a).unwrap();
        let inference = dot(&scaled, &a);
        let deviation = ((square - mean * mean) / masks as f64).sqrt();
        assert!((mean - inference).abs() < 5.0 * deviation, "{form:?}: {mean} in training, {inference} at inference");
        let factor = if form == Form::Inverted { 1.0 } else { 0.7 };
        assert!((inference - factor * dot(&w, &x)).abs() < 1e-6, "{form:?}");
    }
}

#[test]
fn forms_scale_in_one_place_each() {
    let quarter = Dropout::drop(0.25).unwrap();
    let scales = |p: Dropout| (p.scale(), p.infer_scale(), p.weight_scale());
    assert_eq!(scales(quarter), (4.0 / 3.0, 1.0, 1.0));
    assert_eq!(scales(quarter.form(Form::ScaleActivations)), (1.0, 0.75, 1.0));
    assert_eq!(scales(quarter.form(Form::ScaleWeights)), (1.0, 1.0, 0.75));
    // Nothing dropped, nothing scaled; all dropped, nothing is left at inference either, except in the inverted form,
    // which has nothing to restore.
    for form in [Form::Inverted, Form::ScaleActivations, Form::ScaleWeights] {
        assert_eq!(scales(Dropout::drop(0.0).unwrap().form(form)), (1.0, 1.0, 1.0));
    }
    let all = Dropout::drop(1.0).unwrap();
    assert_eq!(scales(all.form(Form::ScaleActivations)), (1.0, 0.0, 1.0));
    assert_eq!(scales(all.form(Form::ScaleWeights)), (1.0, 1.0, 0.0));
    assert_eq!(scales(all), (0.0, 1.0, 1.0));
}

#[test]
fn zero_keeps_all_and_one_drops_all_even_what_is_not_finite() {
    let ctx = Context::serial(Isa::detect());
    let x = [1.0, -2.5, -0.0, f32::INFINITY, f32::NAN, f32::MIN_POSITIVE / 4.0];
    let mut y = [7.0; 6];
    for none in [Dropout::drop(0.0), Dropout::drop(-0.0), Dropout::keep(1.0)] {
        dropout(ctx, none.unwrap(), MASK, &x, &mut y).unwrap();
        assert_bits("p = 0", &y, &x);
    }
    for all in [Dropout::drop(1.0), Dropout::keep(0.0)] {
        dropout(ctx, all.unwrap(), MASK, &x, &mut y).unwrap();
        assert_bits("p = 1", &y, &[0.0; 6]);
        let mut z = x;
        dropout_in_place(ctx, all.unwrap(), MASK, &mut z).unwrap();
        assert_bits("p = 1 in place", &z, &[0.0; 6]);
    }
    // Between the two, too, dropped is zero: no NaN from 0 * infinity.
    let mut y = [f32::INFINITY; 1000];
    dropout_in_place(ctx, Dropout::drop(0.5).unwrap(), MASK, &mut y).unwrap();
    assert!(y.iter().all(|y| *y == 0.0 || *y == f32::INFINITY));
}

#[test]
fn a_batch_is_its_samples_and_backward_is_the_same_mask() {
    let (n, d) = (32, 37);
    let ctx = Context::serial(Isa::detect());
    let (x, dy, p) = (numbers(n * d, 1), numbers(n * d, 2), Dropout::drop(0.4).unwrap());
    let (mut y, mut dx) = (vec![0.0; n * d], vec![0.0; n * d]);
    dropout(ctx, p, at(5), &x, &mut y).unwrap();
    dropout(ctx, p, at(5), &dy, &mut dx).unwrap();
    for i in 0..n {
        let mut one = vec![0.0; d];
        dropout(ctx, p, at(5 + (i * d) as u64), &x[i * d..][..d], &mut one).unwrap();
        assert_bits("sample", &one, &y[i * d..][..d]);
    }
    for i in 0..n * d {
        // y is linear in x: its slope is scale or 0.
        let slope = if y[i] == 0.0 { 0.0 } else { p.scale() };
        assert_eq!(dx[i], slope * dy[i]);
    }
}

#[test]
fn the_rate_is_right_and_the_expectation_stays() {
    let ctx = Context::serial(Isa::detect());
    let n = 1 << 20;
    for p in [0.01, 0.2, 0.5, 0.9] {
        let mut x = vec![1.0; n];
        dropout_in_place(ctx, Dropout::drop(p).unwrap(), MASK, &mut x).unwrap();
        let dropped = x.iter().filter(|x| **x == 0.0).count() as f64 / n as f64;
        let deviation = (p as f64 * (1.0 - p as f64) / n as f64).sqrt();
        assert!((dropped - p as f64).abs() < 5.0 * deviation, "p {p}: dropped {dropped}");
        let mean = x.iter().map(|&x| x as f64).sum::<f64>() / n as f64;
        assert!((mean - 1.0).abs() < 5.0 * deviation / (1.0 - p as f64), "p {p}: mean {mean}");
    }
}

#[test]
fn the_threshold_and_scale_are_exact() {
    for (p, threshold, scale) in
        [(0.0, 0, 1.0), (0.5, 1 << 31, 2.0), (0.2, 858_993_472, 1.25), (0.75, 3 << 30, 4.0), (1.0, 1 << 32, 0.0)]
    {
        let d = Dropout::drop(p).unwrap();
        assert_eq!((d.threshold(), d.scale()), (threshold, scale), "p = {p}");
    }
    // An element is dropped iff its word is below the threshold.
    let word = MASK.stream.bits(0);
    let p = (word as f64 / 2f64.powi(32)) as f32;
    let t = Dropout::drop(p).unwrap().threshold();
    let mut x = [1.0];
    dropout_in_place(Context::serial(Isa::PORTABLE), Dropout::drop(p).unwrap(), MASK, &mut x).unwrap();
    assert_eq!(x[0] == 0.0, (word as u64) < t);
}

#[test]
fn wrong_arguments_write_nothing() {
    for p in [-1e-9, 1.000_000_1, f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(matches!(Dropout::drop(p), Err(Error::Parameter { .. })), "{p}");
        assert!(matches!(Dropout::keep(p), Err(Error::Parameter { .. })), "{p}");
    }
    let mut y = [3.0; 4];
    let err = dropout(Context::serial(Isa::PORTABLE), Dropout::drop(0.5).unwrap(), MASK, &[1.0; 5], &mut y);
    assert_eq!(err, Err(Error::Length { what: "y", expected: 5, actual: 4 }));
    let err = dropout_infer(Context::serial(Isa::PORTABLE), Dropout::drop(0.5).unwrap(), &[1.0; 5], &mut y);
    assert_eq!(err, Err(Error::Length { what: "y", expected: 5, actual: 4 }));
    assert_eq!(y, [3.0; 4]);
}

proptest! {
    #[test]
    fn larger_p_drops_more_of_the_same(p in 0f32..1.0, q in 0f32..1.0, first: u64, len in 0usize..200) {
        let ctx = Context::serial(Isa::detect());
        let (p, q) = (p.min(q), p.max(q));
        let (mut a, mut b) = (vec![1.0; len], vec![1.0; len]);
        dropout_in_place(ctx, Dropout::drop(p).unwrap(), at(first), &mut a).unwrap();
        dropout_in_place(ctx, Dropout::drop(q).unwrap(), at(first), &mut b).unwrap();
        prop_assert!(a.iter().zip(&b).all(|(a, b)| *a != 0.0 || *b == 0.0));
    }
}
