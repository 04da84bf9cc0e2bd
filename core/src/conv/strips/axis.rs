//! One axis (rows or columns) of a correlation: which image positions its outputs read, and where a block of outputs
//! finds them in scratch.

use crate::conv::shape::Conv2d;
use crate::conv::ways::{Uses, Ways};
use crate::scalar::{ceil_div, nonzero};

/// One axis of a correlation of an image with a kernel.
///
/// Output `q` and tap `t` meet at the image position `origin + q * step + t' * spacing`, where `t'` is `t`, or
/// `taps - 1 - t` when `reversed`. The forward pass is one such correlation. The input gradient is one for each
/// remainder of the input position by the stride: there the positions of `dy` that matter are neighbours (step 1) and
/// the taps that meet them are every `stride / gcd(stride, dilation)`-th, in falling order of position.
///
/// In a program without strided convolutions (`U`) all steps are 1, which the compiler then knows.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Axis {
    /// Kernel index of tap 0, and from one tap to the next.
    pub first_tap: usize,
    pub tap_step: usize,
    pub taps: usize,
    reversed: bool,
    origin: isize,
    spacing: usize,
    step: usize,
    /// Length of the image along this axis.
    image: usize,
    /// Position of output 0 in the result, from one output to the next, and their number.
    pub first_out: usize,
    pub out_step: usize,
    pub outs: usize,
}

/// `x`, which is 1 where no convolution is strided.
const fn strided<U: Uses>(x: usize) -> usize {
    if U::WAYS.has(Ways::STRIDED) { x } else { 1 }
}

impl Axis {
    /// Rows and columns of the forward pass.
    pub const fn forward_pair<U: Uses>(conv: &Conv2d) -> [Self; 2] {
        let Conv2d { h, w, kernel, stride, padding, dilation, .. } = *conv;
        let [out_h, out_w] = conv.outs::<U>();
        [
            Self::forward(h, kernel[0], [stride[0], padding[0], dilation[0]], out_h),
            Self::forward(w, kernel[1], [stride[1], padding[1], dilation[1]], out_w),
        ]
    }

    /// Outputs of the forward pass.
    pub const fn forward(image: usize, kernel: usize, [stride, padding, dilation]: [usize; 3], outs: usize) -> Self {
        Self {
            first_tap: 0,
            tap_step: 1,
            taps: kernel,
            reversed: false,
            origin: -(padding as isize),
            spacing: dilation,
            step: stride,
            image,
            first_out: 0,
            out_step: 1,
            outs,
        }
    }

    /// The input positions `phase, phase + stride, ..` below `len`, read from the output gradient of length `image`.
    ///
    /// Position `phase + q * stride` and tap `k` meet where `phase + q * stride + padding - k * dilation` is a multiple
    /// of the stride, and then at that multiple.
    pub const fn backward<U: Uses>(
        len: usize,
        kernel: usize,
        [stride, padding, dilation]: [usize; 3],
        image: usize,
        phase: usize,
    ) -> Self {
        let (stride, dilation) = (strided::<U>(stride), strided::<U>(dilation));
        let common = gcd(stride, dilation);
        let tap_step = stride / nonzero(common);
        let mut first_tap = 0;
        while first_tap < tap_step
            && first_tap < kernel
            && first_tap * dilation % nonzero(stride) != (phase + padding) % nonzero(stride)
        {
            first_tap += 1;
        }
        let met = first_tap < tap_step && first_tap < kernel;
        let taps = if met { (kernel - 1 - first_tap) / nonzero(tap_step) + 1 } else { 0 };
        let last = if met { first_tap + (taps - 1) * tap_step } else { 0 };
        Self {
            first_tap,
            tap_step,
            taps,
            reversed: true,
            origin: if met {
                ((phase + padding) as isize - (last * dilation) as isize).wrapping_div(nonzero(stride) as isize)
            } else {
                0
            },
            spacing: dilation / nonzero(common),
            step: 1,
            image,
            first_out: phase,
            out_step: stride,
            outs: if len > phase { ceil_div(len - phase, stride) } else { 0 },
        }
    }

    const fn step<U: Uses>(&self) -> usize {
        strided::<U>(self.step)
    }
    const fn spacing<U: Uses>(&self) -> usize {
        strided::<U>(self.spacing)
    }

