//! Normalization, pooling, activations and losses from C.

// Every block calls a C function with the memory of `common`.
#![allow(clippy::undocumented_unsafe_blocks)]

mod common;

use common::{Call, Function, Want, fill};
use flatgrad::activation::*;
use flatgrad::layer::*;
use flatgrad::loss::*;
use flatgrad::norm::*;
use flatgrad::pool::*;
use flatgrad_core::activation::Activation as Core;
use flatgrad_core::activation::{Saved, activate, activate_backward, activate_in_place};
use flatgrad_core::activation::{log_softmax, log_softmax_backward, softmax, softmax_backward};
use flatgrad_core::loss::*;
use flatgrad_core::norm::*;
use flatgrad_core::pool::*;
use flatgrad_core::{Context, Isa, Update};

fn ctx() -> Context<'static> {
    Context::serial(Isa::detect())
}

#[test]
fn batch_norms() {
    let shape = fg_batch_norm_shape { n: 3, channels: 4, spatial: 5, eps: 0.0, momentum: 0.25 };
    let bn = BatchNorm::new(3, 4, 5).momentum(0.25);
    let positive = || fill(9, 4).iter().map(|x| x + 1.5).collect::<Vec<f32>>();
    Function {
        name: "fg_batch_norm_train",
        inputs: &[fill(1, 60), fill(2, 4), fill(3, 4)],
        outputs: &[fill(4, 4), positive(), fill(5, 60), fill(6, 4), fill(7, 4)],
        call: &|b, by, e| unsafe {
            let [x, s, t, m, v, y, sm, sr] = b else { panic!() };
            let shape = by.pointer(&shape);
            fg_batch_norm_train(
                shape, x.data, x.len, s.data, s.len, t.data, t.len, m.data, m.len, v.data, v.len, y.data, y.len,
                sm.data, sm.len, sr.data, sr.len, e,
            )
        },
        want: &|i, o| {
            let [m, v, y, sm, sr] = o else { panic!() };
            let affine = Affine { weight: i[1], bias: i[2] };
            let (running, saved) = (
                Running { mean: &mut **m, var: &mut **v },
                flatgrad_core::norm::Saved { mean: &mut **sm, rstd: &mut **sr },
            );
            batch_norm_train(ctx(), &bn, i[0], affine, running, y, saved).unwrap();
        },
        ..Default::default()
    }
    .test();
    Function {
        name: "fg_batch_norm_infer",
        inputs: &[fill(1, 60), fill(2, 4), fill(3, 4), fill(4, 4), positive()],
        outputs: &[fill(5, 60)],
        call: &|b, by, e| unsafe {
            let [x, s, t, m, v, y] = b else { panic!() };
            let shape = by.pointer(&shape);
            fg_batch_norm_infer(
                shape, x.data, x.len, s.data, s.len, t.data, t.len, m.data, m.len, v.data, v.len, y.data, y.len, e,
            )
        },
        want: &|i, o| {
            let (affine, running) = (Affine { weight: i[1], bias: i[2] }, Running { mean: i[3], var: i[4] });
            batch_norm_infer(ctx(), &bn, i[0], affine, running, o[0]).unwrap();
        },
        ..Default::default()
    }
    .test();
    Function {
        name: "fg_batch_norm_backward",
        inputs: &[fill(1, 60), fill(2, 60), fill(3, 4), fill(4, 4), positive()],
        outputs: &[fill(5, 60), fill(6, 4), fill(7, 4)],
        call: &|b, by, e| unsafe {
            let [x, dy, s, m, r, dx, ds, dt] = b else { panic!() };
            let shape = by.pointer(&shape);
            fg_batch_norm_backward(
                shape, x.data, x.len, dy.data, dy.len, s.data, s.len, m.data, m.len, r.data, r.len, true, dx.data,
                dx.len, ds.data, ds.len, dt.data, dt.len, e,
            )
        },
        want: &|i, o| {
            let [dx, ds, dt] = o else { panic!() };
            let (saved, update) = (flatgrad_core::norm::Saved { mean: i[3], rstd: i[4] }, Update::Accumulate);
            let gradients = Gradients { x: dx, weight: &mut **ds, bias: &mut **dt };
            batch_norm_backward(ctx(), &bn, i[0], i[1], i[2], saved, update, gradients).unwrap();
        },
        ..Default::default()
    }
    .test();
}

