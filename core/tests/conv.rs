//! Convolutions: what the list of cases does not say. Invariants, gradients against finite differences, refusals.
#![allow(missing_docs, reason = "a test")]

mod common;

use common::{Guarded, assert_bits, assert_close, contexts, numbers};
use flatgrad_core::conv::*;
use flatgrad_core::{Context, Error, Fused, Isa, Update, reference};

/// Every kind of geometry.
fn shapes() -> Vec<Conv2d> {
    let new = Conv2d::new;
    vec![
        new(2, [3, 7, 9], 5, [3, 3]).padding([1, 1]),
        new(1, [1, 5, 5], 1, [5, 5]),
        new(1, [2, 3, 17], 7, [3, 3]).padding([1, 1]),
        new(2, [16, 4, 5], 16, [3, 3]).padding([1, 1]),
        new(1, [17, 3, 29], 33, [1, 1]),
        // Strides, dilations and paddings, equal and not, and with remainders that no output reads.
        new(1, [3, 11, 13], 4, [3, 3]).stride([2, 2]).padding([1, 1]),
        new(1, [3, 12, 9], 18, [3, 2]).stride([2, 3]).padding([2, 0]),
        new(1, [2, 9, 10], 17, [2, 2]).stride([3, 4]),
        new(1, [2, 13, 14], 16, [3, 3]).dilation([2, 2]).stride([2, 2]).padding([2, 2]),
        new(1, [2, 16, 15], 3, [3, 2]).dilation([4, 3]).stride([6, 2]).padding([1, 4]),
        new(1, [2, 3, 4], 3, [3, 3]).padding([4, 5]),
        new(2, [2, 5, 4], 3, [3, 3]).stride([usize::MAX, 1 << 40]),
        Conv2d::new_1d(2, [3, 50], 5, 7).stride([1, 2]).padding([0, 3]),
        // Groups and depthwise, also with a channel multiplier.
        new(2, [6, 5, 6], 4, [3, 3]).groups(2).padding([1, 1]),
        new(2, [18, 6, 5], 18, [3, 3]).groups(18).padding([1, 1]).stride([2, 2]),
        new(1, [3, 7, 35], 6, [3, 5]).groups(3).padding([1, 2]),
        // More columns than a strip has, more channels than a strip's input holds.
        new(1, [2, 3, 131], 17, [1, 3]).stride([1, 2]),
        new(1, [700, 2, 8], 3, [3, 3]).padding([1, 1]),
        // Nothing to do, or chains of no steps.
        new(0, [3, 4, 4], 2, [3, 3]),
        new(2, [0, 4, 4], 2, [3, 3]),
        new(1, [2, 0, 3], 2, [2, 2]).padding([1, 1]),
    ]
}

/// The inputs of all passes.
struct Data {
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    dy: Vec<f32>,
}

impl Data {
    fn new(c: &Conv2d, seed: u32) -> Self {
        Self {
            x: numbers(c.input_len(), seed),
            weight: numbers(c.weight_len(), seed + 1),
            bias: numbers(c.out_channels, seed + 2),
            dy: numbers(c.output_len(), seed + 3),
        }
    }
}

