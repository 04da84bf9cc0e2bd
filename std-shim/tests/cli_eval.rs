//! `flatgrad eval`, `predict`, `info` and `--tensorboard`.
#![allow(missing_docs, reason = "a test")]

mod common;

use common::program::*;
use flatgrad::data;
use serde_json::Value;

#[test]
fn trained_weights_are_measured_used_and_described() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let run = json(at, &["train", "--net", "tiny", "--epochs", "4", "--out", "run", "--tensorboard", "board"]);
    let weights = "run/weights.safetensors";

    let (out, _) = succeeds(at, &["eval", "--weights", weights, "--json"]);
    let measured: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(measured["accuracy"], run["test_accuracy"]);
    assert!((measured["loss"].as_f64().unwrap() - run["test_loss"].as_f64().unwrap()).abs() < 1e-5);
    assert!(measured["top_accuracy"].as_f64() >= measured["accuracy"].as_f64());
    let (out, _) = succeeds(at, &["eval", "--weights", weights, "--part", "train", "--top", "2"]);
    for text in ["samples         1,437", "precision", "true class in rows"] {
        assert!(out.contains(text), "{text} is missing in {out}");
    }

    let (out, _) = succeeds(at, &["info", weights]);
    for text in ["network         tiny", "1 x 8 x 8", "1,898", run["weights_sha256"].as_str().unwrap()] {
        assert!(out.contains(text), "{text} is missing in {out}");
    }

    // Images of the test part, enlarged: most are still recognized.
    let digits = data::digits().unwrap().test;
    std::fs::create_dir(at.join("images")).unwrap();
    let mut labels = Vec::new();
    for i in 0..40 {
        let pixels: Vec<u8> = digits.image(i).iter().map(|&x| (f32::from(x) * 255.0 / 16.0).round() as u8).collect();
        let image = image::GrayImage::from_raw(8, 8, pixels).unwrap();
        let size = if i % 2 == 0 { 8 } else { 16 };
        let image = image::imageops::resize(&image, size, size, image::imageops::FilterType::Nearest);
        image.save(at.join(format!("images/{i:02}.png"))).unwrap();
        labels.push(digits.label(i).to_string());
    }
    succeeds(at, &["predict", "--weights", weights, "images", "--out", "table.csv"]);
    let table = std::fs::read_to_string(at.join("table.csv")).unwrap();
    assert!(table.starts_with("file,class,p0,"));
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let right = rows.iter().zip(&labels).filter(|(row, label)| row[1] == *label).count();
    assert!(rows.len() == 40 && right >= 34, "{right} of {}", rows.len());
    for row in &rows {
        let sum: f64 = row[2..].iter().map(|p| p.parse::<f64>().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{row:?}");
    }
    let (one, _) = succeeds(at, &["predict", "--weights", weights, "images/00.png"]);
    assert_eq!(one.lines().nth(1).unwrap(), table.lines().nth(1).unwrap());

    let board: Vec<_> = std::fs::read_dir(at.join("board")).unwrap().map(|e| e.unwrap().path()).collect();
    let events = std::fs::read(&board[0]).unwrap();
    // The version, two numbers a step, four an epoch.
    assert_eq!((board.len(), records(&events)), (1, 1 + 2 * 180 + 4 * 4));

    std::fs::write(at.join("images/bad.png"), b"\x89PNG\r\n\x1a\nnot one").unwrap();
    std::fs::create_dir(at.join("empty")).unwrap();
    let plain = flatgrad::model::StateDict::load(&at.join(weights)).unwrap();
    plain.save(&at.join("plain.safetensors")).unwrap();
    for (arguments, what) in [
        (&["predict", "--weights", weights, "images"][..], "bad.png"),
        (&["predict", "--weights", weights, "empty"], "has no PNG"),
        (&["predict", "--weights", weights, "missing.png"], "missing.png"),
        (&["info", "plain.safetensors"], "does not say its network"),
        (&["info", "images/00.png"], "images/00.png"),
        (&["eval", "--weights", weights, "--data", "empty"], "empty"),
    ] {
        assert!(refused(at, arguments).contains(what), "{arguments:?}");
    }
}

fn records(mut file: &[u8]) -> usize {
    let mut count = 0;
    while let Some((len, rest)) = file.split_first_chunk::<8>() {
        file = &rest[4 + u64::from_le_bytes(*len) as usize + 4..];
        count += 1;
    }
    count
}
