//! Which samples training sees, and as what.
#![allow(missing_docs, reason = "a test")]

mod common;

use common::program::*;

const RUN: [&str; 7] = ["train", "--net", "tiny", "--epochs", "1", "--out", "run"];

fn with<'a>(options: &[&'a str]) -> Vec<&'a str> {
    RUN.iter().chain(options).copied().collect()
}

#[test]
fn training_takes_a_part_of_the_samples() {
    let folder = tempfile::tempdir().unwrap();
    // Of each of the ten classes the same share, rounded.
    let run = |options: &[&str]| json(folder.path(), &with(options));
    let few = run(&["--train-samples", "320"]);
    assert!((9..=11).contains(&few["steps"].as_u64().unwrap()), "{few}");
    let (again, other) = (run(&["--train-samples", "320"]), run(&["--train-samples", "320", "--seed", "1"]));
    assert_eq!(few["weights_sha256"], again["weights_sha256"]);
    assert_ne!(few["weights_sha256"], other["weights_sha256"]);
    // What is held out is a share of them.
    let held_out = run(&["--train-samples", "320", "--val", "0.5"]);
    assert!((4..=6).contains(&held_out["steps"].as_u64().unwrap()), "{held_out}");
    let error = refused(folder.path(), &with(&["--train-samples", "2000"]));
    assert!(error.contains("--train-samples: must be from 1 to"), "{error}");
}

#[test]
fn inputs_are_standardized_or_from_0_to_1() {
    let folder = tempfile::tempdir().unwrap();
    let standard = json(folder.path(), &with(&[]));
    let unit = json(folder.path(), &with(&["--normalize", "unit"]));
    assert_ne!(standard["weights_sha256"], unit["weights_sha256"]);
    let weights = "run/weights.safetensors";
    let (info, _) = succeeds(folder.path(), &["info", weights]);
    assert!(info.contains("mean [0.0], deviation [1.0], in parts of 16"), "{info}");
    // Weights say how samples are scaled.
    let (eval, _) = succeeds(folder.path(), &["eval", "--weights", weights, "--json"]);
    let eval: serde_json::Value = serde_json::from_str(&eval).unwrap();
    assert_eq!(eval["accuracy"], unit["test_accuracy"]);
    // A run that goes on goes on with the same inputs.
    let part = with(&["--normalize", "unit", "--max-steps", "7"]);
    json(folder.path(), &part);
    let resumed = json(folder.path(), &["train", "--resume", "run", "--max-steps", "1000"]);
    assert_eq!(resumed["weights_sha256"], unit["weights_sha256"]);
}
