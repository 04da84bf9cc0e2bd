//! Optimizers.

mod common;

use common::{assert_bits, assert_close, contexts, numbers};
use flatgrad_core::optim::*;
use flatgrad_core::{Context, Error, Isa};
use proptest::prelude::*;

/// The textbook's formulas in f64, not PyTorch's arrangement of them.
#[test]
fn adam_follows_the_paper() {
    let (len, ctx) = (97, Context::serial(Isa::detect()));
    let (mut p, mut m, mut v) = (numbers(len, 1), vec![0.0; len], vec![0.0; len]);
    let mut exact: Vec<[f64; 3]> = p.iter().map(|&p| [p as f64, 0.0, 0.0]).collect();
    let adam = Adam { lr: 0.01, ..Adam::DEFAULT };
    for step in 1..=100 {
        let g = numbers(len, step);
        adam_step(ctx, &adam, step, &g, &mut p, &mut m, &mut v, &mut []).unwrap();
        for ([p, m, v], g) in exact.iter_mut().zip(&g) {
            let (g, t) = (*g as f64, step as i32);
            *m = 0.9 * *m + 0.1 * g;
            *v = 0.999 * *v + 0.001 * g * g;
            *p -= 0.01 * (*m / (1.0 - 0.9f64.powi(t))) / ((*v / (1.0 - 0.999f64.powi(t))).sqrt() + 1e-8);
        }
    }
    let column = |i: usize| exact.iter().map(|e| e[i] as f32).collect::<Vec<_>>();
    assert_close("param", &p, &column(0), 2e-6, 1.0);
    assert_close("exp_avg", &m, &column(1), 2e-6, 0.1);
    assert_close("exp_avg_sq", &v, &column(2), 2e-5, 0.0);
}

#[test]
fn one_call_equals_one_call_a_tensor() {
    let ctx = Context::serial(Isa::detect());
    let (adam, g) = (Adam::DEFAULT, numbers(301, 9));
    let run = |cuts: &[usize]| {
        let (mut p, mut m, mut v) = (numbers(301, 1), vec![0.0; 301], vec![0.0; 301]);
        for step in 1..4 {
            for c in cuts.windows(2) {
                let r = c[0]..c[1];
                let (p, m, v) = (&mut p[r.clone()], &mut m[r.clone()], &mut v[r.clone()]);
                adam_step(ctx, &adam, step, &g[r], p, m, v, &mut []).unwrap();
            }
        }
        p
    };
    assert_bits("cut", &run(&[0, 1, 14, 14, 300, 301]), &run(&[0, 301]));
}

#[test]
fn wrong_sgd_arguments_write_nothing() {
    let ctx = Context::serial(Isa::detect());
    let (d, nan, inf) = (Sgd { momentum: 0.9, ..Sgd::DEFAULT }, f32::NAN, f32::INFINITY);
    let bad = [
        (Sgd { lr: -0.1, ..d }, "lr"),
        (Sgd { lr: nan, ..d }, "lr"),
        (Sgd { lr: inf, ..d }, "lr"),
        (Sgd { momentum: -0.9, ..d }, "momentum"),
        (Sgd { momentum: nan, ..d }, "momentum"),
        (Sgd { weight_decay: -1.0, ..d }, "weight_decay"),
        (Sgd { weight_decay: inf, ..d }, "weight_decay"),
        (Sgd { dampening: nan, ..d }, "dampening"),
        (Sgd { momentum: 0.0, nesterov: true, ..d }, "momentum"),
        (Sgd { dampening: 0.1, nesterov: true, ..d }, "dampening"),
    ];
    let (mut p, mut buf) = ([3.0; 4], [5.0; 4]);
    for (sgd, name) in bad {
        let got = sgd_step(ctx, &sgd, 1, &[1.0; 4], &mut p, &mut buf);
        assert!(matches!(got, Err(Error::Parameter { what, .. }) if what == name), "{sgd:?}: {got:?}");
    }
    assert!(matches!(sgd_step(ctx, &d, 0, &[1.0; 4], &mut p, &mut buf), Err(Error::Dimension { .. })));
    assert!(matches!(sgd_step(ctx, &d, 1, &[1.0; 3], &mut p, &mut buf), Err(Error::Length { what: "grads", .. })));
    let short = sgd_step(ctx, &d, 1, &[1.0; 4], &mut p, &mut buf[..3]);
    assert_eq!(short, Err(Error::Length { what: "momentum_buffer", expected: 4, actual: 3 }));
    let surplus = sgd_step(ctx, &Sgd::DEFAULT, 1, &[1.0; 4], &mut p, &mut buf);
    assert_eq!(surplus, Err(Error::Length { what: "momentum_buffer", expected: 0, actual: 4 }));
    assert_eq!((p, buf), ([3.0; 4], [5.0; 4]));
}

