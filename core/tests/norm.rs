//! Batch normalization against f64 and finite differences, and defects seen elsewhere; the other normalizations are in
//! `norm_runs.rs`, the plain loops in the list of cases.

mod common;
use common::{Guarded, assert_bits, assert_close, contexts, numbers};
use flatgrad_core::norm::*;
use flatgrad_core::reference;
use flatgrad_core::{Context, Error, Fused, Isa, Update};

struct Data {
    bn: BatchNorm,
    x: Vec<f32>,
    dy: Vec<f32>,
    /// weight, bias, running mean, running variance, old dweight, old dbias
    v: [Vec<f32>; 6],
}

/// What all passes write, in one order for the oracle and for the kernels.
struct Outputs {
    y: Vec<f32>,
    inferred: Vec<f32>,
    dx: Vec<f32>,
    /// saved mean, saved rstd, running mean, running variance, dweight, dbias, accumulated dweight and dbias
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
    let [weight, bias, _, _, dw0, db0] = &d.v;
    let affine = Affine { weight: &weight[..], bias: &bias[..] };
    reference::norm::batch_norm_infer(bn, &d.x, affine, Running { mean: &rm, var: &rv }, &mut inferred);
    let running = Running { mean: &mut rm[..], var: &mut rv[..] };
    let saved = Saved { mean: &mut mean[..], rstd: &mut rstd[..] };
    reference::norm::batch_norm_train(bn, &d.x, affine, running, &mut y, saved);
    let saved = Saved { mean: &mean[..], rstd: &rstd[..] };
    let (mut dw, mut db, mut dw1, mut db1) = (vec![f32::NAN; c], vec![f32::NAN; c], dw0.clone(), db0.clone());
    for (update, dw, db) in [(Update::Overwrite, &mut dw, &mut db), (Update::Accumulate, &mut dw1, &mut db1)] {
        let gradients = Gradients { x: &mut dx, weight: &mut dw[..], bias: &mut db[..] };
        reference::norm::batch_norm_backward(bn, &d.x, &d.dy, weight, saved, update, gradients);
    }
    Outputs { y, inferred, dx, v: [mean, rstd, rm, rv, dw, db, dw1, db1] }
}

fn run(ctx: Context, d: &Data, misalign: usize) -> Outputs {
    let (bn, len, c) = (&d.bn, d.bn.input_len(), d.bn.channels);
    let (x, dy) = (Guarded::new(&d.x, misalign), Guarded::new(&d.dy, 1));
    let [weight, bias, rm, rv, dw1, db1] = &d.v;
    let affine = Affine { weight: &weight[..], bias: &bias[..] };
    let tensor = |misalign| Guarded::garbage(len, misalign);
    let (mut y, mut inferred, mut dx) = (tensor(1), tensor(misalign), tensor(0));
    let (mut mean, mut rstd) = (Guarded::garbage(c, 1), Guarded::garbage(c, 0));
    let (mut rm, mut rv) = (Guarded::new(rm, misalign), Guarded::new(rv, 0));
    batch_norm_infer(ctx, bn, &x, affine, Running { mean: &rm, var: &rv }, &mut inferred).unwrap();
    let saved = Saved { mean: &mut mean[..], rstd: &mut rstd[..] };
    batch_norm_train(ctx, bn, &x, affine, Running { mean: &mut rm, var: &mut rv }, &mut y, saved).unwrap();
    let saved = Saved { mean: &mean[..], rstd: &rstd[..] };
    let (mut dw, mut db) = (Guarded::garbage(c, 1), Guarded::garbage(c, misalign));
    let (mut dw1, mut db1) = (Guarded::new(dw1, 0), Guarded::new(db1, 1));
    for (update, dw, db) in [(Update::Overwrite, &mut dw, &mut db), (Update::Accumulate, &mut dw1, &mut db1)] {
        let gradients = Gradients { x: &mut dx, weight: &mut dw[..], bias: &mut db[..] };
        batch_norm_backward(ctx, bn, &x, &dy, weight, saved, update, gradients).unwrap();
    }
    let v = [mean, rstd, rm, rv, dw, db, dw1, db1].map(|v| v.get().to_vec());
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
        let parts = ["mean", "rstd", "running mean", "running var", "dweight", "dbias", "dweight +=", "dbias +="];
        for (i, part) in parts.into_iter().enumerate() {
            assert_bits(&what(part), &got.v[i], &want.v[i]);
        }
    }
}

