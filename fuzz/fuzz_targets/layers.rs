//! Batch normalization, max pooling and cross entropy.
#![no_main]

use arbitrary::Arbitrary;
use flatgrad_core::norm::{self, BatchNorm};
use flatgrad_core::pool::{self, MaxPool2d};
use flatgrad_core::{Update, loss, reference};
use flatgrad_fuzz::{Guarded, UpTo, Values, assert_bits, contexts, output};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Case {
    n: UpTo<9>,
    values: Values,
    kernel: Kernel,
}

#[derive(Arbitrary, Debug)]
enum Kernel {
    BatchNorm {
        channels: UpTo<40>,
        spatial: UpTo<70>,
        accumulate: bool,
    },
    MaxPool {
        channels: UpTo<5>,
        size: [UpTo<20>; 2],
        kernel: [UpTo<5>; 2],
        stride: [UpTo<5>; 2],
        padding: [UpTo<3>; 2],
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
        Kernel::BatchNorm { channels, spatial, accumulate } => {
            batch_norm(&BatchNorm::new(n, channels.0, spatial.0), v, accumulate);
        }
        Kernel::MaxPool { channels, size: [h, w], kernel, stride, padding } => max_pool(
            &MaxPool2d::new(n, [channels.0, h.0, w.0], kernel.map(|k| k.0))
                .stride(stride.map(|s| s.0))
                .padding(padding.map(|p| p.0)),
            v,
        ),
        Kernel::CrossEntropy { classes, labels, grad_scale } => {
            let labels: Vec<u32> = labels[..n].iter().map(|&l| l as u32).collect();
            cross_entropy(classes.0, &labels, grad_scale, v);
        }
    }
});

fn batch_norm(bn: &BatchNorm, v: Values, accumulate: bool) {
    let (len, c) = (bn.input_len(), bn.channels);
    let (x, dy, scale, shift) = (v.any(len, 1), v.any(len, 2), v.any(c, 3), v.any(c, 4));
    let (old_mean, old_var) = (v.any(c, 5), v.any(c, 6));
    let (old_scale, old_shift) = (v.any(c, 7), v.any(c, 8));
    let update = if accumulate { Update::Accumulate } else { Update::Overwrite };
    let (mut mean, mut var) = (old_mean.clone(), old_var.clone());
    let (mut y, mut saved_mean, mut saved_rstd) = (x.clone(), old_mean.clone(), old_var.clone());
    let (mut dx, mut dscale, mut dshift) = (x.clone(), old_scale.clone(), old_shift.clone());
    let refused = bn.n * bn.spatial < 2;
    if !refused {
        reference::norm::batch_norm_train(
            bn,
            &x,
            &scale,
            &shift,
            &mut mean,
            &mut var,
            &mut y,
            &mut saved_mean,
            &mut saved_rstd,
        );
        reference::norm::batch_norm_backward(
            bn,
            &x,
            &dy,
            &scale,
            &saved_mean,
            &saved_rstd,
            update,
            &mut dx,
            &mut dscale,
            &mut dshift,
        );
    }
    for (name, ctx) in contexts() {
        let (mut got_mean, mut got_var) = (Guarded::new(&old_mean, 1), Guarded::new(&old_var, 2));
        let (mut got_y, mut got_saved, mut got_rstd) =
            (Guarded::garbage(len, 3), Guarded::garbage(c, 1), Guarded::garbage(c, 2));
        let result = norm::batch_norm_train(
            ctx,
            bn,
            &x,
            &scale,
            &shift,
            &mut got_mean,
            &mut got_var,
            &mut got_y,
            &mut got_saved,
            &mut got_rstd,
        );
        if refused {
            assert!(result.is_err() || c == 0 || bn.n == 0 || bn.spatial == 0, "{bn:?}");
            continue;
        }
        result.unwrap();
        assert_bits(&format!("{name}: y"), got_y.get(), &y);
        assert_bits(&format!("{name}: running mean"), got_mean.get(), &mean);
        assert_bits(&format!("{name}: running var"), got_var.get(), &var);
        assert_bits(&format!("{name}: saved mean"), got_saved.get(), &saved_mean);
        assert_bits(&format!("{name}: saved rstd"), got_rstd.get(), &saved_rstd);

        let mut got_dx = Guarded::garbage(len, 1);
        let (mut got_dscale, mut got_dshift) = (output(accumulate, &old_scale, 2), output(accumulate, &old_shift, 3));
        norm::batch_norm_backward(
            ctx,
            bn,
            &x,
            &dy,
            &scale,
            &saved_mean,
            &saved_rstd,
            update,
            &mut got_dx,
            &mut got_dscale,
            &mut got_dshift,
        )
        .unwrap();
        assert_bits(&format!("{name}: dx"), got_dx.get(), &dx);
        assert_bits(&format!("{name}: dscale"), got_dscale.get(), &dscale);
        assert_bits(&format!("{name}: dshift"), got_dshift.get(), &dshift);

        let mut got = Guarded::garbage(len, 1);
        norm::batch_norm_infer(ctx, bn, &x, &scale, &shift, &old_mean, &old_var, &mut got).unwrap();
        let mut want = x.clone();
        reference::norm::batch_norm_infer(bn, &x, &scale, &shift, &old_mean, &old_var, &mut want);
        assert_bits(&format!("{name}: infer"), got.get(), &want);
    }
}

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
