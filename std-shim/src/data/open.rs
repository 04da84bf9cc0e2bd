//! Data of whatever kind.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::name;
use super::records::{endings, is_table};
use super::{
    Columns, DataFault, DataSplit, ImageFolder, TableOptions, cifar, digits, idx, is_rows, npz, read_table, split,
    split_groups,
};
use crate::error::{Error, Result};

/// The classes of MNIST, Fashion-MNIST and their like.
const IDX_CLASSES: usize = 10;
/// The split is part of the data and not of a run: it has a seed of its own.
const SPLIT_SEED: u64 = 0;

/// How to read data; what does not fit its kind is refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenOptions {
    /// Of a table: what its columns are for.
    pub table: TableOptions,
    /// The share of the samples for testing, if the data does not say: 0.2 if not set.
    pub split: Option<f64>,
    /// Of a folder of images: the height and width that all are brought to.
    pub resize: Option<usize>,
}

/// Data that was recognized.
#[derive(Clone)]
pub struct Opened {
    /// The two parts.
    pub split: DataSplit,
    /// What the columns of a table are called, if it says so.
    pub columns: Option<Columns>,
    /// Samples are decoded each time they are read: workers are worth it.
    pub streams: bool,
    /// Samples are small, rows of numbers or the digits: training takes many passes in small batches.
    pub small: bool,
}

impl Opened {
    fn new(split: DataSplit, columns: Option<Columns>, streams: bool) -> Self {
        let small = is_rows(&split.train);
        Self { split, columns, streams, small }
    }
}

/// Opens what the path is: a table (`.csv`, `.tsv`), an archive of arrays (`.npz`: `x` and `y`, or `x_train`,
/// `y_train`, `x_test` and `y_test`), a folder of CIFAR's binary files, of IDX files ([`idx`]), or of folders of images
/// ([`ImageFolder`]): with `train` and `test` (or `val`) if it has these, else one part is split off.
///
/// # Errors
///
/// Those of the readers; [`Error::Setting`] for an option that does not fit.
///
/// ```
/// use flatgrad::data::{Dataset, OpenOptions, open};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("and.csv");
/// std::fs::write(&path, "a,b,and\n".to_string() + &"0,0,no\n1,1,yes\n".repeat(5))?;
/// let data = open(&path, &OpenOptions { split: Some(0.4), ..OpenOptions::default() })?.split;
/// assert_eq!((data.train.len(), data.test.len(), data.train.shape()), (6, 4, [2, 1, 1]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn open(path: &Path, options: &OpenOptions) -> Result<Opened> {
    let kind = Kind::of(path)?;
    kind.check(options)?;
    let memory = |split| Opened::new(split, None, false);
    match kind {
        Kind::Table => open_table(path, options),
        Kind::Arrays => open_arrays(path, options).map(memory),
        Kind::Cifar => cifar::read_folder(path).map(DataSplit::shared).map(memory),
        Kind::Idx => idx::read_folder(path, IDX_CLASSES).map(DataSplit::shared).map(memory),
        Kind::Folder { train, test } => {
            let resize = options.resize.map(|side| [side, side]);
            let split = match test {
                Some(test) => {
                    let train = ImageFolder::open(&train, resize)?;
                    let test = train.open_like(&test)?.named(name(path));
                    DataSplit { train: train.named(name(path)), test }.shared()
                }
                None => {
                    let all = Arc::new(ImageFolder::open(&train, resize)?.named(name(path)));
                    split(all, options.split.unwrap_or(0.2), SPLIT_SEED)?.shared()
                }
            };
            Ok(Opened::new(split, None, true))
        }
    }
}

fn open_table(path: &Path, options: &OpenOptions) -> Result<Opened> {
    let share = options.split.unwrap_or(0.2);
    let table = read_table(path, &options.table)?;
    let columns = table.columns().filter(|_| options.table.header);
    let rows = Arc::new(table.rows);
    let parts = match &options.table.group {
        Some(_) => split_groups(rows, &table.groups, share, SPLIT_SEED),
        None => split(rows, share, SPLIT_SEED),
    };
    Ok(Opened::new(parts?.shared(), columns, false))
}

/// The [`digits`], as data of a path.
///
/// # Errors
///
/// [`Error::Setting`] for the first option that is set: the digits need none.
pub fn open_digits(options: &OpenOptions) -> Result<Opened> {
    Kind::Idx.check(options)?;
    Ok(Opened { small: true, ..Opened::new(digits()?.shared(), None, false) })
}

fn open_arrays(path: &Path, options: &OpenOptions) -> Result<DataSplit> {
    let mut parts = npz::read(path, options.table.regression)?.into_iter();
    match (parts.next(), parts.next()) {
        (Some(_), Some(_)) if options.split.is_some() => Err(Error::setting("split", SAYS_ITSELF)),
        (Some(train), Some(test)) => Ok(DataSplit { train, test }),
        (Some(all), None) => Ok(split(all, options.split.unwrap_or(0.2), SPLIT_SEED)?.shared()),
        (None, _) => Err(Error::data(path.display(), DataFault::Empty)),
    }
}

const SAYS_ITSELF: &str = "the data says itself what is for testing";

enum Kind {
    Table,
    Arrays,
    Cifar,
    Idx,
    Folder { train: PathBuf, test: Option<PathBuf> },
}

impl Kind {
    fn of(path: &Path) -> Result<Self> {
        if path.is_file() {
            if is_table(path) {
                return Ok(Self::Table);
            }
            if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz")) {
                return Ok(Self::Arrays);
            }
            let fault = format!("{} is not a folder, {} or .npz", path.display(), endings());
            return Err(Error::setting("data", fault));
        }
        if cifar::is_cifar(path) {
            return Ok(Self::Cifar);
        }
        let entries = std::fs::read_dir(path).map_err(Error::io(path))?.filter_map(|entry| Some(entry.ok()?.path()));
        if !entries.into_iter().any(|entry| entry.is_dir()) || idx::is_idx(path) {
            // The reader says what is missing.
            return Ok(Self::Idx);
        }
        let part = |names: &[&str]| names.iter().map(|name| path.join(name)).find(|folder| folder.is_dir());
        match part(&["train"]) {
            Some(train) => Ok(Self::Folder { train, test: part(&["test", "val", "valid"]) }),
            None => Ok(Self::Folder { train: path.to_owned(), test: None }),
        }
    }

    /// Whether the options are for data of this kind.
    fn check(&self, options: &OpenOptions) -> Result {
        let (table, images) = (matches!(self, Self::Table), matches!(self, Self::Folder { .. }));
        let arrays = matches!(self, Self::Arrays);
        let splits = table || arrays || matches!(self, Self::Folder { test: None, .. });
        let TableOptions { target, regression, header, group } = &options.table;
        let faults = [
            ("target", target.is_some() && !table, "only a table has columns"),
            ("group", group.is_some() && !table, "only a table has columns"),
            ("regression", *regression && !table && !arrays, "only a table or .npz has numbers to predict"),
            ("header", !header && !table, "only a table has a header"),
            ("resize", options.resize.is_some() && !images, "only images in a folder are resized"),
            ("split", options.split.is_some() && !splits, SAYS_ITSELF),
        ];
        match faults.into_iter().find(|&(_, wrong, _)| wrong) {
            Some((what, _, fault)) => Err(Error::setting(what, fault)),
            None => Ok(()),
        }
    }
}
