//! The maps of `random_warp`.

use super::values::{angles, both, range};
use crate::augment::Map;
use crate::error::Result;
use crate::toml::{DeTable, DeValue, Fields, Value, quoted, suggestion};

const NAMES: [&str; 7] = ["rotate", "translate", "scale", "stretch", "shear", "flip_horizontal", "flip_vertical"];
const MAX_MAPS: usize = 100;

pub(super) fn maps(fields: &Fields) -> Result<Vec<Map>> {
    let expected = "an array of maps such as [{ kind = \"rotate\", degrees = 10 }]";
    let value = fields.require("maps", expected)?;
    let items = value.get_ref().as_array().filter(|items| items.len() <= MAX_MAPS);
    let items = items.ok_or_else(|| fields.mismatch("maps", value, expected))?;
    items.iter().map(|item| map(fields, item)).collect()
}

fn map(outer: &Fields, value: Value) -> Result<Map> {
    let (at, empty) = (value.span().start, DeTable::new());
    let (name, at, table) = match value.get_ref() {
        DeValue::String(name) => (name.as_ref(), at, &empty),
        DeValue::Table(table) => match table.get("kind").map(|kind| (kind.get_ref(), kind.span().start)) {
            Some((DeValue::String(name), at)) => (name.as_ref(), at, table),
            _ => return Err(outer.source.error(at, "a map needs kind, a name such as \"rotate\"")),
        },
        _ => return Err(outer.mismatch("maps", value, "maps such as { kind = \"rotate\", degrees = 10 }")),
    };
    let fields = Fields::new(outer.source, table, name, at);
    fields.get("kind");
    let factor = |key| range(&fields, key, |x| if x < 1.0 { [x, 1.0 / x] } else { [1.0 / x, x] });
    let map = match name {
        "rotate" => {
            fields.require("degrees", "a number, or two such as [-10, 10]")?;
            Map::Rotate(angles(&fields, "degrees")?.unwrap_or_default())
        }
        "translate" => {
            fields.require("max", "a part of the image's size from 0 to 1, or two for [across, down]")?;
            Map::Translate { max: both(&fields, "max", 0.0)?, whole: fields.flag_or("whole", false)? }
        }
        "scale" => {
            fields.require("factor", "a number, or two such as [0.9, 1.1]")?;
            Map::Scale(factor("factor")?.unwrap_or([1.0; 2]))
        }
        "stretch" => Map::Stretch { x: factor("x")?.unwrap_or([1.0; 2]), y: factor("y")?.unwrap_or([1.0; 2]) },
        "shear" => {
            Map::Shear { x: angles(&fields, "x")?.unwrap_or_default(), y: angles(&fields, "y")?.unwrap_or_default() }
        }
        "flip_horizontal" => Map::FlipHorizontal(fields.number_or("p", 0.5)?),
        "flip_vertical" => Map::FlipVertical(fields.number_or("p", 0.5)?),
        _ => {
            let fault = format!("unknown map {}{}", quoted(name), suggestion(name, &NAMES));
            return Err(outer.source.error(at, fault));
        }
    };
    fields.finish()?;
    Ok(map)
}