#[test]
fn wrong_adam_arguments_write_nothing() {
    let ctx = Context::serial(Isa::detect());
    let (d, nan, inf) = (Adam::DEFAULT, f32::NAN, f32::INFINITY);
    let bad = [
        (Adam { lr: -0.1, ..d }, "lr"),
        (Adam { lr: nan, ..d }, "lr"),
        (Adam { lr: inf, ..d }, "lr"),
        (Adam { betas: [1.0, 0.9], ..d }, "betas[0]"),
        (Adam { betas: [f64::NAN, 0.9], ..d }, "betas[0]"),
        (Adam { betas: [0.9, 1.0], ..d }, "betas[1]"),
        (Adam { betas: [0.9, -0.1], ..d }, "betas[1]"),
        (Adam { eps: -1e-8, ..d }, "eps"),
        (Adam { eps: nan, ..d }, "eps"),
        (Adam { weight_decay: -1.0, ..d }, "weight_decay"),
        (Adam { weight_decay: inf, ..d }, "weight_decay"),
    ];
    let (mut p, mut m, mut v) = ([3.0; 4], [5.0; 4], [7.0; 4]);
    for (adam, name) in bad {
        let got = adam_step(ctx, &adam, 1, &[1.0; 4], &mut p, &mut m, &mut v, &mut []);
        assert!(matches!(got, Err(Error::Parameter { what, .. }) if what == name), "{adam:?}: {got:?}");
    }
    assert!(matches!(adam_step(ctx, &d, 0, &[1.0; 4], &mut p, &mut m, &mut v, &mut []), Err(Error::Dimension { .. })));
    for (lens, name) in [([3, 4, 4], "grads"), ([4, 5, 4], "exp_avg"), ([4, 4, 0], "exp_avg_sq")] {
        let [g, m, v] = lens.map(|n| vec![1.0; n]);
        let (mut m, mut v) = (m, v);
        let got = adam_step(ctx, &d, 1, &g, &mut p, &mut m, &mut v, &mut []);
        assert!(matches!(got, Err(Error::Length { what, .. }) if what == name), "{got:?}");
    }
    assert_eq!((p, m, v), ([3.0; 4], [5.0; 4], [7.0; 4]));
}

fn here() -> Context<'static> {
    Context::serial(Isa::detect())
}

/// How far each step moves a parameter, divided by the gradient.
fn rates(gradients: &[f32], mut step: impl FnMut(u32, &[f32], &mut [f32])) -> Vec<f32> {
    let move_by = |(i, g): (u32, &f32)| {
        let mut p = [0.0];
        step(i, &[*g], &mut p);
        -p[0] / g
    };
    (1..).zip(gradients).map(move_by).collect()
}

