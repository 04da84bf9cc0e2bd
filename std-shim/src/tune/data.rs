//! Step 0: the data, before any network.

use flatgrad_core::activation::Activation;
use flatgrad_core::net::{Kind, Plan};

use super::look::{Look, duplicates};
use super::{Code, Severity, Subject, Verdict, limits};
use crate::data::{Dataset, Label, Task};
use crate::error::Result;

/// What is wrong with the samples.
pub(super) fn inputs(subject: &Subject, found: &mut Vec<Verdict>) -> Result {
    let look = Look::at(&*subject.train, limits::SAMPLES)?;
    if let Some([sample, feature]) = look.not_finite() {
        let text = format!(
            "{} values that were looked at are no numbers; the first is feature {feature} of training sample {sample}",
            look.count_not_finite()
        );
        let verdict = Verdict::new(Code::InputsNotFinite, 0, Severity::Error, text);
        found.push(verdict.with("sample", sample as f64).with("feature", feature as f64));
        return Ok(());
    }
    let test = Look::at(&*subject.test, limits::SAMPLES)?;
    if let Some([sample, feature]) = test.not_finite() {
        let text = format!("feature {feature} of test sample {sample} is no number");
        let verdict = Verdict::new(Code::InputsNotFinite, 0, Severity::Error, text);
        found.push(verdict.with("sample", sample as f64).with("feature", feature as f64));
        return Ok(());
    }
    let moments = look.moments();
    if constant(&moments, found) {
        return Ok(());
    }
    shift(&moments, &test.moments(), test.indices.len(), found);
    scale(subject, &look, found)?;
    let [leaked, own] = duplicates(&*subject.train, &*subject.test)?;
    if leaked > limits::LEAKED + 3.0 * own {
        let text = format!("{:.1} % of the test samples are training samples, value for value", 100.0 * leaked);
        let verdict = Verdict::new(Code::Leakage, 0, Severity::Error, text);
        found.push(verdict.with("share_of_test", leaked).with("duplicates_within_training", own));
    }
    Ok(())
}

/// Nothing differs from sample to sample.
fn constant(moments: &[[f64; 2]], found: &mut Vec<Verdict>) -> bool {
    let between: f64 = moments.iter().map(|[_, variance]| variance).sum();
    let size: f64 = moments.iter().map(|[mean, variance]| mean * mean + variance).sum();
    let share = (between / size.max(f64::MIN_POSITIVE)).sqrt();
    let is_constant = between == 0.0 || share < limits::CONSTANT;
    if is_constant {
        let text = format!("all samples are nearly equal: they differ by {share:.1e} of their size");
        found.push(Verdict::new(Code::InputsConstant, 0, Severity::Error, text).with("deviation_over_size", share));
    }
    is_constant
}

/// The test part beside the training part: all features together, and each for itself.
fn shift(train: &[[f64; 2]], test: &[[f64; 2]], samples: usize, found: &mut Vec<Verdict>) {
    let mut differences = Vec::new();
    let (mut inside, mut outside, mut moved) = (0.0, 0.0, 0.0);
    for ([mean, variance], [other_mean, other_variance]) in train.iter().zip(test) {
        let difference = other_mean - mean;
        (inside, outside, moved) = (inside + variance, outside + other_variance, moved + difference * difference);
        // What is constant in training tells nothing by its deviation.
        if *variance > 0.0 {
            let by_chance = 3.0 / (samples.max(1) as f64).sqrt();
            differences.push((difference.abs() / variance.sqrt() - by_chance).max(0.0));
        }
    }
    if inside == 0.0 || samples < 2 {
        return;
    }
    let chance = 1.0 + 3.0 / (samples as f64).sqrt();
    let factor = (outside / inside).sqrt();
    let distance = (moved / inside).sqrt();
    let far = limits::SHIFT_FACTOR * chance;
    let most = differences.iter().copied().fold(0.0, f64::max);
    // One feature of a few may be shifted alone; of many, one is always far by chance.
    let alone = differences.len() <= 64 && most > 4.0 * limits::SHIFT;
    let by_chance = 3.0 / (samples as f64).sqrt();
    if factor > far || factor < 1.0 / far || distance > limits::SHIFT + by_chance || alone {
        let text = format!(
            "the test part has {factor:.2} times the deviation of the training part, and its mean is {distance:.2} \
             deviations away"
        );
        let verdict = Verdict::new(Code::PartShift, 0, Severity::Error, text);
        found.push(verdict.with("deviation_ratio", factor).with("distance", distance).with("largest_of_one", most));
    }
}

/// The values as the network sees them.
fn scale(subject: &Subject, look: &Look, found: &mut Vec<Verdict>) -> Result {
    let normalizer = subject.settings.normalize.fit(&*subject.train, 0)?;
    let mut sum = 0.0;
    for row in look.rows() {
        let mut row = row.to_vec();
        normalizer.apply(&mut row);
        sum += row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>();
    }
    let rms = (sum / look.x.len().max(1) as f64).sqrt();
    if !limits::SCALED_RMS.contains(&rms) {
        let text = format!("the network sees values of size {rms:.3}; about 1 is what initializations count on");
        found.push(Verdict::new(Code::InputsUnscaled, 0, Severity::Error, text).with("rms", rms));
    }
    Ok(())
}

