//! Every kind of layer inside networks: gradients, batches, frozen layers, rates, losses.

mod common;

use common::{Guarded, assert_bits, contexts, numbers};
use flatgrad_core::activation::Activation;
use flatgrad_core::dropout::{Dropout, Form, scale_weights};
use flatgrad_core::init::Init;
use flatgrad_core::net::{Config, Decay, Kind, Layer, Loss, Net, Optimizer, Plan, Problem, Target, Trainer, infer};
use flatgrad_core::optim::{Adam, RmsProp, Sgd};
use flatgrad_core::{Context, Error, Isa};

fn ctx() -> Context<'static> {
    Context::serial(Isa::detect())
}

fn plan(input: [usize; 3], layers: &[Layer], config: Config) -> Plan {
    Plan::try_new(&Net::try_new(input, layers).unwrap(), config).unwrap()
}

const SGD: Optimizer = Optimizer::sgd(0.1);

const BLOCK: [Layer; 3] = [Layer::conv2d(4, 3).padding(1), Layer::group_norm(2), Layer::silu()];
const SHORTCUT: [Layer; 1] = [Layer::conv2d(6, 1).stride(2)];
const DOWN: [Layer; 2] = [Layer::conv2d(6, 3).padding(1).stride(2), Layer::instance_norm().affine(true)];

/// Smooth layers of every kind: a relu or a maximum that switches within the step would spoil the quotient.
const SMOOTH: [Layer; 22] = [
    Layer::conv2d(4, 3).padding(1),
    Layer::batch_norm(),
    Layer::tanh(),
    Layer::residual(&BLOCK),
    Layer::layer_norm(),
    Layer::avg_pool(3).stride(1).padding(1).count_include_pad(false),
    Layer::gelu(),
    Layer::residual_with(&DOWN, &SHORTCUT),
    Layer::activation(Activation::GeluTanh),
    Layer::rms_norm(),
    Layer::conv1d(5, 2),
    Layer::elu(1.0),
    Layer::sigmoid(),
    Layer::global_avg_pool(),
    Layer::dense(6),
    Layer::log_softmax(),
    Layer::dense(5),
    Layer::softmax(),
    Layer::activation(Activation::Softplus { beta: 2.0, threshold: 20.0 }),
    Layer::dense(4).no_bias(),
    Layer::layer_norm().affine(false),
    Layer::dense(3),
];

#[test]
fn gradients_agree_with_finite_differences() {
    for loss in [
        Loss::CrossEntropy { label_smoothing: 0.1 },
        Loss::BinaryCrossEntropy,
        Loss::MeanSquared,
        Loss::Huber { delta: 0.7 },
    ] {
        let n = 3;
        let plan = plan([2, 6, 6], &SMOOTH, Config::new(n, Optimizer::sgd(0.0)).loss(loss));
        let mut arena = Guarded::garbage(plan.train_len(), 1);
        let mut trainer = Trainer::new(ctx(), &plan, &mut arena, 3).unwrap();
        let x = numbers(n * 72, 11);
        let target: Vec<f32> = numbers(n * 3, 12).iter().map(|t| t.abs()).collect();
        let value = |trainer: &mut Trainer, i: usize, by: f32| {
            trainer.weights_mut()[i] += by;
            let report = trainer.step(&Optimizer::sgd(0.0), &x, Target::Values(&target)).unwrap();
            f64::from(report.loss_sum) / n as f64
        };
        value(&mut trainer, 0, 0.0);
        let want = trainer.gradients().to_vec();
        let (mut largest, step) = (0.0f64, 1.0 / 64.0);
        for i in 0..plan.parameters() {
            let before = trainer.weights()[i];
            let up = value(&mut trainer, i, step);
            let down = value(&mut trainer, i, -2.0 * step);
            trainer.weights_mut()[i] = before;
            let quotient = (up - down) / (2.0 * f64::from(step));
            let error = (quotient - f64::from(want[i])).abs();
            assert!(error < 2e-4 + 2e-2 * quotient.abs(), "{loss:?}, parameter {i}: {quotient} against {}", want[i]);
            largest = largest.max(quotient.abs());
        }
        assert!(largest > 0.02, "the gradients are too small to tell anything: {largest}");
    }
}

