//! `flatgrad train --stats` and `--train-eval`.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::path::Path;

use common::arrays::{npy, zip};
use common::program::*;
use serde_json::Value;

fn lines(folder: &Path, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_run_says_how_training_goes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let run = ["train", "--net", "tiny", "--epochs", "2", "--out", "run", "--tensorboard", "board"];
    let (out, _) = succeeds(at, &[&run[..], &["--stats", "--train-eval"]].concat());
    let epochs = lines(at, "run/history.jsonl");
    let percent = |value: &Value| format!("({:.2} %)", 100.0 * value.as_f64().unwrap());
    for epoch in &epochs {
        assert!(out.contains(&percent(&epoch["train_accuracy"])), "{out}");
        let part = format!(
            "training part {:.4} {}",
            epoch["train_part_loss"].as_f64().unwrap(),
            percent(&epoch["train_part_accuracy"])
        );
        assert!(out.contains(&part), "{part} is missing in {out}");
    }
    // The weights get better within the epoch: after it, more is right than on the way.
    assert!(epochs[0]["train_accuracy"].as_f64() < epochs[0]["train_part_accuracy"].as_f64());
    let summary: Value = serde_json::from_slice(&std::fs::read(at.join("run/run.json")).unwrap()).unwrap();
    for key in ["train_accuracy", "train_part_loss", "train_part_accuracy"] {
        let numbers = [&epochs[1][key], &summary[key]].map(|value| value.as_f64().unwrap());
        assert!((numbers[0] - numbers[1]).abs() < 1e-6, "{key}: {numbers:?}");
    }
    let curves = std::fs::read_to_string(at.join("run/curves.svg")).unwrap();
    assert_eq!(curves.matches(">training part<").count(), 2, "in the panels of losses and of accuracy");
    assert_eq!(curves.matches(">training<").count(), 2);

    // As `eval` measures it.
    let (out, _) = succeeds(at, &["eval", "--weights", "run/weights.safetensors", "--part", "train", "--json"]);
    let measured: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(measured["accuracy"], summary["train_part_accuracy"]);

    let stats = lines(at, "run/stats.jsonl");
    let layers = stats.len() / 2;
    for (i, line) in stats.iter().enumerate() {
        assert_eq!(
            (line["epoch"].as_u64(), line["layer"].as_u64()),
            (Some(1 + (i / layers) as u64), Some((i % layers) as u64))
        );
        assert_eq!((line["steps"].as_u64(), line["step"].as_u64()), (Some(8), Some(45 * (1 + i / layers) as u64)));
        assert_eq!(line["update_ratio"].is_number(), ["conv2d", "dense"].contains(&line["kind"].as_str().unwrap()));
    }
    let svg = std::fs::read_to_string(at.join("run/stats.svg")).unwrap();
    assert!(svg.contains("tiny on digits: layers") && svg.contains("00 conv2d"));
    assert!(image::open(at.join("run/stats.png")).unwrap().width() > 1000);

    let board = std::fs::read_dir(at.join("board")).unwrap().next().unwrap().unwrap().path();
    let events = std::fs::read(board).unwrap();
    let holds = |text: &str| events.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    for tag in ["accuracy/train", "loss/train_part", "outputs/00_conv2d", "gradients/01_relu", "update_ratio/00_conv2d"]
    {
        assert!(holds(tag), "{tag}");
    }

    // The next run without them takes the files away.
    succeeds(at, &["train", "--net", "tiny", "--max-steps", "1", "--out", "run", "--quiet"]);
    for name in ["stats.jsonl", "stats.svg", "stats.png"] {
        assert!(!at.join("run").join(name).exists(), "{name}");
    }
    for option in ["--stats", "--train-eval"] {
        assert!(succeeds(at, &["train", "--help"]).0.contains(option), "{option}");
    }
}

