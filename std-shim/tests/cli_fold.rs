//! Batch norm, biases before it and dropout's factors go into weights, and networks answer as before.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::path::Path;

use common::Folder;
use common::arrays::{npy, zip};
use common::program::*;
use flatgrad::Pool;
use flatgrad::model::{LayerStore, Network, Predictor, StateDict, Tensor};
use flatgrad_core::Isa;
use flatgrad_core::net::{Config, Kind, Optimizer, Plan};

/// Residual blocks with and without layers on the shortcut, a depthwise convolution, a dense layer with batch norm.
const BLOCKS: &str = r#"
input = [1, 8, 8]
layers = [
  { kind = "conv2d", out_channels = 6, kernel = 3, padding = 1, bias = false }, "batch_norm", "relu",
  { kind = "residual", body = [
    { kind = "depthwise", kernel = 3, padding = 1, multiplier = 2 }, { kind = "batch_norm", eps = 1e-3 }, "relu",
    { kind = "conv2d", out_channels = 6, kernel = 1, groups = 2 }, "batch_norm",
  ] },
  { kind = "residual",
    body = [{ kind = "conv2d", out_channels = 8, kernel = 3, padding = 1, stride = 2 }, "batch_norm"],
    shortcut = [{ kind = "conv2d", out_channels = 8, kernel = 1, stride = 2, bias = false }, "batch_norm"] },
  "relu", "flatten",
  { kind = "dense", outputs = 20, bias = false }, "batch_norm", "relu",
  { kind = "dense", outputs = 10 },
]
"#;

/// Batch norms that nothing foldable is right before: the first layer, after a relu, after pooling, after an addition,
/// and the first of a body, whose input the shortcut reads, too.
const STAYING: &str = r#"
input = [1, 8, 8]
layers = [
  "batch_norm",
  { kind = "conv2d", out_channels = 4, kernel = 3, padding = 1 }, "relu", "batch_norm",
  { kind = "max_pool", kernel = 2 }, "batch_norm",
  { kind = "conv2d", out_channels = 4, kernel = 1 }, "batch_norm",
  { kind = "residual", body = ["batch_norm", { kind = "conv2d", out_channels = 4, kernel = 1 }] }, "batch_norm",
  "flatten", { kind = "dense", outputs = 10 },
]
"#;

fn read(path: &Path) -> (Network, StateDict) {
    let bytes = std::fs::read(path).unwrap();
    (StateDict::network_in("weights", &bytes).unwrap().unwrap(), StateDict::from_safetensors(&bytes).unwrap())
}

/// The network's outputs for some samples, and the kinds of its layers.
fn outputs((network, weights): &(Network, StateDict)) -> (Vec<f32>, Vec<Kind>) {
    let store = LayerStore::default();
    let plan = Plan::try_new(&network.net(&store).unwrap(), Config::new(16, Optimizer::sgd(1.0))).unwrap();
    let pool = Pool::new(1).unwrap();
    let mut predictor = Predictor::new(pool.context(Isa::detect()), &plan, weights).unwrap();
    let values = 16 * network.input().iter().product::<usize>();
    let x: Vec<f32> = (0..values).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as f32 % 997.0 / 400.0 - 1.2).collect();
    (predictor.outputs(&x).unwrap().to_vec(), plan.layers().map(|layer| layer.kind).collect())
}

#[track_caller]
fn assert_near(found: &[f32], expected: &[f32]) {
    let scale = expected.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let off = found.iter().zip(expected).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
    assert!(scale > 0.1 && off <= 1e-5 * scale && found.len() == expected.len(), "off by {off} of {scale}");
}

fn norms(kinds: &[Kind]) -> usize {
    kinds.iter().filter(|kind| matches!(kind, Kind::BatchNorm { .. })).count()
}

/// The probabilities of a table of answers.
fn probabilities(csv: &str) -> Vec<f32> {
    csv.lines().skip(1).flat_map(|line| line.split(',').skip(2).map(|p| p.parse().unwrap())).collect()
}

