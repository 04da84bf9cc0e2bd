//! Average pooling over windows.

use super::lanes;
use super::window::Windows;
use crate::error::{Result, check_len};
use crate::machine::Context;
use crate::simd::{MAX_LANES, Simd, dispatch};
use crate::slice;

/// The shape of an average-pooling layer: data `[n, channels, h, w]` to `[n, channels, out_h, out_w]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool2d {
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
    /// Rows and columns of zeros around the input; at most half the window.
    pub padding: [usize; 2],
    /// Whether those zeros count: a window's sum is divided by the size of the window, or else by the number of its
    /// elements that lie in the image.
    pub count_include_pad: bool,
}

impl AvgPool2d {
    /// Windows side by side (stride = kernel) and no padding, which would count, as in PyTorch.
    ///
    /// ```
    /// use flatgrad_core::pool::AvgPool2d;
    /// const POOL: AvgPool2d = AvgPool2d::new(1, [32, 28, 28], [3, 3]).stride([1, 1]).padding([1, 1]);
    /// assert_eq!((POOL.out_h(), POOL.out_w(), POOL.count_include_pad), (28, 28, true));
    /// ```
    pub const fn new(n: usize, [channels, h, w]: [usize; 3], kernel: [usize; 2]) -> Self {
        Self { n, channels, h, w, kernel, stride: kernel, padding: [0, 0], count_include_pad: true }
    }

    /// The same in one dimension: data `[n, channels, len]` as images of height 1 (PyTorch's `avg_pool1d`). Stride and
    /// padding go across: `.stride([1, 2])`, `.padding([0, 1])`.
    ///
    /// ```
    /// use flatgrad_core::{Context, Isa, pool::{AvgPool2d, avg_pool2d}};
    /// const POOL: AvgPool2d = AvgPool2d::new_1d(1, [1, 4], 2).stride([1, 1]);
    /// let mut y = [0.0; POOL.output_len()];
    /// avg_pool2d(Context::serial(Isa::detect()), &POOL, &[1.0, 5.0, 2.0, -3.0], &mut y)?;
    /// assert_eq!(y, [3.0, 3.5, -0.5]);
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

    /// The same with padding that counts, or does not.
    pub const fn count_include_pad(mut self, count: bool) -> Self {
        self.count_include_pad = count;
        self
    }

    /// Whether the shape makes sense.
    ///
    /// # Errors
    ///
    /// As [`MaxPool2d::check`](super::MaxPool2d::check).
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

    /// What every window's sum is divided by, if that is the same for all.
    fn common_count(&self) -> Option<f32> {
        let [h, w] = self.kernel;
        (self.count_include_pad || self.padding == [0, 0]).then_some(h as f32 * w as f32)
    }

    /// What the sum of one window is divided by.
    fn count(&self, windows: &Windows, [oy, ox]: [usize; 2]) -> f32 {
        let inside = || windows.rows(oy).len() as f32 * windows.cols(ox).len() as f32;
        self.common_count().unwrap_or_else(inside)
    }

    /// [`AvgPool2d::count`] of the windows `ox, ox + 1, ..`.
    #[inline(always)]
    fn counts<S: Simd>(&self, s: S, windows: &Windows, [oy, ox]: [usize; 2]) -> S::V {
        if let Some(count) = self.common_count() {
            return s.splat(count);
        }
        let last = windows.out_w().saturating_sub(1);
        let counts: [f32; MAX_LANES] = core::array::from_fn(|l| self.count(windows, [oy, (ox + l).min(last)]));
        slice::load_every::<S, 1>(s, &counts, 0)[0]
    }
}

