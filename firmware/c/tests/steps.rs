//! Optimizers, initialization and random numbers from C.

// Every block calls a C function with the memory of `common`.
#![allow(clippy::undocumented_unsafe_blocks)]

mod common;

use common::{Call, Function, Want, fill};
use flatgrad::init::*;
use flatgrad::optim::*;
use flatgrad::random::*;
use flatgrad::status::fg_status::*;
use flatgrad::step::*;
use flatgrad_core::init::{Fans, Init};
use flatgrad_core::optim::*;
use flatgrad_core::rng::{Stream, permutation, philox4x32_10};
use flatgrad_core::{Context, Isa};

fn ctx() -> Context<'static> {
    Context::serial(Isa::detect())
}

/// The step of core: gradients, parameters, state.
type Step<'f> = &'f dyn Fn(&[f32], &mut [f32], &mut [f32]);

fn step(c: fg_optimizer, slots: usize, want: Step) {
    assert_eq!(unsafe { fg_optimizer_slots(&c) }, slots);
    let n = 19;
    let state: Vec<f32> = fill(3, slots * n).iter().map(|x| x.abs()).collect();
    let call: Call = &|b, by, e| unsafe {
        let (g, p, s) = match b {
            [g, p, s] => (g, p, *s),
            [g, p] => (g, p, common::Buf { data: std::ptr::null_mut(), len: 0 }),
            _ => panic!(),
        };
        fg_optimizer_step(by.pointer(&c), 3, g.data, g.len, p.data, p.len, s.data, s.len, e)
    };
    let check: Want = &|i, o| match o {
        [p, s] => want(i[0], p, s),
        [p] => want(i[0], p, &mut []),
        _ => panic!(),
    };
    let outputs = if slots > 0 { vec![fill(2, n), state] } else { vec![fill(2, n)] };
    let name = "fg_optimizer_step";
    Function { name, inputs: &[fill(1, n)], outputs: &outputs, call, want: check, ..Default::default() }.test();
}

#[test]
fn optimizers() {
    let sgd = fg_optimizer { lr: 0.1, ..Default::default() };
    step(sgd, 0, &|g, p, _| sgd_step(ctx(), &Sgd { lr: 0.1, ..Sgd::DEFAULT }, 3, g, p, &mut []).unwrap());
    let momentum = fg_optimizer { momentum: 0.9, nesterov: true, weight_decay: 0.01, ..sgd };
    let core = Sgd { lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.01, ..Sgd::DEFAULT };
    step(momentum, 1, &|g, p, s| sgd_step(ctx(), &core, 3, g, p, s).unwrap());
    let adagrad = fg_optimizer { kind: FG_OPTIMIZER_ADAGRAD, lr: 0.1, ..Default::default() };
    let core = Adagrad { lr: 0.1, ..Adagrad::DEFAULT };
    step(adagrad, 1, &|g, p, s| adagrad_step(ctx(), &core, 3, g, p, s).unwrap());
    let rmsprop =
        fg_optimizer { kind: FG_OPTIMIZER_RMSPROP, lr: 0.1, centered: true, momentum: 0.5, ..Default::default() };
    let core = RmsProp { lr: 0.1, centered: true, momentum: 0.5, ..RmsProp::DEFAULT };
    step(rmsprop, 3, &|g, p, s| {
        let (square, rest) = s.split_at_mut(19);
        let (mean, buffer) = rest.split_at_mut(19);
        rmsprop_step(ctx(), &core, 3, g, p, square, mean, buffer).unwrap();
    });
    for (kind, amsgrad, core) in [
        (FG_OPTIMIZER_ADAM, false, Adam::DEFAULT),
        (FG_OPTIMIZER_ADAM, true, Adam { amsgrad: true, ..Adam::DEFAULT }),
        (FG_OPTIMIZER_ADAMW, false, Adam::ADAMW),
    ] {
        let core = Adam { lr: 0.1, ..core };
        let c = fg_optimizer { kind, lr: 0.1, amsgrad, ..Default::default() };
        step(c, 2 + usize::from(amsgrad), &|g, p, s| {
            let (mean, rest) = s.split_at_mut(19);
            let (square, top) = rest.split_at_mut(19);
            adam_step(ctx(), &core, 3, g, p, mean, square, top).unwrap();
        });
    }
}

