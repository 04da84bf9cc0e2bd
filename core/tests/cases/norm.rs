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
        let [x, weight, bias] = [0, 1, 2].map(|i| &inputs[i][..]);
        let running = Running { mean: &mut mean[..], var: &mut var[..] };
        let saved = Saved { mean: &mut saved_mean[..], rstd: &mut saved_rstd[..] };
        reference::norm::batch_norm_train(&bn, x, Affine { weight, bias }, running, &mut y, saved);
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
            let [x, weight, bias] = inputs else { unreachable!() };
            let saved = Saved { mean: &mut **saved_mean, rstd: &mut **saved_rstd };
            batch_norm_train(ctx, &bn, x, Affine { weight, bias }, Running { mean, var }, y, saved)
        }),
    }
}

fn infer(draw: &mut Draw) -> Call {
    let bn = batch_shape(draw, false);
    let (len, c) = (bn.input_len(), bn.channels);
    let inputs = vec![draw.any(len), draw.any(c), draw.any(c), draw.any(c), draw.any(c)];
    let [x, weight, bias, mean, var] = [0, 1, 2, 3, 4].map(|i| &inputs[i][..]);
    let mut y = garbage(len);
    reference::norm::batch_norm_infer(&bn, x, Affine { weight, bias }, Running { mean, var }, &mut y);
    Call {
        what: format!("{bn:?}"),
        inputs,
        outputs: vec![Output::new(y)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [x, weight, bias, mean, var] = inputs else { unreachable!() };
            batch_norm_infer(ctx, &bn, x, Affine { weight, bias }, Running { mean, var }, outputs[0])
        }),
    }
}

fn batch_backward(draw: &mut Draw) -> Call {
    let (bn, update) = (batch_shape(draw, true), draw.pick(&UPDATES));
    let (len, c) = (bn.input_len(), bn.channels);
    let inputs = vec![draw.any(len), draw.any(len), draw.any(c), draw.any(c), draw.any(c)];
    let (old_weight, old_bias) = (before(draw, update, c), before(draw, update, c));
    let (mut dx, mut dweight, mut dbias) = (garbage(len), old_weight.clone(), old_bias.clone());
    let [x, dy, weight, mean, rstd] = [0, 1, 2, 3, 4].map(|i| &inputs[i][..]);
    if bn.n * bn.spatial > 0 {
        let gradients = Gradients { x: &mut dx, weight: &mut dweight[..], bias: &mut dbias[..] };
        reference::norm::batch_norm_backward(&bn, x, dy, weight, Saved { mean, rstd }, update, gradients);
    } else if update == Update::Overwrite {
        (dweight, dbias) = (vec![0.0; c], vec![0.0; c]);
    }
    Call {
        what: format!("{bn:?}, {update:?}"),
        inputs,
        outputs: vec![Output::new(dx), Output::update(&old_weight, dweight), Output::update(&old_bias, dbias)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [x, dy, weight, mean, rstd] = inputs else { unreachable!() };
            let [dx, dweight, dbias] = outputs else { unreachable!() };
            let gradients = Gradients { x: dx, weight: &mut **dweight, bias: &mut **dbias };
            batch_norm_backward(ctx, &bn, x, dy, weight, Saved { mean, rstd }, update, gradients)
        }),
    }
}

