//! The program as a user meets it: what it prints, what it writes, and what it does with nonsense.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::process::Command;

use common::program::*;
use common::*;
use flatgrad::model::StateDict;
use serde_json::Value;

#[test]
fn a_run_prints_and_writes_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (out, err) = succeeds(folder.path(), &["train", "--epochs", "2", "--threads", "2"]);
    assert_eq!(err, "", "no progress bar where there is no terminal");
    for text in ["1,437 training and 360 test images", "conv2d 3x3", "epoch 2/2", "test accuracy", "weights sha256"] {
        assert!(out.contains(text), "{text} is missing in {out}");
    }
    let run = folder.path().join("runs/digits-cnn");
    let mut names: Vec<_> = std::fs::read_dir(&run).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["curves.png", "curves.svg", "history.jsonl", "run.json", "weights.safetensors"]);

    let history = std::fs::read_to_string(run.join("history.jsonl")).unwrap();
    let epochs: Vec<Value> = history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(epochs.iter().map(|e| e["epoch"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    assert!(epochs[1]["train_loss"].as_f64() < epochs[0]["train_loss"].as_f64());
    assert!(epochs[1]["test_accuracy"].as_f64().unwrap() > 0.8);
    for key in ["seconds", "samples_per_second", "lr"] {
        assert!(epochs[0][key].as_f64().unwrap() > 0.0, "{key}");
    }
    let curves = std::fs::read_to_string(run.join("curves.svg")).unwrap();
    assert!(curves.starts_with("<svg") && curves.contains("cnn on digits") && curves.contains("learning rate"));
    assert!(image::open(run.join("curves.png")).unwrap().width() > 1000);
    let result: Value = serde_json::from_slice(&std::fs::read(run.join("run.json")).unwrap()).unwrap();
    assert_eq!((&result["net"], &result["optimizer"], &result["batch"]), (&"cnn".into(), &"adam".into(), &32.into()));
    assert!(out.contains(result["weights_sha256"].as_str().unwrap()));

    let weights = StateDict::load(&run.join("weights.safetensors")).unwrap();
    let names: Vec<&str> = weights.iter().map(|(name, _)| name).collect();
    let norm =
        |i| ["bias", "num_batches_tracked", "running_mean", "running_var", "weight"].map(|n| format!("bn{i}.{n}"));
    let rest = ["conv1.weight", "conv2.weight", "fc1.bias", "fc1.weight"].map(String::from);
    assert_eq!(names, [&norm(1)[..], &norm(2), &rest].concat());
    // 1437 images in batches of 32: 45 steps an epoch.
    assert_eq!(weights.get("bn1.num_batches_tracked"), Some(&flatgrad::model::Tensor::I64(90)));
}

#[test]
fn json_ends_stdout_and_the_rest_goes_to_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let (out, err) = succeeds(folder.path(), &["--json", "--max-steps", "3", "--net", "mlp"]);
    assert_eq!(out.lines().count(), 1);
    assert!(err.contains("test accuracy"), "{err}");
    let line: Value = serde_json::from_str(&out).unwrap();
    let keys = [
        "test_accuracy",
        "train_loss",
        "train_accuracy",
        "epochs",
        "seconds",
        "samples_per_second",
        "isa",
        "threads",
        "ranks",
        "weights_sha256",
    ];
    for key in keys {
        assert!(!line[key].is_null(), "{key} is missing in {out}");
    }
    assert!((0.0..=1.0).contains(&line["test_accuracy"].as_f64().unwrap()));
    assert_eq!((line["steps"].as_u64(), line["epochs"].as_u64()), (Some(3), Some(1)));
    assert_eq!(line["weights_sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn one_seed_is_one_hash_whatever_runs_it() {
    let folder = tempfile::tempdir().unwrap();
    let hash = |arguments: &[&str]| json(folder.path(), arguments)["weights_sha256"].clone();
    let images = Folder::new(18);
    let images = images.path().to_str().unwrap();
    // The large network, with dropout, and an epoch that ends in a smaller batch.
    let large = ["--data", images, "--batch", "16", "--epochs", "1"];
    for settings in [&["--max-steps", "12"][..], &["--net", "mlp", "--max-steps", "4"], &large] {
        let expected = hash(settings);
        let isas = flatgrad_core::Isa::available().map(|isa| ("--isa", isa.name()));
        for (option, value) in isas.chain([("--threads", "1"), ("--threads", "2"), ("--threads", "3")]) {
            assert_eq!(hash(&[settings, &[option, value]].concat()), expected, "{settings:?} {option} {value}");
        }
        assert_ne!(hash(&[settings, &["--seed", "1"]].concat()), expected, "another seed");
    }
}

#[test]
fn sgd_learns_too() {
    let folder = tempfile::tempdir().unwrap();
    let result = json(folder.path(), &["--optimizer", "sgd", "--epochs", "2"]);
    assert!(result["test_accuracy"].as_f64().unwrap() > 0.85, "{result}");
}

#[test]
fn settings_outside_their_range_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, text) in [
        (&["--epochs", "0"][..], "'--epochs <N>': must be a whole number from 1 on"),
        (&["--epochs", "-3"], "--epochs"),
        (&["--epochs", "many"], "--epochs"),
        (&["--batch", "0"], "--batch"),
        (&["--batch", "1438"], "--batch: must be from 1 to the 1437 training samples"),
        (&["--batch", "18446744073709551616"], "--batch"),
        (&["--lr", "NaN"], "finite number above 0"),
        (&["--lr", "inf"], "finite number above 0"),
        (&["--lr", "1e39"], "finite number above 0"),
        (&["--lr", "0"], "finite number above 0"),
        (&["--lr", "-0.1"], "finite number above 0"),
        (&["--lr", "fast"], "not a number"),
        (&["--threads", "0"], "--threads"),
        (&["--threads", "1000000"], "--threads: must be from 1 to 1024"),
        (&["--max-steps", "0"], "--max-steps"),
        (&["--seed", "-1"], "--seed"),
        (&["--net", "rnn"], "--net: rnn is neither a file nor the name of a network; the names are cnn, mlp, tiny"),
        (&["--net", ""], "mobilenet, or a network file"),
        (&["--optimizer", "lbfgs"], "sgd, adam"),
        (&["--isa", "mmx"], "avx2"),
        (&["--colour"], "--colour"),
        (&["predikt"], "predikt"),
        (&["--out"], "--out"),
        (&["--epochs", "1", "--epochs", "2"], "--epochs"),
    ] {
        let error = refused(folder.path(), arguments);
        assert!(error.contains(text), "{arguments:?}: {error}");
        let with_command: Vec<&str> = ["train"].iter().chain(arguments).copied().collect();
        refused(folder.path(), &with_command);
    }
}

#[test]
fn an_instruction_set_that_is_missing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = flatgrad_core::Isa::NAMES.into_iter().find(|name| flatgrad_core::Isa::by_name(name).is_err());
    let missing = missing.expect("no machine has both avx2 and neon");
    let error = refused(folder.path(), &["--isa", missing]);
    assert!(error.contains("this machine lacks") && error.contains("portable"), "{error}");
}

