//! `flatgrad export` and `flatgrad import`: every bit comes back, compilers agree, and what does not fit is refused.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::path::Path;
use std::process::Command;

use common::program::*;
use flatgrad::data::{Dataset, Scaling};
use flatgrad::model::{LayerStore, Network, StateDict, named_weights};
use flatgrad_core::net::{Config, Optimizer, Plan, infer};
use flatgrad_core::{Context, Isa};
use sha2::{Digest, Sha256};

const NET: &str = "input = [1, 4, 4]\nscaling = { white = 255, mean = [0.1], std = [0.3] }\nlayers = [\n  { kind = \"conv2d\", out_channels = 2, kernel = 3 },\n  \
                   \"batch_norm\",\n  \"flatten\",\n  { kind = \"dense\", outputs = 3 },\n]\n";
/// Convolution 18 + 2, norm 4, dense 24 + 3, and the norm's running averages 4.
const LEN: usize = 55;
const LIMITS: [f32; 7] = [-0.0, f32::MAX, f32::MIN_POSITIVE, 1e-45, 0.1, -1.0 / 3.0, std::f32::consts::PI];

/// Numbers of all sizes; variances, the last of the running averages, are positive.
fn weights() -> Vec<f32> {
    let spread = |i: usize| (i as f32 - 20.3) * 2f32.powi(3 * i as i32 - 80);
    let mut weights: Vec<f32> = LIMITS.into_iter().chain((LIMITS.len()..LEN).map(spread)).collect();
    weights[LEN - 2..].fill(0.7);
    weights
}

fn bytes(weights: &[f32]) -> Vec<u8> {
    weights.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A folder with `net.toml`, `raw.bin` and the same as `model.safetensors`.
fn imported() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("net.toml"), NET).unwrap();
    std::fs::write(folder.path().join("raw.bin"), bytes(&weights())).unwrap();
    let import = ["import", "--raw", "raw.bin", "--net", "net.toml", "--out", "model.safetensors"];
    let (out, err) = succeeds(folder.path(), &import);
    assert_eq!(err, "");
    assert!(out.contains("55 weights, 220 bytes, in model.safetensors") && out.contains("weights sha256"), "{out}");
    folder
}

fn export(folder: &Path, weights: &str, format: &str, out: &str) -> String {
    succeeds(folder, &["export", "--weights", weights, "--format", format, "--out", out]).0
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn a_dump_has_pytorchs_names_and_comes_back() {
    let folder = imported();
    let folder = folder.path();
    let network = Network::parse("net", NET).unwrap();
    let store = LayerStore::default();
    let plan = Plan::try_new(&network.net(&store).unwrap(), Config::new(1, Optimizer::sgd(1.0))).unwrap();
    assert_eq!(plan.weights_len(), LEN);
    let expected = named_weights(&plan, &weights(), 0).unwrap();
    let found = StateDict::load(&folder.join("model.safetensors")).unwrap();
    assert_eq!(found.iter().count(), expected.iter().count());
    for (name, tensor) in expected.iter() {
        assert_eq!(found.get(name), Some(tensor), "{name}");
    }
    // The file says its network: nothing else is needed from here on.
    export(folder, "model.safetensors", "raw", "again.bin");
    assert_eq!(read(folder, "again.bin"), read(folder, "raw.bin"));
    export(folder, "model.safetensors", "safetensors", "again.safetensors");
    assert_eq!(read(folder, "again.safetensors"), read(folder, "model.safetensors"));
}

#[test]
fn a_trained_network_goes_to_a_device_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for net in ["tiny", "cnn"] {
        let (out, _) = succeeds(folder, &["--net", net, "--max-steps", "3", "--quiet"]);
        let weights = format!("runs/digits-{net}/weights.safetensors");
        let exported = export(folder, &weights, "raw", "raw.bin");
        // The hash that training printed.
        let hash = out.lines().find(|line| line.starts_with("weights sha256")).unwrap();
        assert!(exported.contains(hash), "{exported}");
        let import = ["import", "--raw", "raw.bin", "--net", &weights, "--out", "back.safetensors"];
        // Both hashes, as on the way there; the second one is that of the file.
        let back = succeeds(folder, &import).0;
        assert_eq!(back.lines().skip(1).collect::<Vec<_>>(), exported.lines().skip(1).collect::<Vec<_>>());
        assert!(back.contains(&format!("raw sha256      {}", sha256(&read(folder, "raw.bin")))), "{back}");
        // With batch norm, a dump does not know how many batches were counted.
        if net == "tiny" {
            assert_eq!(read(folder, "back.safetensors"), read(folder, &weights));
        }
        export(folder, &weights, "safetensors", "copy.safetensors");
        assert_eq!(read(folder, "copy.safetensors"), read(folder, &weights));
    }
    // A run's weights name the network for other commands, too.
    let (out, _) = succeeds(folder, &["--net", "runs/digits-tiny/weights.safetensors", "--max-steps", "3"]);
    assert!(out.contains("tiny on digits"), "{out}");
    let plan = succeeds(folder, &["plan", "--net", "runs/digits-tiny/weights.safetensors"]).0;
    assert!(plan.contains("tiny on 1 x 8 x 8"), "{plan}");
}

