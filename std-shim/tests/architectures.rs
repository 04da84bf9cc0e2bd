//! Networks by name: sizes as published, training, images of any size, weights under PyTorch's names.
#![allow(missing_docs, reason = "a test")]

use flatgrad::Error;
use flatgrad::model::{Architecture, LayerStore, Network, StateDict, Tensor, flat_weights, named_weights, state_dict};
use flatgrad::report::layer_rows;
use flatgrad_core::net::{Config, Kind, Optimizer, Plan, Trainer};
use flatgrad_core::{Context, Isa};

const ADAM: Optimizer = Optimizer::adam(3e-3);

fn network(architecture: Architecture, input: [usize; 3], classes: usize, task: impl FnOnce(&Network, &Plan)) {
    let network = Network::new(architecture, input, classes);
    let store = LayerStore::default();
    let net = network.net(&store).unwrap();
    assert_eq!((net.input(), net.outputs()), (input, classes), "{}", architecture.name());
    task(&network, &Plan::try_new(&net, Config::new(20, ADAM)).unwrap());
}

/// The shape of every convolution's output.
fn sides(architecture: Architecture, input: [usize; 3]) -> Vec<[usize; 3]> {
    let mut found = Vec::new();
    network(architecture, input, 10, |_, plan| {
        let convolutions = plan.layers().filter(|layer| matches!(layer.kind, Kind::Conv2d { .. }));
        found = convolutions.map(|layer| layer.output).collect();
    });
    found
}

#[test]
fn parameters_are_those_published() {
    for (architecture, input, classes, published, with_averages) in [
        (Architecture::Cnn, [1, 28, 28], 10, 468_202, 468_202 + 2 * 192),
        (Architecture::Mlp, [1, 28, 28], 10, 1_276_810, 1_276_810),
        (Architecture::Tiny, [1, 8, 8], 10, 1_898, 1_898),
        // With and without padding, as in the paper.
        (Architecture::LeNet, [1, 28, 28], 10, 61_706, 61_706),
        (Architecture::LeNet, [1, 32, 32], 10, 61_706, 61_706),
        (Architecture::VggSmall, [3, 32, 32], 10, 288_746 + 448, 288_746 + 3 * 448),
        // MLPerf Tiny: Keras counts the running averages.
        (Architecture::ResNet8, [3, 32, 32], 10, 78_666 - 480, 78_666),
        (Architecture::DsCnn, [1, 49, 10], 12, 24_908 - 1_152, 24_908),
        (Architecture::MobileNet, [3, 96, 96], 2, 221_794 - 5_472, 221_794),
    ] {
        let count = |network: Network| {
            let store = LayerStore::default();
            let plan = Plan::try_new(&network.net(&store).unwrap(), Config::new(1, ADAM)).unwrap();
            (plan.parameters(), plan.weights_len())
        };
        let network = Network::new(architecture, input, classes);
        let with = network.clone().with_bias_before_norm();
        assert_eq!(count(with), (published, with_averages), "{}", architecture.name());
        // There are as many biases before batch norm as running means.
        let biases = (with_averages - published) / 2;
        assert_eq!(count(network), (published - biases, with_averages - biases), "{}", architecture.name());
    }
}

#[test]
fn images_get_smaller_as_published() {
    assert_eq!(sides(Architecture::LeNet, [1, 28, 28]), [[6, 28, 28], [16, 10, 10]]);
    assert_eq!(sides(Architecture::LeNet, [3, 32, 32]), [[6, 28, 28], [16, 10, 10]]);
    // Each body, then its shortcut.
    let resnet = sides(Architecture::ResNet8, [3, 32, 32]);
    assert_eq!(resnet[..3], [[16, 32, 32]; 3]);
    assert_eq!(resnet[3..6], [[32, 16, 16]; 3]);
    assert_eq!(resnet[6..], [[64, 8, 8]; 3]);
    assert_eq!(sides(Architecture::DsCnn, [1, 49, 10]), [[64, 25, 5]; 9]);
    assert_eq!(sides(Architecture::DsCnn, [1, 28, 28]), [[64, 14, 14]; 9]);
    for (side, first, last) in [(96, 48, 3), (64, 64, 4), (48, 48, 3), (32, 32, 4), (28, 28, 4), (8, 8, 4)] {
        let mobile = sides(Architecture::MobileNet, [3, side, side]);
        assert_eq!((mobile.len(), mobile[0], mobile[26]), (27, [8, first, first], [256, last, last]));
    }
}

