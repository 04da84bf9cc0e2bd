//! `--resume`: the options of an interrupted run, and its checkpoint.

use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};
use flatgrad::distributed::Group;
use flatgrad::train::{Checkpoint, Checkpoints};
use flatgrad::{Error, Result};

use super::args::{Cli, Command, TrainArgs};
use super::flags::message;

/// Options that are not kept: where, how fast, how loud, and for how long this time.
const PASSING: &str = "\
    --resume --out --isa --threads --workers --max-steps --checkpoint-steps --tensorboard --json --quiet";

/// The options on which the course of training depends, as `--name=value`.
pub fn lasting(arguments: &[String]) -> Vec<String> {
    options(arguments)
        .into_iter()
        .filter(|(name, _)| !PASSING.split(' ').any(|passing| passing == name))
        .map(|(name, value)| value.map_or(name.clone(), |value| format!("{name}={value}")))
        .collect()
}

/// Names and values.
fn options(arguments: &[String]) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    let mut arguments = without_command(arguments).iter();
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_string())),
            None if is_flag(argument) => (argument.as_str(), None),
            None => (argument.as_str(), arguments.next().cloned()),
        };
        found.push((name.to_string(), value));
    }
    found
}

/// `train` may stand before the options.
fn without_command(arguments: &[String]) -> &[String] {
    match arguments {
        [command, options @ ..] if command == "train" => options,
        options => options,
    }
}

/// Whether an option of `flatgrad train` has no value.
fn is_flag(option: &str) -> bool {
    let program = Cli::command();
    let train = program.find_subcommand("train").unwrap_or(&program);
    let found = train.get_arguments().find(|argument| argument.get_long() == option.strip_prefix("--"));
    found.is_some_and(|argument| !argument.get_action().takes_values())
}

/// The options of the run in `folder`, where `given` does not say otherwise, and its checkpoint; rank 0 reads it for
/// all.
pub fn options_of_run(folder: &Path, given: &[String], group: &mut dyn Group) -> Result<(TrainArgs, Checkpoint)> {
    let path = Checkpoint::path_in(folder);
    let content = match group.rank() {
        0 => read(folder, &path).map_err(|error| message(&error)),
        _ => Ok(Vec::new()),
    };
    let checkpoint = Checkpoint::from_bytes(&path.display().to_string(), &group.broadcast(content)?)?;
    let anew: Vec<String> = options(given).into_iter().map(|(name, _)| name).collect();
    let kept = Checkpoints::note_in(&checkpoint)?;
    let kept = kept.iter().filter(|option| !anew.iter().any(|name| option.split('=').next() == Some(name)));
    let given = without_command(given);
    let all: Vec<String> = ["flatgrad", "train"].map(String::from).iter().chain(kept).chain(given).cloned().collect();
    match Cli::try_parse_from(&all) {
        Ok(Cli { command: Some(Command::Train(mut args)), .. }) => {
            args.given = all.into_iter().skip(2).collect();
            Ok((*args, checkpoint))
        }
        _ => Err(Error::Weights {
            origin: path.display().to_string(),
            fault: "its options do not go together with those given, or are of another version of this program".into(),
        }),
    }
}

fn read(folder: &Path, path: &Path) -> Result<Vec<u8>> {
    if !path.exists() {
        let fault = format!("{} has no checkpoint: the run is complete, or none was begun there", folder.display());
        return Err(Error::setting("resume", fault));
    }
    std::fs::read(path).map_err(Error::io(path))
}

/// Refuses to begin where an interrupted run could go on; one that was stopped on purpose has left its results.
pub fn check_unfinished(folder: &Path) -> Result {
    let path = Checkpoint::path_in(folder);
    if !path.exists() {
        return Ok(());
    }
    let results = std::fs::read(folder.join("run.json")).unwrap_or_default();
    let results: serde_json::Value = serde_json::from_slice(&results).unwrap_or_default();
    let step = Checkpoint::load(&path)?.position.step;
    if results.get("steps").and_then(serde_json::Value::as_u64) == Some(step) {
        return Ok(());
    }
    let shown = folder.display();
    let fault = format!(
        "{shown} holds a run interrupted after step {step}: continue it with --resume {shown}, choose another folder, \
         or remove {}",
        path.display()
    );
    Err(Error::setting("out", fault))
}

/// How to go on.
pub fn hint(folder: &Path) -> String {
    format!("continue with: flatgrad train --resume {}", folder.display())
}

/// The checkpoint of a complete run is of no use.
pub fn remove(folder: &Path) {
    let path: PathBuf = Checkpoint::path_in(folder);
    let _ = std::fs::remove_file(path);
}