/// Channels so large that few are taken together, and matrices that are shared out over threads: sizes which the list
/// of cases does not have.
#[test]
fn large_shapes_equal_the_plain_loops() {
    check(BatchNorm::new(2, 3, 400_001), 3);
    check(BatchNorm::new(300, 257, 1), 2);
    check(BatchNorm::new(60_000, 1, 1), 3);
    check(BatchNorm::new(30_001, 2, 1), 3);
    check(BatchNorm::new(1, 3, 20_000), 4);
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
    let running = Running { mean: &mut mean[..], var: &mut var[..] };
    let saved = Saved { mean: &mut saved_mean[..], rstd: &mut saved_rstd[..] };
    batch_norm_train(ctx, &bn, &x, Affine { weight: &[1.0], bias: &[0.0] }, running, &mut y, saved).unwrap();
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
    let affine = Affine { weight: &[1.0; 2][..], bias: &[0.5; 2] };
    let (running, saved) = (Running { mean: &mut rm[..], var: &mut rv[..] }, Saved { mean: &mut mean[..], rstd });
    assert_eq!(batch_norm_train(ctx, &bn, &[1.0; 2], affine, running, y, saved), error);
    let [x, weight, bias, ..] = &mut v;
    let (one, gradients) = ([1.0; 2], Gradients { x, weight: &mut weight[..], bias: &mut bias[..] });
    let saved = Saved { mean: &one[..], rstd: &one[..] };
    assert_eq!(batch_norm_backward(ctx, &bn, &one, &one, &one, saved, Update::Overwrite, gradients), error);
    assert_eq!(v, [[7.0; 2]; 5]);
    let [y, ..] = &mut v;
    let running = Running { mean: &[1.0; 2][..], var: &[4.0; 2] };
    batch_norm_infer(ctx, &bn.eps(0.0), &[3.0; 2], affine, running, y).unwrap();
    assert_eq!(*y, [1.5; 2]);
}

#[test]
fn empty_shapes() {
    let ctx = Context::serial(Isa::detect());
    for bn in [BatchNorm::new(0, 2, 3), BatchNorm::new(4, 2, 0)] {
        let mut v = [[7.0; 2]; 4];
        let [rm, rv, mean, rstd] = &mut v;
        let affine = Affine { weight: &[1.0; 2][..], bias: &[0.0; 2] };
        let (running, saved) = (Running { mean: &mut rm[..], var: rv }, Saved { mean: &mut mean[..], rstd });
        batch_norm_train(ctx, &bn, &[], affine, running, &mut [], saved).unwrap();
        assert_eq!(v, [[7.0; 2]; 4]);
        for (update, want) in [(Update::Accumulate, 7.0), (Update::Overwrite, 0.0)] {
            let (mut dw, mut db, nan) = ([7.0; 2], [7.0; 2], [f32::NAN; 2]);
            let saved = Saved { mean: &nan[..], rstd: &nan[..] };
            let gradients = Gradients { x: &mut [], weight: &mut dw[..], bias: &mut db[..] };
            batch_norm_backward(ctx, &bn, &[], &[], &[1.0; 2], saved, update, gradients).unwrap();
            assert_eq!((dw, db), ([want; 2], [want; 2]));
        }
        batch_norm_infer(ctx, &bn, &[], affine, Running { mean: &[0.0; 2], var: &[1.0; 2] }, &mut []).unwrap();
    }
    let none: &mut [f32] = &mut [];
    let bn = BatchNorm::new(4, 0, 3);
    batch_norm_infer(ctx, &bn, &[], Affine::default(), Running::default(), none).unwrap();
}

