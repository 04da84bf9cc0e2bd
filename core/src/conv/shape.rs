//! The shape of a convolution: one struct that every pass takes.

use super::ways::{Uses, Ways};
use crate::error::{Error, Result, check_dim, checked_len};
use crate::scalar::nonzero;

/// `?`, which is not const yet.
macro_rules! ok {
    ($result:expr) => {
        if let Err(e) = $result {
            return Err(e);
        }
    };
}

/// The shape of a two-dimensional convolution (cross-correlation, as everywhere in deep learning).
///
/// Data are `[n, channels, h, w]`, weights `[out_channels, in_channels / groups, kh, kw]`: PyTorch's layouts, and its
/// parameter names. [`Conv2d::new`] gives stride 1, no padding, dilation 1, one group.
///
/// ```
/// use flatgrad_core::conv::Conv2d;
/// const CONV: Conv2d = Conv2d::new(8, [3, 32, 32], 16, [3, 3]).padding([1, 1]).stride([2, 2]);
/// assert_eq!((CONV.out_h(), CONV.out_w()), (16, 16));
/// assert_eq!(CONV.weight_len(), 16 * 3 * 3 * 3);
/// assert!(CONV.check().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Samples.
    pub n: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Rows of the input.
    pub h: usize,
    /// Columns of the input.
    pub w: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Distance between the windows of neighbouring outputs.
    pub stride: [usize; 2],
    /// Rows (columns) of zeros on each side of the image.
    pub padding: [usize; 2],
    /// Distance between neighbouring taps of the kernel.
    pub dilation: [usize; 2],
    /// Independent convolutions that share out the channels in order; `in_channels` of them is a depthwise convolution.
    pub groups: usize,
}

impl Conv2d {
    /// A convolution of `n` samples `[c, h, w]` with stride 1, no padding, dilation 1, one group.
    pub const fn new(n: usize, [c, h, w]: [usize; 3], out_channels: usize, kernel: [usize; 2]) -> Self {
        let (stride, padding, dilation) = ([1, 1], [0, 0], [1, 1]);
        Self { n, in_channels: c, h, w, out_channels, kernel, stride, padding, dilation, groups: 1 }
    }

    /// A one-dimensional convolution, of sensor data or sound: `n` samples `[c, len]` with a kernel of `kernel` taps.
    /// It is the two-dimensional one of an image with one row, so data are `[n, channels, len]` and weights
    /// `[out_channels, in_channels / groups, kernel]`, as in PyTorch's `conv1d`. The row's direction comes second:
    /// `.stride([1, 2])`, `.padding([0, 3])`, `.dilation([1, 4])`.
    ///
    /// ```
    /// use flatgrad_core::{Fused, Context, Isa, conv::*};
    /// // The change from one reading to the next, of every second reading.
    /// const CONV: Conv2d = Conv2d::new_1d(1, [1, 7], 1, 2).stride([1, 2]);
    /// assert_eq!((CONV.out_h(), CONV.out_w()), (1, 3));
    /// let (x, weight) = ([0.0, 1.0, 3.0, 3.0, 2.0, 0.5, 9.0], [-1.0, 1.0]);
    /// let (mut y, mut scratch) = ([0.0; 3], [0.0; conv2d_scratch_len(&CONV)]);
    /// let ctx = Context::serial(Isa::detect());
    /// conv2d(ctx, &CONV, &x, &weight, None, Fused::None, &mut y, &mut scratch)?;
    /// assert_eq!(y, [1.0, 0.0, -1.5]);
    /// # Ok::<(), flatgrad_core::Error>(())
    /// ```
    pub const fn new_1d(n: usize, [c, len]: [usize; 2], out_channels: usize, kernel: usize) -> Self {
        Self::new(n, [c, 1, len], out_channels, [1, kernel])
    }

    /// The same with another stride.
    pub const fn stride(self, stride: [usize; 2]) -> Self {
        Self { stride, ..self }
    }
    /// The same with zeros around the image.
    pub const fn padding(self, padding: [usize; 2]) -> Self {
        Self { padding, ..self }
    }
    /// The same with its taps further apart.
    pub const fn dilation(self, dilation: [usize; 2]) -> Self {
        Self { dilation, ..self }
    }
    /// The same in groups.
    pub const fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// Rows of the output: `(h + 2 padding - dilation (kernel - 1) - 1) / stride + 1`; 0 where [`Conv2d::check`] fails.
    pub const fn out_h(&self) -> usize {
        out_size(self.h, self.kernel[0], self.stride[0], self.padding[0], self.dilation[0])
    }
    /// Columns of the output; see [`Conv2d::out_h`].
    pub const fn out_w(&self) -> usize {
        out_size(self.w, self.kernel[1], self.stride[1], self.padding[1], self.dilation[1])
    }
    /// Elements of the input `[n, in_channels, h, w]`.
    pub const fn input_len(&self) -> usize {
        product(&[self.n, self.in_channels, self.h, self.w])
    }
    /// Elements of the weight `[out_channels, in_channels / groups, kh, kw]`.
    pub const fn weight_len(&self) -> usize {
        product(&[self.out_channels, self.group_in(), self.taps()])
    }
    /// Elements of the output `[n, out_channels, out_h, out_w]`.
    pub const fn output_len(&self) -> usize {
        product(&[self.n, self.out_channels, self.out_h(), self.out_w()])
    }

