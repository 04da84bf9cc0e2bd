//! TOML files that are read with their places: every error names the line and what was expected there.

mod fields;
mod source;
mod text;

pub(crate) use ::toml::de::{DeTable, DeValue};
pub(crate) use fields::{Fields, Value};
pub(crate) use source::{LineColumn, Source, error, load, quoted, suggestion};
pub(crate) use text::{inline, table};