#[test]
fn wrong_parameters_are_refused() {
    let bn = BatchNorm::new(2, 2, 3);
    for wrong in [bn.eps(-1.0), bn.eps(f32::NAN), bn.eps(f32::INFINITY), bn.momentum(-0.1), bn.momentum(1.5)] {
        assert!(matches!(wrong.check(), Err(Error::Parameter { .. })), "{wrong:?}");
    }
    assert_eq!(BatchNorm::new(usize::MAX, 2, 3).check(), Err(Error::Overflow { what: "x" }));
    let into = FoldInto::Conv2d { inputs: usize::MAX };
    let (v, mut w, mut b) = ([1.0; 2], [7.0; 4], [7.0; 2]);
    let (affine, running) = (Affine { weight: &v[..], bias: &v[..] }, Running { mean: &v[..], var: &v[..] });
    let layer = Affine { weight: &mut w[..], bias: &mut b[..] };
    let result = fold_batch_norm(Context::serial(Isa::detect()), &bn, affine, running, into, layer);
    assert_eq!((result, w, b), (Err(Error::Overflow { what: "layer.weight" }), [7.0; 4], [7.0; 2]));
}

/// Three batches of different means: their plain average, and nothing of the values before.
#[test]
fn cumulative_momentum_averages_all_batches() {
    let (mut mean, mut var) = ([50.0], [70.0]);
    let (mut total_mean, mut total_var) = (0.0, 0.0);
    for batches in 0..3 {
        let bn = BatchNorm::new(8, 1, 5).cumulative(batches);
        let x: Vec<f32> = numbers(40, batches as u32).iter().map(|x| x * 2.0 + 3.0 * batches as f32).collect();
        let (mut y, mut m, mut r) = (vec![0.0; 40], [0.0], [0.0]);
        let ctx = Context::serial(Isa::detect());
        let running = Running { mean: &mut mean[..], var: &mut var[..] };
        let saved = Saved { mean: &mut m[..], rstd: &mut r[..] };
        batch_norm_train(ctx, &bn, &x, Affine { weight: &[1.0], bias: &[0.0] }, running, &mut y, saved).unwrap();
        let own = x.iter().map(|&x| x as f64).sum::<f64>() / 40.0;
        total_mean += own;
        total_var += x.iter().map(|&x| (x as f64 - own).powi(2)).sum::<f64>() / 39.0;
        let k = batches as f64 + 1.0;
        assert_close("mean", &mean, &[(total_mean / k) as f32], 1e-6, 1.0);
        assert_close("variance", &var, &[(total_var / k) as f32], 1e-6, 1.0);
    }
    assert_eq!(BatchNorm::new(1, 1, 1).cumulative(usize::MAX).check(), Ok(()));
}

#[test]
fn frozen_gradient_by_finite_differences() {
    let bn = BatchNorm::new(3, 4, 5);
    let d = data(bn, 11);
    let (ctx, mut dx) = (Context::serial(Isa::detect()), vec![f32::NAN; bn.input_len()]);
    batch_norm_infer_backward(ctx, &bn, &d.dy, &d.v[0], Running { mean: &d.v[2], var: &d.v[3] }, &mut dx).unwrap();
    // y is linear in x: the slope of a step of any size.
    for (i, dx) in dx.iter().enumerate() {
        let c = i / 5 % 4;
        let factor = d.v[0][c] as f64 / (d.v[3][c] as f64 + bn.eps as f64).sqrt();
        let y = |x: f64| (x - d.v[2][c] as f64) * factor + d.v[1][c] as f64;
        let x = d.x[i] as f64;
        let slope = d.dy[i] as f64 * (y(x + 0.5) - y(x - 0.5));
        assert!((*dx as f64 - slope).abs() <= 3e-7 * slope.abs(), "{i}: {dx} against {slope}");
    }
}

/// Statistics and parameters of a batch normalization over `c` channels: weight, bias, mean, variance.
fn frozen(c: usize) -> [Vec<f32>; 4] {
    let mut v = [1, 2, 3, 4].map(|seed| numbers(c, seed));
    v[3].iter_mut().for_each(|v| *v = *v * *v + 0.1);
    v
}

fn named([weight, bias, mean, var]: &[Vec<f32>; 4]) -> (Affine<&[f32]>, Running<&[f32]>) {
    (Affine { weight, bias }, Running { mean, var })
}

