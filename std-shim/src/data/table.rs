//! Tables: CSV and TSV files.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Trim};

use super::{DataFault, Floats, Targets};
use crate::error::{Error, Result};

/// The largest file this reader accepts: 1 GiB.
pub const MAX_BYTES: u64 = 1 << 30;
/// More classes than this are taken for numbers to predict.
pub const MAX_CLASSES: usize = 1000;

/// What a table's columns are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableOptions {
    /// The column to predict: its name, or its number counted from 1; the last column if not said.
    pub target: Option<String>,
    /// The target is a number to predict, not a class.
    pub regression: bool,
    /// The first line holds the names of the columns.
    pub header: bool,
    /// A column that says which rows belong together, such as the subject of a measurement; it is no feature.
    pub group: Option<String>,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self { target: None, regression: false, header: true, group: None }
    }
}

/// A table in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The rows: each feature is a channel.
    pub rows: Floats,
    /// The names of the features.
    pub features: Vec<String>,
    /// The name of the target's column.
    pub target: String,
    /// The group of each row, numbered as they come; none if no column says them.
    pub groups: Vec<u32>,
}

/// Reads a table whose features are finite numbers: separated by tabs if the file's name ends in `.tsv`, else by commas.
///
/// Blank lines are skipped; in an error, they count with the line that follows them. Classes are numbered in the order of
/// their names: as numbers if all are whole numbers, else as text.
///
/// ```
/// use flatgrad::data::{Dataset, Label, TableOptions, read_table};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("iris.csv");
/// std::fs::write(&path, "length,width,species\n5.1,3.5,setosa\n6.2,2.9,versicolor\n4.9,3,setosa\n")?;
/// let table = read_table(&path, &TableOptions::default())?;
/// assert_eq!((table.rows.shape(), table.rows.sample(1)), ([2, 1, 1], &[6.2, 2.9][..]));
/// assert_eq!(table.rows.target(1), Label::Class(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::Io`]; [`Error::Data`] with the file and the line and column of what is wrong.
pub fn read_table(path: &Path, options: &TableOptions) -> Result<Table> {
    let failed = |fault| Error::data(path.display(), fault);
    let file = File::open(path).map_err(Error::io(path))?;
    let len = file.metadata().map_err(Error::io(path))?.len();
    if len > MAX_BYTES {
        let fault = format!("{} MB are more than the {} this reader accepts", len >> 20, MAX_BYTES >> 20);
        return Err(failed(DataFault::Format(fault)));
    }
    let tabs = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tsv"));
    let mut lines = ReaderBuilder::new()
        .delimiter(if tabs { b'\t' } else { b',' })
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(file.take(MAX_BYTES));
    let mut record = ByteRecord::new();
    let mut reader: Option<Reader> = None;
    while lines.read_byte_record(&mut record).map_err(|error| csv_error(path, error))? {
        match &mut reader {
            Some(reader) => reader.row(&record).map_err(failed)?,
            None => {
                let mut first = Reader::new(&record, options).map_err(failed)?;
                if !options.header {
                    first.row(&record).map_err(failed)?;
                }
                reader = Some(first);
            }
        }
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let table = reader.ok_or(DataFault::Empty).and_then(|reader| reader.table(&name));
    table.map_err(failed)
}

fn csv_error(path: &Path, error: csv::Error) -> Error {
    let text = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Error::io(path)(error),
        _ => Error::data(path.display(), DataFault::Format(text)),
    }
}

/// What is known before the file is.
type Checked<T> = std::result::Result<T, DataFault>;

/// Texts, numbered as they come.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(name.to_string(), number);
        self.names.push(name.to_string());
        number
    }

    /// The names in their order, and for each old number the new one.
    fn sorted(self) -> (Vec<String>, Vec<u32>) {
        let whole: Option<Vec<i64>> = self.names.iter().map(|name| name.parse().ok()).collect();
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        match whole {
            Some(numbers) => order.sort_by_key(|&i| numbers[i]),
            None => order.sort_by_key(|&i| &self.names[i]),
        }
        let mut new = vec![0; order.len()];
        order.iter().enumerate().for_each(|(rank, &old)| new[old] = rank as u32);
        (order.into_iter().map(|i| self.names[i].clone()).collect(), new)
    }
}

