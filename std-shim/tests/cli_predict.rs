//! `flatgrad predict` for tables and arrays, and networks that predict numbers.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::fmt::Write;
use std::path::Path;

use common::arrays::{npy, zip};
use common::program::*;
use flatgrad::data::{Columns, Dataset, Label, OpenOptions, Scratch, TableOptions, Values, open};
use flatgrad::model::{LayerStore, Network, Predictor, StateDict, probabilities};
use flatgrad_core::net::{Config, Optimizer, Plan};
use flatgrad_core::{Context, Isa};
use serde_json::Value;

const WEIGHTS: &str = "run/weights.safetensors";

/// Numbers from -1 to 1.
fn noise(i: usize) -> f32 {
    ((i.wrapping_mul(2_654_435_761) >> 7) % 2001) as f32 / 1000.0 - 1.0
}

fn rows(n: usize) -> Vec<[f32; 3]> {
    (0..n).map(|i| [noise(3 * i + 1), 100.0 + 10.0 * noise(3 * i + 2), noise(3 * i + 3)]).collect()
}

fn species([a, b, _]: &[f32; 3]) -> &'static str {
    if *a > 0.3 {
        "setosa"
    } else if *b > 100.0 {
        "virginica"
    } else {
        "versicolor"
    }
}

fn price([a, b, c]: &[f32; 3]) -> f32 {
    250_000.0 + 40_000.0 * a + 3_000.0 * (b - 100.0) - 9_000.0 * c
}

/// A table with these columns of a, b, c, group, species and price.
fn table(at: &Path, name: &str, columns: &[&str], n: usize) {
    let mut text = columns.join(",") + "\n";
    for (i, row) in rows(n).iter().enumerate() {
        let field = |column: &&str| match *column {
            "species" => species(row).to_string(),
            "price" => price(row).to_string(),
            "who" => format!("person {}", i % 7),
            letter => row[usize::from(letter.as_bytes()[0] - b'a')].to_string(),
        };
        writeln!(text, "{}", columns.iter().map(field).collect::<Vec<_>>().join(",")).unwrap();
    }
    std::fs::write(at.join(name), text).unwrap();
}

fn network(at: &Path) -> (Network, StateDict) {
    let bytes = std::fs::read(at.join(WEIGHTS)).unwrap();
    (StateDict::network_in("weights", &bytes).unwrap().unwrap(), StateDict::from_safetensors(&bytes).unwrap())
}

/// A network's outputs for samples that are not yet normalized, one by one.
fn outputs(at: &Path, samples: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let (network, weights) = network(at);
    let store = LayerStore::default();
    let plan = Plan::try_new(&network.net(&store).unwrap(), Config::new(1, Optimizer::sgd(1.0))).unwrap();
    let mut predictor = Predictor::new(Context::serial(Isa::detect()), &plan, &weights).unwrap();
    let one = |sample: &Vec<f32>| {
        let mut x = sample.clone();
        network.scaling().unwrap().apply(&mut x);
        predictor.outputs(&x).unwrap().to_vec()
    };
    samples.iter().map(one).collect()
}

fn predicted(at: &Path, arguments: &[&str]) -> Vec<Vec<String>> {
    let all: Vec<&str> = ["predict", "--weights", WEIGHTS].iter().chain(arguments).copied().collect();
    succeeds(at, &all).0.lines().map(|line| line.split(',').map(String::from).collect()).collect()
}