/// Large gradients, then small ones: Adagrad remembers the large for ever, RMSprop forgets them.
#[test]
fn adagrads_rate_only_falls_and_rmsprops_recovers() {
    let gradients: Vec<f32> =
        numbers(600, 3).iter().enumerate().map(|(i, g)| g * if i < 100 { 10.0 } else { 0.01 }).collect();
    let (adagrad, mut sum) = (Adagrad::DEFAULT, [0.0]);
    let falling = rates(&gradients, |i, g, p| adagrad_step(here(), &adagrad, i, g, p, &mut sum).unwrap());
    assert!(falling.windows(2).all(|w| w[1] <= w[0] * (1.0 + 1e-6)), "{falling:?}");
    let rate = adagrad.lr / (sum[0].sqrt() + adagrad.eps);
    assert!((falling[599] - rate).abs() < 1e-6 * rate);

    let (rmsprop, mut v) = (RmsProp::DEFAULT, [0.0]);
    let both = rates(&gradients, |i, g, p| rmsprop_step(here(), &rmsprop, i, g, p, &mut v, &mut [], &mut []).unwrap());
    assert!(both[99] < 0.5 * both[0], "it falls while gradients are large");
    assert!(both[599] > 10.0 * both[99], "and rises when they are small: {} {}", both[99], both[599]);
}

/// At step 1 the form without correction moves `(1 - beta1) / sqrt(1 - beta2)` times as far; at last they are the same.
#[test]
fn adams_two_forms_differ_at_first_and_meet() {
    let simple = Adam { bias_correction: false, ..Adam::DEFAULT };
    let mut ratio = 0.0;
    let mut state = [[0.0; 1]; 4];
    for step in 1..=20_000 {
        let [m, v, simple_m, simple_v] = &mut state;
        let (mut p, mut q, g) = ([0.0], [0.0], [1.0 + 0.1 * (step as f32).sin()]);
        adam_step(here(), &Adam::DEFAULT, step, &g, &mut p, m, v, &mut []).unwrap();
        adam_step(here(), &simple, step, &g, &mut q, simple_m, simple_v, &mut []).unwrap();
        ratio = q[0] / p[0];
        if step == 1 {
            assert!((ratio - 0.1 / 0.001f32.sqrt()).abs() < 1e-3, "{ratio}");
        }
    }
    assert_eq!(state[0], state[2]);
    assert!((ratio - 1.0).abs() < 1e-6, "{ratio}");
}

/// The lecture's simple form, written out.
#[test]
fn adam_without_correction_is_the_simple_form() {
    let adam = Adam { bias_correction: false, lr: 0.1, ..Adam::DEFAULT };
    let (mut p, mut m, mut v, g) = ([2.0], [0.3], [0.04], 0.5f32);
    adam_step(here(), &adam, 7, &[g], &mut p, &mut m, &mut v, &mut []).unwrap();
    let want_m = 0.3 + 0.1f32 * (g - 0.3);
    let want_v = 0.999f32 * 0.04 + 0.001f32 * g * g;
    assert_bits("all", &[p[0], m[0], v[0]], &[2.0 - 0.1 * want_m / (want_v.sqrt() + 1e-8), want_m, want_v]);
}

/// With AMSGrad the denominator never shrinks: after one huge gradient the steps stay small.
#[test]
fn amsgrad_remembers_the_largest() {
    let (plain, amsgrad) = (Adam::DEFAULT, Adam { amsgrad: true, ..Adam::DEFAULT });
    let moved = |adam: &Adam| {
        let (mut p, mut m, mut v, mut top) = ([0.0], [0.0], [0.0], vec![0.0; adam.state_slots() - 2]);
        let mut before = 0.0;
        for step in 1..=3000 {
            before = p[0];
            let g = if step == 1 { 1000.0 } else { 1.0 };
            adam_step(here(), adam, step, &[g], &mut p, &mut m, &mut v, &mut top).unwrap();
        }
        before - p[0]
    };
    assert!(moved(&amsgrad) < 0.3 * moved(&plain), "{} {}", moved(&amsgrad), moved(&plain));
}