#[test]
fn data_that_is_not_there_or_lies_is_refused() {
    let work = tempfile::tempdir().unwrap();
    let spoilt = |spoil: &dyn Fn(&Folder)| {
        let folder = Folder::new(8);
        spoil(&folder);
        refused(work.path(), &["--data", folder.path().to_str().unwrap()])
    };
    assert!(refused(work.path(), &["--data", "nowhere"]).contains("nowhere: "));
    let empty = Folder::empty();
    assert!(refused(work.path(), &["--data", empty.path().to_str().unwrap()]).contains("no train-images-idx3-ubyte"));

    let (images, _) = samples(40, 8);
    let compressed = gzip(&idx(&[40, 8, 8], &images));
    let error = spoilt(&|folder| {
        folder.remove(TRAIN_IMAGES);
        folder.write("train-images-idx3-ubyte.gz", &compressed[..compressed.len() / 2]);
    });
    assert!(error.contains("train-images-idx3-ubyte.gz: damaged or cut short"), "{error}");
    let error = spoilt(&|folder| folder.write(TRAIN_IMAGES, &idx(&[1 << 16, 256, 256], &[0; 64])));
    assert!(error.contains("train-images-idx3-ubyte: the header promises"), "{error}");
    let error = spoilt(&|folder| folder.write(TEST_LABELS, &idx(&[20], &[255; 20])));
    assert!(error.contains("t10k-labels-idx1-ubyte: label 255"), "{error}");
    let error = spoilt(&|folder| folder.write(TEST_LABELS, &idx(&[3], &[1; 3])));
    assert!(error.contains("3 labels, but t10k-images-idx3-ubyte has 20 images"), "{error}");
    let error = spoilt(&|folder| folder.write(TRAIN_LABELS, b"not found"));
    assert!(error.contains("train-labels-idx1-ubyte: not an IDX file"), "{error}");
}