    /// How scratch holds what `outs` neighbouring outputs read.
    #[inline(never)]
    pub const fn cover<U: Uses>(&self, outs: usize) -> Cover {
        let reach = self.taps.saturating_sub(1).saturating_mul(self.spacing::<U>()) / nonzero(self.step::<U>());
        let shared = self.step::<U>().saturating_mul(outs.saturating_add(reach));
        let per_tap = self.taps.saturating_mul(outs);
        // Always so at a step of 1.
        if !U::WAYS.has(Ways::STRIDED) || shared <= per_tap {
            Cover { groups: self.step::<U>(), pitch: outs + reach, group_step: 1, per_tap: false }
        } else {
            let (groups, group_step) = (self.taps, self.spacing);
            Cover { groups, pitch: outs, group_step, per_tap: true }
        }
    }

    /// Place of tap `t` for output 0 in the cover; output `q` finds its own `q` places on.
    pub const fn place<U: Uses>(&self, cover: &Cover, t: usize) -> usize {
        let t = if self.reversed { self.taps - 1 - t } else { t };
        if U::WAYS.has(Ways::STRIDED) && cover.per_tap {
            t * cover.pitch
        } else {
            let at = t * self.spacing::<U>();
            at % nonzero(self.step::<U>()) * cover.pitch + at / nonzero(self.step::<U>())
        }
    }

    /// What tap `t` reads for outputs 0, 1, ..
    pub const fn tap_line<U: Uses>(&self, t: usize) -> Line {
        Line { start: self.origin + (t * self.spacing::<U>()) as isize, step: self.step::<U>(), image: self.image }
    }

    /// Group `g` of the cover of outputs `first..`: its elements are the image positions `start, start + step, ..`.
    pub const fn line<U: Uses>(&self, cover: &Cover, first: usize, g: usize) -> Line {
        let start = self.origin + (first * self.step::<U>() + g * strided::<U>(cover.group_step)) as isize;
        Line { start, step: self.step::<U>(), image: self.image }
    }
}

/// What a block of outputs reads along one axis, as `groups` runs of `pitch` places each.
///
/// Within a run neighbouring places are `step` image positions apart, so that neighbouring outputs always find a tap in
/// neighbouring places, whatever the stride. A run is either one remainder of the position by the stride, shared by the
/// taps, or (where that is shorter: large strides and dilations) one tap's own.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Cover {
    groups: usize,
    pub pitch: usize,
    group_step: usize,
    per_tap: bool,
}

impl Cover {
    pub const fn groups<U: Uses>(&self) -> usize {
        strided::<U>(self.groups)
    }
    /// All its places.
    pub const fn len<U: Uses>(&self) -> usize {
        self.groups::<U>().saturating_mul(self.pitch)
    }
}

/// Image positions `start, start + step, ..`, of which those in `0..image` exist and the others count as zeros.
#[derive(Clone, Copy, Debug)]
pub(in crate::conv) struct Line {
    pub start: isize,
    pub step: usize,
    image: usize,
}

impl Line {
    /// The image position of element `i`, if it exists.
    #[inline(always)]
    pub const fn at(&self, i: usize) -> Option<usize> {
        let at = self.start + (i * self.step) as isize;
        if at >= 0 && (at as usize) < self.image { Some(at as usize) } else { None }
    }

    /// Elements until `distance` positions are passed, without a division in the common case.
    #[inline(always)]
    const fn steps(&self, distance: usize) -> usize {
        if self.step == 1 { distance } else { ceil_div(distance, self.step) }
    }

    /// Which of the first `len` elements exist: a range.
    #[inline(always)]
    pub const fn inside(&self, len: usize) -> (usize, usize) {
        let before = if self.start < 0 { self.steps(self.start.unsigned_abs()) } else { 0 };
        let end = self.image as isize - self.start;
        let until = if end > 0 { self.steps(end as usize) } else { 0 };
        let until = if until < len { until } else { len };
        (if before < until { before } else { until }, until)
    }
}

const fn gcd(mut a: usize, mut b: usize) -> usize {
    while b > 0 {
        (a, b) = (b, a % nonzero(b));
    }
    a
}
