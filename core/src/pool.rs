//! Pooling.
//!
//! The plain algorithm: for each window, walk its elements in row-major order and keep the first maximum; backward,
//! find it again and add the window's gradient there. On top of that: windows of 2x2 at stride 2, which is what most
//! networks use, take whole vectors of neighbouring windows at once (`two_by_two.rs`).

mod two_by_two;

use crate::context::Context;
use crate::error::{Result, check_dim, check_len, checked_len};
use crate::simd::dispatch;
use crate::slice;
use core::ops::Range;

/// The shape of a max-pooling layer: data `[n, channels, h, w]` to `[n, channels, out_h, out_w]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool2d {
    /// Samples.
    pub n: usize,
    /// Channels.
    pub channels: usize,
    /// Height of the input.
    pub h: usize,
    /// Width of the input.
    pub w: usize,
    /// Height and width of a window.
    pub kernel: [usize; 2],
    /// Step from window to window, down and across.
    pub stride: [usize; 2],
    /// Rows and columns of negative infinity around the input; at most half the window.
    pub padding: [usize; 2],
}

impl MaxPool2d {
    /// Windows side by side (stride = kernel) and no padding, as in PyTorch.
    ///
    /// ```
    /// use flatgrad_core::pool::MaxPool2d;
    /// const POOL: MaxPool2d = MaxPool2d::new(1, [32, 28, 28], [3, 3]).stride([2, 2]).padding([1, 1]);
    /// assert_eq!((POOL.out_h(), POOL.out_w()), (14, 14));
    /// ```
    pub const fn new(n: usize, [channels, h, w]: [usize; 3], kernel: [usize; 2]) -> Self {
        Self { n, channels, h, w, kernel, stride: kernel, padding: [0, 0] }
    }

    /// The same with this stride.
    pub const fn stride(mut self, stride: [usize; 2]) -> Self {
        self.stride = stride;
        self
    }

    /// The same with this padding.
    pub const fn padding(mut self, padding: [usize; 2]) -> Self {
        self.padding = padding;
        self
    }

