//! Samples without targets: what a network is asked about.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use csv::ByteRecord;

use super::records::{Checked, each_record, field_number, names};
use super::{Columns, DataFault, Dataset, Floats, Targets, npy, npz};
use crate::error::{Error, Result};

/// Which columns of a table are a network's features.
///
/// ```
/// use flatgrad::data::{Columns, Dataset, FeatureOptions};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("new.csv");
/// std::fs::write(&path, "width,length\n3.5,5.1\n")?;
/// let columns = Columns { features: vec!["length".into(), "width".into()], target: "species".into(), group: None };
/// let rows = FeatureOptions { count: 2, columns: Some(&columns), target: None, header: true }.read(&path)?;
/// assert_eq!((rows.shape(), rows.sample(0)), ([2, 1, 1], &[5.1, 3.5][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FeatureOptions<'a> {
    /// How many features there must be.
    pub count: usize,
    /// Their names, if they are known; else the columns are the features in order.
    pub columns: Option<&'a Columns>,
    /// The column that holds the target, by name or by number from 1, if there is one and it is not the last, nor
    /// called as in training.
    pub target: Option<&'a str>,
    /// The first line holds the names of the columns.
    pub header: bool,
}

impl FeatureOptions<'_> {
    /// Reads a table as [`read_table`](super::read_table) does; a column with the target may be there or be missing,
    /// and is not looked at. All targets of the result are 0.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Data`] with the file and the line and column of what is wrong, or the column that is
    /// missing or one too many.
    pub fn read(&self, path: &Path) -> Result<Floats> {
        let failed = |fault| Error::data(path.display(), fault);
        let (mut chosen, mut columns, mut values) = (None, Vec::new(), Vec::new());
        each_record(path, |record| {
            let places = match &chosen {
                Some(places) => places,
                None => {
                    // As networks keep them.
                    columns = names(record, self.header);
                    columns.iter_mut().for_each(|name| *name = name.replace(char::is_control, "\u{fffd}"));
                    let places = chosen.insert(self.choose(&columns)?);
                    if self.header {
                        return Ok(());
                    }
                    places
                }
            };
            row(record, &columns, places, &mut values)
        })?;
        let rows = values.len() / self.count.max(1);
        let targets = Targets::values(1, vec![0.0; rows]).map_err(failed)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Floats::new(name, [self.count, 1, 1], values, targets)
    }

    /// The place of each feature.
    fn choose(&self, columns: &[String]) -> Checked<Vec<usize>> {
        let numbered = |wanted: &str| wanted.parse::<usize>().ok()?.checked_sub(1).filter(|&i| i < columns.len());
        let find = |wanted: &str| columns.iter().position(|name| name == wanted).or_else(|| numbered(wanted));
        let missing = |wanted: &str| DataFault::NoColumn { wanted: wanted.to_string(), names: columns.to_vec() };
        let target = self.target.map(|wanted| find(wanted).ok_or_else(|| missing(wanted))).transpose()?;
        match self.columns {
            Some(known) if self.header => self.by_name(known, columns, target),
            _ => self.by_number(columns.len(), target),
        }
    }

    fn by_name(&self, known: &Columns, columns: &[String], target: Option<usize>) -> Checked<Vec<usize>> {
        let mut places = Vec::with_capacity(self.count);
        for feature in &known.features {
            let mut found = (0..columns.len()).filter(|&i| Some(i) != target && columns[i] == *feature);
            let place = found.next();
            places.push(place.ok_or_else(|| DataFault::NoColumn { wanted: feature.clone(), names: columns.to_vec() })?);
            if let Some(again) = found.next() {
                return Err(DataFault::Format(format!("column {} is a second {feature:?}", again + 1)));
            }
        }
        let known = |name: &String| {
            known.features.contains(name) || *name == known.target || known.group.as_ref() == Some(name)
        };
        match columns.iter().enumerate().find(|&(i, name)| Some(i) != target && !known(name)) {
            Some((i, name)) => {
                let fault = format!("column {} ({name}) is none of those on which the network was trained", i + 1);
                Err(DataFault::Format(fault))
            }
            None => Ok(places),
        }
    }

    fn by_number(&self, columns: usize, target: Option<usize>) -> Checked<Vec<usize>> {
        let left_out = match target {
            None if columns == self.count + 1 => Some(self.count),
            target => target,
        };
        let places: Vec<usize> = (0..columns).filter(|&i| Some(i) != left_out).collect();
        if places.len() == self.count {
            return Ok(places);
        }
        let count = self.count;
        let fault = format!("{columns} columns; the network takes {count}, and the target may be one more");
        Err(DataFault::Format(fault))
    }
}

fn row(record: &ByteRecord, columns: &[String], places: &[usize], values: &mut Vec<f32>) -> Checked<()> {
    if record.len() != columns.len() {
        let line = record.position().map_or(0, csv::Position::line);
        return Err(DataFault::Ragged { line, found: record.len(), expected: columns.len() });
    }
    for &place in places {
        values.push(field_number(record, place, columns)?);
    }
    Ok(())
}

/// Reads the samples of an `.npy` file, or the array `x` (or `x_test`) of an `.npz` file: `[n, columns]`, `[n, h, w]`
/// or `[n, c, h, w]`. All targets of the result are 0.
///
/// # Errors
///
/// [`Error::Io`]; [`Error::Data`] with the file and what is wrong.
///
/// ```
/// use flatgrad::data::{Dataset, read_samples};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("x.npy");
/// let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }";
/// let len = (header.len() as u16).to_le_bytes();
/// let file = [b"\x93NUMPY\x01\x00", &len[..], header.as_bytes(), &[1, 2, 3, 4, 5, 6]].concat();
/// std::fs::write(&path, file)?;
/// assert_eq!(read_samples(&path)?.shape(), [3, 1, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_samples(path: &Path) -> Result<Arc<dyn Dataset>> {
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz")) {
        return npz::read_samples(path);
    }
    let failed = |fault| Error::data(path.display(), fault);
    let file = File::open(path).map_err(Error::io(path))?;
    let array = npy::read(&mut BufReader::new(file)).map_err(failed)?;
    npz::unlabelled(path, array)
}
