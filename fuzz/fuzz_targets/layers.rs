//! Max pooling, softmax and cross entropy.
#![no_main]

use arbitrary::Arbitrary;
use flatgrad_core::pool::{self, MaxPool2d};
use flatgrad_core::{activation, loss, reference};
use flatgrad_fuzz::{Guarded, UpTo, Values, assert_bits, contexts};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Case {
    n: UpTo<9>,
    values: Values,
    kernel: Kernel,
}

#[derive(Arbitrary, Debug)]
enum Kernel {
    MaxPool {
        channels: UpTo<5>,
        size: [UpTo<20>; 2],
        kernel: [UpTo<5>; 2],
        stride: [UpTo<5>; 2],
        padding: [UpTo<3>; 2],
    },
    Softmax {
        classes: UpTo<70>,
    },
    CrossEntropy {
        classes: UpTo<70>,
        labels: [u8; 9],
        grad_scale: f32,
    },
}

fuzz_target!(|case: Case| {
    let (n, v) = (case.n.0, case.values);
    match case.kernel {
        Kernel::MaxPool { channels, size: [h, w], kernel, stride, padding } => max_pool(
            &MaxPool2d::new(n, [channels.0, h.0, w.0], kernel.map(|k| k.0))
                .stride(stride.map(|s| s.0))
                .padding(padding.map(|p| p.0)),
            v,
        ),
        Kernel::Softmax { classes } => softmax(n, classes.0, v),
        Kernel::CrossEntropy { classes, labels, grad_scale } => {
            let labels: Vec<u32> = labels[..n].iter().map(|&l| l as u32).collect();
            cross_entropy(classes.0, &labels, grad_scale, v);
        }
    }
});

fn max_pool(shape: &MaxPool2d, v: Values) {
    if shape.check().is_err() {
        assert!(pool::max_pool2d(contexts()[0].1, shape, &[], &mut []).is_err());
        return;
    }
    let (x, dy) = (v.any(shape.input_len(), 1), v.any(shape.output_len(), 2));
    let (mut y, mut dx) = (dy.clone(), x.clone());
    reference::pool::max_pool2d(shape, &x, &mut y);
    reference::pool::max_pool2d_backward(shape, &x, &dy, &mut dx);
    for (name, ctx) in contexts() {
        let (mut got_y, mut got_dx) = (Guarded::garbage(y.len(), 1), Guarded::garbage(dx.len(), 2));
        pool::max_pool2d(ctx, shape, &x, &mut got_y).unwrap();
        pool::max_pool2d_backward(ctx, shape, &x, &dy, &mut got_dx).unwrap();
        assert_bits(&format!("{name}: y"), got_y.get(), &y);
        assert_bits(&format!("{name}: dx"), got_dx.get(), &dx);
    }
}

fn softmax(n: usize, classes: usize, v: Values) {
    let x = v.any(n * classes, 1);
    let (mut y, mut log) = (x.clone(), x.clone());
    for i in 0..n {
        let row = i * classes..(i + 1) * classes;
        reference::activation::softmax(&x[row.clone()], &mut y[row.clone()]);
        reference::activation::log_softmax(&x[row.clone()], &mut log[row]);
    }
    for (name, ctx) in contexts() {
        let mut got = Guarded::garbage(x.len(), 3);
        activation::softmax(ctx, [n, classes], &x, &mut got).unwrap();
        assert_bits(&format!("{name}: softmax"), got.get(), &y);
        activation::log_softmax(ctx, [n, classes], &x, &mut got).unwrap();
        assert_bits(&format!("{name}: log_softmax"), got.get(), &log);
    }
}

fn cross_entropy(classes: usize, labels: &[u32], grad_scale: f32, v: Values) {
    let n = labels.len();
    let x = v.any(n * classes, 1);
    let refused = labels.iter().any(|&l| l as usize >= classes);
    let (mut dx, mut report) = (x.clone(), Default::default());
    if !refused {
        report = reference::loss::cross_entropy(classes, &x, labels, grad_scale, &mut dx);
    }
    for (name, ctx) in contexts() {
        let mut got = Guarded::new(&x, 1);
        let result = loss::cross_entropy_backward(ctx, [n, classes], &x, labels, grad_scale, &mut got);
        assert_eq!(result.is_err(), refused, "{result:?}");
        assert_bits(&format!("{name}: dx"), got.get(), &dx);
        let forward = loss::cross_entropy(ctx, [n, classes], &x, labels);
        assert_eq!(forward.is_err(), refused, "{forward:?}");
        for got in [result, forward].into_iter().flatten() {
            assert_bits(&format!("{name}: loss"), &[got.loss_sum], &[report.loss_sum]);
            assert_eq!(got.correct, report.correct, "{name}");
        }
    }
}
