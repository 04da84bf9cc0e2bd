//! Recipes and `flatgrad augment`, as a user meets them.
#![allow(missing_docs, reason = "a test")]

mod common;

use common::Folder;
use common::program::*;
use flatgrad::augment::{Canvas, Key, Recipe};

#[test]
fn every_preset_works_on_what_it_is_for() {
    for name in Recipe::names() {
        let recipe = Recipe::named(name).unwrap();
        let shape = match name {
            "signal" => [3, 1, 128],
            "imagenet" => [3, 300, 400],
            "cifar" => [3, 32, 32],
            _ => [1, 28, 28],
        };
        let pipeline = recipe.train(shape).unwrap();
        let image = vec![0.5; shape.iter().product()];
        let mut out = vec![f32::NAN; pipeline.out_shape().iter().product()];
        pipeline.apply(Key { seed: 1, epoch: 0, sample: 0 }, &image, &mut out, &mut Canvas::default()).unwrap();
        assert!(out.iter().all(|x| x.is_finite()), "{name}");
        let expected = if name == "imagenet" { [3, 224, 224] } else { shape };
        assert_eq!((pipeline.out_shape(), recipe.test(shape).unwrap().out_shape()), (expected, expected), "{name}");
    }
}

#[test]
fn a_recipe_can_say_everything() {
    let text = r#"
train = [
  { kind = "random_horizontal_flip", p = 0.1 }, "random_vertical_flip",
  { kind = "random_crop", size = [30, 28], padding = [1, 2, 3, 4], pad_if_needed = true, fill = [0, 0.5, 1] },
  { kind = "random_crop", padding = [2, 1], padding_mode = "reflect" },
  { kind = "random_translation", max = [0.1, 0.2], padding_mode = "wrap" },
  { kind = "random_resized_crop", size = 32, scale = [0.5, 1], ratio = [0.5, 2], antialias = false },
  { kind = "random_affine", degrees = 10, translate = 0.1, scale = [0.9, 1.1], shear = [-5, 5, -1, 1], interpolation = "bilinear", fill = 0.5 },
  { kind = "random_rotation", degrees = [0, 90] },
  { kind = "random_warp", interpolation = "nearest", maps = [
    { kind = "rotate", degrees = 10 }, { kind = "translate", max = 0.1, whole = true }, { kind = "scale", factor = [0.5, 1.5] },
    { kind = "stretch", x = 1.2 }, { kind = "shear", y = 10 }, "flip_horizontal", { kind = "flip_vertical", p = 1 },
  ] },
  { kind = "random_erasing", p = 1, scale = [0.1, 0.2], ratio = [1, 1], value = "random" },
  { kind = "cutout", size = 8, p = 0.5, fill = 0.5 },
  { kind = "color_jitter", brightness = 0.4, contrast = [0.5, 2], saturation = 2, hue = 0.1 },
  { kind = "random_grayscale", p = 0.5 },
  { kind = "gaussian_noise", sigma = 0.05, clip = false },
  { kind = "random_apply", p = 0.5, transforms = [{ kind = "random_order", transforms = ["random_vertical_flip", "random_horizontal_flip"] }] },
  { kind = "random_choice", p = [1, 3], transforms = ["random_vertical_flip", "random_horizontal_flip"] },
  { kind = "grayscale", channels = 3 },
  { kind = "normalize", mean = [0.5, 0.5, 0.5], std = 0.25 },
]
test = [{ kind = "resize", size = 40 }, { kind = "center_crop", size = [32, 32] }]
mixup = 0.2
cutmix = 1
mix_p = 0.5
"#;
    let recipe = Recipe::parse("all.toml", text).unwrap();
    assert_eq!(recipe.train([3, 28, 28]).unwrap().out_shape(), [3, 32, 32]);
    assert_eq!(recipe.test([3, 50, 80]).unwrap().out_shape(), [3, 32, 32]);
    assert!(recipe.mixing().mixes() && recipe.mixing().p == 0.5);
}

