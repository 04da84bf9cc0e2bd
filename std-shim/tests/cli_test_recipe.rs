//! What a recipe does in testing is kept with the weights, and done in `flatgrad eval` and `predict`.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::path::Path;

use common::program::*;
use flatgrad::augment::{Canvas, Key, Recipe};
use flatgrad::data::image_bytes;
use flatgrad::model::{LayerStore, Network, Predictor, StateDict, probabilities};
use flatgrad_core::net::{Config, Optimizer, Plan};
use flatgrad_core::{Context, Isa};
use serde_json::Value;

const WEIGHTS: &str = "run/weights.safetensors";
const RECIPE: &str = r#"
train = [{ kind = "random_resized_crop", size = 12 }, "random_horizontal_flip"]
# The shorter side first.
test = [
  { kind = "resize", size = 0x10, antialias = true },
  { kind = "center_crop", size = [12, 12] },
]
"#;

/// Images of two classes, 20 by 18: red above or below, with noise.
fn pets(at: &Path) -> Vec<(String, u8)> {
    let mut files = Vec::new();
    for part in ["train", "test"] {
        for (class, name) in ["cat", "dog"].into_iter().enumerate() {
            let folder = format!("pets/{part}/{name}");
            std::fs::create_dir_all(at.join(&folder)).unwrap();
            for i in 0..24u32 {
                let image = image::RgbImage::from_fn(18, 20, |x, y| {
                    let noise = ((x * 31 + y * 17 + i * 101).wrapping_mul(2_654_435_761) >> 24) as u8 / 2;
                    image::Rgb([if (y < 10) == (class == 0) { 128 } else { 0 } + noise / 4, noise, 127 - noise / 2])
                });
                image.save(at.join(format!("{folder}/{i:02}.png"))).unwrap();
                if part == "test" {
                    files.push((format!("{folder}/{i:02}.png"), class as u8));
                }
            }
        }
    }
    files
}

#[test]
fn weights_keep_what_their_recipe_does_in_testing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let files = pets(at);
    std::fs::write(at.join("recipe.toml"), RECIPE).unwrap();
    let run = json(
        at,
        &[
            "train",
            "--data",
            "pets",
            "--augment",
            "recipe.toml",
            "--net",
            "tiny",
            "--epochs",
            "6",
            "--batch",
            "8",
            "--out",
            "run",
        ],
    );
    let bytes = std::fs::read(at.join(WEIGHTS)).unwrap();
    let network = StateDict::network_in("weights", &bytes).unwrap().unwrap();
    assert_eq!((network.input(), network.samples()), ([3, 12, 12], [3, 20, 18]));
    let (info, _) = succeeds(at, &["info", WEIGHTS]);
    assert!(info.contains("samples         3 x 20 x 18"), "{info}");

    let eval = |more: &[&str]| -> Value {
        let all: Vec<&str> =
            ["eval", "--weights", WEIGHTS, "--data", "pets", "--json"].iter().chain(more).copied().collect();
        serde_json::from_str(&succeeds(at, &all).0).unwrap()
    };
    let measured = eval(&[]);
    assert_eq!(measured["accuracy"], run["test_accuracy"], "as training has tested it");
    assert!((measured["loss"].as_f64().unwrap() - run["test_loss"].as_f64().unwrap()).abs() < 1e-5);

    // By hand.
    let store = LayerStore::default();
    let plan = Plan::try_new(&network.net(&store).unwrap(), Config::new(1, Optimizer::sgd(1.0))).unwrap();
    let weights = StateDict::from_safetensors(&bytes).unwrap();
    let mut predictor = Predictor::new(Context::serial(Isa::detect()), &plan, &weights).unwrap();
    let test = Recipe::parse("recipe.toml", RECIPE).unwrap().test([3, 20, 18]).unwrap();
    assert_eq!(test.out_shape(), [3, 12, 12]);
    let mut expected = Vec::new();
    for (file, _) in &files {
        let image = image_bytes(&at.join(file), [3, 20, 18]).unwrap();
        let image: Vec<f32> = image.into_iter().map(|byte| f32::from(byte) / 255.0).collect();
        let mut x = vec![0.0; 3 * 12 * 12];
        test.apply(Key { seed: 0, epoch: 0, sample: 0 }, &image, &mut x, &mut Canvas::default()).unwrap();
        network.scaling().unwrap().apply(&mut x);
        expected.push(probabilities(predictor.outputs(&x).unwrap(), 2));
    }
    let loss: f64 = files.iter().zip(&expected).map(|((_, class), p)| -p[usize::from(*class)].ln()).sum();
    assert!((measured["loss"].as_f64().unwrap() - loss / files.len() as f64).abs() < 1e-5);
    for class in ["cat", "dog"] {
        let table = succeeds(at, &["predict", "--weights", WEIGHTS, &format!("pets/test/{class}")]).0;
        for line in table.lines().skip(1) {
            let row: Vec<&str> = line.split(',').collect();
            let at = files.iter().position(|(file, _)| file == row[0]).unwrap();
            for (p, expected) in row[2..].iter().zip(&expected[at]) {
                assert!((p.parse::<f64>().unwrap() - expected).abs() < 2e-6, "{line}: {expected}");
            }
        }
    }

    // Several crops come from the resized image, 17 by 16; the middle one is the plain one.
    let ten = eval(&["--crops", "10"]);
    assert_eq!(ten["one_crop"]["loss"], measured["loss"]);
    assert_ne!(ten["loss"], measured["loss"]);

    // A network that a run without a recipe goes on with sees samples as they are.
    let again =
        ["--data", "pets", "--resize", "12", "--net", WEIGHTS, "--epochs", "1", "--batch", "8", "--out", "plain"];
    succeeds(at, &[&["train", "--quiet"][..], &again].concat());
    let bytes = std::fs::read(at.join("plain/weights.safetensors")).unwrap();
    assert_eq!(StateDict::network_in("plain", &bytes).unwrap().unwrap().samples(), [3, 12, 12]);
}

