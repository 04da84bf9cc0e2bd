//! `flatgrad train`.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flatgrad::augment::Augmentation;
use flatgrad::data::{DataSplit, Dataset, Normalizer, Task};
use flatgrad::model::{LayerStore, Network};
use flatgrad::report::{Progress, RunFiles, RunFolder, TensorBoard, curves_png, curves_svg};
use flatgrad::train::{Callback, Checkpoint, Checkpoints, Fit, Interrupt, Loading, Outcome, Settings};
use flatgrad::{Error, Pool, Result};
use flatgrad_core::Isa;

use super::args::TrainArgs;
use super::augment;
use super::introduction::introduce;
use super::output::{Console, Printer};
use super::ranks::{Ranks, together};
use super::resume;
use super::samples::Samples;
use super::summary::{Machine, Summary};

/// More than this must be asked for.
const MAX_DEFAULT_WORKERS: usize = 4;

/// The exit status of a process that ended by Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// Trains, prints and writes. Everything that can be refused is refused before the first file is touched.
pub fn run(args: TrainArgs) -> Result<ExitCode> {
    together(|ranks| match args.resume.clone() {
        None => run_from(&args, None, ranks),
        Some(folder) => {
            let (args, checkpoint) = resume::options_of_run(&folder, &args.given, ranks.group)?;
            run_from(&args, Some((folder, checkpoint)), ranks)
        }
    })
}

fn run_from(args: &TrainArgs, from: Option<(PathBuf, Checkpoint)>, ranks: &mut Ranks) -> Result<ExitCode> {
    let isa = instruction_set(&args.isa)?;
    let pool = Pool::new(args.threads.map_or_else(Pool::available, NonZeroUsize::get))?;
    let ctx = pool.context(isa);
    let Samples { data, validation, targets, columns, streams } = Samples::open(args)?;
    let recipe = args.augment.as_deref().map(augment::find).transpose()?;
    let augmentation = recipe.as_ref().map(|recipe| recipe.augmentation(data.train.shape())).transpose()?;
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
    let plan = fit.plan_in(ctx, ranks.group).map_err(|error| match error {
        Error::Core(flatgrad_core::Error::Net(error)) => network.explain(error),
        other => other,
    })?;
    let (out, checkpoint) = match from {
        Some((folder, checkpoint)) => (folder, Some(checkpoint)),
        None => (out_folder(args, data.train.name(), network.name()), None),
    };
    match checkpoint {
        Some(checkpoint) => fit = fit.resume(checkpoint),
        None if ranks.is_first() => resume::check_unfinished(&out)?,
        None => {}
    }
    let mut interrupt = Interrupt(on_interrupt());
    if !ranks.is_first() {
        ranks.ready()?;
        let trained = pool.run(|| fit.run_in(pool.context(isa), ranks.group, &mut [&mut interrupt]));
        return match trained {
            Err(Error::Interrupted { .. }) => Ok(ExitCode::from(INTERRUPTED)),
            trained => trained.map(|_| ExitCode::SUCCESS),
        };
    }
    let folder = RunFolder::prepare(&out)?;
    let mut board = args.tensorboard.as_deref().map(TensorBoard::create).transpose()?;
    ranks.ready()?;

    let printer = Printer { to_stderr: args.json };
    let machine = Machine { isa, threads: ctx.threads(), ranks: ranks.group.size() };
    if !args.quiet {
        // Files are not all decoded for a line of text.
        let normalizer = if streams { None } else { Some(settings.normalize.fit(&data.train, 0)?) };
        let scaling = normalizer.as_ref().map(Normalizer::scaling);
        introduce(printer, args, network.name(), &data, scaling, &plan, machine);
    }
    let steps = (settings.epochs as u64).saturating_mul(settings.steps_per_epoch(data.train.len()));
    let progress = Progress::new(steps.min(settings.max_steps.unwrap_or(u64::MAX)), args.quiet);
    let mut console = Console { printer, progress, quiet: args.quiet, epochs: settings.epochs };
    let mut stopping = args.method.early_stopping();
    let mut checkpoints = checkpoints(args, &out);
    let mut callbacks: Vec<&mut dyn Callback> = vec![&mut console, &mut interrupt, &mut checkpoints];
    callbacks.extend(stopping.as_mut().map(|stopping| stopping as &mut dyn Callback));
    callbacks.extend(board.as_mut().map(|board| board as &mut dyn Callback));
    let trained = pool.run(|| fit.run_in(pool.context(isa), ranks.group, &mut callbacks));
    console.progress.finish();
    let outcome = match trained {
        Err(Error::Interrupted { step }) => {
            let hint = resume::hint(&out);
            Printer { to_stderr: true }.line(format_args!("flatgrad: interrupted after step {step}; {hint}"));
            return Ok(ExitCode::from(INTERRUPTED));
        }
        trained => trained?,
    };

    let summary = Summary::new(args, network.name(), &data, machine, &outcome);
    let title = format!("{} on {}", network.name(), data.train.name());
    let network = network.with_test(data.train.shape(), recipe.as_ref());
    let described = described(network.with_targets(targets).with_columns(columns), &outcome, &data);
    folder.write(RunFiles {
        weights: &outcome.weights.to_safetensors_with(&described)?,
        history: &outcome.history.to_jsonl(),
        curves_svg: curves_svg(&title, &outcome.history).as_deref(),
        curves_png: curves_png(&title, &outcome.history).as_deref(),
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
        Task::Values { .. } => network.with_classes::<&str>([]),
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
        normalize: args.normalize.into(),
        loading: Loading { workers: args.workers.unwrap_or_else(|| workers(streams)), drop_last: args.drop_last },
        ..Settings::new(args.optimizer()?)
    };
    args.method.apply(settings, data.train.len())
}

/// Decoding is worth threads, copying is not.
fn workers(streams: bool) -> usize {
    if streams { Pool::available().min(MAX_DEFAULT_WORKERS) } else { 0 }
}

fn out_folder(args: &TrainArgs, data: &str, net: &str) -> PathBuf {
    let by_name = || Path::new("runs").join(format!("{data}-{net}"));
    args.out.clone().unwrap_or_else(by_name)
}
