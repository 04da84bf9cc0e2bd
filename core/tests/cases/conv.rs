//! Rows of `conv`.

use super::{Call, Case, Draw, Output, for_threads};
use flatgrad_core::conv::*;
use flatgrad_core::{Context, Fused, Update, reference};

pub const CASES: [Case; 6] = [
    Case { covers: &["conv::conv2d", "conv::conv2d_scratch_len"], make: forward },
    Case { covers: &["conv::conv2d_backward_input", "conv::conv2d_backward_input_scratch_len"], make: backward_input },
    Case {
        covers: &["conv::conv2d_backward_weight", "conv::conv2d_backward_weight_scratch_len"],
        make: backward_weight,
    },
    Case { covers: &["conv::conv2d_backward_bias"], make: backward_bias },
    Case { covers: &["conv::im2col"], make: unfold },
    Case { covers: &["conv::col2im"], make: fold },
];

/// Geometry that draws do not reach: more columns than a strip has, more channels than a strip's input holds, kernels,
/// dilations and strides that are larger than an image, chains of no steps.
fn rare() -> [Conv2d; 15] {
    let new = Conv2d::new;
    [
        new(1, [2, 3, 70], 3, [3, 3]).padding([1, 1]),
        new(1, [2, 3, 131], 17, [1, 3]).stride([1, 2]),
        new(1, [700, 2, 8], 3, [3, 3]).padding([1, 1]),
        new(1, [3, 2, 8], 700, [3, 3]).padding([1, 1]).stride([1, 2]),
        new(1, [20, 31, 26], 2, [3, 3]).padding([1, 1]),
        new(1, [2, 31, 31], 16, [1, 1]),
        new(1, [1, 150, 150], 1, [137, 137]).stride([3, 3]),
        new(1, [1, 40, 3], 2, [2, 2]).dilation([37, 1]),
        new(2, [2, 5, 4], 3, [3, 3]).stride([usize::MAX, usize::MAX / 2 + 1]),
        new(1, [2, 16, 15], 3, [3, 2]).dilation([4, 3]).stride([6, 2]).padding([1, 4]),
        new(1, [17, 4, 70], 17, [5, 3]).groups(17).padding([2, 1]).stride([1, 2]).dilation([1, 2]),
        new(2, [33, 5, 6], 66, [3, 3]).groups(33).padding([1, 1]),
        new(2, [0, 4, 4], 2, [3, 3]),
        new(2, [3, 4, 4], 0, [3, 3]),
        new(1, [2, 0, 3], 2, [2, 2]).padding([1, 1]),
    ]
}

/// Any geometry, now and then one that [`Conv2d::check`] refuses.
fn shape(draw: &mut Draw) -> Conv2d {
    let (first, second) = (draw.size(1, 33, 16), draw.size(1, 33, 8));
    let kind = draw.pick(&["dense", "dense", "depthwise", "grouped", "1-D", "rare", "wrong"]);
    if kind == "rare" {
        return draw.pick(&rare());
    }
    let (group_in, groups) = match kind {
        "depthwise" => (1, second),
        "grouped" => (draw.size(1, 9, 1), draw.size(2, 4, 2)),
        _ => (second, 1),
    };
    let group_out = if kind == "depthwise" { draw.size(1, 3, 1) } else { first };
    let image = [draw.size(1, 17, 30), draw.size(1, 33, 30)];
    let mut two = |options: [usize; 4]| [draw.pick(&options), draw.pick(&options)];
    let (kernel, stride, padding, dilation) = (two([3, 1, 2, 5]), two([1, 2, 3, 1]), two([1, 0, 2, 5]), two([1; 4]));
    let dilation = draw.pick(&[dilation, [1, 2], [2, 1], [2, 3]]);
    let n = draw.size(0, 3, 4);
    let c = Conv2d::new(n, [groups * group_in, image[0], image[1]], groups * group_out, kernel)
        .stride(stride)
        .padding(padding)
        .dilation(dilation)
        .groups(groups);
    let c = match kind {
        "1-D" => Conv2d { h: 1, kernel: [1, kernel[1]], stride: [1, stride[1]], padding: [0, padding[1]], ..c },
        "wrong" => draw.pick(&[
            c.groups(0),
            c.groups(c.in_channels + c.out_channels),
            c.stride([0, 1]),
            c.dilation([1, 0]),
            Conv2d { kernel: [0, 3], ..c },
            Conv2d { kernel: [3, c.w + 2 * padding[1] + 1], ..c },
            c.padding([usize::MAX, 1]),
            Conv2d { n: usize::MAX, in_channels: 4, ..c },
        ]),
        _ => c,
    };
    // The plain loops are slow.
    if c.output_len().saturating_mul(c.weight_len()) / c.out_channels.max(1) > 1 << 20 {
        Conv2d { n: 1, ..c }
    } else {
        c
    }
}

/// What shows that a shape is refused: no slices, and the result turned around.
fn refused(c: Conv2d, kernel: fn(Context, &Conv2d) -> flatgrad_core::Result) -> Call {
    Call {
        what: format!("wrong: {c:?}"),
        inputs: vec![],
        outputs: vec![],
        elementwise: false,
        run: Box::new(move |ctx, _, _| {
            assert_eq!(kernel(ctx, &c), c.check(), "{c:?}");
            Ok(())
        }),
    }
}

// Values are finite: taps outside the image may be read as zero or not at all, which an infinity would show.

