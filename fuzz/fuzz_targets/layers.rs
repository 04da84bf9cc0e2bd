//! Batch normalization and softmax.
#![no_main]

use arbitrary::Arbitrary;
use flatgrad_core::norm::{self, BatchNorm};
use flatgrad_core::{Update, activation, reference};
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
    BatchNorm { channels: UpTo<40>, spatial: UpTo<70>, accumulate: bool },
    Softmax { classes: UpTo<70> },
}

fuzz_target!(|case: Case| {
    let (n, v) = (case.n.0, case.values);
    match case.kernel {
        Kernel::BatchNorm { channels, spatial, accumulate } => {
            batch_norm(&BatchNorm::new(n, channels.0, spatial.0), v, accumulate);
        }
        Kernel::Softmax { classes } => softmax(n, classes.0, v),
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
