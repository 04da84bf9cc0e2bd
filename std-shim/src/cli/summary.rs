//! What a run ends with: lines for people, a line of JSON, `run.json`.

use std::path::Path;

use flatgrad::data::{DataSplit, Dataset};
use flatgrad::report::{grouped, peak_memory};
use flatgrad::train::Outcome;
use flatgrad_core::Isa;
use serde::Serialize;
use serde_json::Value;

use super::args::TrainArgs;
use super::output::{Printer, megabytes};

/// What computes.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    pub isa: Isa,
    /// Of this process.
    pub threads: usize,
    /// Processes.
    pub ranks: usize,
}

impl Machine {
    pub fn describe(&self) -> String {
        let Self { isa, threads, ranks } = *self;
        let threads = format!("{}, {threads} thread{}", isa.name(), if threads == 1 { "" } else { "s" });
        if ranks == 1 { threads } else { format!("{ranks} processes, this one with {threads}") }
    }
}

/// The line of `--json`.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    #[serde(skip_serializing_if = "Option::is_none")]
    test_accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_mae: Option<f64>,
    test_loss: f32,
    train_loss: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    train_accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    train_part_loss: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    train_part_accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    train_part_mae: Option<f64>,
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
    ranks: usize,
    peak_memory_bytes: Option<u64>,
    weights_sha256: String,
    /// Whether there are files with what the layers computed.
    #[serde(skip)]
    stats: bool,
}

/// `run.json`: the result, and the settings that led to it.
#[derive(Serialize)]
struct Run<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    batch: usize,
    optimizer: &'a str,
    lr: f32,
    version: &'static str,
}

impl Summary {
    pub fn new(args: &TrainArgs, net: &str, data: &DataSplit, machine: Machine, outcome: &Outcome) -> Self {
        let last = outcome.history.epochs.last();
        Self {
            test_accuracy: outcome.test.accuracy,
            test_mae: outcome.test.mae,
            test_loss: outcome.test.loss,
            train_loss: last.map_or(f32::NAN, |e| e.train_loss),
            train_accuracy: last.and_then(|e| e.train_accuracy),
            train_part_loss: last.and_then(|e| e.train_part_loss),
            train_part_accuracy: last.and_then(|e| e.train_part_accuracy),
            train_part_mae: last.and_then(|e| e.train_part_mae),
            epochs: outcome.history.epochs.len(),
            steps: outcome.steps,
            seconds: outcome.seconds,
            samples_per_second: outcome.samples_per_second,
            data_wait_seconds: outcome.data_wait_seconds,
            data: data.train.name().to_string(),
            net: net.to_string(),
            seed: args.seed,
            isa: machine.isa.name(),
            threads: machine.threads,
            ranks: machine.ranks,
            peak_memory_bytes: peak_memory(),
            weights_sha256: outcome.weights.sha256(),
            stats: !outcome.history.stats.is_empty(),
        }
    }

    pub fn run_json(&self, args: &TrainArgs, batch: usize) -> Value {
        let (summary, optimizer, lr) = (self, args.optimizer.as_str(), args.lr());
        let run = Run { summary, batch, optimizer, lr, version: env!("CARGO_PKG_VERSION") };
        serde_json::to_value(run).unwrap_or_default()
    }

    pub fn print(&self, printer: Printer, test_samples: usize, out: &Path) {
        let samples = grouped(test_samples as u64);
        if let Some(accuracy) = self.test_accuracy {
            let errors = grouped(((1.0 - accuracy) * test_samples as f64).round() as u64);
            let percent = 100.0 * accuracy;
            printer.line(format_args!("\ntest accuracy   {percent:.2} % ({errors} errors in {samples} samples)"));
        }
        if let Some(mae) = self.test_mae {
            printer.line(format_args!("\ntest MAE        {mae:.4} (mean absolute error of {samples} samples)"));
        }
        if let Some(accuracy) = self.train_part_accuracy {
            printer.line(format_args!("training part   {:.2} % of all its samples", 100.0 * accuracy));
        }
        if let Some(mae) = self.train_part_mae {
            printer.line(format_args!("training part   MAE {mae:.4}"));
        }
        let (seconds, rate) = (self.seconds, grouped(self.samples_per_second as u64));
        printer.line(format_args!("training        {seconds:.2} s, {rate} samples/s"));
        printer.line(format_args!("waited for data {:.2} s", self.data_wait_seconds));
        if let Some(peak) = self.peak_memory_bytes {
            printer.line(format_args!("peak memory     {}", megabytes(peak)));
        }
        printer.line(format_args!("weights sha256  {}", self.weights_sha256));
        let out = out.display();
        let stats = if self.stats { "stats.jsonl, stats.svg, stats.png, " } else { "" };
        let files = format!("weights.safetensors, history.jsonl, curves.svg, curves.png, {stats}run.json");
        printer.line(format_args!("results in      {out} ({files})"));
    }
}
