//! Optimizers.

use super::{Golden, ctx, garbage, zeros};
use flatgrad_core::optim::*;

/// Fifty steps from one state: `state` names the tensors after the parameters, `step` makes one step on all of them.
fn train<const M: usize>(
    golden: &Golden,
    case: &str,
    mut state: [(&str, Vec<f32>); M],
    step: impl Fn(u32, &[f32], &mut [f32], [&mut [f32]; M]),
) {
    let [steps, n] = golden.shape("optim/grads");
    let mut p = golden.get("optim/start").to_vec();
    let mut checked = 0;
    for (i, g) in (1..).zip(golden.get("optim/grads").chunks(n)) {
        step(i, g, &mut p, state.each_mut().map(|s| &mut s.1[..]));
        if golden.tensors.contains_key(&format!("{case}{i}/params")) {
            let all = state.iter().filter(|(_, s)| !s.is_empty()).map(|(name, s)| (*name, &s[..]));
            for (name, got) in all.chain([("params", &p[..])]) {
                golden.check("optim", &format!("{case}{i}/{name}"), got);
                if i as usize == steps {
                    golden.check("optim, exact", &format!("{case}exact/{name}"), got);
                }
            }
            checked += 1;
        }
    }
    assert_eq!((steps, checked), (50, 3));
}

/// `n` zeros where the state is used.
fn used(golden: &Golden, used: bool) -> Vec<f32> {
    let [_, n] = golden.shape("optim/grads");
    zeros(if used { n } else { 0 })
}

#[test]
fn sgd() {
    let golden = Golden::read("optim");
    for case in golden.cases("sgd") {
        let [lr, momentum, dampening, weight_decay, nesterov] =
            golden.numbers(&format!("{case}options")).map(|x: f64| x as f32);
        let sgd = Sgd { lr, momentum, dampening, weight_decay, nesterov: nesterov != 0.0, ..Sgd::DEFAULT };
        let buffer = garbage(used(&golden, momentum != 0.0).len());
        train(&golden, &case, [("momentum_buffer", buffer)], |i, g, p, [buf]| {
            sgd_step(ctx(), &sgd, i, g, p, buf).unwrap();
        });
    }
}

fn train_adam(golden: &Golden, case: &str, adam: Adam) {
    let state = [("exp_avg", true), ("exp_avg_sq", true), ("max_exp_avg_sq", adam.amsgrad)];
    train(golden, case, state.map(|(name, on)| (name, used(golden, on))), |i, g, p, [m, v, top]| {
        adam_step(ctx(), &adam, i, g, p, m, v, top).unwrap();
    });
}

#[test]
fn adam() {
    let golden = Golden::read("optim");
    for case in golden.cases("adam") {
        let [lr, beta1, beta2, eps, weight_decay] = golden.numbers(&format!("{case}options"));
        let [lr, eps, weight_decay] = [lr, eps, weight_decay].map(|x| x as f32);
        train_adam(&golden, &case, Adam { lr, betas: [beta1, beta2], eps, weight_decay, ..Adam::DEFAULT });
    }
}

#[test]
fn amsgrad_and_adamw() {
    let golden = Golden::read("optim");
    for case in golden.cases("adam_kinds") {
        let [lr, weight_decay, decoupled, amsgrad] = golden.numbers(&format!("{case}options")).map(|x: f64| x as f32);
        let (decoupled, amsgrad) = (decoupled != 0.0, amsgrad != 0.0);
        train_adam(&golden, &case, Adam { lr, weight_decay, decoupled, amsgrad, ..Adam::DEFAULT });
    }
}

#[test]
fn adagrad() {
    let golden = Golden::read("optim");
    for case in golden.cases("adagrad") {
        let [lr, lr_decay, weight_decay, initial_accumulator, eps] =
            golden.numbers(&format!("{case}options")).map(|x: f64| x as f32);
        let adagrad = Adagrad { lr, lr_decay, weight_decay, initial_accumulator, eps };
        let mut sum = used(&golden, true);
        sum.fill(initial_accumulator);
        train(&golden, &case, [("sum", sum)], |i, g, p, [sum]| {
            adagrad_step(ctx(), &adagrad, i, g, p, sum).unwrap();
        });
    }
}

#[test]
fn rmsprop() {
    let golden = Golden::read("optim");
    for case in golden.cases("rmsprop") {
        let [lr, alpha, eps, weight_decay, momentum, centered] = golden.numbers(&format!("{case}options"));
        let [lr, eps, weight_decay, momentum] = [lr, eps, weight_decay, momentum].map(|x| x as f32);
        let rmsprop = RmsProp { lr, alpha, eps, weight_decay, momentum, centered: centered != 0.0 };
        let state = [("square_avg", true), ("grad_avg", rmsprop.centered), ("momentum_buffer", momentum != 0.0)];
        train(&golden, &case, state.map(|(name, on)| (name, used(&golden, on))), |i, g, p, [v, avg, buf]| {
            rmsprop_step(ctx(), &rmsprop, i, g, p, v, avg, buf).unwrap();
        });
    }
}

#[test]
fn lion() {
    let golden = Golden::read("optim");
    for case in golden.cases("lion") {
        let [lr, beta1, beta2, weight_decay] = golden.numbers(&format!("{case}options"));
        let lion = Lion { lr: lr as f32, betas: [beta1, beta2], weight_decay: weight_decay as f32 };
        train(&golden, &case, [("exp_avg", used(&golden, true))], |i, g, p, [m]| {
            lion_step(ctx(), &lion, i, g, p, m).unwrap();
        });
    }
}

#[test]
fn ema() {
    let golden = Golden::read("optim");
    let [_, n] = golden.shape("optim/grads");
    for case in golden.cases("ema") {
        let [decay] = golden.numbers(&format!("{case}decay"));
        let mut average = golden.get("optim/start").to_vec();
        for params in golden.get("optim/grads").chunks(n) {
            ema_update(ctx(), decay, params, &mut average).unwrap();
        }
        golden.check("optim", &format!("{case}average"), &average);
    }
}

#[test]
fn clipping() {
    let golden = Golden::read("optim");
    let [steps, n] = golden.shape("optim/grads");
    for case in golden.cases("clip_norm") {
        let [limit, want] = golden.numbers(&format!("{case}limit_norm"));
        let mut g = golden.get("optim/grads").to_vec();
        let norm = clip_by_norm(ctx(), limit as f32, &mut g).unwrap();
        assert!((norm as f64 - want).abs() <= 4e-7 * want, "{norm} {want}");
        golden.check("clip", &format!("{case}grads"), &g[..5 * n]);
    }
    let mut g = golden.get("optim/grads").to_vec();
    clip_by_value(ctx(), 0.25, &mut g).unwrap();
    golden.check("clip_by_value", "clip_value/grads", &g[..5 * n]);

    let mut w = golden.get("optim/grads").to_vec();
    max_norm(ctx(), Neurons::Rows, [steps, n], 60.0, &mut w).unwrap();
    golden.check("clip", "max_norm/rows", &w[..5 * n]);
    let mut w = golden.get("optim/grads").to_vec();
    max_norm(ctx(), Neurons::Columns, [steps, n], 60.0, &mut w).unwrap();
    let last: Vec<f32> = w.chunks(n).flat_map(|row| row[n - 5..].to_vec()).collect();
    golden.check("clip", "max_norm/columns", &last);
}