/// Runs every pass in every context and compares with the plain loops.
fn check_all(c: &Conv2d, data: &Data) {
    let what = |name: &str, ctx: &str| format!("{name} on {ctx} of {c:?}");
    let Data { x, weight, bias, dy } = data;
    let garbage = |len| Guarded::garbage(len, 1);
    let scratch = |len: usize, ctx: &Context| garbage(len * ctx.threads());
    for (bias, activation) in [(None, Fused::None), (Some(&bias[..]), Fused::Relu)] {
        let mut want = vec![f32::NAN; c.output_len()];
        reference::conv::conv2d(c, x, weight, bias, activation, &mut want);
        for (name, ctx) in contexts() {
            let (mut y, mut scratch) = (garbage(want.len()), scratch(conv2d_scratch_len(c), &ctx));
            conv2d(ctx, c, x, weight, bias, activation, &mut y, &mut scratch).unwrap();
            assert_bits(&what("conv2d", &name), y.get(), &want);
            scratch.get();
        }
    }
    let mut want = vec![f32::NAN; c.input_len()];
    reference::conv::conv2d_backward_input(c, dy, weight, &mut want);
    for (name, ctx) in contexts() {
        let (mut dx, mut scratch) = (garbage(want.len()), scratch(conv2d_backward_input_scratch_len(c), &ctx));
        conv2d_backward_input(ctx, c, dy, weight, &mut dx, &mut scratch).unwrap();
        assert_bits(&what("input gradient", &name), dx.get(), &want);
        scratch.get();
    }
    for update in [Update::Overwrite, Update::Accumulate] {
        let start = |stored: &[f32]| match update {
            Update::Overwrite => Guarded::garbage(stored.len(), 1),
            Update::Accumulate => Guarded::new(stored, 1),
        };
        let (mut want, mut want_bias) = (start(weight), start(bias));
        reference::conv::conv2d_backward_weight(c, x, dy, update, &mut want);
        reference::conv::conv2d_backward_bias(c, dy, update, &mut want_bias);
        for (name, ctx) in contexts() {
            let mut dw = start(weight);
            let mut scratch = scratch(conv2d_backward_weight_scratch_len(c), &ctx);
            conv2d_backward_weight(ctx, c, x, dy, update, &mut dw, &mut scratch).unwrap();
            assert_bits(&what("weight gradient", &name), dw.get(), want.get());
            scratch.get();
            let mut db = start(bias);
            conv2d_backward_bias(ctx, c, dy, update, &mut db).unwrap();
            assert_bits(&what("bias gradient", &name), db.get(), want_bias.get());
        }
    }
}

#[test]
fn zeros_of_both_signs_infinities_and_denormals_follow_the_definition() {
    let c = Conv2d::new(2, [3, 4, 6], 18, [3, 3]).padding([1, 1]).stride([1, 2]);
    let odd = [0.0, -0.0, 1e-30, -1e-30, 1e-23, -1e-23, 1.0, -1.0, f32::from_bits(1), -f32::MIN_POSITIVE];
    let pick = |x: &mut f32| *x = odd[(x.abs() * 1e6) as usize % odd.len()];
    let mut data = Data::new(&c, 9);
    [&mut data.x, &mut data.weight, &mut data.bias, &mut data.dy].into_iter().flatten().for_each(pick);
    check_all(&c, &data);
    // Zeros outside the image meet an infinite weight: a NaN there, on every instruction set.
    data.weight[0] = f32::INFINITY;
    data.dy[7] = f32::NEG_INFINITY;
    data.x[11] = f32::NAN;
    check_all(&c, &data);
}

/// What the chains underflow to is never a negative zero, whichever taps are skipped.
#[test]
fn results_are_never_negative_zeros() {
    let c = Conv2d::new(1, [1, 1, 1], 1, [1, 1]);
    let (tiny, mut scratch) = ([1e-30f32], vec![f32::NAN; 1000]);
    for isa in Isa::available() {
        let ctx = Context::serial(isa);
        let (mut y, mut dx, mut dw) = ([f32::NAN], [f32::NAN], [-0.0]);
        conv2d(ctx, &c, &tiny, &[-1e-30], None, Fused::None, &mut y, &mut scratch).unwrap();
        conv2d_backward_input(ctx, &c, &tiny, &[-1e-30], &mut dx, &mut scratch).unwrap();
        conv2d_backward_weight(ctx, &c, &tiny, &[-1e-30], Update::Accumulate, &mut dw, &mut scratch).unwrap();
        assert_bits(isa.name(), &[y[0], dx[0], dw[0]], &[0.0; 3]);
    }
}

