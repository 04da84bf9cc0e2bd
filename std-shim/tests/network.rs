//! Network files: what they say, and what is said about those that are wrong.
#![allow(missing_docs, reason = "a test")]

use flatgrad::Error;
use flatgrad::data::Scaling;
use flatgrad::model::{Architecture, LayerStore, Network};
use flatgrad_core::activation::Activation;
use flatgrad_core::dropout::Form;
use flatgrad_core::init::{Init, gain};
use flatgrad_core::net::{Config, Layer, Optimizer, Plan};

const EVERYTHING: &str = r#"
# Every layer, with options here and there.
input = [4, 16, 16]
layers = [
  { kind = "conv2d", out_channels = 8, kernel = 3, padding = 1, bias = false, init = "kaiming_normal" },
  { kind = "batch_norm", eps = 1e-3, momentum = 0.2, frozen = true },
  "relu",
  { kind = "conv2d", out_channels = 8, kernel = [3, 5], stride = [1, 2], padding = [1, 2], dilation = 1, groups = 2 },
  { kind = "group_norm", groups = 4, affine = false },
  { kind = "leaky_relu", slope = 0.2 }, { kind = "elu" }, "sigmoid", "tanh", "gelu", "gelu_tanh", "silu",
  "hard_swish", { kind = "softplus", beta = 2, threshold = inf },
  { kind = "depthwise", kernel = 3, padding = 1, multiplier = 2, max_norm = 3 },
  { kind = "instance_norm" },
  { kind = "residual", lr = 0.5, body = [
      { kind = "conv2d", out_channels = 4, kernel = 1, init = { rule = "uniform", bound = 0.1 } },
      { kind = "residual", body = ["rms_norm"] },
    ], shortcut = [
      { kind = "depthwise", kernel = 1 },
      { kind = "conv2d", out_channels = 4, kernel = 1, init = { rule = "constant", value = 0 } },
  ] },
  { kind = "max_pool", kernel = 3, stride = 1, padding = 1 },
  { kind = "avg_pool2d", kernel = [2, 1], count_include_pad = false },
  { kind = "layer_norm", eps = 1e-4 },
  "flatten",
  { kind = "dropout", p = 0.5, form = "scale_activations" },
  { kind = "dense", outputs = 5, bias = false, lr = 2, decay = 0, init = { rule = "xavier_uniform", gain = 2 } },
  "log_softmax",
]
"#;

#[test]
fn a_file_can_say_all_that_the_core_can() {
    let depthwise = |channels, n| Layer::conv2d(n * channels, 3).padding(1).groups(channels);
    let inner = [Layer::rms_norm()];
    let body = [Layer::conv2d(4, 1).init(Init::Uniform { bound: 0.1 }), Layer::residual(&inner)];
    let shortcut = [Layer::conv2d(16, 1).groups(16), Layer::conv2d(4, 1).init(Init::Constant { value: 0.0 })];
    let expected = [
        Layer::conv2d(8, 3).padding(1).no_bias().init(Init::KaimingNormal { gain: gain::RELU }),
        Layer::batch_norm().eps(1e-3).momentum(0.2).frozen(),
        Layer::relu(),
        Layer::conv2d_rect(8, [3, 5]).stride_rect([1, 2]).padding_rect([1, 2]).groups(2),
        Layer::group_norm(4).affine(false),
        Layer::leaky_relu(0.2),
        Layer::elu(1.0),
        Layer::sigmoid(),
        Layer::tanh(),
        Layer::gelu(),
        Layer::activation(Activation::GeluTanh),
        Layer::silu(),
        Layer::hard_swish(),
        Layer::activation(Activation::softplus(2.0, f32::INFINITY)),
        depthwise(8, 2).max_norm(3.0),
        Layer::instance_norm(),
        Layer::residual_with(&body, &shortcut).lr(0.5),
        Layer::max_pool(3).stride(1).padding(1),
        Layer::avg_pool_rect([2, 1]).count_include_pad(false),
        Layer::layer_norm().eps(1e-4),
        Layer::flatten(),
        Layer::dropout(0.5).form(Form::ScaleActivations),
        Layer::dense(5).no_bias().lr(2.0).decay(0.0).init(Init::XavierUniform { gain: 2.0 }),
        Layer::log_softmax(),
    ];
    let network = Network::parse("nets/everything.toml", EVERYTHING).unwrap();
    let store = LayerStore::default();
    let net = network.net(&store).unwrap();
    assert_eq!((network.name(), network.input(), net.outputs()), ("everything", [4, 16, 16], 5));
    assert_eq!(net.layers(), expected);
}

