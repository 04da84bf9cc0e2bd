//! Training that is interrupted ends with the weights of training that is not.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::program::*;
use common::small;
use flatgrad::data::{DataSplit, Images};
use flatgrad::train::{
    Callback, Checkpoint, Clip, EarlyStopping, Fit, Flow, History, Plateau, Saved, Schedule, Settings, Shape,
    StepRecord,
};
use flatgrad::{Error, Result};
use flatgrad_core::net::{Layer, Net, Optimizer};
use flatgrad_core::optim::{Adam, RmsProp};
use flatgrad_core::{Context, Isa};

const LAYERS: [Layer; 7] = [
    Layer::conv2d(4, 3).padding(1).no_bias(),
    Layer::batch_norm(),
    Layer::relu(),
    Layer::max_pool(2),
    Layer::flatten(),
    Layer::dropout(0.25),
    Layer::dense(10),
];
const NET: Net = Net::new([1, 8, 8], &LAYERS);

/// Keeps the checkpoints of some steps, and ends training at once after one.
#[derive(Default)]
struct Keep {
    at: Vec<u64>,
    abort_at: Option<u64>,
    kept: Vec<Checkpoint>,
}

impl Callback for Keep {
    fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
        let save = if self.at.contains(&step.step) { Flow::SAVE } else { Flow::CONTINUE };
        Ok(if self.abort_at == Some(step.step) { Flow::ABORT } else { save })
    }
    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result {
        self.kept.push(checkpoint.clone());
        Ok(())
    }
}

fn times_aside(history: &History) -> History {
    let mut history = history.clone();
    for epoch in &mut history.epochs {
        (epoch.seconds, epoch.samples_per_second) = (0.0, 0.0);
    }
    history
}

#[test]
fn a_run_goes_on_from_every_step() {
    let data = small();
    let plateau = Plateau { patience: 0, factor: 0.5, threshold: 0.1, ..Plateau::DEFAULT };
    let rmsprop = Optimizer::RmsProp(RmsProp { momentum: 0.9, centered: true, ..RmsProp::DEFAULT });
    let amsgrad = Optimizer::Adam(Adam { lr: 0.01, amsgrad: true, ..Adam::ADAMW });
    let base = |optimizer| Settings { epochs: 3, batch: 16, seed: 7, ..Settings::new(optimizer) };
    let all = [
        base(Optimizer::momentum(0.05, 0.9)),
        Settings { schedule: Schedule::new(Shape::Cosine { steps: 17, min: 0.0 }).warmup(4), ..base(rmsprop) },
        Settings { schedule: Schedule::new(Shape::Plateau(plateau)), ema: Some(0.9), ..base(amsgrad) },
        Settings { batch: 8, accumulate: 2, clip: Some(Clip::Value(0.01)), ..base(Optimizer::adagrad(0.05)) },
    ];
    for settings in all {
        let ctx = Context::serial(Isa::detect());
        let (mut keep, mut stopping) = (Keep { at: (1..21).collect(), ..Keep::default() }, EarlyStopping::new(2));
        let whole = Fit::new(NET, &data, &settings).run(ctx, &mut [&mut keep, &mut stopping]).unwrap();
        assert_eq!(keep.kept.len(), 20.min(whole.steps as usize));
        for checkpoint in keep.kept {
            let file = checkpoint.to_bytes().unwrap();
            assert_eq!(file, checkpoint.to_bytes().unwrap());
            let read = Checkpoint::from_bytes("file", &file).unwrap();
            assert!(read == checkpoint, "step {}", checkpoint.position.step);
            let mut stopping = EarlyStopping::new(2);
            let portable = Context::serial(Isa::PORTABLE);
            let rest = Fit::new(NET, &data, &settings).resume(read).run(portable, &mut [&mut stopping]).unwrap();
            assert_eq!(rest.weights, whole.weights, "{settings:?}");
            assert_eq!(times_aside(&rest.history), times_aside(&whole.history));
            assert_eq!((rest.steps, rest.test), (whole.steps, whole.test));
        }
        // Ended at once, and by the number of steps.
        let mut keep = Keep { abort_at: Some(7), ..Keep::default() };
        let stopped = Fit::new(NET, &data, &settings).run(ctx, &mut [&mut keep, &mut EarlyStopping::new(2)]);
        assert!(matches!(stopped, Err(Error::Interrupted { step: 7 })));
        let mut ended = Keep::default();
        let few = Settings { max_steps: Some(7), ..settings.clone() };
        let outcome = Fit::new(NET, &data, &few).run(ctx, &mut [&mut ended, &mut EarlyStopping::new(2)]).unwrap();
        assert_eq!((outcome.steps, outcome.complete), (7, false));
        for checkpoint in [&keep.kept[0], &ended.kept[0]] {
            let fit = Fit::new(NET, &data, &settings).resume(checkpoint.clone());
            assert_eq!(fit.run(ctx, &mut [&mut EarlyStopping::new(2)]).unwrap().weights, whole.weights);
        }
    }
}

