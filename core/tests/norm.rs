//! Batch normalization against the plain loops, f64 and finite differences; and defects seen elsewhere.

mod common;
use common::{Guarded, assert_bits, assert_close, contexts, numbers};
use flatgrad_core::norm::*;
use flatgrad_core::reference;
use flatgrad_core::{Context, Error, Isa, Update};
use proptest::prelude::*;

struct Data {
    bn: BatchNorm,
    x: Vec<f32>,
    dy: Vec<f32>,
    /// scale, shift, running mean, running variance, old dscale, old dshift
    v: [Vec<f32>; 6],
}

/// What all passes write, in one order for the oracle and for the kernels.
struct Outputs {
    y: Vec<f32>,
    inferred: Vec<f32>,
    dx: Vec<f32>,
    /// saved mean, saved rstd, running mean, running variance, dscale, dshift, accumulated dscale and dshift
    v: [Vec<f32>; 8],
}

fn data(bn: BatchNorm, seed: u32) -> Data {
    let x: Vec<f32> = numbers(bn.input_len(), seed).iter().map(|x| x * 3.0 + 0.7).collect();
    let dy = numbers(bn.input_len(), seed + 1).iter().map(|x| if x.abs() < 0.05 { -0.0 } else { *x }).collect();
    let mut v = [0; 6].map(|_| numbers(bn.channels, seed + 2));
    v[1].iter_mut().for_each(|v| *v = -*v);
    v[3].iter_mut().for_each(|v| *v = *v * *v);
    Data { bn, x, dy, v }
}

fn oracle(d: &Data) -> Outputs {
    let (bn, len, c) = (&d.bn, d.bn.input_len(), d.bn.channels);
    let (mut y, mut inferred, mut dx) = (vec![f32::NAN; len], vec![f32::NAN; len], vec![f32::NAN; len]);
    let (mut mean, mut rstd, mut rm, mut rv) = (vec![f32::NAN; c], vec![f32::NAN; c], d.v[2].clone(), d.v[3].clone());
    let [scale, shift, _, _, ds0, db0] = &d.v;
    reference::norm::batch_norm_infer(bn, &d.x, scale, shift, &rm, &rv, &mut inferred);
    reference::norm::batch_norm_train(bn, &d.x, scale, shift, &mut rm, &mut rv, &mut y, &mut mean, &mut rstd);
    let (mut ds, mut db, mut ds1, mut db1) = (vec![f32::NAN; c], vec![f32::NAN; c], ds0.clone(), db0.clone());
    for (update, ds, db) in [(Update::Overwrite, &mut ds, &mut db), (Update::Accumulate, &mut ds1, &mut db1)] {
        reference::norm::batch_norm_backward(bn, &d.x, &d.dy, scale, &mean, &rstd, update, &mut dx, ds, db);
    }
    Outputs { y, inferred, dx, v: [mean, rstd, rm, rv, ds, db, ds1, db1] }
}

fn run(ctx: Context, d: &Data, misalign: usize) -> Outputs {
    let (bn, len, c) = (&d.bn, d.bn.input_len(), d.bn.channels);
    let (x, dy) = (Guarded::new(&d.x, misalign), Guarded::new(&d.dy, 1));
    let [scale, shift, rm, rv, ds1, db1] = &d.v;
    let tensor = |shift| Guarded::garbage(len, shift);
    let (mut y, mut inferred, mut dx) = (tensor(1), tensor(misalign), tensor(0));
    let (mut mean, mut rstd) = (Guarded::garbage(c, 1), Guarded::garbage(c, 0));
    let (mut rm, mut rv) = (Guarded::new(rm, misalign), Guarded::new(rv, 0));
    batch_norm_infer(ctx, bn, &x, scale, shift, &rm, &rv, &mut inferred).unwrap();
    batch_norm_train(ctx, bn, &x, scale, shift, &mut rm, &mut rv, &mut y, &mut mean, &mut rstd).unwrap();
    let (mut ds, mut db) = (Guarded::garbage(c, 1), Guarded::garbage(c, misalign));
    let (mut ds1, mut db1) = (Guarded::new(ds1, 0), Guarded::new(db1, 1));
    for (update, ds, db) in [(Update::Overwrite, &mut ds, &mut db), (Update::Accumulate, &mut ds1, &mut db1)] {
        batch_norm_backward(ctx, bn, &x, &dy, scale, &mean, &rstd, update, &mut dx, ds, db).unwrap();
    }
    let v = [mean, rstd, rm, rv, ds, db, ds1, db1].map(|v| v.get().to_vec());
    Outputs { y: y.get().to_vec(), inferred: inferred.get().to_vec(), dx: dx.get().to_vec(), v }
}