/// What is wrong with the targets, and with the loss and the last layer for them.
pub(super) fn targets(
    subject: &Subject,
    plan: &Plan<impl AsRef<[flatgrad_core::net::Slot]>>,
    found: &mut Vec<Verdict>,
) {
    let last = plan
        .layers()
        .map(|layer| layer.kind)
        .filter(|kind| !matches!(kind, Kind::Flatten | Kind::Dropout { .. }))
        .last();
    match subject.train.task() {
        Task::Classes { names } => {
            classes(subject, names, found);
            if matches!(last, Some(Kind::Softmax | Kind::LogSoftmax)) {
                let text = "the last layer is a softmax, and cross entropy applies softmax to its outputs once more";
                found.push(Verdict::new(Code::DoubleSoftmax, 1, Severity::Error, text));
            } else if let Some([low, high]) = last.and_then(range) {
                let text = format!("the last layer gives {low} to {high}, and cross entropy needs any number");
                found.push(Verdict::new(Code::OutputRange, 1, Severity::Warning, text));
            }
        }
        Task::Values { .. } => values(subject, last, found),
    }
}

fn classes(subject: &Subject, names: &[String], found: &mut Vec<Verdict>) {
    let mut counts = vec![0usize; names.len()];
    for index in 0..subject.train.len() {
        if let Label::Class(class) = subject.train.target(index)
            && let Some(count) = counts.get_mut(class as usize)
        {
            *count += 1;
        }
    }
    let numbers: Option<Vec<f64>> = names.iter().map(|name| name.parse().ok()).collect();
    if let Some(numbers) = numbers
        && (names.len() > limits::MANY_CLASSES || numbers.iter().any(|number| number.fract() != 0.0))
    {
        let text = format!("the {} classes are numbers, such as {}: are they to be predicted?", names.len(), names[0]);
        found.push(Verdict::new(Code::WrongLoss, 1, Severity::Error, text).with("classes", names.len() as f64));
        return;
    }
    let (total, most) = (subject.train.len().max(1), counts.iter().copied().max().unwrap_or(0));
    let majority = most as f64 / total as f64;
    if majority >= limits::MAJORITY && names.len() > 1 {
        let name = counts.iter().position(|&count| count == most).and_then(|class| names.get(class));
        let text = format!(
            "{:.1} % of the training samples are of class {}: always saying so is right as often",
            100.0 * majority,
            name.map_or("", String::as_str)
        );
        found.push(Verdict::new(Code::ClassImbalance, 0, Severity::Warning, text).with("majority", majority));
    }
    counts.retain(|&count| count > 0);
    counts.sort_unstable();
    let median = counts.get(counts.len() / 2).copied().unwrap_or(0);
    if median < limits::PER_CLASS {
        let text = format!("a class has {median} training samples (the median over {} classes)", counts.len());
        found.push(Verdict::new(Code::TooFewSamples, 0, Severity::Warning, text).with("per_class", median as f64));
    }
}

fn values(subject: &Subject, last: Option<Kind>, found: &mut Vec<Verdict>) {
    let train = &*subject.train;
    if train.len() < limits::FOR_VALUES {
        let text = format!("there are {} training samples", train.len());
        found.push(Verdict::new(Code::TooFewSamples, 0, Severity::Warning, text).with("samples", train.len() as f64));
    }
    let (mut seen, mut outside, mut all) = (Vec::new(), 0, 0);
    let range = last.and_then(range);
    for index in 0..train.len() {
        let Label::Values(targets) = train.target(index) else { continue };
        all += targets.len();
        if let Some([low, high]) = range {
            outside += targets.iter().filter(|&&target| target < low || target > high).count();
        }
        let mut own = targets.to_vec();
        if let Some(scaling) = train.target_scaling() {
            scaling.undo(&mut own);
        }
        // Standardized and back, a whole number is nearly one.
        let near = (own[0] * 1e3).round() / 1e3;
        if seen.len() <= limits::FEW_VALUES && !seen.contains(&near) {
            seen.push(near);
        }
    }
    let share = outside as f64 / all.max(1) as f64;
    if let (Some([low, high]), true) = (range, share > 0.02) {
        let text = format!("the last layer gives {low} to {high}; {:.0} % of the targets are outside", 100.0 * share);
        found.push(Verdict::new(Code::OutputRange, 1, Severity::Error, text).with("share_outside", share));
    }
    let whole = seen.iter().all(|value| value.fract() == 0.0);
    let one = matches!(train.task(), Task::Values { outputs: 1 });
    if one && whole && seen.len() <= limits::FEW_VALUES && train.len() >= 5 * seen.len() {
        let text = format!("the numbers to predict are {} whole numbers: are they classes?", seen.len());
        found.push(Verdict::new(Code::WrongLoss, 1, Severity::Warning, text).with("values", seen.len() as f64));
    }
}

/// What a layer can give, if it is not every number.
fn range(kind: Kind) -> Option<[f32; 2]> {
    match kind {
        Kind::Softmax | Kind::Activation(Activation::Sigmoid) => Some([0.0, 1.0]),
        Kind::Activation(Activation::Tanh) => Some([-1.0, 1.0]),
        Kind::Activation(Activation::Relu | Activation::Softplus { .. }) => Some([0.0, f32::INFINITY]),
        Kind::LogSoftmax => Some([f32::NEG_INFINITY, 0.0]),
        _ => None,
    }
}