/// A folder with digits as numbers: `digits.npz` to train on, and `x.npy` to ask about.
fn folder() -> Folder {
    let folder = Folder::empty();
    let digits = flatgrad::data::digits().unwrap().test;
    let number = |x: &u8| f32::from(*x).to_le_bytes();
    let x: Vec<u8> = (0..300).flat_map(|i| digits.image(i).iter().flat_map(number)).collect();
    let y: Vec<u8> = (0..300).map(|i| digits.label(i) as u8).collect();
    folder.write("x.npy", &npy("<f4", "(40, 1, 8, 8)", &x[..40 * 64 * 4]));
    folder.write("digits.npz", &zip(&[("x", npy("<f4", "(300, 1, 8, 8)", &x)), ("y", npy("|u1", "(300,)", &y))]));
    folder
}

/// `run.safetensors`: the weights of some steps on digits.
fn trained(folder: &Path, net: &str, more: &[&str]) -> (Network, StateDict) {
    let run = ["train", "--net", net, "--max-steps", "12", "--out", "run", "--quiet"];
    succeeds(folder, &[&run[..], more].concat());
    std::fs::copy(folder.join("run/weights.safetensors"), folder.join("run.safetensors")).unwrap();
    read(&folder.join("run.safetensors"))
}

#[test]
fn folded_networks_answer_the_same() {
    let folder = folder();
    let folder = folder.path();
    std::fs::write(folder.join("blocks.toml"), BLOCKS).unwrap();
    for (net, folded) in [("cnn", 2), ("blocks.toml", 6), ("resnet8", 7), ("mobilenet", 27)] {
        let run = trained(folder, net, &["--data", "digits.npz"]);
        let export = ["export", "--weights", "run.safetensors", "--format", "safetensors", "--out", "lean.safetensors"];
        let (out, err) = succeeds(folder, &[&export[..], &["--fold"]].concat());
        assert!(
            out.contains("folded          batch norm of layer 1") && !out.contains("stays") && err.is_empty(),
            "{out}"
        );
        let lean = read(&folder.join("lean.safetensors"));
        let ((expected, before), (found, after)) = (outputs(&run), outputs(&lean));
        assert_near(&found, &expected);
        assert_eq!((norms(&before), norms(&after), before.len() - after.len()), (folded, 0, folded), "{net}");
        // Every layer has a bias now, and is called as before.
        let biased = |(name, tensor): (&str, &Tensor)| match tensor {
            Tensor::F32 { shape, .. } if name.ends_with(".weight") => {
                let bias = lean.1.get(&name.replace(".weight", ".bias"));
                matches!(bias, Some(Tensor::F32 { data, .. }) if data.len() == shape[0])
            }
            _ => name.ends_with(".bias"),
        };
        assert!(lean.1.iter().all(biased), "{net}");
        assert_eq!((lean.0.name(), lean.0.scaling()), (run.0.name(), run.0.scaling()));

        // The file is used as any other.
        let eval = |weights: &str| json_of(folder, &["eval", "--data", "digits.npz", "--weights", weights]);
        let (before, after) = (eval("run.safetensors"), eval("lean.safetensors"));
        assert_eq!(before["accuracy"], after["accuracy"], "{net}");
        let predict = |weights: &str, more: &[&str]| {
            succeeds(folder, &[&["predict", "--weights", weights, "x.npy"], more].concat())
        };
        let (plain, _) = predict("run.safetensors", &[]);
        let (lean, _) = predict("lean.safetensors", &[]);
        let (on_the_way, said) = predict("run.safetensors", &["--fold"]);
        assert!(said.contains("folded          batch norm of layer 1"), "{said}");
        assert_eq!(on_the_way, lean);
        let plain = probabilities(&plain);
        assert_eq!(plain.len(), 400);
        assert!(plain.iter().zip(probabilities(&lean)).all(|(a, b)| (a - b).abs() < 1e-5), "{net}");
        let info = succeeds(folder, &["info", "lean.safetensors"]).0;
        assert!(info.contains("conv2d") && !info.contains("batch_norm"), "{info}");
    }
}

