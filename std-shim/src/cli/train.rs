//! `flatgrad train`.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flatgrad::data::Dataset;
use flatgrad::model::{LayerStore, dropout_notes};
use flatgrad::report::{Progress, RunFiles, RunFolder, StatsFiles, TensorBoard};
use flatgrad::report::{curves_png, curves_svg, stats_png, stats_svg};
use flatgrad::train::{Callback, Checkpoint, Checkpoints, EarlyStopping, Fit, Interrupt, Outcome};
use flatgrad::{Error, Result};
use flatgrad_core::net::Plan;

use super::args::TrainArgs;
use super::introduction::introduce;
use super::job::Job;
use super::output::{Console, Printer};
use super::ranks::{Ranks, together};
use super::resume;
use super::summary::Summary;

/// The exit status of a process that ended by Ctrl-C, as shells have it.
pub const INTERRUPTED: u8 = 130;

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
    let job = Job::open(args)?;
    let store = LayerStore::default();
    let fit = job.fit(job.network.net(&store)?);
    let plan = job.plan(&fit, ranks.group)?;
    let (out, fit) = match from {
        Some((folder, checkpoint)) => (folder, fit.resume(checkpoint)),
        None => {
            let out = out_folder(&job);
            if ranks.is_first() {
                resume::check_unfinished(&out)?;
            }
            (out, fit)
        }
    };
    if ranks.is_first() { lead(&job, fit, &plan, &out, ranks) } else { follow(&job, fit, ranks) }
}

/// Trains as a rank that neither speaks nor writes.
fn follow(job: &Job, fit: Fit, ranks: &mut Ranks) -> Result<ExitCode> {
    let mut interrupt = Interrupt(on_interrupt());
    ranks.ready()?;
    match job.compute(|ctx| fit.run_in(ctx, ranks.group, &mut [&mut interrupt])) {
        Err(Error::Interrupted { .. }) => Ok(ExitCode::from(INTERRUPTED)),
        trained => trained.map(|_| ExitCode::SUCCESS),
    }
}

/// Trains as the rank that speaks and writes.
fn lead(job: &Job, fit: Fit, plan: &Plan, out: &Path, ranks: &mut Ranks) -> Result<ExitCode> {
    let Job { args, samples, .. } = job;
    let interrupt = Interrupt(on_interrupt());
    let folder = RunFolder::prepare(out)?;
    let board = args.tensorboard.as_deref().map(TensorBoard::create).transpose()?;
    ranks.ready()?;

    let printer = Printer { to_stderr: args.json };
    let machine = job.machine(ranks.group);
    if !args.quiet {
        introduce(job, plan, printer, machine)?;
    }
    let mut watch = Watch::new(job, out, printer, interrupt, board);
    let trained = job.compute(|ctx| fit.run_in(ctx, ranks.group, &mut watch.callbacks()));
    watch.console.progress.finish();
    let outcome = match trained {
        Err(Error::Interrupted { step }) => {
            let hint = resume::hint(out);
            Printer { to_stderr: true }.line(format_args!("flatgrad: interrupted after step {step}; {hint}"));
            return Ok(ExitCode::from(INTERRUPTED));
        }
        trained => trained?,
    };

    let summary = Summary::new(args, job.network.name(), &samples.data, machine, &outcome);
    write(job, folder, &summary, &outcome)?;
    if outcome.complete {
        resume::remove(out);
    }
    summary.print(printer, samples.data.test.len(), out);
    for note in dropout_notes(plan) {
        printer
            .line(format_args!("dropout         {note}; export --format safetensors puts it into weights for PyTorch"));
    }
    if let Some(stopping) = watch.stopping {
        printer.line(format_args!("best epoch      {}, by its validation loss", stopping.best_epoch()));
    }
    if !outcome.complete {
        printer.line(format_args!("not complete    {}", resume::hint(out)));
    }
    if args.json {
        let json = serde_json::to_string(&summary).unwrap_or_default();
        Printer { to_stderr: false }.line(format_args!("{json}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Those who watch a run.
struct Watch {
    console: Console,
    interrupt: Interrupt,
    checkpoints: Checkpoints,
    stopping: Option<EarlyStopping>,
    board: Option<TensorBoard>,
}

impl Watch {
    fn new(job: &Job, out: &Path, printer: Printer, interrupt: Interrupt, board: Option<TensorBoard>) -> Self {
        let Job { args, settings, .. } = job;
        let progress = Progress::new(job.steps(), args.quiet);
        Self {
            console: Console { printer, progress, quiet: args.quiet, epochs: settings.epochs },
            interrupt,
            checkpoints: checkpoints(args, out),
            stopping: args.method.early_stopping(),
            board,
        }
    }

    fn callbacks(&mut self) -> Vec<&mut dyn Callback> {
        let Self { console, interrupt, checkpoints, stopping, board } = self;
        let mut callbacks: Vec<&mut dyn Callback> = vec![console, interrupt, checkpoints];
        callbacks.extend(stopping.as_mut().map(|stopping| stopping as &mut dyn Callback));
        callbacks.extend(board.as_mut().map(|board| board as &mut dyn Callback));
        callbacks
    }
}

fn checkpoints(args: &TrainArgs, out: &Path) -> Checkpoints {
    let checkpoints = Checkpoints::new(&Checkpoint::path_in(out)).note(resume::lasting(&args.given));
    match args.method.checkpoint_steps.map(NonZeroU64::get) {
        Some(steps) => checkpoints.every_steps(steps),
        None => checkpoints.every(Duration::from_secs(60)),
    }
}

/// Writes the results.
fn write(job: &Job, folder: RunFolder, summary: &Summary, outcome: &Outcome) -> Result {
    let title = format!("{} on {}", job.network.name(), job.samples.data.train.name());
    let history = &outcome.history;
    let stats = history.stats_jsonl();
    let (stats_svg, stats_png) = (stats_svg(&title, &history.stats), stats_png(&title, &history.stats));
    folder.write(RunFiles {
        weights: &outcome.weights.to_safetensors_with(&job.described(outcome))?,
        history: &history.to_jsonl(),
        curves_svg: curves_svg(&title, history).as_deref(),
        curves_png: curves_png(&title, history).as_deref(),
        stats: StatsFiles {
            lines: Some(stats.as_str()).filter(|lines| !lines.is_empty()),
            svg: stats_svg.as_deref(),
            png: stats_png.as_deref(),
        },
        run: summary.run_json(job.args, job.settings.batch),
    })
}

/// A flag that the first Ctrl-C raises; the second ends the process.
pub fn on_interrupt() -> Arc<AtomicBool> {
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

fn out_folder(job: &Job) -> PathBuf {
    let by_name = || Path::new("runs").join(format!("{}-{}", job.samples.data.train.name(), job.network.name()));
    job.args.out.clone().unwrap_or_else(by_name)
}
