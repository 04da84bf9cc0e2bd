//! IDX files: good ones in every form, and files that lie.
#![allow(missing_docs, reason = "a test")]

mod common;

use common::*;
use flatgrad::data::Dataset;
use flatgrad::data::idx::{self, MAX_BYTES};
use flatgrad::{DataFault, Error};

/// The fault found in the folder, and the name of the file (or folder) it is found in.
#[track_caller]
fn fault(folder: &Folder) -> (String, DataFault) {
    match idx::read_folder(folder.path(), 10) {
        Err(Error::Data { origin, fault }) => (origin.rsplit(['/', '\\']).next().unwrap().to_string(), fault),
        other => panic!("expected a fault, got {other:?}"),
    }
}

#[test]
fn raw_and_gzip_and_both_spellings_read_the_same() {
    let raw = Folder::new(6);
    let expected = idx::read_folder(raw.path(), 10).unwrap();
    assert_eq!((expected.train.len(), expected.test.len(), expected.train.shape()), (40, 20, [1, 6, 6]));
    let (images, labels) = samples(40, 6);
    assert_eq!(expected.train.images(), images);
    assert_eq!(expected.train.labels().iter().map(|&l| l as u8).collect::<Vec<_>>(), labels);

    let other = Folder::empty();
    for (i, name) in [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS].into_iter().enumerate() {
        let content = std::fs::read(raw.file(name)).unwrap();
        let dotted = name.replace("-idx", ".idx");
        match i {
            0 => other.write(&format!("{name}.gz"), &gzip(&content)),
            1 => other.write(&format!("{dotted}.gz"), &gzip(&content)),
            2 => other.write(&dotted, &content),
            // Compressed although the name does not say so: some download tools drop the ending.
            _ => other.write(name, &gzip(&content)),
        }
    }
    let read = idx::read_folder(other.path(), 10).unwrap();
    assert_eq!(read.train.images(), expected.train.images());
    assert_eq!(read.train.labels(), expected.train.labels());
    assert_eq!(read.test.images(), expected.test.images());
    assert_eq!(read.test.labels(), expected.test.labels());
}

#[test]
fn a_missing_folder_is_named() {
    let folder = Folder::empty();
    let missing = folder.file("nowhere");
    match idx::read_folder(&missing, 10) {
        Err(Error::Io { path, .. }) => assert_eq!(path, missing),
        other => panic!("{other:?}"),
    }
}

#[test]
fn missing_files_are_named() {
    let (_, found) = fault(&Folder::empty());
    assert!(found.to_string().contains(TRAIN_IMAGES), "{found}");
    for name in [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS] {
        let folder = Folder::new(4);
        folder.remove(name);
        let (_, found) = fault(&folder);
        assert!(matches!(&found, DataFault::NoFile { names } if names[0] == name), "{found:?}");
    }
}

#[test]
fn other_files_are_not_idx_files() {
    let text = b"<!DOCTYPE html><title>404</title>".to_vec();
    // Floats, and images where labels should be.
    let floats = [&[0, 0, 13, 1][..], &[0; 20]].concat();
    for content in [text, floats, idx(&[40, 1, 1], &[0; 40])] {
        let folder = Folder::new(4);
        folder.write(TRAIN_LABELS, &content);
        let (file, found) = fault(&folder);
        assert_eq!(file, TRAIN_LABELS);
        assert!(matches!(found, DataFault::Magic { dims: 1, .. }), "{found:?}");
    }
}

#[test]
fn every_cut_of_the_header_is_a_fault() {
    let header = idx(&[40, 4, 4], &[]);
    for len in 0..header.len() {
        let folder = Folder::new(4);
        folder.write(TRAIN_IMAGES, &header[..len]);
        let (file, found) = fault(&folder);
        assert_eq!((file.as_str(), found), (TRAIN_IMAGES, DataFault::Header { needed: 16, actual: len }));
    }
}

#[test]
fn a_file_cut_short_or_too_long_is_a_fault() {
    let (images, _) = samples(40, 4);
    let whole = idx(&[40, 4, 4], &images);
    for gz in [false, true] {
        let wrap = |content: &[u8]| if gz { gzip(content) } else { content.to_vec() };
        let folder = Folder::new(4);
        folder.write(TRAIN_IMAGES, &wrap(&whole[..whole.len() - 1]));
        assert_eq!(fault(&folder), (TRAIN_IMAGES.into(), DataFault::Truncated { promised: 640, actual: 639 }));
        folder.write(TRAIN_IMAGES, &wrap(&[&whole[..], &[7]].concat()));
        assert_eq!(fault(&folder), (TRAIN_IMAGES.into(), DataFault::Trailing { promised: 640 }));
    }
}