/// Layers whose samples do not see each other.
const INDEPENDENT: [Layer; 13] = [
    Layer::conv2d(4, 3).padding(1),
    Layer::relu(),
    Layer::residual(&BLOCK),
    Layer::leaky_relu(0.1),
    Layer::dropout(0.3).form(Form::ScaleActivations),
    Layer::hard_swish(),
    Layer::max_pool_rect([2, 1]),
    Layer::avg_pool_rect([1, 2]),
    Layer::layer_norm(),
    Layer::residual_with(&DOWN, &SHORTCUT),
    Layer::flatten(),
    Layer::rms_norm(),
    Layer::dense(3),
];

#[test]
fn bits_depend_neither_on_the_machine_nor_on_the_batch() {
    let (x, labels) = (numbers(6 * 128, 5), [0, 1, 2, 2, 1, 0]);
    let mut first: Option<[Vec<f32>; 2]> = None;
    for (name, ctx) in contexts() {
        for part in [6, 2, 1] {
            let plan = plan([2, 8, 8], &INDEPENDENT, Config::new(part, Optimizer::adamw(0.01)).threads(ctx.threads()));
            let mut arena = Guarded::garbage(plan.train_len(), 1);
            let mut trainer = Trainer::new(ctx, &plan, &mut arena, 7).unwrap();
            for _ in 0..2 {
                for (x, labels) in x.chunks(part * 128).zip(labels.chunks(part)) {
                    trainer.accumulate(x, labels, 6).unwrap();
                }
                trainer.update(&Optimizer::adamw(0.01)).unwrap();
            }
            let outputs = x.chunks(part * 128).flat_map(|x| trainer.infer(x).unwrap().to_vec()).collect();
            let got = [trainer.weights().to_vec(), outputs];
            arena.get();
            let first = first.get_or_insert_with(|| got.clone());
            for (got, want) in got.iter().zip(first) {
                assert_bits(&format!("{name}, parts of {part}"), got, want);
            }
        }
    }
}

#[test]
fn a_residual_block_adds_its_input() {
    let body = [Layer::dense(2).no_bias()];
    let plan = plan([2, 1, 1], &[Layer::residual(&body)], Config::new(1, SGD));
    let mut work = vec![f32::NAN; plan.infer_work_len()];
    // [inputs, outputs]
    let y = infer(ctx(), &plan, &[1.0, 10.0, 100.0, 1000.0], &[2.0, 3.0], &mut work).unwrap();
    assert_eq!(y, [302.0 + 2.0, 3020.0 + 3.0]);
}

#[test]
fn blocks_that_do_not_fit_are_refused() {
    let problem = |layers: &[Layer]| Net::try_new([2, 4, 4], layers).unwrap_err();
    let narrow = [Layer::conv2d(3, 1)];
    let e = problem(&[Layer::relu(), Layer::residual(&narrow)]);
    assert_eq!(e.to_string(), "layer 2 (add): the body gives 3x4x4, the shortcut 2x4x4");
    assert_eq!(problem(&[Layer::residual(&[])]).problem, Problem::EmptyBlock);
    let flat = [Layer::flatten()];
    assert_eq!(problem(&[Layer::residual(&flat)]).problem, Problem::EmptyBlock);
    assert!(matches!(
        problem(&[Layer::residual(&narrow).padding(1)]).problem,
        Problem::NoSuchOption { option: "padding" }
    ));
    assert!(matches!(problem(&[Layer::group_norm(3)]).problem, Problem::Groups { groups: 3, .. }));
    assert!(matches!(problem(&[Layer::softmax()]).problem, Problem::NotFlat { .. }));
    assert!(matches!(problem(&[Layer::global_avg_pool(), Layer::instance_norm()]).problem, Problem::Parameter { .. }));
    assert!(matches!(problem(&[Layer::dropout_keep(1.5)]).problem, Problem::Parameter { .. }));
    assert!(matches!(problem(&[Layer::relu().lr(-1.0)]).problem, Problem::Parameter { .. }));
    assert!(matches!(problem(&[Layer::conv2d(2, 1).max_norm(0.0)]).problem, Problem::Parameter { .. }));
    assert!(matches!(problem(&[Layer::relu().max_norm(1.0)]).problem, Problem::NoSuchOption { option: "max_norm" }));
    assert!(matches!(problem(&[Layer::leaky_relu(f32::NAN)]).problem, Problem::Parameter { .. }));
}

