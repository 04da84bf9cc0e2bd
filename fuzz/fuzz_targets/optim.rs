//! Optimizers and dropout: any hyper-parameters, which are either refused or followed.
#![no_main]

use arbitrary::Arbitrary;
use flatgrad_core::dropout::{Dropout, DropoutMask, dropout, dropout_in_place};
use flatgrad_core::optim::{Adam, Sgd, adam_step, sgd_step};
use flatgrad_core::{reference, rng::Stream};
use flatgrad_fuzz::{Guarded, Rate, UpTo, Values, assert_bits, contexts};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Case {
    len: UpTo<300>,
    /// 15: enough for several threads.
    long: UpTo<15>,
    step: u32,
    values: Values,
    kernel: Kernel,
}

#[derive(Arbitrary, Debug)]
enum Kernel {
    Sgd { rates: [Rate; 4], nesterov: bool },
    Adam { rates: [Rate; 5] },
    Dropout { p: Rate, seed: u64, stream: u32, step: u64, first: u64 },
}

fuzz_target!(|case: Case| {
    let (step, v) = (case.step, case.values);
    let len = if case.long.0 == 15 { 33_000 + case.len.0 } else { case.len.0 };
    let (g, p) = (v.any(len, 1), v.any(len, 2));
    let (m, root) = (v.any(len, 3), v.any(len, 4));
    let squares: Vec<f32> = root.iter().map(|x| x * x).collect();
    match case.kernel {
        Kernel::Sgd { rates, nesterov } => {
            let [lr, momentum, dampening, weight_decay] = rates.map(Rate::get);
            let sgd = Sgd { lr, momentum, dampening, weight_decay, nesterov };
            let buf = if momentum == 0.0 { &[] } else { &m[..] };
            let (mut want_p, mut want_buf) = (p.clone(), buf.to_vec());
            let accepted = sgd.check().is_ok() && step > 0;
            if accepted {
                reference::optim::sgd(&sgd, step, &g, &mut want_p, &mut want_buf);
            }
            for (name, ctx) in contexts() {
                let (mut got_p, mut got_buf) = (Guarded::new(&p, 1), Guarded::new(buf, 2));
                let result = sgd_step(ctx, &sgd, step, &g, &mut got_p, &mut got_buf);
                assert_eq!(result.is_ok(), accepted, "{result:?}");
                assert_bits(&name, got_p.get(), &want_p);
                assert_bits(&name, got_buf.get(), &want_buf);
            }
        }
        Kernel::Adam { rates } => {
            let [lr, beta1, beta2, eps, weight_decay] = rates.map(Rate::get);
            let adam = Adam { lr, betas: [beta1 as f64, beta2 as f64], eps, weight_decay };
            let (mut want_p, mut want_m, mut want_v) = (p.clone(), m.clone(), squares.clone());
            let accepted = adam.check().is_ok() && step > 0;
            if accepted {
                reference::optim::adam(&adam, step, &g, &mut want_p, &mut want_m, &mut want_v);
            }
            for (name, ctx) in contexts() {
                let (mut p, mut m, mut v) = (Guarded::new(&p, 1), Guarded::new(&m, 2), Guarded::new(&squares, 3));
                let result = adam_step(ctx, &adam, step, &g, &mut p, &mut m, &mut v);
                assert_eq!(result.is_ok(), accepted, "{result:?}");
                assert_bits(&name, p.get(), &want_p);
                assert_bits(&name, m.get(), &want_m);
                assert_bits(&name, v.get(), &want_v);
            }
        }
        Kernel::Dropout { p: rate, seed, stream, step, first } => {
            let mask = DropoutMask { stream: Stream { seed, stream, step }, first };
            let Ok(d) = Dropout::drop(rate.get()) else {
                assert!(!(0.0..=1.0).contains(&rate.get()));
                return;
            };
            let mut want = p.clone();
            reference::dropout::dropout(d, mask, &p, &mut want);
            for (name, ctx) in contexts() {
                let mut y = Guarded::garbage(len, 1);
                dropout(ctx, d, mask, &p, &mut y).unwrap();
                assert_bits(&name, y.get(), &want);
                let mut y = Guarded::new(&p, 2);
                dropout_in_place(ctx, d, mask, &mut y).unwrap();
                assert_bits(&name, y.get(), &want);
            }
        }
    }
});
