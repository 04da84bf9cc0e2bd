//! NumPy's archives, `.npz`: a zip file of arrays.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::DeflateDecoder;

use super::npy::{self, Array, Elements};
use super::{DataFault, Dataset, Floats, Images, Targets};
use crate::error::{Error, Result};

/// More arrays than this are not read.
const MAX_ENTRIES: u64 = 1000;
/// Labels from here on are no classes.
const MAX_CLASSES: i64 = 1 << 16;
/// The longest end of a zip file: 22 bytes, and a comment.
const MAX_END: u64 = 22 + 65_535;

/// A data set and its samples' shape, of either type.
pub(super) type Part = std::sync::Arc<dyn Dataset>;

/// The arrays of an archive that stand for data: one part, or a training and a test part.
///
/// The names are `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`. `x` is `[n, columns]`, `[n, h, w]` or
/// `[n, c, h, w]`, of `uint8` or numbers; `y` is `[n]` of integers from 0 on (classes), or numbers to predict, `[n]` or
/// `[n, outputs]`; integers are numbers, too, with `regression`.
///
/// # Errors
///
/// [`Error::Io`] or [`Error::Data`], naming the file, the array and its fault.
pub(super) fn read(path: &Path, regression: bool) -> Result<Vec<Part>> {
    let mut archive = Archive::open(path)?;
    let pairs: &[[&str; 2]] =
        if archive.has("x_train") { &[["x_train", "y_train"], ["x_test", "y_test"]] } else { &[["x", "y"]] };
    let arrays = pairs.iter().map(|[x, y]| Ok([(*x, archive.array(x)?), (*y, archive.array(y)?)]));
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    let classes = arrays.iter().filter_map(|[_, (_, y)]| match &y.elements {
        Elements::Bytes(labels) => labels.iter().max().map(|&label| i64::from(label) + 1),
        Elements::Integers(labels) => labels.iter().max().map(|&label| label.saturating_add(1)),
        Elements::Floats(_) => None,
    });
    let classes = classes.max().map(|classes| classes.min(MAX_CLASSES)).filter(|_| !regression);
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let part = |[(x_name, x), (y_name, y)]: [(&str, Array); 2]| {
        let failed = |array: &str, fault| Error::data(format!("{}: {array}", path.display()), fault);
        let targets = targets(y, classes).map_err(|fault| failed(y_name, fault))?;
        samples(&name, x, targets).map_err(|error| match error {
            Error::Data { fault, .. } => failed(x_name, fault),
            other => other,
        })
    };
    arrays.into_iter().map(part).collect()
}

fn targets(y: Array, classes: Option<i64>) -> std::result::Result<Targets, DataFault> {
    let outputs = match y.shape[..] {
        [_] => 1,
        [_, outputs] => outputs,
        _ => return Err(DataFault::Format(format!("targets of shape {:?}: [n] or [n, outputs]", y.shape))),
    };
    let integers = match y.elements {
        Elements::Floats(values) => return Targets::values(outputs, values),
        Elements::Bytes(labels) => labels.into_iter().map(i64::from).collect(),
        Elements::Integers(labels) => labels,
    };
    let Some(classes) = classes else {
        return Targets::values(outputs, integers.into_iter().map(|value| value as f32).collect());
    };
    let wrong = integers.iter().position(|label| !(0..MAX_CLASSES).contains(label));
    if let Some(index) = wrong {
        let fault = format!("label {} of sample {index} is no class: they are counted from 0", integers[index]);
        return Err(DataFault::Format(fault));
    }
    if outputs != 1 {
        return Err(DataFault::Format(format!("labels of shape {:?}: [n]", y.shape)));
    }
    let names = (0..classes).map(|class| class.to_string()).collect();
    Targets::classes(names, integers.into_iter().map(|label| label as u32).collect())
}

fn samples(name: &str, x: Array, targets: Targets) -> Result<Part> {
    let (n, shape) = match x.shape[..] {
        [n, columns] => (n, [columns, 1, 1]),
        [n, height, width] => (n, [1, height, width]),
        [n, channels, height, width] => (n, [channels, height, width]),
        _ => {
            let fault = format!("samples of shape {:?}: [n, columns], [n, h, w] or [n, c, h, w]", x.shape);
            return Err(Error::data(name, DataFault::Format(fault)));
        }
    };
    if n != targets.len() {
        let fault = format!("{n} samples, but {} targets", targets.len());
        return Err(Error::data(name, DataFault::Format(fault)));
    }
    Ok(match x.elements {
        Elements::Bytes(bytes) => std::sync::Arc::new(Images::with_targets(name, shape, u8::MAX, bytes, targets)?),
        Elements::Floats(values) => std::sync::Arc::new(Floats::new(name, shape, values, targets)?),
        Elements::Integers(values) => {
            let values = values.into_iter().map(|value| value as f32).collect();
            std::sync::Arc::new(Floats::new(name, shape, values, targets)?)
        }
    })
}

