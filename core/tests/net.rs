//! Networks: plans keep what is alive apart, gradients are right, and bits depend on nothing but seed and data.

mod common;

use common::{Guarded, assert_bits, contexts, numbers};
use flatgrad_core::net::{
    Config, Draft, Layer, MAX_LAYERS, Net, Optimizer, Phase, Plan, Problem, Slot, Trainer, infer,
};
use flatgrad_core::optim::Adam;
use flatgrad_core::{Context, Error, Isa};

const CNN: [Layer; 9] = [
    Layer::conv2d(5, 3).padding(1),
    Layer::relu(),
    Layer::max_pool(2),
    Layer::conv2d(7, 3).stride(2).padding(1).no_bias(),
    Layer::relu(),
    Layer::dropout(0.25),
    Layer::flatten(),
    Layer::dense(11),
    Layer::dense(4),
];

const NORMED: [Layer; 9] = [
    Layer::conv2d(6, 3).no_bias(),
    Layer::batch_norm(),
    Layer::relu(),
    Layer::conv2d(6, 3).groups(2).no_bias(),
    Layer::batch_norm(),
    Layer::relu(),
    Layer::max_pool(2),
    Layer::flatten(),
    Layer::dense(4),
];

fn labels(n: usize, classes: u32) -> Vec<u32> {
    (0..n as u32).map(|i| (i * 7 + 3) % classes).collect()
}

/// An arena of exactly the planned length, filled with NaN, between canaries.
fn arena(plan: &Plan) -> Guarded {
    Guarded::garbage(plan.train_len(), 1)
}

/// Weights after `steps` steps of `batch` samples.
fn train(
    ctx: Context,
    input: [usize; 3],
    layers: &[Layer],
    batch: usize,
    steps: usize,
    optimizer: Optimizer,
) -> Vec<f32> {
    let net = Net::try_new(input, layers).unwrap();
    let plan = Plan::try_new(&net, Config::new(batch, optimizer).threads(ctx.threads())).unwrap();
    let mut arena = arena(&plan);
    let mut trainer = Trainer::new(ctx, &plan, &mut arena, 42).unwrap();
    let len = input.iter().product::<usize>() * batch;
    for step in 0..steps {
        let x = numbers(len, step as u32 + 1);
        trainer.step(&optimizer, &x, &labels(batch, net.outputs() as u32)).unwrap();
    }
    let weights = trainer.weights().to_vec();
    arena.get();
    assert!(weights.iter().all(|w| w.is_finite()));
    weights
}

#[test]
fn training_gives_the_same_bits_on_every_isa_and_thread_count() {
    for (layers, input) in [(&CNN[..], [2, 13, 9]), (&NORMED[..], [1, 12, 11])] {
        for optimizer in [Optimizer::momentum(0.05, 0.9), Optimizer::adam(1e-2)] {
            let mut want = None;
            for (name, ctx) in contexts() {
                let got = train(ctx, input, layers, 9, 4, optimizer);
                assert_bits(&name, &got, want.get_or_insert_with(|| got.clone()));
            }
        }
    }
}

/// The gradients of one step of `total` samples, fed in pieces of `part`.
fn gradients(ctx: Context, layers: &[Layer], total: usize, part: usize) -> Vec<f32> {
    let input = [2, 13, 9];
    let net = Net::try_new(input, layers).unwrap();
    let plan = Plan::try_new(&net, Config::new(part, Optimizer::sgd(0.1)).threads(ctx.threads())).unwrap();
    let mut arena = arena(&plan);
    let mut trainer = Trainer::new(ctx, &plan, &mut arena, 7).unwrap();
    let sample = input.iter().product::<usize>();
    let (x, y) = (numbers(total * sample, 5), labels(total, 4));
    for (x, y) in x.chunks(part * sample).zip(y.chunks(part)) {
        trainer.accumulate(x, y, total).unwrap();
    }
    trainer.gradients().to_vec()
}