#[test]
fn faults_point_at_their_place() {
    let parse = |text: &str| Recipe::parse("r.toml", text).unwrap_err().to_string();
    for (text, expected) in [
        ("", "r.toml:1:1: the recipe needs train"),
        ("train = 3", "r.toml:1:9: train must be an array of operations"),
        ("train = [\n  \"cutuot\"]", "r.toml:2:3: unknown operation \"cutuot\"; did you mean \"cutout\"?"),
        ("train = [{ kind = \"cutout\" }]", "r.toml:1:19: cutout needs size"),
        ("train = [\"random_order\"]", "r.toml:1:10: random_order needs transforms"),
        ("train = [{ kind = \"cutout\", size = -1 }]", "r.toml:1:36: size must be a whole number from 1"),
        ("train = [{ kind = \"cutout\", size = 8, fil = 1 }]", "has no key \"fil\"; did you mean \"fill\"?"),
        (
            "train = [{ kind = \"random_crop\", padding_mode = \"zero\" }]",
            "r.toml:1:49: padding_mode must be one of \"constant\"",
        ),
        (
            "train = [{ kind = \"random_warp\", maps = [{ kind = \"rotat\" }] }]",
            "unknown map \"rotat\"; did you mean \"rotate\"?",
        ),
        ("train = [{ kind = \"normalize\", mean = 0.5 }]", "normalize needs std"),
        ("train = []\nmixup = 0", "r.toml:2:9: mixup: alpha must be from 0.001 to 1000, got 0.0"),
        ("train = []\nmix_p = 2", "r.toml:2:9: mix: p must be from 0 to 1"),
        ("train = []\nmixin = 1", "r.toml:2:1: the recipe has no key \"mixin\""),
        ("train = [", "r.toml:1:10: "),
    ] {
        assert!(parse(text).contains(expected), "{text}: {}", parse(text));
    }
    let deep = format!("train = [{}{}]", "{ kind = \"random_order\", transforms = [".repeat(20), "] }".repeat(20));
    assert!(parse(&deep).contains("more than 16 operations inside each other"), "{}", parse(&deep));
    // These are known when the shape is.
    let text = "train = [\n  \"random_horizontal_flip\",\n  { kind = \"random_order\", transforms = [\n    { kind = \"cutout\", size = 30 },\n] }]";
    let error = Recipe::parse("r.toml", text).unwrap().train([1, 28, 28]).unwrap_err().to_string();
    assert_eq!(error, "r.toml:4:14: cutout: size must be from 1 to 28, got 30");
}

#[test]
fn a_sheet_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let draw = |name: &str, arguments: &[&str]| {
        let all = [&["augment", "--preview", name], arguments].concat();
        succeeds(folder.path(), &all).0
    };
    let out = draw("a.png", &["--recipe", "digits", "--count", "3", "--seed", "7"]);
    assert!(
        out.contains("digits: 3 images of digits and 8 variants each") && out.contains("the picture is in a.png"),
        "{out}"
    );
    draw("b.png", &["--recipe", "digits", "--count", "3", "--seed", "7"]);
    draw("c.png", &["--recipe", "digits", "--count", "3", "--seed", "8"]);
    let read = |name| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("a.png"), read("b.png"));
    assert_ne!(read("a.png"), read("c.png"));
    // 9 columns and 3 rows of 64 pixels, and 4 around each.
    let size = |bytes: &[u8]| [16, 20].map(|at| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()));
    assert_eq!(size(&read("a.png")), [9 * 68 + 4, 3 * 68 + 4]);
    let mixed = "train = [{ kind = \"normalize\", mean = 0.5, std = 0.25 }]\nmixup = 1\n";
    std::fs::write(folder.path().join("mix.toml"), mixed).unwrap();
    let out = draw("d.png", &["--recipe", "mix.toml", "--variants", "2"]);
    assert!(out.contains("values from -2 (black) to 2 (white)"), "{out}");
    let (out, _) = succeeds(folder.path(), &["augment", "--print", "cifar"]);
    assert!(out.contains("train = ["));
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let folder = Folder::new(28);
    folder.write("bad.toml", b"train = [{ kind = \"random_crop\", size = 40 }]");
    folder.write("bytes.toml", b"train = [\xff]");
    let augment = |arguments: &[&str]| refused(folder.path(), &[&["augment", "--data", "."], arguments].concat());
    for (arguments, text) in [
        (&["--recipe", "cifra"][..], "--recipe: cifra is neither a file nor the name of a recipe; the names are light"),
        (
            &["--recipe", "bad.toml"],
            "bad.toml:1:19: random_crop: size must be at most that of the padded image, [28, 28]",
        ),
        (&["--recipe", "bytes.toml"], "bytes.toml:1:10: not a text"),
        (&["--recipe", "imagenet", "--count", "0"], "0 is not in 1..=100"),
        (&["--recipe", "signal"], "signal:4:12: time_shift: the shape must be that of a signal"),
        (&["--recipe", "."], ".: "),
    ] {
        let all = [arguments, &["--preview", "x.png"]].concat();
        let error = augment(&all);
        assert!(error.contains(text), "{arguments:?}: {error}");
    }
    assert!(augment(&["--recipe", "light", "--preview", "none/x.png"]).contains("none/x.png: "));
    assert!(augment(&["--recipe", "light"]).contains("--preview"));
    assert!(refused(folder.path(), &["augment", "--print", "none"]).contains("--print: none is neither"));
}
