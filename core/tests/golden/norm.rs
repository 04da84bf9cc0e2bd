//! Normalization.

use super::{Golden, ctx, garbage};
use flatgrad_core::Update;
use flatgrad_core::norm::{self, BatchNorm, GroupNorm, LayerNorm, RmsNorm};

#[test]
fn batch_norm() {
    let golden = Golden::read("norm");
    for case in golden.cases("batch_norm") {
        let of = |name: &str| golden.get(&format!("{case}{name}"));
        let dims = &golden.tensors[&format!("{case}x")].0;
        let shape = BatchNorm::new(dims[0], dims[1], dims[2..].iter().product());
        let (x, scale, shift, channels) = (of("x"), of("scale"), of("shift"), shape.channels);
        let class = if case == "batch_norm/2/" { "batch_norm, large mean" } else { "batch_norm" };
        let check = |name: &str, got: &[f32]| golden.check(class, &format!("{case}{name}"), got);

        let (mut mean, mut var) = (of("old_mean").to_vec(), of("old_var").to_vec());
        let mut y = garbage(x.len());
        norm::batch_norm_infer(ctx(), &shape, x, scale, shift, &mean, &var, &mut y).unwrap();
        check("infer", &y);

        let (mut saved_mean, mut saved_rstd) = (garbage(channels), garbage(channels));
        norm::batch_norm_train(
            ctx(),
            &shape,
            x,
            scale,
            shift,
            &mut mean,
            &mut var,
            &mut y,
            &mut saved_mean,
            &mut saved_rstd,
        )
        .unwrap();
        check("y", &y);
        check("new_mean", &mean);
        check("new_var", &var);

        let (mut dx, mut dscale, mut dshift) = (garbage(x.len()), garbage(channels), garbage(channels));
        norm::batch_norm_backward(
            ctx(),
            &shape,
            x,
            of("dy"),
            scale,
            &saved_mean,
            &saved_rstd,
            Update::Overwrite,
            &mut dx,
            &mut dscale,
            &mut dshift,
        )
        .unwrap();
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
        norm::batch_norm_train(ctx(), &bn, x, &[1.0; 3], &[0.0; 3], &mut mean, &mut var, &mut y, &mut m, &mut r)
            .unwrap();
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
    norm::batch_norm_infer_backward(ctx(), &bn, of("dy"), of("scale"), of("var"), &mut dx).unwrap();
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
    let (scale, shift) = (affine.map(|[scale, _]| scale), affine.map(|[_, shift]| shift));
    norm::group_norm(ctx(), shape, x, scale, shift, &mut y, &mut mean, &mut rstd).unwrap();
    check("y", &y);
    let (ds, db) = (scale.map(|_| &mut dscale[..]), shift.map(|_| &mut dshift[..]));
    norm::group_norm_backward(ctx(), shape, x, dy, scale, &mean, &rstd, Update::Overwrite, &mut dx, ds, db).unwrap();
    check("dx", &dx);
    if affine.is_some() {
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
        let (x, scale) = (of("x"), Some(of("scale")));
        let (mut y, mut mean, mut rstd) = (garbage(x.len()), garbage(rows), garbage(rows));
        norm::layer_norm(ctx(), &shape, x, scale, Some(of("shift")), &mut y, &mut mean, &mut rstd).unwrap();
        check("y", &y);
        check("mean", &mean);
        check("rstd", &rstd);
        let (mut dx, mut dscale, mut dshift) = (garbage(x.len()), garbage(features), garbage(features));
        let (update, ds, db) = (Update::Overwrite, Some(&mut dscale[..]), Some(&mut dshift[..]));
        norm::layer_norm_backward(ctx(), &shape, x, of("dy"), scale, &mean, &rstd, update, &mut dx, ds, db).unwrap();
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
        let (update, ds) = (Update::Overwrite, Some(&mut dscale[..]));
        norm::rms_norm_backward(ctx(), &shape, x, of("dy"), scale, &rstd, update, &mut dx, ds).unwrap();
        check("dx", &dx);
        check("dscale", &dscale);
    }
}
