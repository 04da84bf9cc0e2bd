//! Training by several processes, as `mpirun` starts them.
#![cfg(feature = "mpi")]
#![allow(missing_docs, reason = "a test")]

mod common;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use common::Folder;
use common::program::{json, tree};
use flatgrad::data;
use flatgrad::distributed::team;
use flatgrad::model::{Architecture, LayerStore, Network};
use flatgrad::train::{Checkpoint, Fit, Settings};
use flatgrad_core::net::Optimizer;
use flatgrad_core::{Context, Isa};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_flatgrad");
const RUN: [&str; 10] =
    ["train", "--net", "cnn", "--optimizer", "adam", "--seed", "1", "--batch", "32", "--max-steps=50"];
const QUIET: [&str; 2] = ["--quiet", "--json"];

/// `mpirun` with these arguments. A group that hangs is ended, and is a failure.
fn mpirun(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("mpirun");
    // Processes that wait make room for those that compute.
    command
        .args(["--oversubscribe", "--timeout", "120", "--mca", "mpi_yield_when_idle", "1"])
        .args(arguments)
        .current_dir(folder);
    command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What rank 0 of `n` says in the end.
#[track_caller]
fn trained(folder: &Path, n: &str, arguments: &[&str]) -> Value {
    let output = mpirun(folder, &[&["-n", n, PROGRAM], arguments, &QUIET].concat()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{err}");
    assert_eq!(out.lines().count(), 1, "one rank speaks: {out}");
    serde_json::from_str(&out).unwrap()
}

fn wait_for(path: &Path, child: &mut Child) {
    while !path.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The program's own lines on stderr.
fn complaints(output: &Output) -> Vec<String> {
    let lines = String::from_utf8_lossy(&output.stderr).lines().map(String::from).collect::<Vec<_>>();
    lines.into_iter().filter(|line| line.starts_with("flatgrad: ")).collect()
}

/// The hash of the same training by threads.
fn by_threads(size: usize) -> String {
    let (digits, store) = (data::digits().unwrap(), LayerStore::default());
    let network = Network::new(Architecture::Cnn, [1, 8, 8], 10);
    let net = network.net(&store).unwrap();
    let settings = Settings { seed: 1, max_steps: Some(50), ..Settings::new(Optimizer::adam(1e-3)) };
    let fit = Fit::new(net, &digits, &settings);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let start = |mut member| {
            let fit = fit.clone();
            scope.spawn(move || fit.run_in(Context::serial(Isa::detect()), &mut member, &mut []).unwrap())
        };
        let running: Vec<_> = team(size).into_iter().map(start).collect();
        running.into_iter().map(|rank| rank.join().unwrap()).collect()
    });
    outcomes[0].weights.sha256()
}

#[test]
fn processes_give_the_bits_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let alone = json(folder.path(), &RUN);
    assert_eq!((&alone["ranks"], &alone["weights_sha256"]), (&1.into(), &by_threads(1).into()));
    assert_eq!(trained(folder.path(), "1", &RUN)["weights_sha256"], alone["weights_sha256"]);
    for n in [2, 3] {
        let expected = by_threads(n);
        for threads in ["1", "2"] {
            let result = trained(folder.path(), &n.to_string(), &[&RUN[..], &["--threads", threads]].concat());
            assert_eq!((&result["ranks"], &result["weights_sha256"]), (&n.into(), &expected.clone().into()));
            assert_ne!(result["weights_sha256"], alone["weights_sha256"]);
        }
    }
}

#[test]
fn an_interrupted_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let run = ["train", "--net", "tiny", "--augment", "digits", "--val=0.1", "--patience", "30", "--ema", "0.9"];
    let long = [&["-n", "2", PROGRAM], &run[..], &["--epochs", "3000", "--out", "long", "--checkpoint-steps", "1"]];
    let mut child = mpirun(folder.path(), &long.concat()).spawn().unwrap();
    let path = Checkpoint::path_in(&folder.path().join("long"));
    wait_for(&path, &mut child);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    let said = complaints(&output);
    assert!(said.len() == 1 && said[0].contains("continue with: flatgrad train --resume long"), "{said:?}");

    let step = Checkpoint::load(&path).unwrap().position.step;
    let steps = (step + 60).to_string();
    let resumed = trained(folder.path(), "2", &["train", "--resume", "long", "--max-steps", &steps]);
    let whole = [&run[..], &["--epochs", "3000", "--out", "whole", "--max-steps", &steps]].concat();
    assert_eq!(resumed["weights_sha256"], trained(folder.path(), "2", &whole)["weights_sha256"]);

    let arguments = ["-n", "3", PROGRAM, "train", "--resume", "long"];
    let said = complaints(&mpirun(folder.path(), &arguments).output().unwrap());
    assert_eq!(said, ["flatgrad: resume: ranks was 2, now it is 3"]);
}

#[test]
fn what_is_wrong_is_said_once_and_nothing_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (vec!["--batch", "1"], "flatgrad: --batch: must be at least 2, a sample for each rank, got 1"),
        (
            vec!["--resume", "nowhere"],
            "flatgrad: --resume: nowhere has no checkpoint: the run is complete, or none was",
        ),
        (vec!["--lr", "1e30"], "flatgrad: training diverged: the loss is "),
    ];
    for (arguments, expected) in cases {
        let output =
            mpirun(folder.path(), &[&["-n", "2", PROGRAM, "train"], &arguments[..]].concat()).output().unwrap();
        let said = complaints(&output);
        assert!(said.len() == 1 && said[0].starts_with(expected), "{said:?}");
        assert_eq!((output.status.code(), tree(folder.path()).len()), (Some(2), 0), "{said:?}");
    }
    // Two programs: the second one's data is elsewhere, or other data.
    for (data, expected) in [
        ("nowhere", "flatgrad: rank 1: nowhere: ".to_string()),
        (Folder::new(8).path().to_str().unwrap(), "flatgrad: rank 1 has not the same data as rank 0: ".to_string()),
    ] {
        let here = Folder::new(8);
        here.remove(common::TEST_LABELS);
        here.write(common::TEST_LABELS, &common::idx(&[20], &[1; 20]));
        let run = |data| ["-n", "1", PROGRAM, "train", "--net", "tiny", "--data", data];
        let both = [&run(here.path().to_str().unwrap())[..], &[":"], &run(data)].concat();
        let output = mpirun(folder.path(), &both).output().unwrap();
        let said = complaints(&output);
        assert!(said.len() == 1 && said[0].starts_with(&expected), "{said:?}");
    }
}

#[test]
fn the_error_of_one_rank_ends_all() {
    let folder = tempfile::tempdir().unwrap();
    let run =
        ["-n", "2", PROGRAM, "train", "--net", "tiny", "--epochs", "30000", "--out", "run", "--checkpoint-steps=1"];
    let mut child = mpirun(folder.path(), &run).spawn().unwrap();
    let run = folder.path().join("run");
    wait_for(&Checkpoint::path_in(&run), &mut child);
    // Rank 0 can no longer write its checkpoints; rank 1 knows nothing of it.
    std::fs::rename(&run, folder.path().join("away")).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = complaints(&output);
    assert!(said.len() == 1 && said[0].starts_with("flatgrad: rank 0: run/checkpoint.safetensors"), "{said:?}");
    assert_eq!(output.status.code(), Some(2));
}