/// What firmware does, with nothing but the exported file and the pixels.
#[test]
fn a_device_gets_the_accuracy_that_training_had() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeeds(folder, &["--net", "tiny", "--epochs", "3", "--quiet", "--out", "run"]);
    export(folder, "run/weights.safetensors", "raw", "raw.bin");
    let weights: Vec<f32> =
        read(folder, "raw.bin").chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let network = StateDict::network_in("run", &read(folder, "run/weights.safetensors")).unwrap().unwrap();
    let Scaling { white, mean, std } = network.scaling().unwrap();
    let store = LayerStore::default();
    let plan = Plan::try_new(&network.net(&store).unwrap(), Config::new(1, Optimizer::sgd(1.0))).unwrap();
    let mut work = vec![0.0; plan.infer_work_len()];
    let digits = flatgrad::data::digits().unwrap().test;
    let ctx = Context::serial(Isa::detect());
    let right = (0..digits.len()).filter(|&i| {
        let scaled = |&x: &u8| ((f64::from(x) / f64::from(*white) - f64::from(mean[0])) / f64::from(std[0])) as f32;
        let image: Vec<f32> = digits.image(i).iter().map(scaled).collect();
        let outputs = infer(ctx, &plan, &weights, &image, &mut work).unwrap();
        let best = (0..10).max_by(|&a, &b| outputs[a].total_cmp(&outputs[b]));
        best == Some(digits.label(i) as usize)
    });
    let run: serde_json::Value = serde_json::from_slice(&read(folder, "run/run.json")).unwrap();
    assert_eq!(run["test_accuracy"].as_f64().unwrap(), right.count() as f64 / digits.len() as f64);
    // The same numbers stand in source code.
    export(folder, "run/weights.safetensors", "rust", "weights.rs");
    let source = String::from_utf8(read(folder, "weights.rs")).unwrap();
    let constants = format!("MEAN: [f32; 1] = [\n    {:?},\n];", mean[0]);
    assert!(source.contains(&constants) && source.contains("WHITE: f32 = 16.0;"), "{source}");
}

#[test]
fn files_without_a_description_need_the_network() {
    let folder = imported();
    let folder = folder.path();
    let plain = StateDict::load(&folder.join("model.safetensors")).unwrap();
    plain.save(&folder.join("plain.safetensors")).unwrap();
    let arguments = ["export", "--weights", "plain.safetensors", "--format", "raw", "--out", "x.bin"];
    let error = refused(folder, &arguments);
    assert!(error.contains("--net: plain.safetensors does not say its network: name it with --net"), "{error}");
    succeeds(folder, &[&arguments[..], &["--net", "net.toml"]].concat());
    assert_eq!(read(folder, "x.bin"), read(folder, "raw.bin"));
}

