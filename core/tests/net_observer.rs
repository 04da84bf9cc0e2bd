//! What an observer sees.

mod common;

use common::numbers;
use flatgrad_core::Isa;
use flatgrad_core::net::{self, Config, Layer, Net, Observer, Optimizer, Plan, Trainer};

const N: usize = 5;
const INPUT: [usize; 3] = [2, 6, 6];
/// Without batch norm and dropout, training computes what inference does.
const LAYERS: [Layer; 8] = [
    Layer::conv2d(3, 3).padding(1),
    Layer::group_norm(1),
    Layer::tanh(),
    Layer::max_pool(2),
    Layer::residual(&[Layer::conv2d(3, 1)]),
    Layer::flatten(),
    Layer::dense(7),
    Layer::dense(4),
];

#[derive(Default)]
struct Seen {
    outputs: Vec<(usize, Vec<f32>)>,
    gradients: Vec<(usize, Vec<f32>)>,
}

impl Observer for Seen {
    fn output(&mut self, layer: usize, values: &[f32]) {
        self.outputs.push((layer, values.to_vec()));
    }
    fn gradient(&mut self, layer: usize, values: &[f32]) {
        self.gradients.push((layer, values.to_vec()));
    }
}

fn plan(layers: &[Layer]) -> Plan {
    Plan::try_new(&Net::new(INPUT, layers), Config::new(N, Optimizer::sgd(0.1)).threads(1)).unwrap()
}

#[test]
fn outputs_are_those_of_inference_and_no_bit_changes() {
    let ctx = flatgrad_core::Context::serial(Isa::detect());
    let (x, labels) = (numbers(N * 72, 1), [0, 1, 2, 3, 0]);
    let plan_all = plan(&LAYERS);
    let (mut arena, mut plain) = (vec![f32::NAN; plan_all.train_len()], vec![f32::NAN; plan_all.train_len()]);
    let mut trainer = Trainer::new(ctx, &plan_all, &mut arena, 3).unwrap();
    let mut seen = Seen::default();
    let report = trainer.accumulate_observed(&x, &labels, N, &mut seen).unwrap();
    let mut other = Trainer::new(ctx, &plan_all, &mut plain, 3).unwrap();
    assert_eq!(other.accumulate(&x, &labels, N).unwrap(), report);
    assert_eq!(other.gradients(), trainer.gradients());

    // The residual block counts its convolution and its addition.
    let layers: Vec<usize> = seen.outputs.iter().map(|(layer, _)| *layer).collect();
    assert_eq!(layers, (0..9).collect::<Vec<_>>());
    for (count, index) in [(1, 0), (2, 1), (3, 2), (4, 3), (5, 5), (6, 6), (7, 7), (8, 8)] {
        let part = plan(&LAYERS[..count]);
        let mut work = vec![f32::NAN; part.infer_work_len()];
        let weights = &trainer.weights()[..part.weights_len()];
        let expected = net::infer(ctx, &part, weights, &x, &mut work).unwrap();
        assert_eq!(seen.outputs[index].1, expected, "layer {index}");
    }
}

/// Each gradient is the slope of the loss: for the last layers, against the loss computed from changed outputs.
#[test]
fn gradients_are_those_of_the_loss() {
    let ctx = flatgrad_core::Context::serial(Isa::detect());
    let (x, labels) = (numbers(N * 72, 2), [0, 1, 2, 3, 0]);
    let plan_all = plan(&LAYERS);
    let mut arena = vec![f32::NAN; plan_all.train_len()];
    let mut trainer = Trainer::new(ctx, &plan_all, &mut arena, 3).unwrap();
    let mut seen = Seen::default();
    trainer.accumulate_observed(&x, &labels, N, &mut seen).unwrap();
    let layers: Vec<usize> = seen.gradients.iter().map(|(layer, _)| *layer).collect();
    assert_eq!(layers, (0..9).rev().collect::<Vec<_>>());

    let logits = &seen.outputs[8].1;
    for (row, (dy, &label)) in logits.chunks(4).zip(seen.gradients[0].1.chunks(4).zip(&labels)) {
        let sum: f32 = row.iter().map(|y| y.exp()).sum();
        for (class, (y, dy)) in row.iter().zip(dy).enumerate() {
            let expected = (y.exp() / sum - f32::from(u8::from(class == label as usize))) / N as f32;
            assert!((dy - expected).abs() < 1e-6, "{dy} {expected}");
        }
    }
    // One layer down: the gradient of the last dense layer's input is the product with its weights.
    let tensor = plan_all.tensors().filter(|tensor| tensor.name.to_string().ends_with(".weight")).last().unwrap();
    assert_eq!(tensor.shape(), [7, 4]);
    let last = &trainer.weights()[tensor.range()];
    for (dy, dx) in seen.gradients[0].1.chunks(4).zip(seen.gradients[1].1.chunks(7)) {
        for (k, dx) in dx.iter().enumerate() {
            let expected: f32 = (0..4).map(|class| dy[class] * last[k * 4 + class]).sum();
            assert!((dx - expected).abs() < 1e-6, "{dx} {expected}");
        }
    }
}

/// What lies before the first layer that learns has no gradient.
#[test]
fn frozen_layers_have_no_gradient() {
    let ctx = flatgrad_core::Context::serial(Isa::detect());
    let layers = [Layer::conv2d(3, 3).frozen(), Layer::relu(), Layer::flatten(), Layer::dense(4)];
    let plan = plan(&layers);
    let mut arena = vec![f32::NAN; plan.train_len()];
    let mut trainer = Trainer::new(ctx, &plan, &mut arena, 3).unwrap();
    let mut seen = Seen::default();
    trainer.accumulate_observed(&numbers(N * 72, 2), &[0, 1, 2, 3, 0], N, &mut seen).unwrap();
    let layers: Vec<usize> = seen.gradients.iter().map(|(layer, _)| *layer).collect();
    assert_eq!(layers, [3]);
}
