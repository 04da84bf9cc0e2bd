//! What is measured, and the goals.

use core::hint::black_box as any;
use flatgrad_core::conv::{
    Conv2d, conv2d, conv2d_backward_input, conv2d_backward_input_scratch_len, conv2d_backward_weight,
    conv2d_backward_weight_scratch_len, conv2d_scratch_len,
};
use flatgrad_core::dense::{Dense, dense, dense_backward_input, dense_backward_weight, dense_scratch_len};
use flatgrad_core::gemm::{Epilogue, gemm, gemm_scratch_len};
use flatgrad_core::optim::{Adam, adam_step};
use flatgrad_core::{Context, Fused, Isa, Mat, MatMut, Result, Update};

use crate::firmware::{instructions, print, report};

const CTX: Context<'static> = Context::serial(Isa::BASELINE);
/// A core with a floating-point unit; without, a multiply-add is one of software.
const FPU: bool = cfg!(target_abi = "eabihf");
/// The goal where it does not count.
const NONE: u32 = 0;

/// Numbers in `[-1, 1)`.
fn fill(x: &mut [f32], seed: u32) {
    let mut s = seed.wrapping_mul(0x9e37_79b9) | 1;
    for x in x {
        s ^= s << 13;
        s ^= s >> 17;
        s ^= s << 5;
        *x = (s >> 8) as f32 / 8_388_608.0 - 1.0;
    }
}

/// Goals in thousandths: with a floating-point unit, and without.
const fn goal(fpu: u32, soft: u32) -> u32 {
    if FPU { fpu } else { soft }
}

pub fn run() -> Result {
    dense_layer::<64, 32, 1>(["dense 64-32, batch 1", "  dX", "  dW"], [goal(1750, 210_000), 2000, 2000])?;
    dense_layer::<64, 32, 4>(["dense 64-32, batch 4", "  dX", "  dW"], [goal(1750, 210_000), 2000, 2000])?;
    // Ten outputs of one sample are too few to pay for a call, and no multiple of eight: an awkward edge.
    dense_layer::<64, 10, 1>(["dense 64-10, batch 1", "  dX", "  dW"], [goal(2500, 210_000), NONE, NONE])?;
    dense_layer::<64, 10, 4>(["dense 64-10, batch 4", "  dX", "  dW"], [goal(1750, 210_000), 2000, 2000])?;
    dense_layer::<784, 16, 1>(["dense 784-16, batch 1", "  dX", "  dW"], [goal(1750, 210_000), 2000, 2000])?;
    product(goal(2500, 210_000))?;
    if FPU {
        let three = [1350, 1350, 1500];
        convolution(
            ["conv 3x3, 8-16, 8x8", "  dX", "  dW"],
            &Conv2d::new(1, [8, 8, 8], 16, [3, 3]).padding([1, 1]),
            three,
        )?;
        convolution(
            ["conv 3x3, 16-32, 8x8", "  dX", "  dW"],
            &Conv2d::new(1, [16, 8, 8], 32, [3, 3]).padding([1, 1]),
            three,
        )?;
        convolution(
            ["conv 3x3, 8-8, 14x14", "  dX", "  dW"],
            &Conv2d::new(1, [8, 14, 14], 8, [3, 3]).padding([1, 1]),
            [NONE; 3],
        )?;
        convolution(
            ["conv 3x3, 16-16, 4x4", "  dX", "  dW"],
            &Conv2d::new(1, [16, 4, 4], 16, [3, 3]).padding([1, 1]),
            [NONE; 3],
        )?;
        convolution(
            ["conv 3x3, 1-8, 28x28", "  dX", "  dW"],
            &Conv2d::new(1, [1, 28, 28], 8, [3, 3]).padding([1, 1]),
            [NONE; 3],
        )?;
        convolution(
            ["conv 5x5 stride 2, 8-16, 8x8", "  dX", "  dW"],
            &Conv2d::new(1, [8, 8, 8], 16, [5, 5]).padding([2, 2]).stride([2, 2]),
            [NONE; 3],
        )?;
        convolution(["conv 1x1, 16-32, 8x8", "  dX", "  dW"], &Conv2d::new(1, [16, 8, 8], 32, [1, 1]), [NONE; 3])?;
        convolution(
            ["conv 3x3 depthwise, 16, 8x8", "  dX", "  dW"],
            &Conv2d::new(1, [16, 8, 8], 16, [3, 3]).padding([1, 1]).groups(16),
            [NONE; 3],
        )?;
        adam(24_000)?;
    }
    Ok(())
}

