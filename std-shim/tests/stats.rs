//! What a run says of its training part and of its layers, against counts by hand.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::thread;

use common::small;
use flatgrad::data::{DataSplit, Floats, Images, Normalizer, Targets, epoch_order};
use flatgrad::distributed::{Group, team};
use flatgrad::report::{stats_png, stats_svg};
use flatgrad::train::stats::{Collector, EpochStats, LayerStats};
use flatgrad::train::{Callback, Checkpoint, EpochEnd, Fit, Flow, History, Outcome, Position, Settings, StepRecord};
use flatgrad::{Error, Result};
use flatgrad_core::net::{Config, Layer, Net, Optimizer, Plan, Role, Trainer};
use flatgrad_core::{Context, Isa};

/// A training pass is a pass as at test time: no dropout, no batch norm.
const NET: Net =
    Net::new([1, 8, 8], &[Layer::conv2d(4, 3), Layer::tanh(), Layer::max_pool(2), Layer::flatten(), Layer::dense(10)]);
const SGD: Optimizer = Optimizer::sgd(0.05);

fn settings() -> Settings {
    Settings { epochs: 2, batch: 16, seed: 5, ..Settings::new(SGD) }
}

fn serial() -> Context<'static> {
    Context::serial(Isa::detect())
}

/// Writes down what it hears.
#[derive(Default)]
struct Log {
    steps: Vec<StepRecord>,
    stats: Vec<EpochStats>,
    abort_at: Option<u64>,
    kept: Vec<Checkpoint>,
}

impl Callback for Log {
    fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
        self.steps.push(*step);
        Ok(if self.abort_at == Some(step.step) { Flow::ABORT } else { Flow::CONTINUE })
    }
    fn epoch(&mut self, end: &EpochEnd) -> Result<Flow> {
        self.stats.extend(end.stats.cloned());
        Ok(Flow::CONTINUE)
    }
    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result {
        self.kept.push(checkpoint.clone());
        Ok(())
    }
}

/// What a step computes, by hand.
struct Step {
    epoch: usize,
    samples: usize,
    /// Samples whose largest output is that of their label, before the step.
    right: usize,
    /// The outputs before the step.
    outputs: Vec<f32>,
    /// Of convolution and dense layer: the norm of the update over the norm of the weights.
    ratios: [f64; 2],
}

fn by_hand(data: &DataSplit<Images>) -> Vec<Step> {
    let normalizer = Normalizer::fit(&data.train).unwrap();
    let plan = Plan::try_new(&NET, Config::new(16, SGD)).unwrap();
    let mut arena = vec![0.0; plan.train_len()];
    let mut trainer = Trainer::new(Context::serial(Isa::PORTABLE), &plan, &mut arena, 5).unwrap();
    let mut steps = Vec::new();
    for epoch in 1..=2 {
        for indices in epoch_order(5, epoch - 1, 100).chunks(16) {
            let mut x = vec![0.0; 64 * indices.len()];
            for (&i, x) in indices.iter().zip(x.chunks_mut(64)) {
                normalizer.write(&data.train, i as usize, x).unwrap();
            }
            let labels: Vec<u32> = indices.iter().map(|&i| data.train.label(i as usize)).collect();
            let outputs = trainer.infer(&x).unwrap().to_vec();
            let largest = |row: &[f32]| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
            let right = outputs.chunks(10).zip(&labels).filter(|(row, label)| largest(row) == **label as usize);
            let right = right.count();
            let before = trainer.weights().to_vec();
            trainer.step(&SGD, &x, &labels).unwrap();
            let ratios = [0, 4].map(|layer| {
                let tensors = plan.tensors().filter(|tensor| tensor.layer == layer);
                let learnt = tensors.filter(|tensor| matches!(tensor.name.role, Role::Weight | Role::Bias));
                let places: Vec<usize> = learnt.flat_map(|tensor| tensor.range()).collect();
                let norm = |of: &dyn Fn(usize) -> f64| places.iter().map(|&i| of(i).powi(2)).sum::<f64>().sqrt();
                let after = trainer.weights();
                norm(&|i| f64::from(after[i]) - f64::from(before[i])) / norm(&|i| f64::from(before[i]))
            });
            steps.push(Step { epoch: epoch as usize, samples: labels.len(), right, outputs, ratios });
        }
    }
    steps
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * (1.0 + b.abs())
}

