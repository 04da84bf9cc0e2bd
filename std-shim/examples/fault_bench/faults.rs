//! The faults, and how each is planted.

use flatgrad::data::{Dataset, Task};
use flatgrad::tune::Code;
use flatgrad_core::net::{Optimizer, Value};

use super::data::{Made, Random};
use super::programs::{Program, Run};

/// Plants a fault; `false` where the program has nothing to plant it in.
pub fn plant(code: Code, program: &Program, run: &mut Run, seed: u64) -> bool {
    let mut random = Random::new(77 + seed);
    let classes = run.train.task.is_classes();
    match code {
        Code::Healthy => healthy(run, seed),
        Code::LabelsRandom => shuffle_targets(&mut run.train, &mut random),
        Code::LabelsNoisy if classes => spoil_labels(&mut run.train, &mut random),
        Code::InputsUnscaled => unscale(run, seed),
        Code::InputsConstant => {
            let first = run.train.select(&[0]).x;
            let near = if seed.is_multiple_of(2) { 0.0 } else { 1e-7 };
            let same = |made: &mut Made, random: &mut Random| {
                for row in made.x.chunks_exact_mut(first.len()) {
                    row.copy_from_slice(&first);
                    row.iter_mut().for_each(|value| *value += near * random.normal());
                }
            };
            same(&mut run.train, &mut random);
            same(&mut run.test, &mut random);
        }
        Code::InputsNotFinite => {
            let at = random.below(run.train.x.len());
            run.train.x[at] = if seed.is_multiple_of(2) { f32::NAN } else { f32::INFINITY };
        }
        Code::PartShift => {
            let (factor, plus) = if seed.is_multiple_of(2) { (3.0, 0.0) } else { (1.0, 2.0 * deviation(&run.train.x)) };
            run.test.x.iter_mut().for_each(|value| *value = *value * factor + plus);
        }
        Code::Leakage => leak(run, &mut random),
        Code::ClassImbalance if classes => imbalance(run),
        Code::TooFewSamples => few(run),
        Code::InitZero => run.init = ", init = { rule = 'constant', value = 0 }".into(),
        Code::InitTooLarge => run.init = ", init = { rule = 'kaiming_uniform', gain = 28.9 }".into(),
        Code::InitTooSmall => run.init = ", init = { rule = 'kaiming_uniform', gain = 0.00577 }".into(),
        Code::Vanishing => deep(run, "sigmoid", 8, ""),
        Code::Exploding => deep(run, "relu", 12, ", init = { rule = 'kaiming_normal', gain = 4 }"),
        Code::DeadRelu if program.has_relu() && !program.normalizes() => {
            run.settings.optimizer =
                if seed.is_multiple_of(2) { Optimizer::adam(0.5) } else { Optimizer::momentum(3.0, 0.9) };
        }
        Code::Saturated => {
            run.activation = if seed.is_multiple_of(2) { "tanh".into() } else { "sigmoid".into() };
            // Behind batch normalization nothing is huge.
            run.layers = run.layers.replace("'batch_norm', ", "").replace(", 'batch_norm'", "");
            enlarge(run, 300.0);
        }
        Code::DoubleSoftmax if classes => {
            run.last = if seed.is_multiple_of(2) { ", 'softmax'".into() } else { ", 'log_softmax'".into() };
        }
        Code::WrongLoss => wrong_task(run),
        Code::OutputRange if !classes => {
            run.last = if seed.is_multiple_of(2) { ", 'sigmoid'".into() } else { ", 'relu'".into() }
        }
        Code::ModelTooSmall => narrow(run),
        Code::BottleneckDropout => run.dropout = Some(0.95),
        Code::LrTooHigh => rate(run, 100.0),
        Code::LrTooLow => rate(run, 0.01),
        Code::DecayTooHigh => set(run, "weight_decay", 1.0),
        Code::BatchTooSmall if program.normalizes() => run.settings.batch = 2,
        Code::EpsTooLarge => {
            run.settings.optimizer = Optimizer::adam(1e-3);
            set(run, "eps", 1.0);
        }
        Code::AugmentationDestroys if program.is_image() => {
            let padding = 3 * run.train.shape[1];
            run.recipe = match seed % 2 {
                0 => format!("train = [{{ kind = \"random_crop\", padding = {padding} }}]"),
                _ => "train = [{ kind = \"gaussian_noise\", sigma = 100, clip = false }]".into(),
            };
        }
        Code::TooFewEpochs => run.settings.epochs = if run.samples() > 1000 { 1 } else { 2 },
        Code::Overfitting => overfit(run, &mut random),
        Code::Underfitting => {
            run.dropout = Some(0.75);
            set(run, "weight_decay", 0.3);
        }
        _ => return false,
    }
    true
}

/// Everything that is usual.
fn healthy(run: &mut Run, seed: u64) {
    let lr = run.settings.optimizer.lr();
    match seed % 4 {
        1 => run.settings.optimizer = run.settings.optimizer.with_lr(2.0 * lr),
        2 => run.dropout = Some(0.2),
        3 => {
            run.settings.batch = 16;
            set(run, "weight_decay", 1e-4);
        }
        _ => {}
    }
}

fn deviation(values: &[f32]) -> f32 {
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt()
}

fn shuffle_targets(made: &mut Made, random: &mut Random) {
    random.shuffle(&mut made.labels);
    random.shuffle(&mut made.values);
}

fn spoil_labels(made: &mut Made, random: &mut Random) {
    let classes = made.task.outputs();
    for label in &mut made.labels {
        if random.uniform() < 1.0 / 3.0 {
            *label = (*label + 1 + random.below(classes - 1) as u32) % classes as u32;
        }
    }
}

