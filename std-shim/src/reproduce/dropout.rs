//! Test errors of an MLP without dropout, with dropout of hidden units, and with dropout of inputs as well (Hinton et
//! al., "Improving neural networks by preventing co-adaptation of feature detectors", 2012); and its three forms at
//! test time.

use flatgrad_core::dropout::{Dropout, Form, scale_weights};
use flatgrad_core::net::{Config, Kind, Layer, Optimizer, Plan, Role, infer};

use super::early_stopping::Tick;
use super::finding::{Claim, Compared, Finding, Picture, Table};
use super::lab::{Lab, by_kind};
use super::nets::{classes, net};
use super::spread::{least, mean, most, text};
use crate::data::{Batch, DataSplit, Dataset, Loader, Normalization};
use crate::error::Result;
use crate::report::chart::{Axis, Bar, Bars};
use crate::train::{Callback, Fit, RunEnd, Schedule, Settings, Shape};

/// Name, dropout of inputs and of hidden units, published errors of 10,000.
const KINDS: [(&str, f32, f32, f64); 3] = [
    ("without dropout", 0.0, 0.0, 160.0),
    ("hidden 50 %", 0.0, 0.5, 130.0),
    ("hidden 50 %, input 20 %", 0.2, 0.5, 110.0),
];
/// The longest that a unit's incoming weights may be, with dropout.
const MAX_NORM: f32 = 3.0;

/// Errors on the test part; errors in each of the forms, and the largest difference of their outputs.
#[derive(Clone, Default)]
struct Run {
    errors: f64,
    forms: Vec<f64>,
    difference: f64,
}

/// Keeps the weights as they are at the end.
struct Keep(Vec<f32>);

impl Callback for Keep {
    fn end(&mut self, end: &mut RunEnd) -> Result {
        self.0 = end.weights.to_vec();
        Ok(())
    }
}

fn layers(lab: &Lab, [input, hidden]: [f32; 2], form: Form) -> Vec<Layer<'static>> {
    let units = lab.pick(800, 256, 128);
    let mut layers = vec![Layer::flatten()];
    let dropout = |p: f32| (p > 0.0).then(|| Layer::dropout(p).form(form));
    layers.extend(dropout(input));
    for _ in 0..2 {
        let dense = Layer::dense(units);
        layers.extend([if hidden > 0.0 { dense.max_norm(MAX_NORM) } else { dense }, Layer::relu()]);
        layers.extend(dropout(hidden));
    }
    layers.push(Layer::dense(classes(lab)));
    layers
}

pub(super) fn run(lab: &Lab) -> Result<Finding> {
    let data = data(lab);
    let (epochs, batch) = (lab.pick(20, 150, 100), lab.pick(64, 32, 32));
    let lr = lab.pick(4e-4, 1e-3, 1e-3);
    let settings = |seed| Settings { epochs, batch, seed, ..Settings::new(Optimizer::adam(lr)) };
    let steps = settings(0).steps_per_epoch(data.train.len()) * epochs as u64;
    let schedule = Schedule::new(Shape::Cosine { steps, min: 0.0 });
    let runs = lab.with_seeds(&KINDS);
    let results = lab.side_by_side(steps * runs.len() as u64, &runs, |&((_, input, hidden, _), seed), progress| {
        let settings = Settings { schedule, normalize: Normalization::Unit, ..settings(seed) };
        let layers = layers(lab, [input, hidden], Form::Inverted);
        let mut kept = Keep(Vec::new());
        let fit = Fit::new(net(lab, &layers)?, &data, &settings);
        let outcome = fit.run(lab.context(), &mut [&mut Tick(progress), &mut kept])?;
        let errors = (1.0 - outcome.test.accuracy.unwrap_or(f64::NAN)) * data.test.len() as f64;
        let run = Run { errors: errors.round(), ..Run::default() };
        if hidden > 0.0 { compare_forms(lab, &data, [input, hidden], &kept.0, run) } else { Ok(run) }
    })?;
    Ok(finding(&data, &by_kind(lab, &results)))
}

/// The digits are learnt from their small part and tested on the large one: what is left to chance is less.
fn data(lab: &Lab) -> DataSplit {
    let DataSplit { train, test } = lab.data().clone();
    if lab.setup.small { DataSplit { train: test, test: train } } else { DataSplit { train, test } }
}

/// The same trained network in each form. The forms that scale at test time divide nothing in training: their weights
/// behind dropout are those of the inverted form divided by the probability to keep.
fn compare_forms(lab: &Lab, data: &DataSplit, rates: [f32; 2], weights: &[f32], run: Run) -> Result<Run> {
    let undivided = behind_dropout(lab, rates, weights, |p, weight| {
        weight.iter_mut().for_each(|value| *value /= 1.0 - p);
        Ok(())
    })?;
    let scaled = behind_dropout(lab, rates, &undivided, |p, weight| {
        Ok(scale_weights(lab.context(), Dropout::drop(p)?.form(Form::ScaleWeights), weight)?)
    })?;
    let forms = [
        (Form::Inverted, weights),
        (Form::ScaleActivations, undivided.as_slice()),
        // Scaled once, the weights are those of a network that has nothing to do at test time.
        (Form::Inverted, scaled.as_slice()),
    ];
    let normalizer = Normalization::Unit.fit(&data.train, 0)?;
    let (mut errors, mut difference) = (vec![0.0; forms.len()], 0.0f64);
    Loader::new(&data.test, &normalizer, 100).each(|batch| {
        let of = |&(form, weights): &(Form, &[f32])| outputs(lab, rates, form, weights, batch);
        let outputs = forms.iter().map(of).collect::<Result<Vec<_>>>()?;
        for (errors, outputs) in errors.iter_mut().zip(&outputs) {
            *errors += wrong(batch, outputs, classes(lab)) as f64;
        }
        if let Some((first, others)) = outputs.split_first() {
            let pairs = others.iter().flat_map(|other| first.iter().zip(other));
            difference = pairs.map(|(a, b)| f64::from((a - b).abs())).fold(difference, f64::max);
        }
        Ok(())
    })?;
    Ok(Run { forms: errors, difference, ..run })
}

