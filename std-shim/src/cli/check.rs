//! `flatgrad check`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use flatgrad::data::Dataset;
use flatgrad::report::Stages;
use flatgrad::tune::{Checked, Code, Diagnosis, Page, Severity, TrialRecord, Verdict, Watch, check};
use flatgrad::{DataFault, Error, Result, atomic_write};
use serde_json::{Value, json};

use super::args::TrainArgs;
use super::flags::options;
use super::job::Job;
use super::output::Printer;
use super::train::{INTERRUPTED, on_interrupt};

/// The exit status of a diagnosis that found something.
const FOUND: u8 = 3;

/// Diagnoses the run that the options describe.
pub fn run(args: &TrainArgs) -> Result<ExitCode> {
    refuse_what_has_no_meaning(args)?;
    let printer = Printer { to_stderr: args.json };
    let job = match Job::open(args) {
        Err(Error::Data { origin, fault: fault @ DataFault::NotFinite { .. } }) => {
            return not_finite(args, printer, &origin, &fault);
        }
        opened => opened?,
    };
    let title = format!("{} on {}", job.network.name(), job.samples.data.train.name());
    let out = folder(args, &job, "check");
    let subject = job.subject();
    job.compute(|ctx| subject.identity(ctx))?;
    std::fs::create_dir_all(&out).map_err(Error::io(&out))?;
    if !args.quiet {
        printer.line(format_args!("checking {title}: {}, batches of {}", args.optimizer, job.settings.batch));
        if job.samples.validation.is_none() {
            let share = "15 % of the training part are held out for the curves; --val says another share";
            printer.line(format_args!("  {share}"));
        }
    }
    let mut watch = Bar::new(args.quiet);
    let checked = job.compute(|ctx| check(ctx, &subject, &mut watch));
    watch.stages.finish();
    let checked = checked?;
    let page = Page { title: &title, command: &command("check", args), checked: &checked, tuned: None };
    let json = json!({ "verdicts": translated(checked.diagnosis.to_json()), "complete": checked.complete });
    write(&out, "check", &options(&page.html()), &json)?;
    tell(args, printer, &checked, &out, &json);
    Ok(status(&checked))
}

/// Values that a reader refuses are a verdict like the others.
fn not_finite(args: &TrainArgs, printer: Printer, origin: &str, fault: &DataFault) -> Result<ExitCode> {
    let verdict = Verdict::new(Code::InputsNotFinite, 0, Severity::Error, format!("{origin}: {fault}"));
    let checked = Checked { diagnosis: Diagnosis::of(vec![verdict]), complete: true, ..Checked::default() };
    let json = json!({ "verdicts": translated(checked.diagnosis.to_json()), "complete": true });
    verdicts(printer, &checked);
    if args.json {
        Printer { to_stderr: false }.line(format_args!("{json}"));
    }
    Ok(ExitCode::from(FOUND))
}

/// Options of `train` that say nothing about a run.
pub fn refuse_what_has_no_meaning(args: &TrainArgs) -> Result {
    let refuse = |given: bool, what| {
        let fault = "is for train: nothing is trained to be kept here";
        if given { Err(Error::setting(what, fault)) } else { Ok(()) }
    };
    refuse(args.resume.is_some(), "resume")?;
    refuse(args.tensorboard.is_some(), "tensorboard")?;
    refuse(args.method.checkpoint_steps.is_some(), "checkpoint_steps")
}

/// Where the results go.
pub fn folder(args: &TrainArgs, job: &Job, what: &str) -> PathBuf {
    let name = || format!("{}-{}-{what}", job.samples.data.train.name(), job.network.name());
    args.out.clone().unwrap_or_else(|| Path::new("runs").join(name()))
}

/// The command line, as it was typed.
pub fn command(name: &str, args: &TrainArgs) -> String {
    let given = args.given.iter().filter(|word| *word != name).map(|word| quoted(word));
    format!("flatgrad {name} {}", given.collect::<Vec<_>>().join(" ")).trim_end().to_string()
}

/// As a shell reads it again.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Advice in the words of the command line.
pub fn translated(verdicts: Value) -> Value {
    let Value::Array(mut verdicts) = verdicts else { return verdicts };
    for verdict in &mut verdicts {
        if let Some(advice) = verdict.get_mut("advice") {
            *advice = Value::from(options(advice.as_str().unwrap_or_default()));
        }
    }
    Value::Array(verdicts)
}

/// Writes the page and the JSON.
pub fn write(out: &Path, name: &str, html: &str, json: &Value) -> Result {
    atomic_write(&out.join(format!("{name}.html")), html.as_bytes())?;
    atomic_write(&out.join(format!("{name}.json")), format!("{json:#}\n").as_bytes())
}

fn tell(args: &TrainArgs, printer: Printer, checked: &Checked, out: &Path, json: &Value) {
    verdicts(printer, checked);
    if !checked.complete {
        printer.line(format_args!("interrupted: what was found until then stands here; run it again for the rest"));
    } else if checked.part < 1.0 && checked.part > 0.0 {
        let percent = 100.0 * checked.part;
        printer.line(format_args!("  the run was looked at for {percent:.0} % of its steps: all of it takes longer"));
    }
    printer.line(format_args!("\nresults in      {} (check.html, check.json)", out.display()));
    if args.json {
        Printer { to_stderr: false }.line(format_args!("{json}"));
    }
}

/// The verdicts, for people.
pub fn verdicts(printer: Printer, checked: &Checked) {
    for verdict in checked.diagnosis.verdicts() {
        let layer = verdict.layer.as_ref().map_or(String::new(), |layer| format!(" (layer {layer})"));
        printer.line(format_args!("\n{:8} {}{layer}", verdict.severity.name(), verdict.code.name()));
        printer.line(format_args!("         {}", verdict.text));
        printer.line(format_args!("         {}", options(verdict.code.advice())));
    }
}

fn status(checked: &Checked) -> ExitCode {
    match (checked.complete, checked.diagnosis.is_healthy()) {
        (false, _) => ExitCode::from(INTERRUPTED),
        (true, false) => ExitCode::from(FOUND),
        (true, true) => ExitCode::SUCCESS,
    }
}

/// A bar on the terminal, Ctrl-C, and who keeps trials.
pub struct Bar<'k> {
    pub stages: Stages,
    interrupt: Arc<AtomicBool>,
    pub keep: Option<&'k mut (dyn FnMut(&TrialRecord) -> Result + Send)>,
}

impl Bar<'_> {
    pub fn new(quiet: bool) -> Self {
        Self { stages: Stages::new(quiet), interrupt: on_interrupt(), keep: None }
    }
}

impl Watch for Bar<'_> {
    fn stage(&mut self, name: &str, done: f64) {
        self.stages.at(name, done);
    }
    fn interrupt(&self) -> Option<Arc<AtomicBool>> {
        Some(Arc::clone(&self.interrupt))
    }
    fn trial(&mut self, trial: &TrialRecord) -> Result {
        self.keep.as_mut().map_or(Ok(()), |keep| keep(trial))
    }
}
