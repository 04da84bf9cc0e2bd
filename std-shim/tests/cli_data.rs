//! `--data` and its options.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::fmt::Write;
use std::path::Path;

use common::Folder;
use common::arrays::{npy, zip};
use common::program::*;
use image::{GrayImage, Luma};

/// Two numbers and whether their sum is above 1, and their sum and difference.
fn table(folder: &Path, name: &str, header: bool) {
    let mut text = if header { "x,y,who,above,sum\n".to_string() } else { String::new() };
    for i in 0..300u32 {
        let (x, y) = (f64::from(i * 37 % 101) / 100.0, f64::from(i * 53 % 97) / 96.0);
        let above = if x + y > 1.0 { "yes" } else { "no" };
        writeln!(text, "{x},{y},{},{above},{:.4}", i % 20, x + y).unwrap();
    }
    std::fs::write(folder.join(name), text).unwrap();
}

/// Bright images above, dark ones below.
fn images(folder: &Folder, parts: &[&str], side: u32) {
    for part in parts {
        for class in ["dark", "light"] {
            let path = folder.file(part).join(class);
            std::fs::create_dir_all(&path).unwrap();
            for i in 0..24u32 {
                let base = if class == "dark" { 20 } else { 160 };
                let noise = |x: u32, y: u32| (x * 31 + y * 17 + i * 7) % 60;
                let image = GrayImage::from_fn(side, side, |x, y| Luma([(base + noise(x, y)) as u8]));
                image.save(path.join(format!("{i:02}.png"))).unwrap();
            }
        }
    }
}

#[test]
fn a_table_of_classes_is_learnt() {
    let folder = tempfile::tempdir().unwrap();
    table(folder.path(), "t.csv", true);
    let arguments = ["--data", "t.csv", "--target", "above", "--batch", "16", "--epochs", "3"];
    let run = json(folder.path(), &arguments);
    assert!(run["test_accuracy"].as_f64().unwrap() > 0.9, "{run}");
    assert!(run["test_mae"].is_null() && run["data_wait_seconds"].as_f64().unwrap() > 0.0);
    assert_eq!((&run["data"], &run["net"]), (&"t".into(), &"mlp".into()));
    // Workers and threads change no bit; the split stays when the seed changes.
    let more = [&arguments[..], &["--workers", "3", "--threads", "2"]].concat();
    assert_eq!(json(folder.path(), &more)["weights_sha256"], run["weights_sha256"]);
    let (out, _) = succeeds(folder.path(), &[&arguments[..], &["--group", "who", "--seed", "5"]].concat());
    assert!(out.contains("240 training and 60 test samples of 3 numbers, 2 classes"), "{out}");
}

#[test]
fn a_number_is_predicted() {
    let folder = tempfile::tempdir().unwrap();
    table(folder.path(), "t.csv", false);
    std::fs::write(folder.path().join("mixed.csv"), "1,2,no,3\n".repeat(20)).unwrap();
    let error = refused(folder.path(), &["--data", "t.csv", "--no-header", "--regression"]);
    assert!(error.contains("t.csv: line 1, column 4 (4): not a number: \"no\""), "{error}");
    let text = std::fs::read_to_string(folder.path().join("t.csv")).unwrap();
    std::fs::write(folder.path().join("t.csv"), text.replace(",yes,", ",1,").replace(",no,", ",0,")).unwrap();
    let arguments = ["--data", "t.csv", "--no-header", "--regression", "--batch", "16", "--epochs", "8"];
    let run = json(folder.path(), &[&arguments[..], &["--drop-last"]].concat());
    assert!(run["test_mae"].as_f64().unwrap() < 0.1 && run["test_accuracy"].is_null(), "{run}");
    assert_eq!(run["steps"].as_u64(), Some(8 * (240 / 16)));
    let (out, _) = succeeds(folder.path(), &arguments);
    assert!(out.contains("test MAE") && out.contains("1 to predict"), "{out}");
}

