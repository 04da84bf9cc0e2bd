//! Training by a group: threads stand for processes.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use common::small;
use flatgrad::augment::{Augmentation, CutMix, MixUp, Mixing, Pipeline, RandomCrop};
use flatgrad::data::{DataSplit, Dataset, Floats, Images, Label, Scratch, Targets, Task, Values};
use flatgrad::distributed::{Group, Member, team};
use flatgrad::model::Tensor;
use flatgrad::train::{
    Callback, Checkpoint, Clip, EarlyStopping, EpochEnd, Fit, Flow, History, Loading, Outcome, RunEnd, Settings,
    StepRecord,
};
use flatgrad::{DataFault, Error, Result};
use flatgrad_core::net::{Layer, Net, Optimizer};
use flatgrad_core::{Context, Isa};

/// Neither batch normalization nor dropout.
const PLAIN: Net =
    Net::new([1, 8, 8], &[Layer::conv2d(4, 3), Layer::relu(), Layer::max_pool(2), Layer::flatten(), Layer::dense(10)]);
const DROPOUT: Net = Net::new(
    [1, 8, 8],
    &[Layer::flatten(), Layer::dropout(0.3), Layer::dense(24), Layer::relu(), Layer::dropout(0.5), Layer::dense(10)],
);
const NORMED: Net = Net::new(
    [1, 8, 8],
    &[
        Layer::conv2d(4, 3).padding(1).no_bias(),
        Layer::batch_norm(),
        Layer::relu(),
        Layer::max_pool(2),
        Layer::flatten(),
        Layer::dropout(0.25),
        Layer::dense(10),
    ],
);

fn settings() -> Settings {
    Settings { epochs: 2, batch: 16, seed: 5, ..Settings::new(Optimizer::adam(1e-2)) }
}

fn serial() -> Context<'static> {
    Context::serial(Isa::detect())
}

