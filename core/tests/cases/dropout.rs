//! Rows of `dropout`.

use super::{Call, Case, Draw, Output};
use flatgrad_core::dropout::*;
use flatgrad_core::{reference, rng::Stream};

pub const CASES: [Case; 5] = [
    Case { covers: &["dropout::dropout"], make: train },
    Case { covers: &["dropout::dropout_in_place"], make: train_in_place },
    Case { covers: &["dropout::dropout_infer"], make: infer },
    Case { covers: &["dropout::dropout_infer_in_place"], make: infer_in_place },
    Case { covers: &["dropout::scale_weights"], make: weights },
];

const LENGTH: usize = 1030;
const BENCH: usize = 70_003;

fn drawn(draw: &mut Draw) -> Dropout {
    let p = draw.pick(&[0.5, 0.0, 0.2, 0.8, 1.0, 1e-12]);
    Dropout::drop(p).unwrap().form(draw.pick(&[Form::Inverted, Form::ScaleActivations, Form::ScaleWeights]))
}

/// The last two starts let the counter's halves overflow within the slice.
fn mask(draw: &mut Draw) -> DropoutMask {
    let stream = Stream { seed: 11 << 40, stream: 2, step: 0x7654_0000_0345 };
    DropoutMask { stream, first: draw.pick(&[0, 1, 66, 3, (1 << 34) - 21, u64::MAX - 20]) }
}

fn train(draw: &mut Draw) -> Call {
    let (p, mask, len) = (drawn(draw), mask(draw), draw.size(0, LENGTH, BENCH));
    let x = draw.any(len);
    let mut want = vec![f32::NAN; len];
    reference::dropout::dropout(p, mask, &x, &mut want);
    Call {
        what: format!("{p:?}, {mask:?}, {len} elements"),
        inputs: vec![x],
        outputs: vec![Output::new(want)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| dropout(ctx, p, mask, inputs[0], outputs[0])),
    }
}

fn train_in_place(draw: &mut Draw) -> Call {
    let (p, mask, len) = (drawn(draw), mask(draw), draw.size(0, LENGTH, BENCH));
    let x = draw.any(len);
    let mut want = vec![f32::NAN; len];
    reference::dropout::dropout(p, mask, &x, &mut want);
    Call {
        what: format!("{p:?}, {mask:?}, {len} elements"),
        inputs: vec![],
        outputs: vec![Output::update(&x, want)],
        elementwise: false,
        run: Box::new(move |ctx, _, outputs| dropout_in_place(ctx, p, mask, outputs[0])),
    }
}

fn infer(draw: &mut Draw) -> Call {
    let (p, len) = (drawn(draw), draw.size(0, LENGTH, BENCH));
    let x = draw.any(len);
    let want = x.iter().map(|x| reference::dropout::infer(p, *x)).collect();
    Call {
        what: format!("{p:?}, {len} elements"),
        inputs: vec![x],
        outputs: vec![Output::new(want)],
        elementwise: true,
        run: Box::new(move |ctx, inputs, outputs| dropout_infer(ctx, p, inputs[0], outputs[0])),
    }
}

fn in_place(draw: &mut Draw, plain: fn(Dropout, f32) -> f32, kernel: InPlace) -> Call {
    let (p, len) = (drawn(draw), draw.size(0, LENGTH, BENCH));
    let x = draw.any(len);
    let want = x.iter().map(|x| plain(p, *x)).collect();
    Call {
        what: format!("{p:?}, {len} elements"),
        inputs: vec![],
        outputs: vec![Output::update(&x, want)],
        elementwise: true,
        run: Box::new(move |ctx, _, outputs| kernel(ctx, p, outputs[0])),
    }
}

type InPlace = fn(flatgrad_core::Context, Dropout, &mut [f32]) -> flatgrad_core::Result;

fn infer_in_place(draw: &mut Draw) -> Call {
    in_place(draw, reference::dropout::infer, dropout_infer_in_place)
}

fn weights(draw: &mut Draw) -> Call {
    in_place(draw, reference::dropout::weight, scale_weights)
}
