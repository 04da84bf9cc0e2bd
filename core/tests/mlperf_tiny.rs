//! The four networks of MLPerf Tiny (Banbury et al., "MLPerf Tiny Benchmark", 2021) as `const` items: parameters as
//! published, memory planned while this compiles, a step of training with the same bits everywhere.
//!
//! Where the originals (Keras) pad unevenly to keep the size at stride 2, these pad evenly, which gives the same
//! shapes.

mod common;

use common::{assert_bits, contexts, numbers};
use flatgrad_core::net::{Config, Layer, Loss, Net, Optimizer, Plan, Target, Trainer};

/// 3x3 depthwise and 1x1 convolution, each with batch norm and relu.
const fn separable(channels: usize, out_channels: usize, stride: usize) -> [Layer<'static>; 6] {
    [
        Layer::conv2d(channels, 3).groups(channels).padding(1).stride(stride),
        Layer::batch_norm(),
        Layer::relu(),
        Layer::conv2d(out_channels, 1),
        Layer::batch_norm(),
        Layer::relu(),
    ]
}

/// The blocks one after the other, between `first` and `last`.
const fn chain<const N: usize>(
    first: &[Layer<'static>],
    blocks: &[[Layer<'static>; 6]],
    last: &[Layer<'static>],
) -> [Layer<'static>; N] {
    let mut all = [Layer::flatten(); N];
    let mut n = 0;
    let mut i = 0;
    while i < first.len() {
        all[n] = first[i];
        (n, i) = (n + 1, i + 1);
    }
    let mut b = 0;
    while b < blocks.len() {
        i = 0;
        while i < 6 {
            all[n] = blocks[b][i];
            (n, i) = (n + 1, i + 1);
        }
        b += 1;
    }
    i = 0;
    while i < last.len() {
        all[n] = last[i];
        (n, i) = (n + 1, i + 1);
    }
    assert!(n == N);
    all
}

/// Keyword spotting: DS-CNN on 49 frames of 10 MFCC features.
const DS_CNN: Net = Net::new(
    [1, 49, 10],
    &chain::<33>(
        &[
            Layer::conv2d_rect(64, [10, 4]).stride(2).padding_rect([5, 1]),
            Layer::batch_norm(),
            Layer::relu(),
            Layer::dropout(0.2),
        ],
        &[separable(64, 64, 1); 4],
        &[Layer::dropout(0.4), Layer::avg_pool_rect([25, 5]), Layer::flatten(), Layer::dense(12), Layer::flatten()],
    ),
);

/// Visual wake words: MobileNetV1, a quarter as wide, on 96 x 96 pixels.
const MOBILE_NET: Net = Net::new(
    [3, 96, 96],
    &chain::<83>(
        &[Layer::conv2d(8, 3).stride(2).padding(1), Layer::batch_norm(), Layer::relu()],
        &[
            separable(8, 16, 1),
            separable(16, 32, 2),
            separable(32, 32, 1),
            separable(32, 64, 2),
            separable(64, 64, 1),
            separable(64, 128, 2),
            separable(128, 128, 1),
            separable(128, 128, 1),
            separable(128, 128, 1),
            separable(128, 128, 1),
            separable(128, 128, 1),
            separable(128, 256, 2),
            separable(256, 256, 1),
        ],
        &[Layer::global_avg_pool(), Layer::dense(2)],
    ),
);

const fn basic(channels: usize, stride: usize) -> [Layer<'static>; 5] {
    [
        Layer::conv2d(channels, 3).padding(1).stride(stride),
        Layer::batch_norm(),
        Layer::relu(),
        Layer::conv2d(channels, 3).padding(1),
        Layer::batch_norm(),
    ]
}

/// Image classification: ResNet-8 on CIFAR-10.
const RES_NET: Net = Net::new(
    [3, 32, 32],
    &[
        Layer::conv2d(16, 3).padding(1),
        Layer::batch_norm(),
        Layer::relu(),
        Layer::residual(&basic(16, 1)),
        Layer::relu(),
        Layer::residual_with(&basic(32, 2), &[Layer::conv2d(32, 1).stride(2)]),
        Layer::relu(),
        Layer::residual_with(&basic(64, 2), &[Layer::conv2d(64, 1).stride(2)]),
        Layer::relu(),
        Layer::global_avg_pool(),
        Layer::dense(10),
    ],
);

const fn hidden(features: usize) -> [Layer<'static>; 3] {
    [Layer::dense(features), Layer::batch_norm(), Layer::relu()]
}

/// Anomaly detection: a dense autoencoder of 640 features.
const AUTO_ENCODER: Net = {
    const WIDTHS: [usize; 9] = [128, 128, 128, 128, 8, 128, 128, 128, 128];
    const LAYERS: [Layer; 28] = {
        let mut all = [Layer::dense(640); 28];
        let mut i = 0;
        while i < 27 {
            all[i] = hidden(WIDTHS[i / 3])[i % 3];
            i += 1;
        }
        all
    };
    Net::new([640, 1, 1], &LAYERS)
};

const ADAM: Optimizer = Optimizer::adam(1e-3);
/// Two samples: batch norm of features needs as many.
const CONFIG: Config = Config::new(2, ADAM);

const DS_CNN_PLAN: Plan = Plan::new(&DS_CNN, CONFIG);
const MOBILE_NET_PLAN: Plan = Plan::new(&MOBILE_NET, CONFIG);
const RES_NET_PLAN: Plan = Plan::new(&RES_NET, CONFIG);
const AUTO_ENCODER_PLAN: Plan = Plan::new(&AUTO_ENCODER, CONFIG.loss(Loss::MeanSquared));

/// Trains two steps everywhere, and says what it took.
fn train<'t>(name: &str, plan: &Plan, published: usize, target: impl Into<Target<'t>>) {
    let target = target.into();
    // Keras counts running averages as parameters.
    assert_eq!(plan.weights_len(), published, "{name}");
    let x = numbers(2 * plan.input().iter().product::<usize>(), 1);
    let mut first: Option<Vec<f32>> = None;
    for (context, ctx) in contexts() {
        if ctx.threads() == 3 {
            continue;
        }
        let mut arena = vec![f32::NAN; plan.train_len()];
        let mut trainer = Trainer::new(ctx, plan, &mut arena, 1).unwrap();
        let losses: Vec<f32> = (0..2).map(|_| trainer.step(&ADAM, &x, target).unwrap().loss_sum).collect();
        assert!(losses[1] < losses[0], "{name} on {context}: {losses:?}");
        let first = first.get_or_insert_with(|| trainer.weights().to_vec());
        assert_bits(&format!("{name} on {context}"), trainer.weights(), first);
    }
    let one = Config { batch: 1, optimizer: Optimizer::sgd(0.1), ..plan.config() };
    println!(
        "{name}: {published} parameters; arena {} KB with Adam and two samples, {} KB of work to infer one",
        plan.train_len() * 4 / 1024,
        infer_len(name, one) * 4 / 1024,
    );
}

fn infer_len(name: &str, config: Config) -> usize {
    let net = match name {
        "DS-CNN" => DS_CNN,
        "MobileNetV1 0.25" => MOBILE_NET,
        "ResNet-8" => RES_NET,
        _ => AUTO_ENCODER,
    };
    Plan::try_new(&net, config).unwrap().infer_work_len()
}

#[test]
fn keyword_spotting() {
    train("DS-CNN", &DS_CNN_PLAN, 24_908, &[3, 11]);
}

#[test]
fn visual_wake_words() {
    train("MobileNetV1 0.25", &MOBILE_NET_PLAN, 221_794, &[0, 1]);
}

#[test]
fn image_classification() {
    train("ResNet-8", &RES_NET_PLAN, 78_666, &[9, 0]);
}

#[test]
fn anomaly_detection() {
    let x = numbers(2 * 640, 1);
    train("autoencoder", &AUTO_ENCODER_PLAN, 269_992, Target::Values(&x));
}
