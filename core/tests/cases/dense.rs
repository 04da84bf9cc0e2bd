//! Rows of `dense`.

use super::{Call, Case, Draw, Output, for_threads};
use flatgrad_core::dense::*;
use flatgrad_core::{Fused, Update, reference};

pub const CASES: [Case; 4] = [
    Case { covers: &["dense::dense", "dense::dense_scratch_len"], make: forward },
    Case { covers: &["dense::dense_backward_input", "dense::dense_scratch_len"], make: backward_input },
    Case { covers: &["dense::dense_backward_weight", "dense::dense_scratch_len"], make: backward_weight },
    Case { covers: &["dense::dense_backward_bias"], make: backward_bias },
];

fn shape(draw: &mut Draw) -> Dense {
    Dense::new(draw.size(0, 33, 64), draw.size(0, 131, 300), draw.size(0, 97, 200))
}

fn forward(draw: &mut Draw) -> Call {
    let d = shape(draw);
    let activation = draw.pick(&[Fused::None, Fused::Relu]);
    let with_bias = !draw.flag();
    let (x, weight) = (draw.any(d.n * d.inputs), draw.any(d.inputs * d.outputs));
    let bias = draw.any(if with_bias { d.outputs } else { 0 });
    let mut want = vec![0.0; d.n * d.outputs];
    let size = [d.n, d.inputs, d.outputs];
    reference::gemm::dense(size, &x, &weight, with_bias.then_some(&bias), activation, &mut want);
    Call {
        what: format!("{d:?}, {activation:?}, bias {with_bias}"),
        inputs: vec![x, weight, bias],
        outputs: vec![Output::new(want), Output::scratch(3 * dense_scratch_len(&d))],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [y, scratch] = outputs else { unreachable!() };
            let (bias, scratch) = (with_bias.then_some(inputs[2]), for_threads(scratch, dense_scratch_len(&d)));
            dense(ctx, &d, inputs[0], inputs[1], bias, activation, y, scratch)
        }),
    }
}

fn backward_input(draw: &mut Draw) -> Call {
    let d = shape(draw);
    let (dy, weight) = (draw.any(d.n * d.outputs), draw.any(d.inputs * d.outputs));
    let mut want = vec![0.0; d.n * d.inputs];
    reference::gemm::dense_backward_input([d.n, d.inputs, d.outputs], &dy, &weight, &mut want);
    Call {
        what: format!("{d:?}"),
        inputs: vec![dy, weight],
        outputs: vec![Output::new(want), Output::scratch(3 * dense_scratch_len(&d))],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [dx, scratch] = outputs else { unreachable!() };
            dense_backward_input(ctx, &d, inputs[0], inputs[1], dx, for_threads(scratch, dense_scratch_len(&d)))
        }),
    }
}

/// An output that is overwritten, or added to: its content before the call, and a copy to compute on.
fn updated(draw: &mut Draw, update: Update, len: usize) -> [Vec<f32>; 2] {
    let before = if update == Update::Accumulate { draw.any(len) } else { vec![f32::NAN; len] };
    [before.clone(), before]
}

fn backward_weight(draw: &mut Draw) -> Call {
    let d = shape(draw);
    let update = draw.pick(&[Update::Overwrite, Update::Accumulate]);
    let (x, dy) = (draw.any(d.n * d.inputs), draw.any(d.n * d.outputs));
    let [before, mut want] = updated(draw, update, d.inputs * d.outputs);
    reference::gemm::dense_backward_weight([d.n, d.inputs, d.outputs], &x, &dy, update, &mut want);
    Call {
        what: format!("{d:?}, {update:?}"),
        inputs: vec![x, dy],
        outputs: vec![Output::update(&before, want), Output::scratch(3 * dense_scratch_len(&d))],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [dw, scratch] = outputs else { unreachable!() };
            let scratch = for_threads(scratch, dense_scratch_len(&d));
            dense_backward_weight(ctx, &d, inputs[0], inputs[1], update, dw, scratch)
        }),
    }
}

fn backward_bias(draw: &mut Draw) -> Call {
    let d = Dense::new(draw.size(0, 33, 64), 3, draw.size(0, 97, 1000));
    let update = draw.pick(&[Update::Overwrite, Update::Accumulate]);
    let dy = draw.any(d.n * d.outputs);
    let [before, mut want] = updated(draw, update, d.outputs);
    reference::gemm::dense_backward_bias([d.n, d.outputs], &dy, update, &mut want);
    Call {
        what: format!("{d:?}, {update:?}"),
        inputs: vec![dy],
        outputs: vec![Output::update(&before, want)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| dense_backward_bias(ctx, &d, inputs[0], update, outputs[0])),
    }
}
