//! `flatgrad eval`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use flatgrad::data::{Dataset, Loader, Normalizer, Task};
use flatgrad::model::{Network, Predictor};
use flatgrad::report::grouped;
use flatgrad::train::metrics::{Accuracy, Confusion, CrossEntropy, MeanAbsoluteError, Metric, TopK};
use flatgrad::{Pool, Result};
use flatgrad_core::Isa;
use serde_json::json;

use super::args::positive;
use super::data::DataArgs;
use super::method_args::setting;
use super::net::NetChoice;
use super::output::Printer;
use super::weights_file::{Trained, load, of_file, with_plan};

/// Samples that are computed at once.
const BATCH: usize = 64;
/// Larger confusion matrices are not printed.
const MATRIX: usize = 20;

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// The `weights.safetensors` of a run, or a state dict of PyTorch's with --net
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    #[command(flatten)]
    pub data: DataArgs,
    /// The network, if the weights do not say it: a name, or a network file
    #[arg(long, value_name = "NAME|FILE", value_parser = NetChoice::parse)]
    pub net: Option<NetChoice>,
    /// Which part of the data
    #[arg(long, value_enum, default_value_t = Part::Test)]
    pub part: Part,
    /// Also the share of samples whose class is among the K most probable
    #[arg(long, value_name = "K", value_parser = positive::<NonZeroUsize>, default_value = "3", allow_negative_numbers = true)]
    pub top: NonZeroUsize,
    /// One line of JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Part {
    Train,
    Test,
}

/// Measures trained weights on a data set.
pub fn eval(args: &EvalArgs) -> Result {
    let opened = args.data.open()?;
    let (data, workers) = (opened.split, if opened.streams { Pool::available() } else { 0 });
    let outputs = data.train.task().outputs();
    let named = args.net.as_ref().map(|net| net.network(data.train.shape(), outputs)).transpose()?;
    let Trained { network, weights, .. } = load(&args.weights, named)?;
    // A state dict from elsewhere does not say how samples are scaled: as training would have done it.
    let scaling = match network.scaling() {
        Some(scaling) => scaling.clone(),
        None => Normalizer::fit_with(&data.train, workers)?.scaling().clone(),
    };
    let part = match args.part {
        Part::Train => data.train,
        Part::Test => data.test,
    };
    check(&part, &network, scaling.white)?;
    with_plan(&network, BATCH, |plan| {
        let pool = Pool::new(Pool::available())?;
        let predictor = Predictor::new(pool.context(Isa::detect()), plan, &weights);
        let mut predictor = predictor.map_err(of_file(&args.weights))?;
        let classes = part.task().is_classes();
        if classes && plan.outputs() < outputs || !classes && plan.outputs() != outputs {
            let fault = format!("{outputs} to tell; the network gives {}", plan.outputs());
            return Err(setting("data", fault));
        }
        let normalizer = Normalizer::with_scaling(scaling.clone(), &part);
        let loader = Loader::new(&part, &normalizer, BATCH).workers(workers);
        if classes {
            let mut measured = Classes::new(args.top.get(), plan.outputs());
            measure(&mut predictor, &loader, &mut measured.metrics())?;
            measured.report(args, &part);
        } else {
            let mut error = MeanAbsoluteError::default();
            measure(&mut predictor, &loader, &mut [&mut error])?;
            report_error(args, part.len(), error.value());
        }
        Ok(())
    })
}

/// Whether these are samples for the network.
fn check(part: &dyn Dataset, network: &Network, white: f32) -> Result {
    let found = part.white().map_or(1.0, f32::from);
    if part.shape() == network.input() && found == white {
        return Ok(());
    }
    let (shape, input) = (part.shape(), network.input());
    let fault = format!("samples {shape:?} of 0 to {found}; the network takes {input:?} of 0 to {white}");
    Err(setting("data", fault))
}

