//! Optimizers.

mod common;

use common::{Guarded, LENGTHS, assert_bits, assert_close, contexts, numbers};
use flatgrad_core::optim::{Adam, Sgd, adam_step, sgd_step};
use flatgrad_core::{Context, Error, Isa, reference};
use proptest::prelude::*;

fn sgds() -> Vec<Sgd> {
    let d = Sgd { lr: 0.07, ..Sgd::DEFAULT };
    vec![
        d,
        Sgd { weight_decay: 0.03, ..d },
        Sgd { momentum: 0.9, ..d },
        Sgd { momentum: 0.9, dampening: 0.3, weight_decay: 0.01, ..d },
        Sgd { momentum: 0.8, nesterov: true, weight_decay: 0.01, ..d },
        Sgd { lr: 0.0, momentum: 1.5, ..d },
    ]
}

fn adams() -> Vec<Adam> {
    let d = Adam { lr: 0.01, ..Adam::DEFAULT };
    vec![
        d,
        Adam { weight_decay: 0.1, ..d },
        Adam { betas: [0.5, 0.9], eps: 1e-3, ..d },
        Adam { betas: [0.0, 0.0], ..d },
        Adam { betas: [0.3, 0.999], ..d },
        Adam { lr: 0.0, ..d },
    ]
}

/// Gradients of very different sizes, with zeros and a denormal.
fn gradients(len: usize, seed: u32) -> Vec<f32> {
    let scale = |i: usize| [1.0, 1e-3, 1e3, 0.0, 1e-12, 1e-39][i % 6];
    numbers(len, seed).into_iter().enumerate().map(|(i, g)| g * scale(i)).collect()
}

fn lengths() -> impl Iterator<Item = usize> {
    LENGTHS.into_iter().chain([16 * 1024 * 3 + 7])
}

#[test]
fn sgd_equals_the_plain_loop_on_every_context() {
    for len in lengths() {
        for sgd in sgds() {
            let state = if sgd.momentum == 0.0 { 0 } else { len };
            for (name, ctx) in contexts() {
                let (mut p, mut want_p) = (Guarded::new(&numbers(len, 1), 1), numbers(len, 1));
                // The first step must not read the buffer.
                let (mut buf, mut want_buf) = (Guarded::garbage(state, 3), vec![f32::NAN; state]);
                for step in 1..4 {
                    let g = Guarded::new(&gradients(len, step), 2);
                    sgd_step(ctx, &sgd, step, &g, &mut p, &mut buf).unwrap();
                    reference::optim::sgd(&sgd, step, &g, &mut want_p, &mut want_buf);
                    assert_bits(&format!("{name}, {len}, {sgd:?}"), p.get(), &want_p);
                    assert_bits(&format!("{name}, {len}, {sgd:?} buffer"), buf.get(), &want_buf);
                }
            }
        }
    }
}

#[test]
fn adam_equals_the_plain_loop_on_every_context() {
    for len in lengths() {
        for adam in adams() {
            for (name, ctx) in contexts() {
                let (mut p, mut want_p) = (Guarded::new(&numbers(len, 1), 1), numbers(len, 1));
                let (mut m, mut v) = (Guarded::new(&vec![0.0; len], 2), Guarded::new(&vec![0.0; len], 3));
                let (mut want_m, mut want_v) = (vec![0.0; len], vec![0.0; len]);
                for step in [1, 2, 3, 1_000_000] {
                    let g = Guarded::new(&gradients(len, step), 2);
                    adam_step(ctx, &adam, step, &g, &mut p, &mut m, &mut v).unwrap();
                    reference::optim::adam(&adam, step, &g, &mut want_p, &mut want_m, &mut want_v);
                    let what = format!("{name}, {len}, {adam:?}");
                    assert_bits(&what, p.get(), &want_p);
                    assert_bits(&what, m.get(), &want_m);
                    assert_bits(&what, v.get(), &want_v);
                }
            }
        }
    }
}

/// The textbook's formulas in f64, not PyTorch's arrangement of them.
#[test]
fn adam_follows_the_paper() {
    let (len, ctx) = (97, Context::serial(Isa::detect()));
    let (mut p, mut m, mut v) = (numbers(len, 1), vec![0.0; len], vec![0.0; len]);
    let mut exact: Vec<[f64; 3]> = p.iter().map(|&p| [p as f64, 0.0, 0.0]).collect();
    let adam = Adam { lr: 0.01, ..Adam::DEFAULT };
    for step in 1..=100 {
        let g = numbers(len, step);
        adam_step(ctx, &adam, step, &g, &mut p, &mut m, &mut v).unwrap();
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
                adam_step(ctx, &adam, step, &g[r], p, m, v).unwrap();
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
        let got = adam_step(ctx, &adam, 1, &[1.0; 4], &mut p, &mut m, &mut v);
        assert!(matches!(got, Err(Error::Parameter { what, .. }) if what == name), "{adam:?}: {got:?}");
    }
    assert!(matches!(adam_step(ctx, &d, 0, &[1.0; 4], &mut p, &mut m, &mut v), Err(Error::Dimension { .. })));
    for (lens, name) in [([3, 4, 4], "grads"), ([4, 5, 4], "exp_avg"), ([4, 4, 0], "exp_avg_sq")] {
        let [g, m, v] = lens.map(|n| vec![1.0; n]);
        let (mut m, mut v) = (m, v);
        let got = adam_step(ctx, &d, 1, &g, &mut p, &mut m, &mut v);
        assert!(matches!(got, Err(Error::Length { what, .. }) if what == name), "{got:?}");
    }
    assert_eq!((p, m, v), ([3.0; 4], [5.0; 4], [7.0; 4]));
}

proptest! {
    /// With the first gradient and no eps, Adam moves every parameter by the learning rate, whatever the gradient's size.
    #[test]
    fn the_first_adam_step_is_lr(g in prop_oneof![-1e6f32..-1e-6, 1e-6f32..1e6], lr in 0f32..1.0) {
        let (mut p, mut m, mut v) = ([0.0], [0.0], [0.0]);
        let adam = Adam { lr, eps: 0.0, ..Adam::DEFAULT };
        adam_step(Context::serial(Isa::detect()), &adam, 1, &[g], &mut p, &mut m, &mut v).unwrap();
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