#[test]
fn training_accuracy_is_the_share_of_right_answers_before_each_step() {
    let data = small();
    let steps = by_hand(&data);
    let split = Settings { batch: 8, accumulate: 2, ..settings() };
    let weighted = Settings { class_weights: vec![1.0; 10], ..settings() };
    for settings in [settings(), split, weighted] {
        let mut log = Log::default();
        let outcome = Fit::new(NET, &data, &settings).run(serial(), &mut [&mut log]).unwrap();
        let mut so_far = (0, 0);
        for (record, step) in log.steps.iter().zip(&steps) {
            so_far = if record.epoch == step.epoch && so_far.1 == 100 { (0, 0) } else { so_far };
            so_far = (so_far.0 + step.right, so_far.1 + step.samples);
            assert_eq!(record.batch_accuracy, Some(step.right as f64 / step.samples as f64), "{settings:?}");
            assert_eq!(record.accuracy, Some(so_far.0 as f64 / so_far.1 as f64));
        }
        assert_eq!(log.steps.len(), steps.len());
        for (epoch, record) in (1..).zip(&outcome.history.epochs) {
            let right: usize = steps.iter().filter(|step| step.epoch == epoch).map(|step| step.right).sum();
            assert_eq!(record.train_accuracy, Some(right as f64 / 100.0));
        }
    }
}