#[test]
fn a_batch_equals_its_samples_accumulated() {
    for c in shapes().into_iter().filter(|c| c.n > 0 && c.in_channels < 500 && c.out_channels < 500 && c.kernel[0] < 9)
    {
        let (batch, one) = (Conv2d { n: 5, ..c }, Conv2d { n: 1, ..c });
        let mut data = Data::new(&batch, 3);
        // Underflow to zeros of either sign in the middle of the batch.
        data.dy.iter_mut().step_by(2).for_each(|dy| *dy *= 1e-44);
        for (name, ctx) in contexts() {
            let mut whole = numbers(c.weight_len(), 4);
            whole.iter_mut().step_by(2).for_each(|dw| *dw = -0.0);
            let mut parts = whole.clone();
            let (mut whole_bias, mut parts_bias) = (data.bias.clone(), data.bias.clone());
            let mut scratch = vec![f32::NAN; 3 * conv2d_backward_weight_scratch_len(&batch)];
            let (x, dy) = (&data.x, &data.dy);
            conv2d_backward_weight(ctx, &batch, x, dy, Update::Accumulate, &mut whole, &mut scratch).unwrap();
            conv2d_backward_bias(ctx, &batch, dy, Update::Accumulate, &mut whole_bias).unwrap();
            for n in 0..5 {
                let x = &x[n * one.input_len()..][..one.input_len()];
                let dy = &dy[n * one.output_len()..][..one.output_len()];
                conv2d_backward_weight(ctx, &one, x, dy, Update::Accumulate, &mut parts, &mut scratch).unwrap();
                conv2d_backward_bias(ctx, &one, dy, Update::Accumulate, &mut parts_bias).unwrap();
            }
            assert_bits(&format!("weight gradient on {name} of {c:?}"), &parts, &whole);
            assert_bits(&format!("bias gradient on {name} of {c:?}"), &parts_bias, &whole_bias);
        }
    }
}

#[test]
fn samples_do_not_depend_on_their_batch() {
    let batch = Conv2d::new(5, [3, 6, 7], 20, [3, 3]).padding([1, 1]).stride([2, 1]);
    let one = Conv2d { n: 1, ..batch };
    let Data { x, weight, dy, .. } = Data::new(&batch, 8);
    for (name, ctx) in contexts() {
        let mut scratch = vec![f32::NAN; 3 * conv2d_scratch_len(&batch).max(conv2d_backward_input_scratch_len(&batch))];
        let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
        conv2d(ctx, &batch, &x, &weight, None, Fused::None, &mut y, &mut scratch).unwrap();
        conv2d_backward_input(ctx, &batch, &dy, &weight, &mut dx, &mut scratch).unwrap();
        for n in 0..5 {
            let (ins, outs) =
                (n * one.input_len()..(n + 1) * one.input_len(), n * one.output_len()..(n + 1) * one.output_len());
            let (mut y1, mut dx1) = (vec![f32::NAN; one.output_len()], vec![f32::NAN; one.input_len()]);
            conv2d(ctx, &one, &x[ins.clone()], &weight, None, Fused::None, &mut y1, &mut scratch).unwrap();
            conv2d_backward_input(ctx, &one, &dy[outs.clone()], &weight, &mut dx1, &mut scratch).unwrap();
            assert_bits(&format!("conv2d on {name}"), &y1, &y[outs]);
            assert_bits(&format!("input gradient on {name}"), &dx1, &dx[ins]);
        }
    }
}

/// `weight` times the explicit columns is the forward pass, bit for bit, borders included.
#[test]
fn columns_times_weight_is_the_forward_pass() {
    for c in shapes().into_iter().filter(|c| c.n == 1 && c.groups == 1 && c.in_channels > 0) {
        let Data { x, weight, .. } = Data::new(&c, 2);
        let (k, pixels) = (c.in_channels * c.kernel[0] * c.kernel[1], c.out_h() * c.out_w());
        let ctx = Context::serial(Isa::detect());
        let (mut cols, mut y) = (vec![f32::NAN; k * pixels], vec![f32::NAN; c.output_len()]);
        im2col(ctx, &c, &x, &mut cols).unwrap();
        let mut scratch = vec![f32::NAN; conv2d_scratch_len(&c)];
        conv2d(ctx, &c, &x, &weight, None, Fused::None, &mut y, &mut scratch).unwrap();
        let mut product = vec![0.0; y.len()];
        for (i, acc) in product.iter_mut().enumerate() {
            for p in 0..k {
                *acc = reference::fma(weight[i / pixels * k + p], cols[p * pixels + i % pixels], *acc);
            }
            *acc += 0.0;
        }
        assert_bits(&format!("{c:?}"), &y, &product);
    }
}