/// `y = sum / count` over each window (PyTorch's `avg_pool2d`, `ceil_mode` off, no `divisor_override`); the count is
/// the size of the window, or, with [`AvgPool2d::count_include_pad`] off, the number of its elements inside the image.
///
/// # Numerics
///
/// `sum = 0`, then `sum + x` for the window's elements in row-major order, then an IEEE division. The padding's zeros
/// do not show in the sum.
///
/// # Errors
///
/// Those of [`AvgPool2d::check`]; [`Error::Length`](crate::Error::Length) unless `x` and `y` have the shape's lengths.
///
/// ```
/// use flatgrad_core::{Context, Isa, pool::{AvgPool2d, avg_pool2d}};
/// let shape = AvgPool2d::new(1, [1, 2, 4], [2, 2]);
/// let mut y = [0.0; 2];
/// avg_pool2d(Context::serial(Isa::detect()), &shape, &[1.0, 2.0, 0.0, -3.0, 4.0, 3.0, -1.0, 0.5], &mut y)?;
/// assert_eq!(y, [2.5, -0.875]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn avg_pool2d(ctx: Context, shape: &AvgPool2d, x: &[f32], y: &mut [f32]) -> Result {
    shape.check()?;
    check_len("x", shape.input_len(), x.len())?;
    check_len("y", shape.output_len(), y.len())?;
    let windows = &shape.windows();
    let (size, out_size) = (windows.size(), windows.out_size());
    slice::share_chunks(slice::worth(ctx, x.len()), y, out_size, &mut [], 0, &|first, y, _| {
        let x = x.get(first * size..).unwrap_or(&[]);
        let planes = slice::chunks(x, size).zip(slice::chunks_mut(y, out_size));
        // Loops and not `for_each`, which some compilations do not inline.
        dispatch!(ctx.isa(), |s| {
            let (step, counts) = (
                lanes::step(s, windows),
                #[inline(always)]
                |at| shape.counts(s, windows, at),
            );
            for (x, y) in planes {
                match step {
                    1 => lanes::average::<_, 1>(s, windows, x, y, counts),
                    2 => lanes::average::<_, 2>(s, windows, x, y, counts),
                    _ => average(shape, windows, x, y),
                }
            }
        });
    });
    Ok(())
}

/// `dx = sum of dy / count` over the windows above each element: the gradient of [`avg_pool2d`]. `dx` is overwritten.
///
/// # Numerics
///
/// `dx = 0`, then `dx += dy * (1 / count)` for the windows in row-major order; `1 / count` is rounded, which for counts
/// that are powers of two changes nothing.
///
/// # Errors
///
/// Those of [`AvgPool2d::check`]; [`Error::Length`](crate::Error::Length) unless `dy` and `dx` have the shape's
/// lengths.
///
/// ```
/// use flatgrad_core::{Context, Isa, pool::{AvgPool2d, avg_pool2d_backward}};
/// let shape = AvgPool2d::new_1d(1, [1, 3], 2).stride([1, 1]);
/// let mut dx = [0.0; 3];
/// avg_pool2d_backward(Context::serial(Isa::detect()), &shape, &[4.0, 6.0], &mut dx)?;
/// assert_eq!(dx, [2.0, 5.0, 3.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn avg_pool2d_backward(ctx: Context, shape: &AvgPool2d, dy: &[f32], dx: &mut [f32]) -> Result {
    shape.check()?;
    check_len("dy", shape.output_len(), dy.len())?;
    check_len("dx", shape.input_len(), dx.len())?;
    let windows = &shape.windows();
    let (size, out_size) = (windows.size(), windows.out_size());
    let (ctx, count) = (slice::worth(ctx, dx.len()), shape.common_count());
    slice::share_chunks(ctx, dx, size, &mut [], 0, &|first, dx, _| {
        let dy = dy.get(first * out_size..).unwrap_or(&[]);
        let planes = slice::chunks(dy, out_size).zip(slice::chunks_mut(dx, size));
        dispatch!(ctx.isa(), |s| {
            let step = lanes::step(s, windows);
            for (dy, dx) in planes {
                match (step, count) {
                    (1, Some(count)) => lanes::spread::<_, 1>(s, windows, dy, 1.0 / count, dx),
                    (2, Some(count)) => lanes::spread::<_, 2>(s, windows, dy, 1.0 / count, dx),
                    _ => spread(shape, windows, dy, dx),
                }
            }
        });
    });
    Ok(())
}

/// One plane, window by window.
fn average(shape: &AvgPool2d, windows: &Windows, x: &[f32], y: &mut [f32]) {
    windows.each(|at, i| {
        if let Some(y) = y.get_mut(i) {
            let elements = windows.part(x, at).flat_map(|(_, row)| row);
            *y = elements.fold(0.0, |sum, x| sum + x) / shape.count(windows, at);
        }
    });
}

/// The gradient of one plane, window by window.
fn spread(shape: &AvgPool2d, windows: &Windows, dy: &[f32], dx: &mut [f32]) {
    dx.fill(0.0);
    windows.each(|at, i| {
        let dy = dy.get(i).copied().unwrap_or(0.0) * (1.0 / shape.count(windows, at));
        windows.part_mut(dx, at, |row| row.iter_mut().for_each(|dx| *dx += dy));
    });
}