fn one_to_one(name: &str, lens: [usize; 2], structure: bool, call: Call, want: Want) {
    let (inputs, outputs) = ([fill(1, lens[0])], [fill(2, lens[1])]);
    Function { name, inputs: &inputs, outputs: &outputs, structure, call, want, ..Default::default() }.test();
}

#[test]
fn pools() {
    let shape = fg_pool2d_shape {
        n: 2,
        channels: 3,
        h: 5,
        w: 7,
        kernel: [2, 3],
        padding: [1, 1],
        exclude_padding: true,
        ..Default::default()
    };
    let max = MaxPool2d::new(2, [3, 5, 7], [2, 3]).padding([1, 1]);
    let avg = AvgPool2d::new(2, [3, 5, 7], [2, 3]).padding([1, 1]).count_include_pad(false);
    let (x, y) = (max.input_len(), max.output_len());
    assert_eq!(unsafe { [fg_pool2d_out_h(&shape), fg_pool2d_out_w(&shape)] }, [max.out_h(), max.out_w()]);
    one_to_one(
        "fg_max_pool2d",
        [x, y],
        true,
        &|b, by, e| unsafe { fg_max_pool2d(by.pointer(&shape), b[0].data, b[0].len, b[1].data, b[1].len, e) },
        &|i, o| max_pool2d(ctx(), &max, i[0], o[0]).unwrap(),
    );
    one_to_one(
        "fg_avg_pool2d",
        [x, y],
        true,
        &|b, by, e| unsafe { fg_avg_pool2d(by.pointer(&shape), b[0].data, b[0].len, b[1].data, b[1].len, e) },
        &|i, o| avg_pool2d(ctx(), &avg, i[0], o[0]).unwrap(),
    );
    one_to_one(
        "fg_avg_pool2d_backward",
        [y, x],
        true,
        &|b, by, e| unsafe { fg_avg_pool2d_backward(by.pointer(&shape), b[0].data, b[0].len, b[1].data, b[1].len, e) },
        &|i, o| avg_pool2d_backward(ctx(), &avg, i[0], o[0]).unwrap(),
    );
    one_to_one(
        "fg_global_avg_pool",
        [24, 6],
        false,
        &|b, _, e| unsafe { fg_global_avg_pool(2, 3, 4, b[0].data, b[0].len, b[1].data, b[1].len, e) },
        &|i, o| global_avg_pool(ctx(), [2, 3, 4], i[0], o[0]).unwrap(),
    );
    one_to_one(
        "fg_global_avg_pool_backward",
        [6, 24],
        false,
        &|b, _, e| unsafe { fg_global_avg_pool_backward(2, 3, 4, b[0].data, b[0].len, b[1].data, b[1].len, e) },
        &|i, o| global_avg_pool_backward(ctx(), [2, 3, 4], i[0], o[0]).unwrap(),
    );
    Function {
        name: "fg_max_pool2d_backward",
        inputs: &[fill(1, x), fill(2, y)],
        outputs: &[fill(3, x)],
        call: &|b, by, e| unsafe {
            let [x, dy, dx] = b else { panic!() };
            fg_max_pool2d_backward(by.pointer(&shape), x.data, x.len, dy.data, dy.len, dx.data, dx.len, e)
        },
        want: &|i, o| max_pool2d_backward(ctx(), &max, i[0], i[1], o[0]).unwrap(),
        ..Default::default()
    }
    .test();
}

