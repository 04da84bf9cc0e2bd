//! `flatgrad train`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use flatgrad::data::{DataSplit, Dataset, Normalizer, Opened, Scaling};
use flatgrad::model::{LayerStore, layer_rows};
use flatgrad::report::{Progress, RunFiles, RunFolder, grouped, layer_table, loss_curve_svg, peak_memory};
use flatgrad::train::{Loading, Outcome, Settings, train};
use flatgrad::{Error, Pool, Result};
use flatgrad_core::Isa;
use flatgrad_core::net::Plan;
use serde::Serialize;
use serde_json::Value;

use super::args::{TrainArgs, is_table};
use super::output::{Console, Printer, megabytes};

/// More than this must be asked for.
const MAX_DEFAULT_WORKERS: usize = 4;

/// Trains, prints and writes. Everything that can be refused is refused before the first file is touched.
pub fn run(args: &TrainArgs) -> Result {
    let isa = instruction_set(&args.isa)?;
    let pool = Pool::new(args.threads.map_or_else(Pool::available, NonZeroUsize::get))?;
    let ctx = pool.context(isa);
    let Opened { split: data, streams } = args.data.open()?;
    let network = args.net(&data).network(data.train.shape(), data.train.task().outputs())?;
    let store = LayerStore::default();
    let net = network.net(&store)?;
    let settings = settings(args, &data, streams);
    let plan = settings.plan(ctx, &net, &data).map_err(|error| match error {
        Error::Core(flatgrad_core::Error::Net(error)) => network.explain(error),
        other => other,
    })?;
    let out = out_folder(args, data.train.name(), network.name());
    let folder = RunFolder::prepare(&out)?;

    let printer = Printer { to_stderr: args.json };
    if !args.quiet {
        // Files are not all decoded for a line of text.
        let normalizer = if streams { None } else { Some(Normalizer::fit(&data.train)?) };
        let scaling = normalizer.as_ref().map(Normalizer::scaling);
        introduce(printer, args, network.name(), &data, scaling, &plan, (isa, ctx.threads()));
    }
    let (samples, batch) = (data.train.len(), settings.batch);
    let steps_per_epoch = if args.drop_last { samples / batch } else { samples.div_ceil(batch) } as u64;
    let steps = (settings.epochs as u64).saturating_mul(steps_per_epoch);
    let progress = Progress::new(steps.min(settings.max_steps.unwrap_or(u64::MAX)), args.quiet);
    let mut console = Console { printer, progress, quiet: args.quiet, epochs: settings.epochs };
    let trained = pool.run(|| train(pool.context(isa), net, &data, &settings, &mut console));
    console.progress.finish();
    let outcome = trained?;

    let summary = Summary::new(args, network.name(), &data, isa, ctx.threads(), &outcome);
    let scaling = outcome.scaling.clone();
    let title = format!("{} on {}", network.name(), data.train.name());
    folder.write(RunFiles {
        weights: &outcome.weights.to_safetensors_with(&network.with_scaling(scaling))?,
        history: &outcome.history.to_jsonl(),
        curve: loss_curve_svg(&title, &outcome.history).as_deref(),
        run: summary.run_json(args, settings.batch),
    })?;
    summary.print(printer, data.test.len(), &out);
    if args.json {
        let json = serde_json::to_string(&summary).unwrap_or_default();
        Printer { to_stderr: false }.line(format_args!("{json}"));
    }
    Ok(())
}

fn instruction_set(name: &str) -> Result<Isa> {
    Isa::by_name(name).map_err(|_| {
        let have = Isa::available().map(Isa::name).collect::<Vec<_>>().join(", ");
        Error::Setting { what: "isa", fault: format!("this machine lacks {name}; it has {have}") }
    })
}

fn settings(args: &TrainArgs, data: &DataSplit, streams: bool) -> Settings {
    Settings {
        epochs: args.epochs(data),
        batch: args.batch(data),
        optimizer: args.optimizer(),
        seed: args.seed,
        max_steps: args.max_steps.map(|n| n.get()),
        loading: Loading { workers: args.workers.unwrap_or_else(|| workers(streams)), drop_last: args.drop_last },
    }
}

/// Decoding is worth threads, copying is not.
fn workers(streams: bool) -> usize {
    if streams { Pool::available().min(MAX_DEFAULT_WORKERS) } else { 0 }
}

fn out_folder(args: &TrainArgs, data: &str, net: &str) -> PathBuf {
    let by_name = || Path::new("runs").join(format!("{data}-{net}"));
    args.out.clone().unwrap_or_else(by_name)
}

