//! Normalization.

use super::{Golden, ctx, garbage};
use flatgrad_core::Update;
use flatgrad_core::norm::{self, Affine, BatchNorm, Gradients, GroupNorm, LayerNorm, RmsNorm, Running, Saved};

#[test]
fn batch_norm() {
    let golden = Golden::read("norm");
    for case in golden.cases("batch_norm") {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let dims = &golden.tensors[&format!("{case}x")].0;
        let shape = BatchNorm::new(dims[0], dims[1], dims[2..].iter().product());
        let (x, channels, affine) = (of("x"), shape.channels, Affine { weight: of("scale"), bias: of("shift") });
        let class = if case == "batch_norm/2/" { "batch_norm, large mean" } else { "batch_norm" };
        let check = |name: &str, got: &[f32]| golden.check(class, &format!("{case}{name}"), got);

        let (mut mean, mut var) = (of("old_mean").to_vec(), of("old_var").to_vec());
        let mut y = garbage(x.len());
        norm::batch_norm_infer(ctx(), &shape, x, affine, Running { mean: &mean, var: &var }, &mut y).unwrap();
        check("infer", &y);

        let (mut saved_mean, mut saved_rstd) = (garbage(channels), garbage(channels));
        let running = Running { mean: &mut mean[..], var: &mut var[..] };
        let saved = Saved { mean: &mut saved_mean[..], rstd: &mut saved_rstd[..] };
        norm::batch_norm_train(ctx(), &shape, x, affine, running, &mut y, saved).unwrap();
        check("y", &y);
        check("new_mean", &mean);
        check("new_var", &var);

        let (mut dx, mut dscale, mut dshift) = (garbage(x.len()), garbage(channels), garbage(channels));
        let (dy, update, saved) = (of("dy"), Update::Overwrite, Saved { mean: &saved_mean[..], rstd: &saved_rstd });
        let gradients = Gradients { x: &mut dx, weight: &mut dscale[..], bias: &mut dshift[..] };
        norm::batch_norm_backward(ctx(), &shape, x, dy, affine.weight, saved, update, gradients).unwrap();
        check("dx", &dx);
        check("dscale", &dscale);
        check("dshift", &dshift);
    }
}

/// PyTorch's `momentum=None`: a plain average over all batches so far.
#[test]
fn batch_norm_cumulative() {
    let golden = Golden::read("norm");
    let (mut mean, mut var) = (vec![0.0; 3], vec![1.0; 3]);
    for (batches, case) in golden.cases("cumulative").iter().enumerate() {
        let x = golden.get(&format!("{case}x"));
        let [n, channels, spatial] = golden.shape(&format!("{case}x"));
        let bn = BatchNorm::new(n, channels, spatial).cumulative(batches);
        let (mut y, mut m, mut r) = (garbage(x.len()), garbage(3), garbage(3));
        let affine = Affine { weight: &[1.0; 3][..], bias: &[0.0; 3] };
        let running = Running { mean: &mut mean[..], var: &mut var[..] };
        norm::batch_norm_train(ctx(), &bn, x, affine, running, &mut y, Saved { mean: &mut m, rstd: &mut r }).unwrap();
        golden.check("batch_norm", &format!("{case}mean"), &mean);
        golden.check("batch_norm", &format!("{case}var"), &var);
    }
}

#[test]
fn batch_norm_infer_backward() {
    let golden = Golden::read("norm");
    let of = |name: &str| golden.get(&format!("infer_backward/0/{name}"));
    let [n, channels, spatial] = golden.shape("infer_backward/0/dy");
    let (bn, mut dx) = (BatchNorm::new(n, channels, spatial), garbage(n * channels * spatial));
    let running = Running { mean: of("var"), var: of("var") }; // the mean has no part in it
    norm::batch_norm_infer_backward(ctx(), &bn, of("dy"), of("scale"), running, &mut dx).unwrap();
    golden.check("batch_norm", "infer_backward/0/dx", &dx);
}

#[test]
fn group_norm() {
    let golden = Golden::read("norm");
    for case in golden.cases("group_norm") {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let dims = &golden.tensors[&format!("{case}x")].0;
        let [groups] = golden.numbers(&format!("{case}groups"));
        let shape = GroupNorm::new(dims[0], dims[1], dims[2..].iter().product(), groups as usize);
        let class = if case == "group_norm/3/" { "norm, large mean" } else { "norm" };
        let check = |name: &str, got: &[f32]| golden.check(class, &format!("{case}{name}"), got);
        group(&shape, of("x"), of("dy"), Some([of("scale"), of("shift")]), check);
    }
}