#[test]
fn activations() {
    let functions = [
        (FG_KIND_RELU, 0.0, Core::Relu),
        (FG_KIND_LEAKY_RELU, 0.0, Core::LEAKY_RELU),
        (FG_KIND_ELU, 0.5, Core::Elu { alpha: 0.5 }),
        (FG_KIND_SIGMOID, 0.0, Core::Sigmoid),
        (FG_KIND_TANH, 0.0, Core::Tanh),
        (FG_KIND_GELU, 0.0, Core::Gelu),
        (FG_KIND_GELU_TANH, 0.0, Core::GeluTanh),
        (FG_KIND_SILU, 0.0, Core::Silu),
        (FG_KIND_HARD_SWISH, 0.0, Core::HardSwish),
        (FG_KIND_SOFTPLUS, 0.0, Core::Softplus { beta: 1.0, threshold: 20.0 }),
    ];
    for (kind, alpha, core) in functions {
        let function = fg_function { kind, alpha, threshold: 0.0 };
        assert_eq!(unsafe { fg_activate_needs_input(&function) }, core.saved() == Saved::Input);
        Function {
            name: "fg_activate",
            inputs: &[fill(1, 21)],
            outputs: &[fill(2, 21)],
            call: &|b, by, e| unsafe {
                fg_activate(by.pointer(&function), b[0].data, b[0].len, b[1].data, b[1].len, e)
            },
            want: &|i, o| activate(ctx(), core, i[0], o[0]).unwrap(),
            ..Default::default()
        }
        .test();
        Function {
            name: "fg_activate_in_place",
            outputs: &[fill(1, 21)],
            any_length: &[0],
            call: &|b, by, e| unsafe { fg_activate_in_place(by.pointer(&function), b[0].data, b[0].len, e) },
            want: &|_, o| activate_in_place(ctx(), core, o[0]).unwrap(),
            ..Default::default()
        }
        .test();
        Function {
            name: "fg_activate_backward",
            inputs: &[fill(1, 21), fill(2, 21)],
            outputs: &[fill(3, 21)],
            call: &|b, by, e| unsafe {
                let [s, dy, dx] = b else { panic!() };
                fg_activate_backward(by.pointer(&function), s.data, s.len, dy.data, dy.len, dx.data, dx.len, e)
            },
            want: &|i, o| activate_backward(ctx(), core, i[0], i[1], o[0]).unwrap(),
            ..Default::default()
        }
        .test();
    }
}

#[test]
fn softmaxes() {
    for logarithm in [false, true] {
        Function {
            name: "fg_softmax",
            inputs: &[fill(1, 15)],
            outputs: &[fill(2, 15)],
            structure: false,
            call: &|b, _, e| unsafe { fg_softmax(3, 5, logarithm, b[0].data, b[0].len, b[1].data, b[1].len, e) },
            want: &|i, o| if logarithm { log_softmax } else { softmax }(ctx(), [3, 5], i[0], o[0]).unwrap(),
            ..Default::default()
        }
        .test();
        Function {
            name: "fg_softmax_backward",
            inputs: &[fill(1, 15), fill(2, 15)],
            outputs: &[fill(3, 15)],
            structure: false,
            call: &|b, _, e| unsafe {
                let [y, dy, dx] = b else { panic!() };
                fg_softmax_backward(3, 5, logarithm, y.data, y.len, dy.data, dy.len, dx.data, dx.len, e)
            },
            want: &|i, o| {
                let backward = if logarithm { log_softmax_backward } else { softmax_backward };
                backward(ctx(), [3, 5], i[0], i[1], o[0]).unwrap();
            },
            ..Default::default()
        }
        .test();
    }
}