#[test]
fn a_folder_of_images_is_learnt() {
    let (work, flat, parted) = (tempfile::tempdir().unwrap(), Folder::empty(), Folder::empty());
    images(&flat, &["."], 8);
    images(&parted, &["train", "val"], 8);
    for (folder, train, test) in [(&flat, 36, 12), (&parted, 48, 48)] {
        let path = folder.path().to_str().unwrap();
        let split: &[&str] = if test == 12 { &["--split", "0.25"] } else { &[] };
        let arguments = [&["--data", path, "--batch", "8", "--epochs", "3", "--out", "run"][..], split].concat();
        let (out, _) = succeeds(work.path(), &arguments);
        assert!(out.contains(&format!("{train} training and {test} test images, 1 x 8 x 8, 2 classes")), "{out}");
        let run = json(work.path(), &arguments);
        assert!(run["test_accuracy"].as_f64().unwrap() > 0.9, "{run}");
        let none = [&arguments[..], &["--workers", "0"]].concat();
        assert_eq!(json(work.path(), &none)["weights_sha256"], run["weights_sha256"]);
    }
    let path = flat.path().to_str().unwrap();
    let resized = succeeds(work.path(), &["--data", path, "--batch", "8", "--epochs", "1", "--resize", "12"]).0;
    assert!(resized.contains("1 x 12 x 12"), "{resized}");
    std::fs::write(flat.file("light/07.png"), b"broken").unwrap();
    let error = refused(work.path(), &["--data", path]);
    assert!(error.contains("light/07.png: not a readable image"), "{error}");
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    table(folder.path(), "t.csv", true);
    std::fs::write(folder.path().join("t.xlsx"), b"PK").unwrap();
    for (arguments, text) in [
        (&["--target", "a"][..], "--target: only a table"),
        (&["--regression"], "--regression: only a table or .npz"),
        (&["--no-header"], "--no-header: only a table"),
        (&["--group", "a"], "--group: only a table"),
        (&["--resize", "8"], "--resize: only images"),
        (&["--split", "0.1"], "--split: the data says"),
        (&["--split", "1"], "must be a number between 0 and 1"),
        (&["--workers", "257"], "--workers: must be at most 256"),
        (&["--workers", "-1"], "--workers"),
        (&["--data", "t.csv", "--target", "z"], "no column \"z\": the 5 columns are x, y, who, above, sum"),
        (&["--data", "t.csv", "--resize", "8"], "--resize: only images"),
        (&["--data", "t.csv", "--batch", "1000"], "t.csv: line 2, column 4 (above): not a number"),
        (&["--data", "t.xlsx"], "--data: t.xlsx is not a folder, .csv, .tsv or .npz"),
    ] {
        let error = refused(folder.path(), arguments);
        assert!(error.contains(text), "{arguments:?}: {error}");
    }
}

/// What README shows of a folder of images, from the first look to the table of predictions.
#[test]
fn a_folder_is_augmented_trained_on_measured_and_predicted() {
    let folder = Folder::empty();
    images(&folder, &["pets"], 20);
    let at = folder.path();
    let data = ["--data", "pets", "--resize", "16"];
    succeeds(at, &[&["augment", "--recipe", "cifar", "--preview", "sheet.png"][..], &data].concat());
    assert!(image::open(at.join("sheet.png")).is_ok());
    let arguments =
        ["train", "--net", "resnet8", "--augment", "cifar", "--epochs", "6", "--batch", "8", "--out", "run"];
    let run = json(at, &[&arguments[..], &data].concat());
    assert!(run["test_accuracy"].as_f64().unwrap() > 0.9, "{run}");

    let weights = ["--weights", "run/weights.safetensors"];
    let (out, _) = succeeds(at, &[&["eval", "--json"][..], &weights, &data].concat());
    let measured: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(measured["accuracy"], run["test_accuracy"]);
    let (out, _) = succeeds(at, &[&["eval"][..], &weights, &data].concat());
    assert!(out.contains(" dark ") && out.contains("light "), "{out}");
    let (out, _) = succeeds(at, &[&["predict"][..], &weights, &["pets/light"]].concat());
    assert!(out.starts_with("file,class,pdark,plight\n"), "{out}");
    let right = out.lines().filter(|line| line.split(',').nth(1) == Some("light")).count();
    assert!(right >= 22 && out.lines().count() == 25, "{out}");
    let (out, _) = succeeds(at, &["info", weights[1]]);
    assert!(out.contains("resnet8") && out.contains("3 x 16 x 16") || out.contains("1 x 16 x 16"), "{out}");
}

