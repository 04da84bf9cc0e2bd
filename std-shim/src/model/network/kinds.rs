//! Each layer's keys.

use flatgrad_core::dropout::Form;
use flatgrad_core::net::{Layer, Value};

use super::parse::common;
use super::{Node, init};
use crate::error::Result;
use crate::toml::{Fields, quoted, suggestion};

/// Names that files have beside those of the core.
const NAMES: [&str; 6] = ["conv1d", "depthwise", "max_pool", "max_pool1d", "avg_pool1d", "residual"];

/// A layer's name in files: two have their names with dimensions elsewhere, and PyTorch's users know them by these.
pub(super) fn canonical(name: &str) -> &str {
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
        "dropout" => dropout(fields)?,
        "residual" => return Err(fields.source.error(at, "residual needs body, an array of layers")),
        other => match Layer::all().find(|layer| layer.kind().name() == other) {
            Some(layer) => by_keys(layer, fields)?,
            None => {
                let names = Layer::all().map(|layer| canonical(layer.kind().name())).chain(NAMES);
                let close = suggestion(name, &names.collect::<Vec<_>>());
                return Err(fields.source.error(at, format!("unknown layer {}{close}", quoted(name))));
            }
        },
    };
    Ok(Node::Single(common(fields)?.apply(layer)))
}

/// A layer whose keys the core names.
fn by_keys(layer: Layer<'static>, fields: &Fields) -> Result<Layer<'static>> {
    let kind = layer.kind();
    let read = |(key, usual)| {
        Ok(match usual {
            Value::Size(0) => Value::Size(fields.size(key, 1)?),
            Value::Size(usual) => Value::Size(fields.size_or(key, 1, usual)?),
            Value::Pair([0, 0]) => Value::Pair(fields.pair(key, 1)?),
            Value::Pair(usual) => Value::Pair(fields.pair_or(key, 0, usual)?),
            Value::Number(usual) => Value::Number(fields.number_or(key, usual)?),
            Value::Flag(usual) => Value::Flag(fields.flag_or(key, usual)?),
            other => other,
        })
    };
    let values = kind.keys().iter().map(read).collect::<Result<Vec<Value>>>()?;
    Ok(kind.with(&values).map_or(layer, Layer::from))
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
    let layer = match (fields.get("p"), fields.get("keep")) {
        (None, Some(value)) => {
            let keep = fields.number("keep")?;
            if !(0.0..=1.0).contains(&keep) {
                return Err(fields.mismatch("keep", value, "the probability to keep, from 0 to 1"));
            }
            Layer::dropout_keep(keep)
        }
        (Some(value), Some(_)) => {
            let fault = "dropout has either p, the probability to drop, or keep, the probability to keep, not both";
            return Err(fields.source.error(value.span().start, fault));
        }
        (_, None) => {
            fields.require("p", "the probability to drop, or keep, the probability to keep")?;
            Layer::dropout(fields.number("p")?)
        }
    };
    match fields.get("form") {
        None => Ok(layer),
        Some(value) => match value.get_ref().as_str() {
            Some("inverted") => Ok(layer.form(Form::Inverted)),
            Some("scale_activations") => Ok(layer.form(Form::ScaleActivations)),
            Some("scale_weights") => Ok(layer.form(Form::ScaleWeights)),
            _ => Err(fields.mismatch("form", value, "\"inverted\", \"scale_activations\" or \"scale_weights\"")),
        },
    }
}