/// A zip file: its entries are in the directory at its end.
struct Archive {
    path: String,
    file: BufReader<File>,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    deflated: bool,
    packed: u64,
    offset: u64,
}

impl Archive {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path))?;
        let len = file.metadata().map_err(Error::io(path))?.len();
        let mut archive = Self { path: path.display().to_string(), file: BufReader::new(file), entries: Vec::new() };
        archive.directory(len).map_err(|fault| Error::data(&archive.path, fault))?;
        Ok(archive)
    }

    fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    fn directory(&mut self, len: u64) -> std::result::Result<(), DataFault> {
        let broken = || DataFault::Format("not an .npz file, or a damaged one".to_string());
        let start = len.saturating_sub(MAX_END);
        let end = self.bytes(start, len - start).ok_or_else(broken)?;
        let is_end = |at: usize| {
            end[at..].starts_with(b"PK\x05\x06")
                && little(&end, at + 20, 2).is_some_and(|comment| at as u64 + 22 + comment == end.len() as u64)
        };
        let at = (0..end.len()).rev().find(|&at| is_end(at)).ok_or_else(broken)?;
        let number = |at: usize, size: usize| little(&end, at, size);
        let (count, size) = (number(at + 10, 2).ok_or_else(broken)?, number(at + 12, 4).ok_or_else(broken)?);
        let offset = number(at + 16, 4).ok_or_else(broken)?;
        if count > MAX_ENTRIES || size > len || offset > len - size {
            return Err(broken());
        }
        let directory = self.bytes(offset, size).ok_or_else(broken)?;
        let mut rest = &directory[..];
        for _ in 0..count {
            let field = |at, size| little(rest, at, size).ok_or_else(broken);
            if !rest.starts_with(b"PK\x01\x02") {
                return Err(broken());
            }
            let [named, extra, comment] = [field(28, 2)?, field(30, 2)?, field(32, 2)?].map(|len| len as usize);
            let (method, packed, offset) = (field(10, 2)?, field(20, 4)?, field(42, 4)?);
            let text = String::from_utf8_lossy(rest.get(46..46 + named).ok_or_else(broken)?).into_owned();
            if !matches!(method, 0 | 8) || packed == u64::from(u32::MAX) || field(8, 2)? & 1 == 1 {
                return Err(DataFault::Format(format!("{text}: packed in a way that this reader does not know")));
            }
            let name = text.strip_suffix(".npy").unwrap_or(&text).to_string();
            self.entries.push(Entry { name, deflated: method == 8, packed, offset });
            rest = rest.get(46 + named + extra + comment..).ok_or_else(broken)?;
        }
        Ok(())
    }

    fn array(&mut self, name: &str) -> Result<Array> {
        let names = || self.entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(", ");
        let Some(entry) = self.entries.iter().find(|entry| entry.name == name) else {
            let fault = format!("no array {name:?}; there are {}", names());
            return Err(Error::data(&self.path, DataFault::Format(fault)));
        };
        let (deflated, packed, offset) = (entry.deflated, entry.packed, entry.offset);
        let origin = format!("{}: {name}", self.path);
        let header = self.bytes(offset, 30).filter(|header| header.starts_with(b"PK\x03\x04"));
        let skip = header.and_then(|header| Some(little(&header, 26, 2)? + little(&header, 28, 2)?));
        let start = skip.map(|skip| offset + 30 + skip);
        let sought = start.is_some_and(|start| self.file.seek(SeekFrom::Start(start)).is_ok());
        if !sought {
            return Err(Error::data(origin, DataFault::Format("a damaged archive".to_string())));
        }
        let mut content = (&mut self.file).take(packed);
        let array = if deflated { npy::read(&mut DeflateDecoder::new(content)) } else { npy::read(&mut content) };
        array.map_err(|fault| Error::data(origin, fault))
    }

    /// `len` bytes from `offset` on, if they are there.
    fn bytes(&mut self, offset: u64, len: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(offset)).ok()?;
        (&mut self.file).take(len).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 == len).then_some(bytes)
    }
}

/// A little-endian number of `size` bytes.
fn little(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(size)?)?;
    Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}
