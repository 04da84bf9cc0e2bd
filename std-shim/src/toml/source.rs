//! A text and the places in it.

use std::fmt::Display;
use std::io::Read;
use std::path::Path;

use toml::de::DeTable;

use crate::error::{Error, Result};

/// A larger file is neither a network nor a recipe: a thousand layers take a few kilobytes.
const MAX_BYTES: usize = 1 << 20;

/// A line and a character in it, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineColumn {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// The text of a file under the name by which its errors call it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'t> {
    pub(crate) origin: &'t str,
    pub(crate) text: &'t str,
}

/// What `parse` makes of the name and the text of a file.
pub(crate) fn load<T>(path: &Path, parse: impl FnOnce(&str, &str) -> Result<T>) -> Result<T> {
    let file = std::fs::File::open(path).map_err(Error::io(path))?;
    let mut bytes = Vec::new();
    // One byte more than it may have: enough to refuse it.
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(Error::io(path))?;
    let origin = path.display().to_string();
    match std::str::from_utf8(&bytes) {
        Ok(text) => parse(&origin, text),
        Err(e) => {
            let text = std::str::from_utf8(&bytes[..e.valid_up_to()]).unwrap_or_default();
            Err(Source { origin: &origin, text }.error(text.len(), "not a text: a byte that is not UTF-8"))
        }
    }
}

impl<'t> Source<'t> {
    /// The text's table; `what` it should be, such as "a network".
    pub(crate) fn table(&self, what: &str) -> Result<toml::Spanned<DeTable<'t>>> {
        if self.text.len() > MAX_BYTES {
            return Err(self.error(0, format!("more than {MAX_BYTES} bytes: not {what}")));
        }
        DeTable::parse(self.text).map_err(|e| {
            let fault = e.message().lines().map(str::trim).collect::<Vec<_>>().join("; ");
            self.error(e.span().map_or(0, |span| span.start), fault)
        })
    }

    /// The place of the byte `offset`; of the end of the text, where there is no such byte.
    pub(crate) fn position(&self, offset: usize) -> LineColumn {
        // A place inside a character, which a parser does not give, counts as the text's end.
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        LineColumn {
            line: 1 + before.bytes().filter(|&b| b == b'\n').count(),
            column: 1 + before[line_start..].chars().count(),
        }
    }

    /// What is wrong at the byte `offset`.
    pub(crate) fn error(&self, offset: usize, fault: impl Display) -> Error {
        error(self.origin, self.position(offset), fault)
    }
}

/// What is wrong at a place of the file `origin`.
pub(crate) fn error(origin: &str, LineColumn { line, column }: LineColumn, fault: impl Display) -> Error {
    Error::Network { origin: origin.to_string(), line, column, fault: fault.to_string() }
}

/// `; did you mean "conv2d"?` if one of `known` is close to `word`, else all that there are.
pub(crate) fn suggestion(word: &str, known: &[&str]) -> String {
    // Words of any length: the measure takes time by the product of the lengths, and a file may be hostile.
    let similar = |name: &&&str| word.len() <= 40 && strsim::jaro_winkler(word, name) > 0.8;
    let score = |name: &&str| strsim::jaro_winkler(word, name);
    // Of equals, the first one: `max_by` gives the last.
    match known.iter().rev().filter(similar).max_by(|a, b| score(a).total_cmp(&score(b))) {
        Some(name) => format!("; did you mean \"{name}\"?"),
        None => format!("; there are {}", known.join(", ")),
    }
}

/// A word of the file in quotes, cut off where it becomes unreadable, without characters that command a terminal.
pub(crate) fn quoted(word: &str) -> String {
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let short: String = word.chars().take(40).map(printable).collect();
    if word.chars().nth(40).is_some() { format!("\"{short}...\"") } else { format!("\"{short}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters_from_1() {
        let source = Source { origin: "x", text: "ab\n\u{e9}\u{e9}c\n" };
        let at = |offset| (source.position(offset).line, source.position(offset).column);
        assert_eq!([at(0), at(1), at(2), at(3), at(7)], [(1, 1), (1, 2), (1, 3), (2, 1), (2, 3)]);
        assert_eq!((at(9), at(1000)), ((3, 1), (3, 1)));
    }

    #[test]
    fn a_close_name_is_suggested_and_otherwise_all() {
        assert_eq!(suggestion("conv3d", &["conv2d", "dense"]), "; did you mean \"conv2d\"?");
        assert_eq!(suggestion("lstm", &["conv2d", "dense"]), "; there are conv2d, dense");
        assert_eq!(quoted("a\u{1b}[2J"), "\"a\u{fffd}[2J\"");
        assert_eq!(quoted(&"x".repeat(50)), format!("\"{}...\"", "x".repeat(40)));
    }
}