#[test]
fn losses() {
    let labels: Vec<f32> = [2, 0, 4].map(f32::from_bits).to_vec();
    let values: Vec<f32> = fill(2, 15).iter().map(|x| x.abs()).collect();
    let words = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<u32>>();
    let shape = [3, 5];
    for (kind, classes) in [(0, true), (0, false), (1, false), (2, false), (3, false)] {
        let label_smoothing = if kind == 0 { 0.1 } else { 0.0 };
        let loss = fg_loss { kind, label_smoothing, delta: 0.0 };
        let target = |b: &common::Buf| {
            let (classes, values) =
                if classes { (b.input().cast(), std::ptr::null()) } else { (std::ptr::null(), b.input()) };
            fg_target { classes, values, len: b.len }
        };
        let inputs = [fill(1, 15), if classes { labels.clone() } else { values.clone() }];
        // The report is no buffer: it is copied to one.
        Function {
            name: "fg_loss_value",
            inputs: &inputs,
            outputs: &[fill(3, 2)],
            only_inputs: true,
            call: &|b, by, e| unsafe {
                let (target, mut report) = (target(&b[1]), fg_report::default());
                let status =
                    fg_loss_value(by.pointer(&loss), 3, 5, b[0].data, b[0].len, by.pointer(&target), &mut report, e);
                if status == flatgrad::status::fg_status::FG_OK {
                    *b[2].data = report.loss_sum;
                    *b[2].data.add(1) = report.correct as f32;
                }
                status
            },
            want: &|i, o| {
                let labels = words(i[1]);
                let goal = if classes { Target::Classes(&labels) } else { Target::Values(i[1]) };
                let report = match kind {
                    0 => cross_entropy(ctx(), shape, 0.1, i[0], goal).unwrap(),
                    1 => binary_cross_entropy(ctx(), shape, i[0], i[1]).unwrap(),
                    2 => LossReport { loss_sum: mean_squared(ctx(), shape, i[0], i[1]).unwrap(), correct: 0 },
                    _ => LossReport { loss_sum: huber(ctx(), shape, 1.0, i[0], i[1]).unwrap(), correct: 0 },
                };
                o[0].copy_from_slice(&[report.loss_sum, report.correct as f32]);
            },
            ..Default::default()
        }
        .test();
        Function {
            name: "fg_loss_backward",
            inputs: &inputs,
            outputs: &[fill(3, 15)],
            call: &|b, by, e| unsafe {
                let target = target(&b[1]);
                let none = std::ptr::null_mut();
                let [x, _, d] = b else { panic!() };
                let (loss, target) = (by.pointer(&loss), by.pointer(&target));
                fg_loss_backward(loss, 3, 5, 0.5, x.data, x.len, target, d.data, d.len, none, e)
            },
            want: &|i, o| {
                let labels = words(i[1]);
                let goal = if classes { Target::Classes(&labels) } else { Target::Values(i[1]) };
                match kind {
                    0 => drop(cross_entropy_backward(ctx(), shape, 0.1, 0.5, i[0], goal, o[0]).unwrap()),
                    1 => drop(binary_cross_entropy_backward(ctx(), shape, 0.5, i[0], i[1], o[0]).unwrap()),
                    2 => drop(mean_squared_backward(ctx(), shape, 0.5, i[0], i[1], o[0]).unwrap()),
                    _ => drop(huber_backward(ctx(), shape, 1.0, 0.5, i[0], i[1], o[0]).unwrap()),
                }
            },
            ..Default::default()
        }
        .test();
    }
}

#[test]
fn labels_that_are_no_class_and_wrong_targets() {
    use flatgrad::status::fg_status::*;
    let (x, labels) = (fill(1, 6), [1, 3]);
    let (loss, mut error, mut report) = (fg_loss::default(), common::no_error(), fg_report::default());
    let mut ask = |loss: &fg_loss, target: fg_target| unsafe {
        let status = fg_loss_value(loss, 2, 3, x.as_ptr(), 6, &target, &mut report, &mut error);
        (status, common::text(&error))
    };
    let classes = fg_target { classes: labels.as_ptr(), values: std::ptr::null(), len: 2 };
    let (status, text) = ask(&loss, classes);
    assert_eq!(status, FG_ERROR_LABEL);
    assert_eq!(text, "label 3 of sample 1: must be below the number of classes, 3");
    assert_eq!(ask(&loss, fg_target { values: x.as_ptr(), ..classes }).0, FG_ERROR_OPTION);
    assert_eq!(ask(&fg_loss { kind: FG_LOSS_HUBER, ..loss }, classes).0, FG_ERROR_OPTION);
    assert_eq!(ask(&fg_loss { kind: 9, ..loss }, classes).0, FG_ERROR_OPTION);
    assert_eq!(ask(&fg_loss { delta: 1.0, ..loss }, classes).0, FG_ERROR_OPTION);
    assert_eq!(ask(&fg_loss { label_smoothing: 2.0, ..loss }, classes).0, FG_ERROR_PARAMETER);
}