    /// Whether the shape makes sense.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`](crate::Error::Dimension) if kernel or stride is 0, the padding is more than half the kernel,
    /// or the window is larger than the padded input; [`Error::Overflow`](crate::Error::Overflow) if a tensor's length
    /// overflows.
    pub const fn check(&self) -> Result {
        let size = [self.h, self.w];
        let mut d = 0;
        while d < 2 {
            let padded = size[d].saturating_add(self.padding[d].saturating_mul(2));
            let checks = [
                check_dim(self.kernel[d] > 0, "kernel", "at least 1", self.kernel[d]),
                check_dim(self.stride[d] > 0, "stride", "at least 1", self.stride[d]),
                check_dim(self.padding[d] <= self.kernel[d] / 2, "padding", "at most half the kernel", self.padding[d]),
                check_dim(size[d] > 0, "input height and width", "at least 1", size[d]),
                check_dim(self.kernel[d] <= padded, "kernel", "at most the padded input", self.kernel[d]),
            ];
            let mut i = 0;
            while i < checks.len() {
                if checks[i].is_err() {
                    return checks[i];
                }
                i += 1;
            }
            d += 1;
        }
        if let Err(e) = checked_len("x", &[self.n, self.channels, self.h, self.w]) {
            return Err(e);
        }
        match checked_len("y", &[self.n, self.channels, self.out_h(), self.out_w()]) {
            Ok(_) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Height of the output: `floor((h + 2 padding - kernel) / stride) + 1`.
    pub const fn out_h(&self) -> usize {
        out(self.h, self.kernel[0], self.stride[0], self.padding[0])
    }

    /// Width of the output.
    pub const fn out_w(&self) -> usize {
        out(self.w, self.kernel[1], self.stride[1], self.padding[1])
    }

    /// Elements of the input: `n * channels * h * w`.
    pub const fn input_len(&self) -> usize {
        self.planes().saturating_mul(self.h).saturating_mul(self.w)
    }

    /// Elements of the output: `n * channels * out_h * out_w`.
    pub const fn output_len(&self) -> usize {
        self.planes().saturating_mul(self.out_h()).saturating_mul(self.out_w())
    }

    const fn planes(&self) -> usize {
        self.n.saturating_mul(self.channels)
    }

    const fn is_2x2(&self) -> bool {
        matches!((self.kernel, self.stride, self.padding), ([2, 2], [2, 2], [0, 0]))
    }

    /// The rows of the input under window row `oy`; never empty.
    fn rows(&self, oy: usize) -> Range<usize> {
        under(oy, self.h, self.kernel[0], self.stride[0], self.padding[0])
    }

    /// The columns of the input under window column `ox`; never empty.
    fn cols(&self, ox: usize) -> Range<usize> {
        under(ox, self.w, self.kernel[1], self.stride[1], self.padding[1])
    }
}

const fn out(size: usize, kernel: usize, stride: usize, padding: usize) -> usize {
    let room = size.saturating_add(padding.saturating_mul(2)).saturating_sub(kernel);
    match room.checked_div(stride) {
        Some(steps) => steps.saturating_add(1),
        None => 0,
    }
}

fn under(o: usize, size: usize, kernel: usize, stride: usize, padding: usize) -> Range<usize> {
    let start = o * stride;
    start.saturating_sub(padding)..(start + kernel).saturating_sub(padding).min(size)
}

/// `y = max` over each window (PyTorch's `max_pool2d`, `ceil_mode` off).
///
/// # Numerics
///
/// `m = -inf`, then for the window's elements in row-major order `if x > m or x is NaN { m = x }`: the first of several
/// equal maxima (which settles the sign of a zero), a NaN wherever the window holds one.
///
/// # Errors
///
/// Those of [`MaxPool2d::check`]; [`Error::Length`](crate::Error::Length) unless `x` and `y` have the shape's lengths.
///
/// ```
/// use flatgrad_core::{Context, Isa, pool::{MaxPool2d, max_pool2d}};
/// let shape = MaxPool2d::new(1, [1, 2, 4], [2, 2]);
/// let mut y = [0.0; 2];
/// max_pool2d(Context::serial(Isa::detect()), &shape, &[1.0, 2.0, 0.0, -3.0, 4.0, 3.0, -1.0, 0.5], &mut y)?;
/// assert_eq!(y, [4.0, 0.5]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn max_pool2d(ctx: Context, shape: &MaxPool2d, x: &[f32], y: &mut [f32]) -> Result {
    shape.check()?;
    check_len("x", shape.input_len(), x.len())?;
    check_len("y", shape.output_len(), y.len())?;
    let (size, out_size) = (shape.h * shape.w, shape.out_h() * shape.out_w());
    slice::share_chunks(slice::worth(ctx, x.len()), y, out_size, &mut [], 0, &|first, y, _| {
        let x = x.get(first * size..).unwrap_or(&[]);
        let planes = x.chunks_exact(size.max(1)).zip(y.chunks_exact_mut(out_size.max(1)));
        if shape.is_2x2() {
            dispatch!(ctx.isa(), |s| planes.for_each(
                #[inline(always)]
                |(x, y)| two_by_two::forward(s, shape.w, x, y)
            ));
        } else {
            planes.for_each(|(x, y)| {
                windows(shape, |i, rows, cols| {
                    if let Some(y) = y.get_mut(i) {
                        *y = maximum(x, shape.w, rows, cols);
                    }
                })
            });
        }
    });
    Ok(())
}

/// `dx`: each window's `dy` goes to the element that [`max_pool2d`] chose, found again in `x`; 0 elsewhere. `dx` is
/// overwritten.
///
/// # Numerics
///
/// `dx = 0`, then `dx[chosen] += dy` for the windows in row-major order. Of several NaN in a window, the last is chosen.
///
/// # Errors
///
/// Those of [`MaxPool2d::check`]; [`Error::Length`](crate::Error::Length) unless `x`, `dy` and `dx` have the shape's
/// lengths.
///
/// ```
/// use flatgrad_core::{Context, Isa, pool::{MaxPool2d, max_pool2d_backward}};
/// let shape = MaxPool2d::new(1, [1, 2, 2], [2, 2]);
/// let mut dx = [0.0; 4];
/// max_pool2d_backward(Context::serial(Isa::detect()), &shape, &[1.0, 2.0, 4.0, 3.0], &[5.0], &mut dx)?;
/// assert_eq!(dx, [0.0, 0.0, 5.0, 0.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn max_pool2d_backward(ctx: Context, shape: &MaxPool2d, x: &[f32], dy: &[f32], dx: &mut [f32]) -> Result {
    shape.check()?;
    check_len("x", shape.input_len(), x.len())?;
    check_len("dy", shape.output_len(), dy.len())?;
    check_len("dx", shape.input_len(), dx.len())?;
    let (size, out_size) = (shape.h * shape.w, shape.out_h() * shape.out_w());
    slice::share_chunks(slice::worth(ctx, x.len()), dx, size, &mut [], 0, &|first, dx, _| {
        let x = x.get(first * size..).unwrap_or(&[]).chunks_exact(size.max(1));
        let dy = dy.get(first * out_size..).unwrap_or(&[]).chunks_exact(out_size.max(1));
        let planes = x.zip(dy).zip(dx.chunks_exact_mut(size.max(1)));
        if shape.is_2x2() {
            dispatch!(ctx.isa(), |s| planes.for_each(
                #[inline(always)]
                |((x, dy), dx)| two_by_two::backward(s, shape.w, x, dy, dx)
            ));
        } else {
            planes.for_each(|((x, dy), dx)| {
                dx.fill(0.0);
                windows(shape, |i, rows, cols| {
                    let chosen = chosen(x, shape.w, rows, cols);
                    if let (Some(dx), Some(dy)) = (dx.get_mut(chosen), dy.get(i)) {
                        *dx += dy;
                    }
                });
            });
        }
    });
    Ok(())
}