#[test]
fn a_network_for_numbers_is_not_asked_about_images() {
    let folder = Folder::empty();
    images(&folder, &["pets"], 4);
    table(folder.path(), "t.csv", true);
    let arguments = ["train", "--data", "t.csv", "--target", "above", "--epochs", "1", "--out", "run"];
    json(folder.path(), &arguments);
    let message = refused(folder.path(), &["predict", "--weights", "run/weights.safetensors", "pets/dark"]);
    assert!(message.contains("trained on numbers"), "{message}");
}

#[test]
fn signals_are_augmented() {
    let folder = Folder::empty();
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for i in 0..80u32 {
        let class = i % 2;
        let wave = |t: u32| ((t * (1 + 2 * class)) as f32 * 0.4 + i as f32).sin();
        x.extend((0..32).flat_map(|t| wave(t).to_le_bytes()));
        y.extend(i64::from(class).to_le_bytes());
    }
    let arrays = [("x", npy("<f4", "(80, 1, 1, 32)", &x)), ("y", npy("<i8", "(80,)", &y))];
    std::fs::write(folder.path().join("windows.npz"), zip(&arrays)).unwrap();
    let run = |extra: &[&str]| {
        let arguments = ["train", "--data", "windows.npz", "--net", "mlp", "--augment", "signal", "--epochs", "20"];
        json(folder.path(), &[&arguments[..], extra].concat())
    };
    let first = run(&["--out", "a"]);
    assert!(first["test_accuracy"].as_f64().unwrap() > 0.8, "{first}");
    assert_eq!(run(&["--out", "b", "--workers", "3"])["weights_sha256"], first["weights_sha256"]);
}

/// The library's errors name fields; these are the program's words.
#[test]
fn errors_name_options() {
    let folder = Folder::empty();
    let rows: String = (0..1001).map(|i| format!("1,{i}.5\n")).collect();
    std::fs::write(folder.file("many.csv"), format!("a,b\n{rows}")).unwrap();
    images(&folder, &["pets"], 8);
    GrayImage::from_pixel(9, 8, Luma([9])).save(folder.file("pets").join("dark/wide.png")).unwrap();
    for (arguments, text) in [
        (&["--data", "many.csv"][..], "more than 1000 classes: to predict a number, say --regression"),
        (&["--data", "pets"], "resize them all (--resize)"),
        (&["--raw-targets"], "--raw-targets: is for numbers to predict; these are classes"),
        (&["--val", "1.5"], "--val: must be above 0 and below 1: the share of the training part"),
        (&["--label-smoothing", "2"], "--label-smoothing: must be from 0 to 1"),
        (&["--class-weights", "1,2"], "--class-weights: must be 10, one for each output, got 2"),
        (&["--schedule", "cosine", "--min-lr", "-1"], "--min-lr: must be a finite number from 0 on"),
        (&["--schedule", "plateau", "--val", "0.1", "--gamma", "2"], "--gamma: must be between 0 and 1"),
    ] {
        let error = refused(folder.path(), arguments);
        assert!(error.trim_end().ends_with(text), "{arguments:?}: {error}");
    }
}