const BODY: [Layer; 8] = [
    Layer::conv2d(4, 3).padding(1).no_bias(),
    Layer::batch_norm(),
    Layer::relu(),
    Layer::conv2d(4, 3),
    Layer::layer_norm(),
    Layer::relu(),
    Layer::flatten(),
    Layer::dense(3),
];

#[test]
fn frozen_layers_stay_and_cost_nothing() {
    let adam = Optimizer::adam(0.01);
    let whole = plan([1, 6, 6], &BODY, Config::new(4, adam));
    let head = plan([1, 6, 6], &BODY, Config::new(4, adam).train_from(7));
    let frozen = BODY.map(|layer| if matches!(layer.kind(), Kind::Dense { .. }) { layer } else { layer.frozen() });
    let by_layer = plan([1, 6, 6], &frozen, Config::new(4, adam));
    assert_eq!((head.train_len(), head.parameters()), (by_layer.train_len(), whole.parameters()));
    assert_eq!(head.trained_parameters(), 64 * 3 + 3);
    // No gradients, no two moments, and no activations kept for backward passes that do not happen.
    let saved = 3 * (whole.parameters() - head.trained_parameters());
    assert!(head.train_len() + saved + 4 * 4 * 36 < whole.train_len(), "{} of {}", head.train_len(), whole.train_len());

    let (x, labels) = (numbers(4 * 36, 1), [0, 1, 2, 0]);
    let (mut a, mut b) = (Guarded::garbage(head.train_len(), 1), Guarded::garbage(by_layer.train_len(), 0));
    let mut trainer = Trainer::new(ctx(), &head, &mut a, 3).unwrap();
    let mut other = Trainer::new(ctx(), &by_layer, &mut b, 3).unwrap();
    let start = trainer.weights().to_vec();
    for _ in 0..20 {
        let loss = trainer.step(&adam, &x, &labels).unwrap();
        assert_eq!(loss, other.step(&adam, &x, &labels).unwrap());
    }
    assert_bits("both ways of freezing", other.weights(), trainer.weights());
    let head_at = head.parameters() - head.trained_parameters();
    assert_bits("frozen parameters", &trainer.weights()[..head_at], &start[..head_at]);
    assert_bits("running averages", &trainer.weights()[head.parameters()..], &start[head.parameters()..]);
    assert_ne!(trainer.weights()[head_at..head.parameters()], start[head_at..head.parameters()]);
    // A frozen batch norm is the one of test time: training without dropout sees what evaluation sees.
    let loss = trainer.evaluate(&x, &labels).unwrap();
    assert_eq!(trainer.step(&adam, &x, &labels).unwrap(), loss);
}

#[test]
fn gradients_pass_through_frozen_layers() {
    // The same gradient for the first layer, whether those after it learn or not.
    let layers = [Layer::conv2d(3, 3), Layer::conv2d(3, 3), Layer::layer_norm(), Layer::flatten(), Layer::dense(3)];
    let frozen = [layers[0], layers[1].frozen(), layers[2].frozen(), layers[3], layers[4].frozen()];
    let gradient = |layers: &[Layer]| {
        let plan = plan([1, 6, 6], layers, Config::new(2, SGD));
        let mut arena = Guarded::garbage(plan.train_len(), 1);
        let mut trainer = Trainer::new(ctx(), &plan, &mut arena, 3).unwrap();
        trainer.accumulate(&numbers(72, 1), &[0, 2], 2).unwrap();
        trainer.gradients().to_vec()
    };
    let (all, some) = (gradient(&layers), gradient(&frozen));
    assert_eq!(some.len(), 30);
    assert_bits("first layer", &some, &all[..30]);
}

