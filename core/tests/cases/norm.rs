//! Rows of `norm`.

use super::{Call, Case, Draw, Output};
use flatgrad_core::norm::*;
use flatgrad_core::{Update, reference};

pub const CASES: [Case; 11] = [
    Case { covers: &["norm::batch_norm_train"], make: train },
    Case { covers: &["norm::batch_norm_infer"], make: infer },
    Case { covers: &["norm::batch_norm_backward"], make: batch_backward },
    Case { covers: &["norm::batch_norm_infer_backward"], make: infer_backward },
    Case { covers: &["norm::fold_batch_norm"], make: fold },
    Case { covers: &["norm::group_norm"], make: group },
    Case { covers: &["norm::group_norm_backward"], make: group_backward },
    Case { covers: &["norm::layer_norm"], make: layer },
    Case { covers: &["norm::layer_norm_backward"], make: layer_backward },
    Case { covers: &["norm::rms_norm"], make: rms },
    Case { covers: &["norm::rms_norm_backward"], make: rms_backward },
];

const UPDATES: [Update; 2] = [Update::Overwrite, Update::Accumulate];

fn garbage(len: usize) -> Vec<f32> {
    vec![f32::NAN; len]
}

/// A gradient of parameters before the call.
fn before(draw: &mut Draw, update: Update, len: usize) -> Vec<f32> {
    if update == Update::Accumulate { draw.any(len) } else { garbage(len) }
}

/// Images or the outputs of a dense layer, more than one element per channel in training.
fn batch_shape(draw: &mut Draw, train: bool) -> BatchNorm {
    let (channels, n) = (draw.size(0, 131, 40), draw.size(0, 9, 17));
    let spatial = if draw.flag() { 1 } else { draw.size(0, 97, 97) };
    let n = if train && n * spatial == 1 { 2 } else { n };
    let momentum = draw.pick(&[0.1, 0.0, 1.0]);
    BatchNorm::new(n, channels, spatial).momentum(momentum).eps(draw.pick(&[1e-5, 0.0, 0.5]))
}

fn train(draw: &mut Draw) -> Call {
    let bn = batch_shape(draw, true);
    let (len, c) = (bn.input_len(), bn.channels);
    let inputs = vec![draw.any(len), draw.any(c), draw.any(c)];
    let (old_mean, old_var) = (draw.any(c), draw.any(c));
    let (mut mean, mut var) = (old_mean.clone(), old_var.clone());
    let (mut y, mut saved_mean, mut saved_rstd) = (garbage(len), garbage(c), garbage(c));
    if bn.n * bn.spatial > 0 {
        let [x, scale, shift] = [0, 1, 2].map(|i| &inputs[i][..]);
        let saved = [&mut saved_mean, &mut saved_rstd];
        let [m, r] = saved;
        reference::norm::batch_norm_train(&bn, x, scale, shift, &mut mean, &mut var, &mut y, m, r);
    }
    Call {
        what: format!("{bn:?}"),
        inputs,
        outputs: vec![
            Output::update(&old_mean, mean),
            Output::update(&old_var, var),
            Output::new(y),
            Output::new(saved_mean),
            Output::new(saved_rstd),
        ],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [mean, var, y, saved_mean, saved_rstd] = outputs else { unreachable!() };
            let [x, scale, shift] = inputs else { unreachable!() };
            batch_norm_train(ctx, &bn, x, scale, shift, mean, var, y, saved_mean, saved_rstd)
        }),
    }
}

fn infer(draw: &mut Draw) -> Call {
    let bn = batch_shape(draw, false);
    let (len, c) = (bn.input_len(), bn.channels);
    let inputs = vec![draw.any(len), draw.any(c), draw.any(c), draw.any(c), draw.any(c)];
    let [x, scale, shift, mean, var] = [0, 1, 2, 3, 4].map(|i| &inputs[i][..]);
    let mut y = garbage(len);
    reference::norm::batch_norm_infer(&bn, x, scale, shift, mean, var, &mut y);
    Call {
        what: format!("{bn:?}"),
        inputs,
        outputs: vec![Output::new(y)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [x, scale, shift, mean, var] = inputs else { unreachable!() };
            batch_norm_infer(ctx, &bn, x, scale, shift, mean, var, outputs[0])
        }),
    }
}

