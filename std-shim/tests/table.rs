//! Tables: good ones in every form, and files that are none.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::path::PathBuf;

use common::Folder;
use flatgrad::data::{Dataset, Label, Normalizer, Table, TableOptions, Task, read_table};
use flatgrad::{DataFault, Error, Result};

struct File(Folder, PathBuf);

fn file(name: &str, content: impl AsRef<[u8]>) -> File {
    let folder = Folder::empty();
    folder.write(name, content.as_ref());
    let path = folder.file(name);
    File(folder, path)
}

fn csv(content: impl AsRef<[u8]>, options: &TableOptions) -> Result<Table> {
    let file = file("table.csv", content);
    let _folder = &file.0;
    read_table(&file.1, options)
}

#[track_caller]
fn fault(content: impl AsRef<[u8]>, options: &TableOptions) -> DataFault {
    match csv(content, options) {
        Err(Error::Data { origin, fault }) if origin.ends_with("table.csv") => fault,
        other => panic!("expected a fault, got {other:?}"),
    }
}

fn target(name: &str) -> TableOptions {
    TableOptions { target: Some(name.into()), ..TableOptions::default() }
}

const SMALL: &str = "a,b,kind\n1,2.5,x\n-3e2, 4 ,y\n5,6,x\n";

#[test]
fn the_last_column_is_the_target() {
    let table = csv(SMALL, &TableOptions::default()).unwrap();
    assert_eq!((table.rows.name(), table.rows.shape(), table.rows.len()), ("table", [2, 1, 1], 3));
    assert_eq!((table.features, table.target), (vec!["a".into(), "b".into()], "kind".into()));
    assert_eq!(table.rows.task(), &Task::classes(["x", "y"]));
    assert_eq!((0..3).map(|i| table.rows.target(i)).collect::<Vec<_>>(), [0, 1, 0].map(Label::Class));
    assert_eq!(table.rows.sample(1), [-300.0, 4.0]);
}

#[test]
fn a_target_has_a_name_or_a_number() {
    for name in ["a", "1"] {
        let options = TableOptions { regression: true, ..target(name) };
        let table = csv("a,b,c\n1,2,3\n4,5,6\n", &options).unwrap();
        assert_eq!((table.rows.target(1), table.rows.sample(1)), (Label::Values(&[4.0]), &[5.0, 6.0][..]));
        assert_eq!(table.rows.task(), &Task::Values { outputs: 1 });
    }
    // A name comes first.
    let table = csv("2,b,c\nx,2,3\ny,5,6\n", &target("2")).unwrap();
    assert_eq!(table.rows.sample(0), [2.0, 3.0]);
    for wrong in ["d", "0", "4", "-1", "99999999999999999999999"] {
        let found = fault("a,b,c\n1,2,3\n", &target(wrong));
        assert!(found.to_string().contains("the 3 columns are a, b, c"), "{found}");
    }
}

#[test]
fn whole_numbers_are_sorted_as_numbers_and_texts_as_texts() {
    let classes = |column: &str| {
        let rows: String = column.split(' ').map(|class| format!("1,{class}\n")).collect();
        match csv(format!("a,b\n{rows}"), &TableOptions::default()).unwrap().rows.task() {
            Task::Classes { names } => names.join(" "),
            Task::Values { .. } => unreachable!(),
        }
    };
    assert_eq!(classes("10 9 -1 9"), "-1 9 10");
    assert_eq!(classes("10 9 b a"), "10 9 a b");
}

#[test]
fn tabs_quotes_line_ends_and_marks_are_understood() {
    let tabs = file("t.tsv", "a\tb\r\n1\t\"x, y\"\r\n2\tz");
    assert_eq!(read_table(&tabs.1, &TableOptions::default()).unwrap().rows.task(), &Task::classes(["x, y", "z"]));
    let table = csv("\u{feff}a,b\n1,x\n", &target("b")).unwrap();
    assert_eq!(table.features, ["a"]);
    let options = TableOptions { header: false, ..TableOptions::default() };
    let table = csv("1,2,7\n3,4,8\n", &options).unwrap();
    assert_eq!((table.rows.len(), table.rows.sample(0), table.target.as_str()), (2, &[1.0, 2.0][..], "3"));
}

