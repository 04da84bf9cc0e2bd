//! Initialization.

use crate::buffer::{buffers, read};
use crate::context::Or;
use crate::fault::{Fault, Outcome, report};
use crate::random::fg_stream;
use crate::status::{fg_error, fg_status};
use flatgrad_core::init::{Fans, Init, gain};

/// A rule for initial weights: one of FG_INIT_...
pub type fg_init_rule = u32;
/// Uniform within 1 / sqrt(fan_in), biases too: PyTorch's default.
pub const FG_INIT_DEFAULT: fg_init_rule = 0;
/// Uniform within value.
pub const FG_INIT_UNIFORM: fg_init_rule = 1;
/// Normal with mean 0 and standard deviation value.
pub const FG_INIT_NORMAL: fg_init_rule = 2;
/// Uniform within gain sqrt(3 / fan_in) (He et al., 2015).
pub const FG_INIT_KAIMING_UNIFORM: fg_init_rule = 3;
/// Normal with standard deviation gain / sqrt(fan_in).
pub const FG_INIT_KAIMING_NORMAL: fg_init_rule = 4;
/// Uniform within gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).
pub const FG_INIT_XAVIER_UNIFORM: fg_init_rule = 5;
/// Normal with standard deviation gain sqrt(2 / (fan_in + fan_out)).
pub const FG_INIT_XAVIER_NORMAL: fg_init_rule = 6;
/// Orthogonal rows or columns, times gain (Saxe et al., 2014).
pub const FG_INIT_ORTHOGONAL: fg_init_rule = 7;
/// value everywhere.
pub const FG_INIT_CONSTANT: fg_init_rule = 8;

/// How weights start. All zeros: PyTorch's default.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct fg_init {
    /// One of FG_INIT_...
    pub rule: fg_init_rule,
    /// The bound, deviation or constant, taken as it is; or the gain, for which 0 stands for sqrt(2) (Kaiming) or 1.
    pub value: f32,
}

impl fg_init {
    pub(crate) fn core(self) -> Outcome<Init> {
        let value = self.value;
        Ok(match self.rule {
            FG_INIT_DEFAULT if value != 0.0 => return Err(Fault::Option { owner: "FG_INIT_DEFAULT", option: "value" }),
            FG_INIT_DEFAULT => Init::Default,
            FG_INIT_UNIFORM => Init::Uniform { bound: value },
            FG_INIT_NORMAL => Init::Normal { std: value },
            FG_INIT_KAIMING_UNIFORM => Init::KaimingUniform { gain: value.or(gain::RELU) },
            FG_INIT_KAIMING_NORMAL => Init::KaimingNormal { gain: value.or(gain::RELU) },
            FG_INIT_XAVIER_UNIFORM => Init::XavierUniform { gain: value.or(1.0) },
            FG_INIT_XAVIER_NORMAL => Init::XavierNormal { gain: value.or(1.0) },
            FG_INIT_ORTHOGONAL => Init::Orthogonal { gain: value.or(1.0) },
            FG_INIT_CONSTANT => Init::Constant { value },
            rule => return Err(Fault::Unknown { what: "rule of initialization", value: rule as usize }),
        })
    }
}

/// Fills the weight of a dense layer, [inputs, outputs], by a rule. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_init_dense(
    init: *const fg_init,
    stream: *const fg_stream,
    inputs: usize,
    outputs: usize,
    weight: *mut f32,
    weight_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let (init, stream) = (read("init", init)?.core()?, read("stream", stream)?.core());
            let ([], [weight]) = buffers([], [("weight", weight, weight_len)])?;
            fits(&[inputs, outputs], weight.len())?;
            Ok(init.fill(stream, Fans::dense(inputs, outputs), weight)?)
        })
    }
}

/// Fills the weight of a convolution, [out_channels, in_channels / groups, kh, kw], by a rule. Returns FG_OK, or why
/// nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_init_conv2d(
    init: *const fg_init,
    stream: *const fg_stream,
    out_channels: usize,
    in_channels_per_group: usize,
    kh: usize,
    kw: usize,
    weight: *mut f32,
    weight_len: usize,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let (init, stream) = (read("init", init)?.core()?, read("stream", stream)?.core());
            let ([], [weight]) = buffers([], [("weight", weight, weight_len)])?;
            let dims = [out_channels, in_channels_per_group, kh, kw];
            fits(&dims, weight.len())?;
            Ok(init.fill(stream, Fans::conv2d(dims), weight)?)
        })
    }
}

fn fits(dims: &[usize], actual: usize) -> Outcome {
    let what = "weight";
    match dims.iter().try_fold(1usize, |len, dim| len.checked_mul(*dim)) {
        Some(expected) if expected == actual => Ok(()),
        Some(expected) => Err(flatgrad_core::Error::Length { what, expected, actual }.into()),
        None => Err(flatgrad_core::Error::Overflow { what }.into()),
    }
}
