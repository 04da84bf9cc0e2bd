//! `flatgrad train`.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flatgrad::data::{self, DataSplit, Normalizer, idx};
use flatgrad::model::{LayerStore, layer_rows};
use flatgrad::report::{Progress, RunFiles, RunFolder, TensorBoard, grouped, layer_table, loss_curve_svg, peak_memory};
use flatgrad::train::{Callback, Checkpoint, Checkpoints, Fit, Interrupt, Outcome, Settings, hold_out};
use flatgrad::{Error, Pool, Result};
use flatgrad_core::Isa;
use flatgrad_core::net::Plan;
use serde::Serialize;
use serde_json::Value;

use super::args::TrainArgs;
use super::output::{Console, Printer, megabytes};
use super::resume;

/// The labels of MNIST, Fashion-MNIST and their like.
const IDX_CLASSES: usize = 10;

/// The exit status of a process that ended by Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// Trains, prints and writes. Everything that can be refused is refused before the first file is touched.
pub fn run(args: TrainArgs) -> Result<ExitCode> {
    match args.resume.clone() {
        None => run_from(&args, None),
        Some(folder) => {
            let (args, checkpoint) = resume::options_of_run(&folder, &args.given)?;
            run_from(&args, Some((folder, checkpoint)))
        }
    }
}