/// What `task` gives on each rank; who is done leaves.
fn on_ranks<T: Send>(size: usize, task: impl Fn(&mut Member) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let task = &task;
        let start = |mut member: Member| scope.spawn(move || task(&mut member));
        let running: Vec<_> = team(size).into_iter().map(start).collect();
        running.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

/// Trains on so many ranks, demands the same from all, and gives rank 0's.
fn train(size: usize, fit: &Fit) -> Outcome {
    let outcomes = on_ranks(size, |member| {
        // Instruction sets and loading threads may differ: they change no bit.
        let isa = if member.rank() % 2 == 0 { Isa::detect() } else { Isa::PORTABLE };
        times_aside(fit.clone().run_in(Context::serial(isa), member, &mut []).unwrap())
    });
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
    outcomes.into_iter().next().unwrap()
}

fn times_aside(outcome: Outcome) -> Outcome {
    let mut history: History = outcome.history;
    for epoch in &mut history.epochs {
        (epoch.seconds, epoch.samples_per_second) = (0.0, 0.0);
    }
    Outcome { history, seconds: 0.0, samples_per_second: 0.0, data_wait_seconds: 0.0, ..outcome }
}

/// The largest difference of two runs' weights.
fn distance(a: &Outcome, b: &Outcome) -> f32 {
    let values = |outcome: &Outcome| -> Vec<f32> {
        let floats = outcome.weights.iter().map(|(_, tensor)| match tensor {
            Tensor::F32 { data, .. } => data.clone(),
            Tensor::I64(_) => Vec::new(),
        });
        floats.flatten().collect()
    };
    values(a).iter().zip(values(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn sums_are_in_the_order_of_the_ranks() {
    // In another order, the small one survives.
    let values = [1.0f32, 1e8, -1e8];
    let sums = on_ranks(3, |member| {
        let mut sums = Vec::new();
        for _ in 0..100 {
            sums = vec![values[member.rank()]; 5];
            member.sum(&mut sums).unwrap();
        }
        sums
    });
    assert!(sums.iter().all(|sum| *sum == [0.0; 5]));
    assert!(on_ranks(2, |member| member.sum(&mut vec![0.0; member.rank()])).iter().all(Result::is_err));
}

#[test]
fn ranks_hear_each_other() {
    for gathered in on_ranks(3, |member| member.gather(&vec![7; member.rank()]).unwrap()) {
        assert_eq!(gathered, [vec![], vec![7], vec![7, 7]]);
    }
    for first in on_ranks(3, |member| member.broadcast(Ok(vec![member.rank() as u8 + 1])).unwrap()) {
        assert_eq!(first, [1]);
    }
    for error in on_ranks(2, |member| member.broadcast(Err(format!("{} cannot", member.rank()))).unwrap_err()) {
        assert_eq!(error.to_string(), "0 cannot");
    }
    assert!(on_ranks(2, |member| member.agree(Ok(()))).iter().all(Result::is_ok));
    for error in on_ranks(3, |member| member.agree(if member.rank() == 1 { Err("no".into()) } else { Ok(()) })) {
        assert_eq!(error.unwrap_err().to_string(), "rank 1: no");
    }
    for error in on_ranks(3, |member| member.agree(Err("no".into()))) {
        assert_eq!(error.unwrap_err().to_string(), "no");
    }
    let left = on_ranks(3, |member| if member.rank() == 1 { Ok(vec![]) } else { member.gather(&[]) });
    assert_eq!(left[0].as_ref().unwrap_err().to_string(), "rank 1 has left the group");
    assert!(left[1].is_ok() && left[2].is_err());
}

#[test]
fn a_number_of_ranks_is_a_hash() {
    let data = small();
    for net in [PLAIN, NORMED] {
        let settings = settings();
        let fit = Fit::new(net, &data, &settings);
        let alone = times_aside(fit.clone().run(serial(), &mut []).unwrap());
        assert_eq!(train(1, &fit), alone, "one rank is no group");
        let mut hashes = vec![alone.weights.sha256()];
        // 100 samples in batches of 16 end with a batch of 4: with 5 ranks, one has nothing to do.
        for size in [2, 3, 5] {
            let first = train(size, &fit);
            assert_eq!(train(size, &fit), first);
            let loading = Loading { workers: 2, ..settings.loading };
            let with_workers = Settings { loading, ..settings.clone() };
            assert_eq!(train(size, &Fit::new(net, &data, &with_workers)), first);
            hashes.push(first.weights.sha256());
            assert!((first.test.accuracy.unwrap() - alone.test.accuracy.unwrap()).abs() < 0.2);
        }
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), 4, "sums are rounded differently");
    }
}

/// Everything but batch normalization is that of one process, up to rounding.
#[test]
fn ranks_take_the_steps_of_one_process() {
    let data = small();
    let sgd = Settings { optimizer: Optimizer::momentum(0.05, 0.9), ..settings() };
    let all = [
        sgd.clone(),
        Settings { batch: 7, accumulate: 3, clip: Some(Clip::Norm(0.5)), ..sgd.clone() },
        Settings { batch: 15, clip: Some(Clip::Value(0.02)), ema: Some(0.8), label_smoothing: 0.1, ..sgd.clone() },
        Settings { class_weights: (1..11).map(|i| i as f32).collect(), ..sgd.clone() },
    ];
    for (settings, net) in all.iter().flat_map(|settings| [(settings, PLAIN), (settings, DROPOUT)]) {
        let fit = Fit::new(net, &data, settings);
        let alone = fit.clone().run(serial(), &mut []).unwrap();
        for size in [2, 3] {
            let together = train(size, &fit);
            let distance = distance(&alone, &together);
            assert!(distance < 2e-5, "{distance} {size} {settings:?}");
            for (a, b) in alone.history.step_losses.iter().zip(&together.history.step_losses) {
                assert!((a - b).abs() < 2e-5, "{a} {b}");
            }
            let (a, b) = (&alone.history.epochs[1], &together.history.epochs[1]);
            assert!((a.train_loss - b.train_loss).abs() < 2e-5 && (a.test_loss - b.test_loss).abs() < 2e-5);
            assert_eq!((a.test_accuracy, alone.steps), (b.test_accuracy, together.steps));
        }
    }
}

#[test]
fn samples_are_changed_and_mixed_as_in_one_process() {
    let data = small();
    let crop = RandomCrop { padding: [1; 4], ..RandomCrop::DEFAULT };
    let mixing = Mixing { mix_up: Some(MixUp { alpha: 0.4 }), cut_mix: Some(CutMix::DEFAULT), p: 0.9 };
    let pipeline = Pipeline::new(vec![Box::new(crop)], [1, 8, 8]).unwrap();
    let test = Pipeline::new(Vec::new(), [1, 8, 8]).unwrap();
    let augmentation = Augmentation::new(pipeline, test, mixing).unwrap();
    let settings = Settings { optimizer: Optimizer::momentum(0.05, 0.9), ..settings() };
    let fit = Fit::new(DROPOUT, &data, &settings).augment(&augmentation);
    let alone = fit.clone().run(serial(), &mut []).unwrap();
    for size in [2, 3, 5] {
        let distance = distance(&alone, &train(size, &fit));
        assert!(distance < 2e-5, "{size}: {distance}");
    }
}

#[test]
fn values_are_predicted_as_by_one_process() {
    let digits = small();
    let numbers = |part: &Images| {
        let rows = (0..part.len()).flat_map(|i| part.image(i).iter().map(|&x| f32::from(x)).collect::<Vec<_>>());
        let targets = (0..part.len()).map(|i| part.label(i) as f32 / 10.0).collect();
        let targets = Targets::values(1, targets).unwrap();
        Floats::new("digits", [1, 8, 8], rows.collect(), targets).unwrap()
    };
    let (training, test) = (numbers(&digits.train), numbers(&digits.test));
    const NET: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(1)]);
    let settings = Settings { optimizer: Optimizer::sgd(0.01), ..settings() };
    let fit = Fit::with_parts(NET, &training, &test, &settings);
    let alone = fit.clone().run(serial(), &mut []).unwrap();
    let together = train(3, &fit);
    assert!(distance(&alone, &together) < 1e-5);
    assert!((alone.test.mae.unwrap() - together.test.mae.unwrap()).abs() < 1e-5);
}

