//! Where windows lie: the geometry that maximum and average share.

use crate::error::{Error, Result, checked_len};
use crate::scalar::ceil_div;
use core::ops::Range;

/// What of the pooling layers a program uses, as a type.
pub(crate) trait Uses {
    /// Maxima over windows other than 2x2, side by side.
    const ANY_WINDOWS: bool;
}

/// All there is.
pub(super) struct All;

impl Uses for All {
    const ANY_WINDOWS: bool = true;
}

/// Windows over planes `[h, w]` of data `[n, channels, h, w]`.
#[derive(Clone, Copy)]
pub(super) struct Windows {
    pub(super) n: usize,
    pub(super) channels: usize,
    pub(super) h: usize,
    pub(super) w: usize,
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) padding: [usize; 2],
    /// Window rows and columns: a division each, made once.
    pub(super) out: [usize; 2],
}

impl Windows {
    pub(super) const fn new(
        n: usize,
        [channels, h, w]: [usize; 3],
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> Self {
        let out = [out(h, kernel[0], stride[0], padding[0]), out(w, kernel[1], stride[1], padding[1])];
        Self { n, channels, h, w, kernel, stride, padding, out }
    }

    /// The same, in a form that the compiler knows to if a program has windows of 2x2 side by side only.
    #[inline(always)]
    pub(super) const fn linked<U: Uses>(&self) -> Self {
        if U::ANY_WINDOWS {
            return *self;
        }
        Self { kernel: [2, 2], stride: [2, 2], padding: [0, 0], out: [self.h / 2, self.w / 2], ..*self }
    }

    pub(super) const fn check(&self) -> Result {
        let mut d = 0;
        while d < 2 {
            let (kernel, stride, padding) = (self.kernel[d], self.stride[d], self.padding[d]);
            let size = if d == 0 { self.h } else { self.w };
            let (what, requires, actual) = if kernel == 0 {
                ("kernel", "at least 1", kernel)
            } else if stride == 0 {
                ("stride", "at least 1", stride)
            } else if padding > kernel / 2 {
                ("padding", "at most half the kernel", padding)
            } else if size == 0 {
                ("input height and width", "at least 1", size)
            } else if kernel > size.saturating_add(padding.saturating_mul(2)) {
                ("kernel", "at most the padded input", kernel)
            } else {
                d += 1;
                continue;
            };
            return Err(Error::Dimension { what, requires, actual });
        }
        if let Err(e) = checked_len("x", &[self.n, self.channels, self.h, self.w]) {
            return Err(e);
        }
        match checked_len("y", &[self.n, self.channels, self.out_h(), self.out_w()]) {
            Ok(_) => Ok(()),
            Err(e) => Err(e),
        }
    }

    pub(super) const fn out_h(&self) -> usize {
        self.out[0]
    }

    pub(super) const fn out_w(&self) -> usize {
        self.out[1]
    }

    /// Elements of an input plane; the product does not overflow once the shape is checked and there are planes.
    pub(super) const fn size(&self) -> usize {
        self.h.saturating_mul(self.w)
    }

    /// Elements of an output plane.
    pub(super) const fn out_size(&self) -> usize {
        self.out_h().saturating_mul(self.out_w())
    }

    pub(super) const fn input_len(&self) -> usize {
        self.n.saturating_mul(self.channels).saturating_mul(self.size())
    }

    pub(super) const fn output_len(&self) -> usize {
        self.n.saturating_mul(self.channels).saturating_mul(self.out_size())
    }

    /// The rows of the input under window row `oy`; never empty.
    pub(super) fn rows(&self, oy: usize) -> Range<usize> {
        under(oy, self.h, self.kernel[0], self.stride[0], self.padding[0])
    }

    /// The columns of the input under window column `ox`; never empty.
    pub(super) fn cols(&self, ox: usize) -> Range<usize> {
        under(ox, self.w, self.kernel[1], self.stride[1], self.padding[1])
    }

    /// The window rows that have input row `iy` under them.
    pub(super) fn over(&self, iy: usize) -> Range<usize> {
        let (kernel, stride) = (self.kernel[0], self.stride[0].max(1));
        let end = iy + self.padding[0];
        let first = ceil_div((end + 1).saturating_sub(kernel), stride);
        first..(end / stride + 1).min(self.out_h())
    }

    /// Calls `f([oy, ox], index)` for each window of a plane in row-major order.
    #[inline(always)]
    pub(super) fn each(&self, mut f: impl FnMut([usize; 2], usize)) {
        let width = self.out_w();
        for oy in 0..self.out_h() {
            for ox in 0..width {
                f([oy, ox], oy * width + ox);
            }
        }
    }

    /// The rows of one window of the plane `x`, each with the index of its first element.
    #[inline(always)]
    pub(super) fn part<'x>(&self, x: &'x [f32], [oy, ox]: [usize; 2]) -> impl Iterator<Item = (usize, &'x [f32])> {
        let (w, cols) = (self.w, self.cols(ox));
        self.rows(oy).map(move |row| {
            let start = row * w + cols.start;
            (start, x.get(start..start + cols.len()).unwrap_or(&[]))
        })
    }

    /// Calls `f` with the rows of one window of the plane `x`.
    #[inline(always)]
    pub(super) fn part_mut(&self, x: &mut [f32], [oy, ox]: [usize; 2], mut f: impl FnMut(&mut [f32])) {
        let (w, cols) = (self.w, self.cols(ox));
        for row in self.rows(oy) {
            f(x.get_mut(row * w + cols.start..row * w + cols.end).unwrap_or_default());
        }
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