#[test]
fn rows_of_a_table_are_classified_with_and_without_the_target() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    table(at, "train.csv", &["a", "who", "b", "c", "species"], 300);
    let train = ["train", "--data", "train.csv", "--group", "who", "--epochs", "8", "--out", "run", "--quiet"];
    succeeds(at, &train);
    let columns = Columns {
        features: ["a", "b", "c"].map(String::from).to_vec(),
        target: "species".to_string(),
        group: Some("who".to_string()),
    };
    assert_eq!(network(at).0.columns(), Some(&columns));

    table(at, "new.csv", &["a", "b", "c"], 150);
    let answers = predicted(at, &["new.csv"]);
    assert_eq!(answers[0], ["row", "class", "psetosa", "pversicolor", "pvirginica"]);
    let samples = rows(150);
    let expected = outputs(at, &samples.iter().map(|row| row.to_vec()).collect::<Vec<_>>());
    let mut right = 0;
    for (i, answer) in answers[1..].iter().enumerate() {
        assert_eq!(answer[0], (i + 1).to_string());
        right += usize::from(answer[1] == species(&samples[i]));
        for (p, expected) in answer[2..].iter().zip(probabilities(&expected[i], 3)) {
            assert!((p.parse::<f64>().unwrap() - expected).abs() < 1e-6, "{answer:?}");
        }
    }
    assert!(answers.len() == 151 && right > 130, "{right}");

    // Columns in any order, with those of training that are no features; and a target of another name.
    table(at, "shuffled.csv", &["species", "c", "a", "who", "b"], 150);
    assert_eq!(predicted(at, &["shuffled.csv"]), answers);
    let error =
        refused(at, &["eval", "--weights", WEIGHTS, "--data", "shuffled.csv", "--target", "species", "--group", "who"]);
    assert!(error.contains("--data: has the feature \"c\" where training had \"a\""), "{error}");
    let (info, _) = succeeds(at, &["info", WEIGHTS]);
    assert!(info.contains("columns         a, b, c -> species"), "{info}");
    table(at, "other.csv", &["price", "c", "a", "b"], 150);
    assert_eq!(predicted(at, &["other.csv", "--target", "price"]), answers);
    // Without names, columns are counted.
    let plain = std::fs::read_to_string(at.join("new.csv")).unwrap();
    std::fs::write(at.join("plain.csv"), plain.split_once('\n').unwrap().1).unwrap();
    assert_eq!(predicted(at, &["plain.csv", "--no-header"]), answers);
    let data = samples.iter().flatten().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let array = npy("<f4", "(150, 3)", &data);
    std::fs::write(at.join("x.npy"), &array).unwrap();
    std::fs::write(at.join("x.npz"), zip(&[("y", npy("<f4", "(1,)", &[0; 4])), ("x", array)])).unwrap();
    assert_eq!(predicted(at, &["x.npy"]), answers);
    succeeds(at, &["predict", "--weights", WEIGHTS, "x.npz", "--out", "answers.csv"]);
    let lines = std::fs::read_to_string(at.join("answers.csv")).unwrap();
    assert_eq!(lines.lines().map(|line| line.split(',').map(String::from).collect()).collect::<Vec<Vec<_>>>(), answers);

    let files = [
        ("empty.csv", "a,b,c\n", "no samples"),
        ("nothing.csv", "", "no samples"),
        ("missing.csv", "a,c\n1,2\n", "no column \"b\": the 2 columns are a, c"),
        ("more.csv", "a,b,c,id\n1,2,3,4\n", "column 4 (id) is none of those on which the network was trained"),
        ("twice.csv", "a,b,c,a\n1,2,3,4\n", "column 4 is a second \"a\""),
        ("words.csv", "a,b,c\n1,2,3\n1,x,3\n", "line 3, column 2 (b): not a number: \"x\""),
        ("ragged.csv", "a,b,c\n1,2,3,4\n", "line 2 has 4 columns, but the first line has 3"),
        ("gap.csv", "a,b,c\n1,,3\n", "line 2, column 2 (b): empty"),
    ];
    for (name, text, what) in files {
        std::fs::write(at.join(name), text).unwrap();
        let error = refused(at, &["predict", "--weights", WEIGHTS, name]);
        assert!(error.contains(name) && error.contains(what), "{name}: {error}");
    }
    std::fs::write(at.join("wide.npy"), npy("<f4", "(2, 4)", &[0; 32])).unwrap();
    std::fs::write(at.join("bytes.npy"), npy("|u1", "(2, 3)", &[0; 6])).unwrap();
    std::fs::write(at.join("void.npy"), npy("<f4", "(1000000000000, 0)", &[])).unwrap();
    for (arguments, what) in [
        (&["wide.npy"][..], "--samples: samples [4, 1, 1] of 0 to 1; the network takes [3, 1, 1]"),
        (&["bytes.npy"], "--samples: samples [3, 1, 1] of 0 to 255"),
        (&["void.npy"], "void.npy"),
        (&["more.csv", "--no-header"], "line 1, column 1 (1): not a number: \"a\""),
        (&["new.csv", "--target", "z"], "no column \"z\""),
        (&["new.csv", "--invert"], "--invert: is for images"),
        (&["x.npy", "--target", "a"], "--target: only a table"),
        (&["new.csv", "--crops", "2"], "--crops: are of images"),
        (&["photo.png"], "trained on numbers"),
    ] {
        let all: Vec<&str> = ["predict", "--weights", WEIGHTS].iter().chain(arguments).copied().collect();
        let error = refused(at, &all);
        assert!(error.contains(what), "{arguments:?}: {error}");
    }
}