fn forward(draw: &mut Draw) -> Call {
    let c = shape(draw);
    let (activation, with_bias) = (draw.pick(&[Fused::None, Fused::Relu]), !draw.flag());
    if c.check().is_err() {
        return refused(c, |ctx, c| conv2d(ctx, c, &[], &[], None, Fused::None, &mut [], &mut []));
    }
    let (x, weight) = (draw.finite(c.input_len()), draw.finite(c.weight_len()));
    let bias = draw.any(if with_bias { c.out_channels } else { 0 });
    let mut want = vec![f32::NAN; c.output_len()];
    reference::conv::conv2d(&c, &x, &weight, with_bias.then_some(&bias), activation, &mut want);
    Call {
        what: format!("{c:?}, {activation:?}, bias {with_bias}"),
        inputs: vec![x, weight, bias],
        outputs: vec![Output::new(want), Output::scratch(3 * conv2d_scratch_len(&c))],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [y, scratch] = outputs else { unreachable!() };
            let (bias, scratch) = (with_bias.then_some(inputs[2]), for_threads(scratch, conv2d_scratch_len(&c)));
            conv2d(ctx, &c, inputs[0], inputs[1], bias, activation, y, scratch)
        }),
    }
}

fn backward_input(draw: &mut Draw) -> Call {
    let c = shape(draw);
    if c.check().is_err() {
        return refused(c, |ctx, c| conv2d_backward_input(ctx, c, &[], &[], &mut [], &mut []));
    }
    let (dy, weight) = (draw.finite(c.output_len()), draw.finite(c.weight_len()));
    let mut want = vec![f32::NAN; c.input_len()];
    reference::conv::conv2d_backward_input(&c, &dy, &weight, &mut want);
    let per_thread = conv2d_backward_input_scratch_len(&c);
    Call {
        what: format!("{c:?}"),
        inputs: vec![dy, weight],
        outputs: vec![Output::new(want), Output::scratch(3 * per_thread)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [dx, scratch] = outputs else { unreachable!() };
            conv2d_backward_input(ctx, &c, inputs[0], inputs[1], dx, for_threads(scratch, per_thread))
        }),
    }
}

/// An output that is overwritten, or added to: its content before the call, and a copy to compute on.
fn updated(draw: &mut Draw, update: Update, len: usize) -> [Vec<f32>; 2] {
    let before = if update == Update::Accumulate { draw.finite(len) } else { vec![f32::NAN; len] };
    [before.clone(), before]
}

fn backward_weight(draw: &mut Draw) -> Call {
    let (c, update) = (shape(draw), draw.pick(&[Update::Overwrite, Update::Accumulate]));
    if c.check().is_err() {
        return refused(c, |ctx, c| conv2d_backward_weight(ctx, c, &[], &[], Update::Overwrite, &mut [], &mut []));
    }
    let (x, dy) = (draw.finite(c.input_len()), draw.finite(c.output_len()));
    let [before, mut want] = updated(draw, update, c.weight_len());
    reference::conv::conv2d_backward_weight(&c, &x, &dy, update, &mut want);
    let per_thread = conv2d_backward_weight_scratch_len(&c);
    Call {
        what: format!("{c:?}, {update:?}"),
        inputs: vec![x, dy],
        outputs: vec![Output::update(&before, want), Output::scratch(3 * per_thread)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            let [dw, scratch] = outputs else { unreachable!() };
            conv2d_backward_weight(ctx, &c, inputs[0], inputs[1], update, dw, for_threads(scratch, per_thread))
        }),
    }
}

fn backward_bias(draw: &mut Draw) -> Call {
    let (c, update) = (shape(draw), draw.pick(&[Update::Overwrite, Update::Accumulate]));
    if c.check().is_err() {
        return refused(c, |ctx, c| conv2d_backward_bias(ctx, c, &[], Update::Overwrite, &mut []));
    }
    let dy = draw.any(c.output_len());
    let [before, mut want] = updated(draw, update, c.out_channels);
    reference::conv::conv2d_backward_bias(&c, &dy, update, &mut want);
    Call {
        what: format!("{c:?}, {update:?}"),
        inputs: vec![dy],
        outputs: vec![Output::update(&before, want)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| conv2d_backward_bias(ctx, &c, inputs[0], update, outputs[0])),
    }
}

/// Elements of a sample, and of its columns.
fn column_lens(c: &Conv2d) -> [usize; 2] {
    let sample = c.in_channels * c.h * c.w;
    [sample, c.in_channels * c.kernel[0] * c.kernel[1] * c.out_h() * c.out_w()]
}

fn unfold(draw: &mut Draw) -> Call {
    let c = shape(draw);
    if c.check().is_err() {
        return refused(c, |ctx, c| im2col(ctx, c, &[], &mut []));
    }
    let [sample, columns] = column_lens(&c);
    let x = draw.any(sample);
    let mut want = vec![f32::NAN; columns];
    reference::conv::im2col(&c, &x, &mut want);
    Call {
        what: format!("{c:?}"),
        inputs: vec![x],
        outputs: vec![Output::new(want)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| im2col(ctx, &c, inputs[0], outputs[0])),
    }
}

fn fold(draw: &mut Draw) -> Call {
    let (c, update) = (shape(draw), draw.pick(&[Update::Overwrite, Update::Accumulate]));
    if c.check().is_err() {
        return refused(c, |ctx, c| col2im(ctx, c, &[], Update::Overwrite, &mut []));
    }
    let [sample, columns] = column_lens(&c);
    let cols = draw.any(columns);
    let [before, mut want] = updated(draw, update, sample);
    reference::conv::col2im(&c, &cols, update, &mut want);
    Call {
        what: format!("{c:?}, {update:?}"),
        inputs: vec![cols],
        outputs: vec![Output::update(&before, want)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| col2im(ctx, &c, inputs[0], update, outputs[0])),
    }
}
