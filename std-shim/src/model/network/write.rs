//! From layers to the text of a network file, with every option said.

use std::fmt::Write;

use flatgrad_core::activation::Activation;
use flatgrad_core::dropout::Form;
use flatgrad_core::init::Init;
use flatgrad_core::net::{Kind, Layer, Options};

use super::parse::is_name;
use super::{Common, Network, Node};
use crate::data::{Columns, Scaling, TargetScaling};

/// A network's whole text.
pub(super) fn network(network: &Network) -> String {
    let Network { name, input, scaling, classes, testing, targets, columns, nodes, .. } = network;
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
    let testing = testing.as_ref().map_or(String::new(), |testing| {
        format!("samples = {:?}\ntest = {}\n", testing.samples, testing.recipe.test_toml())
    });
    let targets = targets.as_ref().map_or(String::new(), |TargetScaling { mean, std }| {
        format!("targets = {{ mean = {mean:?}, std = {std:?} }}\n")
    });
    let columns = columns.as_ref().map_or(String::new(), |Columns { features, target, group }| {
        let features = features.iter().map(quoted).collect::<Vec<_>>().join(", ");
        let group = group.as_ref().map_or(String::new(), |group| format!(", group = {}", quoted(group)));
        format!("columns = {{ features = [{features}], target = {}{group} }}\n", quoted(target))
    });
    format!("{name}input = {input:?}\n{scaling}{classes}{testing}{targets}{columns}layers = {}\n", chain(nodes, 0))
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
        Node::Single(layer) => {
            format!("{{ {} }}", self::layer(&layer.kind(), layer.options()).unwrap_or_else(|| unknown(layer)))
        }
        Node::Depthwise { layer, multiplier } => match layer.kind() {
            Kind::Conv2d { kernel, stride, padding, dilation, bias, .. } => format!(
                "{{ kind = \"depthwise\", multiplier = {multiplier}, kernel = {kernel:?}, stride = {stride:?}, \
                 padding = {padding:?}, dilation = {dilation:?}, bias = {bias}{} }}",
                options(layer.options())
            ),
            _ => format!("{{ {} }}", unknown(layer)),
        },
        Node::Residual { common: Common { frozen, lr, decay }, body, shortcut } => {
            let (body, shortcut) = (chain(body, depth + 1), chain(shortcut, depth + 1));
            format!(
                "{{ kind = \"residual\", frozen = {frozen}, lr = {lr:?}, decay = {decay:?}, body = {body}, \
                 shortcut = {shortcut} }}"
            )
        }
    }
}

/// What the reader refuses. It lets no such layer into a network in the first place.
fn unknown(layer: &Layer) -> String {
    format!("kind = \"{}\", keys = \"unknown\"", layer.kind().name())
}

/// A layer's name and all its keys, between the braces of a table; nothing for a kind that files do not have.
pub(crate) fn layer(kind: &Kind, of: Options) -> Option<String> {
    // Two layers have other names in files.
    let name = match kind.name() {
        "max_pool2d" => "max_pool",
        "avg_pool2d" => "avg_pool",
        name => name,
    };
    Some(format!("kind = \"{name}\"{}{}", keys(kind)?, options(of)))
}

fn keys(kind: &Kind) -> Option<String> {
    Some(match kind {
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
        Kind::Activation(function) => return function_keys(function),
        Kind::MaxPool2d { kernel, stride, padding } => {
            format!(", kernel = {kernel:?}, stride = {stride:?}, padding = {padding:?}")
        }
        Kind::AvgPool2d { kernel, stride, padding, count_include_pad } => format!(
            ", kernel = {kernel:?}, stride = {stride:?}, padding = {padding:?}, \
             count_include_pad = {count_include_pad}"
        ),
        Kind::Dropout { p, form: Form::Inverted } => format!(", p = {p:?}, form = \"inverted\""),
        Kind::Dropout { p, form: Form::ScaleActivations } => format!(", p = {p:?}, form = \"scale_activations\""),
        Kind::Dropout { p, form: Form::ScaleWeights } => format!(", p = {p:?}, form = \"scale_weights\""),
        Kind::Softmax | Kind::LogSoftmax | Kind::GlobalAvgPool | Kind::Flatten | Kind::Add => String::new(),
        // A kind that the core has got since: its keys are to be added above.
        _ => return None,
    })
}

fn function_keys(function: &Activation) -> Option<String> {
    Some(match function {
        Activation::LeakyRelu { slope } => format!(", slope = {slope:?}"),
        Activation::Elu { alpha } => format!(", alpha = {alpha:?}"),
        Activation::Softplus { beta, threshold } => format!(", beta = {beta:?}, threshold = {threshold:?}"),
        Activation::Relu | Activation::Sigmoid | Activation::Tanh | Activation::Gelu => String::new(),
        Activation::GeluTanh | Activation::Silu | Activation::HardSwish => String::new(),
        // As in `keys`.
        _ => return None,
    })
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
