//! Convolution: any geometry; forward and all gradients.
#![no_main]

use arbitrary::Arbitrary;
use flatgrad_core::conv::{self, Conv2d};
use flatgrad_core::{Activation, Update, reference};
use flatgrad_fuzz::{Guarded, UpTo, Values, assert_bits, contexts, output};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Case {
    n: UpTo<4>,
    group_in: UpTo<18>,
    group_out: UpTo<36>,
    groups: UpTo<4>,
    size: [UpTo<17>; 2],
    kernel: [UpTo<5>; 2],
    stride: [UpTo<4>; 2],
    padding: [UpTo<5>; 2],
    dilation: [UpTo<3>; 2],
    bias: bool,
    relu: bool,
    accumulate: bool,
    threads: UpTo<3>,
    values: Values,
}

fuzz_target!(|case: Case| {
    let Case { n, groups, size: [h, w], kernel: [kh, kw], .. } = case;
    let image = [groups.0 * case.group_in.0, h.0, w.0];
    let shape = Conv2d::new(n.0, image, groups.0 * case.group_out.0, [kh.0, kw.0])
        .stride(case.stride.map(|s| s.0))
        .padding(case.padding.map(|p| p.0))
        .dilation(case.dilation.map(|d| d.0))
        .groups(groups.0);
    let update = if case.accumulate { Update::Accumulate } else { Update::Overwrite };
    let activation = if case.relu { Activation::Relu } else { Activation::None };
    let v = case.values;
    if shape.check().is_err() {
        let refused = conv::conv2d(contexts()[0].1, &shape, &[], &[], None, activation, &mut [], &mut []);
        assert!(refused.is_err(), "{shape:?}");
        return;
    }
    if shape.output_len() * shape.weight_len() > 1 << 22 {
        return;
    }
    // Taps outside the image may be skipped: the same bits for finite values only.
    let (x, weight) = (v.finite(shape.input_len(), 1), v.finite(shape.weight_len(), 2));
    let (dy, bias) = (v.finite(shape.output_len(), 3), v.finite(shape.out_channels, 4));
    let (old_dw, old_db) = (v.finite(weight.len(), 5), v.finite(bias.len(), 6));
    let bias = case.bias.then_some(&bias[..]);

    let (mut y, mut dx) = (dy.clone(), x.clone());
    let (mut dw, mut db) = (old_dw.clone(), old_db.clone());
    reference::conv::conv2d(&shape, &x, &weight, bias, activation, &mut y);
    reference::conv::conv2d_backward_input(&shape, &dy, &weight, &mut dx);
    reference::conv::conv2d_backward_weight(&shape, &x, &dy, update, &mut dw);
    reference::conv::conv2d_backward_bias(&shape, &dy, update, &mut db);

    for (name, ctx) in contexts() {
        let scratch = |per_thread: usize| Guarded::garbage(per_thread * case.threads.0.max(1), 1);

        let mut got = Guarded::garbage(y.len(), 2);
        let mut s = scratch(conv::conv2d_scratch_len(&shape));
        conv::conv2d(ctx, &shape, &x, &weight, bias, activation, &mut got, &mut s).unwrap();
        s.get();
        assert_bits(&format!("{name}: y"), got.get(), &y);

        let mut got = Guarded::garbage(x.len(), 1);
        let mut s = scratch(conv::conv2d_backward_input_scratch_len(&shape));
        conv::conv2d_backward_input(ctx, &shape, &dy, &weight, &mut got, &mut s).unwrap();
        s.get();
        assert_bits(&format!("{name}: dx"), got.get(), &dx);

        let mut got = output(case.accumulate, &old_dw, 3);
        let mut s = scratch(conv::conv2d_backward_weight_scratch_len(&shape));
        conv::conv2d_backward_weight(ctx, &shape, &x, &dy, update, &mut got, &mut s).unwrap();
        s.get();
        assert_bits(&format!("{name}: dw"), got.get(), &dw);

        let mut got = output(case.accumulate, &old_db, 0);
        conv::conv2d_backward_bias(ctx, &shape, &dy, update, &mut got).unwrap();
        assert_bits(&format!("{name}: db"), got.get(), &db);
    }
});
