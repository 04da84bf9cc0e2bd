//! From the text of a network file to its layers.

use flatgrad_core::net::{Layer, MAX_LAYERS};

use super::testing::Testing;
use super::{Common, File, Node};
use super::{kinds, learnt};
use crate::augment::Recipe;
use crate::data::{Columns, Scaling, TargetScaling};
use crate::error::Result;
use crate::toml::{DeTable, DeValue, Fields, LineColumn, Source, Value};

/// More blocks inside one another are taken for a mistake.
const MAX_DEPTH: usize = 16;

/// What a file says.
pub(super) struct Parsed {
    pub(super) name: Option<String>,
    pub(super) scaling: Option<Scaling>,
    pub(super) input: [usize; 3],
    pub(super) nodes: Vec<Node>,
    pub(super) classes: Vec<String>,
    pub(super) testing: Option<Testing>,
    pub(super) targets: Option<TargetScaling>,
    pub(super) columns: Option<Columns>,
    /// Where it says so.
    pub(super) places: File,
}

pub(super) fn parse(source: Source) -> Result<Parsed> {
    let table = source.table("a network")?;
    let fields = Fields::new(source, table.get_ref(), "the network", 0);
    let value = fields.require("input", "the shape of a sample such as [1, 8, 8]")?;
    let name = fields.get("name").map(|value| name(&fields, value)).transpose()?;
    let (input, input_place) = (shape(&fields, "input", value)?, source.position(value.span().start));
    let scaling = fields.get("scaling").map(|value| scaling(&fields, value, input[0])).transpose()?;
    let named = fields.get("classes");
    let classes = named.map_or(Ok(Vec::new()), |value| classes(&fields, value))?;
    let testing = testing(&fields, input)?;
    let (targets, columns) = (learnt::targets(&fields)?, learnt::columns(&fields, input[0])?);
    let layers = fields.require("layers", "an array of layers")?;
    let mut reader = Reader { source, positions: Vec::new() };
    let nodes = reader.chain(&fields, "layers", layers, 0)?;
    fields.finish()?;
    let places = File {
        origin: source.origin.to_string(),
        layers: reader.positions,
        input: input_place,
        classes: named.map(|value| source.position(value.span().start)),
    };
    Ok(Parsed { name, scaling, input, classes, testing, targets, columns, nodes, places })
}

/// A name becomes part of the name of a folder.
fn name(fields: &Fields, value: Value) -> Result<String> {
    let name = value.get_ref().as_str().filter(|name| is_name(name));
    let expected = "a name without slashes, not longer than 100 characters";
    name.map(String::from).ok_or_else(|| fields.mismatch("name", value, expected))
}

/// Whether it can be a network's name.
pub(super) fn is_name(text: &str) -> bool {
    let fits = |c: char| !c.is_control() && !"/\\:".contains(c);
    !text.is_empty() && text.chars().count() <= 100 && !text.starts_with('.') && text.chars().all(fits)
}

/// Names are printed as they are.
fn classes(fields: &Fields, value: Value) -> Result<Vec<String>> {
    let expected = "an array of names such as [\"cat\", \"dog\"]";
    let items = value.get_ref().as_array().ok_or_else(|| fields.mismatch("classes", value, expected))?;
    let name = |item: Value| {
        let name = item.get_ref().as_str().filter(|name| !name.contains(char::is_control));
        name.map(String::from)
            .ok_or_else(|| fields.mismatch("a name in classes", item, "a string without control characters"))
    };
    items.iter().map(name).collect()
}

fn scaling(fields: &Fields, value: Value, channels: usize) -> Result<Scaling> {
    let expected = "a table such as { white = 255, mean = [0.1], std = [0.3] }";
    let table = value.get_ref().as_table().ok_or_else(|| fields.mismatch("scaling", value, expected))?;
    let of = Fields::new(fields.source, table, "scaling", value.span().start);
    let white = of.number("white")?;
    if !(white > 0.0 && white.is_finite()) {
        return Err(of.mismatch("white", of.require("white", "a number")?, "finite and above 0"));
    }
    let mean = of.numbers("mean", channels, f32::NEG_INFINITY)?;
    let scaling = Scaling { white, mean, std: of.numbers("std", channels, 0.0)? };
    of.finish()?;
    Ok(scaling)
}