#[test]
fn rates_and_decay_are_per_layer() {
    let decayed = Optimizer::Sgd(Sgd { lr: 0.1, weight_decay: 0.5, ..Sgd::DEFAULT });
    let (x, labels) = (numbers(2 * 5, 1), [0, 1]);
    let layers = [Layer::dense(4), Layer::layer_norm(), Layer::dense(3)];
    let step = |layers: &[Layer], config: Config| {
        let plan = plan([5, 1, 1], layers, config);
        let mut arena = Guarded::garbage(plan.train_len(), 1);
        let mut trainer = Trainer::new(ctx(), &plan, &mut arena, 3).unwrap();
        let before = trainer.weights().to_vec();
        trainer.step(&config.optimizer, &x, &labels).unwrap();
        (before, trainer.gradients().to_vec(), trainer.weights().to_vec())
    };
    // dense 20 + 4, norm 4 + 4, dense 12 + 3
    let layers = [layers[0].lr(0.5), layers[1], layers[2].decay(2.0)];
    let (p, g, after) = step(&layers, Config::new(2, decayed));
    for i in 0..47 {
        let (lr, decay) = if i < 24 { (0.1 * 0.5, 0.5) } else { (0.1, if i < 32 { 0.5 } else { 1.0 }) };
        assert_eq!(after[i], p[i] - lr * (g[i] + decay * p[i]), "parameter {i}");
    }
    let (p, g, after) = step(&layers, Config::new(2, decayed).decay(Decay::Weights));
    for i in 0..47 {
        let lr = if i < 24 { 0.1 * 0.5 } else { 0.1 };
        let decay = if i < 20 {
            0.5
        } else if (32..44).contains(&i) {
            1.0
        } else {
            0.0
        };
        let gradient = if decay == 0.0 { g[i] } else { g[i] + decay * p[i] };
        assert_eq!(after[i], p[i] - lr * gradient, "parameter {i}");
    }
}

#[test]
fn max_norm_holds_after_every_step() {
    let layers = [Layer::conv2d(4, 3).max_norm(0.5), Layer::flatten(), Layer::dense(3).max_norm(0.25)];
    let plan = plan([1, 4, 4], &layers, Config::new(2, Optimizer::sgd(1.0)));
    let mut arena = Guarded::garbage(plan.train_len(), 1);
    let mut trainer = Trainer::new(ctx(), &plan, &mut arena, 3).unwrap();
    for _ in 0..5 {
        trainer.step(&Optimizer::sgd(1.0), &numbers(32, 1), &[0, 2]).unwrap();
    }
    let norm = |w: &mut dyn Iterator<Item = f32>| w.map(|w| w * w).sum::<f32>().sqrt();
    let weights = trainer.weights();
    let rows = weights[..36].chunks(9).map(|row| norm(&mut row.iter().copied()));
    let columns = (0..3).map(|o| norm(&mut weights[40..40 + 48].iter().skip(o).step_by(3).copied()));
    let (rows, columns): (Vec<f32>, Vec<f32>) = (rows.collect(), columns.collect());
    assert!(rows.iter().all(|n| *n < 0.5001) && columns.iter().all(|n| *n < 0.2501), "{rows:?} {columns:?}");
    assert!(columns.iter().any(|n| *n > 0.2499), "the limit was never reached: {columns:?}");
}