/// Calls `f(index, rows, columns)` for each window of a plane in row-major order.
#[inline(always)]
fn windows(shape: &MaxPool2d, mut f: impl FnMut(usize, Range<usize>, Range<usize>)) {
    let (oh, ow) = (shape.out_h(), shape.out_w());
    for oy in 0..oh {
        let rows = shape.rows(oy);
        for ox in 0..ow {
            f(oy * ow + ox, rows.clone(), shape.cols(ox));
        }
    }
}

/// The rows of one window.
#[inline(always)]
fn window(x: &[f32], w: usize, rows: Range<usize>, cols: Range<usize>) -> impl Iterator<Item = &[f32]> {
    rows.map(move |row| x.get(row * w + cols.start..row * w + cols.end).unwrap_or(&[]))
}

/// The maximum of one window.
#[inline(always)]
fn maximum(x: &[f32], w: usize, rows: Range<usize>, cols: Range<usize>) -> f32 {
    let elements = window(x, w, rows, cols).flatten();
    elements.fold(f32::NEG_INFINITY, |m, &v| if (v > m) | v.is_nan() { v } else { m })
}

/// The index of the chosen element of one window: the first maximum, or the last NaN.
#[inline(always)]
fn chosen(x: &[f32], w: usize, rows: Range<usize>, cols: Range<usize>) -> usize {
    let max = maximum(x, w, rows.clone(), cols.clone());
    let (mut at, mut last_nan) = (rows.start * w + cols.start, 0);
    // Counts elements up to the maximum instead of branching: where it lies cannot be predicted.
    let mut ahead = 1;
    for row in window(x, w, rows.clone(), cols.clone()) {
        for &v in row {
            ahead &= (v != max) as usize;
            at += ahead;
        }
        at += ahead * (w - cols.len());
    }
    if max.is_nan() {
        for row in rows {
            let nan = x.get(row * w + cols.start..row * w + cols.end).unwrap_or(&[]).iter().rposition(|v| v.is_nan());
            last_nan = nan.map_or(last_nan, |i| row * w + cols.start + i);
        }
        return last_nan;
    }
    at
}
