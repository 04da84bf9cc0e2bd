//! Fully connected layers: the batch's split, gradients against finite differences, refusals.
#![allow(missing_docs, reason = "tests")]

mod common;

use common::{assert_bits, contexts, numbers};
use flatgrad_core::dense::*;
use flatgrad_core::{Context, Error, Fused, Isa, Update};

/// A batch of 6 and six batches of 1 that accumulate give the same gradient bits.
#[test]
fn gradients_do_not_depend_on_the_batch_split() {
    let (whole, one) = (Dense::new(6, 19, 37), Dense::new(1, 19, 37));
    let (x, dy) = (numbers(6 * 19, 1), numbers(6 * 37, 2));
    for (name, ctx) in contexts() {
        let mut scratch = vec![f32::NAN; dense_scratch_len(&whole).max(dense_scratch_len(&one))];
        let (mut dw, mut db) = (vec![f32::NAN; 19 * 37], vec![f32::NAN; 37]);
        dense_backward_weight(ctx, &whole, &x, &dy, Update::Overwrite, &mut dw, &mut scratch).unwrap();
        dense_backward_bias(ctx, &whole, &dy, Update::Overwrite, &mut db).unwrap();
        let (mut dw1, mut db1) = (vec![f32::NAN; 19 * 37], vec![f32::NAN; 37]);
        for s in 0..6 {
            let update = if s == 0 { Update::Overwrite } else { Update::Accumulate };
            let (x, dy) = (&x[s * 19..][..19], &dy[s * 37..][..37]);
            dense_backward_weight(ctx, &one, x, dy, update, &mut dw1, &mut scratch).unwrap();
            dense_backward_bias(ctx, &one, dy, update, &mut db1).unwrap();
        }
        assert_bits(&name, &dw1, &dw);
        assert_bits(&name, &db1, &db);
    }
}

/// The loss `sum of y * dy` in f64; its derivatives are the gradients.
fn loss(d: &Dense, x: &[f32], w: &[f32], b: &[f32], dy: &[f32]) -> f64 {
    let mut sum = 0.0;
    for s in 0..d.n {
        for o in 0..d.outputs {
            let dot = |i: usize| f64::from(x[s * d.inputs + i]) * f64::from(w[i * d.outputs + o]);
            let y = f64::from(b[o]) + (0..d.inputs).map(dot).sum::<f64>();
            sum += y * f64::from(dy[s * d.outputs + o]);
        }
    }
    sum
}

#[test]
fn gradients_are_derivatives() {
    let d = Dense::new(3, 5, 4);
    let (x, w, b, dy) = (numbers(15, 1), numbers(20, 2), numbers(4, 3), numbers(12, 4));
    let ctx = Context::serial(Isa::detect());
    let mut scratch = vec![f32::NAN; dense_scratch_len(&d)];
    let (mut dx, mut dw, mut db) = (vec![0.0; 15], vec![0.0; 20], vec![0.0; 4]);
    dense_backward_input(ctx, &d, &dy, &w, &mut dx, &mut scratch).unwrap();
    dense_backward_weight(ctx, &d, &x, &dy, Update::Overwrite, &mut dw, &mut scratch).unwrap();
    dense_backward_bias(ctx, &d, &dy, Update::Overwrite, &mut db).unwrap();
    let derivative = |v: &[f32], i: usize, loss: &dyn Fn(&[f32]) -> f64| {
        let (mut up, mut down) = (v.to_vec(), v.to_vec());
        (up[i], down[i]) = (v[i] + 0.125, v[i] - 0.125);
        (loss(&up) - loss(&down)) / f64::from(up[i] - down[i])
    };
    for (v, got, f) in [
        (&x, &dx, &(|x: &[f32]| loss(&d, x, &w, &b, &dy)) as &dyn Fn(&[f32]) -> f64),
        (&w, &dw, &|w: &[f32]| loss(&d, &x, w, &b, &dy)),
        (&b, &db, &|b: &[f32]| loss(&d, &x, &w, b, &dy)),
    ] {
        for i in 0..v.len() {
            assert!((derivative(v, i, f) - f64::from(got[i])).abs() < 1e-5);
        }
    }
}

#[test]
fn refusals_write_nothing() {
    let d = Dense::new(2, 3, 4);
    let ctx = Context::serial(Isa::detect());
    let (x, w, dy) = ([0.5; 6], [0.5; 12], [0.5; 8]);
    let length = |what, expected, actual| Err(Error::Length { what, expected, actual });
    let mut scratch = vec![0.0; dense_scratch_len(&d)];
    let mut y = [9.0; 8];
    let none = Fused::None;
    assert_eq!(dense(ctx, &d, &x[1..], &w, None, none, &mut y, &mut scratch), length("x", 6, 5));
    assert_eq!(dense(ctx, &d, &x, &w[1..], None, none, &mut y, &mut scratch), length("weight", 12, 11));
    assert_eq!(dense(ctx, &d, &x, &w, Some(&[0.0]), none, &mut y, &mut scratch), length("bias per column", 4, 1));
    assert_eq!(dense(ctx, &d, &x, &w, None, none, &mut y[1..], &mut scratch), length("y", 8, 7));
    assert!(matches!(dense(ctx, &d, &x, &w, None, none, &mut y, &mut []), Err(Error::TooShort { .. })));
    assert_eq!(dense_backward_bias(ctx, &d, &dy, Update::Overwrite, &mut y[1..4]), length("db", 4, 3));
    assert_eq!(dense_backward_input(ctx, &d, &dy, &w, &mut y, &mut scratch), length("dx", 6, 8));
    assert_eq!(dense_backward_weight(ctx, &d, &x, &dy, Update::Overwrite, &mut y, &mut scratch), length("dw", 12, 8));
    assert_eq!(y, [9.0; 8]);
    let huge = Dense::new(usize::MAX, 2, 2);
    assert_eq!(dense_backward_bias(ctx, &huge, &dy, Update::Overwrite, &mut y), Err(Error::Overflow { what: "dy" }));
}
