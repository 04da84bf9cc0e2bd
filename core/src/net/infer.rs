//! Shapes: what each layer makes of its input, checked in `const` evaluation.

use super::kind::Kind;
use crate::dropout::Form;
use crate::error::Problem;

/// What a layer needs and gives, per sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inferred {
    /// `[c, h, w]`
    pub(super) output: [usize; 3],
    pub(super) weight: usize,
    pub(super) bias: usize,
}

/// The output's shape and the parameters' lengths of a layer on `input` (`[c, h, w]`).
pub(super) const fn infer(kind: &Kind, input: [usize; 3]) -> Result<Inferred, Problem> {
    let [c, h, w] = input;
    let same = Inferred { output: input, weight: 0, bias: 0 };
    match *kind {
        Kind::Conv2d { .. } => conv(*kind, input),
        Kind::Dense { outputs, bias } => dense(outputs, bias, input),
        Kind::BatchNorm { eps, momentum } => {
            if !(momentum >= 0.0 && momentum <= 1.0) {
                return Err(Problem::Parameter { what: "momentum must be from 0 to 1" });
            }
            match check_eps(eps) {
                Ok(()) => Ok(Inferred { weight: c, bias: c, ..same }),
                Err(e) => Err(e),
            }
        }
        Kind::GroupNorm { groups, eps, affine } => group_norm(groups, eps, affine, input),
        Kind::LayerNorm { eps, affine } => whole_norm(eps, affine as usize, affine as usize, input),
        Kind::RmsNorm { eps, affine } => whole_norm(eps, affine as usize, 0, input),
        Kind::Softmax | Kind::LogSoftmax => {
            if h == 1 && w == 1 {
                Ok(same)
            } else {
                Err(Problem::NotFlat { input })
            }
        }
        Kind::Activation(function) => match function.check() {
            Ok(()) => Ok(same),
            Err(_) => Err(Problem::Parameter { what: "a parameter of the function is outside its range" }),
        },
        Kind::MaxPool2d { kernel, stride, padding } | Kind::AvgPool2d { kernel, stride, padding, .. } => {
            pool(input, kernel, stride, padding)
        }
        Kind::GlobalAvgPool => Ok(Inferred { output: [c, 1, 1], ..same }),
        Kind::Flatten => match product(&[c, h, w]) {
            Ok(features) => Ok(Inferred { output: [features, 1, 1], ..same }),
            Err(e) => Err(e),
        },
        Kind::Dropout { p, form } => {
            if !(p >= 0.0 && p <= 1.0) {
                return Err(Problem::Parameter { what: "the probability to drop must be from 0 to 1" });
            }
            match form {
                // The weights a network runs with would not be those it is trained with.
                Form::ScaleWeights => Err(Problem::Parameter {
                    what: "a network scales activations, in training or at test time; scale exported weights by hand",
                }),
                _ => Ok(same),
            }
        }
        // Its two inputs are compared where the block is known.
        Kind::Add => Ok(same),
    }
}

const fn check_eps(eps: f32) -> Result<(), Problem> {
    if eps >= 0.0 && eps < f32::INFINITY {
        Ok(())
    } else {
        Err(Problem::Parameter { what: "eps must be finite and at least 0" })
    }
}

const fn group_norm(groups: Option<usize>, eps: f32, affine: bool, input: [usize; 3]) -> Result<Inferred, Problem> {
    let [c, h, w] = input;
    let groups = match groups {
        Some(groups) => groups,
        None => c,
    };
    if groups == 0 || c % groups != 0 {
        return Err(Problem::Groups { groups, inputs: c, outputs: c });
    }
    if c / groups == 1 && h == 1 && w == 1 {
        return Err(Problem::Parameter { what: "a group of one element has no variance" });
    }
    let learnt = if affine { c } else { 0 };
    match check_eps(eps) {
        Ok(()) => Ok(Inferred { output: input, weight: learnt, bias: learnt }),
        Err(e) => Err(e),
    }
}

/// A normalization of whole samples, with `scales` and `shifts` for each of their elements.
const fn whole_norm(eps: f32, scales: usize, shifts: usize, input: [usize; 3]) -> Result<Inferred, Problem> {
    match (product(&input), check_eps(eps)) {
        (Ok(len), Ok(())) => Ok(Inferred { output: input, weight: scales * len, bias: shifts * len }),
        (Err(e), _) | (_, Err(e)) => Err(e),
    }
}

const fn dense(outputs: usize, bias: bool, input: [usize; 3]) -> Result<Inferred, Problem> {
    let [inputs, h, w] = input;
    if outputs == 0 {
        return Err(Problem::Zero { what: "the number of outputs" });
    }
    if h != 1 || w != 1 {
        return Err(Problem::NotFlat { input });
    }
    match product(&[inputs, outputs]) {
        Ok(weight) => Ok(Inferred { output: [outputs, 1, 1], weight, bias: if bias { outputs } else { 0 } }),
        Err(e) => Err(e),
    }
}

const fn pool(
    [c, h, w]: [usize; 3],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Result<Inferred, Problem> {
    if padding[0] > kernel[0] / 2 || padding[1] > kernel[1] / 2 {
        return Err(Problem::PoolPadding { kernel, padding });
    }
    match windows([h, w], kernel, stride, padding, [1, 1]) {
        Ok([oh, ow]) => Ok(Inferred { output: [c, oh, ow], weight: 0, bias: 0 }),
        Err(e) => Err(e),
    }
}

const fn conv(kind: Kind, [c, h, w]: [usize; 3]) -> Result<Inferred, Problem> {
    let Kind::Conv2d { out_channels, kernel, stride, padding, dilation, groups, bias } = kind else {
        return Err(Problem::Overflow);
    };
    if out_channels == 0 {
        return Err(Problem::Zero { what: "the number of output channels" });
    }
    if groups == 0 || c % groups != 0 || out_channels % groups != 0 {
        return Err(Problem::Groups { groups, inputs: c, outputs: out_channels });
    }
    let [oh, ow] = match windows([h, w], kernel, stride, padding, dilation) {
        Ok(size) => size,
        Err(e) => return Err(e),
    };
    match product(&[out_channels, c / groups, kernel[0], kernel[1]]) {
        Ok(weight) => {
            let bias = if bias { out_channels } else { 0 };
            Ok(Inferred { output: [out_channels, oh, ow], weight, bias })
        }
        Err(e) => Err(e),
    }
}

/// How many windows fit, down and across.
const fn windows(
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

pub(super) const fn product(dims: &[usize]) -> Result<usize, Problem> {
    match crate::error::checked_len("", dims) {
        Ok(n) => Ok(n),
        Err(_) => Err(Problem::Overflow),
    }
}