#[test]
fn instance_norm() {
    let golden = Golden::read("norm");
    let [n, channels, h, w] = golden.shape("instance_norm/0/x");
    let of = |name: &str| golden.get(&format!("instance_norm/0/{name}"));
    let check = |name: &str, got: &[f32]| golden.check("norm", &format!("instance_norm/0/{name}"), got);
    group(&GroupNorm::instance(n, channels, h * w), of("x"), of("dy"), None, check);
}

/// Forward and backward, with scale and shift or without.
fn group(shape: &GroupNorm, x: &[f32], dy: &[f32], affine: Option<[&[f32]; 2]>, check: impl Fn(&str, &[f32])) {
    let (mut y, mut dx) = (garbage(x.len()), garbage(x.len()));
    let (mut mean, mut rstd) = (garbage(shape.statistics_len()), garbage(shape.statistics_len()));
    let (mut dscale, mut dshift) = (garbage(shape.channels), garbage(shape.channels));
    let affine = Affine { weight: affine.map(|[scale, _]| scale), bias: affine.map(|[_, shift]| shift) };
    norm::group_norm(ctx(), shape, x, affine, &mut y, Saved { mean: &mut mean, rstd: &mut rstd }).unwrap();
    check("y", &y);
    let (weight, bias) = (affine.weight.map(|_| &mut dscale[..]), affine.bias.map(|_| &mut dshift[..]));
    let (saved, gradients) = (Saved { mean: &mean[..], rstd: &rstd[..] }, Gradients { x: &mut dx, weight, bias });
    norm::group_norm_backward(ctx(), shape, x, dy, affine.weight, saved, Update::Overwrite, gradients).unwrap();
    check("dx", &dx);
    if affine.weight.is_some() {
        check("dscale", &dscale);
        check("dshift", &dshift);
    }
}

#[test]
fn layer_norm() {
    let golden = Golden::read("norm");
    for case in golden.cases("layer_norm") {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let [rows, features] = golden.shape(&format!("{case}x"));
        let shape = LayerNorm::new(rows, features);
        let class = if case == "layer_norm/1/" { "norm, large mean" } else { "norm" };
        let check = |name: &str, got: &[f32]| golden.check(class, &format!("{case}{name}"), got);
        let (x, affine) = (of("x"), Affine { weight: Some(of("scale")), bias: Some(of("shift")) });
        let (mut y, mut mean, mut rstd) = (garbage(x.len()), garbage(rows), garbage(rows));
        norm::layer_norm(ctx(), &shape, x, affine, &mut y, Saved { mean: &mut mean, rstd: &mut rstd }).unwrap();
        check("y", &y);
        check("mean", &mean);
        check("rstd", &rstd);
        let (mut dx, mut dscale, mut dshift) = (garbage(x.len()), garbage(features), garbage(features));
        let (update, saved) = (Update::Overwrite, Saved { mean: &mean[..], rstd: &rstd[..] });
        let gradients = Gradients { x: &mut dx, weight: Some(&mut dscale[..]), bias: Some(&mut dshift[..]) };
        norm::layer_norm_backward(ctx(), &shape, x, of("dy"), affine.weight, saved, update, gradients).unwrap();
        check("dx", &dx);
        check("dscale", &dscale);
        check("dshift", &dshift);
    }
}

#[test]
fn rms_norm() {
    let golden = Golden::read("norm");
    for case in golden.cases("rms_norm") {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let [rows, features] = golden.shape(&format!("{case}x"));
        let shape = RmsNorm::new(rows, features);
        // Without a mean to subtract, a large one does no harm.
        let check = |name: &str, got: &[f32]| golden.check("norm", &format!("{case}{name}"), got);
        let (x, scale) = (of("x"), Some(of("scale")));
        let (mut y, mut rstd) = (garbage(x.len()), garbage(rows));
        norm::rms_norm(ctx(), &shape, x, scale, &mut y, &mut rstd).unwrap();
        check("y", &y);
        let (mut dx, mut dscale) = (garbage(x.len()), garbage(features));
        let gradients = Gradients { x: &mut dx, weight: Some(&mut dscale[..]), bias: () };
        norm::rms_norm_backward(ctx(), &shape, x, of("dy"), scale, &rstd, Update::Overwrite, gradients).unwrap();
        check("dx", &dx);
        check("dscale", &dscale);
    }
}