fn json_of(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let (out, _) = succeeds(folder, &[arguments, &["--json"]].concat());
    serde_json::from_str(out.lines().last().unwrap()).unwrap()
}

#[test]
fn plans_of_folded_networks_have_no_batch_norm() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for net in ["cnn", "resnet8", "ds-cnn", "vgg-small"] {
        let plan = ["plan", "--net", net, "--input", "3,32,32"];
        let plain = succeeds(folder, &plan).0;
        assert!(plain.contains("batch_norm"), "{plain}");
        let (lean, _) = succeeds(folder, &[&plan[..], &["--fold"]].concat());
        assert!(lean.starts_with("folded          batch norm of layer 1, ") && !lean.contains("batch_norm"), "{lean}");
        let [plain, lean] = [&[][..], &["--fold"]].map(|more| json_of(folder, &[&plan[..], more].concat()));
        let layers = |plan: &serde_json::Value| plan["layers"].as_array().unwrap().len();
        assert_eq!(layers(&plain), layers(&lean) + lean["fold"]["norms"].as_array().unwrap().len());
        assert!(plain.get("fold").is_none());
    }
    let (tiny, _) = succeeds(folder, &["plan", "--net", "tiny", "--fold"]);
    assert!(tiny.starts_with("folded          nothing: there is no batch norm"), "{tiny}");
}

#[test]
fn what_cannot_be_folded_stays_and_is_said() {
    let folder = folder();
    let folder = folder.path();
    std::fs::write(folder.join("staying.toml"), STAYING).unwrap();
    let run = trained(folder, "staying.toml", &[]);
    let export = ["export", "--weights", "run.safetensors", "--format", "safetensors", "--out", "lean.safetensors"];
    let (out, _) = succeeds(folder, &[&export[..], &["--fold"]].concat());
    assert!(out.contains("folded          batch norm of layer 7 into the layer before it\n"), "{out}");
    for layer in [0, 3, 5, 8, 11] {
        let line =
            format!("stays           layer {layer} (batch_norm): no convolution or dense layer is right before it");
        assert!(out.contains(&line), "{out}");
    }
    assert_eq!(out.matches("stays").count(), 5, "{out}");
    let lean = read(&folder.join("lean.safetensors"));
    let ((expected, _), (found, kinds)) = (outputs(&run), outputs(&lean));
    assert_near(&found, &expected);
    assert_eq!(norms(&kinds), 5);
    // As many batches as before were counted.
    assert_eq!(lean.1.get("bn5.num_batches_tracked"), run.1.get("bn5.num_batches_tracked"));
}

#[test]
fn folded_weights_are_for_devices_too() {
    let folder = folder();
    let folder = folder.path();
    trained(folder, "cnn", &[]);
    for format in ["raw", "rust", "c"] {
        let export = ["export", "--weights", "run.safetensors", "--fold", "--format", format, "--out", "lean"];
        let (out, _) = succeeds(folder, &export);
        assert!(out.contains("folded          batch norm of layer 1, 4 into"), "{out}");
    }
    let export = ["export", "--weights", "run.safetensors", "--fold", "--format", "safetensors"];
    succeeds(folder, &[&export[..], &["--out", "lean.safetensors"]].concat());
    let import = ["import", "--raw", "raw", "--net", "lean.safetensors", "--out", "back.safetensors"];
    let raw = ["export", "--weights", "run.safetensors", "--fold", "--format", "raw", "--out", "raw"];
    succeeds(folder, &raw);
    succeeds(folder, &import);
    let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert_eq!(bytes("back.safetensors"), bytes("lean.safetensors"));
}

