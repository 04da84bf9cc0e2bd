//! `flatgrad eval --crops`: against crops that a few loops cut.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::path::Path;

use common::Folder;
use common::arrays::{npy, zip};
use common::program::*;
use flatgrad::data::{self, Dataset, Images};
use flatgrad::model::{LayerStore, Predictor, StateDict, probabilities};
use flatgrad_core::net::{Config, Optimizer, Plan};
use flatgrad_core::{Context, Isa};
use serde_json::Value;

const WEIGHTS: &str = "run/weights.safetensors";

/// The `size` by `size` pixels of an image `[c, side, side]` with `pad` rows and columns of black around it, from this
/// place on, mirrored or not.
fn window(image: &[u8], side: usize, pad: usize, [top, left]: [usize; 2], size: usize, mirrored: bool) -> Vec<f32> {
    let mut pixels = Vec::new();
    for plane in image.chunks_exact(side * side) {
        for y in top..top + size {
            for x in left..left + size {
                let x = if mirrored { left + size - 1 - (x - left) } else { x };
                let inside = |at: usize| (pad..pad + side).contains(&at);
                let value = if inside(y) && inside(x) { plane[(y - pad) * side + x - pad] } else { 0 };
                pixels.push(f32::from(value));
            }
        }
    }
    pixels
}

/// Crops of these corners, and then of the same ones in the image mirrored, `span` columns wider than a crop.
fn ten(corners: &[[usize; 2]], span: usize) -> Vec<([usize; 2], bool)> {
    let mirrored = corners.iter().map(|&[top, left]| ([top, span - left], true));
    five(corners).into_iter().chain(mirrored).collect()
}

fn five(corners: &[[usize; 2]]) -> Vec<([usize; 2], bool)> {
    corners.iter().map(|&corner| (corner, false)).collect()
}

/// Accuracy and mean loss of averaged softmaxes, by the crops' corners.
fn oracle(folder: &Path, test: &Images, pad: usize, crops: &[([usize; 2], bool)]) -> (f64, f64) {
    let bytes = std::fs::read(folder.join(WEIGHTS)).unwrap();
    let network = StateDict::network_in("weights", &bytes).unwrap().unwrap();
    let weights = StateDict::from_safetensors(&bytes).unwrap();
    let store = LayerStore::default();
    let plan = Plan::try_new(&network.net(&store).unwrap(), Config::new(1, Optimizer::sgd(1.0))).unwrap();
    let mut predictor = Predictor::new(Context::serial(Isa::detect()), &plan, &weights).unwrap();
    let ([_, side, _], [_, size, _]) = (test.shape(), network.input());
    let (mut right, mut loss) = (0, 0.0);
    for i in 0..test.len() {
        let mut mean = vec![0.0; plan.outputs()];
        for &(corner, mirrored) in crops {
            let mut x = window(test.image(i), side, pad, corner, size, mirrored);
            x.iter_mut().for_each(|x| *x /= f32::from(test.white().unwrap()));
            network.scaling().unwrap().apply(&mut x);
            let p = probabilities(predictor.outputs(&x).unwrap(), plan.outputs());
            mean.iter_mut().zip(p).for_each(|(mean, p)| *mean += p / crops.len() as f64);
        }
        let best = (0..mean.len()).rev().max_by(|&a, &b| mean[a].total_cmp(&mean[b])).unwrap();
        right += usize::from(best == test.label(i) as usize);
        loss -= mean[test.label(i) as usize].ln();
    }
    (right as f64 / test.len() as f64, loss / test.len() as f64)
}

fn measured(folder: &Path, arguments: &[&str]) -> Value {
    let all: Vec<&str> = ["eval", "--weights", WEIGHTS, "--json"].iter().chain(arguments).copied().collect();
    serde_json::from_str(&succeeds(folder, &all).0).unwrap()
}

#[track_caller]
fn agree(found: &Value, (accuracy, loss): (f64, f64)) {
    assert_eq!(found["accuracy"].as_f64().unwrap(), accuracy, "{found}");
    assert!((found["loss"].as_f64().unwrap() - loss).abs() < 1e-5, "{found}: {loss}");
}