fn run_from(args: &TrainArgs, from: Option<(PathBuf, Checkpoint)>) -> Result<ExitCode> {
    let isa = instruction_set(&args.isa)?;
    let pool = Pool::new(args.threads.map_or_else(Pool::available, NonZeroUsize::get))?;
    let ctx = pool.context(isa);
    let mut data = if args.is_digits() { data::digits()? } else { idx::read_folder(&args.data, IDX_CLASSES)? };
    let mut validation = None;
    if let Some(share) = args.method.val {
        let (train, held) = hold_out(&data.train, share, args.seed)?;
        (data.train, validation) = (train, Some(held));
    }
    let shape = data.train.shape();
    let mut network = args.net.network(shape, data.train.classes())?;
    if let Some(limit) = args.method.max_norm {
        network = network.with_max_norm(limit);
    }
    let store = LayerStore::default();
    let net = network.net(&store)?;
    let settings = settings(args, data.train.len())?;
    let plan = settings.plan(ctx, &net, &data).map_err(|error| match error {
        Error::Core(flatgrad_core::Error::Net(error)) => network.explain(error),
        other => other,
    })?;
    let (out, checkpoint) = match from {
        Some((folder, checkpoint)) => (folder, Some(checkpoint)),
        None => (out_folder(args, data.train.name(), network.name()), None),
    };
    let mut fit = Fit::new(net, &data, &settings);
    if let Some(part) = &validation {
        fit = fit.validation(part);
    }
    match checkpoint {
        Some(checkpoint) => fit = fit.resume(checkpoint),
        None => resume::check_unfinished(&out)?,
    }
    let folder = RunFolder::prepare(&out)?;

    let printer = Printer { to_stderr: args.json };
    if !args.quiet {
        introduce(printer, args, network.name(), &data, &plan, (isa, ctx.threads()));
    }
    let steps = (settings.epochs as u64).saturating_mul(settings.steps_per_epoch(data.train.len()));
    let progress = Progress::new(steps.min(settings.max_steps.unwrap_or(u64::MAX)), args.quiet);
    let mut console = Console { printer, progress, quiet: args.quiet, epochs: settings.epochs };
    let mut stopping = args.method.early_stopping();
    let mut checkpoints = checkpoints(args, &out);
    let mut board = args.tensorboard.as_deref().map(TensorBoard::create).transpose()?;
    let mut interrupt = Interrupt(on_interrupt());
    let mut callbacks: Vec<&mut dyn Callback> = vec![&mut console, &mut interrupt, &mut checkpoints];
    callbacks.extend(stopping.as_mut().map(|stopping| stopping as &mut dyn Callback));
    callbacks.extend(board.as_mut().map(|board| board as &mut dyn Callback));
    let trained = pool.run(|| fit.run(pool.context(isa), &mut callbacks));
    console.progress.finish();
    let outcome = match trained {
        Err(Error::Interrupted { step }) => {
            let hint = resume::hint(&out);
            Printer { to_stderr: true }.line(format_args!("flatgrad: interrupted after step {step}; {hint}"));
            return Ok(ExitCode::from(INTERRUPTED));
        }
        trained => trained?,
    };

    let summary = Summary::new(args, network.name(), &data, isa, ctx.threads(), &outcome);
    let scaling = Normalizer::fit(&data.train).scaling().clone();
    let title = format!("{} on {}", network.name(), data.train.name());
    folder.write(RunFiles {
        weights: &outcome.weights.to_safetensors_with(&network.with_scaling(scaling))?,
        history: &outcome.history.to_jsonl(),
        curve: loss_curve_svg(&title, &outcome.history).as_deref(),
        run: summary.run_json(args),
    })?;
    if outcome.complete {
        resume::remove(&out);
    }
    summary.print(printer, data.test.len(), &out);
    if let Some(stopping) = stopping {
        printer.line(format_args!("best epoch      {}, by its validation loss", stopping.best_epoch()));
    }
    if !outcome.complete {
        printer.line(format_args!("not complete    {}", resume::hint(&out)));
    }
    if args.json {
        let json = serde_json::to_string(&summary).unwrap_or_default();
        Printer { to_stderr: false }.line(format_args!("{json}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn checkpoints(args: &TrainArgs, out: &Path) -> Checkpoints {
    let checkpoints = Checkpoints::new(&Checkpoint::path_in(out)).note(resume::lasting(&args.given));
    match args.method.checkpoint_steps.map(NonZeroU64::get) {
        Some(steps) => checkpoints.every_steps(steps),
        None => checkpoints.every(Duration::from_secs(60)),
    }
}

/// A flag that the first Ctrl-C raises; the second ends the process.
fn on_interrupt() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    let handler = move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
    };
    // Without a handler, Ctrl-C does what it always does.
    let _ = ctrlc::set_handler(handler);
    flag
}

fn instruction_set(name: &str) -> Result<Isa> {
    Isa::by_name(name).map_err(|_| {
        let have = Isa::available().map(Isa::name).collect::<Vec<_>>().join(", ");
        Error::Setting { what: "isa", fault: format!("this machine lacks {name}; it has {have}") }
    })
}

fn settings(args: &TrainArgs, samples: usize) -> Result<Settings> {
    let settings = Settings {
        epochs: args.epochs(),
        batch: args.batch(),
        seed: args.seed,
        max_steps: args.max_steps.map(|n| n.get()),
        ..Settings::new(args.optimizer()?)
    };
    args.method.apply(settings, samples)
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
    plan: &Plan,
    (isa, threads): (Isa, usize),
) {
    let (train, normalizer) = (&data.train, Normalizer::fit(&data.train));
    let [channels, height, width] = train.shape();
    printer.line(format_args!(
        "{net} on {}: {}, batches of {}, seed {}; {}, {} thread{}",
        train.name(),
        args.optimizer_name(),
        args.batch(),
        args.seed,
        isa.name(),
        threads,
        if threads == 1 { "" } else { "s" },
    ));
    printer.line(format_args!(
        "  {} training and {} test images, {channels} x {height} x {width}, {} classes; mean {:.4}, deviation {:.4}\n",
        grouped(train.len() as u64),
        grouped(data.test.len() as u64),
        train.classes(),
        normalizer.mean()[0],
        normalizer.std()[0],
    ));
    printer.line(format_args!("{}", layer_table(&layer_rows(plan))));
    let arena = megabytes(4 * plan.train_len() as u64);
    printer.line(format_args!("  training takes {arena} in one arena\n"));
}

/// The line of `--json`.
#[derive(Clone, Debug, Serialize)]
struct Summary {
    test_accuracy: f64,
    test_loss: f32,
    train_loss: f32,
    epochs: usize,
    steps: u64,
    seconds: f64,
    samples_per_second: f64,
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
            test_accuracy: outcome.test.accuracy,
            test_loss: outcome.test.loss,
            train_loss: last.map_or(f32::NAN, |e| e.train_loss),
            epochs: outcome.history.epochs.len(),
            steps: outcome.steps,
            seconds: outcome.seconds,
            samples_per_second: outcome.samples_per_second,
            data: data.train.name().to_string(),
            net: net.to_string(),
            seed: args.seed,
            isa: isa.name(),
            threads,
            peak_memory_bytes: peak_memory(),
            weights_sha256: outcome.weights.sha256(),
        }
    }

    fn run_json(&self, args: &TrainArgs) -> Value {
        let (summary, batch, optimizer, lr) = (self, args.batch(), args.optimizer_name(), args.lr());
        let run = Run { summary, batch, optimizer, lr, version: env!("CARGO_PKG_VERSION") };
        serde_json::to_value(run).unwrap_or_default()
    }

    fn print(&self, printer: Printer, test_images: usize, out: &Path) {
        let errors = ((1.0 - self.test_accuracy) * test_images as f64).round() as u64;
        let (percent, images) = (100.0 * self.test_accuracy, grouped(test_images as u64));
        printer.line(format_args!("\ntest accuracy   {percent:.2} % ({} errors in {images} images)", grouped(errors)));
        let (seconds, rate) = (self.seconds, grouped(self.samples_per_second as u64));
        printer.line(format_args!("training        {seconds:.2} s, {rate} images/s"));
        if let Some(peak) = self.peak_memory_bytes {
            printer.line(format_args!("peak memory     {}", megabytes(peak)));
        }
        printer.line(format_args!("weights sha256  {}", self.weights_sha256));
        let out = out.display();
        printer.line(format_args!("results in      {out} (weights.safetensors, history.jsonl, loss.svg, run.json)"));
    }
}
