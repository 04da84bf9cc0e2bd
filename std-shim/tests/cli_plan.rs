//! `flatgrad plan`: the numbers against the core's, the pictures, what would fit, and what is refused.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::path::Path;
use std::process::Command;

use common::program::*;
use flatgrad::model::{Architecture, LayerStore, Network};
use flatgrad_core::net::{Config, Optimizer, Plan};
use serde_json::Value;

fn plan(folder: &Path, arguments: &[&str]) -> Value {
    let (out, err) = succeeds(folder, &[&["plan", "--json"], arguments].concat());
    assert_eq!((out.lines().count(), err.as_str()), (1, ""));
    serde_json::from_str(&out).unwrap()
}

/// What a plan that does not fit prints: the exit status is 1.
fn too_large(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flatgrad"));
    let output = command.arg("plan").args(arguments).current_dir(folder).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_tables_say_what_takes_how_much() {
    let folder = tempfile::tempdir().unwrap();
    let (out, err) = succeeds(folder.path(), &["plan", "--net", "tiny", "--batch", "32"]);
    assert_eq!(err, "");
    for text in [
        "tiny on 1 x 8 x 8, batches of 32, adam",
        "  3  conv2d 3x3      16 x 4 x 4    4,672      4,672      9,344",
        "training: 194,208 bytes (weights 7,592, gradients 7,592, optimizer 15,184, work 163,840)",
        "inference: 89,512 bytes (weights 7,592, work 81,920)",
        "layer 5 (max_pool2d 2x2) sets the peak",
        "WWWW",
        "^ peak",
        "the samples of a batch, 8,192 bytes",
    ] {
        assert!(out.contains(text), "{text} is missing in {out}");
    }
    let resnet = succeeds(folder.path(), &["plan", "--net", "resnet8", "--input", "3,32,32"]).0;
    assert!(resnet.contains("resnet8 on 3 x 32 x 32") && resnet.contains("  add "), "{resnet}");
    // Nothing but the tables: there is no limit to fit in.
    assert!(!out.contains("fit"), "{out}");
    let frozen = succeeds(folder.path(), &["plan", "--net", "tiny", "--train-from", "3"]).0;
    assert!(frozen.contains("conv2d 3x3 (frozen)"), "{frozen}");
}

#[test]
fn the_numbers_are_those_of_the_cores_plan() {
    let folder = tempfile::tempdir().unwrap();
    for (name, optimizer) in [
        ("sgd", Optimizer::sgd(0.1)),
        ("momentum", Optimizer::momentum(0.1, 0.9)),
        ("adagrad", Optimizer::adagrad(0.1)),
        ("rmsprop", Optimizer::rmsprop(0.1)),
        ("adamw", Optimizer::adamw(0.1)),
    ] {
        for architecture in Architecture::ALL {
            let network = Network::new(architecture, [3, 20, 18], 7);
            let store = LayerStore::default();
            let net = network.net(&store).unwrap();
            let core = Plan::try_new(&net, Config::new(5, optimizer)).unwrap();
            let options = ["--input", "3,20,18", "--classes", "7", "--batch", "5", "--optimizer", name];
            let map = plan(folder.path(), &[&["--net", architecture.name()], &options[..]].concat());
            assert_eq!(map["training"]["bytes"], 4 * core.train_len());
            assert_eq!(map["inference"]["work"], 4 * core.infer_work_len());
            assert_eq!(map["training"]["weights"], 4 * core.weights_len());
            assert_eq!(map["training"]["optimizer_state"], 4 * core.trained_parameters() * optimizer.slots());
            let sum =
                |key: &str| map["layers"].as_array().unwrap().iter().map(|l| l[key].as_u64().unwrap()).sum::<u64>();
            assert_eq!(map["training"]["weights"], sum("weights"));
            assert_eq!(map["training"]["gradients"], sum("gradients"));
            assert_eq!(map["training"]["optimizer_state"], sum("optimizer_state"));
            let ends = map["training"]["blocks"].as_array().unwrap().iter();
            let highest = ends.map(|b| b["offset"].as_u64().unwrap() + b["bytes"].as_u64().unwrap()).max();
            assert_eq!(map["training"]["bytes"], highest.unwrap());
        }
    }
}

#[test]
fn pictures_show_every_block() {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = succeeds(folder.path(), &["plan", "--net", "tiny", "--svg", "map.svg"]);
    assert!(out.ends_with("the picture is in map.svg\n"), "{out}");
    let svg = std::fs::read_to_string(folder.path().join("map.svg")).unwrap();
    for text in
        ["training, 194,208 bytes", "output of 0 conv2d 3x3, 65,536", "optimizer state", "the peak at 5 max_pool"]
    {
        assert!(svg.contains(text), "{text} is missing");
    }
    let map = plan(folder.path(), &["--net", "tiny"]);
    let blocks = |phase: &str| map[phase]["blocks"].as_array().unwrap().len();
    // Each with a border; the background and seven colours of the legend beside them.
    let rectangles = svg.matches("<rect ").count();
    assert_eq!(rectangles, 2 * (blocks("training") + blocks("inference")) + 8);
    // The deepest network there is: every step has its place.
    let deep = format!("input = [1, 1, 1]\nlayers = [{}]", "\"gelu\",".repeat(96));
    std::fs::write(folder.path().join("deep.toml"), deep).unwrap();
    succeeds(folder.path(), &["plan", "--net", "deep.toml", "--svg", "deep.svg"]);
}

#[test]
fn what_fits_is_said_and_does_fit() {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = succeeds(folder.path(), &["plan", "--net", "tiny", "--batch", "1", "--ram", "64K"]);
    assert!(out.contains("training fits in 65,536 bytes; "), "{out}");
    for (net, ram) in
        [("tiny", "64K"), ("tiny", "34K"), ("cnn", "1M"), ("cnn", "120K"), ("mlp", "8000000"), ("mlp", "3M")]
    {
        let arguments = ["--net", net, "--batch", "64", "--ram", ram];
        let out = too_large(folder.path(), &arguments);
        let json = too_large(folder.path(), &[&arguments[..], &["--json"]].concat());
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["fits"], false);
        let found = json["alternatives"].as_array().unwrap();
        assert!(!found.is_empty(), "{net} {ram}: {out}");
        for one in found {
            let text = |key: &str| one[key].to_string().replace('"', "");
            let (batch, from, optimizer) = (text("batch"), text("train_from"), text("optimizer"));
            let again = plan(
                folder.path(),
                &["--net", net, "--batch", &batch, "--train-from", &from, "--optimizer", &optimizer, "--ram", ram],
            );
            assert_eq!((&again["fits"], &again["training"]["bytes"]), (&true.into(), &one["bytes"]), "{net} {ram}");
            assert!(out.contains(&flatgrad::report::grouped(one["bytes"].as_u64().unwrap())), "{out}");
        }
    }
}

