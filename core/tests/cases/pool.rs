//! Rows of `pool`.

use super::{Call, Case, Draw, Output};
use flatgrad_core::pool::*;
use flatgrad_core::reference;

pub const CASES: [Case; 6] = [
    Case { covers: &["pool::max_pool2d"], make: maximum },
    Case { covers: &["pool::max_pool2d_backward"], make: maximum_backward },
    Case { covers: &["pool::avg_pool2d"], make: average },
    Case { covers: &["pool::avg_pool2d_backward"], make: average_backward },
    Case { covers: &["pool::global_avg_pool"], make: global },
    Case { covers: &["pool::global_avg_pool_backward"], make: global_backward },
];

/// Kernel, stride and padding: what networks use, and one of the general kind. Where speed is measured, the first.
const WINDOWS: [[[usize; 2]; 3]; 12] = [
    [[3, 3], [2, 2], [1, 1]],
    [[2, 2], [2, 2], [0, 0]],
    [[3, 3], [1, 1], [1, 1]],
    [[3, 3], [2, 2], [0, 0]],
    [[2, 2], [1, 1], [0, 0]],
    [[2, 2], [2, 2], [1, 1]],
    [[1, 3], [1, 1], [0, 1]],
    [[1, 2], [1, 2], [0, 0]],
    [[5, 4], [3, 2], [2, 2]],
    [[4, 5], [2, 1], [1, 2]],
    [[3, 2], [1, 3], [1, 1]],
    [[1, 1], [2, 1], [0, 0]],
];

/// A shape that passes its check.
fn shape(draw: &mut Draw) -> MaxPool2d {
    let (w, h) = (draw.size(1, 67, 41), draw.size(1, 9, 40));
    let (n, channels) = (draw.size(0, 3, 5), draw.size(0, 3, 7));
    let [kernel, stride, padding] = draw.pick(&WINDOWS);
    let kernel = [kernel[0].min(h), kernel[1].min(w)];
    let padding = [padding[0].min(kernel[0] / 2), padding[1].min(kernel[1] / 2)];
    MaxPool2d::new(n, [channels, h, w], kernel).stride(stride).padding(padding)
}

fn avg_shape(draw: &mut Draw) -> AvgPool2d {
    let MaxPool2d { n, channels, h, w, kernel, stride, padding } = shape(draw);
    AvgPool2d::new(n, [channels, h, w], kernel).stride(stride).padding(padding).count_include_pad(!draw.flag())
}

/// Values of which windows have several maxima, in some draws.
fn values(draw: &mut Draw, len: usize) -> Vec<f32> {
    let coarse = draw.flag();
    let x = draw.any(len);
    if coarse { x.iter().map(|x| (x * 3.0).trunc()).collect() } else { x }
}

fn maximum(draw: &mut Draw) -> Call {
    let shape = shape(draw);
    let x = values(draw, shape.input_len());
    let mut want = vec![f32::NAN; shape.output_len()];
    reference::pool::max_pool2d(&shape, &x, &mut want);
    Call {
        what: format!("{shape:?}"),
        inputs: vec![x],
        outputs: vec![Output::new(want)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| max_pool2d(ctx, &shape, inputs[0], outputs[0])),
    }
}

fn maximum_backward(draw: &mut Draw) -> Call {
    let shape = shape(draw);
    let (x, dy) = (values(draw, shape.input_len()), draw.any(shape.output_len()));
    let mut want = vec![f32::NAN; x.len()];
    reference::pool::max_pool2d_backward(&shape, &x, &dy, &mut want);
    Call {
        what: format!("{shape:?}"),
        inputs: vec![x, dy],
        outputs: vec![Output::new(want)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| max_pool2d_backward(ctx, &shape, inputs[0], inputs[1], outputs[0])),
    }
}

fn average(draw: &mut Draw) -> Call {
    let shape = avg_shape(draw);
    let x = draw.any(shape.input_len());
    let mut want = vec![f32::NAN; shape.output_len()];
    reference::pool::avg_pool2d(&shape, &x, &mut want);
    Call {
        what: format!("{shape:?}"),
        inputs: vec![x],
        outputs: vec![Output::new(want)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| avg_pool2d(ctx, &shape, inputs[0], outputs[0])),
    }
}

fn average_backward(draw: &mut Draw) -> Call {
    let shape = avg_shape(draw);
    let dy = draw.any(shape.output_len());
    let mut want = vec![f32::NAN; shape.input_len()];
    reference::pool::avg_pool2d_backward(&shape, &dy, &mut want);
    Call {
        what: format!("{shape:?}"),
        inputs: vec![dy],
        outputs: vec![Output::new(want)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| avg_pool2d_backward(ctx, &shape, inputs[0], outputs[0])),
    }
}

fn global(draw: &mut Draw) -> Call {
    let shape = [draw.size(0, 4, 16), draw.size(0, 5, 32), draw.size(1, 131, 100)];
    let [n, channels, spatial] = shape;
    // Wherever a plane is not a vector wide, lanes beyond its end must not count.
    let (spatial, channels) = if draw.flag() { (channels.max(1), spatial) } else { (spatial, channels) };
    let x = draw.any(n * channels * spatial);
    let mut want = vec![f32::NAN; n * channels];
    reference::pool::global_avg_pool(spatial, &x, &mut want);
    Call {
        what: format!("[{n}, {channels}, {spatial}]"),
        inputs: vec![x],
        outputs: vec![Output::new(want)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| global_avg_pool(ctx, [n, channels, spatial], inputs[0], outputs[0])),
    }
}

fn global_backward(draw: &mut Draw) -> Call {
    let [n, channels, spatial] = [draw.size(0, 4, 16), draw.size(0, 5, 32), draw.size(1, 131, 100)];
    let dy = draw.any(n * channels);
    let mut want = vec![f32::NAN; n * channels * spatial];
    reference::pool::global_avg_pool_backward(spatial, &dy, &mut want);
    Call {
        what: format!("[{n}, {channels}, {spatial}]"),
        inputs: vec![dy],
        outputs: vec![Output::new(want)],
        elementwise: false,
        run: Box::new(move |ctx, inputs, outputs| {
            global_avg_pool_backward(ctx, [n, channels, spatial], inputs[0], outputs[0])
        }),
    }
}
