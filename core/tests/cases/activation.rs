//! Rows of `activation`.

use super::{Call, Case, Draw, Output};
use flatgrad_core::activation::*;
use flatgrad_core::reference;

pub const CASES: [Case; 8] = [
    Case { covers: &["activation::activate"], make: forward },
    Case { covers: &["activation::activate_in_place"], make: forward_in_place },
    Case { covers: &["activation::activate_backward"], make: backward },
    Case { covers: &["activation::activate_backward_in_place"], make: backward_in_place },
    Case { covers: &["activation::softmax"], make: |draw| rows(draw, softmax, reference::activation::softmax) },
    Case {
        covers: &["activation::log_softmax"],
        make: |draw| rows(draw, log_softmax, reference::activation::log_softmax),
    },
    Case {
        covers: &["activation::softmax_backward"],
        make: |draw| rows_backward(draw, softmax_backward, reference::activation::softmax_backward),
    },
    Case {
        covers: &["activation::log_softmax_backward"],
        make: |draw| rows_backward(draw, log_softmax_backward, reference::activation::log_softmax_backward),
    },
];

const LENGTH: usize = 257;
const BENCH: usize = 100_352;

const FUNCTIONS: [Activation; 15] = [
    Activation::Relu,
    Activation::LEAKY_RELU,
    Activation::leaky_relu(-0.5),
    Activation::ELU,
    Activation::elu(0.3),
    Activation::elu(-0.7),
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Silu,
    Activation::HardSwish,
    Activation::Mish,
    Activation::SOFTPLUS,
    Activation::softplus(2.5, 8.0),
];

/// Numbers on both sides of every seam.
fn numbers(draw: &mut Draw, len: usize) -> Vec<f32> {
    let scale = draw.pick(&[5.0, 1.0, 120.0]);
    draw.any(len).iter().map(|x| x * scale).collect()
}

fn forward(draw: &mut Draw) -> Call {
    let (len, function) = (draw.size(0, LENGTH, BENCH), draw.pick(&FUNCTIONS));
    let x = numbers(draw, len);
    let want = x.iter().map(|&x| reference::activation::activate(function, x)).collect();
    Call {
        what: format!("{function:?}, {len} elements"),
        inputs: vec![x],
        outputs: vec![Output::new(want)],
        elementwise: true,
        run: Box::new(move |ctx, inputs, outputs| activate(ctx, function, inputs[0], outputs[0])),
    }
}

fn forward_in_place(draw: &mut Draw) -> Call {
    let (len, function) = (draw.size(0, LENGTH, BENCH), draw.pick(&FUNCTIONS));
    let x = numbers(draw, len);
    let want = x.iter().map(|&x| reference::activation::activate(function, x)).collect();
    Call {
        what: format!("{function:?}, {len} elements"),
        inputs: vec![],
        outputs: vec![Output::update(&x, want)],
        elementwise: true,
        run: Box::new(move |ctx, _, outputs| activate_in_place(ctx, function, outputs[0])),
    }
}

/// `(saved, dy)` and `dx` by the plain loop.
fn gradient(draw: &mut Draw, function: Activation) -> ([Vec<f32>; 2], Vec<f32>) {
    let len = draw.size(0, LENGTH, BENCH);
    let (saved, dy) = (numbers(draw, len), draw.any(len));
    let one = |(&saved, &dy)| reference::activation::activate_backward(function, saved, dy);
    let want = saved.iter().zip(&dy).map(one).collect();
    ([saved, dy], want)
}

fn backward(draw: &mut Draw) -> Call {
    let function = draw.pick(&FUNCTIONS);
    let (inputs, want) = gradient(draw, function);
    Call {
        what: format!("{function:?}, {} elements", want.len()),
        inputs: inputs.into(),
        outputs: vec![Output::new(want)],
        elementwise: true,
        run: Box::new(move |ctx, inputs, outputs| activate_backward(ctx, function, inputs[0], inputs[1], outputs[0])),
    }
}

fn backward_in_place(draw: &mut Draw) -> Call {
    let function = draw.pick(&FUNCTIONS);
    let ([saved, dy], want) = gradient(draw, function);
    Call {
        what: format!("{function:?}, {} elements", want.len()),
        inputs: vec![saved],
        outputs: vec![Output::update(&dy, want)],
        elementwise: true,
        run: Box::new(move |ctx, inputs, outputs| activate_backward_in_place(ctx, function, inputs[0], outputs[0])),
    }
}

type Rows = fn(flatgrad_core::Context, [usize; 2], &[f32], &mut [f32]) -> flatgrad_core::Result;

fn rows(draw: &mut Draw, kernel: Rows, row: fn(&[f32], &mut [f32])) -> Call {
    let (classes, n) = (draw.size(0, 131, 1000), draw.size(0, 9, 128));
    let x: Vec<f32> = draw.any(n * classes).iter().map(|x| x * 30.0).collect();
    let mut want = vec![0.0; x.len()];
    for i in 0..n {
        let at = i * classes..(i + 1) * classes;
        row(&x[at.clone()], &mut want[at]);
    }
    Call {
        what: format!("[{n}, {classes}]"),
        inputs: vec![x],
        outputs: vec![Output::new(want)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| kernel(ctx, [n, classes], inputs[0], outputs[0])),
    }
}

type RowsBackward = fn(flatgrad_core::Context, [usize; 2], &[f32], &[f32], &mut [f32]) -> flatgrad_core::Result;

fn rows_backward(draw: &mut Draw, kernel: RowsBackward, row: fn(&[f32], &[f32], &mut [f32])) -> Call {
    let (classes, n) = (draw.size(0, 131, 1000), draw.size(0, 9, 128));
    let (y, dy) = (draw.any(n * classes), draw.any(n * classes));
    let mut want = vec![0.0; y.len()];
    for i in 0..n {
        let at = i * classes..(i + 1) * classes;
        row(&y[at.clone()], &dy[at.clone()], &mut want[at]);
    }
    Call {
        what: format!("[{n}, {classes}]"),
        inputs: vec![y, dy],
        outputs: vec![Output::new(want)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| kernel(ctx, [n, classes], inputs[0], inputs[1], outputs[0])),
    }
}
