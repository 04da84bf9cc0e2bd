//! The keys of one table, read with their types.

use std::cell::RefCell;
use std::fmt::Display;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::{Source, quoted, suggestion};
use crate::error::{Error, Result};

/// Larger sizes are taken for a slip of the pen; products of sizes are checked where they are made.
const MAX_SIZE: u64 = u32::MAX as u64;

/// A table whose keys are asked for one by one; [`Fields::finish`] refuses those that nobody asked for.
pub(crate) struct Fields<'t> {
    pub(crate) source: Source<'t>,
    table: &'t DeTable<'t>,
    /// Whose keys these are, in messages.
    what: String,
    /// Where to point if a key is missing.
    at: usize,
    asked: RefCell<Vec<&'static str>>,
}

/// A value, and the place of its first byte.
pub(crate) type Value<'t> = &'t Spanned<DeValue<'t>>;

impl<'t> Fields<'t> {
    pub(crate) fn new(source: Source<'t>, table: &'t DeTable<'t>, what: impl Into<String>, at: usize) -> Self {
        Self { source, table, what: what.into(), at, asked: RefCell::default() }
    }

    /// The value of a key that may be missing.
    pub(crate) fn get(&self, key: &'static str) -> Option<Value<'t>> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        self.table.get(key)
    }

    /// The value of a key that must be there; `expected` says what it should be.
    pub(crate) fn require(&self, key: &'static str, expected: &str) -> Result<Value<'t>> {
        self.get(key).ok_or_else(|| {
            // Perhaps it is there, misspelt.
            let close = |name: &str| name.len() <= 40 && strsim::jaro_winkler(name, key) > 0.9;
            let fault = format!("{} needs {key}, {expected}", self.what);
            match self.table.keys().find(|name| close(name.get_ref())) {
                Some(name) => {
                    let fault = format!("{fault}; is {} meant for it?", quoted(name.get_ref()));
                    self.source.error(name.span().start, fault)
                }
                None => self.source.error(self.at, fault),
            }
        })
    }

    /// A whole number from `least` on.
    pub(crate) fn size(&self, key: &'static str, least: u64) -> Result<usize> {
        self.read_size(key, self.require(key, &whole(least))?, least)
    }

    /// The same, or the default.
    pub(crate) fn size_or(&self, key: &'static str, least: u64, default: usize) -> Result<usize> {
        self.get(key).map_or(Ok(default), |value| self.read_size(key, value, least))
    }

    /// One whole number for both directions, or `[down, across]`.
    pub(crate) fn pair(&self, key: &'static str, least: u64) -> Result<[usize; 2]> {
        self.read_pair(key, self.require(key, &format!("{}, or two such as [3, 3]", whole(least)))?, least)
    }

    /// The same, or the default.
    pub(crate) fn pair_or(&self, key: &'static str, least: u64, default: [usize; 2]) -> Result<[usize; 2]> {
        self.get(key).map_or(Ok(default), |value| self.read_pair(key, value, least))
    }

    /// A number.
    pub(crate) fn number(&self, key: &'static str) -> Result<f32> {
        self.read_number(key, self.require(key, "a number")?)
    }

    /// The same, or the default.
    pub(crate) fn number_or(&self, key: &'static str, default: f32) -> Result<f32> {
        self.get(key).map_or(Ok(default), |value| self.read_number(key, value))
    }

    /// So many numbers above `above`.
    pub(crate) fn numbers(&self, key: &'static str, len: usize, above: f32) -> Result<Vec<f32>> {
        let expected =
            if len == 1 { "an array of one number".to_string() } else { format!("an array of {len} numbers") };
        let value = self.require(key, &expected)?;
        let items = value.get_ref().as_array().filter(|items| items.len() == len);
        let items = items.ok_or_else(|| self.mismatch(key, value, expected))?;
        let read = |item| match self.read_number(key, item)? {
            number if number > above && number.is_finite() => Ok(number),
            _ if above == f32::NEG_INFINITY => Err(self.mismatch(key, item, "finite")),
            _ => Err(self.mismatch(key, item, format!("finite and above {above}"))),
        };
        items.iter().map(read).collect()
    }

    /// `true` or `false`, or the default.
    pub(crate) fn flag_or(&self, key: &'static str, default: bool) -> Result<bool> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value.get_ref().as_bool().ok_or_else(|| self.mismatch(key, value, "true or false")),
        }
    }

    /// The error that a value is of the wrong type or outside its range.
    pub(crate) fn mismatch(&self, key: &str, value: Value, expected: impl Display) -> Error {
        self.source.error(value.span().start, format!("{key} must be {expected}, got {}", shown(value.get_ref())))
    }

    /// Refuses a key that was not asked for.
    pub(crate) fn finish(self) -> Result {
        let asked = self.asked.into_inner();
        let Some((key, _)) = self.table.iter().find(|(key, _)| !asked.contains(&key.get_ref().as_ref())) else {
            return Ok(());
        };
        let (name, close) = (quoted(key.get_ref()), suggestion(key.get_ref(), &asked));
        Err(self.source.error(key.span().start, format!("{} has no key {name}{close}", self.what)))
    }

    pub(crate) fn read_size(&self, key: &str, value: Value, least: u64) -> Result<usize> {
        let number = value.get_ref().as_integer().and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
        let fits = number.filter(|n| (least..=MAX_SIZE).contains(n)).and_then(|n| usize::try_from(n).ok());
        fits.ok_or_else(|| self.mismatch(key, value, whole(least)))
    }

    fn read_pair(&self, key: &str, value: Value, least: u64) -> Result<[usize; 2]> {
        match value.get_ref().as_array() {
            None if value.get_ref().is_integer() => self.read_size(key, value, least).map(|size| [size, size]),
            Some(both) if both.len() == 2 => {
                Ok([self.read_size(key, &both[0], least)?, self.read_size(key, &both[1], least)?])
            }
            _ => Err(self.mismatch(key, value, format!("{}, or two such as [3, 3]", whole(least)))),
        }
    }

    pub(crate) fn read_number(&self, key: &str, value: Value) -> Result<f32> {
        // Whole numbers are numbers, too; each is rounded once, to f32.
        let (number, infinite) = match value.get_ref() {
            DeValue::Integer(n) if n.radix() == 10 => (n.as_str().parse::<f32>().ok(), false),
            DeValue::Float(n) => (n.as_str().parse().ok(), n.as_str().contains("inf")),
            _ => (None, false),
        };
        let number = number.filter(|n| !n.is_nan() && (n.is_finite() || infinite));
        number.ok_or_else(|| self.mismatch(key, value, "a number of 32 bits"))
    }
}

fn whole(least: u64) -> String {
    format!("a whole number from {least} to {MAX_SIZE}")
}

/// A value as the file has it, in short.
fn shown(value: &DeValue) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(number) => shortened(number.to_string()),
        DeValue::Float(number) => shortened(number.to_string()),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => "a date".to_string(),
        DeValue::Array(items) => format!("an array of {}", items.len()),
        DeValue::Table(_) => "a table".to_string(),
    }
}

fn shortened(number: String) -> String {
    if number.len() > 40 { format!("a number of {} digits", number.len()) } else { number }
}