#[test]
fn looking_changes_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let weights = "1,2,1,1,1,1,1,1,1,3";
    for options in [
        &["--net", "cnn", "--max-steps", "50", "--ema", "0.9"][..],
        &["--net", "mlp", "--max-steps", "20", "--batch", "16", "--accumulate", "3", "--class-weights", weights],
        &["--net", "resnet8", "--max-steps", "12", "--augment", "digits", "--clip-norm", "1", "--optimizer", "lion"],
    ] {
        let hash = |more: &[&str]| {
            let result = json(at, &[&["train"], options, more].concat());
            (result["weights_sha256"].clone(), result["test_loss"].clone(), result["train_accuracy"].clone())
        };
        let plain = hash(&[]);
        for more in [&["--stats"][..], &["--train-eval"], &["--stats", "--train-eval", "--threads", "1"]] {
            assert_eq!(hash(more), plain, "{options:?} {more:?}");
        }
    }
}

#[test]
fn a_run_that_goes_on_goes_on_looking() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let run = ["train", "--net", "tiny", "--epochs", "2", "--stats", "--train-eval", "--quiet"];
    succeeds(at, &[&run[..], &["--out", "whole"]].concat());
    succeeds(at, &[&run[..], &["--out", "half", "--max-steps", "57"]].concat());
    assert_ne!(lines(at, "half/stats.jsonl"), lines(at, "whole/stats.jsonl"));
    succeeds(at, &["train", "--resume", "half", "--quiet"]);
    for name in ["stats.jsonl", "stats.svg", "stats.png"] {
        let file = |run: &str| std::fs::read(at.join(run).join(name)).unwrap();
        assert!(file("half") == file("whole"), "{name}");
    }
    assert!(lines(at, "half/history.jsonl")[1]["train_part_loss"].is_number());
}

/// Two features: one is always negative, the other large and of both signs.
fn extremes(at: &Path) {
    let floats = |values: &[f32]| values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let part = |n: usize| {
        let x: Vec<f32> = (0..n).flat_map(|i| [-1.0 - i as f32, 1e6 * (1 + i % 5) as f32]).collect();
        let y: Vec<u8> = (0..n).flat_map(|i| (i as i64 % 2).to_le_bytes()).collect();
        (npy("<f4", &format!("({n}, 2)"), &floats(&x)), npy("<i8", &format!("({n},)"), &y))
    };
    let ((x_train, y_train), (x_test, y_test)) = (part(40), part(10));
    let archive = zip(&[("x_train", x_train), ("y_train", y_train), ("x_test", x_test), ("y_test", y_test)]);
    std::fs::write(at.join("extremes.npz"), archive).unwrap();
}

#[test]
fn dead_and_saturated_units_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    extremes(at);
    let network = r#"
input = [2, 1, 1]
layers = ["relu", { kind = "dense", outputs = 6 }, "sigmoid", { kind = "dense", outputs = 2 }]
"#;
    std::fs::write(at.join("net.toml"), network).unwrap();
    let run = ["train", "--data", "extremes.npz", "--net", "net.toml", "--normalize", "unit", "--batch", "8"];
    succeeds(at, &[&run[..], &["--epochs", "3", "--stats", "--out", "run", "--quiet"]].concat());
    let stats = lines(at, "run/stats.jsonl");
    assert_eq!(stats.len(), 12);
    for line in &stats {
        let (dead, saturated) = (line["dead"].as_f64().unwrap(), line["saturated"].as_f64());
        match line["kind"].as_str().unwrap() {
            // Of its two units, the one with negative inputs never gives anything.
            "relu" => assert_eq!((dead, saturated), (0.5, None)),
            "sigmoid" => assert_eq!(saturated, Some(1.0), "{line}"),
            _ => assert_eq!((dead, saturated), (0.0, None)),
        }
    }
    // Where a sigmoid is flat, nothing gets through to the layer below.
    assert_eq!(stats[1]["gradients"]["std"], 0.0);
    assert_eq!(stats[1]["update_ratio"], 0.0);
    assert!(stats[3]["update_ratio"].as_f64().unwrap() > 0.0);
}
