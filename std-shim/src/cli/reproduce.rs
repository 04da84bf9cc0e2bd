//! `flatgrad reproduce`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use flatgrad::data::{OpenOptions, Opened, open, open_digits};
use flatgrad::reproduce::{Experiment, Finding, Setup};
use flatgrad::{Error, Result, atomic_write};

use super::output::Printer;

/// The exit status if a claim did not hold.
const FAILED: u8 = 3;

#[derive(Debug, Args)]
pub struct ReproduceArgs {
    /// One of the experiments [default: all]
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(Experiment::ALL.map(|e| e.name)))]
    pub name: Option<String>,
    /// Say what there is, and how long it takes
    #[arg(long)]
    pub list: bool,
    /// `digits` (in the program), or images of classes as `train` takes them, such as the folder of MNIST's IDX files
    #[arg(long, value_name = "digits|DIR", default_value = "digits")]
    pub data: PathBuf,
    /// Where the pictures and figures go: NAME.svg, NAME.png, NAME.json; earlier ones are replaced
    #[arg(long, value_name = "DIR", default_value = "reproduce")]
    pub out: PathBuf,
    /// Runs of each kind, averaged [default: 3; with --quick, 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100), allow_negative_numbers = true)]
    pub seeds: Option<u64>,
    /// Shorter: some seconds for each experiment on the digits
    #[arg(long)]
    pub quick: bool,
    /// Say no more than whether the claims held
    #[arg(long)]
    pub quiet: bool,
}

/// Trains, draws, writes and says whether the claims held.
pub fn run(args: &ReproduceArgs) -> Result<ExitCode> {
    let printer = Printer { to_stderr: false };
    if args.list {
        for Experiment { name, about, time, .. } in Experiment::ALL {
            printer.line(format_args!("{name:<17} {about} ({time} on MNIST)"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = match &args.name {
        Some(name) => Experiment::named(name).into_iter().collect(),
        None => Experiment::ALL.to_vec(),
    };
    let setup = setup(args)?;
    setup.check()?;
    for experiment in &chosen {
        check_free(&args.out, experiment.name)?;
    }
    std::fs::create_dir_all(&args.out).map_err(Error::io(&args.out))?;
    let mut failed = Vec::new();
    for experiment in &chosen {
        let finding = experiment.run(&setup)?;
        write(&args.out, &finding)?;
        if !args.quiet {
            printer.line(format_args!("{}", finding.to_text()));
        }
        if !finding.held() {
            failed.push(experiment.name);
        }
    }
    let place = args.out.display();
    match failed.is_empty() {
        true => printer.line(format_args!("all claims held; the pictures are in {place}")),
        false => printer.line(format_args!("not all claims held: {}; the pictures are in {place}", failed.join(", "))),
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn setup(args: &ReproduceArgs) -> Result<Setup> {
    let opened: Opened = match args.data == Path::new("digits") {
        true => open_digits(&OpenOptions::default())?,
        false => open(&args.data, &OpenOptions::default())?,
    };
    let seeds = args.seeds.unwrap_or(if args.quick { 2 } else { 3 });
    Ok(Setup { seeds, quick: args.quick, hidden: args.quiet, ..Setup::new(opened) })
}

/// Files that are not from here are not replaced.
fn check_free(out: &Path, name: &str) -> Result {
    let [json, others @ ..] = paths(out, name);
    let text = std::fs::read(&json).unwrap_or_default();
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    if value.get("program").is_some_and(|program| program == "flatgrad") {
        return Ok(());
    }
    match std::iter::once(json).chain(others).find(|path| path.exists()) {
        Some(path) => {
            let fault = format!("{} is not from flatgrad reproduce; choose another folder", path.display());
            Err(Error::setting("out", fault))
        }
        None => Ok(()),
    }
}

fn paths(out: &Path, name: &str) -> [PathBuf; 3] {
    ["json", "svg", "png"].map(|ending| out.join(format!("{name}.{ending}")))
}

fn write(out: &Path, finding: &Finding) -> Result {
    // It says that the pictures are from here, and comes before them.
    let [json, ..] = paths(out, finding.name);
    atomic_write(&json, format!("{:#}\n", finding.to_json()).as_bytes())?;
    for (name, picture) in finding.pictures() {
        let [_, svg, png] = paths(out, &name);
        atomic_write(&svg, picture.to_svg().as_bytes())?;
        atomic_write(&png, &picture.to_png()?)?;
    }
    Ok(())
}