fn unscale(run: &mut Run, seed: u64) {
    run.unscaled();
    let std = deviation(&run.train.x);
    let (factor, plus) = if seed.is_multiple_of(2) { (1000.0 / std, 0.0) } else { (1.0 / std, 500.0) };
    for made in [&mut run.train, &mut run.test] {
        made.x.iter_mut().for_each(|value| *value = *value * factor + plus);
    }
}

/// The inputs so much too large, without normalization.
fn enlarge(run: &mut Run, factor: f32) {
    run.unscaled();
    let std = deviation(&run.train.x);
    for made in [&mut run.train, &mut run.test] {
        made.x.iter_mut().for_each(|value| *value = *value / std * factor);
    }
}

fn leak(run: &mut Run, random: &mut Random) {
    let n = run.test.len();
    let pixels = run.test.x.len() / n;
    for i in 0..n * 3 / 10 {
        let from = random.below(run.train.len());
        run.test.x[i * pixels..(i + 1) * pixels].copy_from_slice(&run.train.x[from * pixels..(from + 1) * pixels]);
        if run.train.task.is_classes() {
            run.test.labels[i] = run.train.labels[from];
        } else {
            run.test.values[i] = run.train.values[from];
        }
    }
}

/// 95 samples of the first class to 5 of another.
fn imbalance(run: &mut Run) {
    for made in [&mut run.train, &mut run.test] {
        let of = |class: u32| made.labels.iter().enumerate().filter(move |(_, l)| **l == class).map(|(i, _)| i);
        let (many, few): (Vec<usize>, Vec<usize>) = (of(0).collect(), of(1).collect());
        let few = &few[..(many.len() / 19).max(1).min(few.len())];
        let mut kept: Vec<usize> = many.iter().chain(few).copied().collect();
        kept.sort_unstable();
        *made = made.select(&kept);
        made.task = Task::numbered(2);
    }
}

/// Three samples of each class; of values, twelve.
fn few(run: &mut Run) {
    let mut counts = vec![0; run.train.task.outputs().max(1)];
    let limit = if run.train.task.is_classes() { 4 } else { 14 };
    let labels = run.train.labels.clone();
    let mut keep = |i: &usize| {
        let class = labels.get(*i).map_or(0, |&label| label as usize);
        counts[class] += 1;
        counts[class] <= limit
    };
    let kept: Vec<usize> = (0..run.train.len()).filter(|i| keep(i)).collect();
    run.train = run.train.select(&kept);
    run.settings.batch = run.settings.batch.min(8);
}

fn deep(run: &mut Run, activation: &str, layers: usize, init: &str) {
    let layer = format!("{{ kind = 'dense', outputs = 32{init} }}, '{activation}', ");
    run.layers = format!("'flatten', {}{{ kind = 'dense', outputs = OUTPUTS }}LAST", layer.repeat(layers));
}

fn wrong_task(run: &mut Run) {
    for made in [&mut run.train, &mut run.test] {
        if made.task.is_classes() {
            made.values = made.labels.iter().map(|&label| label as f32).collect();
            made.task = Task::Values { outputs: 1 };
        } else {
            // Each number is a class of its own, as a reader makes them of a column of numbers.
            let mut names: Vec<String> = made.values.iter().map(|y| format!("{:.1}", 10.0 * y)).collect();
            let all = names.clone();
            names.sort();
            names.dedup();
            made.labels = all.iter().map(|name| names.binary_search(name).unwrap_or(0) as u32).collect();
            made.task = Task::classes(names);
        }
    }
    let (train, test) = (run.train.task.clone(), run.test.task.clone());
    if train.is_classes() {
        // Both parts have the names of the larger.
        let task = if train.outputs() >= test.outputs() { train } else { test };
        (run.train.task, run.test.task) = (task.clone(), task);
    }
}

fn narrow(run: &mut Run) {
    let sizes = ["outputs = 64", "outputs = 48", "outputs = 32", "outputs = 128"];
    for size in sizes {
        run.layers = run.layers.replace(size, "outputs = 1");
    }
    if run.layers.contains("conv") {
        run.layers =
            "'flatten', { kind = 'dense', outputs = 1INIT }, ACT, { kind = 'dense', outputs = OUTPUTSINIT }LAST".into();
    }
}

fn rate(run: &mut Run, factor: f32) {
    run.settings.optimizer = run.settings.optimizer.with_lr(run.settings.optimizer.lr() * factor);
}

fn set(run: &mut Run, key: &str, number: f32) {
    let optimizer = run.settings.optimizer;
    let values: Vec<Value> =
        optimizer.keys().iter().map(|(name, value)| if name == key { Value::Number(number) } else { value }).collect();
    run.settings.optimizer = optimizer.with(&values).unwrap_or(optimizer);
}

/// Few samples, and a network that is much larger than they are.
fn overfit(run: &mut Run, random: &mut Random) {
    let mut order: Vec<usize> = (0..run.train.len()).collect();
    random.shuffle(&mut order);
    let n = if run.train.task.is_classes() { 12 * run.train.task.outputs().max(4) } else { 60 };
    run.train = run.train.select(&order[..n.min(order.len())]);
    // Part of what is asked is noise: by heart is the only way.
    if run.train.task.is_classes() {
        let std = deviation(&run.train.x);
        run.train.x.iter_mut().for_each(|value| *value += 1.2 * std * random.normal());
        run.test.x.iter_mut().for_each(|value| *value += 1.2 * std * random.normal());
    }
    run.settings.epochs *= 4;
    run.settings.batch = 16;
}