fn check(bn: BatchNorm, seed: u32) {
    let d = data(bn, seed);
    let want = oracle(&d);
    for (name, ctx) in contexts() {
        let got = run(ctx, &d, 1);
        let what = |part: &str| format!("{name}, {bn:?}, {part}");
        assert_bits(&what("y"), &got.y, &want.y);
        assert_bits(&what("inferred y"), &got.inferred, &want.inferred);
        assert_bits(&what("dx"), &got.dx, &want.dx);
        let parts = ["mean", "rstd", "running mean", "running var", "dscale", "dshift", "dscale +=", "dshift +="];
        for (i, part) in parts.into_iter().enumerate() {
            assert_bits(&what(part), &got.v[i], &want.v[i]);
        }
    }
}

#[test]
fn images() {
    for spatial in [2, 3, 4, 9, 15, 16, 17, 31, 33, 49, 64, 97, 196] {
        for [n, c] in [[1, 1], [2, 3], [5, 7]] {
            check(BatchNorm::new(n, c, spatial), spatial as u32);
        }
    }
}

/// More channels than are taken together, by their number and by their size.
#[test]
fn images_with_many_or_large_channels() {
    check(BatchNorm::new(2, 64, 3), 1);
    check(BatchNorm::new(3, 131, 5), 2);
    check(BatchNorm::new(2, 3, 400_001), 3);
}

#[test]
fn matrices() {
    for c in [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 97, 128, 131, 200] {
        for n in [2, 3, 17] {
            check(BatchNorm::new(n, c, 1), c as u32);
        }
    }
}

#[test]
fn enough_for_three_threads() {
    check(BatchNorm::new(11, 7, 900), 1);
    check(BatchNorm::new(300, 257, 1), 2);
    check(BatchNorm::new(60_000, 1, 1), 3);
    check(BatchNorm::new(30_001, 2, 1), 3);
    check(BatchNorm::new(1, 3, 20_000), 4);
}

#[test]
fn parameters_other_than_the_defaults() {
    for momentum in [0.0, 0.3, 1.0] {
        check(BatchNorm::new(3, 5, 6).momentum(momentum).eps(0.1), 9);
        check(BatchNorm::new(6, 5, 1).momentum(momentum).eps(0.0), 9);
    }
}

#[test]
fn a_zero_of_either_sign_is_the_same_sum() {
    for [n, c, spatial] in [[4, 9, 1], [4, 9, 5]] {
        let mut d = data(BatchNorm::new(n, c, spatial), 3);
        d.x.fill(-0.0);
        d.dy.fill(-0.0);
        let want = oracle(&d);
        for (name, ctx) in contexts() {
            let got = run(ctx, &d, 0);
            assert_bits(&name, &got.y, &want.y);
            assert_bits(&name, &got.dx, &want.dx);
            for (got, want) in got.v.iter().zip(&want.v) {
                assert_bits(&name, got, want);
            }
        }
    }
}

/// A column is a plane of one element: `[n, 1, 1]` per channel and `[n, c, 1]` agree, and so do `[1, c, n]` transposed
/// up to rounding.
#[test]
fn columns_do_not_see_each_other() {
    let d = data(BatchNorm::new(13, 70, 1), 5);
    let whole = oracle(&d);
    for c in [0, 1, 63, 64, 69] {
        let column = |x: &[f32]| x.iter().skip(c).step_by(70).copied().collect::<Vec<_>>();
        let one = Data {
            bn: BatchNorm::new(13, 1, 1),
            x: column(&d.x),
            dy: column(&d.dy),
            v: d.v.clone().map(|v| vec![v[c]]),
        };
        let got = run(Context::serial(Isa::detect()), &one, 0);
        assert_bits("y", &got.y, &column(&whole.y));
        assert_bits("dx", &got.dx, &column(&whole.dx));
    }
}

/// `sum(dy * y)` as a function of x, scale and shift, in f64.
fn loss_f64(bn: &BatchNorm, x: &[f64], dy: &[f32], scale: &[f64], shift: &[f64]) -> f64 {
    let channel = |i: usize| i / bn.spatial % bn.channels;
    let count = (bn.n * bn.spatial) as f64;
    let (mut mean, mut var) = (vec![0.0; bn.channels], vec![0.0; bn.channels]);
    x.iter().enumerate().for_each(|(i, x)| mean[channel(i)] += x / count);
    x.iter().enumerate().for_each(|(i, x)| var[channel(i)] += (x - mean[channel(i)]).powi(2) / count);
    let y = |i: usize, c: usize| (x[i] - mean[c]) / (var[c] + bn.eps as f64).sqrt() * scale[c] + shift[c];
    (0..x.len()).map(|i| dy[i] as f64 * y(i, channel(i))).sum()
}