/// The hashes are those of the program when networks by name had these biases.
#[test]
fn biases_before_norm_can_be_had() {
    let folder = Folder::new(28);
    for (net, expected) in BEFORE {
        let run = ["train", "--data", ".", "--net", net, "--max-steps", "3", "--out", "run"];
        let with = json(folder.path(), &[&run[..], &["--bias-before-norm"]].concat());
        assert_eq!(with["weights_sha256"], expected, "{net}");
        let without = json(folder.path(), &run);
        assert_ne!(without["weights_sha256"], expected, "{net}");
        // Runs that were begun before the biases were left out can go on.
        let error = refused(folder.path(), &["train", "--resume", "run", "--bias-before-norm"]);
        let text = "--resume: the network is not the same: other layers have biases (--bias-before-norm)";
        assert!(error.contains(text), "{error}");
        let (network, weights) = read(&folder.file("run/weights.safetensors"));
        assert!(weights.get("conv1.bias").is_none(), "{net}: {}", network.to_toml());
    }
    let toml = "input = [1, 28, 28]\nlayers = [\"flatten\", { kind = \"dense\", outputs = 10 }]";
    folder.write("net.toml", toml.as_bytes());
    for (arguments, text) in [
        (
            &["train", "--data", ".", "--net", "mlp"][..],
            "--bias-before-norm: mlp has no convolution or dense layer before batch norm",
        ),
        (
            &["train", "--data", ".", "--net", "net.toml"],
            "--bias-before-norm: net.toml says itself which layers have biases",
        ),
        (&["plan", "--net", "net.toml"], "--bias-before-norm: net.toml says itself"),
        (&["eval", "--weights", "w", "--data", "."], "--bias-before-norm: is for a network by name (--net)"),
        (&["predict", "--weights", "w", "x.npy"], "--bias-before-norm: is for a network by name (--net)"),
    ] {
        let error = refused(folder.path(), &[arguments, &["--bias-before-norm"]].concat());
        assert!(error.contains(text), "{error}");
    }
}

const BEFORE: [(&str, &str); 2] = [
    ("cnn", "212d5629bf72d9dd143c218c2e2d2a795f25086fbd0af46a3c144ef9e55f1da3"),
    ("resnet8", "135808b21d288f918e9c36178bad5c0e17525b958589a9469b38e08f6a518314"),
];

#[test]
fn weights_with_biases_before_norm_fit_networks_without() {
    let folder = folder();
    let folder = folder.path();
    let with = trained(folder, "resnet8", &["--bias-before-norm"]);
    // As PyTorch would have written it: no description. And as a device would have dumped it.
    with.1.save(&folder.join("plain.safetensors")).unwrap();
    let bytes = succeeds(folder, &["export", "--weights", "run.safetensors", "--format", "raw", "--out", "raw"]).0;
    assert!(bytes.contains("weights, "), "{bytes}");
    let said = "conv1.bias, conv2.bias, conv3.bias, conv4.bias, conv5.bias, conv7.bias, conv8.bias before batch norm: the \
                network has no bias there, so it was folded into the running mean (--bias-before-norm keeps it)";
    let eval = |more: &[&str]| succeeds(folder, &[&["eval", "--json", "--weights"], more].concat());
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text.lines().last().unwrap()).unwrap();
    let expected = value(&eval(&["run.safetensors"]).0)["accuracy"].clone();
    let (found, err) = eval(&["plain.safetensors", "--net", "resnet8"]);
    assert_eq!(value(&found)["accuracy"], expected);
    assert!(err.contains(said), "{err}");
    // With the biases, nothing is folded.
    let (found, err) = eval(&["plain.safetensors", "--net", "resnet8", "--bias-before-norm"]);
    assert_eq!((&value(&found)["accuracy"], err.as_str()), (&expected, ""));

    let (_, err) = succeeds(folder, &["import", "--raw", "raw", "--net", "resnet8", "--out", "imported.safetensors"]);
    assert!(err.contains(said), "{err}");
    let export = ["export", "--weights", "plain.safetensors", "--net", "resnet8", "--format", "safetensors"];
    let (_, err) = succeeds(folder, &[&export[..], &["--out", "exported.safetensors"]].concat());
    assert!(err.contains(said), "{err}");
    for name in ["imported.safetensors", "exported.safetensors"] {
        let (network, weights) = read(&folder.join(name));
        assert!(weights.get("conv1.bias").is_none() && weights.get("conv6.bias").is_some());
        assert_near(&outputs(&(network, weights)).0, &outputs(&with).0);
    }
    // A bias of another length is no bias of the network's.
    let mut other = StateDict::new();
    for (name, tensor) in with.1.iter() {
        match tensor {
            Tensor::F32 { .. } if name == "conv1.bias" => other.push(name, &[3], vec![0.0; 3]).unwrap(),
            Tensor::F32 { shape, data } => other.push(name, shape, data.clone()).unwrap(),
            Tensor::I64(count) => other.push_counter(name, *count).unwrap(),
        }
    }
    other.save(&folder.join("other.safetensors")).unwrap();
    let error = flatgrad(folder, &["eval", "--weights", "other.safetensors", "--net", "resnet8"]);
    let error = String::from_utf8(error.stderr).unwrap();
    assert!(error.contains("conv1.bias the network has no tensor of this name"), "{error}");
}

