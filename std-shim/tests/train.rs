//! The training loop, from the library.
#![allow(missing_docs, reason = "a test")]

mod common;

use common::small;
use flatgrad::data::{self, DataSplit, Floats, Images, Normalization, Normalizer, Targets, epoch_order};
use flatgrad::model::{Tensor, state_dict};
use flatgrad::report::layer_rows;
use flatgrad::train::{
    Callback, Checkpoint, Clip, EarlyStopping, EpochEnd, EpochRecord, Flow, Outcome, Settings, StepRecord, train,
};
use flatgrad::{Error, Result};
use flatgrad_core::loss::Target;
use flatgrad_core::net::{Config, Layer, Net, Optimizer, Plan, Trainer};
use flatgrad_core::optim::{Adam, ema_update};
use flatgrad_core::{Context, Isa};

const LAYERS: [Layer; 6] = [
    Layer::conv2d(4, 3).padding(1).no_bias(),
    Layer::batch_norm(),
    Layer::relu(),
    Layer::max_pool(2),
    Layer::flatten(),
    Layer::dense(10),
];
const NET: Net = Net::new([1, 8, 8], &LAYERS);
const ADAM: Optimizer = Optimizer::adam(3e-3);

fn settings() -> Settings {
    Settings { epochs: 2, batch: 16, seed: 5, ..Settings::new(ADAM) }
}

/// Writes down what it hears.
#[derive(Default)]
struct Log {
    steps: Vec<StepRecord>,
    epochs: Vec<EpochRecord>,
}

impl Callback for Log {
    fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
        self.steps.push(*step);
        Ok(Flow::CONTINUE)
    }
    fn epoch(&mut self, end: &EpochEnd) -> Result<Flow> {
        self.epochs.push(end.record.clone());
        Ok(Flow::CONTINUE)
    }
}

fn run(settings: &Settings) -> Result<(Outcome, Log)> {
    let mut log = Log::default();
    let ctx = Context::serial(Isa::detect());
    train(ctx, NET, &small(), settings, &mut [&mut log]).map(|outcome| (outcome, log))
}

#[test]
fn the_loop_is_the_one_written_out_by_hand() {
    let (outcome, _) = run(&settings()).unwrap();

    let data = small();
    let normalizer = Normalizer::fit(&data.train).unwrap();
    let plan = Plan::try_new(&NET, Config::new(16, ADAM)).unwrap();
    let mut arena = vec![0.0; plan.train_len()];
    let mut trainer = Trainer::new(Context::serial(Isa::PORTABLE), &plan, &mut arena, 5).unwrap();
    let load = |part: &Images, indices: &[u32]| {
        let mut x = vec![0.0; 64 * indices.len()];
        for (&i, x) in indices.iter().zip(x.chunks_mut(64)) {
            normalizer.write(part, i as usize, x).unwrap();
        }
        (x, indices.iter().map(|&i| part.label(i as usize)).collect::<Vec<_>>())
    };
    let mut losses = Vec::new();
    for epoch in 0..2 {
        // Six batches of 16 and one of 4.
        for indices in epoch_order(5, epoch, 100).chunks(16) {
            let (x, labels) = load(&data.train, indices);
            losses.push(trainer.step(&ADAM, &x, &labels).unwrap().loss_sum / labels.len() as f32);
        }
        // Batch norm's running averages: from the epoch's whole batches.
        for (batch, indices) in (1..).zip(epoch_order(5, epoch, 100).chunks_exact(16)) {
            trainer.calibrate(&load(&data.train, indices).0, batch).unwrap();
        }
    }
    assert_eq!(outcome.history.step_losses, losses);
    assert_eq!(outcome.weights.sha256(), state_dict(&trainer).unwrap().sha256());
    // The evaluation counts every test sample once: 16 and 14.
    let correct: usize = (0..30)
        .map(|i| {
            let (x, labels) = load(&data.test, &[i]);
            trainer.evaluate(&x, &labels).unwrap().correct
        })
        .sum();
    assert_eq!(outcome.history.epochs[1].test_accuracy, Some(correct as f64 / 30.0));
}

#[test]
fn callbacks_hear_of_every_step_and_epoch() {
    let (outcome, log) = run(&settings()).unwrap();
    assert_eq!((outcome.steps, log.steps.len()), (14, 14));
    assert_eq!(outcome.history.epoch_ends, [7, 14]);
    assert_eq!(log.epochs, outcome.history.epochs);
    assert_eq!((log.steps[0].epoch, log.steps[13].epoch), (1, 2));
    let last = &log.epochs[1];
    assert!((log.steps[13].loss - f64::from(last.train_loss)).abs() < 1e-6);
    assert_eq!((last.epoch, last.lr), (2, 3e-3));
}