#[test]
fn a_network_file_says_what_testing_does_and_where_it_is_wrong() {
    let file = |lines: &str| {
        format!("input = [1, 8, 8]\n{lines}\nlayers = [\"flatten\", {{ kind = \"dense\", outputs = 2 }}]\n")
    };
    let test =
        "samples = [1, 20, 30]\ntest = [{ size = [8, 1_0], kind = \"resize\" }, { kind = \"center_crop\", size = 8 }]";
    let network = Network::parse("n.toml", &file(test)).unwrap();
    let again = Network::parse("n", &network.to_toml()).unwrap();
    assert_eq!(again.test([1, 20, 30]).unwrap().unwrap().out_shape(), [1, 8, 8]);
    assert_eq!(again.test_uncropped([1, 20, 30]).unwrap().unwrap().out_shape(), [1, 8, 10]);
    assert_eq!(again.to_toml(), network.to_toml());
    assert_eq!(network.clone().with_input([1, 9, 9]).samples(), [1, 9, 9], "the operations were for another input");
    for (lines, what) in [
        ("test = [\"resise\"]", "n.toml:2:9: unknown operation \"resise\""),
        ("test = 3", "n.toml:2:8: test must be an array of operations"),
        ("samples = [1, 9, 9]", "n.toml:2:11: samples is for test"),
        ("samples = [1, 9]\ntest = []", "n.toml:2:11: samples must be [channels, height, width]"),
        (
            "samples = [1, 9, 9]\ntest = [\"random_vertical_flip\"]",
            "n.toml:3:8: test makes [1, 9, 9] of samples [1, 9, 9]; the input is [1, 8, 8]",
        ),
        ("test = [{ kind = \"resize\", size = 100000000 }]", "n.toml:2:18: resize: the image"),
    ] {
        let error = Network::parse("n.toml", &file(lines)).unwrap_err().to_string();
        assert!(error.starts_with(what), "{lines}: {error}");
    }
}