/// A network with dropout in one of its forms; only that differs.
fn dropping(dropout: &str) -> String {
    format!(
        "input = [1, 8, 8]\nlayers = [{{ kind = \"conv2d\", out_channels = 4, kernel = 3 }}, \"relu\", {dropout}, \
         {{ kind = \"max_pool\", kernel = 2 }}, \"flatten\", {{ kind = \"dense\", outputs = 16 }}, \"relu\", {dropout}, \
         {{ kind = \"dense\", outputs = 10 }}]\n"
    )
}

#[test]
fn dropouts_forms_mean_what_the_lecture_says() {
    let folder = folder();
    let folder = folder.path();
    for (net, dropout) in [
        ("inverted.toml", "{ kind = \"dropout\", p = 0.5 }"),
        ("kept.toml", "{ kind = \"dropout\", keep = 0.5 }"),
        ("activations.toml", "{ kind = \"dropout\", p = 0.5, form = \"scale_activations\" }"),
        ("weights.toml", "{ kind = \"dropout\", keep = 0.5, form = \"scale_weights\" }"),
    ] {
        std::fs::write(folder.join(net), dropping(dropout)).unwrap();
    }
    let hash =
        |net: &str| json(folder, &["train", "--net", net, "--max-steps", "9", "--out", "h"])["weights_sha256"].clone();
    assert_eq!(hash("inverted.toml"), hash("kept.toml"));
    // Neither scales in training.
    assert_eq!(hash("activations.toml"), hash("weights.toml"));
    assert_ne!(hash("activations.toml"), hash("inverted.toml"));

    for net in ["activations.toml", "weights.toml"] {
        let run = trained(folder, net, &[]);
        let form = format!("scale_{}", net.trim_end_matches(".toml"));
        // The state dict for PyTorch, whose dropout is inverted: half the weights after dropout, and nothing else.
        let export =
            ["export", "--weights", "run.safetensors", "--out", "torch.safetensors", "--format", "safetensors"];
        let (out, _) = succeeds(folder, &export);
        assert!(out.contains("folded          dropout's factor of layer 2, 7 into the weights after it\n"), "{out}");
        let torch = read(&folder.join("torch.safetensors"));
        assert!(!torch.0.to_toml().contains("scale_"), "{}", torch.0.to_toml());
        for (name, tensor) in run.1.iter() {
            let halved = matches!(name, "fc1.weight" | "fc2.weight");
            let (Tensor::F32 { data, .. }, Some(Tensor::F32 { data: found, .. })) = (tensor, torch.1.get(name)) else {
                panic!("{name}");
            };
            let expected: Vec<f32> = data.iter().map(|x| if halved { 0.5 * x } else { *x }).collect();
            assert_eq!(*found, expected, "{name}");
        }
        // Half of everything is exact: the same bits.
        assert_eq!(outputs(&run).0, outputs(&torch).0);
        // Firmware has the layer in its plan, and is told so; or its factor is folded.
        for (format, more, note) in
            [("rust", &[][..], true), ("c", &[], true), ("raw", &[], true), ("rust", &["--fold"], false)]
        {
            let export = ["export", "--weights", "run.safetensors", "--out", "source", "--format", format];
            let (out, _) = succeeds(folder, &[&export[..], more].concat());
            let line = format!("layer 7 (dropout, {form}) multiplies by 0.5 at test time");
            assert_eq!(out.contains(&line), note, "{out}");
            let source = std::fs::read(folder.join("source")).unwrap();
            assert_eq!(String::from_utf8_lossy(&source).contains(&line), note && format != "raw", "{format}");
        }
        let info = succeeds(folder, &["info", "run.safetensors"]).0;
        assert!(info.contains(&format!("layer 2 (dropout, {form}) multiplies by 0.5 at test time")), "{info}");
    }
}