fn measure(predictor: &mut Predictor, loader: &Loader, metrics: &mut [&mut dyn Metric]) -> Result {
    loader.in_order(|batches| {
        while let Some(batch) = batches.next_batch()? {
            let outputs = predictor.outputs(batch.x())?;
            metrics.iter_mut().try_for_each(|metric| metric.add(outputs, batch.target()))?;
        }
        Ok(())
    })
}

fn report_error(args: &EvalArgs, samples: usize, error: f64) {
    let printer = Printer { to_stderr: false };
    if args.json {
        return printer.line(format_args!("{}", json!({ "samples": samples, "mean_absolute_error": error })));
    }
    printer.line(format_args!("samples         {}", grouped(samples as u64)));
    printer.line(format_args!("mean absolute error  {error:.6}"));
}

/// What is measured where there are classes.
struct Classes {
    accuracy: Accuracy,
    top: TopK,
    k: usize,
    loss: CrossEntropy,
    confusion: Confusion,
    count: usize,
}

impl Classes {
    fn new(k: usize, count: usize) -> Self {
        let (accuracy, loss) = (Accuracy::default(), CrossEntropy::default());
        Self { accuracy, top: TopK::new(k), k, loss, confusion: Confusion::new(count), count }
    }

    fn metrics(&mut self) -> [&mut dyn Metric; 4] {
        [&mut self.accuracy, &mut self.top, &mut self.loss, &mut self.confusion]
    }

    fn report(&self, args: &EvalArgs, part: &dyn Dataset) {
        if args.json {
            Printer { to_stderr: false }.line(format_args!("{}", self.json(part.len())));
        } else {
            self.print(part);
        }
    }

    fn json(&self, samples: usize) -> serde_json::Value {
        let per_class = |f: &dyn Fn(usize) -> Option<f64>| (0..self.count).map(f).collect::<Vec<_>>();
        json!({
            "samples": samples,
            "accuracy": self.accuracy.value(),
            "top": self.k,
            "top_accuracy": self.top.value(),
            "loss": self.loss.value(),
            "precision": per_class(&|class| self.confusion.precision(class)),
            "recall": per_class(&|class| self.confusion.recall(class)),
            "confusion": self.confusion.counts().chunks(self.count.max(1)).collect::<Vec<_>>(),
        })
    }

    fn print(&self, part: &dyn Dataset) {
        let printer = Printer { to_stderr: false };
        printer.line(format_args!("samples         {}", grouped(part.len() as u64)));
        printer.line(format_args!("accuracy        {:.2} %", 100.0 * self.accuracy.value()));
        printer.line(format_args!("among first {:<3} {:.2} %", self.k, 100.0 * self.top.value()));
        printer.line(format_args!("loss            {:.4}", self.loss.value()));
        let names = match part.task() {
            Task::Classes { names } => names.as_slice(),
            Task::Values { .. } => &[],
        };
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(5);
        printer.line(format_args!("\n{:>width$}  samples  precision  recall    f1", "class"));
        let percent = |x: Option<f64>| x.map_or("-".to_string(), |x| format!("{:.2} %", 100.0 * x));
        for class in (0..self.count).filter(|&class| self.confusion.support(class) > 0) {
            let [precision, recall, f1] =
                [self.confusion.precision(class), self.confusion.recall(class), self.confusion.f1(class)].map(percent);
            let (name, samples) = (names.get(class).map_or("", String::as_str), self.confusion.support(class));
            printer.line(format_args!("{name:>width$}  {samples:>7}  {precision:>9}  {recall:>8}  {f1:>8}"));
        }
        if self.count <= MATRIX {
            printer.line(format_args!("\ntrue class in rows, predicted class in columns:"));
            for row in self.confusion.counts().chunks(self.count.max(1)) {
                let row: String = row.iter().map(|count| format!("{count:>6}")).collect();
                printer.line(format_args!("{row}"));
            }
        }
    }
}
