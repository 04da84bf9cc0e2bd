//! Rows of `math`.

use super::{Call, Case, Draw, Output};
use flatgrad_core::reference::math as reference;
use flatgrad_core::{Context, Result, math};

pub const CASES: [Case; 8] = [
    Case { covers: &["math::exp"], make: |draw| each(draw, math::exp, reference::exp) },
    Case { covers: &["math::ln"], make: |draw| each(draw, math::ln, reference::ln) },
    Case { covers: &["math::log1p"], make: |draw| each(draw, math::log1p, reference::log1p) },
    Case { covers: &["math::expm1"], make: |draw| each(draw, math::expm1, reference::expm1) },
    Case { covers: &["math::tanh"], make: |draw| each(draw, math::tanh, reference::tanh) },
    Case { covers: &["math::sigmoid"], make: |draw| each(draw, math::sigmoid, reference::sigmoid) },
    Case { covers: &["math::erf"], make: |draw| each(draw, math::erf, reference::erf) },
    Case { covers: &["math::rsqrt"], make: |draw| each(draw, math::rsqrt, reference::rsqrt) },
];

type Kernel = fn(Context, &[f32], &mut [f32]) -> Result;

fn each(draw: &mut Draw, kernel: Kernel, one: fn(f32) -> f32) -> Call {
    let len = draw.size(0, 257, 100_352);
    let scale = draw.pick(&[10.0, 1.0, 100.0]);
    let x: Vec<f32> = draw.any(len).iter().map(|x| x * scale).collect();
    let want = x.iter().map(|&x| one(x)).collect();
    Call {
        what: format!("{len} elements up to {scale}"),
        inputs: vec![x],
        outputs: vec![Output::new(want)],
        elementwise: true,
        run: Box::new(move |ctx, inputs, outputs| kernel(ctx, inputs[0], outputs[0])),
    }
}
