//! What a network has learnt from, and what its outputs mean.

use super::Network;
use crate::data::{Columns, TargetScaling};
use crate::error::Result;
use crate::toml::{DeTable, Fields, Value};

/// Names of more columns than would fit into a network's text are not kept: rows are then told by their number of
/// columns.
const MAX_NAMES: usize = 1 << 17;

impl Network {
    /// The same, for values: its outputs are no classes but standardized values to predict, and this is how they become
    /// values. With nothing, they may be classes.
    ///
    /// ```
    /// use flatgrad::data::TargetScaling;
    /// use flatgrad::model::{Architecture, Network};
    /// let scaling = TargetScaling { mean: vec![12.5], std: vec![3.0] };
    /// let network = Network::new(Architecture::Mlp, [4, 1, 1], 1).with_targets(Some(scaling.clone()));
    /// assert!(network.to_toml().contains("targets = { mean = [12.5], std = [3.0] }"));
    /// assert_eq!(Network::parse("net.toml", &network.to_toml())?.targets(), Some(&scaling));
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    pub fn with_targets(mut self, targets: Option<TargetScaling>) -> Self {
        self.targets = targets;
        self
    }

    /// How its outputs become values, if they are values and no classes.
    pub fn targets(&self) -> Option<&TargetScaling> {
        self.targets.as_ref()
    }

    /// The same, with the names of the columns of the table that it has learnt from. Control characters in them become
    /// U+FFFD; names of more than 128 KiB are not kept.
    ///
    /// ```
    /// use flatgrad::data::Columns;
    /// use flatgrad::model::{Architecture, Network};
    /// let features = vec!["length".into(), "width".into()];
    /// let columns = Columns { features, target: "species".into(), group: None };
    /// let network = Network::new(Architecture::Mlp, [2, 1, 1], 3).with_columns(Some(columns.clone()));
    /// assert_eq!(Network::parse("net.toml", &network.to_toml())?.columns(), Some(&columns));
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    pub fn with_columns(mut self, columns: Option<Columns>) -> Self {
        let printable = |name: String| name.replace(char::is_control, "\u{fffd}");
        let columns =
            columns.filter(|columns| columns.features.iter().map(|name| name.len() + 4).sum::<usize>() < MAX_NAMES);
        self.columns = columns.map(|Columns { features, target, group }| Columns {
            features: features.into_iter().map(printable).collect(),
            target: printable(target),
            group: group.map(printable),
        });
        self
    }

    /// The names of the columns of the table that it has learnt from, if they are known.
    pub fn columns(&self) -> Option<&Columns> {
        self.columns.as_ref()
    }
}

/// `targets = { mean = [1.5], std = [2] }`
pub(super) fn targets(fields: &Fields) -> Result<Option<TargetScaling>> {
    let Some(value) = fields.get("targets") else { return Ok(None) };
    let of = table(fields, "targets", value, "{ mean = [1.5], std = [2] }")?;
    let outputs = of.get("mean").and_then(|mean| mean.get_ref().as_array()).map_or(1, |mean| mean.len().max(1));
    let mean = of.numbers("mean", outputs, f32::NEG_INFINITY)?;
    let targets = TargetScaling { mean, std: of.numbers("std", outputs, 0.0)? };
    of.finish()?;
    Ok(Some(targets))
}

/// `columns = { features = ["length", "width"], target = "species" }`
pub(super) fn columns(fields: &Fields, channels: usize) -> Result<Option<Columns>> {
    let Some(value) = fields.get("columns") else { return Ok(None) };
    let of = table(fields, "columns", value, "{ features = [\"length\", \"width\"], target = \"species\" }")?;
    let name = |key: &str, value: Value| {
        let name = value.get_ref().as_str().filter(|name| !name.contains(char::is_control));
        name.map(String::from).ok_or_else(|| of.mismatch(key, value, "a string without control characters"))
    };
    let expected = format!("an array of {channels} names, one for each channel of the input");
    let list = of.require("features", &expected)?;
    let items = list.get_ref().as_array().filter(|items| items.len() == channels);
    let items = items.ok_or_else(|| of.mismatch("features", list, &expected))?;
    let features = items.iter().map(|item| name("a name in features", item)).collect::<Result<_>>()?;
    let target = name("target", of.require("target", "the name of the column to predict")?)?;
    let group = of.get("group").map(|value| name("group", value)).transpose()?;
    of.finish()?;
    Ok(Some(Columns { features, target, group }))
}

fn table<'t>(fields: &Fields<'t>, key: &'static str, value: Value<'t>, example: &str) -> Result<Fields<'t>> {
    let table: Option<&'t DeTable<'t>> = value.get_ref().as_table();
    let table = table.ok_or_else(|| fields.mismatch(key, value, format!("a table such as {example}")))?;
    Ok(Fields::new(fields.source, table, key, value.span().start))
}
