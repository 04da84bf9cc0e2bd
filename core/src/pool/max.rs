//! Max pooling.

use super::window::{All, Uses, Windows};
use super::{lanes, two_by_two};
use crate::error::{Result, check_len};
use crate::machine::Context;
use crate::machine::target::MICROCONTROLLER;
use crate::simd::dispatch;
use crate::slice;

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

    /// The same in one dimension: data `[n, channels, len]` as images of height 1 (PyTorch's `max_pool1d`). Stride and
    /// padding go across: `.stride([1, 2])`, `.padding([0, 1])`.
    ///
    /// ```
    /// use flatgrad_core::{Context, Isa, pool::{MaxPool2d, max_pool2d}};
    /// const POOL: MaxPool2d = MaxPool2d::new_1d(1, [1, 6], 3);
    /// let mut y = [0.0; POOL.output_len()];
    /// max_pool2d(Context::serial(Isa::detect()), &POOL, &[1.0, 5.0, 2.0, -3.0, -1.0, -2.0], &mut y)?;
    /// assert_eq!(y, [5.0, -1.0]);
    /// # Ok::<(), flatgrad_core::Error>(())
    /// ```
    pub const fn new_1d(n: usize, [channels, len]: [usize; 2], kernel: usize) -> Self {
        Self::new(n, [channels, 1, len], [1, kernel])
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
    /// [`Error::Dimension`](crate::Error::Dimension) if kernel, stride, `h` or `w` is 0, the padding is more than half
    /// the kernel, or the window is larger than the padded input; [`Error::Overflow`](crate::Error::Overflow) if a
    /// tensor's length overflows.
    pub const fn check(&self) -> Result {
        self.windows().check()
    }

    /// Height of the output: `floor((h + 2 padding - kernel) / stride) + 1`.
    pub const fn out_h(&self) -> usize {
        self.windows().out_h()
    }

    /// Width of the output.
    pub const fn out_w(&self) -> usize {
        self.windows().out_w()
    }

    /// Elements of the input: `n * channels * h * w`.
    pub const fn input_len(&self) -> usize {
        self.windows().input_len()
    }

    /// Elements of the output: `n * channels * out_h * out_w`.
    pub const fn output_len(&self) -> usize {
        self.windows().output_len()
    }

    const fn windows(&self) -> Windows {
        Windows::new(self.n, [self.channels, self.h, self.w], self.kernel, self.stride, self.padding)
    }

    /// Whether windows of 2x2 lie side by side.
    pub(crate) const fn is_2x2(&self) -> bool {
        matches!((self.kernel, self.stride, self.padding), ([2, 2], [2, 2], [0, 0]))
    }
}

/// `y = max` over each window (PyTorch's `max_pool2d`, `ceil_mode` off).
///
/// # Numerics
///
/// `m = -inf`, then for the window's elements in row-major order `if x > m or x is NaN { m = x }`: the first of several
/// equal maxima (which settles the sign of a zero), a NaN wherever the window holds one. In a window of negative
/// infinities the first element is the chosen one.
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
    let windows = &shape.windows();
    windows.check()?;
    check_len("x", windows.input_len(), x.len())?;
    check_len("y", windows.output_len(), y.len())?;
    max_pool2d_planned::<All>(ctx, shape, x, y);
    Ok(())
}

/// [`max_pool2d`] of a shape and lengths that a plan has checked.
pub(crate) fn max_pool2d_planned<U: Uses>(ctx: Context, shape: &MaxPool2d, x: &[f32], y: &mut [f32]) {
    let windows = &shape.windows().linked::<U>();
    let (size, out_size) = (windows.size(), windows.out_size());
    slice::share_chunks(slice::worth(ctx, x.len()), y, out_size, &mut [], 0, &|first, y, _| {
        let x = x.get(first * size..).unwrap_or(&[]);
        let planes = slice::chunks(x, size).zip(slice::chunks_mut(y, out_size));
        // Loops and not `for_each`, which some compilations do not inline.
        dispatch!(ctx.isa(), |s| {
            let step = lanes::step(s, windows);
            for (x, y) in planes {
                match step {
                    _ if lanes::are_there(s) && shape.is_2x2() => two_by_two::forward(s, shape.w, x, y),
                    1 => lanes::maximum::<_, 1>(s, windows, x, y),
                    2 => lanes::maximum::<_, 2>(s, windows, x, y),
                    _ => windows.each(|at, y_at| {
                        if let Some(y) = y.get_mut(y_at) {
                            *y = chosen::<U>(windows, x, at).0;
                        }
                    }),
                }
            }
        });
    });
}