#[test]
fn initializations_are_per_layer() {
    let layers = [
        Layer::conv2d(8, 3).init(Init::KaimingNormal { gain: 2f32.sqrt() }),
        Layer::flatten(),
        Layer::dense(64).init(Init::Orthogonal { gain: 1.0 }),
        Layer::dense(3).init(Init::Constant { value: 0.5 }),
    ];
    let plan = plan([16, 6, 6], &layers, Config::new(1, SGD));
    let mut arena = vec![0.0; plan.train_len()];
    let trainer = Trainer::new(ctx(), &plan, &mut arena, 3).unwrap();
    let tensors: Vec<&[f32]> = plan.tensors().map(|t| &trainer.weights()[t.range()]).collect();
    let variance = tensors[0].iter().map(|w| w * w).sum::<f32>() / tensors[0].len() as f32;
    assert!((variance / (2.0 / 144.0) - 1.0).abs() < 0.15, "{variance}");
    assert!([1, 3, 5].iter().all(|&b| tensors[b].iter().all(|b| *b == 0.0)), "biases start at 0");
    let column = |j: usize| tensors[2].iter().skip(j).step_by(64);
    let dot = |a: usize, b: usize| column(a).zip(column(b)).map(|(a, b)| a * b).sum::<f32>();
    assert!((dot(0, 0) - 1.0).abs() < 1e-5 && dot(0, 1).abs() < 1e-5);
    assert!(tensors[4].iter().all(|w| *w == 0.5));
}

#[test]
fn every_optimizer_trains_every_layer() {
    let (x, labels) = (numbers(6 * 128, 2), [0, 1, 2, 0, 1, 2]);
    for optimizer in [
        Optimizer::sgd(0.05),
        Optimizer::momentum(0.02, 0.9),
        Optimizer::adagrad(0.02),
        Optimizer::rmsprop(0.002),
        Optimizer::RmsProp(RmsProp { lr: 0.001, momentum: 0.5, centered: true, ..RmsProp::DEFAULT }),
        Optimizer::adam(0.01),
        Optimizer::adamw(0.01),
        Optimizer::Adam(Adam { lr: 0.01, amsgrad: true, ..Adam::DEFAULT }),
        Optimizer::Adam(Adam { lr: 0.003, bias_correction: false, ..Adam::DEFAULT }),
    ] {
        let plan = plan([2, 8, 8], &INDEPENDENT, Config::new(6, optimizer));
        let mut arena = Guarded::garbage(plan.train_len(), 1);
        let mut trainer = Trainer::new(ctx(), &plan, &mut arena, 3).unwrap();
        let first = trainer.evaluate(&x, &labels).unwrap();
        for _ in 0..80 {
            let lr = optimizer.lr();
            trainer.step(&optimizer.with_lr(lr), &x, &labels).unwrap();
        }
        let last = trainer.evaluate(&x, &labels).unwrap();
        assert!(last.loss_sum < 0.5 * first.loss_sum, "{optimizer:?}: {} to {}", first.loss_sum, last.loss_sum);
        arena.get();
    }
}

#[test]
fn regression_learns_a_line() {
    let plan = plan([1, 1, 1], &[Layer::dense(1)], Config::new(4, Optimizer::sgd(0.2)).loss(Loss::MeanSquared));
    let mut arena = vec![0.0; plan.train_len()];
    let mut trainer = Trainer::new(ctx(), &plan, &mut arena, 1).unwrap();
    let (x, y) = ([-1.0, 0.0, 0.5, 1.0], [-1.0, 1.0, 2.0, 3.0]);
    for _ in 0..200 {
        trainer.step(&Optimizer::sgd(0.2), &x, Target::Values(&y)).unwrap();
    }
    let weights = trainer.weights();
    assert!((weights[0] - 2.0).abs() < 1e-3 && (weights[1] - 1.0).abs() < 1e-3, "{weights:?}");
}

