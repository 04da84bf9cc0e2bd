//! Matrix products and convolutions.

use super::{Print, fill, nan};
use flatgrad_core::conv::*;
use flatgrad_core::gemm::{Bias, Epilogue, gemm, gemm_scratch_len};
use flatgrad_core::{Context, Fused, Mat, MatMut, Result, Update};

pub(super) fn run(ctx: Context, print: Print) -> Result {
    product(ctx, print)?;
    let general = Conv2d::new(3, [4, 9, 11], 6, [3, 2]).stride([2, 1]).padding([1, 2]).dilation([1, 2]).groups(2);
    convolution(ctx, print, "conv_general", &general, 10)?;
    convolution(ctx, print, "conv_3x3", &Conv2d::new(2, [5, 8, 7], 7, [3, 3]).padding([1, 1]), 20)?;
    let depthwise = Conv2d::new(2, [8, 7, 9], 8, [3, 3]).padding([1, 1]).groups(8);
    convolution(ctx, print, "conv_depthwise", &depthwise, 30)
}

fn product(ctx: Context, print: Print) -> Result {
    const M: usize = 23;
    const N: usize = 19;
    const K: usize = 13;
    let (a, b, bias) = (fill(1, M * K), fill(2, K * N), fill(3, N));
    let (a, b) = (Mat::new(&a, M, K)?, Mat::new(&b, K, N)?);
    let mut scratch = nan(gemm_scratch_len(M, N, K));
    let (mut c, mut added_to) = (nan(M * N), fill(4, M * N));
    let epilogue = Epilogue { bias: Bias::PerCol(&bias), activation: Fused::Relu };
    gemm(ctx, a, b, Update::Overwrite, epilogue, MatMut::new(&mut c, M, N)?, &mut scratch)?;
    print("product/bias_relu", &c);
    gemm(ctx, a, b, Update::Accumulate, Epilogue::NONE, MatMut::new(&mut added_to, M, N)?, &mut scratch)?;
    print("product/accumulated", &added_to);
    Ok(())
}

fn convolution(ctx: Context, print: Print, name: &str, conv: &Conv2d, seed: u32) -> Result {
    let (x, w, dy) =
        (fill(seed, conv.input_len()), fill(seed + 1, conv.weight_len()), fill(seed + 2, conv.output_len()));
    let bias = fill(seed + 3, conv.out_channels);
    let (mut y, mut dx) = (nan(dy.len()), nan(x.len()));
    let mut scratch = nan(conv2d_scratch_len(conv));
    conv2d(ctx, conv, &x, &w, Some(&bias), Fused::Relu, &mut y, &mut scratch)?;
    print(&format!("{name}/bias_relu"), &y);
    let mut scratch = nan(conv2d_backward_input_scratch_len(conv));
    conv2d_backward_input(ctx, conv, &dy, &w, &mut dx, &mut scratch)?;
    print(&format!("{name}/input_gradient"), &dx);
    let gradients = [
        (Update::Overwrite, "", nan(w.len()), nan(bias.len())),
        (Update::Accumulate, "_accumulated", fill(seed + 4, w.len()), fill(seed + 5, bias.len())),
    ];
    for (update, how, mut dw, mut db) in gradients {
        let mut scratch = nan(conv2d_backward_weight_scratch_len(conv));
        conv2d_backward_weight(ctx, conv, &x, &dy, update, &mut dw, &mut scratch)?;
        print(&format!("{name}/weight_gradient{how}"), &dw);
        conv2d_backward_bias(ctx, conv, &dy, update, &mut db)?;
        print(&format!("{name}/bias_gradient{how}"), &db);
    }
    Ok(())
}
