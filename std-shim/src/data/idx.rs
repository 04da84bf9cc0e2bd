//! IDX files, the format of MNIST and Fashion-MNIST: raw or gzip.
//!
//! A file is `00 00 08 d`, then `d` dimensions as big-endian `u32`, then one byte per element. Nothing in it is
//! believed: memory grows with the bytes that are really there and never with what a header promises.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::folder::name;
use super::{DataFault, DataSplit, Dataset, Images};
use crate::error::{Error, Result};

/// The largest file this reader accepts, unpacked: 1 GiB (MNIST has 47 MB, EMNIST 547 MB).
pub const MAX_BYTES: u64 = 1 << 30;

/// The content of one IDX file of bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Idx {
    /// The dimensions, outermost first.
    pub dims: Vec<usize>,
    /// One byte per element.
    pub bytes: Vec<u8>,
}

/// Reads the folder's `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
/// `t10k-labels-idx1-ubyte`, each raw or as `.gz`; `train-images.idx3-ubyte` and so on are found as well.
///
/// # Errors
///
/// [`Error::Io`] or [`Error::Data`], naming the file and its fault.
pub fn read_folder(folder: &Path, classes: usize) -> Result<DataSplit<Images>> {
    // A missing folder is a clearer fault than four missing files.
    std::fs::read_dir(folder).map_err(Error::io(folder))?;
    // All four files are looked for before the first is read.
    let paths = ["train", "t10k"].map(|part| (find(folder, part, "images-idx3"), find(folder, part, "labels-idx1")));
    let [train, test] = paths;
    let (train, test) = ((train.0?, train.1?), (test.0?, test.1?));

    let name = name(folder);
    let train = read_part(&name, &train.0, &train.1, classes)?;
    let images = test.0.clone();
    let test = read_part(&name, &test.0, &test.1, classes)?;
    let (expected, found) = (train.shape(), test.shape());
    if expected != found {
        let fault = DataFault::Size { found: [found[1], found[2]], expected: [expected[1], expected[2]] };
        return Err(Error::data(images.display(), fault));
    }
    Ok(DataSplit { train, test })
}

/// Whether the folder has the images of a training part.
pub fn is_idx(folder: &Path) -> bool {
    find(folder, "train", "images-idx3").is_ok()
}

/// Reads one file, raw or gzip whatever its name says, that must have this many dimensions.
///
/// # Errors
///
/// [`Error::Io`] or [`Error::Data`], naming the file and its fault.
pub fn read(path: &Path, dims: usize) -> Result<Idx> {
    let file = File::open(path).map_err(Error::io(path))?;
    let mut file = BufReader::new(file);
    let start = std::io::BufRead::fill_buf(&mut file).map_err(Error::io(path))?;
    // An IDX file starts with two zeros, so the two cannot be confused.
    if start.starts_with(&[0x1f, 0x8b]) {
        parse(path, &mut MultiGzDecoder::new(file), dims)
    } else {
        parse(path, &mut file, dims)
    }
}

/// A data set from two streams in IDX format: images `[n, h, w]` and labels `[n]`.
pub(super) fn dataset(
    name: &str,
    images: &mut dyn Read,
    labels: &mut dyn Read,
    classes: usize,
    white: u8,
) -> Result<Images> {
    let images = parse(Path::new(name), images, 3)?;
    let labels = parse(Path::new(name), labels, 1)?;
    assemble(name, images, labels, classes, white)
}

fn read_part(name: &str, images_file: &Path, labels_file: &Path, classes: usize) -> Result<Images> {
    let images = read(images_file, 3)?;
    let labels = read(labels_file, 1)?;
    if images.dims[0] != labels.dims[0] {
        let images_file = PathBuf::from(images_file.file_name().unwrap_or_default());
        let fault = DataFault::Count { labels: labels.dims[0], images: images.dims[0], images_file };
        return Err(Error::data(labels_file.display(), fault));
    }
    assemble(name, images, labels, classes, u8::MAX).map_err(|error| match error {
        Error::Data { fault: fault @ DataFault::Label { .. }, .. } => Error::data(labels_file.display(), fault),
        Error::Data { fault, .. } => Error::data(images_file.display(), fault),
        other => other,
    })
}

fn assemble(name: &str, images: Idx, labels: Idx, classes: usize, white: u8) -> Result<Images> {
    let shape = [1, images.dims[1], images.dims[2]];
    let labels = labels.bytes.into_iter().map(u32::from).collect();
    Images::new(name, shape, classes, white, images.bytes, labels)
}

/// The first of the usual names that the folder has.
fn find(folder: &Path, part: &str, kind: &str) -> Result<PathBuf> {
    let names = [format!("{part}-{kind}-ubyte"), format!("{part}-{}-ubyte", kind.replace('-', "."))];
    let candidates = names.iter().flat_map(|name| [folder.join(name), folder.join(format!("{name}.gz"))]);
    let found = candidates.into_iter().find(|path| path.is_file());
    found.ok_or_else(|| Error::data(folder.display(), DataFault::NoFile { names }))
}

fn parse(origin: &Path, source: &mut dyn Read, dims: usize) -> Result<Idx> {
    let failed = |fault| Error::data(origin.display(), fault);
    let header = read_up_to(origin, source, 4 + 4 * dims as u64)?;
    let (magic, sizes) = header.split_at(header.len().min(4));
    let expected = [0, 0, 8, dims as u8];
    if magic != &expected[..magic.len()] {
        let mut found = [0; 4];
        found[..magic.len()].copy_from_slice(magic);
        return Err(failed(DataFault::Magic { dims, found }));
    }
    if sizes.len() != 4 * dims {
        return Err(failed(DataFault::Header { needed: 4 + 4 * dims, actual: header.len() }));
    }
    let sizes: Vec<u32> = sizes.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])).collect();
    let promised = sizes.iter().try_fold(1u64, |product, &d| product.checked_mul(u64::from(d)));
    let Some(promised) = promised.filter(|&p| p <= MAX_BYTES) else {
        return Err(failed(DataFault::Limit { dims: sizes, limit: MAX_BYTES }));
    };
    // One byte more than promised: to see that the file ends there, and, in a gzip file, to have its checksum checked.
    let bytes = read_up_to(origin, source, promised + 1)?;
    let actual = bytes.len() as u64;
    match actual.cmp(&promised) {
        std::cmp::Ordering::Less => Err(failed(DataFault::Truncated { promised, actual })),
        std::cmp::Ordering::Greater => Err(failed(DataFault::Trailing { promised })),
        std::cmp::Ordering::Equal => Ok(Idx { dims: sizes.into_iter().map(|d| d as usize).collect(), bytes }),
    }
}

/// At most `limit` bytes; the vector grows as they come.
fn read_up_to(origin: &Path, source: &mut dyn Read, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit).read_to_end(&mut bytes).map_err(|error| match error.kind() {
        // What flate2 says of a stream that is cut short or damaged; a plain file gives neither.
        ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData => {
            Error::data(origin.display(), DataFault::Gzip(error.to_string()))
        }
        _ => Error::io(origin)(error),
    })?;
    Ok(bytes)
}
