//! The lines of a table, and the numbers in them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Trim};

use super::DataFault;
use crate::error::{Error, Result};

/// The largest file this reader accepts: 1 GiB.
const MAX_BYTES: u64 = 1 << 30;

/// What is known before the file is.
pub(super) type Checked<T> = std::result::Result<T, DataFault>;

/// The endings of tables, each with what is between its columns.
const ENDINGS: [(&str, u8); 2] = [("csv", b','), ("tsv", b'\t')];

fn delimiter(path: &Path) -> Option<u8> {
    let ending = path.extension()?;
    ENDINGS.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known)).map(|(_, delimiter)| *delimiter)
}

/// Whether a file is a table, by its ending.
///
/// ```
/// use flatgrad::data::is_table;
/// assert!(is_table("iris.csv".as_ref()) && is_table("IRIS.TSV".as_ref()) && !is_table("iris.npz".as_ref()));
/// ```
pub fn is_table(path: &Path) -> bool {
    delimiter(path).is_some()
}

/// The endings of tables, in words.
pub(super) fn endings() -> String {
    ENDINGS.map(|(ending, _)| format!(".{ending}")).join(", ")
}

/// Does something with each line of a table.
pub(super) fn each_record(path: &Path, mut row: impl FnMut(&ByteRecord) -> Checked<()>) -> Result {
    let failed = |fault| Error::data(path.display(), fault);
    let file = File::open(path).map_err(Error::io(path))?;
    let len = file.metadata().map_err(Error::io(path))?.len();
    if len > MAX_BYTES {
        let fault = format!("{} MB are more than the {} this reader accepts", len >> 20, MAX_BYTES >> 20);
        return Err(failed(DataFault::Format(fault)));
    }
    let mut lines = ReaderBuilder::new()
        .delimiter(delimiter(path).unwrap_or(b','))
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(file.take(MAX_BYTES));
    let mut record = ByteRecord::new();
    while lines.read_byte_record(&mut record).map_err(|error| csv_error(path, error))? {
        row(&record).map_err(failed)?;
    }
    Ok(())
}

/// What the columns are called, by the first line; without a header, by their numbers.
pub(super) fn names(first: &ByteRecord, header: bool) -> Vec<String> {
    let named = |(i, field): (usize, &[u8])| match header {
        true => String::from_utf8_lossy(field).into_owned(),
        false => (i + 1).to_string(),
    };
    first.iter().enumerate().map(named).collect()
}

/// The number in a field, counted from 0, of a line as long as there are columns.
pub(super) fn field_number(record: &ByteRecord, i: usize, columns: &[String]) -> Checked<f32> {
    let found = match record.get(i).map(std::str::from_utf8) {
        Some(Ok(text)) if !text.is_empty() => number(text),
        Some(Err(_)) => Err("not UTF-8".to_string()),
        _ => Err("empty".to_string()),
    };
    found.map_err(|fault| {
        let (line, name) =
            (record.position().map_or(0, csv::Position::line), columns.get(i).cloned().unwrap_or_default());
        DataFault::Field { line, column: i + 1, name, fault }
    })
}

fn csv_error(path: &Path, error: csv::Error) -> Error {
    let text = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Error::io(path)(error),
        _ => Error::data(path.display(), DataFault::Format(text)),
    }
}

/// A finite number.
pub(super) fn number(text: &str) -> std::result::Result<f32, String> {
    match text.parse::<f32>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err(format!("not a finite number: {}", shortened(text))),
        Err(_) => Err(format!("not a number: {}", shortened(text))),
    }
}

/// What stands in a file may be long.
fn shortened(text: &str) -> String {
    let start: String = text.chars().take(40).collect();
    if start.len() < text.len() { format!("{start:?}...") } else { format!("{start:?}") }
}
