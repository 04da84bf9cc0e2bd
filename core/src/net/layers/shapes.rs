//! Shapes: what layers make of their inputs, checked in `const` evaluation.

use crate::error::{Problem, checked_len};

/// What a layer gives, and its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) struct Shapes {
    /// `[c, h, w]`
    pub output: [usize; 3],
    pub weight: usize,
    pub bias: usize,
}

impl Shapes {
    /// The shape of the input, no parameters.
    pub(super) const fn same(input: [usize; 3]) -> Self {
        Self { output: input, weight: 0, bias: 0 }
    }
}

pub(super) const fn check_eps(eps: f32) -> Result<(), Problem> {
    if eps >= 0.0 && eps < f32::INFINITY {
        Ok(())
    } else {
        Err(Problem::Parameter { what: "eps must be finite and at least 0" })
    }
}

/// A normalization of whole samples, with a scale and a shift for each of their elements.
pub(super) const fn whole_norm(eps: f32, scale: bool, shift: bool, input: [usize; 3]) -> Result<Shapes, Problem> {
    match (product(&input), check_eps(eps)) {
        (Ok(len), Ok(())) => Ok(Shapes { output: input, weight: scale as usize * len, bias: shift as usize * len }),
        (Err(e), _) | (_, Err(e)) => Err(e),
    }
}

/// What pooling layers share.
pub(super) const fn pool(
    [c, h, w]: [usize; 3],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Result<Shapes, Problem> {
    if padding[0] > kernel[0] / 2 || padding[1] > kernel[1] / 2 {
        return Err(Problem::PoolPadding { kernel, padding });
    }
    match windows([h, w], kernel, stride, padding, [1, 1]) {
        Ok([oh, ow]) => Ok(Shapes::same([c, oh, ow])),
        Err(e) => Err(e),
    }
}

/// How many windows fit, down and across.
pub(super) const fn windows(
    image: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
) -> Result<[usize; 2], Problem> {
    let (mut count, mut covers, mut padded, mut i) = ([0; 2], [0; 2], [0; 2], 0);
    while i < 2 {
        if kernel[i] == 0 || stride[i] == 0 || dilation[i] == 0 {
            return Err(Problem::Zero { what: "kernel, stride and dilation" });
        }
        let (Some(reach), Some(both)) = ((kernel[i] - 1).checked_mul(dilation[i]), padding[i].checked_mul(2)) else {
            return Err(Problem::Overflow);
        };
        let (Some(cover), Some(pad)) = (reach.checked_add(1), image[i].checked_add(both)) else {
            return Err(Problem::Overflow);
        };
        (covers[i], padded[i]) = (cover, pad);
        i += 1;
    }
    if covers[0] > padded[0] || covers[1] > padded[1] {
        return Err(Problem::KernelDoesNotFit { kernel: covers, image: padded });
    }
    i = 0;
    while i < 2 {
        let Some(steps) = (padded[i] - covers[i]).checked_div(stride[i]) else { return Err(Problem::Overflow) };
        count[i] = steps + 1;
        i += 1;
    }
    Ok(count)
}

/// The product, unless it overflows.
pub(in crate::net) const fn product(dims: &[usize]) -> Result<usize, Problem> {
    match checked_len("", dims) {
        Ok(n) => Ok(n),
        Err(_) => Err(Problem::Overflow),
    }
}
