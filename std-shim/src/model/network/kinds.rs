//! Each layer's keys.

use flatgrad_core::activation::Activation;
use flatgrad_core::dropout::Form;
use flatgrad_core::net::Layer;

use super::parse::common;
use super::{Node, init, write};
use crate::error::Result;
use crate::toml::{Fields, quoted, suggestion};

/// The layers' names; `residual` is read by its own function.
const NAMES: &str = "\
    conv2d conv1d depthwise dense batch_norm group_norm instance_norm layer_norm rms_norm relu leaky_relu elu \
    sigmoid tanh gelu gelu_tanh silu hard_swish softplus softmax log_softmax max_pool max_pool1d avg_pool \
    avg_pool1d global_avg_pool flatten dropout residual";

/// Two layers have their names with dimensions in tables, and PyTorch's users know them by these.
fn canonical(name: &str) -> &str {
    match name {
        "max_pool2d" => "max_pool",
        "avg_pool2d" => "avg_pool",
        other => other,
    }
}

/// A layer that is no block.
pub(super) fn single(name: &str, fields: &Fields, at: usize) -> Result<Node> {
    let layer = match canonical(name) {
        "conv2d" => convolution(fields, false)?,
        "conv1d" => convolution(fields, true)?,
        "depthwise" => return depthwise(fields),
        "dense" => weights(Layer::dense(fields.size("outputs", 1)?), fields)?,
        "max_pool" => pool(fields, false, Layer::max_pool_rect)?,
        "max_pool1d" => pool(fields, true, Layer::max_pool_rect)?,
        "avg_pool" => average(fields, false)?,
        "avg_pool1d" => average(fields, true)?,
        "global_avg_pool" => Layer::global_avg_pool(),
        "softmax" => Layer::softmax(),
        "log_softmax" => Layer::log_softmax(),
        "flatten" => Layer::flatten(),
        "dropout" => dropout(fields)?,
        "residual" => return Err(fields.source.error(at, "residual needs body, an array of layers")),
        other => match (normalization(other, fields)?, function(other, fields)?) {
            (Some(layer), _) => layer,
            (None, Some(function)) => Layer::activation(function),
            (None, None) => {
                let fault = format!(
                    "unknown layer {}{}",
                    quoted(name),
                    suggestion(name, &NAMES.split(' ').collect::<Vec<_>>())
                );
                return Err(fields.source.error(at, fault));
            }
        },
    };
    let layer = common(fields)?.apply(layer);
    match write::layer(&layer.kind(), layer.options()) {
        Some(_) => Ok(Node::Single(layer)),
        None => Err(fields.source.error(at, format!("{name} is a layer that files of weights cannot say yet"))),
    }
}

/// Sizes `[down, across]`; of a signal, one number: it has no height.
fn sizes(fields: &Fields, key: &'static str, signal: bool, least: u64, default: [usize; 2]) -> Result<[usize; 2]> {
    if signal { Ok([default[0], fields.size_or(key, least, default[1])?]) } else { fields.pair_or(key, least, default) }
}

fn kernel(fields: &Fields, signal: bool) -> Result<[usize; 2]> {
    if signal { Ok([1, fields.size("kernel", 1)?]) } else { fields.pair("kernel", 1) }
}

fn convolution(fields: &Fields, signal: bool) -> Result<Layer<'static>> {
    let layer = Layer::conv2d_rect(fields.size("out_channels", 1)?, kernel(fields, signal)?);
    weights(windows(layer, fields, signal)?.groups(fields.size_or("groups", 1, 1)?), fields)
}

/// Its channels are those of its input: it is completed when these are known.
fn depthwise(fields: &Fields) -> Result<Node> {
    let multiplier = fields.size_or("multiplier", 1, 1)?;
    let layer = weights(windows(Layer::conv2d_rect(1, kernel(fields, false)?), fields, false)?, fields)?;
    Ok(Node::Depthwise { layer: common(fields)?.apply(layer), multiplier })
}