#[test]
fn max_steps_stops_inside_an_epoch_and_changes_nothing_before() {
    let (all, _) = run(&settings()).unwrap();
    let (some, log) = run(&Settings { max_steps: Some(9), ..settings() }).unwrap();
    assert_eq!((some.steps, log.epochs.len()), (9, 2));
    assert_eq!(some.history.step_losses, all.history.step_losses[..9]);
    assert_eq!(some.history.epochs[0].test_loss, all.history.epochs[0].test_loss);
    // Just at the end of an epoch: no empty epoch follows.
    let (one, _) = run(&Settings { max_steps: Some(7), ..settings() }).unwrap();
    assert_eq!(one.history.epochs.len(), 1);
}

#[test]
fn a_loss_that_is_not_finite_stops_training() {
    let optimizer = Optimizer::sgd(f32::MAX);
    match run(&Settings { optimizer, ..settings() }) {
        Err(Error::Diverged { step, epoch: 1, loss }) => assert!(step >= 1 && !loss.is_finite()),
        other => panic!("{:?}", other.map(|_| ())),
    }
    // After the only step there is no further batch to show it; the test part does.
    let once = Settings { optimizer, max_steps: Some(1), ..settings() };
    assert!(matches!(run(&once), Err(Error::Diverged { step: 1, .. })));
}

#[test]
fn settings_are_checked_against_data_and_network() {
    for (wrong, name) in [
        (Settings { epochs: 0, ..settings() }, "epochs"),
        (Settings { batch: 0, ..settings() }, "batch"),
        (Settings { batch: 101, ..settings() }, "batch"),
        (Settings { max_steps: Some(0), ..settings() }, "max_steps"),
        (Settings { accumulate: 0, ..settings() }, "accumulate"),
        (Settings { clip: Some(Clip::Norm(0.0)), ..settings() }, "clip"),
        (Settings { ema: Some(1.5), ..settings() }, "ema"),
        (Settings { label_smoothing: f32::NAN, ..settings() }, "label_smoothing"),
        (Settings { class_weights: vec![1.0; 9], ..settings() }, "class_weights"),
        (Settings { class_weights: vec![0.0; 10], ..settings() }, "class_weights"),
        (Settings { class_weights: vec![1.0; 10], label_smoothing: 0.1, ..settings() }, "class_weights"),
    ] {
        assert!(matches!(run(&wrong), Err(Error::Setting { what, .. }) if what == name), "{name}");
    }
    assert!(run(&Settings { batch: 100, epochs: 1, ..settings() }).is_ok());
    assert!(matches!(run(&Settings { optimizer: Optimizer::adam(f32::NAN), ..settings() }), Err(Error::Core(_))));

    let mut log = Log::default();
    let ctx = Context::serial(Isa::detect());
    for layers in [[Layer::flatten(), Layer::dense(9)], [Layer::flatten(), Layer::dense(3)]] {
        let net = Net::try_new([1, 8, 8], &layers).unwrap();
        let result = train(ctx, net, &small(), &settings(), &mut [&mut log]);
        assert!(matches!(result, Err(Error::Setting { what: "data", .. })));
    }
    let layers = [Layer::flatten(), Layer::dense(10)];
    let net = Net::try_new([1, 7, 8], &layers).unwrap();
    assert!(matches!(
        train(ctx, net, &small(), &settings(), &mut [&mut log]),
        Err(Error::Setting { what: "data", .. })
    ));
    assert!(log.steps.is_empty());
}

#[test]
fn a_state_dict_has_pytorchs_names_order_and_layouts() {
    let plan = Plan::try_new(&NET, Config::new(1, ADAM)).unwrap();
    let mut arena = vec![0.0; plan.train_len()];
    let mut trainer = Trainer::new(Context::serial(Isa::detect()), &plan, &mut arena, 0).unwrap();
    for (i, w) in trainer.weights_mut().iter_mut().enumerate() {
        *w = i as f32;
    }
    let dict = state_dict(&trainer).unwrap();
    let bn = ["bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked"];
    let names = [&["conv1.weight"][..], &bn, &["fc1.weight", "fc1.bias"]].concat();
    assert_eq!(dict.iter().map(|(name, _)| name).collect::<Vec<_>>(), names);

    let f32s = |name: &str| match dict.get(name) {
        Some(Tensor::F32 { shape, data }) => (shape.clone(), data.clone()),
        other => panic!("{name}: {other:?}"),
    };
    let (shape, conv) = f32s("conv1.weight");
    assert_eq!((shape, conv), (vec![4, 1, 3, 3], (0..36).map(|i| i as f32).collect()));
    // [64, 10] in memory, [10, 64] in the file.
    let (shape, fc) = f32s("fc1.weight");
    assert_eq!(shape, [10, 64]);
    assert_eq!((fc[1] - fc[0], fc[64] - fc[0]), (10.0, 1.0));
}