/// A folded layer computes what layer and batch normalization computed.
fn check_folded(what: &str, got: &[f32], want: &[f32]) {
    let largest = want.iter().fold(0.0f32, |m, w| m.max(w.abs()));
    assert_close(what, got, want, 1e-5, largest);
}

#[test]
fn folding_into_a_convolution_keeps_its_outputs() {
    use flatgrad_core::conv::{Conv2d, conv2d, conv2d_scratch_len};
    let conv = Conv2d::new(2, [3, 8, 9], 20, [3, 3]).padding([1, 1]);
    let ctx = Context::serial(Isa::detect());
    let (x, mut weight) = (numbers(conv.input_len(), 5), numbers(conv.weight_len(), 6));
    let mut scratch = vec![0.0; conv2d_scratch_len(&conv)];
    let v = frozen(20);
    let (affine, running) = named(&v);
    let bn = BatchNorm::new(2, 20, 72);
    for has_bias in [true, false] {
        let mut bias = if has_bias { numbers(20, 7) } else { vec![0.0; 20] };
        let (mut y, mut want, mut got) = ([0; 3]).map(|_| vec![0.0; conv.output_len()]).into();
        let mut run = |weight: &[f32], bias: Option<&[f32]>, y: &mut Vec<f32>| {
            conv2d(ctx, &conv, &x, weight, bias, Fused::None, y, &mut scratch).unwrap();
        };
        run(&weight, has_bias.then_some(&bias[..]), &mut y);
        batch_norm_infer(ctx, &bn, &y, affine, running, &mut want).unwrap();
        let into = FoldInto::Conv2d { inputs: 27 };
        let layer = Affine { weight: &mut weight[..], bias: &mut bias[..] };
        fold_batch_norm(ctx, &bn, affine, running, into, layer).unwrap();
        run(&weight, Some(&bias), &mut got);
        check_folded("conv2d", &got, &want);
    }
}

#[test]
fn folding_into_a_dense_layer_keeps_its_outputs() {
    use flatgrad_core::dense::{Dense, dense, dense_scratch_len};
    let d = Dense { n: 5, inputs: 33, outputs: 70 };
    let ctx = Context::serial(Isa::detect());
    let (x, mut weight, mut bias) = (numbers(5 * 33, 5), numbers(33 * 70, 6), numbers(70, 7));
    let mut scratch = vec![0.0; dense_scratch_len(&d)];
    let v = frozen(70);
    let (affine, running) = named(&v);
    let bn = BatchNorm::new(5, 70, 1);
    let (mut y, mut want, mut got) = (vec![0.0; 350], vec![0.0; 350], vec![0.0; 350]);
    dense(ctx, &d, &x, &weight, Some(&bias), Fused::None, &mut y, &mut scratch).unwrap();
    batch_norm_infer(ctx, &bn, &y, affine, running, &mut want).unwrap();
    let into = FoldInto::Dense { inputs: 33 };
    let layer = Affine { weight: &mut weight[..], bias: &mut bias[..] };
    fold_batch_norm(ctx, &bn, affine, running, into, layer).unwrap();
    dense(ctx, &d, &x, &weight, Some(&bias), Fused::None, &mut got, &mut scratch).unwrap();
    check_folded("dense", &got, &want);
}

/// The batch's mean takes a bias away again, so a layer before a batch normalization needs none.
#[test]
fn the_bias_before_a_batch_norm_has_no_gradient() {
    use flatgrad_core::conv::{Conv2d, conv2d_backward_bias};
    let conv = Conv2d::new(6, [1, 10, 10], 4, [3, 3]);
    let d = data(BatchNorm::new(6, 4, 64), 12);
    let got = run(Context::serial(Isa::detect()), &d, 0);
    let mut db = [f32::NAN; 4];
    let ctx = Context::serial(Isa::detect());
    conv2d_backward_bias(ctx, &conv, &got.dx, Update::Overwrite, &mut db).unwrap();
    for (c, db) in db.iter().enumerate() {
        let own = got.dx.iter().enumerate().filter(|(i, _)| i / 64 % 4 == c);
        let terms: f32 = own.map(|(_, dx)| dx.abs()).sum();
        assert!(db.abs() <= 1e-6 * terms, "channel {c}: {db} from terms of {terms} in all");
    }
}
