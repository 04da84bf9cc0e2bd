//! From layers to the text of a network file, with every option said.

use std::fmt::Write;

use flatgrad_core::init::Init;
use flatgrad_core::net::{Keys, Kind, Options, Value};

use super::kinds::canonical;
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
        Node::Single(layer) => format!("{{ {} }}", self::layer(&layer.kind(), layer.options())),
        Node::Depthwise { layer, multiplier } => {
            // Its numbers of channels and groups follow from the input.
            let own = layer.kind().keys();
            let own = own.iter().filter(|(key, _)| !matches!(*key, "out_channels" | "groups"));
            let keys: String = own.map(|(key, value)| format!(", {key} = {}", shown(value))).collect();
            format!("{{ kind = \"depthwise\", multiplier = {multiplier}{keys}{} }}", options(layer.options()))
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

/// A layer's name and all its keys, between the braces of a table.
pub(crate) fn layer(kind: &Kind, of: Options) -> String {
    let name = canonical(kind.name());
    format!("kind = \"{name}\"{}{}", keys(kind.keys()), options(of))
}

fn keys(keys: Keys) -> String {
    keys.iter().map(|(key, value)| format!(", {key} = {}", shown(value))).collect()
}

/// A value as TOML has it.
pub(crate) fn shown(value: Value) -> String {
    match value {
        Value::Size(size) => size.to_string(),
        Value::Pair(pair) => format!("{pair:?}"),
        Value::Number(number) => format!("{number:?}"),
        Value::Double(number) => format!("{number:?}"),
        Value::Doubles(pair) => format!("{pair:?}"),
        Value::Flag(flag) => flag.to_string(),
        Value::Word(word) => format!("\"{word}\""),
        // A type that the core has got since.
        other => format!("\"{other:?}\""),
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
