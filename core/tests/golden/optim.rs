//! Optimizers.

use super::{Golden, ctx, garbage, zeros};
use flatgrad_core::optim::{Adam, Sgd, adam_step, sgd_step};

#[test]
fn sgd() {
    let golden = Golden::read("optim");
    let [steps, n] = golden.shape("optim/grads");
    for case in golden.cases("sgd") {
        let [lr, momentum, dampening, weight_decay, nesterov] = golden.numbers(&format!("{case}options"));
        let [lr, momentum, dampening, weight_decay] = [lr, momentum, dampening, weight_decay].map(|x| x as f32);
        let sgd = Sgd { lr, momentum, dampening, weight_decay, nesterov: nesterov != 0.0 };
        let mut p = golden.get("optim/start").to_vec();
        let mut buf = garbage(if momentum == 0.0 { 0 } else { n });
        let mut checked = 0;
        for (step, g) in (1..).zip(golden.get("optim/grads").chunks(n)) {
            sgd_step(ctx(), &sgd, step, g, &mut p, &mut buf).unwrap();
            if golden.tensors.contains_key(&format!("{case}{step}/params")) {
                golden.check("sgd", &format!("{case}{step}/params"), &p);
                if momentum != 0.0 {
                    golden.check("sgd", &format!("{case}{step}/momentum_buffer"), &buf);
                }
                checked += 1;
            }
        }
        assert_eq!((steps, checked), (50, 3));
    }
}

#[test]
fn adam() {
    let golden = Golden::read("optim");
    let [_, n] = golden.shape("optim/grads");
    for case in golden.cases("adam") {
        let [lr, beta1, beta2, eps, weight_decay] = golden.numbers(&format!("{case}options"));
        let [lr, eps, weight_decay] = [lr, eps, weight_decay].map(|x| x as f32);
        let adam = Adam { lr, betas: [beta1, beta2], eps, weight_decay };
        let (mut p, mut m, mut v) = (golden.get("optim/start").to_vec(), zeros(n), zeros(n));
        let mut checked = 0;
        for (step, g) in (1..).zip(golden.get("optim/grads").chunks(n)) {
            adam_step(ctx(), &adam, step, g, &mut p, &mut m, &mut v).unwrap();
            if golden.tensors.contains_key(&format!("{case}{step}/params")) {
                golden.check("adam", &format!("{case}{step}/params"), &p);
                golden.check("adam", &format!("{case}{step}/exp_avg"), &m);
                golden.check("adam", &format!("{case}{step}/exp_avg_sq"), &v);
                checked += 1;
            }
        }
        assert_eq!(checked, 3);
    }
}
