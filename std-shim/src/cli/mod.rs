//! The command line.

mod answers;
mod args;
mod augment;
mod check;
mod crops;
mod data;
mod eval;
mod flags;
mod fold;
mod info;
mod introduction;
mod job;
mod measured;
mod method_args;
mod net;
mod optimizer_args;
mod output;
mod plan;
mod plan_args;
mod predict;
mod ranks;
mod reproduce;
mod resume;
mod summary;
mod train;
mod tune;
mod weights;
mod weights_file;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Cli, Command, TrainArgs};
use flags::message;
use tune::TuneArgs;

/// Does what the arguments say, and gives the exit status.
///
/// # Errors
///
/// What is wrong, for [`complain`].
pub fn run(arguments: impl Iterator<Item = OsString>) -> Result<ExitCode, String> {
    let arguments: Vec<OsString> = arguments.collect();
    let given = || arguments.iter().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            // Nothing to do about a closed stdout.
            let _ = write!(std::io::stdout(), "{}", error.render());
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => return Err(first_paragraph(&error.render().to_string())),
    };
    let done = match cli.command {
        Some(Command::Train(args)) => train::run(TrainArgs { given: given(), ..*args }),
        Some(Command::Check(args)) => check::run(&TrainArgs { given: given(), ..*args }),
        Some(Command::Tune(args)) => {
            tune::run(&TuneArgs { train: TrainArgs { given: given(), ..args.train }, ..*args })
        }
        Some(Command::Plan(args)) => plan::run(&args),
        Some(Command::Augment(args)) => augment::run(&args).map(|()| ExitCode::SUCCESS),
        Some(Command::Export(args)) => weights::export(&args).map(|()| ExitCode::SUCCESS),
        Some(Command::Import(args)) => weights::import(&args).map(|()| ExitCode::SUCCESS),
        Some(Command::Eval(args)) => eval::eval(&args).map(|()| ExitCode::SUCCESS),
        Some(Command::Predict(args)) => predict::predict(&args).map(|()| ExitCode::SUCCESS),
        Some(Command::Reproduce(args)) => reproduce::run(&args),
        Some(Command::Info(args)) => info::info(&args).map(|()| ExitCode::SUCCESS),
        None => train::run(TrainArgs { given: given(), ..cli.train }),
    };
    done.map_err(|error| message(&error))
}

/// One line on stderr.
pub fn complain(message: &str) {
    let line: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(std::io::stderr(), "flatgrad: {line}");
}

/// Of clap's several lines, those before the first blank one say what is wrong.
fn first_paragraph(message: &str) -> String {
    let lines = message.lines().take_while(|line| !line.trim().is_empty()).map(str::trim);
    let paragraph = lines.collect::<Vec<_>>().join(" ");
    paragraph.strip_prefix("error: ").unwrap_or(&paragraph).to_string()
}