/// Targets of hundreds of thousands, at a learning rate with which a network would never get there.
#[test]
fn numbers_are_learnt_standardized_and_given_in_their_own_unit() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    table(at, "houses.csv", &["a", "b", "c", "price"], 400);
    let train = ["train", "--data", "houses.csv", "--regression", "--epochs", "12"];
    let run = json(at, &[&train[..], &["--out", "run"]].concat());
    let (found, weights) = network(at);
    // As loops measure it, on the training part alone.
    let options =
        OpenOptions { table: TableOptions { regression: true, ..TableOptions::default() }, ..OpenOptions::default() };
    let split = open(&at.join("houses.csv"), &options).unwrap().split;
    let value = |data: &dyn Dataset, i| match data.target(i) {
        Label::Values(values) => f64::from(values[0]),
        Label::Class(_) => f64::NAN,
    };
    let prices: Vec<f64> = (0..split.train.len()).map(|i| value(&split.train, i)).collect();
    let mean = prices.iter().sum::<f64>() / prices.len() as f64;
    let variance = prices.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / prices.len() as f64;
    let targets = found.targets().unwrap();
    assert_eq!((targets.mean[0], targets.std[0]), (mean as f32, variance.sqrt() as f32));
    assert!(
        found.classes().is_empty()
            && found.net(&LayerStore::default()).unwrap().outputs() == 1
            && weights.iter().count() > 0
    );

    // Mean absolute errors of training, eval and by hand.
    let mut samples = Vec::new();
    let mut scratch = Scratch::default();
    for i in 0..split.test.len() {
        let Values::Floats(values) = split.test.read(i, &mut scratch).unwrap() else { panic!("floats") };
        samples.push(values.to_vec());
    }
    let outputs = outputs(at, &samples);
    let error = |i: usize| (mean + variance.sqrt() * f64::from(outputs[i][0]) - value(&split.test, i)).abs();
    let mae = (0..samples.len()).map(error).sum::<f64>() / samples.len() as f64;
    let (out, _) = succeeds(at, &["eval", "--weights", WEIGHTS, "--data", "houses.csv", "--regression", "--json"]);
    let measured: Value = serde_json::from_str(&out).unwrap();
    for found in [&run["test_mae"], &measured["mean_absolute_error"]] {
        assert!((found.as_f64().unwrap() / mae - 1.0).abs() < 1e-4, "{found}: {mae}");
    }
    assert!(mae < 6_000.0 && run["test_loss"].as_f64().unwrap() < 0.1, "{mae} {run}");

    for (format, file, text) in [
        ("rust", "w.rs", format!("pub static TARGET_STD: [f32; 1] = [\n    {:?},\n];", targets.std[0])),
        ("c", "w.h", "static const float flatgrad_w_target_mean[1] = {".to_string()),
    ] {
        succeeds(at, &["export", "--weights", WEIGHTS, "--format", format, "--out", file]);
        assert!(std::fs::read_to_string(at.join(file)).unwrap().contains(&text), "{text}");
    }
    let answers = predicted(at, &["houses.csv"]);
    assert_eq!((answers.len(), &answers[0][..]), (401, &["row".to_string(), "value".to_string()][..]));
    for (answer, row) in answers[1..].iter().zip(rows(400)) {
        assert!((answer[1].parse::<f32>().unwrap() - price(&row)).abs() < 40_000.0, "{answer:?}");
    }

    // The same run, interrupted.
    let stopped = [&train[..], &["--out", "parts", "--max-steps", "33"]].concat();
    json(at, &stopped);
    let rest = json(at, &["train", "--resume", "parts", "--max-steps", "1000000"]);
    assert_eq!(rest["weights_sha256"], run["weights_sha256"]);

    table(at, "kinds.csv", &["a", "b", "c", "species"], 60);
    // As they are, prices are never reached.
    let raw = json(at, &[&train[..], &["--raw-targets", "--out", "run"]].concat());
    assert!(raw["test_mae"].as_f64().unwrap() > 100_000.0, "{raw}");
    assert_eq!(network(at).0.targets().map(|t| (t.mean[0], t.std[0])), Some((0.0, 1.0)));
    for (arguments, what) in [
        (&["eval", "--weights", WEIGHTS, "--data", "digits"][..], "--data: samples"),
        (
            &["eval", "--weights", WEIGHTS, "--data", "kinds.csv"],
            "--data: has classes; the network predicts numbers (--regression)",
        ),
        (&["train", "--raw-targets"], "--raw-targets: is for numbers to predict"),
    ] {
        assert!(refused(at, arguments).contains(what), "{arguments:?}");
    }
}