#[test]
fn ranks_count_all_answers() {
    let (data, settings) = (small(), settings());
    let fit = Fit::new(NET, &data, &settings).train_eval(true).stats(true);
    let alone = fit.clone().run(serial(), &mut []).unwrap();
    for size in [2, 3] {
        let outcomes = on_ranks(size, &fit);
        for (rank, outcome) in outcomes.iter().enumerate() {
            let accuracies = |outcome: &Outcome| -> Vec<[Option<f64>; 2]> {
                let epochs = outcome.history.epochs.iter();
                epochs.map(|epoch| [epoch.train_accuracy, epoch.train_part_accuracy]).collect()
            };
            assert_eq!(accuracies(outcome), accuracies(&alone), "rank {rank} of {size}");
            // The first looks at its share; the others at nothing.
            let seen = outcome.history.stats.iter().map(|stats| stats.layers[0].outputs.count);
            let whole = alone.history.stats.iter().map(|stats| stats.layers[0].outputs.count / size);
            let near = seen.clone().zip(whole).all(|(a, b)| a.abs_diff(b) < 4 * 36 * 7);
            assert!(near && seen.count() == if rank == 0 { 2 } else { 0 });
        }
        // Looking at layers changes no bit, of any group.
        assert_eq!(outcomes[0].weights, on_ranks(size, &Fit::new(NET, &data, &settings))[0].weights);
    }
    // All evaluate, or none.
    let errors = thread::scope(|scope| {
        let fit = &fit;
        let start = |mut member| {
            scope.spawn(move || {
                let first = Group::rank(&member) == 0;
                fit.clone().train_eval(first).run_in(serial(), &mut member, &mut []).unwrap_err().to_string()
            })
        };
        let running: Vec<_> = team(2).into_iter().map(start).collect();
        running.into_iter().map(|rank| rank.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(errors.iter().all(|error| error.contains("not the same evaluation of the training part")), "{errors:?}");
}

fn on_ranks(size: usize, fit: &Fit) -> Vec<Outcome> {
    thread::scope(|scope| {
        let start = |mut member| scope.spawn(move || fit.clone().run_in(serial(), &mut member, &mut []).unwrap());
        let running: Vec<_> = team(size).into_iter().map(start).collect();
        running.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

#[test]
fn the_whole_training_part_is_evaluated_as_a_test_part() {
    let data = small();
    const DROPPING: Net = Net::new(
        [1, 8, 8],
        &[Layer::flatten(), Layer::dropout(0.5), Layer::dense(16), Layer::relu(), Layer::dense(10)],
    );
    let settings = Settings { ema: Some(0.9), ..settings() };
    let both = DataSplit { train: data.train.clone(), test: data.train.clone() };
    let asked = Fit::new(DROPPING, &data, &settings).train_eval(true).run(serial(), &mut []).unwrap();
    let as_test = Fit::new(DROPPING, &both, &settings).run(serial(), &mut []).unwrap();
    for (asked, as_test) in asked.history.epochs.iter().zip(&as_test.history.epochs) {
        assert_eq!(asked.train_part_loss, Some(as_test.test_loss));
        assert_eq!((asked.train_part_accuracy, asked.train_part_mae), (as_test.test_accuracy, None));
        assert_eq!((as_test.train_part_loss, as_test.train_part_accuracy), (None, None));
    }
    assert_eq!(asked.weights, as_test.weights);

    let rows: Vec<f32> = (0..64).map(|i| (i * i % 37) as f32).collect();
    let numbers = |rows: &[f32]| {
        let targets = Targets::values(1, rows.iter().map(|x| 2.0 * x).collect()).unwrap();
        Floats::new("numbers", [1, 1, 1], rows.to_vec(), targets).unwrap()
    };
    let (train, test) = (numbers(&rows[..48]), numbers(&rows[48..]));
    const DENSE: Net = Net::new([1, 1, 1], &[Layer::dense(1)]);
    let settings = self::settings();
    let asked = Fit::with_parts(DENSE, &train, &test, &settings).train_eval(true).run(serial(), &mut []).unwrap();
    let as_test = Fit::with_parts(DENSE, &train, &train, &settings).run(serial(), &mut []).unwrap();
    let (asked, as_test) = (&asked.history.epochs[1], &as_test.history.epochs[1]);
    assert!(asked.train_part_mae.is_some() && asked.train_part_mae == as_test.test_mae);
    assert_eq!((asked.train_accuracy, asked.train_part_accuracy), (None, None));
}

#[test]
fn layers_are_described_as_by_hand() {
    let (data, settings) = (small(), settings());
    let steps = by_hand(&data);
    let mut log = Log::default();
    let outcome = Fit::new(NET, &data, &settings).stats(true).run(serial(), &mut [&mut log]).unwrap();
    assert_eq!(log.stats, outcome.history.stats);
    for (epoch, stats) in (1..).zip(&log.stats) {
        // Seven steps: all are looked at.
        assert_eq!((stats.epoch, stats.step, stats.steps, stats.layers.len()), (epoch, 7 * epoch as u64, 7, 5));
        let kinds: Vec<&str> = stats.layers.iter().map(|layer| layer.kind).collect();
        assert_eq!(kinds, ["conv2d", "tanh", "max_pool2d", "flatten", "dense"]);
        let of_epoch: Vec<&Step> = steps.iter().filter(|step| step.epoch == epoch).collect();
        for (layer, place) in [(0, 0), (4, 1)] {
            let mean = of_epoch.iter().map(|step| step.ratios[place]).sum::<f64>() / 7.0;
            assert!(close(stats.layers[layer].update_ratio.unwrap(), mean), "{epoch} {layer}");
        }
        assert_eq!(stats.layers[1].update_ratio, None);
        let outputs: Vec<f64> = of_epoch.iter().flat_map(|step| &step.outputs).map(|&y| f64::from(y)).collect();
        let mean = outputs.iter().sum::<f64>() / outputs.len() as f64;
        let square = outputs.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / outputs.len() as f64;
        let described = &stats.layers[4].outputs;
        assert_eq!(described.count, 1000);
        assert!(close(described.mean, mean) && (described.std - square.sqrt()).abs() < 1e-9);
        // A thousand numbers are all kept.
        let histogram = &described.histogram;
        assert_eq!(histogram.counts.iter().sum::<u32>(), 1000);
        let inside = |part: usize| {
            let from = if part == 0 { f64::NEG_INFINITY } else { histogram.limit(part - 1) };
            outputs.iter().filter(|&&y| y >= from && (y < histogram.limit(part) || part == 29)).count()
        };
        for (part, &count) in histogram.counts.iter().enumerate() {
            assert!((count as usize).abs_diff(inside(part)) <= 1, "{part}");
        }
        // The gradient of the mean loss: softmax minus target, over the samples of the step.
        let gradients = stats.layers[4].gradients.as_ref().unwrap();
        assert!(gradients.count == 1000 && gradients.mean.abs() < 1e-6 && gradients.std > 1e-3);
        assert!(stats.layers[1].saturated.unwrap() < 0.9);
    }
    let lines = outcome.history.stats_jsonl();
    assert_eq!(lines.lines().count(), 10);
    let read: LayerStats = serde_json::from_str(lines.lines().nth(9).unwrap()).unwrap();
    assert_eq!(read, log.stats[1].layers[4]);
    let unknown = lines.lines().next().unwrap().replace("conv2d", "conv9d");
    assert!(serde_json::from_str::<LayerStats>(&unknown).unwrap_err().to_string().contains("conv9d"));
}

#[test]
fn an_interrupted_epoch_has_the_same_figures() {
    let (data, settings) = (small(), settings());
    let fit = || Fit::new(NET, &data, &settings).stats(true).train_eval(true);
    let times_aside = |mut history: History| {
        history.epochs.iter_mut().for_each(|epoch| (epoch.seconds, epoch.samples_per_second) = (0.0, 0.0));
        history
    };
    let whole = fit().run(serial(), &mut []).unwrap();
    for at in [3, 7, 10] {
        let mut log = Log { abort_at: Some(at), ..Log::default() };
        assert!(matches!(fit().run(serial(), &mut [&mut log]), Err(Error::Interrupted { .. })));
        let checkpoint = Checkpoint::from_bytes("file", &log.kept.pop().unwrap().to_bytes().unwrap()).unwrap();
        let rest = fit().resume(checkpoint.clone()).run(serial(), &mut []).unwrap();
        assert_eq!(times_aside(rest.history), times_aside(whole.history.clone()), "after step {at}");
        assert_eq!(rest.weights, whole.weights);
        // Another network's layers are refused, though nothing else tells.
        let mut spoilt = checkpoint.clone();
        spoilt.saved.values.insert("stats.layers".into(), serde_json::json!([]));
        assert!(fit().resume(spoilt).run(serial(), &mut []).unwrap_err().to_string().contains("stats.layers"));
        // A checkpoint of a version that did not count: the epoch's accuracy is not known, the next one's is.
        let mut early = checkpoint;
        (early.position.correct, early.position.answered) = (0, 0);
        let rest = fit().resume(early).run(serial(), &mut []).unwrap();
        let known: Vec<bool> = rest.history.epochs.iter().map(|epoch| epoch.train_accuracy.is_some()).collect();
        assert_eq!(known, [at == 10, at != 10], "after step {at}");
    }
    // Such a file has no such fields.
    let mut full = serde_json::to_value(Position { step: 3, epoch: 1, samples: 48, ..Position::default() }).unwrap();
    let full = full.as_object_mut().unwrap();
    assert!(full.remove("correct").is_some() && full.remove("answered").is_some());
    let read: Position = serde_json::from_value(serde_json::Value::Object(full.clone())).unwrap();
    assert_eq!((read.samples, read.correct, read.answered), (48, 0, 0));
}

#[test]
fn layers_are_drawn() {
    let (data, settings) = (small(), settings());
    let stats = Fit::new(NET, &data, &settings).stats(true).run(serial(), &mut []).unwrap().history.stats;
    let drawn = |title: &str, stats: &[EpochStats]| {
        let (svg, png) = (stats_svg(title, stats).unwrap(), stats_png(title, stats).unwrap());
        assert!(svg.starts_with("<svg") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        let image = image::load_from_memory(&png).unwrap().to_rgb8();
        assert!(svg.contains(&format!(r#"width="{}" height="{}""#, image.width() / 2, image.height() / 2)));
        let (width, height) = image.dimensions();
        let edge = |&(x, y, _): &(u32, u32, &image::Rgb<u8>)| x == 0 || y == 0 || x + 1 == width || y + 1 == height;
        assert!(image.enumerate_pixels().filter(edge).all(|(_, _, pixel)| pixel.0 == [255; 3]), "{title}");
        if let Ok(folder) = std::env::var("CURVES") {
            std::fs::write(format!("{folder}/{title}.png"), &png).unwrap();
        }
        (svg, image)
    };
    let (svg, image) = drawn("usual", &stats);
    for text in ["usual: layers", "00 conv2d", "01 tanh", "gradients, rms", "update over weights", "epoch"] {
        assert!(svg.contains(text), "{text}");
    }
    assert!(!svg.contains("flatten"));
    for text in [">dead<", ">at ends<", "stroke-dasharray"] {
        assert!(svg.contains(text), "{text}: told apart without colours, too");
    }
    // The bands of percentiles, the inner one twice inked; outputs, gradients, dead units, outputs at ends, updates.
    let bands = [[219, 229, 243], [189, 207, 233]];
    for color in [[31, 90, 180], [124, 68, 160], [196, 46, 52], [226, 121, 21], [30, 132, 73]].iter().chain(&bands) {
        assert!(image.pixels().filter(|pixel| pixel.0 == *color).count() > 50, "{color:?}");
    }
    // A hundred layers for a thousand epochs, some of them odd.
    let many = |epoch: usize| {
        let layer = |layer: usize| {
            let mut stats = stats[epoch % 2].layers[layer % 5].clone();
            stats.layer = layer;
            if epoch % 50 == 7 {
                stats.outputs.percentiles = [0.0, 0.0, 1e-30, 1.0, f32::MAX];
                stats.update_ratio = Some(0.0);
            }
            stats
        };
        EpochStats { epoch: epoch + 1, step: epoch as u64, steps: 8, layers: (0..100).map(layer).collect() }
    };
    let many: Vec<EpochStats> = (0..1000).map(many).collect();
    let (svg, _) = drawn("many", &many);
    assert!(svg.contains("many: 32 of 80 layers") && svg.contains("1,000"));
    assert!(svg.len() < 4_000_000, "{}", svg.len());
    drawn("one", &stats[..1]);
    // Nothing was looked at: an epoch without a step.
    let plan = Plan::try_new(&NET, Config::new(1, SGD)).unwrap();
    let layers = Collector::new(&plan).describe();
    drawn("nothing", &[EpochStats { epoch: 1, step: 0, steps: 0, layers }]);
    assert_eq!(stats_svg("none", &[EpochStats { epoch: 1, step: 0, steps: 0, layers: Vec::new() }]), None);
    assert_eq!(stats_png("none", &[]), None);
}