#[test]
fn rust_compiles_to_the_same_bits() {
    let folder = imported();
    let folder = folder.path();
    export(folder, "model.safetensors", "rust", "weights.rs");
    let source = String::from_utf8(read(folder, "weights.rs")).unwrap();
    assert!(
        source.contains("pub static WEIGHTS: [f32; 55] = [") && source.contains(" 24  fc1.weight [8, 3]"),
        "{source}"
    );
    let main = "#![deny(warnings)]\ninclude!(\"weights.rs\");\nfn main() {\nassert_eq!((WHITE, MEAN, STD), (255.0, [0.1], [0.3]));\n\
                for x in WEIGHTS { println!(\"{:08x}\", x.to_bits()); }\n}";
    std::fs::write(folder.join("main.rs"), main).unwrap();
    compile_and_compare(folder, Command::new("rustc").args(["--edition", "2021", "-o", "main", "main.rs"]));
}

#[test]
#[cfg(unix)]
fn c_compiles_to_the_same_bits() {
    let folder = imported();
    let folder = folder.path();
    export(folder, "model.safetensors", "c", "my-net.h");
    let main = "#include <stdio.h>\n#include <string.h>\n#include \"my-net.h\"\n#include \"my-net.h\"\nint main(void) {\n\
                if (flatgrad_my_net_white != 255.0f || flatgrad_my_net_std[0] != 0.3f) return 1;\n\
                for (int i = 0; i < FLATGRAD_MY_NET_LEN; i++) {\nunsigned bits;\n\
                memcpy(&bits, &flatgrad_my_net[i], 4);\nprintf(\"%08x\\n\", bits);\n}\nreturn 0;\n}\n";
    std::fs::write(folder.join("main.c"), main).unwrap();
    // The linker of Rust itself.
    let arguments = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-o", "main", "main.c"];
    compile_and_compare(folder, Command::new("cc").args(arguments));
}

#[track_caller]
fn compile_and_compare(folder: &Path, compiler: &mut Command) {
    let compiled = compiler.current_dir(folder).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let printed = Command::new(folder.join("main")).output().unwrap();
    let expected: String = weights().iter().map(|x| format!("{:08x}\n", x.to_bits())).collect();
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), expected);
}

#[test]
fn dumps_that_cannot_be_weights_are_refused() {
    let folder = imported();
    let folder = folder.path();
    let spoilt = |i: usize, x: f32| {
        let mut weights = weights();
        weights[i] = x;
        bytes(&weights)
    };
    let good = bytes(&weights());
    for (raw, text) in [
        (vec![], "dump.bin: 0 bytes, but the network's 55 weights take 220"),
        (good[..219].to_vec(), "dump.bin: 219 bytes, but the network's 55 weights take 220"),
        (good[..216].to_vec(), "216 bytes"),
        (
            [&good[..], &[0; 1000]].concat(),
            "1,220 bytes, but the network's 55 weights take 220; of a whole arena, the weights",
        ),
        (spoilt(3, f32::NAN), "dump.bin: conv1.weight element 3 of 18, number 3 of all, is NaN: weights are finite"),
        (spoilt(29, f32::NEG_INFINITY), "fc1.weight element"),
        (
            spoilt(LEN - 1, -0.5),
            "bn1.running_var element 1 of 2, number 54 of all, is -0.5: a variance is finite and not neg",
        ),
    ] {
        std::fs::write(folder.join("dump.bin"), raw).unwrap();
        let error = refused(folder, &["import", "--raw", "dump.bin", "--net", "net.toml", "--out", "new.safetensors"]);
        assert!(error.contains(text), "{error}");
    }
    for (arguments, text) in [
        (
            &["import", "--raw", "raw.bin", "--out", "x"][..],
            "--net: a raw file does not say its network: name it with --net",
        ),
        (&["import", "--raw", "none.bin", "--net", "net.toml", "--out", "x"], "none.bin: "),
        (&["import", "--raw", ".", "--net", "net.toml", "--out", "x"], "flatgrad: .: "),
        (&["import", "--raw", "raw.bin", "--net", "tiny", "--out", "x"], "the network's 1,898 weights take 7,592"),
        (&["import", "--raw", "raw.bin", "--net", "net.toml", "--out", "no/folder/x"], "no/folder/x: "),
        (&["import", "--raw", "raw.bin", "--net", "net.toml"], "--out"),
        (
            &["import", "--raw", "raw.bin", "--net", "net.toml", "--classes", "3", "--out", "x"],
            "--classes: net.toml says itself",
        ),
    ] {
        let error = refused(folder, arguments);
        assert!(error.contains(text), "{arguments:?}: {error}");
    }
}