#[test]
fn signals_have_layers_of_one_size() {
    let text = r#"
        input = [3, 1, 100]
        layers = [
          { kind = "conv1d", out_channels = 6, kernel = 5, stride = 2, padding = 2, dilation = 2, groups = 3 },
          { kind = "max_pool1d", kernel = 3, stride = 2, padding = 1 },
          { kind = "avg_pool1d", kernel = 2 },
          "global_avg_pool",
        ]"#;
    let store = LayerStore::default();
    let net = Network::parse("signal", text).unwrap();
    let conv = Layer::conv1d(6, 5).stride_rect([1, 2]).padding_rect([0, 2]).dilation_rect([1, 2]).groups(3);
    let pool = Layer::max_pool1d(3).stride_rect([1, 2]).padding_rect([0, 1]);
    assert_eq!(net.net(&store).unwrap().layers(), [conv, pool, Layer::avg_pool1d(2), Layer::global_avg_pool()]);
}

#[test]
fn arrays_of_tables_say_the_same() {
    let long = "input = [1, 8, 8]\n[[layers]]\nkind = \"flatten\"\n[[layers]]\nkind = \"residual\"\n\
                [[layers.body]]\nkind = \"dense\"\noutputs = 64\n";
    let short = "input = [1, 8, 8]\n\
                 layers = [\"flatten\", { kind = \"residual\", body = [{ kind = \"dense\", outputs = 64 }] }]\n";
    let store = LayerStore::default();
    let [long, short] = [long, short].map(|text| Network::parse("x", text).unwrap().net(&store).unwrap());
    assert_eq!(long, short);
}

#[test]
fn a_network_written_down_is_the_same_network() {
    let known = Architecture::ALL.map(|architecture| Network::new(architecture, [3, 32, 32], 7));
    for network in known.into_iter().chain([Network::parse("everything", EVERYTHING).unwrap()]) {
        let text = network.to_toml();
        let again = Network::parse("again", &text).unwrap();
        assert_eq!(again.name(), network.name());
        let store = LayerStore::default();
        assert_eq!(again.net(&store).unwrap(), network.net(&store).unwrap(), "{text}");
        assert_eq!(again.to_toml(), text);
    }
}

#[test]
fn the_channels_of_a_depthwise_convolution_follow_the_input() {
    let text = "input = [3, 8, 8]\nlayers = [{ kind = \"depthwise\", kernel = 3 }]";
    let network = Network::parse("x", text).unwrap();
    let store = LayerStore::default();
    assert_eq!(network.net(&store).unwrap().output(), [3, 6, 6]);
    assert_eq!(network.with_input([5, 8, 8]).net(&store).unwrap().output(), [5, 6, 6]);
}

/// The message about a network of these layers; the first of them is on line 3, from column 3 on.
fn fault(layers: &str) -> String {
    let text = format!("input = [1, 8, 8]\nlayers = [\n  {layers}\n]\n");
    let store = LayerStore::default();
    let error = Network::parse("net.toml", &text).and_then(|network| network.net(&store).map(|_| ())).unwrap_err();
    assert!(matches!(error, Error::Network { .. }), "{error:?}");
    let message = error.to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    message
}