#[derive(Default)]
struct Keep {
    at: Vec<u64>,
    kept: Vec<Checkpoint>,
    flow: Option<(u64, Flow)>,
}

impl Callback for Keep {
    fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
        let save = if self.at.contains(&step.step) { Flow::SAVE } else { Flow::CONTINUE };
        Ok(self.flow.filter(|(at, _)| *at == step.step).map_or(save, |(_, flow)| flow))
    }
    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result {
        self.kept.push(checkpoint.clone());
        Ok(())
    }
}

#[test]
fn a_group_goes_on_from_rank_0s_checkpoint() {
    let data = small();
    let settings = Settings { ema: Some(0.9), ..settings() };
    let fit = Fit::new(NORMED, &data, &settings);
    let kept = on_ranks(2, |member| {
        let (mut keep, mut stopping) = (Keep::default(), EarlyStopping::new(1));
        if member.rank() == 0 {
            keep.at = (1..14).collect();
        }
        fit.clone().run_in(serial(), member, &mut [&mut keep, &mut stopping]).unwrap();
        keep.kept
    });
    assert_eq!(kept[1].len(), 13, "what one rank asks for, all do");
    let whole = train(2, &fit);
    for checkpoint in &kept[0] {
        let rest = fit.clone().resume(checkpoint.clone());
        assert_eq!(train(2, &rest).weights, whole.weights);
        let errors = on_ranks(3, |member| rest.clone().run_in(serial(), member, &mut []).unwrap_err().to_string());
        assert!(errors.contains(&"resume: ranks was 2, now it is 3".to_string()), "{errors:?}");
        let alone = rest.run(serial(), &mut []).unwrap_err();
        assert_eq!(alone.to_string(), "resume: ranks was 2, now it is 1");
    }
    // Rank 1's running averages are its own.
    let mut other = kept[0][3].clone();
    other.weights = kept[1][3].weights.clone();
    assert_ne!(other.weights, kept[0][3].weights);
    let errors = on_ranks(2, |member| {
        let checkpoint = if member.rank() == 0 { &kept[0][3] } else { &other };
        fit.clone().resume(checkpoint.clone()).run_in(serial(), member, &mut []).unwrap_err()
    });
    for error in errors {
        assert!(error.is_everybodys() && error.to_string().contains("not the same weights"), "{error}");
    }
}