#[test]
fn other_settings_and_data_are_refused() {
    let (data, ctx) = (small(), Context::serial(Isa::detect()));
    let settings = Settings { epochs: 2, batch: 16, ..Settings::new(Optimizer::adam(1e-2)) };
    let mut keep = Keep { abort_at: Some(3), ..Keep::default() };
    Fit::new(NET, &data, &settings).run(ctx, &mut [&mut keep]).unwrap_err();
    let checkpoint = keep.kept.pop().unwrap();
    let refused = |net, data: &DataSplit<Images>, settings: &Settings| {
        let error = Fit::new(net, data, settings).resume(checkpoint.clone()).run(ctx, &mut []).unwrap_err();
        assert!(matches!(error, Error::Setting { what: "resume", .. }));
        error.to_string()
    };
    let error = refused(NET, &data, &Settings { batch: 32, seed: 9, ..settings.clone() });
    assert!(error.contains("batch was 16, now it is 32; seed was 0, now it is 9"), "{error}");
    let error = refused(NET, &data, &Settings { optimizer: Optimizer::sgd(0.1), ..settings.clone() });
    assert!(error.contains("optimizer was adam"), "{error}");
    const OTHER: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
    assert!(refused(OTHER, &data, &settings).contains("the network is not the same"));
    let other = DataSplit { test: data.test.filter("test", |i| i < 29).unwrap(), ..data.clone() };
    assert!(refused(NET, &other, &settings).contains("the data is not the same"));
    // At the end of the only epoch there is nothing left to do.
    let mut keep = Keep { abort_at: Some(7), ..Keep::default() };
    Fit::new(NET, &data, &settings).run(ctx, &mut [&mut keep]).unwrap_err();
    let mut checkpoint = keep.kept.pop().unwrap();
    checkpoint.position.epoch = 3;
    let error = Fit::new(NET, &data, &settings).resume(checkpoint).run(ctx, &mut []).unwrap_err();
    assert!(error.to_string().contains("has made all its 2 epochs"), "{error}");
}

#[test]
fn a_spoilt_checkpoint_is_an_error() {
    let (data, ctx) = (small(), Context::serial(Isa::detect()));
    let settings = Settings { epochs: 1, batch: 50, ..Settings::new(Optimizer::adam(1e-2)) };
    let mut keep = Keep { abort_at: Some(1), ..Keep::default() };
    const TINY: Net = Net::new([1, 8, 8], &[Layer::avg_pool(4), Layer::flatten(), Layer::dense(10)]);
    Fit::new(TINY, &data, &settings).run(ctx, &mut [&mut keep]).unwrap_err();
    let file = keep.kept[0].to_bytes().unwrap();
    let mut spoilt = file.clone();
    for at in 0..file.len() {
        spoilt[at] ^= 1 << (at % 8);
        match Checkpoint::from_bytes("DIR/file", &spoilt) {
            Err(Error::Weights { origin, .. }) => assert_eq!(origin, "DIR/file"),
            // White space, and the case of an escape, do not count.
            Ok(read) => assert!(read == keep.kept[0], "byte {at} of {}", file.len()),
            Err(other) => panic!("{other}"),
        }
        spoilt[at] = file[at];
    }
    for len in 0..file.len() {
        assert!(Checkpoint::from_bytes("file", &file[..len]).is_err());
    }
    let mut saved = Saved::default();
    saved.put("early_stopping", &"nonsense");
    assert!(EarlyStopping::new(1).load(&saved).is_err());
}

const RUN: [&str; 7] = ["train", "--net", "tiny", "--epochs", "3", "--quiet", "--json"];

fn hash(output: &std::process::Output) -> String {
    let out = String::from_utf8(output.stdout.clone()).unwrap();
    let json: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    json["weights_sha256"].as_str().unwrap().to_string()
}