#[test]
fn dropouts_factor_goes_through_blocks_or_is_refused() {
    let folder = folder();
    let folder = folder.path();
    let with = |form: &str, after: &str| {
        let drop = format!("{{ kind = \"dropout\", p = 0.3, form = \"{form}\" }}");
        format!(
            "input = [1, 8, 8]\nlayers = [{{ kind = \"conv2d\", out_channels = 4, kernel = 3, padding = 1 }}, {drop}, {after} \
             \"flatten\", {{ kind = \"dense\", outputs = 10 }}]\n"
        )
    };
    let conv = "{ kind = \"conv2d\", out_channels = 4, kernel = 1 }";
    let both = format!("{{ kind = \"residual\", body = [\"relu\", {conv}], shortcut = [{conv}] }},");
    let body = format!("{{ kind = \"residual\", body = [{conv}] }},");
    let norm = format!("{conv}, \"batch_norm\", ");
    for after in ["", "{ kind = \"avg_pool\", kernel = 2 },", "{ kind = \"dropout\", p = 0.1 },", &both, &norm] {
        std::fs::write(folder.join("net.toml"), with("scale_weights", after)).unwrap();
        let run = trained(folder, "net.toml", &[]);
        for more in [&[][..], &["--fold"]] {
            let export =
                ["export", "--weights", "run.safetensors", "--out", "t.safetensors", "--format", "safetensors"];
            succeeds(folder, &[&export[..], more].concat());
            let torch = read(&folder.join("t.safetensors"));
            assert!(!torch.0.to_toml().contains("scale_weights"));
            assert_near(&outputs(&torch).0, &outputs(&run).0);
        }
    }
    for after in ["\"sigmoid\",", "\"batch_norm\",", &body] {
        std::fs::write(folder.join("net.toml"), with("scale_weights", after)).unwrap();
        let error = refused(folder, &["train", "--net", "net.toml", "--out", "new"]);
        let text =
            "layer 1 (dropout): scale_weights needs a convolution or dense layer after it whose weights it can scale";
        assert!(error.starts_with("flatgrad: net.toml:2:") && error.contains(text), "{error}");
        // Activations can be scaled anywhere, but PyTorch cannot be told.
        std::fs::write(folder.join("net.toml"), with("scale_activations", after)).unwrap();
        trained(folder, "net.toml", &[]);
        let export = ["export", "--weights", "run.safetensors", "--out", "t2.safetensors", "--format", "safetensors"];
        let error = refused(folder, &export);
        let text =
            "--format: PyTorch has inverted dropout only, and layer 1 (dropout, scale_activations) multiplies by 0.7";
        assert!(error.contains(text) && error.contains("export it as rust, c or raw"), "{error}");
        let out =
            succeeds(folder, &["export", "--weights", "run.safetensors", "--out", "raw", "--format", "raw", "--fold"])
                .0;
        assert!(
            out.contains("stays           layer 1 (dropout): no convolution or dense layer after it can take"),
            "{out}"
        );
    }
}