/// Coupled decay passes through Adam's denominator and all but vanishes; decoupled decay does not. For plain gradient
/// descent both are the same formula.
#[test]
fn decoupled_decay_matters_for_adam_and_not_for_sgd() {
    let run = |decoupled| {
        let adam = Adam { weight_decay: 0.1, decoupled, ..Adam::DEFAULT };
        let sgd = Sgd { lr: 0.01, weight_decay: 0.1, decoupled, ..Sgd::DEFAULT };
        let (mut p, mut q, mut m, mut v) = (vec![1.0; 64], vec![1.0; 64], vec![0.0; 64], vec![0.0; 64]);
        for step in 1..=200 {
            let g: Vec<f32> = numbers(64, step).iter().map(|g| 10.0 * g).collect();
            adam_step(here(), &adam, step, &g, &mut p, &mut m, &mut v, &mut []).unwrap();
            sgd_step(here(), &sgd, step, &g, &mut q, &mut []).unwrap();
        }
        (p, q)
    };
    let ((l2, sgd_l2), (adamw, sgd_decoupled)) = (run(false), run(true));
    let mean = |x: &[f32]| x.iter().sum::<f32>() / 64.0;
    assert!(mean(&l2) - mean(&adamw) > 0.01, "{} {}", mean(&l2), mean(&adamw));
    assert_close("sgd", &sgd_decoupled, &sgd_l2, 2e-5, 0.1);
}

/// A gradient that does not change: `v - avg^2` is rounding alone, and sometimes below zero, where PyTorch's root is
/// NaN.
#[test]
fn a_constant_gradient_keeps_centered_rmsprop_finite() {
    let rmsprop = RmsProp { centered: true, alpha: 0.5, momentum: 0.5, eps: 1e-3, ..RmsProp::DEFAULT };
    let g: Vec<f32> = numbers(97, 5).iter().map(|g| g * 3.0).collect();
    let (mut p, mut v, mut avg, mut buf) = (vec![0.0; 97], vec![0.0; 97], vec![0.0; 97], vec![0.0; 97]);
    let mut negative = false;
    for step in 1..200 {
        rmsprop_step(here(), &rmsprop, step, &g, &mut p, &mut v, &mut avg, &mut buf).unwrap();
        negative |= v.iter().zip(&avg).any(|(v, avg)| v - avg * avg < 0.0);
    }
    assert!(negative, "the case is not tested");
    assert!(p.iter().all(|p| p.is_finite()));
}

#[test]
fn an_average_of_equal_weights_is_that_weight() {
    for decay in [0.0, 0.3, 0.5, 0.999, 1.0] {
        let x = numbers(97, 1);
        let mut average = x.clone();
        ema_update(here(), decay, &x, &mut average).unwrap();
        assert_bits("equal", &average, &x);
        let (start, mut average) = (numbers(97, 2), numbers(97, 2));
        ema_update(here(), decay, &x, &mut average).unwrap();
        let between = |i: usize| average[i] >= x[i].min(start[i]) && average[i] <= x[i].max(start[i]);
        assert!((0..97).all(between), "{decay}");
    }
}

/// Ten million gradients of very different sizes against a sum in `f64`, on every instruction set and thread count.
#[test]
fn the_norm_is_accurate_for_ten_million() {
    let g: Vec<f32> = (0..10_000_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 * 1e-7 * [1.0, 1e-3][i as usize % 2])
        .collect();
    let exact = g.iter().map(|&g| g as f64 * g as f64).sum::<f64>().sqrt();
    let norms: Vec<f32> = contexts().iter().map(|(_, ctx)| grad_norm(*ctx, &g).unwrap()).collect();
    assert!((norms[0] as f64 - exact).abs() < 1e-7 * exact, "{} {exact}", norms[0]);
    assert!(norms.iter().all(|n| n.to_bits() == norms[0].to_bits()));
}

#[test]
fn clipping_by_norm_keeps_the_direction() {
    for (limit, clipped) in [(1.0, true), (1e6, false), (0.0, true)] {
        let before = numbers(1009, 4);
        let mut g = before.clone();
        let norm = clip_by_norm(here(), limit, &mut g).unwrap();
        assert_eq!(norm, grad_norm(here(), &before).unwrap());
        if clipped {
            assert!(grad_norm(here(), &g).unwrap() <= limit * 1.000_001);
            let factor = limit / norm;
            let want: Vec<f32> = before.iter().map(|g| g * factor).collect();
            assert_close("scaled", &g, &want, 1e-6, 0.0);
        } else {
            assert_bits("unchanged", &g, &before);
        }
    }
}