#[test]
fn gradients_by_finite_differences() {
    for [n, c, spatial] in [[4, 3, 5], [6, 5, 1]] {
        let d = data(BatchNorm::new(n, c, spatial), 8);
        let got = run(Context::serial(Isa::detect()), &d, 0);
        let wide = |x: &[f32]| x.iter().map(|&x| x as f64).collect::<Vec<_>>();
        let inputs = [wide(&d.x), wide(&d.v[0]), wide(&d.v[1])];
        for (which, gradient) in [&got.dx, &got.v[4], &got.v[5]].into_iter().enumerate() {
            for i in 0..gradient.len() {
                let at = |step: f64| {
                    let mut moved = inputs.clone();
                    moved[which][i] += step;
                    loss_f64(&d.bn, &moved[0], &d.dy, &moved[1], &moved[2])
                };
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                let error = (gradient[i] as f64 - slope).abs();
                assert!(error < 1e-5 * slope.abs().max(0.1), "input {which}, {i}: {} against {slope}", gradient[i]);
            }
        }
    }
}

/// E[x^2] - E[x]^2 in f32 gives a variance of 0, or a negative one, here.
#[test]
fn a_large_mean_does_not_cancel() {
    for bn in [BatchNorm::new(64, 2, 50), BatchNorm::new(3200, 2, 1)] {
        let noise = numbers(bn.input_len(), 4);
        let x: Vec<f32> = noise.iter().map(|x| 10_000.0 + x).collect();
        let d = Data { x: x.clone(), ..data(bn, 4) };
        let got = run(Context::serial(Isa::detect()), &d, 0);
        for c in 0..2 {
            let own: Vec<f64> = (0..x.len()).filter(|i| i / bn.spatial % 2 == c).map(|i| x[i] as f64).collect();
            let mean = own.iter().sum::<f64>() / own.len() as f64;
            let var = own.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / own.len() as f64;
            let want = 1.0 / (var + bn.eps as f64).sqrt();
            assert!((got.v[1][c] as f64 / want - 1.0).abs() < 1e-4, "{} against {want}", got.v[1][c]);
        }
    }
}

#[test]
fn running_variance_is_unbiased_and_momentum_weighs_the_new_value() {
    let (mut mean, mut var, mut y) = ([10.0], [100.0], [0.0; 4]);
    let (mut saved_mean, mut saved_rstd) = ([0.0], [0.0]);
    let bn = BatchNorm::new(2, 1, 2).momentum(0.25).eps(0.0);
    let ctx = Context::serial(Isa::detect());
    let x = [1.0, 3.0, 5.0, 7.0]; // mean 4, squared deviations 20: biased 5, unbiased 20 / 3
    batch_norm_train(ctx, &bn, &x, &[1.0], &[0.0], &mut mean, &mut var, &mut y, &mut saved_mean, &mut saved_rstd)
        .unwrap();
    assert_eq!((mean, saved_mean), ([8.5], [4.0]));
    assert_close("running variance", &var, &[75.0 + 5.0 / 3.0], 1e-6, 0.0);
    assert_close("rstd", &saved_rstd, &[1.0 / 5f32.sqrt()], 1e-6, 0.0);
}

#[test]
fn running_statistics_do_not_depend_on_the_number_of_threads() {
    let d = data(BatchNorm::new(40, 8, 333), 6);
    let all: Vec<_> = contexts().into_iter().map(|(_, ctx)| run(ctx, &d, 0)).collect();
    for other in &all[1..] {
        assert_bits("running mean", &other.v[2], &all[0].v[2]);
        assert_bits("running variance", &other.v[3], &all[0].v[3]);
    }
}

#[test]
fn output_is_normalized() {
    let d = data(BatchNorm::new(32, 3, 49), 7);
    let (mut d, ones, zeros) = (d, vec![1.0; 3], vec![0.0; 3]);
    (d.v[0], d.v[1]) = (ones, zeros);
    let got = run(Context::serial(Isa::detect()), &d, 0);
    for c in 0..3 {
        let own: Vec<f64> = (0..d.x.len()).filter(|i| i / 49 % 3 == c).map(|i| got.y[i] as f64).collect();
        let mean = own.iter().sum::<f64>() / own.len() as f64;
        let var = own.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / own.len() as f64;
        assert!(mean.abs() < 1e-6 && (var - 1.0).abs() < 1e-4, "mean {mean}, variance {var}");
    }
}

#[test]
fn one_element_per_channel_is_an_error() {
    let ctx = Context::serial(Isa::detect());
    let bn = BatchNorm::new(1, 2, 1);
    let mut v = [[7.0; 2]; 5];
    let [rm, rv, y, mean, rstd] = &mut v;
    let error = Err(Error::Dimension { what: "n * spatial", requires: "more than 1 in training", actual: 1 });
    assert_eq!(batch_norm_train(ctx, &bn, &[1.0; 2], &[1.0; 2], &[0.0; 2], rm, rv, y, mean, rstd), error);
    let [dx, ds, db, ..] = &mut v;
    let one = [1.0; 2];
    assert_eq!(batch_norm_backward(ctx, &bn, &one, &one, &one, &one, &one, Update::Overwrite, dx, ds, db), error);
    assert_eq!(v, [[7.0; 2]; 5]);
    let [y, ..] = &mut v;
    batch_norm_infer(ctx, &bn.eps(0.0), &[3.0; 2], &one, &[0.5; 2], &[1.0; 2], &[4.0; 2], y).unwrap();
    assert_eq!(*y, [1.5; 2]);
}

