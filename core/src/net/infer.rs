//! Shapes: what each layer makes of its input, checked in `const` evaluation.

use super::error::{NetError, Problem};
use super::layer::{Kind, Layer};

/// What a layer needs and gives, per sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inferred {
    /// `[c, h, w]`
    pub(crate) output: [usize; 3],
    pub(crate) weight: usize,
    pub(crate) bias: usize,
}

/// The output's shape and the parameters' lengths of `layer` on `input` (`[c, h, w]`).
pub(crate) const fn infer(layer: &Layer, input: [usize; 3]) -> Result<Inferred, Problem> {
    if let Some(option) = layer.misuse {
        return Err(Problem::NoSuchOption { option });
    }
    let [c, h, w] = input;
    let same = Inferred { output: input, weight: 0, bias: 0 };
    match layer.kind {
        Kind::Conv2d { .. } => conv(layer.kind, input),
        Kind::BatchNorm { eps, momentum } => {
            if !(eps > 0.0 && eps < f32::INFINITY) {
                return Err(Problem::Parameter { what: "eps must be finite and above 0" });
            }
            if !(momentum >= 0.0 && momentum <= 1.0) {
                return Err(Problem::Parameter { what: "momentum must be from 0 to 1" });
            }
            Ok(Inferred { weight: c, bias: c, ..same })
        }
        Kind::Relu => Ok(same),
        Kind::MaxPool2d { kernel, stride, padding } => {
            if padding[0] > kernel[0] / 2 || padding[1] > kernel[1] / 2 {
                return Err(Problem::PoolPadding { kernel, padding });
            }
            match windows([h, w], kernel, stride, padding, [1, 1]) {
                Ok([oh, ow]) => Ok(Inferred { output: [c, oh, ow], ..same }),
                Err(e) => Err(e),
            }
        }
        Kind::Flatten => match product(&[c, h, w]) {
            Ok(features) => Ok(Inferred { output: [features, 1, 1], ..same }),
            Err(e) => Err(e),
        },
        Kind::Dense { outputs, bias } => {
            if outputs == 0 {
                return Err(Problem::Zero { what: "the number of outputs" });
            }
            if h != 1 || w != 1 {
                return Err(Problem::NotFlat { input });
            }
            match product(&[c, outputs]) {
                Ok(weight) => Ok(Inferred { output: [outputs, 1, 1], weight, bias: if bias { outputs } else { 0 } }),
                Err(e) => Err(e),
            }
        }
        Kind::Dropout { p } => {
            if p >= 0.0 && p <= 1.0 {
                Ok(same)
            } else {
                Err(Problem::Parameter { what: "the probability to drop must be from 0 to 1" })
            }
        }
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
        count[i] = (padded[i] - covers[i]) / stride[i] + 1;
        i += 1;
    }
    Ok(count)
}

pub(crate) const fn product(dims: &[usize]) -> Result<usize, Problem> {
    match crate::error::checked_len("", dims) {
        Ok(n) => Ok(n),
        Err(_) => Err(Problem::Overflow),
    }
}

/// The same for layer `index`, with the layer named in the error.
pub(crate) const fn infer_at(index: usize, layer: &Layer, input: [usize; 3]) -> Result<Inferred, NetError> {
    match infer(layer, input) {
        Ok(i) => Ok(i),
        Err(problem) => Err(NetError { layer: index, kind: layer.kind_name(), problem }),
    }
}