#[test]
fn targets_that_do_not_fit_are_refused() {
    let mut arena = vec![0.0; 100];
    let mut refused = |loss, target: Target| {
        let plan = plan([2, 1, 1], &[Layer::dense(2)], Config::new(2, SGD).loss(loss));
        let mut trainer = Trainer::new(ctx(), &plan, &mut arena, 1).unwrap();
        let before = trainer.weights().to_vec();
        let error = trainer.step(&SGD, &[1.0; 4], target).unwrap_err();
        assert_eq!(trainer.weights(), before);
        error
    };
    let cross_entropy = Loss::CrossEntropy { label_smoothing: 0.0 };
    assert!(matches!(
        refused(cross_entropy, Target::Classes(&[0, 2])),
        Error::Label { index: 1, label: 2, classes: 2 }
    ));
    assert!(matches!(refused(cross_entropy, Target::Values(&[0.5; 3])), Error::Length { .. }));
    assert!(matches!(refused(Loss::MeanSquared, Target::Classes(&[0, 1])), Error::Dimension { .. }));
    assert!(matches!(
        refused(Loss::BinaryCrossEntropy, Target::Values(&[0.0, 0.5, 1.0, 1.5])),
        Error::Parameter { .. }
    ));
    assert!(matches!(refused(Loss::Huber { delta: -1.0 }, Target::Values(&[0.0; 4])), Error::Parameter { .. }));
}

#[test]
fn clipping_goes_between_gradients_and_update() {
    let plan = plan([2, 1, 1], &[Layer::dense(2)], Config::new(1, SGD));
    let mut arena = vec![0.0; plan.train_len()];
    let mut trainer = Trainer::new(ctx(), &plan, &mut arena, 1).unwrap();
    trainer.accumulate(&[30.0, 40.0], &[0], 1).unwrap();
    let norm = trainer.clip_by_norm(1.0).unwrap();
    assert!(norm > 10.0, "{norm}");
    let clipped: f32 = trainer.gradients().iter().map(|g| g * g).sum::<f32>().sqrt();
    assert!((clipped - 1.0).abs() < 1e-5);
    trainer.clip_by_value(0.1).unwrap();
    assert!(trainer.gradients().iter().all(|g| g.abs() <= 0.1));
    trainer.update(&SGD).unwrap();
}

#[test]
fn flushing_touches_the_state_alone() {
    let optimizer = Optimizer::momentum(0.1, 0.9);
    let plan = plan([2, 1, 1], &[Layer::dense(2)], Config::new(1, optimizer));
    let mut arena = vec![0.0; plan.train_len()];
    let mut trainer = Trainer::new(ctx(), &plan, &mut arena, 1).unwrap();
    trainer.step(&optimizer, &[1.0, 1e-32], &[0]).unwrap();
    trainer.weights_mut()[0] = 1e-44;
    let (before, weights) = (trainer.state().to_vec(), trainer.weights().to_vec());
    assert!(before.iter().any(|x| *x != 0.0 && x.abs() < 1e-31), "{before:?}");
    trainer.flush_state(&optimizer).unwrap();
    let want: Vec<f32> = before.iter().map(|&x| if x.abs() < 1e-31 { 0.0 } else { x }).collect();
    assert_eq!((trainer.state(), trainer.weights()), (&want[..], &weights[..]));
}

#[test]
fn calibration_sees_what_evaluation_sees() {
    // Two nets with the same weights, one of which scales by 0.5 at test time: what batch norm gets there is half as
    // large.
    let layers = |p| [Layer::dropout(p).form(Form::ScaleActivations), Layer::dense(3).no_bias(), Layer::batch_norm()];
    let averages = |p: f32| {
        let plan = plan([4, 1, 1], &layers(p), Config::new(8, SGD));
        let mut arena = vec![0.0; plan.train_len()];
        let mut trainer = Trainer::new(ctx(), &plan, &mut arena, 5).unwrap();
        trainer.calibrate(&numbers(32, 9), 1).unwrap();
        trainer.weights()[plan.parameters()..].to_vec()
    };
    let (whole, half) = (averages(0.0), averages(0.5));
    assert!(whole[..3].iter().all(|m| *m != 0.0));
    assert!(whole[..3].iter().zip(&half[..3]).all(|(w, h)| 0.5 * w == *h), "{whole:?} {half:?}");
    assert!(whole[3..].iter().zip(&half[3..]).all(|(w, h)| 0.25 * w == *h), "{whole:?} {half:?}");
}