#[test]
fn every_architecture_takes_images_from_its_least_side_on() {
    for architecture in Architecture::ALL {
        let least = architecture.least_side();
        for input in [[1, least, least], [2, least, least + 3], [3, least + 5, least], [4, 33, 40]] {
            network(architecture, input, 3, |_, _| ());
        }
        for input in [[1, least - 1, 100], [1, 100, least - 1]] {
            let network = Network::new(architecture, input, 3);
            let store = LayerStore::default();
            let error = network.net(&store).unwrap_err();
            assert!(matches!(error, Error::Architecture { .. }), "{error:?}");
            let [c, h, w] = input;
            let message = error.to_string();
            let expected = format!("images must have at least {least} x {least} pixels");
            assert!(message.starts_with(&format!("{} on {c} x {h} x {w}: ", architecture.name())), "{message}");
            assert!(message.ends_with(&expected), "{message}");
        }
    }
}

#[test]
fn errors_name_the_architecture_and_the_layer() {
    let store = LayerStore::default();
    for (architecture, input, classes, expected) in [
        (
            Architecture::LeNet,
            [1, 8, 8],
            10,
            "lenet on 1 x 8 x 8: layer 3 (conv2d): kernel 5x5 does not fit the padded image 4x4; images must have at least \
             12 x 12 pixels",
        ),
        (Architecture::ResNet8, [3, 2, 2], 10, "resnet8 on 3 x 2 x 2: images must have at least 4 x 4 pixels"),
        (
            Architecture::MobileNet,
            [3, 32, 32],
            0,
            "mobilenet on 3 x 32 x 32: layer 82 (dense): the number of outputs must be at least 1",
        ),
        (
            Architecture::VggSmall,
            [usize::MAX / 8, 32, 32],
            2,
            "vgg-small on 2305843009213693951 x 32 x 32: layer 0 (network): a size overflows",
        ),
    ] {
        assert_eq!(Network::new(architecture, input, classes).net(&store).unwrap_err().to_string(), expected);
    }
    // What only a plan can find, too.
    let network = Network::new(Architecture::DsCnn, [1, 49, 10], 12);
    let plan = Plan::try_new(&network.net(&store).unwrap(), Config::new(usize::MAX, ADAM));
    let message = network.explain(plan.err().unwrap()).to_string();
    assert!(message.starts_with("ds-cnn on 1 x 49 x 10: layer 0 (conv2d): a size overflows"), "{message}");
}

/// Two noisy images of each of ten classes: a bright row tells the class.
fn samples([c, h, w]: [usize; 3]) -> (Vec<f32>, Vec<u32>) {
    let labels: Vec<u32> = (0..20).map(|i| i % 10).collect();
    let pixel = |p: usize| {
        let (sample, row) = (p / (c * h * w), p / w % h);
        let noise = ((p.wrapping_mul(2_654_435_761) >> 13) % 1000) as f32 / 1000.0 - 0.5;
        if row * 10 / h == sample % 10 { 2.0 + noise } else { noise }
    };
    ((0..20 * c * h * w).map(pixel).collect(), labels)
}

#[track_caller]
fn trains(architecture: Architecture, input: [usize; 3], steps: usize, factor: f32) {
    let (x, labels) = samples(input);
    network(architecture, input, 10, |_, plan| {
        let mut arena = vec![f32::NAN; plan.train_len()];
        let mut trainer = Trainer::new(Context::serial(Isa::detect()), plan, &mut arena, 1).unwrap();
        let losses: Vec<f32> = (0..steps).map(|_| trainer.step(&ADAM, &x, &labels).unwrap().loss_sum / 20.0).collect();
        let (first, last) = (losses[0], losses[steps - 1]);
        println!("{} on {input:?}: {losses:?}", architecture.name());
        assert!(last < factor * first, "{} on {input:?}: {losses:?}", architecture.name());
    });
}

#[test]
fn every_architecture_trains() {
    for architecture in Architecture::ALL {
        trains(architecture, [1, 28, 28], 8, 0.9);
        trains(architecture, [3, 32, 32], 8, 0.9);
    }
    trains(Architecture::DsCnn, [1, 49, 10], 16, 0.9);
}

#[test]
fn large_ones_learn_small_images_by_heart() {
    trains(Architecture::ResNet8, [3, 32, 32], 25, 0.1);
    trains(Architecture::VggSmall, [3, 32, 32], 25, 0.3);
    trains(Architecture::MobileNet, [1, 28, 28], 25, 0.1);
}

