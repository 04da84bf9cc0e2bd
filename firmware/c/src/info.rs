//! What a plan says of its layers and tensors.

use crate::buffer::{Region, check, write};
use crate::fault::report;
use crate::layer::*;
use crate::plan::fg_plan;
use crate::status::{fg_error, fg_status};
use crate::text::Text;
use core::ffi::c_char;
use flatgrad_core::Error;
use flatgrad_core::activation::Activation;
use flatgrad_core::net::{Kind, Role};

/// Bytes of a layer's or tensor's name, its final zero included.
pub const FG_NAME: usize = 32;

/// One layer of a plan.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fg_layer_info {
    /// What it computes; FG_KIND_RESIDUAL is the addition at a block's end.
    pub kind: fg_kind,
    /// The kind's name, such as "conv2d"; ends with a zero.
    pub name: [c_char; FG_NAME],
    /// [c, h, w] of what comes in.
    pub input: [usize; 3],
    /// [c, h, w] of what goes out.
    pub output: [usize; 3],
    /// Learnt parameters.
    pub parameters: usize,
    /// They stay as they are.
    pub frozen: bool,
    /// It works on its input's memory.
    pub in_place: bool,
}

/// One tensor of the weights.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct fg_tensor_info {
    /// As in a PyTorch state dict: "conv1.weight", "bn2.running_mean", "fc1.bias"; ends with a zero.
    pub name: [c_char; FG_NAME],
    /// Number of its layer.
    pub layer: usize,
    /// Its shape; a dense weight is [inputs, outputs], the transpose of PyTorch's.
    pub dims: [usize; 4],
    /// How many of dims count.
    pub rank: usize,
    /// Its start in the weights.
    pub offset: usize,
    /// Its floats.
    pub len: usize,
}

fn kind(kind: Kind) -> fg_kind {
    match kind {
        Kind::Conv2d { .. } => FG_KIND_CONV2D,
        Kind::Dense { .. } => FG_KIND_DENSE,
        Kind::BatchNorm { .. } => FG_KIND_BATCH_NORM,
        Kind::GroupNorm { groups: Some(_), .. } => FG_KIND_GROUP_NORM,
        Kind::GroupNorm { groups: None, .. } => FG_KIND_INSTANCE_NORM,
        Kind::LayerNorm { .. } => FG_KIND_LAYER_NORM,
        Kind::RmsNorm { .. } => FG_KIND_RMS_NORM,
        Kind::Softmax => FG_KIND_SOFTMAX,
        Kind::LogSoftmax => FG_KIND_LOG_SOFTMAX,
        Kind::MaxPool2d { .. } => FG_KIND_MAX_POOL,
        Kind::AvgPool2d { .. } => FG_KIND_AVG_POOL,
        Kind::GlobalAvgPool => FG_KIND_GLOBAL_AVG_POOL,
        Kind::Flatten => FG_KIND_FLATTEN,
        Kind::Dropout { .. } => FG_KIND_DROPOUT,
        Kind::Add => FG_KIND_RESIDUAL,
        Kind::Activation(function) => match function {
            Activation::Relu => FG_KIND_RELU,
            Activation::LeakyRelu { .. } => FG_KIND_LEAKY_RELU,
            Activation::Elu { .. } => FG_KIND_ELU,
            Activation::Sigmoid => FG_KIND_SIGMOID,
            Activation::Tanh => FG_KIND_TANH,
            Activation::Gelu => FG_KIND_GELU,
            Activation::GeluTanh => FG_KIND_GELU_TANH,
            Activation::Silu => FG_KIND_SILU,
            Activation::HardSwish => FG_KIND_HARD_SWISH,
            Activation::Softplus { .. } => FG_KIND_SOFTPLUS,
            _ => 0,
        },
        _ => 0,
    }
}

/// info = what layer number index is, in the order in which layers run. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_plan_layer(
    plan: *const fg_plan,
    index: usize,
    info: *mut fg_layer_info,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let core_plan = fg_plan::open(plan)?;
            check(&[fg_plan::region(plan)], &[Region::new("info", info.cast_const(), 1)])?;
            let layer = core_plan.layers().nth(index).ok_or(beyond(index))?;
            let mut name = Text::new();
            name.str(layer.kind.name());
            let (frozen, in_place) = (layer.options.frozen, layer.in_place);
            let (input, output, parameters) = (layer.input, layer.output, layer.parameters);
            let (kind, name) = (kind(layer.kind), name.finish());
            write(info, fg_layer_info { kind, name, input, output, parameters, frozen, in_place });
            Ok(())
        })
    }
}

/// info = what tensor number index of the weights is, counted from 0, layer by layer; FG_ERROR_DIMENSION after the
/// last. Returns FG_OK, or why nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_plan_tensor(
    plan: *const fg_plan,
    index: usize,
    info: *mut fg_tensor_info,
    error: *mut fg_error,
) -> fg_status {
    // SAFETY: as the crate's page asks of the caller.
    unsafe {
        report(error, || {
            let core_plan = fg_plan::open(plan)?;
            check(&[fg_plan::region(plan)], &[Region::new("info", info.cast_const(), 1)])?;
            let tensor = core_plan.tensors().nth(index).ok_or(beyond(index))?;
            let role = match tensor.name.role {
                Role::Weight => ".weight",
                Role::Bias => ".bias",
                Role::RunningMean => ".running_mean",
                Role::RunningVar => ".running_var",
            };
            let mut name = Text::new();
            name.str(tensor.name.stem).num(tensor.name.ordinal).str(role);
            let (name, len) = (name.finish(), tensor.elements());
            let (layer, dims, rank, offset) = (tensor.layer, tensor.dims, tensor.rank, tensor.offset);
            write(info, fg_tensor_info { name, layer, dims, rank, offset, len });
            Ok(())
        })
    }
}

fn beyond(actual: usize) -> Error {
    Error::Dimension { what: "index", requires: "below the number there are", actual }
}