fn batch_backward(draw: &mut Draw) -> Call {
    let (bn, update) = (batch_shape(draw, true), draw.pick(&UPDATES));
    let (len, c) = (bn.input_len(), bn.channels);
    let inputs = vec![draw.any(len), draw.any(len), draw.any(c), draw.any(c), draw.any(c)];
    let (old_scale, old_shift) = (before(draw, update, c), before(draw, update, c));
    let (mut dx, mut dscale, mut dshift) = (garbage(len), old_scale.clone(), old_shift.clone());
    let [x, dy, scale, mean, rstd] = [0, 1, 2, 3, 4].map(|i| &inputs[i][..]);
    if bn.n * bn.spatial > 0 {
        let (ds, db) = (&mut dscale, &mut dshift);
        reference::norm::batch_norm_backward(&bn, x, dy, scale, mean, rstd, update, &mut dx, ds, db);
    } else if update == Update::Overwrite {
        (dscale, dshift) = (vec![0.0; c], vec![0.0; c]);
    }
    Call {
        what: format!("{bn:?}, {update:?}"),
        inputs,
        outputs: vec![Output::new(dx), Output::update(&old_scale, dscale), Output::update(&old_shift, dshift)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [x, dy, scale, mean, rstd] = inputs else { unreachable!() };
            let [dx, dscale, dshift] = outputs else { unreachable!() };
            batch_norm_backward(ctx, &bn, x, dy, scale, mean, rstd, update, dx, dscale, dshift)
        }),
    }
}

fn infer_backward(draw: &mut Draw) -> Call {
    let bn = batch_shape(draw, false);
    let (len, c) = (bn.input_len(), bn.channels);
    let inputs = vec![draw.any(len), draw.any(c), draw.any(c)];
    let mut dx = garbage(len);
    reference::norm::batch_norm_infer_backward(&bn, &inputs[0], &inputs[1], &inputs[2], &mut dx);
    Call {
        what: format!("{bn:?}"),
        inputs,
        outputs: vec![Output::new(dx)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            batch_norm_infer_backward(ctx, &bn, inputs[0], inputs[1], inputs[2], outputs[0])
        }),
    }
}

fn fold(draw: &mut Draw) -> Call {
    let (c, inputs) = (draw.size(0, 131, 64), draw.size(0, 70, 577));
    let into = draw.pick(&[FoldInto::Conv2d { inputs }, FoldInto::Dense { inputs }]);
    let bn = BatchNorm::new(1, c, 1);
    let inputs = vec![draw.any(c), draw.any(c), draw.any(c), draw.any(c)];
    let rest = match into {
        FoldInto::Conv2d { inputs } | FoldInto::Dense { inputs } => inputs,
    };
    let (old_weight, old_bias) = (draw.any(c * rest), draw.any(c));
    let (mut weight, mut bias) = (old_weight.clone(), old_bias.clone());
    let [scale, shift, mean, var] = [0, 1, 2, 3].map(|i| &inputs[i][..]);
    reference::norm::fold_batch_norm(&bn, into, scale, shift, mean, var, &mut weight, &mut bias);
    Call {
        what: format!("{c} channels, {into:?}"),
        inputs,
        outputs: vec![Output::update(&old_weight, weight), Output::update(&old_bias, bias)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [scale, shift, mean, var] = inputs else { unreachable!() };
            let [weight, bias] = outputs else { unreachable!() };
            fold_batch_norm(ctx, &bn, into, scale, shift, mean, var, weight, bias)
        }),
    }
}

/// Which of two optional slices a call has.
#[derive(Clone, Copy, Debug)]
struct Has(bool, bool);

const HAS: [Has; 4] = [Has(true, true), Has(true, false), Has(false, true), Has(false, false)];

impl Has {
    /// The slices' lengths: 0 for one that is not there.
    fn lens(self, len: usize) -> [usize; 2] {
        [self.0, self.1].map(|has| if has { len } else { 0 })
    }
    fn read<'a>(self, a: &'a [f32], b: &'a [f32]) -> [Option<&'a [f32]>; 2] {
        [self.0.then_some(a), self.1.then_some(b)]
    }
    fn write<'a>(self, a: &'a mut [f32], b: &'a mut [f32]) -> [Option<&'a mut [f32]>; 2] {
        [self.0.then_some(a), self.1.then_some(b)]
    }
}