/// `sum(dy * conv2d(x, weight, bias))` in `f64`, by the formula: scattering, where the kernels gather.
fn objective(c: &Conv2d, x: &[f64], weight: &[f64], bias: &[f64], dy: &[f64]) -> f64 {
    let ([kh, kw], [sh, sw], [ph, pw], [dh, dw]) = (c.kernel, c.stride, c.padding, c.dilation);
    let (icg, ocg, oh, ow) = (c.in_channels / c.groups, c.out_channels / c.groups, c.out_h(), c.out_w());
    let mut sum = 0.0;
    for (at, dy) in dy.iter().enumerate() {
        let (n, oc, i, j) = (at / (ow * oh * c.out_channels), at / (ow * oh) % c.out_channels, at / ow % oh, at % ow);
        sum += dy * bias[oc];
        for (ic, a, b) in (0..icg).flat_map(|ic| (0..kh).flat_map(move |a| (0..kw).map(move |b| (ic, a, b)))) {
            let (row, col) = (i * sh + a * dh, j * sw + b * dw);
            if (ph..ph + c.h).contains(&row) && (pw..pw + c.w).contains(&col) {
                let channel = n * c.in_channels + oc / ocg * icg + ic;
                let x = x[(channel * c.h + row - ph) * c.w + col - pw];
                sum += dy * x * weight[((oc * icg + ic) * kh + a) * kw + b];
            }
        }
    }
    sum
}

/// The objective is linear in each of its arguments, so a difference quotient of any step is exact but for rounding.
/// A known defect elsewhere: gradients that are wrong unless the stride is 1 and divides the image.
#[test]
fn gradients_are_the_finite_differences() {
    for c in [
        Conv2d::new(2, [2, 6, 5], 3, [3, 2]).padding([1, 0]),
        Conv2d::new(1, [2, 7, 8], 4, [3, 3]).stride([2, 3]).padding([1, 2]).dilation([2, 1]),
        Conv2d::new(2, [1, 8, 9], 2, [3, 3]).stride([2, 2]),
        Conv2d::new(1, [2, 9, 11], 3, [2, 3]).stride([3, 3]).padding([0, 1]),
        Conv2d::new(1, [1, 11, 12], 2, [3, 2]).stride([3, 2]).dilation([2, 4]).padding([3, 1]),
        Conv2d::new(2, [4, 5, 5], 4, [3, 3]).groups(4).padding([1, 1]).stride([2, 2]),
        Conv2d::new(1, [3, 6, 7], 6, [3, 3]).groups(3).padding([1, 1]).stride([3, 2]),
        Conv2d::new(1, [4, 5, 6], 6, [2, 2]).groups(2).stride([1, 3]).dilation([3, 2]),
        Conv2d::new_1d(2, [3, 23], 4, 5).stride([1, 3]).padding([0, 2]),
    ] {
        let Data { x, weight, bias, dy } = Data::new(&c, 1);
        let ctx = Context::serial(Isa::detect());
        let (mut dx, mut dw, mut db) = (vec![0.0; x.len()], vec![0.0; weight.len()], vec![0.0; bias.len()]);
        let mut scratch = vec![f32::NAN; 50_000];
        conv2d_backward_input(ctx, &c, &dy, &weight, &mut dx, &mut scratch).unwrap();
        conv2d_backward_weight(ctx, &c, &x, &dy, Update::Overwrite, &mut dw, &mut scratch).unwrap();
        conv2d_backward_bias(ctx, &c, &dy, Update::Overwrite, &mut db).unwrap();
        let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        let (mut arguments, dy) = ([wide(&x), wide(&weight), wide(&bias)], wide(&dy));
        for (which, (name, got)) in [("dx", dx), ("dw", dw), ("db", db)].into_iter().enumerate() {
            let mut differences = vec![];
            for i in 0..got.len() {
                let mut at = |step: f64| {
                    arguments[which][i] += step;
                    objective(&c, &arguments[0], &arguments[1], &arguments[2], &dy)
                };
                let (up, down) = (at(0.5), at(-1.0));
                at(0.5);
                differences.push((up - down) as f32);
            }
            assert_close(&format!("{name} of {c:?}"), &got, &differences, 2e-6, 1.0);
        }
    }
}