#[test]
fn every_cut_of_a_gzip_file_is_a_fault() {
    let (images, _) = samples(40, 4);
    let compressed = gzip(&idx(&[40, 4, 4], &images));
    let folder = Folder::new(4);
    folder.remove(TRAIN_IMAGES);
    let name = format!("{TRAIN_IMAGES}.gz");
    // From 2 on: shorter files are not recognized as gzip, and the checksum at the very end counts as well.
    for len in 2..compressed.len() {
        folder.write(&name, &compressed[..len]);
        let (file, found) = fault(&folder);
        assert_eq!(file, name);
        assert!(matches!(found, DataFault::Gzip(_)), "cut at {len}: {found:?}");
    }
    let mut damaged = compressed.clone();
    let crc = damaged.len() - 8;
    damaged[crc] ^= 1;
    folder.write(&name, &damaged);
    assert!(matches!(fault(&folder).1, DataFault::Gzip(_)));
}

#[test]
fn a_header_that_promises_gigabytes_is_refused_before_memory_is_taken() {
    let folder = Folder::new(4);
    for dims in [[1 << 16, 1 << 8, 1 << 8], [u32::MAX; 3], [u32::MAX, 1, 1]] {
        for gz in [false, true] {
            let content = idx(&dims, &[1; 100]);
            folder.write(TRAIN_IMAGES, &if gz { gzip(&content) } else { content });
            let (file, found) = fault(&folder);
            assert_eq!(file, TRAIN_IMAGES);
            assert_eq!(found, DataFault::Limit { dims: dims.to_vec(), limit: MAX_BYTES });
        }
    }
    // Just within the limit: only what is there is read.
    folder.write(TRAIN_IMAGES, &idx(&[1 << 14, 1 << 8, 1 << 8], &[1; 100]));
    assert_eq!(fault(&folder).1, DataFault::Truncated { promised: MAX_BYTES, actual: 100 });
}

#[test]
#[cfg(target_os = "linux")]
fn memory_follows_the_bytes_and_not_the_promise() {
    let before = flatgrad::report::peak_memory().unwrap();
    let folder = Folder::new(4);
    folder.write(TRAIN_IMAGES, &idx(&[1 << 14, 1 << 8, 1 << 8], &[1; 100]));
    for _ in 0..3 {
        fault(&folder);
    }
    let grown = flatgrad::report::peak_memory().unwrap() - before;
    assert!(grown < 256 << 20, "1 GiB promised, 100 bytes there, but the peak grew by {grown} bytes");
}

#[test]
fn images_and_labels_must_pair_up() {
    let folder = Folder::new(4);
    folder.write(TEST_LABELS, &idx(&[19], &[0; 19]));
    let (file, found) = fault(&folder);
    assert_eq!(file, TEST_LABELS);
    assert!(matches!(found, DataFault::Count { labels: 19, images: 20, .. }), "{found:?}");
}

#[test]
fn labels_must_be_classes() {
    let folder = Folder::new(4);
    let mut labels = [3; 40];
    labels[17] = 10;
    folder.write(TRAIN_LABELS, &idx(&[40], &labels));
    assert_eq!(fault(&folder), (TRAIN_LABELS.into(), DataFault::Label { index: 17, label: 10, classes: 10 }));
    assert!(idx::read_folder(folder.path(), 11).is_ok());
}

#[test]
fn empty_images_and_no_images_are_faults() {
    let folder = Folder::new(4);
    folder.write(TRAIN_IMAGES, &idx(&[40, 0, 4], &[]));
    assert!(matches!(fault(&folder).1, DataFault::NoPixels { height: 0, width: 4, .. }));
    folder.write(TRAIN_IMAGES, &idx(&[0, 4, 4], &[]));
    folder.write(TRAIN_LABELS, &idx(&[0], &[]));
    assert_eq!(fault(&folder).1, DataFault::Empty);
}

#[test]
fn test_images_have_the_size_of_the_training_images() {
    let folder = Folder::new(4);
    folder.write(TEST_IMAGES, &idx(&[20, 2, 8], &[1; 320]));
    let expected = DataFault::Size { found: [2, 8], expected: [4, 4] };
    assert_eq!(fault(&folder), (TEST_IMAGES.into(), expected));
}