#[test]
fn weights_come_back_from_files_under_pytorchs_names() {
    for architecture in Architecture::ALL {
        network(architecture, [3, 32, 32], 10, |network, plan| {
            let (x, labels) = samples([3, 32, 32]);
            let mut arena = vec![0.0; plan.train_len()];
            let mut trainer = Trainer::new(Context::serial(Isa::detect()), plan, &mut arena, 1).unwrap();
            trainer.step(&ADAM, &x, &labels).unwrap();
            let file = state_dict(&trainer).unwrap().to_safetensors_with(network).unwrap();
            let dict = StateDict::from_safetensors(&file).unwrap();
            let again = StateDict::network_in("file", &file).unwrap().unwrap();
            assert_eq!((again.name(), again.to_toml()), (architecture.name(), network.to_toml()));
            let store = LayerStore::default();
            let plan = Plan::try_new(&again.net(&store).unwrap(), Config::new(1, ADAM)).unwrap();
            let weights = flat_weights(&plan, &dict).unwrap();
            assert_eq!(weights, trainer.weights(), "{}", architecture.name());
            let named = named_weights(&plan, &weights, 1).unwrap();
            assert_eq!(named.iter().count(), dict.iter().count());
            assert!(named.iter().all(|(name, tensor)| dict.get(name) == Some(tensor)), "{}", architecture.name());
        });
    }
}

#[test]
fn blocks_are_named_in_the_order_in_which_they_run() {
    let shapes = |architecture, input| {
        let mut found = Vec::new();
        network(architecture, input, 10, |_, plan| {
            let dict = named_weights(plan, &vec![0.0; plan.weights_len()], 0).unwrap();
            found.extend(dict.iter().filter_map(|(name, tensor)| match tensor {
                Tensor::F32 { shape, .. } if name.ends_with(".weight") => Some((name.to_string(), shape.clone())),
                _ => None,
            }));
        });
        found
    };
    let of = |name: &str, shape: &[usize]| (name.to_string(), shape.to_vec());
    let resnet = shapes(Architecture::ResNet8, [3, 32, 32]);
    let expected = [
        of("conv4.weight", &[32, 16, 3, 3]),
        of("bn4.weight", &[32]),
        of("conv5.weight", &[32, 32, 3, 3]),
        of("bn5.weight", &[32]),
        of("conv6.weight", &[32, 16, 1, 1]),
        of("conv7.weight", &[64, 32, 3, 3]),
    ];
    assert_eq!(resnet[6..12], expected);
    assert_eq!(resnet.last(), Some(&of("fc1.weight", &[10, 64])));
    let mobile = shapes(Architecture::MobileNet, [3, 96, 96]);
    assert_eq!(mobile[2], of("conv2.weight", &[8, 1, 3, 3]));
    assert_eq!(mobile[4], of("conv3.weight", &[16, 8, 1, 1]));
}

#[test]
fn names_are_found_and_guessed() {
    for architecture in Architecture::ALL {
        assert_eq!(Architecture::by_name(architecture.name()), Some(architecture));
        assert_eq!(Architecture::close_to(architecture.name()), Some(architecture));
        assert!(!architecture.summary().is_empty());
    }
    for (name, architecture) in [
        ("resnet", Architecture::ResNet8),
        ("resnet-8", Architecture::ResNet8),
        ("ResNet18", Architecture::ResNet8),
        ("LeNet5", Architecture::LeNet),
        ("vgg", Architecture::VggSmall),
        ("vgg_small", Architecture::VggSmall),
        ("ds_cnn", Architecture::DsCnn),
        ("dscnn", Architecture::DsCnn),
        ("mobilenet_v1", Architecture::MobileNet),
        ("mobilnet", Architecture::MobileNet),
    ] {
        assert_eq!(Architecture::close_to(name), Some(architecture), "{name}");
    }
    for name in ["", "rnn", "none.toml", &"resnet8".repeat(100)] {
        assert_eq!(Architecture::close_to(name), None, "{name}");
    }
}

#[test]
fn tables_show_blocks() {
    network(Architecture::ResNet8, [3, 32, 32], 10, |_, plan| {
        let rows = layer_rows(plan);
        assert_eq!(rows.iter().filter(|row| row.layer == "add").count(), 3);
        assert_eq!(rows.iter().map(|row| row.parameters).sum::<usize>(), 77_946);
    });
}