#[test]
fn weights_of_another_network_are_refused() {
    let folder = imported();
    let folder = folder.path();
    let good = read(folder, "model.safetensors");
    std::fs::write(folder.join("short.safetensors"), &good[..good.len() - 1]).unwrap();
    std::fs::write(folder.join("not.safetensors"), b"not one").unwrap();
    let text = String::from_utf8_lossy(&good).into_owned();
    let at = text.find("conv2d").unwrap();
    let mut other = good.clone();
    other[at..at + 6].copy_from_slice(b"conv9d");
    std::fs::write(folder.join("other.safetensors"), other).unwrap();
    let mut nan = weights();
    nan[0] = f32::NAN;
    let network = Network::parse("net", NET).unwrap();
    let store = LayerStore::default();
    let plan = Plan::try_new(&network.net(&store).unwrap(), Config::new(1, Optimizer::sgd(1.0))).unwrap();
    named_weights(&plan, &nan, 0).unwrap().save(&folder.join("nan.safetensors")).unwrap();
    for (name, changed) in [
        ("wide.toml", NET.replace("outputs = 3", "outputs = 4")),
        ("more.toml", NET.replace("outputs = 3 }", "outputs = 3 }, { kind = \"dense\", outputs = 3 }")),
        ("less.toml", NET.replace("  \"batch_norm\",\n", "")),
    ] {
        std::fs::write(folder.join(name), changed).unwrap();
    }
    for (weights, net, text) in [
        ("model.safetensors", Some("wide.toml"), "model.safetensors: fc1.weight is [3, 8]; the network's is [4, 8]"),
        (
            "model.safetensors",
            Some("more.toml"),
            "model.safetensors: fc2.weight is missing; the network has [3, 3] there",
        ),
        ("model.safetensors", Some("less.toml"), "model.safetensors: bn1."),
        ("nan.safetensors", Some("net.toml"), "nan.safetensors: conv1.weight element 0 of 18, number 0 of all, is NaN"),
        ("short.safetensors", None, "short.safetensors: "),
        ("not.safetensors", None, "not.safetensors: "),
        ("none.safetensors", None, "none.safetensors: "),
        ("other.safetensors", None, "other.safetensors: flatgrad.network:"),
        ("net.toml", None, "net.toml: "),
    ] {
        let mut arguments = vec!["export", "--weights", weights, "--format", "raw", "--out", "x.bin"];
        arguments.extend(net.into_iter().flat_map(|net| ["--net", net]));
        let error = refused(folder, &arguments);
        assert!(error.contains(text), "{arguments:?}: {error}");
    }
    let format = ["export", "--weights", "model.safetensors", "--format", "onnx", "--out", "x"];
    assert!(refused(folder, &format).contains("rust, c, raw, safetensors"));
    let classes = ["export", "--weights", "model.safetensors", "--format", "raw", "--out", "x", "--classes", "3"];
    assert!(refused(folder, &classes).contains("--classes: model.safetensors says itself how many outputs"));
    let net = ["plan", "--net", "nan.safetensors"];
    assert!(refused(folder, &net).contains("--net: nan.safetensors does not say its network"));
}

#[test]
fn help_names_every_option() {
    let folder = tempfile::tempdir().unwrap();
    for (command, options) in
        [("export", &["weights", "format", "out", "net", "input", "classes"][..]), ("import", &["raw", "out", "net"])]
    {
        let (help, _) = succeeds(folder.path(), &[command, "--help"]);
        for option in options {
            assert!(help.contains(&format!("--{option}")), "{command} {option}");
        }
    }
}
