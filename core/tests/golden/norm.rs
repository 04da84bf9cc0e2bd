//! Normalization.

use super::{Golden, ctx, garbage};
use flatgrad_core::Update;
use flatgrad_core::norm::{self, BatchNorm};

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