/// `samples` and `test`, which go together.
fn testing(fields: &Fields, input: [usize; 3]) -> Result<Option<Testing>> {
    let samples = fields.get("samples").map(|value| shape(fields, "samples", value)).transpose()?;
    let Some(value) = fields.get("test") else {
        let alone = fields.get("samples").map(|value| value.span().start);
        return alone
            .map_or(Ok(None), |at| Err(fields.source.error(at, "samples is for test, operations of a recipe")));
    };
    let testing = Testing { samples: samples.unwrap_or(input), recipe: Recipe::of_test(fields, value)? };
    let out = testing.recipe.test(testing.samples)?.out_shape();
    if out != input {
        let fault = format!("test makes {out:?} of samples {:?}; the input is {input:?}", testing.samples);
        return Err(fields.source.error(value.span().start, fault));
    }
    Ok(Some(testing).filter(|testing| !testing.recipe.test_toml().is_empty()))
}

/// `[channels, height, width]`.
fn shape(fields: &Fields, key: &str, value: Value) -> Result<[usize; 3]> {
    let expected = "[channels, height, width]";
    let sizes = value.get_ref().as_array().filter(|sizes| sizes.len() == 3);
    let sizes = sizes.ok_or_else(|| fields.mismatch(key, value, expected))?;
    let mut shape = [0; 3];
    for (size, value) in shape.iter_mut().zip(sizes.iter()) {
        *size = fields.read_size(key, value, 1)?;
    }
    Ok(shape)
}

struct Reader<'t> {
    source: Source<'t>,
    positions: Vec<LineColumn>,
}

impl<'t> Reader<'t> {
    /// The layers of an array, one after the other.
    fn chain(&mut self, fields: &Fields<'t>, key: &str, value: Value<'t>, depth: usize) -> Result<Vec<Node>> {
        let expected = "an array of layers such as [\"flatten\", { kind = \"dense\", outputs = 10 }]";
        let items = value.get_ref().as_array().ok_or_else(|| fields.mismatch(key, value, expected))?;
        if depth > MAX_DEPTH {
            return Err(self
                .source
                .error(value.span().start, format!("more than {MAX_DEPTH} blocks inside each other")));
        }
        items.iter().map(|item| self.layer(item, depth)).collect()
    }

    /// A layer: a table, or for one that needs no other keys its name.
    fn layer(&mut self, value: Value<'t>, depth: usize) -> Result<Node> {
        let (at, empty) = (value.span().start, &DeTable::new());
        match value.get_ref() {
            DeValue::String(name) => {
                let node = kinds::single(name, &Fields::new(self.source, empty, name.as_ref(), at), at)?;
                self.node_at(at)?;
                Ok(node)
            }
            DeValue::Table(table) => self.table(table, at, depth),
            _ => Err(self.source.error(at, "a layer must be a table such as { kind = \"relu\" }, or a name")),
        }
    }

    fn table(&mut self, table: &'t DeTable<'t>, at: usize, depth: usize) -> Result<Node> {
        let fields = Fields::new(self.source, table, "a layer", at);
        let kind = fields.require("kind", "the name of a layer such as \"conv2d\"")?;
        let DeValue::String(name) = kind.get_ref() else {
            return Err(fields.mismatch("kind", kind, "the name of a layer such as \"conv2d\""));
        };
        let at = kind.span().start;
        let fields = Fields::new(self.source, table, name.as_ref(), at);
        fields.get("kind");
        let node = if name == "residual" {
            let body = self.chain(&fields, "body", fields.require("body", "an array of layers")?, depth + 1)?;
            let shortcut = match fields.get("shortcut") {
                Some(layers) => self.chain(&fields, "shortcut", layers, depth + 1)?,
                None => Vec::new(),
            };
            Node::Residual { common: common(&fields)?, body, shortcut }
        } else {
            kinds::single(name, &fields, at)?
        };
        fields.finish()?;
        self.node_at(at)?;
        Ok(node)
    }

    /// Remembers where the next layer stands.
    fn node_at(&mut self, at: usize) -> Result {
        if self.positions.len() == MAX_LAYERS {
            return Err(self.source.error(at, format!("the network has more than {MAX_LAYERS} layers")));
        }
        self.positions.push(self.source.position(at));
        Ok(())
    }
}

/// The keys that every layer has.
pub(super) fn common(fields: &Fields) -> Result<Common> {
    Ok(Common { frozen: fields.flag_or("frozen", false)?, lr: factor(fields, "lr")?, decay: factor(fields, "decay")? })
}

fn factor(fields: &Fields, key: &'static str) -> Result<f32> {
    let factor = fields.number_or(key, 1.0)?;
    match fields.get(key) {
        Some(value) if !(factor >= 0.0 && factor.is_finite()) => {
            Err(fields.mismatch(key, value, "finite and not negative"))
        }
        _ => Ok(factor),
    }
}

impl Common {
    pub(super) fn apply<'a>(&self, layer: Layer<'a>) -> Layer<'a> {
        let layer = layer.lr(self.lr).decay(self.decay);
        if self.frozen { layer.frozen() } else { layer }
    }
}