#[test]
fn the_table_counts_parameters_and_memory() {
    let plan = Plan::try_new(&NET, Config::new(16, Optimizer::sgd(0.1))).unwrap();
    let rows = layer_rows(&plan);
    let parameters: Vec<usize> = rows.iter().map(|row| row.parameters).collect();
    assert_eq!(parameters, [36, 8, 0, 0, 0, 650]);
    assert_eq!(rows[0].bytes, 4 * (36 + 16 * 4 * 64));
    assert_eq!((rows[2].bytes, rows[4].bytes), (0, 0), "in place");
    assert_eq!((&rows[3].output[..], &rows[4].output[..]), (&[4, 4, 4][..], &[64][..]));
}

#[test]
fn an_order_is_a_permutation_that_seed_and_epoch_name() {
    for n in [0, 1, 2, 3, 1000] {
        let mut order = epoch_order(1, 2, n);
        assert_eq!(order, epoch_order(1, 2, n));
        order.sort_unstable();
        assert!(order.into_iter().eq(0..n));
    }
    assert_ne!(epoch_order(1, 2, 1000), epoch_order(2, 2, 1000));
    assert_ne!(epoch_order(1, 2, 1000), epoch_order(1, 3, 1000));
    // Each of the six orders of three samples comes about equally often: 1000 of 6000, deviation 29.
    let mut counts = std::collections::HashMap::new();
    for epoch in 0..6000 {
        *counts.entry(epoch_order(9, epoch, 3)).or_insert(0) += 1;
    }
    assert!(counts.len() == 6 && counts.values().all(|&c| (850..1150).contains(&c)), "{counts:?}");
}

const MLP: [Layer; 5] = [Layer::flatten(), Layer::dense(24), Layer::relu(), Layer::dropout(0.2), Layer::dense(10)];
const PLAIN: Net = Net::new([1, 8, 8], &MLP);
const LINEAR: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);

fn plain(settings: &Settings) -> Outcome {
    train(Context::serial(Isa::detect()), PLAIN, &small(), settings, &mut []).unwrap()
}

#[test]
fn accumulated_batches_are_one_large_batch() {
    let whole = plain(&Settings { batch: 32, ..settings() });
    let parts = plain(&Settings { batch: 8, accumulate: 4, ..settings() });
    assert_eq!(parts.weights, whole.weights);
    assert_eq!((parts.steps, whole.steps), (8, 8));
    let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
    assert!(parts.history.step_losses.iter().zip(&whole.history.step_losses).all(close));
}

/// The same, written out: clipping, the average of the weights, class weights.
#[test]
fn methods_do_what_they_say() {
    let weights: Vec<f32> = (0..10).map(|i| 0.5 + i as f32 / 4.0).collect();
    let asked = Settings { clip: Some(Clip::Norm(0.5)), ema: Some(0.9), class_weights: weights.clone(), ..settings() };
    let got = plain(&asked);

    let data = small();
    let normalizer = Normalizer::fit(&data.train).unwrap();
    let plan = Plan::try_new(&PLAIN, Config::new(16, ADAM)).unwrap();
    let mut arena = vec![0.0; plan.train_len()];
    let mut trainer = Trainer::new(Context::serial(Isa::detect()), &plan, &mut arena, 5).unwrap();
    let mut average: Option<Vec<f32>> = None;
    for epoch in 0..2 {
        for indices in epoch_order(5, epoch, 100).chunks(16) {
            let (mut x, mut target) = (vec![0.0; 64 * indices.len()], vec![0.0; 10 * indices.len()]);
            let weight = |&i: &u32| weights[data.train.label(i as usize) as usize];
            let sum: f64 = indices.iter().map(|i| f64::from(weight(i))).sum();
            for (k, i) in indices.iter().enumerate() {
                normalizer.write(&data.train, *i as usize, &mut x[64 * k..][..64]).unwrap();
                let share = f64::from(weight(i)) * indices.len() as f64 / sum;
                target[10 * k + data.train.label(*i as usize) as usize] = share as f32;
            }
            trainer.accumulate(&x, Target::Values(&target), indices.len()).unwrap();
            trainer.clip_by_norm(0.5).unwrap();
            trainer.update(&ADAM).unwrap();
            match &mut average {
                None => average = Some(trainer.weights().to_vec()),
                Some(average) => {
                    ema_update(Context::serial(Isa::detect()), 0.9, trainer.weights(), average).unwrap();
                }
            }
        }
    }
    trainer.weights_mut().copy_from_slice(&average.unwrap());
    assert_eq!(got.weights, state_dict(&trainer).unwrap());
    // Equal weights change nothing but roundings.
    let (equal, none) = (plain(&Settings { class_weights: vec![3.0; 10], ..settings() }), plain(&settings()));
    assert!((equal.test.loss - none.test.loss).abs() < 1e-3);
}

