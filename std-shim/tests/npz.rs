//! NumPy's arrays and archives, and files that lie.
#![allow(missing_docs, reason = "a test")]

mod common;

use common::arrays::{npy, with_header, zip};

use common::Folder;
use flatgrad::data::npy::{Array, Elements, read};
use flatgrad::data::{Dataset, Label, OpenOptions, Opened, TableOptions, open};
use flatgrad::{DataFault, Error};

fn opened(content: &[u8], options: &OpenOptions) -> flatgrad::Result<Opened> {
    let folder = Folder::empty();
    folder.write("d.npz", content);
    open(&folder.file("d.npz"), options)
}

#[track_caller]
fn fault(content: &[u8]) -> String {
    match opened(content, &OpenOptions::default()) {
        Err(error @ Error::Data { .. }) => error.to_string(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("no fault"),
    }
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[test]
fn arrays_of_every_type_are_read() {
    let of = |descr: &str, data: &[u8]| read(&mut &npy(descr, "(2,)", data)[..]).unwrap().elements;
    assert_eq!(of("|u1", &[1, 255]), Elements::Bytes(vec![1, 255]));
    assert_eq!(of("|b1", &[1, 0]), Elements::Integers(vec![1, 0]));
    assert_eq!(of("|i1", &[1, 255]), Elements::Integers(vec![1, -1]));
    assert_eq!(of("<i4", &[1, 0, 0, 0, 254, 255, 255, 255]), Elements::Integers(vec![1, -2]));
    assert_eq!(of(">i4", &[0, 0, 0, 1, 255, 255, 255, 254]), Elements::Integers(vec![1, -2]));
    assert_eq!(of("<i8", &[7i64, -8].map(i64::to_le_bytes).concat()), Elements::Integers(vec![7, -8]));
    assert_eq!(of("<u2", &[1, 1, 0, 2]), Elements::Integers(vec![257, 512]));
    assert_eq!(of("<f4", &floats(&[1.5, -2.0])), Elements::Floats(vec![1.5, -2.0]));
    assert_eq!(of(">f8", &[1.5f64, 0.1].map(f64::to_be_bytes).concat()), Elements::Floats(vec![1.5, 0.1]));
    let scalar = read(&mut &npy("|u1", "()", &[3])[..]).unwrap();
    assert_eq!(scalar, Array { shape: vec![], elements: Elements::Bytes(vec![3]) });
    // Another order of keys, other quotes, a long header of version 2.
    let text = "{ \"shape\":(1 , 2),'fortran_order':False ,'descr':'|u1'}          \n";
    let file = [&b"\x93NUMPY\x02\x00"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes(), &[1, 2]].concat();
    assert_eq!(read(&mut &file[..]).unwrap().shape, [1, 2]);
}

#[test]
fn hostile_headers_are_faults() {
    for header in [
        "",
        "{}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2",
        "{'descr': '<f2', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000,)}",
    ] {
        let result = read(&mut &with_header(header, &[0; 8])[..]);
        assert!(matches!(result, Err(DataFault::Format(_))), "{header}: {result:?}");
    }
    let whole = npy("<f4", "(2,)", &[0; 8]);
    for len in 0..whole.len() {
        assert!(read(&mut &whole[..len]).is_err(), "cut at {len}");
    }
    let long = npy("<f4", "(2,)", &[0; 9]);
    assert_eq!(read(&mut &long[..]), Err(DataFault::Trailing { promised: 8 }));
    let huge = [&b"\x93NUMPY\x02\x00"[..], &u32::MAX.to_le_bytes()].concat();
    assert!(matches!(read(&mut &huge[..]), Err(DataFault::Format(_))));
}

#[test]
fn an_archive_is_one_part_or_two() {
    let labels = npy("<i8", "(10,)", &(0..10i64).flat_map(|i| (i % 2).to_le_bytes()).collect::<Vec<_>>());
    let x = npy("<f4", "(10, 3)", &floats(&[0.5; 30]));
    let data = opened(&zip(&[("x", x.clone()), ("y", labels.clone())]), &OpenOptions::default()).unwrap().split;
    assert_eq!((data.train.len(), data.test.len(), data.train.shape()), (8, 2, [3, 1, 1]));
    assert_eq!((data.train.name(), data.train.task().outputs(), data.train.white()), ("d", 2, None));

    let images = npy("|u1", "(10, 4, 5)", &[7; 200]);
    let test = [("x_test", npy("|u1", "(2, 4, 5)", &[8; 40])), ("y_test", npy("|u1", "(2,)", &[5, 0]))];
    let all = [&[("x_train", images), ("y_train", labels.clone())][..], &test].concat();
    let data = opened(&zip(&all), &OpenOptions::default()).unwrap().split;
    // Classes are those of both parts.
    assert_eq!((data.train.len(), data.test.len(), data.train.task().outputs()), (10, 2, 6));
    assert_eq!((data.test.shape(), data.test.white(), data.test.target(0)), ([1, 4, 5], Some(255), Label::Class(5)));
    let split = OpenOptions { split: Some(0.5), ..OpenOptions::default() };
    assert!(matches!(opened(&zip(&all), &split), Err(Error::Setting { what: "split", .. })));

    let table = TableOptions { regression: true, ..TableOptions::default() };
    let numbers = OpenOptions { table, ..OpenOptions::default() };
    let data = opened(&zip(&[("x", x.clone()), ("y", labels)]), &numbers).unwrap().split;
    assert!(matches!(data.train.target(0), Label::Values(&[_])));
    let values = npy("<f8", "(10, 2)", &[0.5f64; 20].map(f64::to_le_bytes).concat());
    let data = opened(&zip(&[("x", x), ("y", values)]), &OpenOptions::default()).unwrap().split;
    assert_eq!(data.test.target(0), Label::Values(&[0.5, 0.5]));
}

#[test]
fn archives_that_lie_are_named() {
    let x = || npy("<f4", "(2, 1)", &[0; 8]);
    let y = |labels: [i64; 2]| npy("<i8", "(2,)", &labels.map(i64::to_le_bytes).concat());
    for (entries, text) in [
        (vec![("x", x())], "d.npz: no array \"y\"; there are x"),
        (vec![("x", x()), ("y", y([0, -1]))], "d.npz: y: label -1 of sample 1 is no class"),
        (vec![("x", x()), ("y", y([0, i64::MAX]))], "d.npz: y: label 9223372036854775807 of sample 1 is no class"),
        (vec![("x", npy("<f4", "(3, 1)", &[0; 12])), ("y", y([0, 1]))], "d.npz: x: 3 samples, but 2 targets"),
        (vec![("x", npy("<f4", "(2,)", &[0; 8])), ("y", y([0, 1]))], "d.npz: x: samples of shape [2]"),
        (vec![("x", npy("<f4", "(2, 1)", &floats(&[0.0, f32::NAN]))), ("y", y([0, 1]))], "value of sample 1 is not"),
        (vec![("x", npy("<f4", "(2, 1)", &[0; 7])), ("y", y([0, 1]))], "d.npz: x: cut short"),
        (vec![("x", npy("<f4", "(2, 0)", &[])), ("y", y([0, 1]))], "no pixels"),
    ] {
        let found = fault(&zip(&entries));
        assert!(found.contains(text), "{found}");
    }
}

#[test]
fn a_cut_or_damaged_archive_is_no_panic() {
    let y = npy("<i8", "(10,)", &[0; 80]);
    let whole = zip(&[("x", npy("<f4", "(10, 3)", &floats(&[0.5; 30]))), ("y", y)]);
    assert!(opened(&whole, &OpenOptions::default()).is_ok());
    for len in 0..whole.len() {
        assert!(opened(&whole[..len], &OpenOptions::default()).is_err(), "cut at {len}");
    }
    for at in 0..whole.len() {
        for bit in [1, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] ^= bit;
            let _ = opened(&damaged, &OpenOptions::default());
        }
    }
}