/// The weights, after `change` of those of each layer that follows dropout; it is told the dropout's probability.
fn behind_dropout(
    lab: &Lab,
    rates: [f32; 2],
    weights: &[f32],
    change: impl Fn(f32, &mut [f32]) -> Result,
) -> Result<Vec<f32>> {
    let layers = layers(lab, rates, Form::Inverted);
    let plan = Plan::try_new(&net(lab, &layers)?, Config::new(1, Optimizer::sgd(0.0)));
    let plan = plan.map_err(flatgrad_core::Error::Net)?;
    let mut weights = weights.to_vec();
    for tensor in plan.tensors().filter(|tensor| tensor.name.role == Role::Weight) {
        let before = tensor.layer.checked_sub(1).and_then(|before| layers.get(before)).map(Layer::kind);
        if let (Some(Kind::Dropout { p, .. }), Some(weight)) = (before, weights.get_mut(tensor.range())) {
            change(p, weight)?;
        }
    }
    Ok(weights)
}

fn outputs(lab: &Lab, rates: [f32; 2], form: Form, weights: &[f32], batch: &Batch) -> Result<Vec<f32>> {
    let layers = layers(lab, rates, form);
    let config = Config::new(batch.len(), Optimizer::sgd(0.0));
    let plan = Plan::try_new(&net(lab, &layers)?, config).map_err(flatgrad_core::Error::Net)?;
    let mut work = vec![0.0; plan.infer_work_len()];
    Ok(infer(lab.context(), &plan, weights, batch.x(), &mut work)?.to_vec())
}

/// How many samples' largest output is not their class.
fn wrong(batch: &Batch, outputs: &[f32], classes: usize) -> usize {
    let best = |row: &[f32]| {
        let first = (0, f32::NEG_INFINITY);
        let pick = |best: (usize, f32), (i, &y): (usize, &f32)| if y > best.1 { (i, y) } else { best };
        row.iter().enumerate().fold(first, pick).0
    };
    let rows = outputs.chunks_exact(classes.max(1)).zip(batch.labels());
    rows.filter(|(row, label)| best(row) != **label as usize).count()
}

fn finding(data: &DataSplit, results: &[Vec<Run>]) -> Finding {
    let errors = |runs: &Vec<Run>| runs.iter().map(|run| run.errors).collect::<Vec<_>>();
    let forms = |runs: &Vec<Run>| {
        let count = |k: usize| runs.iter().filter_map(|run| run.forms.get(k).copied()).collect::<Vec<_>>();
        [0, 1, 2].map(|k| text(&count(k), 1))
    };
    let rows = KINDS.iter().zip(results).map(|((name, ..), runs)| {
        let [inverted, activations, weights] = forms(runs);
        let difference = runs.iter().map(|run| run.difference).fold(0.0, f64::max);
        let difference = if inverted == "-" { "-".to_string() } else { format!("{difference:.1e}") };
        [name.to_string(), text(&errors(runs), 1), inverted, activations, weights, difference]
    });
    let heading =
        ["", "test errors", "inverted", "activations scaled", "weights scaled", "largest difference of outputs"];
    let table = Table::new(heading, rows.collect());
    let mean_of = |i: usize| results.get(i).map_or(f64::NAN, |runs| mean(&errors(runs)));
    let [without, hidden, both] = [0, 1, 2].map(mean_of);
    let pair = |a: f64, b: f64| format!("{a:.1} and {b:.1}");
    let runs = || results.iter().flatten().filter(|run| !run.forms.is_empty());
    let apart = runs().map(|run| most(&run.forms) - least(&run.forms)).fold(0.0, f64::max);
    let difference = runs().map(|run| run.difference).fold(0.0, f64::max);
    let claims = vec![
        Claim::new("dropout of hidden units lowers the errors", hidden < without, pair(hidden, without)),
        Claim::new(
            "with dropout of inputs as well they are fewer than without any",
            both < without,
            pair(both, without),
        ),
        Claim::new(
            "the three forms at test time agree: as many errors, outputs equal but for rounding",
            apart <= 1.0 && difference < 1e-3,
            format!("errors differ by {apart} at most, outputs by {difference:.1e}"),
        ),
    ];
    let is_mnist = data.test.len() == 10_000;
    let compared = KINDS.iter().enumerate().map(|(i, (name, _, _, published))| Compared {
        what: format!("errors: {name}"),
        published: format!("{published:.0} of 10,000"),
        ours: format!("{:.1} of {}", mean_of(i), data.test.len()),
        source: "Hinton et al. 2012, MNIST".to_string(),
    });
    let bars = KINDS.iter().zip(results).enumerate().map(|(i, ((name, _, _, published), runs))| {
        let errors = errors(runs);
        let whisker = (errors.len() > 1).then(|| (least(&errors), most(&errors)));
        Bar { whisker, reference: is_mnist.then_some(*published), color: i, ..Bar::new(*name, mean(&errors)) }
    });
    let title = format!("Dropout: errors of {} test samples", data.test.len());
    let picture = Bars {
        bars: bars.collect(),
        reference: is_mnist.then(|| "Hinton et al. 2012".to_string()),
        ..Bars::new(title, Axis::linear("errors; the line is from the fewest to the most"))
    };
    Finding { compared: compared.collect(), ..Finding::new(Picture::Bars(picture), table, claims) }
}