/// Groups of few or many channels of one or many elements, none of them of one element in all.
fn group_shape(draw: &mut Draw) -> GroupNorm {
    let (each, groups, n) = (draw.size(0, 40, 8), draw.size(1, 5, 2), draw.size(0, 7, 17));
    let spatial = if draw.flag() { 1 } else { draw.size(0, 97, 197) };
    let each = if each * spatial == 1 { 2 } else { each };
    GroupNorm::new(n, groups * each, spatial, groups).eps(draw.pick(&[1e-5, 0.0, 0.5]))
}

fn group(draw: &mut Draw) -> Call {
    let (gn, has) = (group_shape(draw), draw.pick(&HAS));
    let (len, [a, b], runs) = (gn.input_len(), has.lens(gn.channels), gn.statistics_len());
    let inputs = vec![draw.any(len), draw.any(a), draw.any(b)];
    let (mut y, mut mean, mut rstd) = (garbage(len), garbage(runs), garbage(runs));
    let [scale, shift] = has.read(&inputs[1], &inputs[2]);
    reference::norm::group_norm(&gn, &inputs[0], scale, shift, &mut y, &mut mean, &mut rstd);
    Call {
        what: format!("{gn:?}, {has:?}"),
        inputs,
        outputs: vec![Output::new(y), Output::new(mean), Output::new(rstd)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [scale, shift] = has.read(inputs[1], inputs[2]);
            let [y, mean, rstd] = outputs else { unreachable!() };
            group_norm(ctx, &gn, inputs[0], scale, shift, y, mean, rstd)
        }),
    }
}

fn group_backward(draw: &mut Draw) -> Call {
    let (gn, update, scaled, has) =
        (group_shape(draw), draw.pick(&UPDATES), draw.pick(&[true, false]), draw.pick(&HAS));
    let (len, [a, b], runs) = (gn.input_len(), has.lens(gn.channels), gn.statistics_len());
    let c = if scaled { gn.channels } else { 0 };
    let inputs = vec![draw.any(len), draw.any(len), draw.any(c), draw.any(runs), draw.any(runs)];
    let (old_scale, old_shift) = (before(draw, update, a), before(draw, update, b));
    let (mut dx, mut dscale, mut dshift) = (garbage(len), old_scale.clone(), old_shift.clone());
    let [x, dy, scale, mean, rstd] = [0, 1, 2, 3, 4].map(|i| &inputs[i][..]);
    let ([ds, db], scale) = (has.write(&mut dscale, &mut dshift), scaled.then_some(scale));
    reference::norm::group_norm_backward(&gn, x, dy, scale, mean, rstd, update, &mut dx, ds, db);
    Call {
        what: format!("{gn:?}, {update:?}, scale {scaled}, gradients {has:?}"),
        inputs,
        outputs: vec![Output::new(dx), Output::update(&old_scale, dscale), Output::update(&old_shift, dshift)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [x, dy, scale, mean, rstd] = inputs else { unreachable!() };
            let [dx, dscale, dshift] = outputs else { unreachable!() };
            let [ds, db] = has.write(dscale, dshift);
            group_norm_backward(ctx, &gn, x, dy, scaled.then_some(scale), mean, rstd, update, dx, ds, db)
        }),
    }
}

/// Rows and features.
fn rows(draw: &mut Draw) -> [usize; 2] {
    let features = draw.size(0, 131, 131);
    [draw.size(0, 70, 301), features]
}

fn layer(draw: &mut Draw) -> Call {
    let ([rows, features], has) = (rows(draw), draw.pick(&HAS));
    let ln = LayerNorm::new(rows, features).eps(draw.pick(&[1e-5, 0.0, 0.5]));
    let (len, [a, b]) = (ln.input_len(), has.lens(features));
    let inputs = vec![draw.any(len), draw.any(a), draw.any(b)];
    let (mut y, mut mean, mut rstd) = (garbage(len), garbage(rows), garbage(rows));
    let [scale, shift] = has.read(&inputs[1], &inputs[2]);
    reference::norm::layer_norm(&ln, &inputs[0], scale, shift, &mut y, &mut mean, &mut rstd);
    Call {
        what: format!("{ln:?}, {has:?}"),
        inputs,
        outputs: vec![Output::new(y), Output::new(mean), Output::new(rstd)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [scale, shift] = has.read(inputs[1], inputs[2]);
            let [y, mean, rstd] = outputs else { unreachable!() };
            layer_norm(ctx, &ln, inputs[0], scale, shift, y, mean, rstd)
        }),
    }
}

