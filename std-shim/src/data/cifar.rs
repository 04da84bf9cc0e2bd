//! CIFAR-10 and CIFAR-100 in their binary versions.
//!
//! A file is a run of records without a header: the label (CIFAR-100: the coarse one, then the fine one), then 3,072
//! bytes, the red, green and blue planes of an image of 32 by 32.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::folder::name;
use super::{DataFault, DataSplit, Images, Targets};
use crate::error::{Error, Result};

const SHAPE: [usize; 3] = [3, 32, 32];
const PIXELS: usize = 3 * 32 * 32;
/// A larger file is not one of CIFAR's: the largest has 154 MB.
pub const MAX_BYTES: u64 = 1 << 28;
/// The largest file of names that is read.
const MAX_NAMES: u64 = 1 << 16;

/// One of the two data sets.
struct Variant {
    /// Bytes before the image; the last is the label.
    labels: usize,
    classes: usize,
    names: &'static str,
}

const CIFAR_10: Variant = Variant { labels: 1, classes: 10, names: "batches.meta.txt" };
const CIFAR_100: Variant = Variant { labels: 2, classes: 100, names: "fine_label_names.txt" };

/// Whether the folder has the files of one of the two.
pub fn is_cifar(folder: &Path) -> bool {
    ["data_batch_1.bin", "train.bin"].iter().any(|file| folder.join(file).is_file())
}

/// Reads the folder's `data_batch_1.bin` and so on and `test_batch.bin` (CIFAR-10), or `train.bin` and `test.bin`
/// (CIFAR-100, with its 100 fine labels). Classes have the names in `batches.meta.txt` or `fine_label_names.txt`, if
/// these are there.
///
/// # Errors
///
/// [`Error::Io`] or [`Error::Data`], naming the file and its fault.
pub fn read_folder(folder: &Path) -> Result<DataSplit<Images>> {
    let (variant, train, test) = if folder.join("train.bin").is_file() {
        (CIFAR_100, vec![folder.join("train.bin")], folder.join("test.bin"))
    } else {
        let batches = (1..).map(|i| folder.join(format!("data_batch_{i}.bin"))).take_while(|path| path.is_file());
        (CIFAR_10, batches.collect(), folder.join("test_batch.bin"))
    };
    let names = class_names(&folder.join(variant.names), variant.classes);
    let part = |files: &[PathBuf]| read_files(&name(folder), files, &variant, &names);
    if train.is_empty() {
        let names = ["data_batch_1.bin", "train.bin"].map(String::from);
        return Err(Error::data(folder.display(), DataFault::NoFile { names }));
    }
    Ok(DataSplit { train: part(&train)?, test: part(&[test])? })
}

fn read_files(name: &str, files: &[PathBuf], variant: &Variant, names: &[String]) -> Result<Images> {
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for file in files {
        let bytes = read_file(file, variant)?;
        for record in bytes.chunks_exact(variant.labels + PIXELS) {
            let (label, image) = record.split_at(variant.labels);
            let label = label.last().copied().map_or(0, u32::from);
            if label as usize >= variant.classes {
                let fault = DataFault::Label { index: labels.len(), label, classes: variant.classes };
                return Err(Error::data(file.display(), fault));
            }
            labels.push(label);
            images.extend_from_slice(image);
        }
    }
    let targets = Targets::classes(names.to_vec(), labels).map_err(|fault| Error::data(name, fault))?;
    Images::with_targets(name, SHAPE, u8::MAX, images, targets)
}

fn read_file(path: &Path, variant: &Variant) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(Error::io(path))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io(path))?;
    let record = variant.labels + PIXELS;
    let fault = if bytes.len() as u64 > MAX_BYTES {
        format!("more than {} MB: not a file of CIFAR-{}", MAX_BYTES >> 20, variant.classes)
    } else if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
        format!("{} bytes are not a whole number of CIFAR-{}'s records of {record}", bytes.len(), variant.classes)
    } else {
        return Ok(bytes);
    };
    Err(Error::data(path.display(), DataFault::Format(fault)))
}

/// The names in a file, a line each; numbers if there are not just as many as classes.
fn class_names(path: &Path, classes: usize) -> Vec<String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_NAMES).read_to_string(&mut text));
    let names: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from).collect();
    if read.is_ok() && names.len() == classes { names } else { (0..classes).map(|class| class.to_string()).collect() }
}