fn windows(layer: Layer<'static>, fields: &Fields, signal: bool) -> Result<Layer<'static>> {
    let stride = sizes(fields, "stride", signal, 1, [1, 1])?;
    let padding = sizes(fields, "padding", signal, 0, [0, 0])?;
    let dilation = sizes(fields, "dilation", signal, 1, [1, 1])?;
    Ok(layer.stride_rect(stride).padding_rect(padding).dilation_rect(dilation))
}

/// What convolutions and dense layers share.
fn weights(mut layer: Layer<'static>, fields: &Fields) -> Result<Layer<'static>> {
    if !fields.flag_or("bias", true)? {
        layer = layer.no_bias();
    }
    if let Some(value) = fields.get("init") {
        layer = layer.init(init::rule(fields, value)?);
    }
    if let Some(value) = fields.get("max_norm") {
        let limit = fields.number("max_norm")?;
        if limit <= 0.0 {
            return Err(fields.mismatch("max_norm", value, "above 0"));
        }
        layer = layer.max_norm(limit);
    }
    Ok(layer)
}

fn pool(fields: &Fields, signal: bool, of: fn([usize; 2]) -> Layer<'static>) -> Result<Layer<'static>> {
    let kernel = kernel(fields, signal)?;
    let layer = of(kernel).stride_rect(sizes(fields, "stride", signal, 1, kernel)?);
    Ok(layer.padding_rect(sizes(fields, "padding", signal, 0, [0, 0])?))
}

fn average(fields: &Fields, signal: bool) -> Result<Layer<'static>> {
    Ok(pool(fields, signal, Layer::avg_pool_rect)?.count_include_pad(fields.flag_or("count_include_pad", true)?))
}

fn dropout(fields: &Fields) -> Result<Layer<'static>> {
    let layer = Layer::dropout(fields.number("p")?);
    match fields.get("form") {
        None => Ok(layer),
        Some(value) => match value.get_ref().as_str() {
            Some("inverted") => Ok(layer.form(Form::Inverted)),
            Some("scale_activations") => Ok(layer.form(Form::ScaleActivations)),
            _ => Err(fields.mismatch("form", value, "\"inverted\" or \"scale_activations\"")),
        },
    }
}

fn normalization(name: &str, fields: &Fields) -> Result<Option<Layer<'static>>> {
    let affine = |layer: Layer<'static>, default| fields.flag_or("affine", default).map(|learnt| layer.affine(learnt));
    let layer = match name {
        "batch_norm" => Layer::batch_norm().momentum(fields.number_or("momentum", 0.1)?),
        "group_norm" => affine(Layer::group_norm(fields.size("groups", 1)?), true)?,
        "instance_norm" => affine(Layer::instance_norm(), false)?,
        "layer_norm" => affine(Layer::layer_norm(), true)?,
        "rms_norm" => affine(Layer::rms_norm(), true)?,
        _ => return Ok(None),
    };
    let eps = if name == "rms_norm" { f32::EPSILON } else { 1e-5 };
    Ok(Some(layer.eps(fields.number_or("eps", eps)?)))
}

fn function(name: &str, fields: &Fields) -> Result<Option<Activation>> {
    Ok(Some(match name {
        "relu" => Activation::Relu,
        "leaky_relu" => Activation::leaky_relu(fields.number_or("slope", 0.01)?),
        "elu" => Activation::elu(fields.number_or("alpha", 1.0)?),
        "sigmoid" => Activation::Sigmoid,
        "tanh" => Activation::Tanh,
        "gelu" => Activation::Gelu,
        "gelu_tanh" => Activation::GeluTanh,
        "silu" => Activation::Silu,
        "hard_swish" => Activation::HardSwish,
        "softplus" => Activation::softplus(fields.number_or("beta", 1.0)?, fields.number_or("threshold", 20.0)?),
        _ => return Ok(None),
    }))
}