/// All slices of a measurement come from here.
static mut MEMORY: [f32; 48 * 1024] = [0.0; 48 * 1024];

/// The next `n` floats of what is left.
fn take<'a>(rest: &mut &'a mut [f32], n: usize) -> &'a mut [f32] {
    let (mine, others) = core::mem::take(rest).split_at_mut(n);
    *rest = others;
    fill(mine, n as u32);
    mine
}

fn memory() -> &'static mut [f32] {
    // SAFETY: one thread, and each measurement is done with it before the next begins.
    unsafe { &mut *(&raw mut MEMORY) }
}

fn dense_layer<const IN: usize, const OUT: usize, const N: usize>(names: [&str; 3], goals: [u32; 3]) -> Result {
    let d = any(Dense::new(N, IN, OUT));
    let mut rest = memory();
    let (x, w, b, y) =
        (take(&mut rest, N * IN), take(&mut rest, IN * OUT), take(&mut rest, OUT), take(&mut rest, N * OUT));
    let (dx, dw, scratch) =
        (take(&mut rest, N * IN), take(&mut rest, IN * OUT), take(&mut rest, dense_scratch_len(&d)));
    let (macs, mut done) = ((N * IN * OUT) as u32, Ok(()));
    report(names[0], macs, goals[0], || {
        done = dense(CTX, &d, x, w, any(Some(&*b)), any(Fused::None), y, scratch);
    });
    done?;
    if FPU {
        report(names[1], macs, goals[1], || done = dense_backward_input(CTX, &d, y, w, dx, scratch));
        done?;
        let update = any(Update::Overwrite);
        report(names[2], macs, goals[2], || done = dense_backward_weight(CTX, &d, x, y, update, dw, scratch));
    }
    done
}

fn product(goal: u32) -> Result {
    let (m, k, n) = any((7, 19, 13));
    let mut rest = memory();
    let (a, b, c) = (take(&mut rest, m * k), take(&mut rest, k * n), take(&mut rest, m * n));
    let scratch = take(&mut rest, gemm_scratch_len(m, n, k));
    let (a, b, mut done) = (Mat::new(a, m, k)?, Mat::new(b, k, n)?, Ok(()));
    report("product 7x19x13", (m * n * k) as u32, goal, || {
        done = MatMut::new(c, m, n).and_then(|c| gemm(CTX, a, b, any(Update::Overwrite), Epilogue::NONE, c, scratch));
    });
    done
}

fn convolution(names: [&str; 3], conv: &Conv2d, goals: [u32; 3]) -> Result {
    let conv = &any(*conv);
    let mut rest = memory();
    let (x, w, b) =
        (take(&mut rest, conv.input_len()), take(&mut rest, conv.weight_len()), take(&mut rest, conv.out_channels));
    let (y, dx, dw) =
        (take(&mut rest, conv.output_len()), take(&mut rest, conv.input_len()), take(&mut rest, conv.weight_len()));
    let scratch = take(
        &mut rest,
        conv2d_scratch_len(conv)
            .max(conv2d_backward_input_scratch_len(conv))
            .max(conv2d_backward_weight_scratch_len(conv)),
    );
    let macs = (conv.output_len() * conv.weight_len() / conv.out_channels) as u32;
    let mut done = Ok(());
    report(names[0], macs, goals[0], || {
        done = conv2d(CTX, conv, x, w, any(Some(&*b)), any(Fused::None), y, scratch);
    });
    done?;
    report(names[1], macs, goals[1], || done = conv2d_backward_input(CTX, conv, y, w, dx, scratch));
    done?;
    let update = any(Update::Accumulate);
    report(names[2], macs, goals[2], || done = conv2d_backward_weight(CTX, conv, x, y, update, dw, scratch));
    done
}

fn adam(goal: u32) -> Result {
    let adam = any(Adam::DEFAULT);
    let step = |n: usize| {
        let mut rest = memory();
        let (g, p, m, v) = (take(&mut rest, n), take(&mut rest, n), take(&mut rest, n), take(&mut rest, n));
        v.iter_mut().for_each(|v| *v *= *v);
        let mut done = Ok(());
        let count = instructions(&mut || done = adam_step(CTX, &adam, 3, g, p, m, v, &mut []));
        done.map(|()| count)
    };
    // The bias corrections are two powers in emulated f64, whatever the number of parameters.
    let (few, many) = (step(4096)?, step(8192)?);
    print("Adam, per element", many - few, 4096, goal);
    print("Adam, per call", 2 * few - many, 1, NONE);
    Ok(())
}