/// As in PyTorch: what is finite becomes 0, what is not becomes NaN; squares overflow.
#[test]
fn gradients_without_a_finite_norm() {
    let mut g = [1.0, f32::INFINITY, -2.0];
    assert_eq!(clip_by_norm(here(), 1.0, &mut g), Ok(f32::INFINITY));
    assert!(g[0] == 0.0 && g[1].is_nan() && g[2] == 0.0);
    let mut g = [1.0, f32::NAN];
    assert!(clip_by_norm(here(), 1.0, &mut g).unwrap().is_nan());
    assert!(g[0].is_nan() && g[1].is_nan());
    let mut g = [1e30, 1.0];
    assert_eq!(clip_by_norm(here(), 1.0, &mut g), Ok(f32::INFINITY));
    assert_eq!(g, [0.0, 0.0]);
    let mut g = [f32::NAN, f32::NEG_INFINITY, -0.0];
    clip_by_value(here(), 2.0, &mut g).unwrap();
    assert!(g[0].is_nan() && g[1] == -2.0 && g[2].to_bits() == (-0.0f32).to_bits());
    assert_eq!((grad_norm(here(), &[]), clip_by_norm(here(), 1.0, &mut [])), (Ok(0.0), Ok(0.0)));
}

#[test]
fn every_neuron_keeps_to_its_norm() {
    let (rows, cols) = (37, 21);
    for (neurons, limit) in [(Neurons::Rows, 1.5), (Neurons::Columns, 3.4)] {
        let before: Vec<f32> =
            numbers(rows * cols, 3).iter().enumerate().map(|(i, w)| w * [0.1, 1.0, 2.0][i % cols % 3]).collect();
        let mut w = before.clone();
        max_norm(here(), neurons, [rows, cols], limit, &mut w).unwrap();
        let (count, len) = if neurons == Neurons::Rows { (rows, cols) } else { (cols, rows) };
        let of = |w: &[f32], n: usize| -> Vec<f32> {
            (0..len).map(|i| if neurons == Neurons::Rows { w[n * cols + i] } else { w[i * cols + n] }).collect()
        };
        let norm = |x: &[f32]| x.iter().map(|&x| x as f64 * x as f64).sum::<f64>().sqrt() as f32;
        let mut limited = 0;
        for n in 0..count {
            let (old, new) = (of(&before, n), of(&w, n));
            if norm(&old) > limit {
                limited += 1;
                assert!((norm(&new) - limit).abs() < 1e-6 * limit, "{neurons:?} {n}: {}", norm(&new));
            } else {
                assert_bits("within the limit", &new, &old);
            }
        }
        assert!(limited > 0 && (limited < count || neurons == Neurons::Rows), "{limited} of {count}");
    }
    let mut w = [f32::NAN, 1.0];
    max_norm(here(), Neurons::Rows, [1, 2], 0.1, &mut w).unwrap();
    assert!(w[0].is_nan() && w[1] == 1.0, "a norm that is NaN is not above the limit");
}

