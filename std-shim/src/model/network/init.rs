//! The key `init`: where weights start.

use flatgrad_core::init::{Init, gain};

use crate::error::Result;
use crate::toml::{DeTable, DeValue, Fields, Value, quoted, suggestion};

/// A rule's name, or a table of the name and its parameter.
pub(super) fn rule(fields: &Fields, value: Value) -> Result<Init> {
    let at = value.span().start;
    let empty = DeTable::new();
    let (name, at, table) = match value.get_ref() {
        DeValue::String(name) => (name.as_ref(), at, &empty),
        DeValue::Table(table) => match table.get("rule").map(|rule| (rule.get_ref(), rule.span().start)) {
            Some((DeValue::String(name), at)) => (name.as_ref(), at, table),
            _ => return Err(fields.source.error(at, "init needs rule, a name such as \"kaiming_uniform\"")),
        },
        _ => return Err(fields.mismatch("init", value, "a rule's name, or a table with the key rule")),
    };
    let of_rule = Fields::new(fields.source, table, format!("init {}", quoted(name)), at);
    of_rule.get("rule");
    // The gains are the defaults of PyTorch's functions of these names.
    let rule = match name {
        "default" => Init::Default,
        "uniform" => Init::Uniform { bound: of_rule.number("bound")? },
        "normal" => Init::Normal { std: of_rule.number("std")? },
        "constant" => Init::Constant { value: of_rule.number("value")? },
        "kaiming_uniform" => Init::KaimingUniform { gain: of_rule.number_or("gain", gain::RELU)? },
        "kaiming_normal" => Init::KaimingNormal { gain: of_rule.number_or("gain", gain::RELU)? },
        "xavier_uniform" => Init::XavierUniform { gain: of_rule.number_or("gain", 1.0)? },
        "xavier_normal" => Init::XavierNormal { gain: of_rule.number_or("gain", 1.0)? },
        "orthogonal" => Init::Orthogonal { gain: of_rule.number_or("gain", 1.0)? },
        _ => {
            let known = ["default", "uniform", "normal", "constant", "kaiming_uniform", "kaiming_normal"];
            let known = [&known[..], &["xavier_uniform", "xavier_normal", "orthogonal"]].concat();
            return Err(fields.source.error(at, format!("unknown rule {}{}", quoted(name), suggestion(name, &known))));
        }
    };
    of_rule.finish()?;
    rule.check().map_err(|e| fields.source.error(at, e))?;
    Ok(rule)
}
