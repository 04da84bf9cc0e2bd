//! How to initialize, as data.

use super::{check_gain, fan_in_uniform, kaiming_normal, kaiming_uniform, normal, orthogonal, uniform};
use super::{xavier_normal, xavier_uniform};
use crate::error::{Result, check_dim, check_len, check_param, checked_len};
use crate::rng::Stream;

/// A rule for initial weights.
///
/// ```
/// use flatgrad_core::init::{Fans, Init, gain};
/// use flatgrad_core::rng::Stream;
/// let mut w = [0.0; 600 * 10];
/// let rule = Init::KaimingUniform { gain: gain::RELU };
/// rule.fill(Stream { seed: 1, stream: 0, step: 0 }, Fans::dense(600, 10), &mut w)?;
/// assert!(w.iter().all(|w| w.abs() <= 0.1));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Init {
    /// PyTorch's default for linear and convolution layers: [`fan_in_uniform`].
    #[default]
    Default,
    /// Uniform in `[-bound, bound]`: [`uniform`].
    Uniform {
        /// Finite (so is its double), not negative.
        bound: f32,
    },
    /// Normal with mean 0: [`normal`].
    Normal {
        /// Standard deviation; finite, not negative.
        std: f32,
    },
    /// [`kaiming_uniform`] by the fan-in.
    KaimingUniform {
        /// See [`gain`](super::gain); from 0 to 1e30.
        gain: f32,
    },
    /// [`kaiming_normal`] by the fan-in.
    KaimingNormal {
        /// See [`gain`](super::gain); from 0 to 1e30.
        gain: f32,
    },
    /// [`xavier_uniform`].
    XavierUniform {
        /// See [`gain`](super::gain); from 0 to 1e30.
        gain: f32,
    },
    /// [`xavier_normal`].
    XavierNormal {
        /// See [`gain`](super::gain); from 0 to 1e30.
        gain: f32,
    },
    /// [`orthogonal`].
    Orthogonal {
        /// See [`gain`](super::gain); from 0 to 1e30.
        gain: f32,
    },
    /// The same value everywhere.
    Constant {
        /// Finite.
        value: f32,
    },
}

/// What a rule needs to know of a weight tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fans {
    /// Inputs of one output.
    pub fan_in: usize,
    /// Outputs that one input reaches.
    pub fan_out: usize,
    /// Rows of the tensor as a matrix.
    pub rows: usize,
    /// Columns of the tensor as a matrix.
    pub cols: usize,
}

impl Fans {
    /// A dense weight `[inputs, outputs]`.
    pub const fn dense(inputs: usize, outputs: usize) -> Self {
        Self { fan_in: inputs, fan_out: outputs, rows: inputs, cols: outputs }
    }

    /// A convolution weight `[oc, ic / groups, kh, kw]`, as the matrix `[oc, rest]`. As in PyTorch, `fan_out` is
    /// `oc * kh * kw` whatever the groups. Sizes that overflow are saturated, and refused by [`Init::fill`].
    pub const fn conv2d([oc, ic, kh, kw]: [usize; 4]) -> Self {
        let taps = kh.saturating_mul(kw);
        let fan_in = ic.saturating_mul(taps);
        Self { fan_in, fan_out: oc.saturating_mul(taps), rows: oc, cols: fan_in }
    }
}

impl Init {
    /// Refuses parameters outside their range; [`Init::fill`] does it.
    ///
    /// # Errors
    ///
    /// [`Parameter`](crate::Error::Parameter) with the parameter's name.
    pub const fn check(&self) -> Result {
        match *self {
            Self::Default => Ok(()),
            Self::Uniform { bound } => {
                check_param(bound >= 0.0 && bound <= f32::MAX / 2.0, "bound", "not negative, its double finite", bound)
            }
            Self::Normal { std } => check_param(std >= 0.0 && std.is_finite(), "std", "finite and not negative", std),
            Self::KaimingUniform { gain }
            | Self::KaimingNormal { gain }
            | Self::XavierUniform { gain }
            | Self::XavierNormal { gain }
            | Self::Orthogonal { gain } => check_gain(gain),
            Self::Constant { value } => check_param(value.is_finite(), "value", "finite", value),
        }
    }

    /// Fills `out`, of `rows * cols` elements, from element 0 of `stream` on.
    ///
    /// # Errors
    ///
    /// [`Parameter`](crate::Error::Parameter) as [`Init::check`], [`Dimension`](crate::Error::Dimension) if a fan is 0,
    /// [`Length`](crate::Error::Length) or [`Overflow`](crate::Error::Overflow) unless `out` has `rows * cols`
    /// elements.
    pub fn fill(self, stream: Stream, shape: Fans, out: &mut [f32]) -> Result {
        let Fans { fan_in, fan_out, rows, cols } = shape;
        self.check()?;
        check_dim(fan_in > 0, "fan_in", "at least 1", fan_in)?;
        check_dim(fan_out > 0, "fan_out", "at least 1", fan_out)?;
        check_len("out", checked_len("out", &[rows, cols])?, out.len())?;
        match self {
            Self::Default => fan_in_uniform(stream, fan_in, out),
            Self::Uniform { bound } => uniform(stream, bound, out),
            Self::Normal { std } => normal(stream, 0.0, std, out),
            Self::KaimingUniform { gain } => kaiming_uniform(stream, fan_in, gain, out),
            Self::KaimingNormal { gain } => kaiming_normal(stream, fan_in, gain, out),
            Self::XavierUniform { gain } => xavier_uniform(stream, [fan_in, fan_out], gain, out),
            Self::XavierNormal { gain } => xavier_normal(stream, [fan_in, fan_out], gain, out),
            Self::Orthogonal { gain } => orthogonal(stream, [rows, cols], gain, out),
            Self::Constant { value } => {
                out.fill(value);
                Ok(())
            }
        }
    }
}