fn introduce(
    printer: Printer,
    args: &TrainArgs,
    net: &str,
    data: &DataSplit,
    scaling: Option<&Scaling>,
    plan: &Plan,
    (isa, threads): (Isa, usize),
) {
    let train = &data.train;
    printer.line(format_args!(
        "{net} on {}: {}, batches of {}, seed {}; {}, {} thread{}",
        train.name(),
        args.optimizer_name(),
        args.batch(data),
        args.seed,
        isa.name(),
        threads,
        if threads == 1 { "" } else { "s" },
    ));
    printer.line(format_args!("  {}\n", describe(data, scaling)));
    printer.line(format_args!("{}", layer_table(&layer_rows(plan))));
    let arena = megabytes(4 * plan.train_len() as u64);
    printer.line(format_args!("  training takes {arena} in one arena\n"));
}

/// The data in a line.
fn describe(data: &DataSplit, scaling: Option<&Scaling>) -> String {
    let (train, test) = (grouped(data.train.len() as u64), grouped(data.test.len() as u64));
    let [channels, height, width] = data.train.shape();
    let outputs = data.train.task().outputs();
    let task =
        if data.train.task().is_classes() { format!("{outputs} classes") } else { format!("{outputs} to predict") };
    if is_table(data) {
        return format!("{train} training and {test} test samples of {channels} numbers, {task}");
    }
    let measured = scaling
        .map_or(String::new(), |scaling| format!("; mean {:.4}, deviation {:.4}", scaling.mean[0], scaling.std[0]));
    format!("{train} training and {test} test images, {channels} x {height} x {width}, {task}{measured}")
}

/// The line of `--json`.
#[derive(Clone, Debug, Serialize)]
struct Summary {
    #[serde(skip_serializing_if = "Option::is_none")]
    test_accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_mae: Option<f64>,
    test_loss: f32,
    train_loss: f32,
    epochs: usize,
    steps: u64,
    seconds: f64,
    samples_per_second: f64,
    data_wait_seconds: f64,
    data: String,
    net: String,
    seed: u64,
    isa: &'static str,
    threads: usize,
    peak_memory_bytes: Option<u64>,
    weights_sha256: String,
}

/// `run.json`: the result, and the settings that led to it.
#[derive(Serialize)]
struct Run<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    batch: usize,
    optimizer: &'static str,
    lr: f32,
    version: &'static str,
}

impl Summary {
    fn new(args: &TrainArgs, net: &str, data: &DataSplit, isa: Isa, threads: usize, outcome: &Outcome) -> Self {
        let last = outcome.history.epochs.last();
        Self {
            test_accuracy: last.and_then(|e| e.test_accuracy),
            test_mae: last.and_then(|e| e.test_mae),
            test_loss: last.map_or(f32::NAN, |e| e.test_loss),
            train_loss: last.map_or(f32::NAN, |e| e.train_loss),
            epochs: outcome.history.epochs.len(),
            steps: outcome.steps,
            seconds: outcome.seconds,
            samples_per_second: outcome.samples_per_second,
            data_wait_seconds: outcome.data_wait_seconds,
            data: data.train.name().to_string(),
            net: net.to_string(),
            seed: args.seed,
            isa: isa.name(),
            threads,
            peak_memory_bytes: peak_memory(),
            weights_sha256: outcome.weights.sha256(),
        }
    }

    fn run_json(&self, args: &TrainArgs, batch: usize) -> Value {
        let (summary, optimizer, lr) = (self, args.optimizer_name(), args.lr());
        let run = Run { summary, batch, optimizer, lr, version: env!("CARGO_PKG_VERSION") };
        serde_json::to_value(run).unwrap_or_default()
    }

    fn print(&self, printer: Printer, test_samples: usize, out: &Path) {
        let samples = grouped(test_samples as u64);
        if let Some(accuracy) = self.test_accuracy {
            let errors = grouped(((1.0 - accuracy) * test_samples as f64).round() as u64);
            let percent = 100.0 * accuracy;
            printer.line(format_args!("\ntest accuracy   {percent:.2} % ({errors} errors in {samples} samples)"));
        }
        if let Some(mae) = self.test_mae {
            printer.line(format_args!("\ntest MAE        {mae:.4} (mean absolute error of {samples} samples)"));
        }
        let (seconds, rate) = (self.seconds, grouped(self.samples_per_second as u64));
        printer.line(format_args!("training        {seconds:.2} s, {rate} samples/s"));
        printer.line(format_args!("waited for data {:.2} s", self.data_wait_seconds));
        if let Some(peak) = self.peak_memory_bytes {
            printer.line(format_args!("peak memory     {}", megabytes(peak)));
        }
        printer.line(format_args!("weights sha256  {}", self.weights_sha256));
        let out = out.display();
        printer.line(format_args!("results in      {out} (weights.safetensors, history.jsonl, loss.svg, run.json)"));
    }
}
