//! `flatgrad train`.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flatgrad::augment::Augmentation;
use flatgrad::data::{self, DataSplit, Dataset, Normalizer, Opened, Scaling, Task};
use flatgrad::model::{LayerStore, Network, layer_rows};
use flatgrad::report::{Progress, RunFiles, RunFolder, TensorBoard, grouped, layer_table, loss_curve_svg};
use flatgrad::train::{Callback, Checkpoint, Checkpoints, Fit, Interrupt, Loading, Outcome, Settings};
use flatgrad::{Error, Pool, Result};
use flatgrad_core::Isa;
use flatgrad_core::net::Plan;

use super::args::{TrainArgs, is_table};
use super::augment;
use super::method_args::setting;
use super::output::{Console, Printer, megabytes};
use super::resume;
use super::summary::Summary;

/// More than this must be asked for.
const MAX_DEFAULT_WORKERS: usize = 4;

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
    let Opened { split, streams } = args.data.open()?;
    let (data, validation) = hold_out(split, args.method.val, args.seed)?;
    let augmentation = args.augment.as_deref().map(|recipe| augment::find(recipe)?.augmentation(data.train.shape()));
    let augmentation = augmentation.transpose()?;
    let shape = augmentation.as_ref().map_or(data.train.shape(), Augmentation::out_shape);
    let mut network = args.net(&data).network(shape, data.train.task().outputs())?;
    if let Some(limit) = args.method.max_norm {
        network = network.with_max_norm(limit);
    }
    let store = LayerStore::default();
    let net = network.net(&store)?;
    let settings = settings(args, &data, streams)?;
    let mut fit = Fit::new(net, &data, &settings);
    if let Some(part) = &validation {
        fit = fit.validation(part);
    }
    if let Some(augmentation) = &augmentation {
        fit = fit.augment(augmentation);
    }
    let plan = fit.plan(ctx).map_err(|error| match error {
        Error::Core(flatgrad_core::Error::Net(error)) => network.explain(error),
        other => other,
    })?;
    let (out, checkpoint) = match from {
        Some((folder, checkpoint)) => (folder, Some(checkpoint)),
        None => (out_folder(args, data.train.name(), network.name()), None),
    };
    match checkpoint {
        Some(checkpoint) => fit = fit.resume(checkpoint),
        None => resume::check_unfinished(&out)?,
    }
    let folder = RunFolder::prepare(&out)?;

    let printer = Printer { to_stderr: args.json };
    if !args.quiet {
        // Files are not all decoded for a line of text.
        let normalizer = if streams { None } else { Some(Normalizer::fit(&data.train)?) };
        let scaling = normalizer.as_ref().map(Normalizer::scaling);
        introduce(printer, args, network.name(), &data, scaling, &plan, (isa, ctx.threads()));
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
    let title = format!("{} on {}", network.name(), data.train.name());
    let described = described(network, &outcome, &data);
    folder.write(RunFiles {
        weights: &outcome.weights.to_safetensors_with(&described)?,
        history: &outcome.history.to_jsonl(),
        curve: loss_curve_svg(&title, &outcome.history).as_deref(),
        run: summary.run_json(args, settings.batch),
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

/// The network, with what those who use its weights must know of the data.
fn described(network: Network, outcome: &Outcome, data: &DataSplit) -> Network {
    let network = network.with_scaling(outcome.scaling.clone());
    match data.train.task() {
        Task::Classes { names } => network.with_classes(names),
        Task::Values { .. } => network,
    }
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

fn settings(args: &TrainArgs, data: &DataSplit, streams: bool) -> Result<Settings> {
    let settings = Settings {
        epochs: args.epochs(data),
        batch: args.batch(data),
        seed: args.seed,
        max_steps: args.max_steps.map(|n| n.get()),
        loading: Loading { workers: args.workers.unwrap_or_else(|| workers(streams)), drop_last: args.drop_last },
        ..Settings::new(args.optimizer()?)
    };
    args.method.apply(settings, data.train.len())
}

/// Takes a share of the training part for validation, if there is to be one.
fn hold_out(data: DataSplit, share: Option<f64>, seed: u64) -> Result<(DataSplit, Option<Arc<dyn Dataset>>)> {
    let Some(share) = share else { return Ok((data, None)) };
    if !(share > 0.0 && share < 1.0) {
        return Err(setting("val", "must be above 0 and below 1: the share of the training part"));
    }
    let samples = data.train.len();
    let parts = data::split(data.train, share, seed);
    let parts = parts.map_err(|_| setting("val", format!("leaves no samples on one side of {samples}")))?.shared();
    Ok((DataSplit { train: parts.train, test: data.test }, Some(parts.test)))
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
