//! A training run.

use super::{Golden, common, garbage, labels, tolerance, transposed, zeros};
use flatgrad_core::activation::{self, Activation};
use flatgrad_core::conv::{self, Conv2d};
use flatgrad_core::dense::{self, Dense};
use flatgrad_core::norm::{self, Affine, BatchNorm, Gradients, Running, Saved};
use flatgrad_core::optim::{Adam, adam_step};
use flatgrad_core::pool::{self, MaxPool2d};
use flatgrad_core::{Context, Fused, Update, loss};

#[test]
fn train10() {
    let golden = Golden::read("train10");
    let mut first: Option<Trained> = None;
    for (name, ctx) in common::contexts() {
        let got = train(ctx, &golden);
        let first = first.get_or_insert_with(|| got.clone());
        common::assert_bits(&format!("{name}: losses"), &got.losses, &first.losses);
        common::assert_bits(&format!("{name}: weights"), &got.params.concat(), &first.params.concat());
    }
    let Trained { losses, params } = first.unwrap();
    let want = golden.numbers::<10>("train10/losses").map(|l| l as f32);
    common::assert_close("train10 losses", &losses, &want, tolerance("train10 loss").relative, 0.0);
    for (name, got) in PARAMETERS.iter().zip(&params) {
        let got = if *name == "5.weight" { &transposed(got, 128, 10) } else { got };
        golden.check("train10 weights", &format!("train10/end/{name}"), got);
    }
}

/// The parameters and running statistics, under PyTorch's names.
const PARAMETERS: [&str; 7] =
    ["0.weight", "1.weight", "1.bias", "5.weight", "5.bias", "1.running_mean", "1.running_var"];

#[derive(Clone)]
struct Trained {
    losses: Vec<f32>,
    params: Vec<Vec<f32>>,
}

/// Ten steps of a convolutional network, each kernel called by hand.
fn train(ctx: Context, golden: &Golden) -> Trained {
    let [steps, n, c, h, w] = golden.shape("train10/x");
    let conv = Conv2d::new(n, [c, h, w], 8, [3, 3]).padding([1, 1]);
    let norm = BatchNorm::new(n, 8, h * w);
    let pool = MaxPool2d::new(n, [8, h, w], [2, 2]);
    let head = Dense::new(n, 128, 10);
    let mut scratch = garbage(
        conv::conv2d_scratch_len(&conv)
            .max(conv::conv2d_backward_weight_scratch_len(&conv))
            .max(dense::dense_scratch_len(&head)),
    );
    // The parameters lie behind one another, as Adam sees them; gradients, and the two averages, likewise.
    let start = PARAMETERS.map(|name| golden.get(&format!("train10/start/{name}")));
    let [weight, scale, shift, head_weight, head_bias, running_mean, running_var] = start;
    let head_weight = &transposed(head_weight, 10, 128);
    let trained = [weight, scale, shift, head_weight, head_bias];
    let (lens, mut params) = (trained.map(<[f32]>::len), trained.concat());
    let (mut running_mean, mut running_var) = (running_mean.to_vec(), running_var.to_vec());
    let (mut grads, mut exp_avg, mut exp_avg_sq) = (garbage(params.len()), zeros(params.len()), zeros(params.len()));
    let mut losses = vec![];

    for step in 0..steps {
        let x = &golden.get("train10/x")[step * n * c * h * w..][..n * c * h * w];
        let labels = labels(&golden.get("train10/labels")[step * n..][..n]);
        let [weight, scale, shift, head_weight, head_bias] = split(&params, lens);

        let mut a = garbage(conv.output_len());
        conv::conv2d(ctx, &conv, x, weight, None, Fused::None, &mut a, &mut scratch).unwrap();
        let (mut y, mut mean, mut rstd) = (garbage(a.len()), garbage(8), garbage(8));
        let affine = Affine { weight: scale, bias: shift };
        let running = Running { mean: &mut running_mean[..], var: &mut running_var[..] };
        let saved = Saved { mean: &mut mean[..], rstd: &mut rstd[..] };
        norm::batch_norm_train(ctx, &norm, &a, affine, running, &mut y, saved).unwrap();
        activation::activate_in_place(ctx, Activation::Relu, &mut y).unwrap();
        let mut pooled = garbage(pool.output_len());
        pool::max_pool2d(ctx, &pool, &y, &mut pooled).unwrap();
        let mut logits = garbage(n * 10);
        let bias = Some(head_bias);
        dense::dense(ctx, &head, &pooled, head_weight, bias, Fused::None, &mut logits, &mut scratch).unwrap();

        let mut dlogits = garbage(n * 10);
        let (target, grad_scale) = (loss::Target::Classes(&labels), 1.0 / n as f32);
        let report =
            loss::cross_entropy_backward(ctx, [n, 10], 0.0, grad_scale, &logits, target, &mut dlogits).unwrap();
        losses.push(report.loss_sum / n as f32);

        let overwrite = Update::Overwrite;
        let [dweight, dscale, dshift, dhead, dbias] = split_mut(&mut grads, lens);
        dense::dense_backward_weight(ctx, &head, &pooled, &dlogits, overwrite, dhead, &mut scratch).unwrap();
        dense::dense_backward_bias(ctx, &head, &dlogits, overwrite, dbias).unwrap();
        let mut dpooled = garbage(pooled.len());
        dense::dense_backward_input(ctx, &head, &dlogits, head_weight, &mut dpooled, &mut scratch).unwrap();
        let mut dy = garbage(y.len());
        pool::max_pool2d_backward(ctx, &pool, &y, &dpooled, &mut dy).unwrap();
        activation::activate_backward_in_place(ctx, Activation::Relu, &y, &mut dy).unwrap();
        let mut da = garbage(a.len());
        let saved = Saved { mean: &mean[..], rstd: &rstd[..] };
        let gradients = Gradients { x: &mut da, weight: dscale, bias: dshift };
        norm::batch_norm_backward(ctx, &norm, &a, &dy, scale, saved, overwrite, gradients).unwrap();
        conv::conv2d_backward_weight(ctx, &conv, x, &da, overwrite, dweight, &mut scratch).unwrap();
        let adam = Adam::DEFAULT;
        adam_step(ctx, &adam, step as u32 + 1, &grads, &mut params, &mut exp_avg, &mut exp_avg_sq, &mut []).unwrap();
    }

    let mut params = split(&params, lens).map(<[f32]>::to_vec).to_vec();
    params.extend([running_mean, running_var]);
    Trained { losses, params }
}

fn split<const N: usize>(mut x: &[f32], lens: [usize; N]) -> [&[f32]; N] {
    lens.map(|len| x.split_off(..len).unwrap())
}

fn split_mut<const N: usize>(mut x: &mut [f32], lens: [usize; N]) -> [&mut [f32]; N] {
    lens.map(|len| x.split_off_mut(..len).unwrap())
}