#[test]
fn what_is_wrong_is_pointed_at() {
    for (layers, expected) in [
        (r#""conv3d""#, r#"3:3: unknown layer "conv3d"; did you mean "conv2d"?"#),
        (r#"{ kind = "lstm" }"#, r#"3:12: unknown layer "lstm"; there are conv2d, "#),
        (r#"{ kind = 7 }"#, r#"3:12: kind must be the name of a layer such as "conv2d", got 7"#),
        (r#"{ kernel = 3 }"#, "3:3: a layer needs kind, the name of a layer"),
        ("7", "3:3: a layer must be a table"),
        (r#""dense""#, "3:3: dense needs outputs, a whole number from 1 to 4294967295"),
        (r#""residual""#, "3:3: residual needs body, an array of layers"),
        (r#"{ kind = "residual", body = 3 }"#, "3:31: body must be an array of layers"),
        (r#"{ kind = "relu", padding = 1 }"#, r#"3:20: relu has no key "padding"; there are kind, frozen, lr, decay"#),
        (r#"{ kind = "dense", output = 1, outputs = 1 }"#, r#"dense has no key "output"; did you mean "outputs"?"#),
        (
            r#"{ kind = "dense", output = 3 }"#,
            r#"3:21: dense needs outputs, a whole number from 1 to 4294967295; is "output" me"#,
        ),
        (r#"{ kind = "dense", outputs = 0 }"#, "3:31: outputs must be a whole number from 1 to 4294967295, got 0"),
        (r#"{ kind = "dense", outputs = -3 }"#, "3:31: outputs must be a whole number from 1"),
        (r#"{ kind = "dense", outputs = 1e3 }"#, "outputs must be a whole number from 1 to 4294967295, got 1e3"),
        (r#"{ kind = "dense", outputs = "10" }"#, r#"got "10""#),
        (r#"{ kind = "dense", outputs = 4294967296 }"#, "outputs must be a whole number"),
        (r#"{ kind = "dense", outputs = 99999999999999999999999999999999 }"#, "outputs must be a whole number"),
        (r#"{ kind = "dense", outputs = 1, bias = 1 }"#, "bias must be true or false, got 1"),
        (r#"{ kind = "dense", outputs = 1, lr = -1 }"#, "lr must be finite and not negative, got -1"),
        (r#"{ kind = "dense", outputs = 1, decay = nan }"#, "decay must be a number of 32 bits, got nan"),
        (r#"{ kind = "dense", outputs = 1, lr = 1e99 }"#, "lr must be a number of 32 bits, got 1e99"),
        (r#"{ kind = "dense", outputs = 1, max_norm = 0 }"#, "max_norm must be above 0, got 0"),
        (r#"{ kind = "dense", outputs = 1, init = "kaiming" }"#, r#"3:41: unknown rule "kaiming"; did you mean "kaim"#),
        (r#"{ kind = "dense", outputs = 1, init = 3 }"#, "init must be a rule's name, or a table with the key rule"),
        (r#"{ kind = "dense", outputs = 1, init = { gain = 1 } }"#, "init needs rule"),
        (r#"{ kind = "dense", outputs = 1, init = "uniform" }"#, r#"init "uniform" needs bound, a number"#),
        (r#"{ kind = "dense", outputs = 1, init = { rule = "normal", std = -1 } }"#, "3:50: std"),
        (r#"{ kind = "dense", outputs = 1, init = { rule = "normal", gain = 1 } }"#, r#"init "normal" needs std"#),
        (
            r#"{ kind = "conv2d", out_channels = 1, kernel = [3] }"#,
            "kernel must be a whole number from 1 to 4294967295, or",
        ),
        (r#"{ kind = "conv2d", out_channels = 1, kernel = [3, 0] }"#, "3:53: kernel must be"),
        (r#"{ kind = "conv1d", out_channels = 1, kernel = [3, 3] }"#, "kernel must be a whole number"),
        (
            r#"{ kind = "dropout", p = 0.5, form = "scale" }"#,
            r#"form must be "inverted", "scale_activations" or "scale_weights""#,
        ),
        (
            r#"{ kind = "dropout", p = 0.5, keep = 0.5 }"#,
            "3:27: dropout has either p, the probability to drop, or keep, the probability to keep, not both",
        ),
        ("\"dropout\"", "dropout needs p, the probability to drop, or keep, the probability to keep"),
        (r#"{ kind = "dropout", keep = 1.5 }"#, "keep must be the probability to keep, from 0 to 1, got 1.5"),
        (
            r#"{ kind = "dropout", p = 0.5, form = "scale_weights" }"#,
            "3:12: layer 0 (dropout): scale_weights needs a convolution or dense layer after it",
        ),
        // What only the core can know is said with the place of the layer.
        (r#"{ kind = "conv2d", out_channels = 1, kernel = 9 }"#, "3:12: layer 0 (conv2d): kernel 9x9 does not fit"),
        (
            "\"relu\",\n  { kind = \"dense\", outputs = 3 }",
            "4:12: layer 1 (dense): the input is an image, 1x8x8; put a",
        ),
        (r#"{ kind = "dropout", p = 2 }"#, "3:12: layer 0 (dropout): the probability to drop must be from 0 to 1"),
        (r#"{ kind = "residual", body = ["flatten"] }"#, "3:12: layer 1 (add): "),
        ("{ kind = \"residual\", body = [\n\n \"relu\", { kind = \"dense\", outputs = 3 }] }", "5:19: layer 1 (dense)"),
        ("", "1:9: the network has no layers"),
    ] {
        let message = fault(layers);
        assert!(message.starts_with("net.toml:") && message.contains(expected), "{layers}: {message}");
    }
}

#[test]
fn the_frame_is_checked_too() {
    for (text, expected) in [
        ("", "net.toml:1:1: the network needs input, the shape of a sample such as [1, 8, 8]"),
        ("input = [1, 8, 8]", "the network needs layers, an array of layers"),
        ("layers = []", "the network needs input"),
        ("input = [1, 8]\nlayers = []", "net.toml:1:9: input must be [channels, height, width], got an array of 2"),
        ("input = [1, 0, 8]\nlayers = []", "net.toml:1:13: input must be a whole number from 1"),
        ("input = [1, 8, 8]\nlayers = 3", "net.toml:2:10: layers must be an array of layers such as"),
        ("input = [1, 8, 8]\nlayer = []\nlayers = []", "net.toml:2:1: the network has no key \"layer\"; did you mean"),
        ("name = \"../up\"\ninput = [1, 8, 8]\nlayers = []", "net.toml:1:8: name must be a name without slashes"),
        ("name = 3\ninput = [1, 8, 8]\nlayers = []", "name must be a name without slashes, not longer than 100"),
        ("input = [1, 8, 8]\nlayers = [\n", "net.toml:2:11: unclosed array"),
        ("input = [1, 8, 8]\ninput = [1, 8, 8]\n", "net.toml:2:1: duplicate key"),
    ] {
        let message = Network::parse("net.toml", text).unwrap_err().to_string();
        assert!(message.contains(expected) && message.lines().count() == 1, "{text}: {message}");
    }
}

#[test]
fn scaling_is_kept_as_long_as_it_fits() {
    let with = |scaling: &str| format!("input = [2, 8, 8]\nscaling = {scaling}\nlayers = [\"flatten\"]\n");
    let text = with("{ white = 255, mean = [0.1, -1], std = [0.25, 0.3] }");
    let network = Network::parse("x", &text).unwrap();
    let scaling = Scaling { white: 255.0, mean: vec![0.1, -1.0], std: vec![0.25, 0.3] };
    assert_eq!(network.scaling(), Some(&scaling));
    assert_eq!(Network::parse("x", &network.to_toml()).unwrap().scaling(), Some(&scaling));
    assert_eq!(network.clone().with_input([2, 4, 4]).scaling(), Some(&scaling));
    assert_eq!(network.with_input([3, 8, 8]).scaling(), None);
    for (scaling, expected) in [
        ("3", "x:2:11: scaling must be a table such as"),
        ("{ white = 255, mean = [0.1, 0.2] }", "x:2:11: scaling needs std, an array of 2 numbers"),
        ("{ white = 255, mean = [0.1], std = [0.3, 0.3] }", "mean must be an array of 2 numbers, got an array of 1"),
        ("{ white = 255, mean = [0.1, 0.1], std = [0.3, 0] }", "std must be finite and above 0, got 0"),
        ("{ white = 255, mean = [0.1, inf], std = [0.3, 0.3] }", "mean must be finite, got inf"),
        ("{ white = 0, mean = [0.1, 0.1], std = [0.3, 0.3] }", "white must be finite and above 0, got 0"),
        ("{ black = 0, white = 1, mean = [0.1, 0.1], std = [0.3, 0.3] }", "scaling has no key \"black\""),
    ] {
        let message = Network::parse("x", &with(scaling)).unwrap_err().to_string();
        assert!(message.contains(expected), "{scaling}: {message}");
    }
}

#[test]
fn classes_have_names() {
    let with = |classes: &str| format!("input = [2, 1, 1]\nclasses = {classes}\nlayers = [\"relu\"]\n");
    let store = LayerStore::default();
    for (classes, names) in [
        ("[]", &[][..]),
        ("[\"cat\"]", &["cat"]),
        ("[\"the \\\"cat\\\"\", 'd\u{e9}j\u{e0} \\ vu']", &["the \"cat\"", "d\u{e9}j\u{e0} \\ vu"]),
        // There are data sets with two classes of one name.
        ("[\"crane\", \"crane\"]", &["crane", "crane"]),
    ] {
        let network = Network::parse("x", &with(classes)).unwrap();
        assert_eq!(network.classes(), names);
        assert!(network.net(&store).is_ok());
        let again = Network::parse("x", &network.to_toml()).unwrap();
        assert_eq!(again.classes(), names);
        assert_eq!(again.to_toml(), network.to_toml());
        assert_eq!(network.to_toml().contains("classes"), !names.is_empty());
        assert_eq!(network.with_input([3, 1, 1]).classes(), names);
    }
    for (classes, expected) in [
        ("3", "x:2:11: classes must be an array of names such as [\"cat\", \"dog\"], got 3"),
        ("\"cat\"", "x:2:11: classes must be an array of names"),
        ("[\"cat\", 7]", "x:2:19: a name in classes must be a string without control characters, got 7"),
        ("[\"a\\u001bb\"]", "x:2:12: a name in classes must be a string without control characters, got \"a"),
    ] {
        let message = Network::parse("x", &with(classes)).unwrap_err().to_string();
        assert!(message.contains(expected), "{classes}: {message}");
        assert!(!message.contains(char::is_control), "{message:?}");
    }
    // How many there may be only the layers can say.
    let many = Network::parse("x", &with("[\"a\", \"b\", \"c\"]")).unwrap();
    assert_eq!(many.net(&store).unwrap_err().to_string(), "x:2:11: 3 names for 2 outputs");
    let given = many.with_classes(["a", "b", "c", "d"]);
    assert_eq!(given.net(&store).unwrap_err().to_string(), "classes: 4 names for 2 outputs");
    let clean = given.with_classes(["a\u{7f}\u{1b}[31m", "\n\0"]);
    assert_eq!(clean.classes(), ["a\u{fffd}\u{fffd}[31m", "\u{fffd}\u{fffd}"]);
    assert_eq!(Network::parse("x", &clean.to_toml()).unwrap().classes(), clean.classes());
}

#[test]
fn hostile_files_are_refused() {
    let around = |layers: &str| format!("input = [1, 8, 8]\nlayers = [{layers}]\n");
    let nested = |depth: usize| {
        let (open, close) = ("{ kind = \"residual\", body = [".repeat(depth), "] }".repeat(depth));
        around(&format!("{open}\"relu\"{close}"))
    };
    assert!(Network::parse("x", &nested(16)).is_ok());
    let tables: String =
        (1..=40).map(|n| format!("[[layers{}]]\nkind = \"residual\"\n", ".body".repeat(n - 1))).collect();
    for (text, expected) in [
        (around(&"\"relu\",".repeat(97)), "the network has more than 96 layers"),
        (around(&"\"relu\",".repeat(100_000)), "the network has more than 96 layers"),
        (nested(17), "more than 16 blocks inside each other"),
        (nested(20_000), ""),
        (format!("input = [1, 8, 8]\n{tables}"), ""),
        (format!("x{} = 1", ".x".repeat(200_000)), ""),
        (format!("x = {}", "[".repeat(500_000)), ""),
        (format!("input = [{}, 8, 8]", "9".repeat(1_000_000)), "got a number of 1000000 digits"),
        (
            around(&format!("\"{}\"", "y".repeat(500_000))),
            "unknown layer \"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...\"",
        ),
        (" ".repeat(1 << 21), "more than 1048576 bytes"),
    ] {
        let message = Network::parse("x", &text).unwrap_err().to_string();
        assert!(message.contains(expected) && message.len() < 600, "{message}");
    }
    // Sizes whose product overflows are the core's to refuse.
    let store = LayerStore::default();
    let huge = "{ kind = \"conv2d\", out_channels = 4294967295, kernel = 4294967295, padding = 4294967295 },".repeat(3);
    assert!(Network::parse("x", &around(&huge)).unwrap().net(&store).is_err());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.toml");
    std::fs::write(&path, b"input = [1, 8, 8]\nlayers = [\"\xff\"]").unwrap();
    let message = Network::load(&path).unwrap_err().to_string();
    assert!(message.contains("net.toml:2:12: not a text"), "{message}");
    assert!(matches!(Network::load(folder.path()), Err(Error::Io { .. })));
    assert!(matches!(Network::load(&folder.path().join("none")), Err(Error::Io { .. })));
}

/// Files that are almost right: whatever becomes of them, it is no panic, and what is accepted can be written down.
#[test]
fn spoilt_files_are_errors_and_nothing_worse() {
    let mut state = 1u64;
    let mut next = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let words =
        ["0", "-1", "4294967295", "1e30", "nan", "inf", "true", "\"relu\"", "[", "}", "kind", "=", "\n", "\u{e9}"];
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut text: Vec<&str> = EVERYTHING.split_inclusive([' ', ',']).collect();
        for _ in 0..1 + next(3) {
            let at = next(text.len());
            match next(3) {
                0 => text[at] = words[next(words.len())],
                1 => text[at] = "",
                _ => text[at] = text[next(text.len())],
            }
        }
        let Ok(network) = Network::parse("x", &text.concat()) else { continue };
        let store = LayerStore::default();
        let Ok(net) = network.net(&store) else { continue };
        accepted += 1;
        let again = Network::parse("x", &network.to_toml()).unwrap();
        assert_eq!(again.net(&store).unwrap(), net);
        let _ = Plan::try_new(&net, Config::new(3, Optimizer::adam(0.1)));
    }
    assert!(accepted > 1000, "{accepted}");
}
