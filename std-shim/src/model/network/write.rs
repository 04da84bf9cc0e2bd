//! From layers to the text of a network file, with every option said.

use std::fmt::Write;

use flatgrad_core::activation::Function;
use flatgrad_core::dropout::Form;
use flatgrad_core::init::Init;
use flatgrad_core::net::{Kind, Layer, Options};

use super::parse::is_name;
use super::{Common, Network, Node};
use crate::data::Scaling;

/// A network's whole text.
pub(super) fn network(Network { name, input, scaling, classes, nodes, .. }: &Network) -> String {
    // A string of JSON without control characters is one of TOML, too.
    let name =
        if is_name(name) { format!("name = {}\n", serde_json::Value::from(name.as_str())) } else { String::new() };
    let scaling = scaling.as_ref().map_or(String::new(), |Scaling { white, mean, std }| {
        format!("scaling = {{ white = {white:?}, mean = {mean:?}, std = {std:?} }}\n")
    });
    let quoted = |name: &String| serde_json::Value::from(name.as_str()).to_string();
    let classes = match classes[..] {
        [] => String::new(),
        _ => format!("classes = [{}]\n", classes.iter().map(quoted).collect::<Vec<_>>().join(", ")),
    };
    format!("{name}input = {input:?}\n{scaling}{classes}layers = {}\n", chain(nodes, 0))
}

fn chain(nodes: &[Node], depth: usize) -> String {
    let mut text = String::from("[\n");
    for node in nodes {
        // A string takes every line; so do the others below.
        let _ = writeln!(text, "{}{},", "  ".repeat(depth + 1), one(node, depth));
    }
    text + &"  ".repeat(depth) + "]"
}

fn one(node: &Node, depth: usize) -> String {
    match node {
        Node::Single(layer) => format!("{{ {} }}", single(layer)),
        Node::Depthwise { layer, multiplier } => {
            let options = options(layer.options());
            let Kind::Conv2d { kernel, stride, padding, dilation, bias, .. } = layer.kind() else {
                return String::new(); // the parser makes no other
            };
            format!(
                "{{ kind = \"depthwise\", multiplier = {multiplier}, kernel = {kernel:?}, stride = {stride:?}, \
                 padding = {padding:?}, dilation = {dilation:?}, bias = {bias}{options} }}"
            )
        }
        Node::Residual { common: Common { frozen, lr, decay }, body, shortcut } => {
            let (body, shortcut) = (chain(body, depth + 1), chain(shortcut, depth + 1));
            format!(
                "{{ kind = \"residual\", frozen = {frozen}, lr = {lr:?}, decay = {decay:?}, body = {body}, \
                 shortcut = {shortcut} }}"
            )
        }
    }
}

fn single(layer: &Layer) -> String {
    let kind = layer.kind();
    let name = match kind {
        Kind::MaxPool2d { .. } => "max_pool",
        Kind::AvgPool2d { .. } => "avg_pool",
        _ => kind.name(),
    };
    format!("kind = \"{name}\"{}{}", keys(&kind), options(layer.options()))
}

fn keys(kind: &Kind) -> String {
    match kind {
        Kind::Conv2d { out_channels, kernel, stride, padding, dilation, groups, bias } => format!(
            ", out_channels = {out_channels}, kernel = {kernel:?}, stride = {stride:?}, padding = {padding:?}, \
             dilation = {dilation:?}, groups = {groups}, bias = {bias}"
        ),
        Kind::Dense { outputs, bias } => format!(", outputs = {outputs}, bias = {bias}"),
        Kind::BatchNorm { eps, momentum } => format!(", eps = {eps:?}, momentum = {momentum:?}"),
        Kind::GroupNorm { groups: Some(groups), eps, affine } => {
            format!(", groups = {groups}, eps = {eps:?}, affine = {affine}")
        }
        Kind::GroupNorm { groups: None, eps, affine }
        | Kind::LayerNorm { eps, affine }
        | Kind::RmsNorm { eps, affine } => format!(", eps = {eps:?}, affine = {affine}"),
        Kind::Activation(Function::LeakyRelu { slope }) => format!(", slope = {slope:?}"),
        Kind::Activation(Function::Elu { alpha }) => format!(", alpha = {alpha:?}"),
        Kind::Activation(Function::Softplus { beta, threshold }) => {
            format!(", beta = {beta:?}, threshold = {threshold:?}")
        }
        Kind::MaxPool2d { kernel, stride, padding } => {
            format!(", kernel = {kernel:?}, stride = {stride:?}, padding = {padding:?}")
        }
        Kind::AvgPool2d { kernel, stride, padding, count_include_pad } => format!(
            ", kernel = {kernel:?}, stride = {stride:?}, padding = {padding:?}, \
             count_include_pad = {count_include_pad}"
        ),
        Kind::Dropout { p, form: Form::Inverted } => format!(", p = {p:?}, form = \"inverted\""),
        Kind::Dropout { p, .. } => format!(", p = {p:?}, form = \"scale_activations\""),
        _ => String::new(),
    }
}

/// Only those that are not the default: most layers have none.
fn options(options: Options) -> String {
    let Options { frozen, lr, decay, init, max_norm } = options;
    let mut text = String::new();
    if frozen {
        text += ", frozen = true";
    }
    for (key, value, default) in [("lr", lr, 1.0), ("decay", decay, 1.0), ("max_norm", max_norm, f32::INFINITY)] {
        if value != default {
            let _ = write!(text, ", {key} = {value:?}");
        }
    }
    let (rule, key, value) = match init {
        Init::Default => return text,
        Init::Uniform { bound } => ("uniform", "bound", bound),
        Init::Normal { std } => ("normal", "std", std),
        Init::KaimingUniform { gain } => ("kaiming_uniform", "gain", gain),
        Init::KaimingNormal { gain } => ("kaiming_normal", "gain", gain),
        Init::XavierUniform { gain } => ("xavier_uniform", "gain", gain),
        Init::XavierNormal { gain } => ("xavier_normal", "gain", gain),
        Init::Orthogonal { gain } => ("orthogonal", "gain", gain),
        Init::Constant { value } => ("constant", "value", value),
    };
    let _ = write!(text, ", init = {{ rule = \"{rule}\", {key} = {value:?} }}");
    text
}