/// `dx`: each window's `dy` goes to the element that [`max_pool2d`] chose, found again in `x`; 0 elsewhere. `dx` is
/// overwritten.
///
/// # Numerics
///
/// `dx = 0`, then `dx[chosen] += dy` for the windows in row-major order. Of several NaN in a window, the last is
/// chosen.
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
    let windows = &shape.windows();
    windows.check()?;
    check_len("x", windows.input_len(), x.len())?;
    check_len("dy", windows.output_len(), dy.len())?;
    check_len("dx", windows.input_len(), dx.len())?;
    max_pool2d_backward_planned::<All>(ctx, shape, x, dy, dx);
    Ok(())
}

/// [`max_pool2d_backward`] of a shape and lengths that a plan has checked.
pub(crate) fn max_pool2d_backward_planned<U: Uses>(
    ctx: Context,
    shape: &MaxPool2d,
    x: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) {
    let windows = &shape.windows().linked::<U>();
    let (size, out_size) = (windows.size(), windows.out_size());
    slice::share_chunks(slice::worth(ctx, x.len()), dx, size, &mut [], 0, &|first, dx, _| {
        let x = slice::chunks(x.get(first * size..).unwrap_or(&[]), size);
        let dy = slice::chunks(dy.get(first * out_size..).unwrap_or(&[]), out_size);
        let planes = x.zip(dy).zip(slice::chunks_mut(dx, size));
        dispatch!(ctx.isa(), |s| {
            let step = lanes::step(s, windows);
            for ((x, dy), dx) in planes {
                if lanes::are_there(s) && shape.is_2x2() {
                    two_by_two::backward(s, shape.w, x, dy, dx);
                    continue;
                }
                dx.fill(0.0);
                match step {
                    1 => lanes::chosen::<_, 1>(s, windows, x, |at, places| route(windows, [x, dy], dx, at, places)),
                    2 => lanes::chosen::<_, 2>(s, windows, x, |at, places| route(windows, [x, dy], dx, at, places)),
                    _ => windows.each(|at, i| {
                        if let (Some(dy), Some(dx)) = (dy.get(i), dx.get_mut(chosen::<U>(windows, x, at).1)) {
                            *dx += dy;
                        }
                    }),
                }
            }
        });
    });
}

/// Adds `dy` of the windows `ox, ox + 1, ..` of window row `oy` to their chosen elements, which stand in `places`.
fn route(windows: &Windows, [x, dy]: [&[f32]; 2], dx: &mut [f32], [oy, ox]: [usize; 2], places: &[f32]) {
    let dy = dy.get(oy * windows.out_w() + ox..).unwrap_or(&[]);
    let [_, stride] = windows.stride;
    // The first tap of the first window, if the padding were there.
    let mut corner = (windows.rows(oy).start * windows.w + ox * stride).wrapping_sub(windows.padding[1]);
    for (i, (place, dy)) in places.iter().zip(dy).enumerate() {
        let at = match lanes::offset(*place) {
            Some(offset) => corner.wrapping_add(offset),
            None => chosen::<All>(windows, x, [oy, ox + i]).1,
        };
        if let Some(dx) = dx.get_mut(at) {
            *dx += dy;
        }
        corner = corner.wrapping_add(stride);
    }
}

/// The maximum of one window and the index of its element: the first maximum, or the last NaN.
#[inline(always)]
fn chosen<U: Uses>(windows: &Windows, x: &[f32], at: [usize; 2]) -> (f32, usize) {
    if MICROCONTROLLER { shared_chosen::<U>(windows, x, at) } else { inline_chosen::<U>(windows, x, at) }
}

#[inline(never)]
fn shared_chosen<U: Uses>(windows: &Windows, x: &[f32], at: [usize; 2]) -> (f32, usize) {
    inline_chosen::<U>(windows, x, at)
}

#[inline(always)]
fn inline_chosen<U: Uses>(windows: &Windows, x: &[f32], at: [usize; 2]) -> (f32, usize) {
    let windows = windows.linked::<U>();
    let (mut max, mut place) = (f32::NEG_INFINITY, usize::MAX);
    windows.part(x, at).for_each(
        #[inline(always)]
        |(start, row)| {
            place = place.min(start); // the first element, if all are negative infinity
            for (i, &v) in row.iter().enumerate() {
                if (v > max) | v.is_nan() {
                    (max, place) = (v, start + i);
                }
            }
        },
    );
    (max, place)
}