/// A known defect elsewhere: where the stride does not divide what the kernel leaves, some columns keep what they held.
#[test]
fn im2col_writes_every_element() {
    for c in [
        Conv2d::new(1, [2, 8, 7], 1, [3, 3]).stride([2, 3]).padding([1, 1]),
        Conv2d::new(1, [1, 6, 9], 1, [2, 4]).stride([3, 2]).padding([0, 2]),
        Conv2d::new_1d(1, [2, 20], 1, 5).stride([1, 4]).padding([0, 1]),
    ] {
        let (kernel, pad, stride) = (c.kernel, c.padding, c.stride);
        let left = (c.h + 2 * pad[0] - kernel[0]) % stride[0] + (c.w + 2 * pad[1] - kernel[1]) % stride[1];
        assert!(left > 0, "the shape leaves nothing over: {c:?}");
        let x: Vec<f32> = (1..=c.in_channels * c.h * c.w).map(|i| i as f32).collect();
        let mut cols = vec![f32::NAN; c.in_channels * kernel[0] * kernel[1] * c.out_h() * c.out_w()];
        im2col(Context::serial(Isa::detect()), &c, &x, &mut cols).unwrap();
        for (at, &got) in cols.iter().enumerate() {
            let (tap, out) = (at / (c.out_h() * c.out_w()), at % (c.out_h() * c.out_w()));
            let row = (out / c.out_w() * stride[0] + tap / kernel[1] % kernel[0]).checked_sub(pad[0]);
            let col = (out % c.out_w() * stride[1] + tap % kernel[1]).checked_sub(pad[1]);
            let want = match (row, col) {
                (Some(i), Some(j)) if i < c.h && j < c.w => {
                    (tap / (kernel[0] * kernel[1]) * c.h * c.w + i * c.w + j + 1) as f32
                }
                _ => 0.0,
            };
            assert_eq!(got, want, "element {at} of {c:?}");
        }
    }
}

/// Against plain one-dimensional loops.
#[test]
fn one_dimension() {
    let (n, channels, len, outs, kernel, stride, padding, dilation) = (2, 3, 41, 5, 4, 3, 2, 2);
    let c = Conv2d::new_1d(n, [channels, len], outs, kernel)
        .stride([1, stride])
        .padding([0, padding])
        .dilation([1, dilation]);
    assert_eq!((c.h, c.out_h(), c.out_w()), (1, 1, (len + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1));
    let Data { x, weight, bias, dy } = Data::new(&c, 4);
    let mut want = vec![0.0f32; dy.len()];
    for (at, y) in want.iter_mut().enumerate() {
        let (s, o, t) = (at / (outs * c.out_w()), at / c.out_w() % outs, at % c.out_w());
        for (i, k) in (0..channels).flat_map(|i| (0..kernel).map(move |k| (i, k))) {
            let Some(p) = (t * stride + k * dilation).checked_sub(padding).filter(|&p| p < len) else { continue };
            *y = reference::fma(x[(s * channels + i) * len + p], weight[(o * channels + i) * kernel + k], *y);
        }
        *y += bias[o];
    }
    for (name, ctx) in contexts() {
        let (mut y, mut scratch) = (vec![f32::NAN; dy.len()], vec![f32::NAN; 3 * conv2d_scratch_len(&c)]);
        conv2d(ctx, &c, &x, &weight, Some(&bias), Fused::None, &mut y, &mut scratch).unwrap();
        assert_bits(&name, &y, &want);
    }
}

#[test]
fn col2im_is_the_transpose_of_im2col() {
    for c in shapes().into_iter().filter(|c| c.in_channels < 500 && c.kernel[0] < 9) {
        let ctx = Context::serial(Isa::detect());
        let x = numbers(c.in_channels * c.h * c.w, 1);
        let columns = numbers(c.in_channels * c.kernel[0] * c.kernel[1] * c.out_h() * c.out_w(), 2);
        let (mut unfolded, mut folded) = (vec![f32::NAN; columns.len()], vec![f32::NAN; x.len()]);
        im2col(ctx, &c, &x, &mut unfolded).unwrap();
        col2im(ctx, &c, &columns, Update::Overwrite, &mut folded).unwrap();
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| *a as f64 * *b as f64).sum::<f64>();
        let (one, other) = (dot(&unfolded, &columns), dot(&x, &folded));
        assert!((one - other).abs() <= 1e-4 * (1.0 + columns.len() as f64).sqrt(), "{one} is not {other} for {c:?}");
    }
}

