//! `flatgrad reproduce`: its files, its exit status, and what is refused.
#![allow(missing_docs, reason = "a test")]

mod common;

use common::Folder;
use common::program::*;
use serde_json::Value;

const NAMES: [&str; 9] = [
    "optimizers",
    "adagrad",
    "early-stopping",
    "dropout",
    "augmentation",
    "covariate-shift",
    "batch-norm-rates",
    "learning-rate",
    "normalizations",
];

#[test]
fn the_list_says_what_there_is_and_how_long_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    let (out, err) = succeeds(folder.path(), &["reproduce", "--list"]);
    let names: Vec<&str> = out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!((names, err.as_str()), (NAMES.to_vec(), ""));
    assert!(out.lines().all(|line| line.ends_with(" on MNIST)") && line.len() <= 120), "{out}");
    assert!(tree(folder.path()).is_empty());
}

#[test]
fn an_experiment_leaves_pictures_figures_and_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["reproduce", "adagrad", "--quick", "--seeds", "1", "--out", "gallery"];
    let (out, err) = succeeds(folder.path(), &arguments);
    for text in ["adagrad: ", "RMSprop, forgetting 0.9", "held    Adagrad's effective rate only falls", "in gallery\n"]
    {
        assert!(out.contains(text), "{text}: {out}");
    }
    assert_eq!(err, "", "no progress where stderr is no terminal");
    let file = |name: &str| std::fs::read(folder.path().join("gallery").join(name)).unwrap();
    assert!(file("adagrad.svg").starts_with(b"<svg"));
    assert!(file("adagrad.png").starts_with(b"\x89PNG"));
    let json: Value = serde_json::from_slice(&file("adagrad.json")).unwrap();
    assert_eq!((&json["held"], json["claims"].as_array().unwrap().len()), (&Value::Bool(true), 3));
    let series = json["picture"]["series"].as_array().unwrap();
    assert!(series.len() == 3 && series[0]["points"].as_array().unwrap().len() > 100);

    // Its own files it replaces.
    let (quiet, _) = succeeds(folder.path(), &[&arguments[..], &["--quiet"]].concat());
    assert_eq!(quiet, "all claims held; the pictures are in gallery\n");
}

#[test]
fn a_claim_that_does_not_hold_is_exit_status_3() {
    // Forty images of bright rows: there is nothing to overfit, and the fewest samples have no class more than once.
    let data = Folder::new(8);
    let folder = tempfile::tempdir().unwrap();
    let path = data.path().to_str().unwrap();
    let arguments = ["reproduce", "learning-rate", "--quick", "--seeds", "1", "--data", path];
    let output = flatgrad(folder.path(), &arguments);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(3), "{out}{err}");
    assert!(
        out.contains("FAILED") && out.contains("not all claims held: learning-rate; the pictures are in reproduce")
    );
    let json = std::fs::read(folder.path().join("reproduce/learning-rate.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&json).unwrap()["held"], false);
}

#[test]
fn what_is_wrong_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::create_dir(path.join("mine")).unwrap();
    std::fs::write(path.join("mine/adagrad.svg"), "a picture of mine").unwrap();
    std::fs::write(path.join("rows.csv"), "a,b,class\n".to_string() + &"0,0,no\n1,1,yes\n".repeat(20)).unwrap();
    let cases: [(&[&str], &str); 6] = [
        (&["perpetual-motion"], "invalid value 'perpetual-motion'"),
        (&["adagrad", "--seeds", "0"], "--seeds"),
        (&["adagrad", "--data", "no-such-folder"], "no-such-folder"),
        (&["adagrad", "--data", "rows.csv"], "--data: rows is not images of classes"),
        (&["adagrad", "--out", "mine", "--quick"], "--out: mine/adagrad.svg is not from flatgrad reproduce"),
        (&["--out", "mine", "--quick"], "--out: mine/adagrad.svg is not from flatgrad reproduce"),
    ];
    for (arguments, expected) in cases {
        let error = refused(path, &[&["reproduce"], arguments].concat());
        assert!(error.contains(expected), "{error}");
    }
}