#[test]
fn images_too_small_for_the_network_are_refused() {
    let work = tempfile::tempdir().unwrap();
    let tiny = Folder::new(1);
    refused(work.path(), &["--batch", "8", "--data", tiny.path().to_str().unwrap()]);
}

#[test]
fn a_run_that_diverges_leaves_the_last_one_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let diverging = ["--net", "mlp", "--optimizer", "sgd", "--lr", "1e30"];
    assert!(gives_up(folder.path(), &diverging).contains("training diverged"));
    succeeds(folder.path(), &["--net", "mlp", "--max-steps", "2", "--quiet"]);
    gives_up(folder.path(), &diverging);
    // A second good run replaces the first.
    let before = tree(folder.path());
    succeeds(folder.path(), &["--net", "mlp", "--max-steps", "3", "--quiet"]);
    assert_ne!(tree(folder.path()), before);
}

#[test]
fn files_of_others_are_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["weights.safetensors", "history.jsonl", "curves.svg", "curves.png", "run.json", "stats.jsonl"] {
        let out = folder.path().join(name.replace('.', "-"));
        std::fs::create_dir(&out).unwrap();
        std::fs::write(out.join(name), b"{\"mine\": true}").unwrap();
        let error = refused(folder.path(), &["--max-steps", "1", "--out", out.to_str().unwrap()]);
        assert!(error.contains(name), "{error}");
    }
    std::fs::write(folder.path().join("file"), b"a file").unwrap();
    for out in ["file", "file/below"] {
        assert!(refused(folder.path(), &["--max-steps", "1", "--out", out]).contains("file"));
    }
    // Other files in the folder do not matter.
    std::fs::create_dir(folder.path().join("mixed")).unwrap();
    std::fs::write(folder.path().join("mixed/notes.txt"), b"kept").unwrap();
    succeeds(folder.path(), &["--max-steps", "1", "--quiet", "--out", "mixed"]);
    assert_eq!(std::fs::read(folder.path().join("mixed/notes.txt")).unwrap(), b"kept");
}

#[test]
fn help_and_version_go_to_stdout() {
    let folder = tempfile::tempdir().unwrap();
    let (help, err) = succeeds(folder.path(), &["train", "--help"]);
    for option in ["data", "net", "epochs", "batch", "optimizer", "lr", "seed", "isa", "threads", "max-steps", "out"] {
        assert!(help.contains(&format!("--{option}")), "{option}");
    }
    assert_eq!(err, "");
    assert!(succeeds(folder.path(), &["--version"]).0.contains(env!("CARGO_PKG_VERSION")));
}

#[test]
#[cfg(unix)]
fn a_closed_stdout_is_not_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("{} --max-steps 2 | true; exit ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_flatgrad"));
    let output = Command::new("bash").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
#[cfg(not(feature = "mpi"))]
fn one_of_several_processes_does_not_train_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (count, launched) in [("1", false), ("2", true), ("nonsense", false)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flatgrad"));
        command.args(["train", "--net", "mlp", "--max-steps", "1"]).env("OMPI_COMM_WORLD_SIZE", count);
        let output = command.current_dir(folder.path()).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(if launched { 2 } else { 0 }), "{error}");
        assert_eq!(error.contains("one of 2 processes, but built without the feature mpi"), launched, "{error}");
        assert_eq!(error.lines().count(), usize::from(launched));
    }
}