fn layer_backward(draw: &mut Draw) -> Call {
    let ([rows, features], update, scaled, has) =
        (rows(draw), draw.pick(&UPDATES), draw.pick(&[true, false]), draw.pick(&HAS));
    let ln = LayerNorm::new(rows, features);
    let (len, [a, b], f) = (ln.input_len(), has.lens(features), if scaled { features } else { 0 });
    let inputs = vec![draw.any(len), draw.any(len), draw.any(f), draw.any(rows), draw.any(rows)];
    let (old_scale, old_shift) = (before(draw, update, a), before(draw, update, b));
    let (mut dx, mut dscale, mut dshift) = (garbage(len), old_scale.clone(), old_shift.clone());
    let [x, dy, scale, mean, rstd] = [0, 1, 2, 3, 4].map(|i| &inputs[i][..]);
    let ([ds, db], scale) = (has.write(&mut dscale, &mut dshift), scaled.then_some(scale));
    reference::norm::layer_norm_backward(&ln, x, dy, scale, mean, rstd, update, &mut dx, ds, db);
    Call {
        what: format!("{ln:?}, {update:?}, scale {scaled}, gradients {has:?}"),
        inputs,
        outputs: vec![Output::new(dx), Output::update(&old_scale, dscale), Output::update(&old_shift, dshift)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [x, dy, scale, mean, rstd] = inputs else { unreachable!() };
            let [dx, dscale, dshift] = outputs else { unreachable!() };
            let [ds, db] = has.write(dscale, dshift);
            layer_norm_backward(ctx, &ln, x, dy, scaled.then_some(scale), mean, rstd, update, dx, ds, db)
        }),
    }
}

fn rms(draw: &mut Draw) -> Call {
    let ([rows, features], scaled) = (rows(draw), draw.pick(&[true, false]));
    let rn = RmsNorm::new(rows, features).eps(draw.pick(&[f32::EPSILON, 0.0, 0.5]));
    let len = rn.input_len();
    let inputs = vec![draw.any(len), draw.any(if scaled { features } else { 0 })];
    let (mut y, mut rstd) = (garbage(len), garbage(rows));
    reference::norm::rms_norm(&rn, &inputs[0], scaled.then_some(&inputs[1][..]), &mut y, &mut rstd);
    Call {
        what: format!("{rn:?}, scale {scaled}"),
        inputs,
        outputs: vec![Output::new(y), Output::new(rstd)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [y, rstd] = outputs else { unreachable!() };
            rms_norm(ctx, &rn, inputs[0], scaled.then_some(inputs[1]), y, rstd)
        }),
    }
}

fn rms_backward(draw: &mut Draw) -> Call {
    let ([rows, features], update, Has(scaled, wanted)) = (rows(draw), draw.pick(&UPDATES), draw.pick(&HAS));
    let rn = RmsNorm::new(rows, features);
    let (len, f) = (rn.input_len(), if scaled { features } else { 0 });
    let inputs = vec![draw.any(len), draw.any(len), draw.any(f), draw.any(rows)];
    let old = before(draw, update, if wanted { features } else { 0 });
    let (mut dx, mut dscale) = (garbage(len), old.clone());
    let [x, dy, scale, rstd] = [0, 1, 2, 3].map(|i| &inputs[i][..]);
    let (scale, ds) = (scaled.then_some(scale), wanted.then_some(&mut dscale[..]));
    reference::norm::rms_norm_backward(&rn, x, dy, scale, rstd, update, &mut dx, ds);
    Call {
        what: format!("{rn:?}, {update:?}, scale {scaled}, gradient {wanted}"),
        inputs,
        outputs: vec![Output::new(dx), Output::update(&old, dscale)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [x, dy, scale, rstd] = inputs else { unreachable!() };
            let [dx, dscale] = outputs else { unreachable!() };
            let ds = wanted.then_some(&mut **dscale);
            rms_norm_backward(ctx, &rn, x, dy, scaled.then_some(scale), rstd, update, dx, ds)
        }),
    }
}
