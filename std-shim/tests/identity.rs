//! The text by which a checkpoint knows its run again: a run of today goes on with the program of tomorrow.
//!
//! A test that fails here by accident means: take the change back, for it would refuse every run that is under way.
//! If the text or its meaning must change, raise `FORMAT` in `train/run/identity.rs` and write the new text down here.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::collections::BTreeMap;

use common::small;
use flatgrad::augment::{Augmentation, MixUp, Mixing, Pipeline, RandomCrop, Recipe};
use flatgrad::data::Normalization;
use flatgrad::train::{Callback, Checkpoint, Clip, Fit, Loading, OneCycle, Plateau, Schedule, Settings, Shape};
use flatgrad::{Error, Result};
use flatgrad_core::activation::Activation;
use flatgrad_core::dropout::Form;
use flatgrad_core::init::Init;
use flatgrad_core::net::{Decay, Layer, Net, Optimizer};
use flatgrad_core::optim::{Adam, RmsProp, Sgd};
use flatgrad_core::{Context, Isa};

/// Every layer and every option.
const LAYERS: [Layer; 30] = [
    Layer::conv2d_rect(4, [3, 1])
        .stride_rect([1, 2])
        .padding_rect([1, 0])
        .dilation_rect([1, 2])
        .no_bias()
        .init(Init::XavierUniform { gain: 2.0 }),
    Layer::conv1d(4, 1).groups(2).init(Init::KaimingUniform { gain: 1.5 }).max_norm(3.0),
    Layer::batch_norm().eps(1e-4).momentum(0.2).lr(0.5),
    Layer::group_norm(2).decay(0.0),
    Layer::instance_norm().affine(true),
    Layer::layer_norm().affine(false),
    Layer::rms_norm().frozen(),
    Layer::relu(),
    Layer::residual_with(&BODY, &SHORTCUT).lr(0.25),
    Layer::leaky_relu(0.1),
    Layer::elu(0.5),
    Layer::activation(Activation::softplus(2.0, 10.0)),
    Layer::sigmoid(),
    Layer::tanh(),
    Layer::gelu(),
    Layer::activation(Activation::GeluTanh),
    Layer::silu(),
    Layer::hard_swish(),
    Layer::max_pool(2).stride(1).padding(1),
    Layer::avg_pool_rect([2, 1]).count_include_pad(false),
    Layer::global_avg_pool(),
    Layer::flatten(),
    Layer::dropout(0.25),
    Layer::dense(12).no_bias().init(Init::XavierNormal { gain: 1.0 }),
    Layer::dropout(0.5).form(Form::ScaleActivations),
    Layer::dense(11).init(Init::Uniform { bound: 0.1 }),
    Layer::dense(11).init(Init::Normal { std: 0.1 }).lr(2.0).decay(0.5).frozen(),
    Layer::dense(10).init(Init::Orthogonal { gain: 1.0 }),
    Layer::softmax(),
    Layer::log_softmax(),
];
const BODY: [Layer; 2] = [Layer::relu(), Layer::conv2d(6, 1).init(Init::Constant { value: 0.5 })];
const SHORTCUT: [Layer; 1] = [Layer::conv2d(6, 1).init(Init::KaimingNormal { gain: 1.0 })];
const NET: Net = Net::new([1, 8, 8], &LAYERS);

const NETWORK: &str = include_str!("golden/identity_network.txt");

/// Keeps the last checkpoint.
#[derive(Default)]
struct Keep(Option<Checkpoint>);

impl Callback for Keep {
    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result {
        self.0 = Some(checkpoint.clone());
        Ok(())
    }
}

/// The checkpoint after one step.
fn checkpoint(net: Net, settings: &Settings, augmentation: Option<&Augmentation>) -> Checkpoint {
    let (data, mut keep) = (small(), Keep::default());
    let settings = Settings { max_steps: Some(1), ..settings.clone() };
    let mut fit = Fit::new(net, &data, &settings);
    if let Some(augmentation) = augmentation {
        fit = fit.augment(augmentation);
    }
    fit.run(Context::serial(Isa::detect()), &mut [&mut keep]).unwrap();
    keep.0.unwrap()
}