#[test]
fn crops_of_images_as_large_as_the_input_are_translations_and_mirror_images() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    succeeds(at, &["train", "--net", "tiny", "--epochs", "2", "--out", "run", "--quiet"]);
    let test = data::digits().unwrap().test;
    let plain = measured(at, &[]);
    assert!(plain.get("crops").is_none() && plain.get("one_crop").is_none());

    for (arguments, pad) in [(&["--crops", "5", "--pad", "1"][..], 1), (&["--crops", "5", "--pad", "2"], 2)] {
        let found = measured(at, arguments);
        agree(&found, oracle(at, &test, pad, &five(&[[0, 0], [0, 2 * pad], [2 * pad, 0], [2 * pad; 2], [pad; 2]])));
        assert_eq!((&found["crops"], &found["pad"]), (&Value::from(5), &Value::from(pad)));
        for key in ["accuracy", "top_accuracy", "loss"] {
            assert_eq!(found["one_crop"][key], plain[key], "the middle is the image: {key}");
        }
    }
    let all = measured(at, &["--crops", "10", "--pad", "1"]);
    agree(&all, oracle(at, &test, 1, &ten(&[[0, 0], [0, 2], [2, 0], [2, 2], [1, 1]], 2)));
    let two = measured(at, &["--crops", "2"]);
    agree(&two, oracle(at, &test, 0, &ten(&[[0, 0]], 0)));
    assert_eq!((&two["one_crop"]["loss"], &two["pad"]), (&plain["loss"], &Value::from(0)));

    // Without a border, five of the ten are the image and five its mirror image.
    let same = measured(at, &["--crops", "10"]);
    assert_eq!((&same["loss"], &same["crops"]), (&two["loss"], &Value::from(10)));

    let (text, _) = succeeds(at, &["eval", "--weights", WEIGHTS, "--crops", "10", "--pad", "1"]);
    let percent = |found: &Value| format!("{:.2} %", 100.0 * found["accuracy"].as_f64().unwrap());
    let line = format!("accuracy        {}   of one crop {}", percent(&all), percent(&plain));
    assert!(text.contains(&line) && text.contains("10, averaged; pixels of black around each image: 1"), "{text}");

    for (arguments, what) in [
        (&["--crops", "3"][..], "must be 1, 2, 5 or 10"),
        (&["--pad", "1"], "--pad: is for --crops 5"),
        (&["--crops", "2", "--pad", "1"], "--pad: is for --crops 5"),
        (&["--crops", "5"], "--crops: five crops of images as large as the network's input"),
        (&["--crops", "5", "--pad", "8"], "--pad: must be below 8"),
    ] {
        let all: Vec<&str> = ["eval", "--weights", WEIGHTS].iter().chain(arguments).copied().collect();
        assert!(refused(at, &all).contains(what), "{arguments:?}");
    }
}

/// Images of three channels in an archive: classes are told by color and place.
fn colors(n: usize, side: usize) -> (Vec<u8>, Vec<u8>) {
    let labels: Vec<u8> = (0..n).map(|i| (i * 7 % 3) as u8).collect();
    let pixels = (0..n * 3 * side * side).map(|p| {
        let (i, channel, row) = (p / (3 * side * side), p / (side * side) % 3, p / side % side);
        let noise = (p.wrapping_mul(2_654_435_761) >> 11) as u8 % 120;
        noise + if channel == usize::from(labels[i]) && row > side / 3 { 60 } else { 0 }
    });
    (pixels.collect(), labels)
}

fn archive(at: &Path, name: &str, side: usize) -> Images {
    let ((train, train_labels), (test, labels)) = (colors(60, side), colors(31, side));
    let x = |n: usize, data: &[u8]| npy("|u1", &format!("({n}, 3, {side}, {side})"), data);
    let y = |n: usize, data: &[u8]| npy("|u1", &format!("({n},)"), data);
    let file = zip(&[
        ("x_train", x(60, &train)),
        ("y_train", y(60, &train_labels)),
        ("x_test", x(31, &test)),
        ("y_test", y(31, &labels)),
    ]);
    std::fs::write(at.join(name), file).unwrap();
    Images::new("test", [3, side, side], 3, 255, test, labels.into_iter().map(u32::from).collect()).unwrap()
}

#[test]
fn crops_of_larger_images_are_cut_from_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    archive(at, "small.npz", 8);
    succeeds(at, &["train", "--data", "small.npz", "--net", "tiny", "--epochs", "3", "--out", "run", "--quiet"]);
    // Three rows and columns more: 1.5 on each side, which Python rounds to 2.
    let test = archive(at, "large.npz", 11);
    let corners = [[0, 0], [0, 3], [3, 0], [3, 3], [2, 2]];
    let found = measured(at, &["--data", "large.npz", "--crops", "10"]);
    agree(&found, oracle(at, &test, 0, &ten(&corners, 3)));
    agree(&found["one_crop"], oracle(at, &test, 0, &five(&[[2, 2]])));
    agree(&measured(at, &["--data", "large.npz", "--crops", "5"]), oracle(at, &test, 0, &five(&corners)));
    agree(
        &measured(at, &["--data", "large.npz", "--crops", "2"]),
        oracle(at, &test, 0, &[([2, 2], false), ([2, 2], true)]),
    );
    let wider = [[0, 0], [0, 5], [5, 0], [5, 5], [2, 2]];
    let padded = measured(at, &["--data", "large.npz", "--crops", "5", "--pad", "1"]);
    agree(&padded, oracle(at, &test, 1, &five(&wider)));

    archive(at, "tiny.npz", 7);
    let all = ["eval", "--weights", WEIGHTS, "--data", "tiny.npz", "--crops", "5"];
    assert!(refused(at, &all).contains("images of 7 x 7 are smaller than the network's input, 8 x 8"));
    assert!(refused(at, &all[..5]).contains("samples [3, 7, 7]"));
    // Of another number of channels.
    assert!(refused(at, &["eval", "--weights", WEIGHTS, "--crops", "5"]).contains("samples [1, 8, 8]"));
}

#[test]
fn rows_of_numbers_have_no_crops() {
    let folder = Folder::empty();
    let at = folder.path();
    std::fs::write(at.join("t.csv"), "a,b,c\n".to_string() + &"0,1,x\n1,0,y\n".repeat(20)).unwrap();
    succeeds(at, &["train", "--data", "t.csv", "--epochs", "1", "--out", "run", "--quiet"]);
    let error = refused(at, &["eval", "--weights", WEIGHTS, "--data", "t.csv", "--crops", "5"]);
    assert!(error.contains("--crops: are of images"), "{error}");
}