#[test]
fn groups_are_no_features() {
    let options = TableOptions { group: Some("who".into()), ..TableOptions::default() };
    let table = csv("a,kind,who\n1,x,anna\n2,y,ben\n3,x,anna\n", &options).unwrap();
    assert_eq!((table.groups, table.target.as_str(), table.rows.shape()), (vec![0, 1, 0], "kind", [1, 1, 1]));
    let both = TableOptions { group: Some("kind".into()), ..target("kind") };
    assert!(matches!(fault("a,kind\n1,x\n", &both), DataFault::Format(_)));
}

#[test]
fn what_is_wrong_has_a_line_and_a_column() {
    let found = |content: &str| fault(content, &TableOptions::default()).to_string();
    for (content, expected) in [
        ("a,b,c\n1,2,x\n1,two,x\n", "line 3, column 2 (b): not a number: \"two\""),
        ("a,b,c\n1,,x\n", "line 2, column 2 (b): empty"),
        ("a,b,c\n1,2,\n", "line 2, column 3 (c): empty"),
        ("a,b,c\n1,NaN,x\n", "line 2, column 2 (b): not a finite number: \"NaN\""),
        ("a,b,c\n1,1e39,x\n", "line 2, column 2 (b): not a finite number: \"1e39\""),
        ("a,b,c\n1,2,x\n1,2\n", "line 3 has 2 columns, but the first line has 3"),
        ("a,b,c\n1,2,x,4\n", "line 2 has 4 columns, but the first line has 3"),
        ("", "no samples"),
        ("a,b,c\n", "no samples"),
        ("a\n1\n", "1 columns leave no features: is the separator a comma?"),
        ("a;b\n1;2\n", "1 columns leave no features: is the separator a comma?"),
    ] {
        assert_eq!(found(content), expected, "{content:?}");
    }
    let long = "z".repeat(1 << 20);
    assert!(found(&format!("a,b\n{long},x\n")).len() < 200);
    let options = TableOptions { regression: true, ..TableOptions::default() };
    assert_eq!(fault("a,b\n1,x\n", &options).to_string(), "line 2, column 2 (b): not a number: \"x\"");
    assert!(
        fault(b"a,b\n\xff\xfe,x\n", &TableOptions::default()).to_string().contains("line 2, column 1 (a): not UTF-8")
    );
}

#[test]
fn too_many_classes_are_numbers() {
    let rows: String = (0..1001).map(|i| format!("1,{i}.5\n")).collect();
    let found = fault(format!("a,b\n{rows}"), &TableOptions::default()).to_string();
    assert!(found.starts_with("line 1002, column 2 (b): more than 1000 classes") && found.contains("`regression`"));
}

#[test]
fn any_bytes_are_a_table_or_an_error() {
    // Every string of a few hostile bytes, header or none.
    let bytes = [b'1', b',', b'\n', b'"', b'\r', 0, 0xff];
    for code in 0..7usize.pow(6) {
        let content: Vec<u8> = (0..6).map(|i| bytes[code / 7usize.pow(i) % 7]).collect();
        if code % 401 == 0 {
            let options = TableOptions { header: code % 2 == 0, ..TableOptions::default() };
            let _ = csv(&content, &options);
        }
    }
}

#[test]
fn every_column_has_its_own_mean() {
    let table = csv("a,b,c,y\n1,1000000,7,x\n3,1000001,7,y\n", &TableOptions::default()).unwrap();
    let normalizer = Normalizer::fit(&table.rows).unwrap();
    assert_eq!((normalizer.mean(), normalizer.std()), (&[2.0, 1000000.5, 7.0][..], &[1.0, 0.5, 1.0][..]));
    let mut x = [0.0; 3];
    normalizer.write(&table.rows, 1, &mut x).unwrap();
    assert_eq!(x, [1.0, 1.0, 0.0]);
}
