//! Convolutions: all passes, over shapes that meet every border, stride, dilation and group.

use super::{Print, any, fill, first, hash};
use flatgrad_core::conv::{
    Conv2d, col2im, conv2d, conv2d_backward_bias, conv2d_backward_input, conv2d_backward_input_scratch_len,
    conv2d_backward_weight, conv2d_backward_weight_scratch_len, conv2d_scratch_len, im2col,
};
use flatgrad_core::{Context, Fused, Result, Update};

const SHAPES: [Conv2d; 5] = [
    Conv2d::new(2, [3, 7, 9], 5, [3, 3]).padding([1, 1]),
    Conv2d::new(1, [4, 9, 8], 20, [3, 2]).stride([2, 3]).padding([1, 2]),
    Conv2d::new(1, [6, 9, 7], 6, [3, 3]).padding([2, 2]).dilation([2, 2]).groups(6),
    Conv2d::new(2, [6, 5, 5], 8, [1, 1]).groups(2),
    Conv2d::new_1d(2, [2, 17], 5, 5).stride([1, 2]).padding([0, 2]),
];

/// The longest of one length over all shapes.
const fn longest(len: [usize; SHAPES.len()]) -> usize {
    let (mut max, mut i) = (0, 0);
    while i < len.len() {
        max = if len[i] > max { len[i] } else { max };
        i += 1;
    }
    max
}

macro_rules! longest {
    ($len:path) => {
        longest([$len(&SHAPES[0]), $len(&SHAPES[1]), $len(&SHAPES[2]), $len(&SHAPES[3]), $len(&SHAPES[4])])
    };
}
const INPUT: usize = longest!(Conv2d::input_len);
const WEIGHT: usize = longest!(Conv2d::weight_len);
const OUTPUT: usize = longest!(Conv2d::output_len);
const SCRATCH: usize = longest([
    longest!(conv2d_scratch_len),
    longest!(conv2d_backward_input_scratch_len),
    longest!(conv2d_backward_weight_scratch_len),
    0,
    0,
]);

pub(super) fn run(ctx: Context, print: Print) -> Result {
    for shape in &SHAPES {
        passes(ctx, print, any(shape))?;
    }
    columns(ctx, print)
}

fn passes(ctx: Context, print: Print, shape: &Conv2d) -> Result {
    let (mut x, mut w, mut dy) = (fill::<INPUT>(100), fill::<WEIGHT>(101), fill::<OUTPUT>(102));
    let (mut y, mut dx, mut dw) = ([f32::NAN; OUTPUT], [f32::NAN; INPUT], [1.0; WEIGHT]);
    let (mut b, mut db, mut scratch) = (fill::<20>(103), [1.0; 20], [f32::NAN; 2 * SCRATCH]);
    let (x, w, dy) =
        (first(&mut x, shape.input_len()), first(&mut w, shape.weight_len()), first(&mut dy, shape.output_len()));
    let (y, dx, dw) = (first(&mut y, dy.len()), first(&mut dx, x.len()), first(&mut dw, w.len()));
    let (b, db) = (first(&mut b, shape.out_channels), first(&mut db, shape.out_channels));
    let scratch = any(&mut scratch[..]);

    conv2d(ctx, shape, x, w, any(Some(b)), any(Fused::Relu), y, scratch)?;
    print("conv2d", hash(y));
    conv2d_backward_input(ctx, shape, dy, w, dx, scratch)?;
    print("conv2d_backward_input", hash(dx));
    conv2d_backward_weight(ctx, shape, x, dy, any(Update::Accumulate), dw, scratch)?;
    print("conv2d_backward_weight", hash(dw));
    conv2d_backward_bias(ctx, shape, dy, any(Update::Accumulate), db)?;
    print("conv2d_backward_bias", hash(db));
    Ok(())
}

fn columns(ctx: Context, print: Print) -> Result {
    const SHAPE: Conv2d = Conv2d::new(1, [2, 5, 6], 1, [3, 2]).stride([1, 2]).padding([1, 1]);
    const COLS: usize = 2 * 3 * 2 * SHAPE.out_h() * SHAPE.out_w();
    let (mut x, mut cols) = (fill::<60>(110), [f32::NAN; COLS]);
    im2col(ctx, any(&SHAPE), any(&x), any(&mut cols))?;
    print("im2col", hash(&cols));
    col2im(ctx, any(&SHAPE), any(&cols), any(Update::Accumulate), any(&mut x))?;
    print("col2im", hash(&x));
    Ok(())
}