#[test]
fn empty_shapes() {
    let ctx = Context::serial(Isa::detect());
    for bn in [BatchNorm::new(0, 2, 3), BatchNorm::new(4, 2, 0)] {
        let mut v = [[7.0; 2]; 4];
        let [rm, rv, mean, rstd] = &mut v;
        batch_norm_train(ctx, &bn, &[], &[1.0; 2], &[0.0; 2], rm, rv, &mut [], mean, rstd).unwrap();
        assert_eq!(v, [[7.0; 2]; 4]);
        for (update, want) in [(Update::Accumulate, 7.0), (Update::Overwrite, 0.0)] {
            let (mut ds, mut db, nan) = ([7.0; 2], [7.0; 2], [f32::NAN; 2]);
            batch_norm_backward(ctx, &bn, &[], &[], &[1.0; 2], &nan, &nan, update, &mut [], &mut ds, &mut db).unwrap();
            assert_eq!((ds, db), ([want; 2], [want; 2]));
        }
        batch_norm_infer(ctx, &bn, &[], &[1.0; 2], &[0.0; 2], &[0.0; 2], &[1.0; 2], &mut []).unwrap();
    }
    let none: &mut [f32] = &mut [];
    let bn = BatchNorm::new(4, 0, 3);
    batch_norm_infer(ctx, &bn, &[], &[], &[], &[], &[], none).unwrap();
}

#[test]
fn wrong_arguments_are_refused_and_nothing_is_written() {
    let ctx = Context::serial(Isa::detect());
    let bn = BatchNorm::new(2, 2, 3);
    let x = [1.0; 12];
    // Each call has one argument one element too short.
    for bad in 0..9 {
        let cut = |i: usize, len: usize| if bad == i { len - 1 } else { len };
        let (mut y, mut v) = ([7.0; 12], [[7.0; 2]; 4]);
        let [rm, rv, mean, rstd] = &mut v;
        let train = batch_norm_train(
            ctx,
            &bn,
            &x[..cut(0, 12)],
            &x[..cut(1, 2)],
            &x[..cut(2, 2)],
            &mut rm[..cut(3, 2)],
            &mut rv[..cut(4, 2)],
            &mut y[..cut(5, 12)],
            &mut mean[..cut(6, 2)],
            &mut rstd[..cut(7, 2)],
        );
        assert_eq!(train.is_err(), bad < 8);
        assert!(bad == 8 || (y == [7.0; 12] && v == [[7.0; 2]; 4]));
        let (mut dx, mut v) = ([7.0; 12], [[7.0; 2]; 2]);
        let [ds, db] = &mut v;
        let backward = batch_norm_backward(
            ctx,
            &bn,
            &x[..cut(0, 12)],
            &x[..cut(1, 12)],
            &x[..cut(2, 2)],
            &x[..cut(3, 2)],
            &x[..cut(4, 2)],
            Update::Overwrite,
            &mut dx[..cut(5, 12)],
            &mut ds[..cut(6, 2)],
            &mut db[..cut(7, 2)],
        );
        assert_eq!(backward.is_err(), bad < 8);
        assert!(bad == 8 || (dx == [7.0; 12] && v == [[7.0; 2]; 2]));
        let mut y = [7.0; 12];
        let infer = batch_norm_infer(
            ctx,
            &bn,
            &x[..cut(0, 12)],
            &x[..cut(1, 2)],
            &x[..cut(2, 2)],
            &x[..cut(3, 2)],
            &x[..cut(4, 2)],
            &mut y[..cut(5, 12)],
        );
        assert_eq!(infer.is_err(), bad < 6);
        assert!(bad >= 6 || y == [7.0; 12]);
    }
    for wrong in [bn.eps(-1.0), bn.eps(f32::NAN), bn.eps(f32::INFINITY), bn.momentum(-0.1), bn.momentum(1.5)] {
        assert!(matches!(wrong.check(), Err(Error::Parameter { .. })), "{wrong:?}");
    }
    assert_eq!(BatchNorm::new(usize::MAX, 2, 3).check(), Err(Error::Overflow { what: "x" }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_shape(n in 1usize..6, c in 1usize..20, spatial in 1usize..40, seed in 0u32..1000) {
        if n * spatial > 1 {
            check(BatchNorm::new(n, c, spatial), seed);
        }
    }
}