fn described(settings: &Settings) -> BTreeMap<String, String> {
    const SMALL: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
    checkpoint(SMALL, settings, None).settings
}

#[test]
fn every_layer_with_every_option_has_its_words() {
    let checkpoint = checkpoint(NET, &Settings::new(Optimizer::sgd(0.0)), None);
    assert_eq!(checkpoint.settings["network"], NETWORK.trim(), "{}", checkpoint.settings["network"]);
}

#[test]
fn settings_have_their_words() {
    let settings = Settings {
        batch: 25,
        seed: 7,
        schedule: Schedule::new(Shape::Cosine { steps: 90, min: 1e-5 }).warmup(10),
        clip: Some(Clip::Norm(1.5)),
        accumulate: 2,
        ema: Some(0.999),
        class_weights: vec![1.0, 2.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        decay: Decay::Weights,
        normalize: Normalization::Unit,
        loading: Loading { workers: 1, drop_last: true },
        ..Settings::new(Optimizer::adamw(1e-3))
    };
    let found: String = described(&settings).iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    assert_eq!(
        found,
        "\
accumulate: 2
augmentation: none
batch: 25
class-weights: 1 2.5 1 1 1 1 1 1 1 1
clip: norm 1.5
decay: weights
drop-last: true
ema: 0.999
format: 2
label-smoothing: 0
network: [1, 8, 8] flatten dense
{ kind = \"flatten\" } [1, 8, 8] [64, 1, 1]
{ kind = \"dense\", outputs = 10, bias = true } [64, 1, 1] [10, 1, 1]
normalize: unit
optimizer: adam lr 0.001, betas [0.9, 0.999], eps 1e-8, weight_decay 0.01, decoupled true, amsgrad false, \
bias_correction true
ranks: 1
schedule: cosine steps 90, min 0.00001; warmup 10 from 0.3333333333333333
seed: 7
"
    );
    let plain = described(&Settings { label_smoothing: 0.1, ..Settings::new(Optimizer::sgd(0.1)) });
    let words = |name: &str| plain[name].as_str();
    assert_eq!([words("label-smoothing"), words("ema"), words("clip"), words("decay")], ["0.1", "none", "none", "all"]);
    assert_eq!([words("normalize"), words("class-weights"), words("drop-last")], ["standard", "", "false"]);
    let clipped = Settings { clip: Some(Clip::Value(0.5)), ..Settings::new(Optimizer::sgd(0.1)) };
    assert_eq!(described(&clipped)["clip"], "value 0.5");
}

#[test]
fn optimizers_have_their_words() {
    let sgd = Optimizer::Sgd(Sgd { lr: 0.1, momentum: 0.9, nesterov: true, ..Sgd::DEFAULT });
    let rmsprop = Optimizer::RmsProp(RmsProp { lr: 0.01, centered: true, ..RmsProp::DEFAULT });
    let amsgrad = Optimizer::Adam(Adam { lr: 0.01, amsgrad: true, ..Adam::DEFAULT });
    for (optimizer, expected) in [
        (sgd, "sgd lr 0.1, momentum 0.9, dampening 0.0, weight_decay 0.0, decoupled false, nesterov true"),
        (rmsprop, "rmsprop lr 0.01, alpha 0.99, eps 1e-8, weight_decay 0.0, momentum 0.0, centered true"),
        (
            Optimizer::adagrad(0.01),
            "adagrad lr 0.01, lr_decay 0.0, weight_decay 0.0, initial_accumulator 0.0, eps 1e-10",
        ),
        (
            amsgrad,
            "adam lr 0.01, betas [0.9, 0.999], eps 1e-8, weight_decay 0.0, decoupled false, amsgrad true, \
             bias_correction true",
        ),
    ] {
        assert_eq!(described(&Settings::new(optimizer))["optimizer"], expected);
    }
}

#[test]
fn schedules_have_their_words() {
    for (shape, expected) in [
        (Shape::Constant, "constant"),
        (Shape::Step { every: 30, gamma: 0.1 }, "step every 30, gamma 0.1"),
        (Shape::Exponential { gamma: 0.99 }, "exponential gamma 0.99"),
        (
            Shape::OneCycle(OneCycle::new(90)),
            "one_cycle steps 90, pct_start 0.3, div_factor 25, final_div_factor 10000",
        ),
        (
            Shape::Plateau(Plateau::DEFAULT),
            "plateau factor 0.1, patience 10, threshold 0.0001, cooldown 0, min_lr 0, eps 0.00000001",
        ),
    ] {
        let settings = Settings { schedule: Schedule::new(shape), ..Settings::new(Optimizer::sgd(0.1)) };
        let expected = format!("{expected}; warmup 0 from 0.3333333333333333");
        assert_eq!(described(&settings)["schedule"], expected);
    }
}

#[test]
fn augmentations_have_their_words() {
    const SMALL: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
    let settings = Settings::new(Optimizer::sgd(0.1));
    let words = |augmentation: &Augmentation| {
        let mut settings = checkpoint(SMALL, &settings, Some(augmentation)).settings;
        settings.remove("augmentation").unwrap()
    };
    let text = "# Moved.\ntrain = [ 'random_horizontal_flip',\n { kind = \"random_crop\", padding = 1 } ]\nmixup = 0.2";
    let recipe = Recipe::parse("my.toml", text).unwrap().augmentation([1, 8, 8]).unwrap();
    let expected = r#"{ mixup = 0.2, train = ["random_horizontal_flip", { kind = "random_crop", padding = 1 }] }"#;
    assert_eq!(words(&recipe), expected);
    // Operations that are put together in a program have no text; what they do is the same as long as their bits are.
    let made = |padding, alpha| {
        let crop = RandomCrop { padding: [padding; 4], ..RandomCrop::DEFAULT };
        let train = Pipeline::new(vec![Box::new(crop)], [1, 8, 8]).unwrap();
        let mixing = Mixing { mix_up: Some(MixUp { alpha }), ..Mixing::DEFAULT };
        words(&Augmentation::new(train, Pipeline::new(Vec::new(), [1, 8, 8]).unwrap(), mixing).unwrap())
    };
    assert_eq!(made(1, 0.5), "7a8f5c73e564ac03dd693fab6f94f592b3aec82a04b8075db4649fde82d103a0");
    assert_ne!(made(1, 0.5), made(2, 0.5));
    assert_ne!(made(1, 0.5), made(1, 0.25));
}

#[test]
fn a_checkpoint_of_another_version_is_refused_and_says_what_to_do() {
    const SMALL: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
    let (data, settings) = (small(), Settings::new(Optimizer::adam(1e-3)));
    let today = checkpoint(SMALL, &settings, None);
    let refused = |checkpoint: Checkpoint| {
        let error = Fit::new(SMALL, &data, &settings).resume(checkpoint).run(Context::serial(Isa::detect()), &mut []);
        let Err(Error::Setting { what: "resume", fault }) = error else { panic!("{error:?}") };
        fault
    };
    // As version 0.1 wrote them before: no format, and text of `Debug`.
    let mut before = today.clone();
    before.settings.remove("format");
    before.settings.insert("network".into(), format!("{SMALL:?}"));
    before.settings.insert("optimizer".into(), format!("{:?}", settings.optimizer));
    let todo = "version of the program: finish the run with that version, or start again";
    assert_eq!(refused(before), format!("the checkpoint is from an earlier {todo}"));
    let mut after = today;
    after.settings.insert("format".into(), "3".into());
    assert_eq!(refused(after), format!("the checkpoint is from another {todo}"));
}