#[test]
fn what_one_rank_wants_all_do() {
    let data = small();
    let settings = settings();
    let fit = Fit::new(NORMED, &data, &settings);
    let ask = |flow: Flow| {
        on_ranks(3, |member| {
            let mut keep = Keep { flow: (member.rank() == 2).then_some((5, flow)), ..Keep::default() };
            let result = fit.clone().run_in(serial(), member, &mut [&mut keep]);
            (result, keep.kept.len())
        })
    };
    for (result, kept) in ask(Flow::STOP) {
        let outcome = result.unwrap();
        assert_eq!((outcome.steps, outcome.complete, kept), (5, true, 1));
    }
    for (result, kept) in ask(Flow::ABORT) {
        assert!(matches!(result, Err(Error::Interrupted { step: 5 })) && kept == 1);
    }
}

/// Exchanges the weights at the end, as [`EarlyStopping`] does, and asks for the end after an epoch.
struct Zeros(bool);

impl Callback for Zeros {
    fn epoch(&mut self, _: &EpochEnd) -> Result<Flow> {
        Ok(if self.0 { Flow::STOP } else { Flow::CONTINUE })
    }
    fn end(&mut self, end: &mut RunEnd) -> Result {
        if self.0 {
            end.weights.fill(0.0);
        }
        Ok(())
    }
}

#[test]
fn rank_0_may_exchange_the_weights() {
    let data = small();
    let settings = settings();
    let fit = Fit::new(PLAIN, &data, &settings);
    let outcomes = on_ranks(2, |member| {
        let mut zeros = Zeros(member.rank() == 0);
        fit.clone().run_in(serial(), member, &mut [&mut zeros]).unwrap()
    });
    for outcome in outcomes {
        assert_eq!(outcome.history.epochs.len(), 1);
        assert_eq!(outcome.weights.get("fc1.bias"), Some(&Tensor::F32 { shape: vec![10], data: vec![0.0; 10] }));
        assert!((outcome.test.loss - 10f32.ln()).abs() < 1e-5);
    }
}

/// Digits that can be read so many times.
struct Spoilt<'a>(&'a Images, AtomicUsize);

impl Dataset for Spoilt<'_> {
    fn name(&self) -> &str {
        "spoilt"
    }
    fn len(&self) -> usize {
        Dataset::len(self.0)
    }
    fn shape(&self) -> [usize; 3] {
        Dataset::shape(self.0)
    }
    fn task(&self) -> &Task {
        self.0.task()
    }
    fn white(&self) -> Option<u8> {
        self.0.white()
    }
    fn target(&self, index: usize) -> Label<'_> {
        self.0.target(index)
    }
    fn read<'a>(&'a self, index: usize, scratch: &'a mut Scratch) -> Result<Values<'a>> {
        if self.1.fetch_sub(1, Ordering::Relaxed) == 0 {
            return Err(Error::Data { origin: "spoilt".into(), fault: DataFault::Empty });
        }
        self.0.read(index, scratch)
    }
}