#[test]
fn a_batch_of_32_equals_32_batches_of_one() {
    for (name, ctx) in contexts() {
        let whole = gradients(ctx, &CNN, 32, 32);
        assert!(whole.iter().any(|g| *g != 0.0));
        assert_bits(&format!("{name}, one by one"), &gradients(ctx, &CNN, 32, 1), &whole);
        assert_bits(&format!("{name}, by five"), &gradients(ctx, &CNN, 32, 5), &whole);
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    // Smooth layers only: a relu or a maximum that switches within the step would spoil the quotient.
    let smooth = [
        Layer::conv2d(3, 3).padding(1).stride(2),
        Layer::batch_norm(),
        Layer::flatten(),
        Layer::dense(6).no_bias(),
        Layer::batch_norm(),
        Layer::dense(3),
    ];
    let (input, n) = ([2, 6, 5], 8);
    let net = Net::try_new(input, &smooth).unwrap();
    let optimizer = Optimizer::sgd(0.0);
    let plan = Plan::try_new(&net, Config::new(n, optimizer)).unwrap();
    let mut arena = arena(&plan);
    let mut trainer = Trainer::new(Context::serial(Isa::detect()), &plan, &mut arena, 3).unwrap();
    let (x, y) = (numbers(n * 60, 11), labels(n, 3));
    let loss = |trainer: &mut Trainer, i: usize, by: f32| {
        trainer.weights_mut()[i] += by;
        let report = trainer.step(&optimizer, &x, &y).unwrap();
        f64::from(report.loss_sum) / n as f64
    };
    loss(&mut trainer, 0, 0.0);
    let want = trainer.gradients().to_vec();
    let step = 1.0 / 128.0;
    let mut largest: f64 = 0.0;
    for i in 0..plan.parameters() {
        let up = loss(&mut trainer, i, step);
        let down = loss(&mut trainer, i, -2.0 * step);
        trainer.weights_mut()[i] += step;
        let quotient = (up - down) / (2.0 * f64::from(step));
        let error = (quotient - f64::from(want[i])).abs();
        assert!(error < 2e-3 + 2e-2 * quotient.abs(), "parameter {i}: {quotient} against {}", want[i]);
        largest = largest.max(quotient.abs());
    }
    assert!(largest > 0.05, "the gradients are too small to tell anything: {largest}");
}

#[test]
fn relu_pool_and_dropout_pass_gradients_on() {
    // The loss falls on one batch: through every layer kind, with layers that work in place first in line too.
    for layers in [
        &[Layer::relu(), Layer::flatten(), Layer::dense(4)][..],
        &[
            Layer::dropout(0.2),
            Layer::conv2d(4, 3),
            Layer::dropout(0.2),
            Layer::relu(),
            Layer::flatten(),
            Layer::dense(4),
        ],
        &[Layer::batch_norm(), Layer::max_pool(2), Layer::flatten(), Layer::relu(), Layer::dense(4)],
        &[Layer::flatten(), Layer::relu(), Layer::dense(9), Layer::relu(), Layer::dropout(0.5), Layer::dense(4)],
        &[
            Layer::max_pool(3).stride(2).padding(1),
            Layer::conv2d(4, 3).dilation(2).padding(1),
            Layer::relu(),
            Layer::flatten(),
            Layer::dense(4),
        ],
    ] {
        let net = Net::try_new([2, 8, 9], layers).unwrap();
        let optimizer = Optimizer::adam(1e-2);
        let plan = Plan::try_new(&net, Config::new(6, optimizer)).unwrap();
        let mut arena = arena(&plan);
        let mut trainer = Trainer::new(Context::serial(Isa::detect()), &plan, &mut arena, 3).unwrap();
        let (x, y) = (numbers(6 * 144, 2), labels(6, 4));
        let before = x.clone();
        let first = trainer.evaluate(&x, &y).unwrap();
        for _ in 0..120 {
            trainer.step(&optimizer, &x, &y).unwrap();
        }
        let last = trainer.evaluate(&x, &y).unwrap();
        assert!(last.loss_sum < 0.5 * first.loss_sum, "{layers:?}: {} to {}", first.loss_sum, last.loss_sum);
        assert_bits("the caller's input", &x, &before);
        arena.get();
    }
}

#[test]
fn inference_does_not_depend_on_the_batch_and_reuses_memory() {
    let net = Net::try_new([1, 12, 11], &NORMED).unwrap();
    let weights = train(Context::serial(Isa::PORTABLE), [1, 12, 11], &NORMED, 5, 3, Optimizer::sgd(0.1));
    let x = numbers(5 * 132, 9);
    let plan = |n| Plan::try_new(&net, Config::new(n, Optimizer::sgd(0.1))).unwrap();
    for (name, ctx) in contexts() {
        let mut work = Guarded::garbage(plan(5).infer_work_len(), 2);
        let all = infer(ctx, &plan(5), &weights, &x, &mut work).unwrap().to_vec();
        work.get();
        for (x, want) in x.chunks(132).zip(all.chunks(4)) {
            let mut work = vec![f32::NAN; plan(1).infer_work_len()];
            assert_bits(&name, infer(ctx, &plan(1), &weights, x, &mut work).unwrap(), want);
        }
    }
    // Training keeps every activation; inference only two at a time.
    let activations: usize = plan(1).layers().map(|l| l.output.iter().product::<usize>()).sum();
    assert!(plan(64).infer_work_len() < 64 * activations / 2);
    let kept = plan(64).train_len() - plan(64).weights_len() - plan(64).parameters();
    assert!(kept > 64 * activations / 2);
}

#[test]
fn calibration_gives_plain_means_over_its_batches_and_changes_nothing_else() {
    let layers = [Layer::batch_norm(), Layer::dropout(0.5), Layer::flatten(), Layer::dense(3)];
    let net = Net::try_new([2, 3, 5], &layers).unwrap();
    let adam = Optimizer::adam(1e-2);
    let plan = Plan::try_new(&net, Config::new(4, adam)).unwrap();
    let mut arena = arena(&plan);
    let mut trainer = Trainer::new(Context::serial(Isa::detect()), &plan, &mut arena, 0).unwrap();
    trainer.step(&adam, &numbers(120, 1), &labels(4, 3)).unwrap();
    let before = trainer.weights().to_vec();
    let batches: Vec<Vec<f32>> = (2..7).map(|seed| numbers(120, seed)).collect();
    for (t, x) in (1..).zip(&batches) {
        trainer.calibrate(x, t).unwrap();
    }
    let (params, running) = trainer.weights().split_at(plan.parameters());
    assert_bits("parameters", params, &before[..plan.parameters()]);
    // Means and unbiased variances of 4 x 15 values per channel, averaged over the batches.
    let channel = |x: &[f32], c: usize| -> Vec<f64> {
        x.chunks(30).flat_map(|s| s[c * 15..(c + 1) * 15].iter().map(|&x| f64::from(x))).collect()
    };
    for c in 0..2 {
        let (mut mean, mut var) = (0.0, 0.0);
        for x in &batches {
            let values = channel(x, c);
            let m = values.iter().sum::<f64>() / 60.0;
            mean += m / 5.0;
            var += values.iter().map(|v| (v - m).powi(2)).sum::<f64>() / 59.0 / 5.0;
        }
        assert!((f64::from(running[c]) - mean).abs() < 1e-6, "channel {c}: {} is not {mean}", running[c]);
        assert!((f64::from(running[2 + c]) - var).abs() < 1e-6, "channel {c}: {} is not {var}", running[2 + c]);
    }
    assert!(matches!(trainer.calibrate(&batches[0], 0), Err(Error::Dimension { .. })));
    assert!(matches!(trainer.calibrate(&batches[0][1..], 1), Err(Error::Length { .. })));
}

#[test]
fn a_trainer_goes_on_where_another_stopped() {
    let net = Net::try_new([1, 9, 8], &CNN).unwrap();
    let momentum = Optimizer::momentum(0.05, 0.9);
    let amsgrad = Optimizer::Adam(Adam { amsgrad: true, ..Adam::DEFAULT });
    for optimizer in [Optimizer::sgd(0.1), momentum, Optimizer::adagrad(0.05), Optimizer::rmsprop(1e-3), amsgrad] {
        let plan = Plan::try_new(&net, Config::new(4, optimizer).train_from(1)).unwrap();
        let step = |trainer: &mut Trainer| {
            let x = numbers(4 * 72, trainer.steps() + 1);
            trainer.step(&optimizer, &x, &labels(4, 4)).unwrap();
        };
        let (mut whole, mut first, mut second) = (arena(&plan), arena(&plan), arena(&plan));
        let mut whole = Trainer::new(Context::serial(Isa::detect()), &plan, &mut whole, 3).unwrap();
        (0..5).for_each(|_| step(&mut whole));
        let mut first = Trainer::new(Context::serial(Isa::detect()), &plan, &mut first, 3).unwrap();
        (0..2).for_each(|_| step(&mut first));
        assert_eq!(first.state().len(), plan.trained_parameters() * optimizer.slots());
        let mut second = Trainer::new(Context::serial(Isa::detect()), &plan, &mut second, 3).unwrap();
        // Samples accumulated before are forgotten.
        second.accumulate(&numbers(72, 9), &labels(1, 4), 4).unwrap();
        second.weights_mut().copy_from_slice(first.weights());
        second.state_mut().copy_from_slice(first.state());
        second.set_steps(first.steps());
        (0..3).for_each(|_| step(&mut second));
        assert_bits("weights", second.weights(), whole.weights());
        assert_bits("state", second.state(), whole.state());
    }
}

#[test]
fn a_batch_norm_of_single_values_is_refused_before_anything_is_written() {
    let layers = [Layer::batch_norm(), Layer::flatten(), Layer::dense(3), Layer::batch_norm(), Layer::dense(2)];
    let net = Net::try_new([2, 3, 5], &layers).unwrap();
    let sgd = Optimizer::sgd(0.1);
    let plan = Plan::try_new(&net, Config::new(4, sgd)).unwrap();
    let mut arena = arena(&plan);
    let mut trainer = Trainer::new(Context::serial(Isa::detect()), &plan, &mut arena, 0).unwrap();
    let before = trainer.weights().to_vec();
    assert!(matches!(trainer.step(&sgd, &numbers(30, 1), &[0]), Err(Error::Dimension { .. })));
    assert!(matches!(trainer.calibrate(&numbers(30, 1), 1), Err(Error::Dimension { .. })));
    assert_bits("weights and running averages", trainer.weights(), &before);
}

#[test]
fn parameters_and_tensors_are_counted() {
    let layers = [
        Layer::conv2d(32, 3).padding(1),
        Layer::batch_norm(),
        Layer::relu(),
        Layer::conv2d(32, 3).padding(1),
        Layer::batch_norm(),
        Layer::relu(),
        Layer::max_pool(2),
        Layer::conv2d(64, 3).padding(1),
        Layer::batch_norm(),
        Layer::relu(),
        Layer::conv2d(64, 3).padding(1),
        Layer::batch_norm(),
        Layer::relu(),
        Layer::max_pool(2),
        Layer::flatten(),
        Layer::dense(128),
        Layer::relu(),
        Layer::dropout(0.5),
        Layer::dense(10),
    ];
    let net = Net::try_new([1, 28, 28], &layers).unwrap();
    assert_eq!(net.parameters(), 468_202, "PyTorch counts the same");
    let plan = Plan::try_new(&net, Config::new(2, Optimizer::adam(1e-3))).unwrap();
    let mut end = 0;
    let mut tensors: Vec<_> = plan.tensors().collect();
    tensors.sort_by_key(|t| t.offset);
    for t in tensors {
        assert_eq!(t.offset, end, "{} follows the tensor before it", t.name);
        end += t.elements();
    }
    assert_eq!(end, plan.weights_len());
}

#[test]
fn bad_calls_are_refused_and_change_nothing() {
    let net = Net::try_new([2, 13, 9], &CNN).unwrap();
    let plan = Plan::try_new(&net, Config::new(3, Optimizer::sgd(0.1))).unwrap();
    let ctx = Context::serial(Isa::detect());
    let mut short = vec![0.0; plan.train_len() - 1];
    assert!(matches!(Trainer::new(ctx, &plan, &mut short, 0), Err(Error::TooShort { what: "arena", .. })));
    let mut arena = arena(&plan);
    let mut trainer = Trainer::new(ctx, &plan, &mut arena, 0).unwrap();
    let before = trainer.weights().to_vec();
    let (x, sgd) = (numbers(4 * 234, 1), Optimizer::sgd(0.1));
    assert!(matches!(trainer.step(&sgd, &x[..235], &[0]), Err(Error::Length { what: "x", .. })));
    assert!(matches!(trainer.step(&sgd, &x, &[0; 4]), Err(Error::Dimension { .. })));
    assert!(matches!(trainer.step(&sgd, &x[..234], &[0, 1]), Err(Error::Length { what: "labels", .. })));
    assert!(matches!(trainer.step(&sgd, &[], &[0u32; 0]), Err(Error::Dimension { .. })));
    assert!(matches!(trainer.step(&sgd, &x[..234], &[4]), Err(Error::Label { index: 0, label: 4, classes: 4 })));
    assert!(matches!(trainer.step(&Optimizer::adam(0.1), &x[..234], &[0]), Err(Error::Dimension { .. })));
    assert!(matches!(trainer.update(&sgd), Err(Error::Dimension { .. })));
    assert!(trainer.step(&Optimizer::sgd(f32::NAN), &x[..234], &[0]).is_err());
    assert_bits("weights after refused calls", trainer.weights(), &before);
    trainer.accumulate(&x[..234], &[0], 2).unwrap();
    assert!(matches!(trainer.accumulate(&x[..468], &[0, 1], 2), Err(Error::Dimension { .. })));
}

#[test]
fn descriptions_are_checked_at_run_time_too() {
    let problem = |input, layers: &[Layer]| Net::try_new(input, layers).unwrap_err();
    let e = problem([1, 4, 4], &[Layer::conv2d(8, 3), Layer::max_pool(4)]);
    assert_eq!((e.layer, e.kind), (1, "max_pool2d"));
    assert_eq!(e.to_string(), "layer 1 (max_pool2d): kernel 4x4 does not fit the padded image 2x2");
    assert!(matches!(
        problem([1, 4, 4], &[Layer::relu().stride(2)]).problem,
        Problem::NoSuchOption { option: "stride" }
    ));
    assert!(matches!(problem([1, 0, 4], &[Layer::relu()]).problem, Problem::Zero { .. }));
    assert!(matches!(problem([1, 4, 4], &[Layer::batch_norm().eps(f32::NAN)]).problem, Problem::Parameter { .. }));
    assert!(matches!(problem([1, 4, 4], &[Layer::max_pool(2).padding(2)]).problem, Problem::PoolPadding { .. }));
    assert!(matches!(problem([1, 4, 4], &[Layer::conv2d(0, 1)]).problem, Problem::Zero { .. }));
    assert!(matches!(problem([1, 4, 4], &[Layer::conv2d(1, 1).stride(0)]).problem, Problem::Zero { .. }));
    assert!(matches!(
        problem([1, 4, 4], &[Layer::relu(); MAX_LAYERS + 1]).problem,
        Problem::TooManyLayers { max: MAX_LAYERS }
    ));
    let layers = [Layer::relu()];
    let huge = Net::try_new([1 << 20, 1 << 10, 1 << 10], &layers).unwrap();
    let e = Plan::try_new(&huge, Config::new(1 << 30, Optimizer::adam(1e-3))).err().unwrap();
    assert_eq!(e.problem, Problem::Overflow);
}

/// As many layers as there may be plan in a blink, in `const` evaluation too.
#[test]
fn deep_networks_plan() {
    const DEEP: [Layer; MAX_LAYERS] = {
        let mut layers = [Layer::conv2d(4, 3).padding(1); MAX_LAYERS];
        let mut i = 1;
        while i < MAX_LAYERS {
            layers[i] = if i % 3 == 1 {
                Layer::batch_norm()
            } else if i % 3 == 2 {
                Layer::relu()
            } else {
                layers[0]
            };
            i += 1;
        }
        layers
    };
    const NET: Net = Net::new([4, 8, 8], &DEEP);
    const PLAN: Plan = Plan::new(&NET, Config::new(4, Optimizer::adam(1e-3)).threads(2).align(16));
    assert!(PLAN.train_len() > 4 * 256 * 42);
    let run_time = Plan::try_new(&NET, PLAN.config()).unwrap();
    assert_eq!(run_time.train_len(), PLAN.train_len());
}

/// The same plan in memory of the caller, whatever lay there before; too little of it is refused.
#[test]
fn plans_in_lent_memory() {
    let body = [Layer::conv2d(4, 3).padding(1), Layer::batch_norm(), Layer::relu()];
    let layers = [Layer::residual(&body), Layer::relu(), Layer::flatten(), Layer::dropout(0.5), Layer::dense(3)];
    let net = Net::try_new([4, 6, 6], &layers).unwrap();
    let other = [Layer::dense(7); 9];
    let other = Net::try_new([5, 1, 1], &other).unwrap();
    let config = Config::new(3, Optimizer::adam(1e-3)).align(4);
    let want = Plan::try_new(&net, config).unwrap();
    let (mut slots, mut drafts) = ([Slot::EMPTY; 9], [Draft::EMPTY; 9]);
    Plan::try_new_in(&other, config, &mut slots, &mut drafts).unwrap();
    let plan = Plan::try_new_in(&net, config, &mut slots, &mut drafts).unwrap();
    assert_eq!((plan.train_len(), plan.infer_work_len()), (want.train_len(), want.infer_work_len()));
    assert!(plan.layers().eq(want.layers()));
    assert!(plan.regions(Phase::Training).eq(want.regions(Phase::Training)));
    assert!(plan.regions(Phase::Inference).eq(want.regions(Phase::Inference)));
    for (in_slots, in_drafts) in [(7, 9), (9, 7), (0, 9), (9, 0)] {
        let e = Plan::try_new_in(&net, config, &mut slots[..in_slots], &mut drafts[..in_drafts]).err().unwrap();
        assert_eq!(e.problem, Problem::TooManyLayers { max: in_slots.min(in_drafts) });
    }
}
