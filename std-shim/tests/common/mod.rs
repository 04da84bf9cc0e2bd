//! Small data: digits, and IDX files, good and bad, in temporary folders.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(missing_docs, reason = "test support")]

pub mod arrays;
pub mod program;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flatgrad::data::{self, DataSplit, Images};
use tempfile::TempDir;

pub const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
pub const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
pub const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
pub const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

/// 100 digits for training, 30 for testing: neither is a whole number of batches of 16.
pub fn small() -> DataSplit<Images> {
    let digits = data::digits().unwrap();
    DataSplit {
        train: digits.train.filter("train", |i| i < 100).unwrap(),
        test: digits.test.filter("test", |i| i < 30).unwrap(),
    }
}

/// An IDX file with this header, whatever the data.
pub fn idx(dims: &[u32], data: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dims.len() as u8];
    file.extend(dims.iter().flat_map(|d| d.to_be_bytes()));
    file.extend(data);
    file
}

pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// `n` images of `side` by `side`: noise with one bright row that tells the class, and their labels.
pub fn samples(n: usize, side: usize) -> (Vec<u8>, Vec<u8>) {
    let labels: Vec<u8> = (0..n).map(|i| (i % 10) as u8).collect();
    let images = (0..n * side * side).map(|p| {
        let (i, row) = (p / (side * side), p / side % side);
        if row == i % 10 % side { 200 } else { (p.wrapping_mul(2_654_435_761) >> 13) as u8 % 60 }
    });
    (images.collect(), labels)
}

/// A small data set of `side` by `side` images in a temporary folder; single files can then be spoilt.
pub struct Folder(TempDir);

impl Folder {
    pub fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    pub fn new(side: usize) -> Self {
        let folder = Self::empty();
        for (images_file, labels_file, n) in [(TRAIN_IMAGES, TRAIN_LABELS, 40), (TEST_IMAGES, TEST_LABELS, 20)] {
            let (images, labels) = samples(n, side);
            folder.write(images_file, &idx(&[n as u32, side as u32, side as u32], &images));
            folder.write(labels_file, &idx(&[n as u32], &labels));
        }
        folder
    }
    pub fn path(&self) -> &Path {
        self.0.path()
    }
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
    pub fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.file(name), content).unwrap();
    }
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.file(name)).unwrap();
    }
    /// Names of all files, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}