#[test]
fn rates_that_overflow_with_their_factors_are_refused_before_anything_changes() {
    let layers = [Layer::dense(4), Layer::dense(3).lr(1e38)];
    let plan = plan([5, 1, 1], &layers, Config::new(2, Optimizer::sgd(10.0)));
    let mut arena = vec![0.0; plan.train_len()];
    let mut trainer = Trainer::new(ctx(), &plan, &mut arena, 3).unwrap();
    let before = trainer.weights().to_vec();
    let result = trainer.step(&Optimizer::sgd(10.0), &numbers(10, 1), &[0, 1]);
    assert!(matches!(result, Err(Error::Parameter { what: "lr", .. })), "{result:?}");
    assert_bits("weights", trainer.weights(), &before);
}

#[test]
fn shapes_that_overflow_are_refused() {
    let big = 1 << (usize::BITS / 2 - 2);
    let e = Net::try_new([1, big, big], &[Layer::conv2d(64, 1)]).unwrap_err();
    assert_eq!(e.problem, Problem::Overflow);
    use flatgrad_core::norm::{BatchNorm, GroupNorm};
    let hidden = BatchNorm::new(usize::MAX, 0, 2);
    assert!(matches!(hidden.check(), Err(Error::Overflow { .. })), "a 0 hides no overflow");
    let hidden = GroupNorm::new(0, 4, usize::MAX, 2);
    assert!(matches!(hidden.check(), Err(Error::Overflow { .. })));
    let nothing = flatgrad_core::loss::mean_squared(ctx(), [usize::MAX, 0], &[], &[]);
    assert_eq!(nothing, Ok(0.0), "and takes no time");
}

/// Srivastava et al., 2014: the weights of a network at test time are those of training times the probability to keep.
/// As activations times that, they give the same within rounding, and the same bits where the factor is a power of 2.
#[test]
fn weights_and_activations_are_scaled_to_the_same_effect() {
    let x = numbers(8 * 16, 3);
    for keep in [0.5, 0.7] {
        let layers = |form| [Layer::dropout_keep(keep).form(form), Layer::relu(), Layer::dense(3)];
        let config = Config::new(8, SGD);
        let forms = [Form::Inverted, Form::ScaleActivations, Form::ScaleWeights];
        let [inverted, activations, weights] = forms.map(|form| plan([16, 1, 1], &layers(form), config));
        let outputs = |plan: &Plan, weights: &[f32]| {
            let mut work = vec![f32::NAN; plan.infer_work_len()];
            infer(ctx(), plan, weights, &x, &mut work).unwrap().to_vec()
        };
        // Neither scales in training: the same steps, bit for bit, and others than those of the inverted form.
        let [other, first, second] = [&inverted, &activations, &weights].map(|plan| {
            let mut arena = vec![0.0; plan.train_len()];
            let mut trainer = Trainer::new(ctx(), plan, &mut arena, 5).unwrap();
            trainer.step(&SGD, &x, &[0, 1, 2, 0, 1, 2, 0, 1]).unwrap();
            trainer.weights().to_vec()
        });
        assert_bits("training", &second, &first);
        assert_ne!(other, first);

        let found = outputs(&weights, &first);
        assert_bits("forms", &found, &outputs(&activations, &first));
        assert_ne!(found, outputs(&inverted, &first));
        // What the form means: the weights, and not the biases, are multiplied; dropout then does nothing.
        let mut scaled = first.clone();
        let drop = Dropout::keep(keep).unwrap().form(Form::ScaleWeights);
        scale_weights(ctx(), drop, &mut scaled[..16 * 3]).unwrap();
        let expected = outputs(&inverted, &scaled);
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= if keep == 0.5 { 0.0 } else { 2e-6 };
        assert!(found.iter().zip(&expected).all(near), "{found:?} {expected:?}");
    }
}