#[test]
fn shapes_that_make_no_sense_are_refused() {
    let c = Conv2d::new(1, [4, 5, 5], 6, [3, 3]);
    let dimension = |c: Conv2d| match c.check() {
        Err(Error::Dimension { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(dimension(Conv2d { kernel: [3, 0], ..c }), "kernel");
    assert_eq!(dimension(Conv2d { kernel: [6, 3], ..c }), "kernel");
    assert_eq!(dimension(c.dilation([1, 3])), "kernel");
    assert_eq!(dimension(c.stride([0, 1])), "stride");
    assert_eq!(dimension(c.dilation([1, 0])), "dilation");
    assert_eq!(dimension(c.groups(0)), "groups");
    assert_eq!(dimension(c.groups(4)), "groups");
    assert_eq!(dimension(c.groups(3)), "groups");
    assert_eq!(c.groups(2).check(), Ok(()));
    let overflow = |c: Conv2d| assert!(matches!(c.check(), Err(Error::Overflow { .. })), "{c:?}");
    overflow(Conv2d { n: usize::MAX, ..c });
    overflow(Conv2d { n: 0, h: 1 << 40, w: 1 << 40, ..c });
    overflow(c.padding([usize::MAX / 2 + 1, 0]));
    overflow(c.padding([1 << 33, 1 << 33]));
    overflow(c.dilation([usize::MAX, 1]));
    for wrong in [c.stride([0, 0]), c.groups(0), c.dilation([0, 1]), c.padding([usize::MAX, 1])] {
        let lens = [
            conv2d_scratch_len(&wrong),
            conv2d_backward_input_scratch_len(&wrong),
            conv2d_backward_weight_scratch_len(&wrong),
        ];
        assert_eq!(lens, [0; 3]);
    }
}

/// Each slice too short and too long by one: refused, and the output untouched.
#[test]
fn wrong_lengths_write_nothing() {
    let c = Conv2d::new(2, [3, 5, 5], 4, [3, 3]).padding([1, 1]);
    let Data { x, weight, bias, dy } = Data::new(&c, 1);
    let ctx = Context::serial(Isa::detect());
    let mark = 7.5f32;
    let wrong = |len: usize| [vec![mark; len - 1], vec![mark; len + 1]];
    let untouched = |result: flatgrad_core::Result, out: &[f32], what: &str| {
        let named = match result {
            Err(Error::Length { what, .. } | Error::TooShort { what, .. }) => what,
            other => panic!("{what}: {other:?}"),
        };
        assert_eq!(named, what);
        assert!(out.iter().all(|&y| y == mark), "{what}: something was written");
    };
    let scratch_len = |len: usize| vec![0.0; len];
    let (mut y, mut s) = (vec![mark; dy.len()], scratch_len(conv2d_scratch_len(&c)));
    for i in 0..2 {
        let none = Fused::None;
        untouched(conv2d(ctx, &c, &wrong(x.len())[i], &weight, None, none, &mut y, &mut s), &y, "x");
        untouched(conv2d(ctx, &c, &x, &wrong(weight.len())[i], None, none, &mut y, &mut s), &y, "weight");
        untouched(conv2d(ctx, &c, &x, &weight, Some(&wrong(4)[i]), none, &mut y, &mut s), &y, "bias");
        let mut out = wrong(y.len())[i].clone();
        untouched(conv2d(ctx, &c, &x, &weight, None, none, &mut out, &mut s), &out, "y");
    }
    s.pop();
    untouched(conv2d(ctx, &c, &x, &weight, None, Fused::None, &mut y, &mut s), &y, "scratch");

    let (mut dx, mut s) = (vec![mark; x.len()], scratch_len(conv2d_backward_input_scratch_len(&c)));
    for i in 0..2 {
        untouched(conv2d_backward_input(ctx, &c, &wrong(dy.len())[i], &weight, &mut dx, &mut s), &dx, "dy");
        untouched(conv2d_backward_input(ctx, &c, &dy, &wrong(weight.len())[i], &mut dx, &mut s), &dx, "weight");
        let mut out = wrong(x.len())[i].clone();
        untouched(conv2d_backward_input(ctx, &c, &dy, &weight, &mut out, &mut s), &out, "dx");
    }
    s.pop();
    untouched(conv2d_backward_input(ctx, &c, &dy, &weight, &mut dx, &mut s), &dx, "scratch");

    let (mut dw, mut db) = (vec![mark; weight.len()], vec![mark; bias.len()]);
    let mut s = scratch_len(conv2d_backward_weight_scratch_len(&c));
    let update = Update::Overwrite;
    for i in 0..2 {
        untouched(conv2d_backward_weight(ctx, &c, &wrong(x.len())[i], &dy, update, &mut dw, &mut s), &dw, "x");
        untouched(conv2d_backward_weight(ctx, &c, &x, &wrong(dy.len())[i], update, &mut dw, &mut s), &dw, "dy");
        let mut out = wrong(weight.len())[i].clone();
        untouched(conv2d_backward_weight(ctx, &c, &x, &dy, update, &mut out, &mut s), &out, "dw");
        untouched(conv2d_backward_bias(ctx, &c, &wrong(dy.len())[i], update, &mut db), &db, "dy");
        let mut out = wrong(bias.len())[i].clone();
        untouched(conv2d_backward_bias(ctx, &c, &dy, update, &mut out), &out, "db");
    }
    s.pop();
    untouched(conv2d_backward_weight(ctx, &c, &x, &dy, update, &mut dw, &mut s), &dw, "scratch");

    let (sample, columns) = (3 * 25, 3 * 9 * 25);
    let (mut cols, mut image) = (vec![mark; columns], vec![mark; sample]);
    for i in 0..2 {
        untouched(im2col(ctx, &c, &wrong(sample)[i], &mut cols), &cols, "x");
        let mut out = wrong(columns)[i].clone();
        untouched(im2col(ctx, &c, &x[..sample], &mut out), &out, "cols");
        untouched(col2im(ctx, &c, &wrong(columns)[i], update, &mut image), &image, "cols");
        let mut out = wrong(sample)[i].clone();
        untouched(col2im(ctx, &c, &cols, update, &mut out), &out, "x");
    }
}

/// Scratch grows with the channels and the kernel, not with the image or the batch.
#[test]
fn scratch_does_not_grow_with_the_image() {
    let lens = |c: Conv2d| {
        [conv2d_scratch_len(&c), conv2d_backward_input_scratch_len(&c), conv2d_backward_weight_scratch_len(&c)]
    };
    for stride in [[1, 1], [2, 2], [3, 5]] {
        let of = |n, side| lens(Conv2d::new(n, [16, side, side], 16, [3, 3]).stride(stride).dilation([2, 7]));
        for (small, large) in of(1, 100).into_iter().zip(of(1000, 5000)) {
            assert!(
                large <= 64 * 1024 && large <= small + 20 * 1024,
                "{large} for a large image, {small} for a small one"
            );
        }
    }
    // The whole input of a small network's layer is smaller than a strip may be.
    assert!(lens(Conv2d::new(1, [1, 8, 8], 8, [3, 3]).padding([1, 1])).into_iter().all(|len| len < 3000));
}