fn infer_backward(draw: &mut Draw) -> Call {
    let bn = batch_shape(draw, false);
    let (len, c) = (bn.input_len(), bn.channels);
    let inputs = vec![draw.any(len), draw.any(c), draw.any(c), draw.any(c)];
    let mut dx = garbage(len);
    let [dy, weight, mean, var] = [0, 1, 2, 3].map(|i| &inputs[i][..]);
    reference::norm::batch_norm_infer_backward(&bn, dy, weight, Running { mean, var }, &mut dx);
    Call {
        what: format!("{bn:?}"),
        inputs,
        outputs: vec![Output::new(dx)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [dy, weight, mean, var] = inputs else { unreachable!() };
            batch_norm_infer_backward(ctx, &bn, dy, weight, Running { mean, var }, outputs[0])
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
    let (mut new_weight, mut new_bias) = (old_weight.clone(), old_bias.clone());
    let [weight, bias, mean, var] = [0, 1, 2, 3].map(|i| &inputs[i][..]);
    let layer = Affine { weight: &mut new_weight[..], bias: &mut new_bias[..] };
    reference::norm::fold_batch_norm(&bn, Affine { weight, bias }, Running { mean, var }, into, layer);
    Call {
        what: format!("{c} channels, {into:?}"),
        inputs,
        outputs: vec![Output::update(&old_weight, new_weight), Output::update(&old_bias, new_bias)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [weight, bias, mean, var] = inputs else { unreachable!() };
            let [new_weight, new_bias] = outputs else { unreachable!() };
            let layer = Affine { weight: &mut **new_weight, bias: &mut **new_bias };
            fold_batch_norm(ctx, &bn, Affine { weight, bias }, Running { mean, var }, into, layer)
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
    fn read<'a>(self, weight: &'a [f32], bias: &'a [f32]) -> Affine<Option<&'a [f32]>> {
        Affine { weight: self.0.then_some(weight), bias: self.1.then_some(bias) }
    }
    fn write<'a>(
        self,
        x: &'a mut [f32],
        weight: &'a mut [f32],
        bias: &'a mut [f32],
    ) -> Gradients<'a, Option<&'a mut [f32]>> {
        Gradients { x, weight: self.0.then_some(weight), bias: self.1.then_some(bias) }
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
    let (affine, saved) = (has.read(&inputs[1], &inputs[2]), Saved { mean: &mut mean[..], rstd: &mut rstd[..] });
    reference::norm::group_norm(&gn, &inputs[0], affine, &mut y, saved);
    Call {
        what: format!("{gn:?}, {has:?}"),
        inputs,
        outputs: vec![Output::new(y), Output::new(mean), Output::new(rstd)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [y, mean, rstd] = outputs else { unreachable!() };
            group_norm(ctx, &gn, inputs[0], has.read(inputs[1], inputs[2]), y, Saved { mean, rstd })
        }),
    }
}

fn group_backward(draw: &mut Draw) -> Call {
    let (gn, update, weighted, has) =
        (group_shape(draw), draw.pick(&UPDATES), draw.pick(&[true, false]), draw.pick(&HAS));
    let (len, [a, b], runs) = (gn.input_len(), has.lens(gn.channels), gn.statistics_len());
    let c = if weighted { gn.channels } else { 0 };
    let inputs = vec![draw.any(len), draw.any(len), draw.any(c), draw.any(runs), draw.any(runs)];
    let (old_weight, old_bias) = (before(draw, update, a), before(draw, update, b));
    let (mut dx, mut dweight, mut dbias) = (garbage(len), old_weight.clone(), old_bias.clone());
    let [x, dy, weight, mean, rstd] = [0, 1, 2, 3, 4].map(|i| &inputs[i][..]);
    let (weight, gradients) = (weighted.then_some(weight), has.write(&mut dx, &mut dweight, &mut dbias));
    reference::norm::group_norm_backward(&gn, x, dy, weight, Saved { mean, rstd }, update, gradients);
    Call {
        what: format!("{gn:?}, {update:?}, weight {weighted}, gradients {has:?}"),
        inputs,
        outputs: vec![Output::new(dx), Output::update(&old_weight, dweight), Output::update(&old_bias, dbias)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [x, dy, weight, mean, rstd] = inputs else { unreachable!() };
            let [dx, dweight, dbias] = outputs else { unreachable!() };
            let (weight, saved) = (weighted.then_some(*weight), Saved { mean: *mean, rstd: *rstd });
            group_norm_backward(ctx, &gn, x, dy, weight, saved, update, has.write(dx, dweight, dbias))
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
    let (affine, saved) = (has.read(&inputs[1], &inputs[2]), Saved { mean: &mut mean[..], rstd: &mut rstd[..] });
    reference::norm::layer_norm(&ln, &inputs[0], affine, &mut y, saved);
    Call {
        what: format!("{ln:?}, {has:?}"),
        inputs,
        outputs: vec![Output::new(y), Output::new(mean), Output::new(rstd)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [y, mean, rstd] = outputs else { unreachable!() };
            layer_norm(ctx, &ln, inputs[0], has.read(inputs[1], inputs[2]), y, Saved { mean, rstd })
        }),
    }
}

fn layer_backward(draw: &mut Draw) -> Call {
    let ([rows, features], update, weighted, has) =
        (rows(draw), draw.pick(&UPDATES), draw.pick(&[true, false]), draw.pick(&HAS));
    let ln = LayerNorm::new(rows, features);
    let (len, [a, b], f) = (ln.input_len(), has.lens(features), if weighted { features } else { 0 });
    let inputs = vec![draw.any(len), draw.any(len), draw.any(f), draw.any(rows), draw.any(rows)];
    let (old_weight, old_bias) = (before(draw, update, a), before(draw, update, b));
    let (mut dx, mut dweight, mut dbias) = (garbage(len), old_weight.clone(), old_bias.clone());
    let [x, dy, weight, mean, rstd] = [0, 1, 2, 3, 4].map(|i| &inputs[i][..]);
    let (weight, gradients) = (weighted.then_some(weight), has.write(&mut dx, &mut dweight, &mut dbias));
    reference::norm::layer_norm_backward(&ln, x, dy, weight, Saved { mean, rstd }, update, gradients);
    Call {
        what: format!("{ln:?}, {update:?}, weight {weighted}, gradients {has:?}"),
        inputs,
        outputs: vec![Output::new(dx), Output::update(&old_weight, dweight), Output::update(&old_bias, dbias)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [x, dy, weight, mean, rstd] = inputs else { unreachable!() };
            let [dx, dweight, dbias] = outputs else { unreachable!() };
            let (weight, saved) = (weighted.then_some(*weight), Saved { mean: *mean, rstd: *rstd });
            layer_norm_backward(ctx, &ln, x, dy, weight, saved, update, has.write(dx, dweight, dbias))
        }),
    }
}

fn rms(draw: &mut Draw) -> Call {
    let ([rows, features], weighted) = (rows(draw), draw.pick(&[true, false]));
    let rn = RmsNorm::new(rows, features).eps(draw.pick(&[f32::EPSILON, 0.0, 0.5]));
    let len = rn.input_len();
    let inputs = vec![draw.any(len), draw.any(if weighted { features } else { 0 })];
    let (mut y, mut rstd) = (garbage(len), garbage(rows));
    reference::norm::rms_norm(&rn, &inputs[0], weighted.then_some(&inputs[1][..]), &mut y, &mut rstd);
    Call {
        what: format!("{rn:?}, weight {weighted}"),
        inputs,
        outputs: vec![Output::new(y), Output::new(rstd)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [y, rstd] = outputs else { unreachable!() };
            rms_norm(ctx, &rn, inputs[0], weighted.then_some(inputs[1]), y, rstd)
        }),
    }
}

fn rms_backward(draw: &mut Draw) -> Call {
    let ([rows, features], update, Has(weighted, wanted)) = (rows(draw), draw.pick(&UPDATES), draw.pick(&HAS));
    let rn = RmsNorm::new(rows, features);
    let (len, f) = (rn.input_len(), if weighted { features } else { 0 });
    let inputs = vec![draw.any(len), draw.any(len), draw.any(f), draw.any(rows)];
    let old = before(draw, update, if wanted { features } else { 0 });
    let (mut dx, mut dweight) = (garbage(len), old.clone());
    let [x, dy, weight, rstd] = [0, 1, 2, 3].map(|i| &inputs[i][..]);
    let weight = weighted.then_some(weight);
    let gradients = Gradients { x: &mut dx[..], weight: wanted.then_some(&mut dweight[..]), bias: () };
    reference::norm::rms_norm_backward(&rn, x, dy, weight, rstd, update, gradients);
    Call {
        what: format!("{rn:?}, {update:?}, weight {weighted}, gradient {wanted}"),
        inputs,
        outputs: vec![Output::new(dx), Output::update(&old, dweight)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [x, dy, weight, rstd] = inputs else { unreachable!() };
            let [dx, dweight] = outputs else { unreachable!() };
            let gradients = Gradients { x: dx, weight: wanted.then_some(&mut **dweight), bias: () };
            rms_norm_backward(ctx, &rn, x, dy, weighted.then_some(weight), rstd, update, gradients)
        }),
    }
}