#[test]
fn what_else_is_refused() {
    let (ctx, nan, inf) = (here(), f32::NAN, f32::INFINITY);
    let parameter = |got: Result<(), Error>, name: &str| {
        assert!(matches!(got, Err(Error::Parameter { what, .. }) if what == name), "{name}: {got:?}");
    };
    let (mut p, mut a, mut b, mut c) = ([3.0; 4], [5.0; 4], [6.0; 4], [7.0; 4]);
    let g = [1.0; 4];
    let d = Adagrad::DEFAULT;
    for (o, name) in [
        (Adagrad { lr: nan, ..d }, "lr"),
        (Adagrad { lr_decay: -1.0, ..d }, "lr_decay"),
        (Adagrad { weight_decay: inf, ..d }, "weight_decay"),
        (Adagrad { initial_accumulator: -1.0, ..d }, "initial_accumulator"),
        (Adagrad { eps: nan, ..d }, "eps"),
    ] {
        parameter(adagrad_step(ctx, &o, 1, &g, &mut p, &mut a), name);
    }
    assert!(matches!(adagrad_step(ctx, &d, 0, &g, &mut p, &mut a), Err(Error::Dimension { .. })));
    let d = RmsProp { centered: true, momentum: 0.9, ..RmsProp::DEFAULT };
    for (o, name) in [
        (RmsProp { lr: -1.0, ..d }, "lr"),
        (RmsProp { alpha: 1.0, ..d }, "alpha"),
        (RmsProp { alpha: f64::NAN, ..d }, "alpha"),
        (RmsProp { eps: -1.0, ..d }, "eps"),
        (RmsProp { weight_decay: nan, ..d }, "weight_decay"),
        (RmsProp { momentum: inf, ..d }, "momentum"),
    ] {
        parameter(rmsprop_step(ctx, &o, 1, &g, &mut p, &mut a, &mut b, &mut c), name);
    }
    let surplus = rmsprop_step(ctx, &RmsProp::DEFAULT, 1, &g, &mut p, &mut a, &mut [], &mut c);
    assert_eq!(surplus, Err(Error::Length { what: "momentum_buffer", expected: 0, actual: 4 }));
    let surplus = adam_step(ctx, &Adam::DEFAULT, 1, &g, &mut p, &mut a, &mut b, &mut c);
    assert_eq!(surplus, Err(Error::Length { what: "max_exp_avg_sq", expected: 0, actual: 4 }));
    for bad in [-0.1, 1.1, f64::NAN] {
        parameter(ema_update(ctx, bad, &g, &mut p), "decay");
    }
    for bad in [-1.0, nan, inf] {
        parameter(clip_by_norm(ctx, bad, &mut p).map(|_| ()), "max_norm");
        parameter(clip_by_value(ctx, bad, &mut p), "limit");
        parameter(max_norm(ctx, Neurons::Rows, [2, 2], bad, &mut p), "limit");
    }
    let short = max_norm(ctx, Neurons::Rows, [2, 3], 0.1, &mut p);
    assert_eq!(short, Err(Error::Length { what: "weight", expected: 6, actual: 4 }));
    let huge = max_norm(ctx, Neurons::Rows, [usize::MAX, 3], 0.1, &mut p);
    assert_eq!(huge, Err(Error::Overflow { what: "weight" }));
    assert_eq!((p, a, b, c), ([3.0; 4], [5.0; 4], [6.0; 4], [7.0; 4]));
}

proptest! {
    /// With the first gradient and no eps, Adam moves every parameter by the learning rate, whatever the gradient's
    /// size.
    #[test]
    fn the_first_adam_step_is_lr(g in prop_oneof![-1e6f32..-1e-6, 1e-6f32..1e6], lr in 0f32..1.0) {
        let (mut p, mut m, mut v) = ([0.0], [0.0], [0.0]);
        let adam = Adam { lr, eps: 0.0, ..Adam::DEFAULT };
        adam_step(Context::serial(Isa::detect()), &adam, 1, &[g], &mut p, &mut m, &mut v, &mut []).unwrap();
        prop_assert!((p[0] + lr * g.signum()).abs() <= 1e-6 * lr, "{} {}", p[0], lr);
    }

    /// On a parabola, gradient descent with `lr = 1 / curvature` is at the minimum after one step.
    #[test]
    fn sgd_finds_the_minimum_of_a_parabola(start in -100f32..100.0, minimum in -100f32..100.0) {
        let sgd = Sgd { lr: 0.5, ..Sgd::DEFAULT };
        let mut p = [start];
        let g = [2.0 * (p[0] - minimum)];
        sgd_step(Context::serial(Isa::detect()), &sgd, 1, &g, &mut p, &mut []).unwrap();
        prop_assert!((p[0] - minimum).abs() <= 1e-4);
    }
}
