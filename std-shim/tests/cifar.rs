//! CIFAR's binary files, and files that are not.
#![allow(missing_docs, reason = "a test")]

mod common;

use common::Folder;
use flatgrad::data::{Dataset, OpenOptions, Task, cifar, open};
use flatgrad::{DataFault, Error};

/// A record: its labels, and an image whose planes are `label`, `label + 1` and `label + 2`.
fn record(labels: &[u8]) -> Vec<u8> {
    let value = labels[labels.len() - 1];
    let planes = (0..3).flat_map(|plane| vec![value + plane; 1024]);
    labels.iter().copied().chain(planes).collect()
}

fn ten() -> Folder {
    let folder = Folder::empty();
    folder.write("data_batch_1.bin", &[record(&[3]), record(&[9])].concat());
    folder.write("data_batch_2.bin", &record(&[0]));
    folder.write("test_batch.bin", &record(&[5]));
    folder
}

#[track_caller]
fn fault(folder: &Folder) -> (String, DataFault) {
    match cifar::read_folder(folder.path()) {
        Err(Error::Data { origin, fault }) => (origin.rsplit('/').next().unwrap().to_string(), fault),
        other => panic!("expected a fault, got {other:?}"),
    }
}

#[test]
fn cifar_10_is_read_batch_after_batch() {
    let folder = ten();
    let data = cifar::read_folder(folder.path()).unwrap();
    assert_eq!((data.train.labels(), data.test.labels()), (&[3, 9, 0][..], &[5][..]));
    assert_eq!((data.train.shape(), data.train.task()), ([3, 32, 32], &Task::numbered(10)));
    let image = data.train.image(1);
    assert_eq!((image[0], image[1023], image[1024], image[3071]), (9, 9, 10, 11));
    let names: Vec<String> = (0..10).map(|i| format!("thing {i}")).collect();
    folder.write("batches.meta.txt", format!("{}\n\n", names.join("\n")).as_bytes());
    assert_eq!(open(folder.path(), &OpenOptions::default()).unwrap().split.test.task(), &Task::Classes { names });
}

#[test]
fn cifar_100_has_fine_labels() {
    let folder = Folder::empty();
    folder.write("train.bin", &[record(&[19, 99]), record(&[0, 4])].concat());
    folder.write("test.bin", &record(&[1, 7]));
    let data = cifar::read_folder(folder.path()).unwrap();
    assert_eq!((data.train.labels(), data.test.labels(), data.train.task().outputs()), (&[99, 4][..], &[7][..], 100));
}

#[test]
fn files_that_lie_are_named() {
    for content in [vec![], record(&[3])[..3072].to_vec(), [record(&[3]), vec![1]].concat()] {
        let folder = ten();
        folder.write("data_batch_2.bin", &content);
        let (file, found) = fault(&folder);
        assert_eq!(file, "data_batch_2.bin");
        assert!(found.to_string().contains("not a whole number"), "{found}");
    }
    let folder = ten();
    folder.write("test_batch.bin", &record(&[10]));
    assert_eq!(fault(&folder), ("test_batch.bin".into(), DataFault::Label { index: 0, label: 10, classes: 10 }));
    folder.remove("test_batch.bin");
    assert!(matches!(cifar::read_folder(folder.path()), Err(Error::Io { .. })));
    assert!(matches!(fault(&Folder::empty()).1, DataFault::NoFile { .. }));
}