#[test]
fn optimizers_refuse_what_they_do_not_have() {
    let mut error = common::no_error();
    let mut ask = |c: fg_optimizer| unsafe {
        let mut p = [1.0f32; 2];
        let status =
            fg_optimizer_step(&c, 1, [1.0f32; 2].as_ptr(), 2, p.as_mut_ptr(), 2, p.as_mut_ptr(), 0, &mut error);
        assert!(status == FG_OK || p == [1.0; 2]);
        (status, common::text(&error))
    };
    let d = fg_optimizer::default();
    assert_eq!(ask(fg_optimizer { kind: 5, ..d }), (FG_ERROR_OPTION, "kind of optimizer: 5 is unknown".into()));
    assert_eq!(ask(fg_optimizer { beta1: 0.5, ..d }), (FG_ERROR_OPTION, "optimizer: has no option beta1".into()));
    assert_eq!(ask(fg_optimizer { kind: 3, momentum: 0.5, ..d }).0, FG_ERROR_OPTION);
    assert_eq!(
        ask(fg_optimizer { lr: -0.5, ..d }),
        (FG_ERROR_PARAMETER, "lr: must be finite and not negative, got -0.5".into())
    );
    assert_eq!(ask(fg_optimizer { lr: f32::NAN, ..d }).1, "lr: must be finite and not negative, got NaN");
    assert_eq!(ask(fg_optimizer { lr: -2e-12, ..d }).1, "lr: must be finite and not negative, got -2e-12");
    assert_eq!(ask(fg_optimizer { lr: f32::INFINITY, ..d }).1, "lr: must be finite and not negative, got inf");
    assert_eq!(ask(fg_optimizer { lr: -3.5e10, ..d }).1, "lr: must be finite and not negative, got -3.5e10");
    assert_eq!(ask(fg_optimizer { kind: 3, ..d }).1, "state: expected 4 elements, got 0");
    assert_eq!(ask(d).0, FG_OK);
}

#[test]
fn starts_and_clipping() {
    let c = fg_optimizer { kind: FG_OPTIMIZER_ADAGRAD, initial_accumulator: 0.5, ..Default::default() };
    Function {
        name: "fg_optimizer_start",
        outputs: &[fill(1, 7)],
        any_length: &[0],
        call: &|b, by, e| unsafe { fg_optimizer_start(by.pointer(&c), b[0].data, b[0].len, e) },
        want: &|_, o| o[0].fill(0.5),
        ..Default::default()
    }
    .test();
    Function {
        name: "fg_clip_by_norm",
        outputs: &[fill(1, 7)],
        any_length: &[0],
        structure: false,
        call: &|b, _, e| unsafe { fg_clip_by_norm(0.5, b[0].data, b[0].len, std::ptr::null_mut(), e) },
        want: &|_, o| assert!(clip_by_norm(ctx(), 0.5, o[0]).unwrap() > 0.5),
        ..Default::default()
    }
    .test();
    let (mut g, mut norm) = ([3.0f32, 4.0], 0.0f32);
    unsafe {
        assert_eq!(fg_clip_by_norm(1.0, g.as_mut_ptr(), 2, g.as_mut_ptr(), std::ptr::null_mut()), FG_ERROR_OVERLAP);
        assert_eq!(fg_clip_by_norm(1.0, g.as_mut_ptr(), 2, &mut norm, std::ptr::null_mut()), FG_OK);
    }
    assert_eq!(norm, 5.0);
}

const C: fg_stream = fg_stream { seed: 7, step: 3, stream: 5 };
const CORE: Stream = Stream { seed: 7, stream: 5, step: 3 };