/// What has been read so far.
struct Reader {
    columns: Vec<String>,
    target: usize,
    group: Option<usize>,
    regression: bool,
    values: Vec<f32>,
    labels: Vec<u32>,
    classes: Names,
    targets: Vec<f32>,
    groups: Vec<u32>,
    group_names: Names,
}

impl Reader {
    fn new(first: &ByteRecord, options: &TableOptions) -> Checked<Self> {
        let named = |(i, field): (usize, &[u8])| match options.header {
            true => String::from_utf8_lossy(field).into_owned(),
            false => (i + 1).to_string(),
        };
        let columns: Vec<String> = first.iter().enumerate().map(named).collect();
        let find = |wanted: &String| {
            let numbered = || wanted.parse::<usize>().ok()?.checked_sub(1).filter(|&i| i < columns.len());
            let found = columns.iter().position(|name| name == wanted).or_else(numbered);
            found.ok_or_else(|| DataFault::NoColumn { wanted: wanted.clone(), names: columns.clone() })
        };
        let group = options.group.as_ref().map(find).transpose()?;
        let last = (0..columns.len()).rfind(|&i| Some(i) != group).unwrap_or(0);
        let target = options.target.as_ref().map(find).transpose()?.unwrap_or(last);
        if group == Some(target) {
            let fault = format!("column {:?} is both the target and the group", columns[target]);
            return Err(DataFault::Format(fault));
        }
        if columns.len() < 2 + usize::from(group.is_some()) {
            let fault = format!("{} columns leave no features: is the separator a comma?", columns.len());
            return Err(DataFault::Format(fault));
        }
        let (classes, group_names) = (Names::default(), Names::default());
        let (values, labels, targets, groups) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let regression = options.regression;
        Ok(Self { columns, target, group, regression, values, labels, classes, targets, groups, group_names })
    }

    fn row(&mut self, record: &ByteRecord) -> Checked<()> {
        let line = record.position().map_or(0, csv::Position::line);
        let (found, expected) = (record.len(), self.columns.len());
        if found != expected {
            return Err(DataFault::Ragged { line, found, expected });
        }
        for (i, field) in record.iter().enumerate() {
            let failed = |fault| {
                let (column, name) = (i + 1, self.columns.get(i).cloned().unwrap_or_default());
                DataFault::Field { line, column, name, fault }
            };
            let text = std::str::from_utf8(field).map_err(|_| failed("not UTF-8".to_string()))?;
            if text.is_empty() {
                return Err(failed("empty".to_string()));
            }
            if Some(i) == self.group {
                self.groups.push(self.group_names.number(text));
            } else if i != self.target {
                self.values.push(number(text).map_err(failed)?);
            } else if self.regression {
                self.targets.push(number(text).map_err(failed)?);
            } else {
                let label = self.classes.number(text);
                if label as usize >= MAX_CLASSES {
                    let fault = format!("more than {MAX_CLASSES} classes: to predict a number, say --regression");
                    return Err(failed(fault));
                }
                self.labels.push(label);
            }
        }
        Ok(())
    }

    fn table(self, name: &str) -> Checked<Table> {
        let targets = if self.regression {
            Targets::values(1, self.targets)?
        } else {
            let (names, new) = self.classes.sorted();
            Targets::classes(names, self.labels.into_iter().map(|old| new[old as usize]).collect())?
        };
        let feature = |&i: &usize| i != self.target && Some(i) != self.group;
        let features: Vec<String> = (0..self.columns.len()).filter(feature).map(|i| self.columns[i].clone()).collect();
        let rows = Floats::new(name, [features.len(), 1, 1], self.values, targets).map_err(|error| match error {
            Error::Data { fault, .. } => fault,
            other => DataFault::Format(other.to_string()),
        })?;
        Ok(Table { rows, features, target: self.columns[self.target].clone(), groups: self.groups })
    }
}

fn number(text: &str) -> std::result::Result<f32, String> {
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