    /// Rows and columns of the output, of a shape that has been checked.
    pub(super) const fn outs<U: Uses>(&self) -> [usize; 2] {
        if U::WAYS.has(Ways::STRIDED) {
            return [self.out_h(), self.out_w()];
        }
        let Self { h, w, kernel, padding, .. } = *self;
        [(h + 2 * padding[0] + 1).saturating_sub(kernel[0]), (w + 2 * padding[1] + 1).saturating_sub(kernel[1])]
    }

    /// The same shape with each image as one long row, where no tap looks at a neighbour: what is computed is the same,
    /// in the same order.
    pub(super) const fn flat<U: Uses>(&self) -> Self {
        if !U::WAYS.has(Ways::POINTWISE) {
            return *self;
        }
        let Self { kernel, stride, padding, .. } = *self;
        match self.h.checked_mul(self.w) {
            Some(w) if matches!((kernel, stride, padding), ([1, 1], [1, 1], [0, 0])) => Self { h: 1, w, ..*self },
            _ => *self,
        }
    }
    /// Input channels of one group.
    pub(crate) const fn group_in(&self) -> usize {
        per_group(self.in_channels, self.groups)
    }
    /// Output channels of one group.
    pub(crate) const fn group_out(&self) -> usize {
        per_group(self.out_channels, self.groups)
    }
    /// Channels of one group, of the input and of the output.
    pub(super) const fn group_channels<U: Uses>(&self) -> [usize; 2] {
        let any = U::WAYS.has(Ways::STRIDED);
        if any { [self.group_in(), self.group_out()] } else { [self.in_channels, self.out_channels] }
    }
    /// Taps of one kernel plane.
    pub(crate) const fn taps(&self) -> usize {
        product(&[self.kernel[0], self.kernel[1]])
    }

    /// Whether the shape makes sense and all its lengths fit in `usize`.
    ///
    /// # Errors
    ///
    /// [`Dimension`](Error::Dimension) for a kernel, stride, dilation or number of groups of 0, for groups that do not
    /// divide both channel counts, and for a kernel that is larger than the padded image;
    /// [`Overflow`](Error::Overflow) for lengths that do not fit.
    pub const fn check(&self) -> Result {
        const AT_LEAST_ONE: &str = "at least 1";
        let mut axis = 0;
        while axis < 2 {
            let (image, kernel, dilation) =
                (if axis == 0 { self.h } else { self.w }, self.kernel[axis], self.dilation[axis]);
            ok!(check_dim(kernel > 0, "kernel", AT_LEAST_ONE, kernel));
            ok!(check_dim(self.stride[axis] > 0, "stride", AT_LEAST_ONE, self.stride[axis]));
            ok!(check_dim(dilation > 0, "dilation", AT_LEAST_ONE, dilation));
            ok!(check_window(image, kernel, self.padding[axis], dilation));
            axis += 1;
        }
        let divides = self.groups > 0
            && self.in_channels.is_multiple_of(nonzero(self.groups))
            && self.out_channels.is_multiple_of(nonzero(self.groups));
        ok!(check_dim(divides, "groups", "a divisor of both channel counts, at least 1", self.groups));
        ok!(checked_len("input", &[self.h, self.w, self.in_channels, self.n]));
        ok!(checked_len("output", &[self.out_h(), self.out_w(), self.out_channels, self.n]));
        ok!(checked_len("weight", &[self.kernel[0], self.kernel[1], self.group_in(), self.out_channels]));
        Ok(())
    }
}

const fn per_group(channels: usize, groups: usize) -> usize {
    match channels.checked_div(groups) {
        Some(channels) => channels,
        None => 0,
    }
}

/// The padded image and the kernel's window, or `None` where one does not fit in `isize`.
const fn spans(image: usize, kernel: usize, padding: usize, dilation: usize) -> Option<(usize, usize)> {
    let Some(around) = padding.checked_mul(2) else { return None };
    let Some(padded) = image.checked_add(around) else { return None };
    let Some(reach) = kernel.saturating_sub(1).checked_mul(dilation) else { return None };
    if padded > isize::MAX as usize || reach >= isize::MAX as usize { None } else { Some((padded, reach + 1)) }
}

const fn check_window(image: usize, kernel: usize, padding: usize, dilation: usize) -> Result {
    match spans(image, kernel, padding, dilation) {
        Some((padded, window)) => check_dim(window <= padded, "kernel", "no larger than the padded image", kernel),
        None => Err(Error::Overflow { what: "padded image" }),
    }
}

#[inline(never)]
const fn out_size(image: usize, kernel: usize, stride: usize, padding: usize, dilation: usize) -> usize {
    match spans(image, kernel, padding, dilation) {
        Some((padded, window)) if window <= padded && stride > 0 => (padded - window) / nonzero(stride) + 1,
        _ => 0,
    }
}

/// The product, or `usize::MAX` where it overflows ([`Conv2d::check`] refuses such a shape).
#[inline(never)]
pub(super) const fn product(dims: &[usize]) -> usize {
    let (mut len, mut i) = (1usize, 0);
    while i < dims.len() {
        len = len.saturating_mul(dims[i]);
        i += 1;
    }
    len
}
