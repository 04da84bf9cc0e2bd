//! `flatgrad tune`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use flatgrad::data::Dataset;
use flatgrad::tune::{Choice, Page, SearchOptions, TrialRecord, Tuned, tune};
use flatgrad::{Error, Result, atomic_write};
use serde_json::{Value, json};

use super::args::TrainArgs;
use super::check::{Bar, command, folder, quoted, refuse_what_has_no_meaning, translated, verdicts, write};
use super::flags::options;
use super::job::Job;
use super::output::Printer;
use super::train::INTERRUPTED;

/// The options of `train`, and how long it may take.
#[derive(Debug, Args)]
pub struct TuneArgs {
    #[command(flatten)]
    pub train: TrainArgs,
    /// How long the search may take: 90s, 10m, 1h
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10m")]
    pub budget: Duration,
}

fn duration(text: &str) -> std::result::Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("must be a time such as 90s, 10m or 1h".into()),
    };
    let number: f64 = digits.parse().map_err(|_| "must be a time such as 90s, 10m or 1h".to_string())?;
    let seconds = number * factor;
    let range = 1.0..=604_800.0;
    if range.contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err("must be from 1s to 168h".into()) }
}

/// Runs the six steps of the recipe, and says what to train with.
pub fn run(args: &TuneArgs) -> Result<ExitCode> {
    let train = &args.train;
    refuse_what_has_no_meaning(train)?;
    if train.max_steps.is_some() {
        return Err(Error::setting("max_steps", "is for train; a search says how long it takes by --budget"));
    }
    let job = Job::open(train)?;
    let printer = Printer { to_stderr: train.json };
    let title = format!("{} on {}", job.network.name(), job.samples.data.train.name());
    let out = folder(train, &job, "tune");
    let subject = job.subject();
    let identity = job.compute(|ctx| subject.identity(ctx))?;
    std::fs::create_dir_all(&out).map_err(Error::io(&out))?;
    let store = Trials::open(&out, &format!("{:?} {identity}", args.budget));
    if !train.quiet {
        printer.line(format_args!("tuning {title}: {}, batches of {}", train.optimizer, job.settings.batch));
        if !store.known.is_empty() {
            printer.line(format_args!("  {} trials of an earlier search are taken over", store.known.len()));
        }
    }
    let search = SearchOptions { budget: args.budget, known: store.known.clone() };
    let (mut made, store) = (store.known.clone(), store);
    let mut keep = |trial: &TrialRecord| {
        made.push(trial.clone());
        store.save(&made)
    };
    let mut watch = Bar::new(train.quiet);
    watch.keep = Some(&mut keep);
    let tuned = job.compute(|ctx| tune(ctx, &subject, &search, &mut watch));
    watch.stages.finish();
    let tuned = match tuned {
        Err(Error::Interrupted { .. }) => {
            let again = command("tune", train);
            let hint = format!("interrupted; the trials made so far are kept, go on with the same command: {again}");
            Printer { to_stderr: true }.line(format_args!("flatgrad: {hint}"));
            return Ok(ExitCode::from(INTERRUPTED));
        }
        tuned => tuned?,
    };
    let line = tuned.choice.as_ref().map(|choice| command_line(train, choice));
    let page = Page { title: &title, command: &command("tune", train), checked: &tuned.checked, tuned: Some(&tuned) };
    let html = page.html_with(line.as_deref());
    let json = report(&tuned, line.as_deref());
    write(&out, "tune", &options(&html), &json)?;
    atomic_write(&out.join("network.toml"), job.network.to_toml().as_bytes())?;
    let is_classes = job.samples.data.train.task().is_classes();
    tell(printer, &tuned, is_classes, line.as_deref(), &out);
    if train.json {
        Printer { to_stderr: false }.line(format_args!("{json}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The trials of a search, in a file beside its results.
struct Trials {
    path: std::path::PathBuf,
    identity: String,
    known: Vec<TrialRecord>,
}

impl Trials {
    /// The trials of the same search; those of another are not taken.
    fn open(out: &Path, identity: &str) -> Self {
        let path = out.join("trials.json");
        let mut known = Vec::new();
        if let Ok(bytes) = std::fs::read(&path)
            && let Ok(value) = serde_json::from_slice::<Value>(&bytes)
            && value.get("search").and_then(Value::as_str) == Some(identity)
        {
            known = serde_json::from_value(value.get("trials").cloned().unwrap_or_default()).unwrap_or_default();
        }
        Self { path, identity: identity.to_string(), known }
    }

    fn save(&self, trials: &[TrialRecord]) -> Result {
        let json = json!({ "search": self.identity, "trials": trials });
        atomic_write(&self.path, format!("{json:#}\n").as_bytes())
    }
}

/// The options of the search with what it chose, for `train`.
fn command_line(args: &TrainArgs, choice: &Choice) -> String {
    // With a value of their own behind them.
    let chosen = ["--lr", "--weight-decay", "--epochs", "--schedule", "--min-lr", "--warmup", "--budget", "--out"];
    let silent = ["tune", "--quiet", "--json"];
    let (mut words, mut given) = (vec!["flatgrad".to_string(), "train".to_string()], args.given.iter());
    while let Some(word) = given.next() {
        let name = word.split('=').next().unwrap_or_default();
        if chosen.contains(&name) {
            if !word.contains('=') {
                given.next();
            }
        } else if !silent.contains(&word.as_str()) {
            words.push(quoted(word));
        }
    }
    let settings = &choice.settings;
    words.push(format!("--lr {}", settings.optimizer.lr()));
    let decay = settings.optimizer.keys().iter().find(|(key, _)| *key == "weight_decay");
    if let Some((_, flatgrad_core::net::Value::Number(decay))) = decay {
        words.push(format!("--weight-decay {decay}"));
    }
    words.push(format!("--epochs {}", settings.epochs));
    if settings.schedule != flatgrad::train::Schedule::CONSTANT {
        words.push("--schedule cosine".into());
    }
    words.join(" ")
}

fn report(tuned: &Tuned, line: Option<&str>) -> Value {
    let choice = tuned.choice.as_ref().map(|choice| {
        json!({
            "lr": choice.settings.optimizer.lr().to_string().parse::<f64>().ok(),
            "epochs": choice.settings.epochs,
            "cosine": choice.settings.schedule != flatgrad::train::Schedule::CONSTANT,
            "validation_score": choice.score[0],
            "deviation": choice.score[1],
            "seeds": choice.seeds,
            "own_validation_score": choice.own_score[0],
        })
    });
    json!({
        "verdicts": translated(tuned.checked.diagnosis.to_json()),
        "choice": choice,
        "command": line,
        "trials": tuned.trials,
        "cut_by_the_clock": tuned.cut,
    })
}

fn tell(printer: Printer, tuned: &Tuned, is_classes: bool, line: Option<&str>, out: &Path) {
    verdicts(printer, &tuned.checked);
    printer.line(format_args!("\ntrials          {}", tuned.trials.len()));
    if let Some(rate) = tuned.range.suggestion() {
        printer.line(format_args!("range test      {rate:.1e}"));
    }
    if tuned.cut {
        printer.line(format_args!(
            "                the clock ended the search before all trials: give it a larger --budget"
        ));
    }
    match (&tuned.choice, line) {
        (Some(choice), Some(line)) => {
            let [mean, spread] = choice.score;
            let own = 100.0 * choice.own_score[0];
            let of = if is_classes { "right" } else { "of the variance" };
            printer.line(format_args!(
                "validation      {:.2} % {of}, +- {:.2} over {} seeds; with the settings asked for {own:.2} %",
                100.0 * mean,
                100.0 * spread,
                choice.seeds
            ));
            printer.line(format_args!("\ntrain with\n  {line}"));
        }
        _ => printer.line(format_args!("no rate trains this network: see the verdicts")),
    }
    let files = "tune.html, tune.json, network.toml";
    printer.line(format_args!("\nresults in      {} ({files})", out.display()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        assert_eq!(duration("3"), Ok(Duration::from_secs(3)));
        for wrong in ["", "m", "-1s", "0s", "1d", "nan", "1e9h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