#[test]
fn nobody_waits_for_a_rank_without_data() {
    let data = small();
    let settings = settings();
    let results = on_ranks(2, |member| {
        // The normalizer reads all 100 samples, the fingerprint too.
        let reads = if member.rank() == 1 { 230 } else { 100_000 };
        let training = Spoilt(&data.train, AtomicUsize::new(reads));
        Fit::with_parts(PLAIN, &training, &data.test, &settings).run_in(serial(), member, &mut []).unwrap_err()
    });
    assert_eq!(results[0].to_string(), "rank 1 has left the group");
    assert!(matches!(&results[1], error @ Error::Data { .. } if !error.is_everybodys()), "{}", results[1]);
}

#[test]
fn nobody_waits_for_a_rank_that_fails() {
    let data = small();
    let settings = settings();
    let results = on_ranks(3, |member| {
        struct Fail;
        impl Callback for Fail {
            fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
                if step.step < 3 {
                    Ok(Flow::CONTINUE)
                } else {
                    Err(Error::Setting { what: "disk", fault: "full".into() })
                }
            }
        }
        let (first, mut fail) = (member.rank() == 0, Fail);
        let mut callbacks: Vec<&mut dyn Callback> = if first { vec![&mut fail] } else { Vec::new() };
        Fit::new(PLAIN, &data, &settings).run_in(serial(), member, &mut callbacks).map(|_| ())
    });
    assert_eq!(results[0].as_ref().unwrap_err().to_string(), "disk: full");
    for result in &results[1..] {
        let error = result.as_ref().unwrap_err().to_string();
        assert!(error.starts_with("rank ") && error.ends_with(" has left the group"), "{error}");
    }
}

#[test]
fn ranks_that_are_not_of_one_mind_do_not_begin() {
    let data = small();
    let other = DataSplit { train: data.train.filter("other", |i| i != 50).unwrap(), test: data.test.clone() };
    for (data_of_1, seed, expected) in [(&data, 6, "not the same seed"), (&other, 5, "not the same data")] {
        let errors = on_ranks(2, |member| {
            let first = member.rank() == 0;
            let settings = Settings { seed: if first { 5 } else { seed }, ..settings() };
            let data = if first { &data } else { data_of_1 };
            Fit::new(PLAIN, data, &settings).run_in(serial(), member, &mut []).unwrap_err()
        });
        for error in errors {
            assert!(error.is_everybodys() && error.to_string().contains(expected), "{error}");
        }
    }
    let settings = Settings { batch: 2, ..settings() };
    // One rank cannot read its data from the first.
    let errors = on_ranks(2, |member| {
        let reads = if member.rank() == 1 { 30 } else { 100_000 };
        let training = Spoilt(&data.train, AtomicUsize::new(reads));
        let settings = self::settings();
        Fit::with_parts(PLAIN, &training, &data.test, &settings).run_in(serial(), member, &mut []).unwrap_err()
    });
    assert!(errors.iter().all(|error| error.to_string().starts_with("rank 1: spoilt: ")), "{errors:?}");
    for error in on_ranks(3, |member| {
        Fit::new(PLAIN, &data, &settings).run_in(serial(), member, &mut []).unwrap_err().to_string()
    }) {
        assert_eq!(error, "batch: must be at least 3, a sample for each rank, got 2");
    }
}

#[test]
fn each_rank_needs_the_memory_of_its_share() {
    let data = small();
    let settings = settings();
    let fit = Fit::new(PLAIN, &data, &settings);
    let lens = on_ranks(3, |member| fit.plan_in(serial(), member).unwrap().train_len());
    let half = Settings { batch: 6, ..settings.clone() };
    assert_eq!(lens, [Fit::new(PLAIN, &data, &half).plan(serial()).unwrap().train_len(); 3]);
    assert!(lens[0] < fit.plan(serial()).unwrap().train_len());
}
