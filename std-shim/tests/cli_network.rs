//! `--net FILE`: networks from files, as a user meets them.
#![allow(missing_docs, reason = "a test")]

mod common;

use common::program::*;
use flatgrad::model::Architecture;

const NET: &str = "input = [1, 8, 8]\nlayers = [\n  { kind = \"conv2d\", out_channels = 4, kernel = 3 },\n  \
                   \"relu\",\n  \"flatten\",\n  { kind = \"dense\", outputs = 10 },\n]\n";

#[test]
fn a_network_file_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("my.toml"), NET).unwrap();
    let (out, _) = succeeds(folder.path(), &["train", "--net", "my.toml", "--max-steps", "3"]);
    assert!(out.contains("my on digits: adam") && out.contains("conv2d 3x3"), "{out}");
    assert!(folder.path().join("runs/digits-my/weights.safetensors").exists());
    let run = std::fs::read_to_string(folder.path().join("runs/digits-my/run.json")).unwrap();
    assert!(run.contains("\"net\": \"my\""), "{run}");
}

#[test]
fn the_smallest_network_learns_the_digits() {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = succeeds(folder.path(), &["--net", "tiny"]);
    assert!(out.contains("1,898"), "{out}");
    let run: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("runs/digits-tiny/run.json")).unwrap()).unwrap();
    assert!(run["test_accuracy"].as_f64().unwrap() > 0.94, "{run}");
}

#[test]
fn a_file_that_is_wrong_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("typo.toml", &NET.replace("conv2d", "conv2"));
    write("shape.toml", &NET.replace("  \"flatten\",\n", ""));
    write("few.toml", &NET.replace("outputs = 10", "outputs = 9"));
    write("other.toml", &NET.replace("[1, 8, 8]", "[1, 28, 28]"));
    write("huge.toml", &NET.replace("out_channels = 4", "out_channels = 4000000000"));
    for (net, text) in [
        ("typo.toml", "flatgrad: typo.toml:3:12: unknown layer \"conv2\"; did you mean \"conv2d\"?"),
        ("shape.toml", "flatgrad: shape.toml:5:12: layer 2 (dense): the input is an image, 4x6x6; put a flatten layer"),
        ("few.toml", "--data: samples [1, 8, 8] in 10 classes; the network takes [1, 8, 8] and gives 9"),
        ("other.toml", "--data: samples [1, 8, 8] in 10 classes; the network takes [1, 28, 28] and gives 10"),
        ("huge.toml", "no memory for"),
        (
            "none.toml",
            "--net: none.toml is neither a file nor the name of a network; the names are cnn, mlp, tiny, lenet, ",
        ),
        ("resnet-8", "--net: resnet-8 is neither a file nor the name of a network; did you mean resnet8?"),
        (
            "lenet",
            "flatgrad: lenet on 1 x 8 x 8: layer 3 (conv2d): kernel 5x5 does not fit the padded image 4x4; images",
        ),
        (".", "flatgrad: .: "),
    ] {
        let error = refused(folder.path(), &["train", "--net", net]);
        assert!(error.contains(text), "{net}: {error}");
    }
}

#[test]
fn help_lists_every_name() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["train", "plan", "export", "import"] {
        let (help, _) = succeeds(folder.path(), &[command, "--help"]);
        for architecture in Architecture::ALL {
            let line = format!("{:<10} {}", architecture.name(), architecture.summary());
            assert!(help.contains(&line), "{command}: {help}");
        }
    }
}

#[test]
fn architectures_with_blocks_are_trained_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    for net in ["resnet8", "mobilenet"] {
        succeeds(folder.path(), &["train", "--net", net, "--max-steps", "2"]);
        let weights = format!("runs/digits-{net}/weights.safetensors");
        let export = ["export", "--weights", &weights, "--format", "raw", "--out", "weights.bin"];
        let (out, _) = succeeds(folder.path(), &export);
        assert!(out.contains("in weights.bin"), "{out}");
        succeeds(folder.path(), &["import", "--raw", "weights.bin", "--out", "again.safetensors", "--net", &weights]);
    }
}