/// Bytes with two numbers to predict for each image.
#[test]
fn images_may_have_values_too() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let images: Vec<u8> =
        (0..60 * 64).map(|p| if p / 64 % 6 > p / 8 % 8 { 200 } else { (noise(p) * 20.0 + 30.0) as u8 }).collect();
    let y: Vec<u8> =
        (0..60).flat_map(|i| [(i % 6) as f32 * 1000.0, -((i % 6) as f32)]).flat_map(f32::to_le_bytes).collect();
    let file = zip(&[("x", npy("|u1", "(60, 8, 8)", &images)), ("y", npy("<f4", "(60, 2)", &y))]);
    std::fs::write(at.join("d.npz"), file).unwrap();
    let train =
        ["train", "--data", "d.npz", "--net", "tiny", "--epochs", "40", "--batch", "8", "--out", "run", "--quiet"];
    succeeds(at, &train);
    image::GrayImage::from_raw(8, 8, images[..64].to_vec()).unwrap().save(at.join("0.png")).unwrap();
    let (answers, array) = (predicted(at, &["0.png"]), predicted(at, &["d.npz"]));
    assert_eq!(
        (&answers[0][..], &array[0][..]),
        (&["file", "value1", "value2"].map(String::from)[..], &["row", "value1", "value2"].map(String::from)[..])
    );
    for (a, b) in answers[1][1..].iter().zip(&array[1][1..]) {
        let (a, b): (f64, f64) = (a.parse().unwrap(), b.parse().unwrap());
        assert!((a - b).abs() <= 1e-4 * a.abs().max(1.0), "{answers:?} {:?}", array[1]);
    }
    let two = predicted(at, &["0.png", "--crops", "2"]);
    assert_ne!(two[1], answers[1]);
    let (out, _) = succeeds(at, &["eval", "--weights", WEIGHTS, "--data", "d.npz", "--crops", "10"]);
    assert!(out.contains("mean absolute error") && out.contains("of one crop"), "{out}");
}

#[test]
fn what_a_network_file_says_of_values_and_columns_is_checked() {
    let file = |line: &str| format!("input = [2, 1, 1]\n{line}\nlayers = [{{ kind = \"dense\", outputs = 1 }}]\n");
    let parse = |line: &str| Network::parse("n.toml", &file(line));
    let good =
        "targets = { mean = [1], std = [2] }\ncolumns = { features = [\"\\u2603\", \"b \\\" c\"], target = \"y\" }";
    let network = parse(good).unwrap();
    assert_eq!(Network::parse("n", &network.to_toml()).unwrap().columns(), network.columns());
    for (line, what) in [
        ("targets = 3", "n.toml:2:11: targets must be a table such as"),
        ("targets = { mean = [1] }", "n.toml:2:11: targets needs std"),
        ("targets = { mean = [1], std = [0] }", "n.toml:2:32: std must be finite and above 0"),
        ("targets = { mean = [], std = [] }", "n.toml:2:20: mean must be"),
        ("columns = { features = [\"a\"], target = \"y\" }", "n.toml:2:24: features must be an array of 2 names"),
        ("columns = { features = [\"a\", 1], target = \"y\" }", "n.toml:2:30: a name in features must be a string"),
        ("columns = { features = [\"a\", \"b\"] }", "n.toml:2:11: columns needs target"),
    ] {
        let error = parse(line).unwrap_err().to_string();
        assert!(error.starts_with(what), "{line}: {error}");
    }
    let two = parse("targets = { mean = [1, 2], std = [1, 1] }").unwrap();
    let error = two.net(&LayerStore::default()).unwrap_err().to_string();
    assert!(error.contains("targets of 2 values for 1 outputs"), "{error}");
}