#[test]
fn the_program_goes_on_inside_an_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let methods =
        ["--schedule", "cosine", "--warmup", "10", "--ema", "0.99", "--val=0.1", "--patience", "2", "--net", "cnn"];
    let run = ["train", "--epochs", "3", "--threads", "1"];
    let with = |more: &[&'static str]| [&run[..], &methods, more].concat();
    let whole = json(folder.path(), &with(&["--out", "whole"]));
    let half = json(folder.path(), &with(&["--out", "half", "--max-steps", "57"]));
    assert_eq!(half["steps"], 57);
    assert_ne!(half["weights_sha256"], whole["weights_sha256"]);
    for (options, what) in [
        (["--resume", "half", "--batch", "16"], "batch was 32, now it is 16"),
        (["--resume", "half", "--val", "0.2"], "the data is not the same"),
        (["--resume", "half", "--net", "mlp"], "the network is not the same"),
        (["--resume", "half", "--epochs", "1"], "schedule was"),
        (["--resume", "half", "--out", "other"], "--out"),
        (["--resume", "nowhere", "--seed", "1"], "no checkpoint"),
    ] {
        let error = refused(folder.path(), &[&["train"], &options[..]].concat());
        assert!(error.contains(what), "{error}");
    }
    let rest = json(folder.path(), &["train", "--resume", "half", "--threads", "2"]);
    for what in ["weights_sha256", "steps", "test_loss", "epochs"] {
        assert_eq!(rest[what], whole[what], "{what}");
    }
    let lines = |run: &str| {
        let text = std::fs::read_to_string(folder.path().join(run).join("history.jsonl")).unwrap();
        let strip = |line: &str| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            line.as_object_mut().unwrap().retain(|key, _| !key.contains("seconds") && !key.contains("per_second"));
            line
        };
        text.lines().map(strip).collect::<Vec<_>>()
    };
    assert_eq!(lines("half"), lines("whole"));
    // The curves do not show where the run was interrupted.
    for name in ["curves.svg", "curves.png"] {
        let file = |run: &str| std::fs::read(folder.path().join(run).join(name)).unwrap();
        assert!(file("half") == file("whole"), "{name}");
    }
    assert!(refused(folder.path(), &["train", "--resume", "half"]).contains("the run is complete"));
    std::fs::write(folder.path().join("half/checkpoint.safetensors"), b"nonsense").unwrap();
    assert!(refused(folder.path(), &["train", "--resume", "half"]).contains("not a checkpoint, or a spoilt one"));
}

/// Killed again and again, at moments spread over a run's whole time.
#[test]
#[cfg(unix)]
fn the_program_survives_being_killed() {
    let folder = tempfile::tempdir().unwrap();
    let start = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flatgrad"));
        command.args(arguments).current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let begun = std::time::Instant::now();
    let whole = hash(&start(&[&RUN[..], &["--out", "whole"]].concat()).wait_with_output().unwrap());
    let time = begun.elapsed().max(Duration::from_millis(40));

    let first = [&RUN[..], &["--out", "killed", "--checkpoint-steps", "1"]].concat();
    let resumed = ["train", "--resume", "killed", "--checkpoint-steps", "1", "--quiet", "--json"];
    let has_checkpoint = || Checkpoint::path_in(&folder.path().join("killed")).exists();
    let (mut kills, mut random, mut rounds) = (0, 1u64, 0);
    while kills < 20 {
        rounds += 1;
        assert!(rounds < 400, "the runs end before they are killed");
        let mut child = start(if has_checkpoint() { &resumed } else { &first });
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(time.mul_f64((random >> 40) as f64 / (1u64 << 24) as f64 / 3.0));
        let ended = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        if !ended {
            kills += 1;
        } else if output.status.success() {
            assert_eq!(hash(&output), whole);
            std::fs::remove_dir_all(folder.path().join("killed")).unwrap();
        } else {
            panic!("{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let last = start(if has_checkpoint() { &resumed } else { &first }).wait_with_output().unwrap();
    assert_eq!(hash(&last), whole);
    assert_eq!(names(&folder.path().join("killed")), names(&folder.path().join("whole")), "nothing is left behind");
}

#[test]
#[cfg(unix)]
fn the_first_interrupt_saves_and_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let run = ["train", "--net", "tiny", "--epochs", "10000", "--quiet", "--out", "long"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_flatgrad"));
    command.args(run).arg("--checkpoint-steps=1").current_dir(folder.path());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let path = Checkpoint::path_in(&folder.path().join("long"));
    while !path.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{error}");
    assert!(error.contains("continue with: flatgrad train --resume long"), "{error}");
    assert_eq!(names(&folder.path().join("long")), ["checkpoint.safetensors"]);
    let step = Checkpoint::load(&path).unwrap().position.step;
    assert!(
        refused(folder.path(), &run).contains(&format!("interrupted after step {step}: continue it with --resume"))
    );
    let more = (step + 5).to_string();
    assert_eq!(json(folder.path(), &["train", "--resume", "long", "--max-steps", &more])["steps"], step + 5);
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