#[test]
fn advice_says_what_it_costs() {
    let folder = tempfile::tempdir().unwrap();
    let out = too_large(folder.path(), &["--net", "tiny", "--ram", "64K"]);
    assert!(out.contains("training does not fit in 65,536 bytes: 128,672 are missing"), "{out}");
    assert!(out.contains("--batch 7 --optimizer momentum"), "{out}");
    assert!(out.contains("give the bits of the whole batch"), "{out}");
    let out = too_large(folder.path(), &["--net", "cnn", "--ram", "256K"]);
    assert!(out.contains("but batch norm sees these alone"), "{out}");
    let out = too_large(folder.path(), &["--net", "tiny", "--ram", "8K"]);
    assert!(out.contains("nothing fits: the last layer alone, the smallest batch and sgd take "), "{out}");
    let out = too_large(folder.path(), &["--net", "mlp", "--batch", "1", "--ram", "6M"]);
    assert!(out.contains("--train-from") && !out.contains("--batch"), "{out}");
}

#[test]
fn nonsense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = "input = [1, 8, 8]\nlayers = [\"flatten\", { kind = \"dense\", outputs = 3 }]\n";
    std::fs::write(folder.path().join("net.toml"), file).unwrap();
    let large = file.replace("[1, 8, 8]", "[4000000000, 4000000000, 1]");
    std::fs::write(folder.path().join("large.toml"), large).unwrap();
    for (arguments, text) in [
        (&["--ram", "lots"][..], "must be a number of bytes such as 65536, 64K or 1M"),
        (&["--ram", "-1"], "must be a number of bytes"),
        (&["--batch", "0"], "must be a whole number from 1 on"),
        (&["--batch", "18446744073709551615"], "a size overflows"),
        (&["--input", "8,8"], "must be three whole numbers from 1 on, such as 1,28,28"),
        (&["--input", "1,0,8"], "must be three whole numbers"),
        (&["--input", "1,1,1"], "cnn on 1 x 1 x 1: layer 6 (max_pool2d)"),
        (&["--net", "vgg-small", "--input", "3,3,9"], "vgg-small on 3 x 3 x 9: layer 14 (max_pool2d)"),
        (
            &["--net", "mobilenett"],
            "--net: mobilenett is neither a file nor the name of a network; did you mean mobilenet?",
        ),
        (&["--net", "net.toml", "--classes", "4"], "--classes: net.toml says itself how many outputs there are"),
        (&["--net", "large.toml"], "a size overflows"),
        (&["--net", "rnn"], "--net: rnn is neither a file nor the name of a network"),
        (
            &["--net", "tiny", "--train-from", "8"],
            "--train-from: nothing would be trained from layer 8 on; the last layer",
        ),
        (&["--train-from", "-1"], "--train-from"),
        (&["--optimizer", "lbfgs"], "amsgrad"),
        (&["--svg", "no/such/folder.svg"], "no/such/folder.svg: "),
        (&["--epochs", "3"], "--epochs"),
    ] {
        let error = refused(folder.path(), &[&["plan"], arguments].concat());
        assert!(error.contains(text), "{arguments:?}: {error}");
    }
    // As large as addresses go, where there still is a plan, and beyond.
    let pool = "input = [1, 1000, 1000]\nlayers = [\"global_avg_pool\"]\n";
    std::fs::write(folder.path().join("pool.toml"), pool).unwrap();
    succeeds(folder.path(), &["plan", "--net", "pool.toml", "--batch", "100000000000", "--svg", "pool.svg"]);
    let beyond = refused(folder.path(), &["plan", "--net", "pool.toml", "--batch", "1000000000000000000"]);
    assert!(beyond.contains("a size overflows"), "{beyond}");
    // The shape of a sample can be another than the file's.
    let map = plan(folder.path(), &["--net", "net.toml", "--input", "2,3,4"]);
    assert_eq!((&map["input"], &map["layers"][1]["parameters"]), (&serde_json::json!([2, 3, 4]), &(3 * 25).into()));
}

#[test]
fn help_names_every_option() {
    let folder = tempfile::tempdir().unwrap();
    let (help, _) = succeeds(folder.path(), &["plan", "--help"]);
    for option in ["net", "input", "classes", "batch", "optimizer", "train-from", "ram", "svg", "json"] {
        assert!(help.contains(&format!("--{option}")), "{option}");
    }
    assert!(succeeds(folder.path(), &["--help"]).0.contains("  plan "));
}