#[test]
fn early_stopping_gives_the_best_weights_back() {
    let digits = data::digits().unwrap();
    let DataSplit { train, test: validation } = data::split(&digits.train, 0.2, 1).unwrap();
    let settings = Settings { epochs: 60, ..Settings::new(Optimizer::adam(0.05)) };
    let mut stopping = EarlyStopping::new(3);
    let fit = flatgrad::train::Fit::with_parts(PLAIN, &train, &digits.test, &settings).validation(&validation);
    let outcome = fit.run(Context::serial(Isa::detect()), &mut [&mut stopping]).unwrap();
    let losses: Vec<f32> = outcome.history.epochs.iter().map(|e| e.validation_loss.unwrap()).collect();
    let best = (0..losses.len()).reduce(|a, b| if losses[b] < losses[a] { b } else { a }).unwrap();
    assert_eq!((losses.len(), stopping.best_epoch()), (best + 4, best + 1));
    assert_eq!(outcome.test.loss, outcome.history.epochs[best].test_loss);
    assert!(outcome.complete);
}

/// Looks at the optimizer's state after two steps of 32: how many subnormal numbers it finds.
#[derive(Default)]
struct Subnormal(Vec<usize>);

impl Callback for Subnormal {
    fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
        Ok(if [0, 31].contains(&(step.step % 32)) { Flow::SAVE } else { Flow::CONTINUE })
    }
    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result {
        self.0.push(checkpoint.optimizer.iter().filter(|x| x.is_subnormal()).count());
        Ok(())
    }
}

/// Of a gradient that is rarely there, a momentum is left that shrinks until arithmetic on it is slow.
#[test]
fn what_has_faded_away_in_the_state_is_flushed_after_every_32nd_step() {
    let mut found = Subnormal::default();
    // Some pixels are black in nearly all of the digits.
    let optimizer = Optimizer::momentum(0.05, 0.5);
    let unit = Settings { normalize: Normalization::Unit, ..Settings::new(optimizer) };
    let settings = Settings { epochs: 2, batch: 8, max_steps: Some(350), ..unit };
    train(Context::serial(Isa::detect()), PLAIN, &data::digits().unwrap(), &settings, &mut [&mut found]).unwrap();
    let (before, after): (Vec<_>, Vec<_>) = found.0.chunks_exact(2).map(|pair| (pair[0], pair[1])).unzip();
    assert!(before.len() == 10 && before.iter().any(|&n| n > 0), "nothing faded away: {before:?}");
    assert!(after.iter().all(|&n| n == 0), "{after:?}");
}

/// Where the root of a state is all that a step is divided by, it must not become 0.
#[test]
fn without_eps_the_state_keeps_what_little_it_has() {
    let adam = |eps| Optimizer::Adam(Adam { lr: 1e-3, eps, ..Adam::DEFAULT });
    // Gradients whose squares are below 2^-100.
    let sample = [1e-16; 64];
    let targets = Targets::classes((0..10).map(|class| class.to_string()).collect(), vec![3]).unwrap();
    let part = || Floats::new("tiny", [1, 8, 8], sample.to_vec(), targets.clone()).unwrap();
    let data = DataSplit { train: part(), test: part() };
    let by_loop = |eps| {
        let settings = Settings { epochs: 40, batch: 1, normalize: Normalization::Unit, ..Settings::new(adam(eps)) };
        train(Context::serial(Isa::detect()), LINEAR, &data, &settings, &mut []).unwrap().weights
    };
    let by_hand = |eps| {
        let plan = Plan::try_new(&LINEAR, Config::new(1, adam(eps))).unwrap();
        let mut arena = vec![0.0; plan.train_len()];
        let mut trainer = Trainer::new(Context::serial(Isa::detect()), &plan, &mut arena, 0).unwrap();
        for step in 1..=40 {
            trainer.step(&adam(eps), &sample, &[3]).unwrap();
            if step == 32 && eps > 0.0 {
                trainer.flush_state(&adam(eps)).unwrap();
            }
        }
        state_dict(&trainer).unwrap()
    };
    assert_eq!(by_loop(0.0), by_hand(0.0));
    // With one that is hardly any it is flushed, as everywhere.
    assert_eq!(by_loop(1e-13), by_hand(1e-13));
}
