//! Tables: CSV and TSV files.

use std::collections::HashMap;
use std::path::Path;

use csv::ByteRecord;

use super::records::{Checked, each_record, names, number};
use super::{DataFault, Floats, Targets};
use crate::error::{Error, Result};

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

/// What the columns of a table are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The features, in order; no two have the same name.
    pub features: Vec<String>,
    /// The column to predict.
    pub target: String,
    /// The column that says which rows belong together, if one does.
    pub group: Option<String>,
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
    /// The name of the column of groups, if there is one.
    pub group: Option<String>,
    /// The group of each row, numbered as they come; none if no column says them.
    pub groups: Vec<u32>,
}

impl Table {
    /// What the columns are called; nothing if two features have the same name.
    pub fn columns(&self) -> Option<Columns> {
        let (features, target, group) = (self.features.clone(), self.target.clone(), self.group.clone());
        let mut sorted: Vec<&String> = features.iter().collect();
        sorted.sort_unstable();
        let unique = sorted.windows(2).all(|pair| pair[0] != pair[1]);
        unique.then_some(Columns { features, target, group })
    }
}

/// Reads a table whose features are finite numbers: separated by tabs if the file's name ends in `.tsv`, else by
/// commas.
///
/// Blank lines are skipped; in an error, they count with the line that follows them. Classes are numbered in the order
/// of their names: as numbers if all are whole numbers, else as text.
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
    let mut reader: Option<Reader> = None;
    each_record(path, |record| match &mut reader {
        Some(reader) => reader.row(record),
        None => {
            let mut first = Reader::new(record, options)?;
            if !options.header {
                first.row(record)?;
            }
            reader = Some(first);
            Ok(())
        }
    })?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let table = reader.ok_or(DataFault::Empty).and_then(|reader| reader.table(&name));
    table.map_err(failed)
}

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
        let columns = names(first, options.header);
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
                    let fault = format!("more than {MAX_CLASSES} classes: to predict a number, say `regression`");
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
        let group = self.group.and_then(|group| self.columns.get(group).cloned());
        Ok(Table { rows, features, target: self.columns[self.target].clone(), group, groups: self.groups })
    }
}