#[test]
fn random_numbers() {
    let fill_with = |name, call, want| {
        Function { name, outputs: &[fill(1, 13)], any_length: &[0], call, want, ..Default::default() }.test();
    };
    let (call, want): (Call, Want) =
        (&|b, by, e| unsafe { fg_fill_uniform(by.pointer(&C), 11, -1.0, 2.0, b[0].data, b[0].len, e) }, &|_, o| {
            CORE.fill_uniform(o[0], 11, -1.0, 2.0).unwrap()
        });
    fill_with("fg_fill_uniform", call, want);
    let (call, want): (Call, Want) =
        (&|b, by, e| unsafe { fg_fill_normal(by.pointer(&C), 11, -1.0, 2.0, b[0].data, b[0].len, e) }, &|_, o| {
            CORE.fill_normal(o[0], 11, -1.0, 2.0).unwrap()
        });
    fill_with("fg_fill_normal", call, want);
    let (call, want): (Call, Want) =
        (&|b, by, e| unsafe { fg_permutation(by.pointer(&C), b[0].data.cast(), b[0].len, e) }, &|_, o| {
            let mut numbers = [0; 13];
            permutation(CORE, &mut numbers).unwrap();
            o[0].iter_mut().zip(numbers).for_each(|(o, n)| *o = f32::from_bits(n));
        });
    fill_with("fg_permutation", call, want);
    Function {
        name: "fg_philox4x32_10",
        inputs: &[fill(1, 4), fill(2, 2)],
        outputs: &[fill(3, 4)],
        structure: false,
        call: &|b, _, e| unsafe {
            let [c, k, o] = b else { panic!() };
            fg_philox4x32_10(c.input().cast(), c.len, k.input().cast(), k.len, o.data.cast(), o.len, e)
        },
        want: &|i, o| {
            let counter = std::array::from_fn(|n| i[0][n].to_bits());
            let numbers = philox4x32_10(counter, std::array::from_fn(|n| i[1][n].to_bits()));
            o[0].copy_from_slice(&numbers.map(f32::from_bits));
        },
        ..Default::default()
    }
    .test();
}

#[test]
fn rules() {
    let root = std::f32::consts::SQRT_2;
    for (rule, value, core) in [
        (FG_INIT_DEFAULT, 0.0, Init::Default),
        (FG_INIT_UNIFORM, 0.5, Init::Uniform { bound: 0.5 }),
        (FG_INIT_NORMAL, 0.5, Init::Normal { std: 0.5 }),
        (FG_INIT_KAIMING_UNIFORM, 0.0, Init::KaimingUniform { gain: root }),
        (FG_INIT_KAIMING_NORMAL, 1.5, Init::KaimingNormal { gain: 1.5 }),
        (FG_INIT_XAVIER_UNIFORM, 0.0, Init::XavierUniform { gain: 1.0 }),
        (FG_INIT_XAVIER_NORMAL, 0.0, Init::XavierNormal { gain: 1.0 }),
        (FG_INIT_ORTHOGONAL, 0.0, Init::Orthogonal { gain: 1.0 }),
        (FG_INIT_CONSTANT, 0.25, Init::Constant { value: 0.25 }),
    ] {
        let c = fg_init { rule, value };
        Function {
            name: "fg_init_dense",
            outputs: &[fill(1, 15)],
            call: &|b, by, e| unsafe { fg_init_dense(by.pointer(&c), by.pointer(&C), 3, 5, b[0].data, b[0].len, e) },
            want: &|_, o| core.fill(CORE, Fans::dense(3, 5), o[0]).unwrap(),
            ..Default::default()
        }
        .test();
        Function {
            name: "fg_init_conv2d",
            outputs: &[fill(1, 36)],
            call: &|b, by, e| unsafe {
                fg_init_conv2d(by.pointer(&c), by.pointer(&C), 3, 2, 2, 3, b[0].data, b[0].len, e)
            },
            want: &|_, o| core.fill(CORE, Fans::conv2d([3, 2, 2, 3]), o[0]).unwrap(),
            ..Default::default()
        }
        .test();
    }
}
