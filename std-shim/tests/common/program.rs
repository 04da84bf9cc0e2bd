//! The program as a user starts it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

pub fn flatgrad(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flatgrad")).args(arguments).current_dir(folder).output().unwrap()
}

#[track_caller]
pub fn succeeds(folder: &Path, arguments: &[&str]) -> (String, String) {
    let output = flatgrad(folder, arguments);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{arguments:?}: {err}");
    (out, err)
}

/// Exit status 2, one line on stderr, nothing on stdout, no file touched; the line comes back.
#[track_caller]
pub fn refused(folder: &Path, arguments: &[&str]) -> String {
    let before = tree(folder);
    let output = flatgrad(folder, arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    assert_eq!((error.lines().count(), error.ends_with('\n')), (1, true), "{arguments:?}: {error}");
    assert!(error.starts_with("flatgrad: ") && !error.contains("panicked"), "{arguments:?}: {error}");
    assert_eq!(tree(folder), before, "{arguments:?} changed files");
    error
}

/// As [`refused`], but work may have begun: there may be something on stdout.
#[track_caller]
pub fn gives_up(folder: &Path, arguments: &[&str]) -> String {
    let quiet: Vec<&str> = arguments.iter().copied().chain(["--quiet"]).collect();
    refused(folder, &quiet)
}

/// Every path below `folder` with its content.
pub fn tree(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        paths.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
        if path.is_dir() {
            paths.extend(tree(&path));
        }
    }
    paths.sort();
    paths
}

/// The last line of stdout, as JSON.
#[track_caller]
pub fn json(folder: &Path, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json", "--quiet"]).collect();
    let (out, _) = succeeds(folder, &arguments);
    serde_json::from_str(out.lines().last().unwrap()).unwrap()
}
