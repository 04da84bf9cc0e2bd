//! Fully connected layers against their definitions, bit for bit, and their gradients against finite differences.
#![allow(missing_docs, reason = "tests")]

mod common;

use common::{Guarded, assert_bits, contexts, numbers};
use flatgrad_core::dense::*;
use flatgrad_core::{Activation, Context, Error, Isa, Update, reference};

const SHAPES: [[usize; 3]; 12] = [
    [0, 3, 4],
    [3, 0, 4],
    [3, 4, 0],
    [1, 1, 1],
    [1, 33, 70],
    [2, 17, 5],
    [5, 7, 31],
    [8, 16, 32],
    [13, 64, 10],
    [31, 23, 97],
    [64, 100, 130],
    [1, 784, 800],
];

#[test]
fn passes_equal_their_definitions() {
    let contexts = contexts();
    for shape @ [n, inputs, outputs] in SHAPES {
        let d = Dense::new(n, inputs, outputs);
        let (x, w) = (Guarded::new(&numbers(n * inputs, 1), 1), Guarded::new(&numbers(inputs * outputs, 2), 3));
        let (dy, b) = (Guarded::new(&numbers(n * outputs, 3), 2), numbers(outputs, 4));
        for (bias, activation, update) in
            [(None, Activation::None, Update::Overwrite), (Some(&b[..]), Activation::Relu, Update::Accumulate)]
        {
            let old = |len| if update == Update::Accumulate { numbers(len, 5) } else { vec![f32::NAN; len] };
            let mut want = [vec![0.0; n * outputs], vec![0.0; n * inputs], old(inputs * outputs), old(outputs)];
            let [y, dx, dw, db] = &mut want;
            reference::gemm::dense(shape, &x, &w, bias, activation, y);
            reference::gemm::dense_backward_input(shape, &dy, &w, dx);
            reference::gemm::dense_backward_weight(shape, &x, &dy, update, dw);
            reference::gemm::dense_backward_bias([n, outputs], &dy, update, db);
            for (name, ctx) in &contexts {
                let what = format!("{name} {shape:?}");
                let mut scratch = Guarded::garbage(3 * dense_scratch_len(&d), 1);
                let mut y = Guarded::garbage(n * outputs, 1);
                dense(*ctx, &d, &x, &w, bias, activation, &mut y, &mut scratch).unwrap();
                assert_bits(&what, y.get(), &want[0]);
                let mut dx = Guarded::garbage(n * inputs, 0);
                dense_backward_input(*ctx, &d, &dy, &w, &mut dx, &mut scratch).unwrap();
                assert_bits(&what, dx.get(), &want[1]);
                let mut dw = Guarded::new(&old(inputs * outputs), 3);
                dense_backward_weight(*ctx, &d, &x, &dy, update, &mut dw, &mut scratch).unwrap();
                assert_bits(&what, dw.get(), &want[2]);
                let mut db = Guarded::new(&old(outputs), 1);
                dense_backward_bias(*ctx, &d, &dy, update, &mut db).unwrap();
                assert_bits(&what, db.get(), &want[3]);
                scratch.get();
            }
        }
    }
}

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
    let none = Activation::None;
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
