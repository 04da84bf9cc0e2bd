//! Who may know whom: a room of the crate uses those before it in the table, and none after it.
#![allow(missing_docs, reason = "a test")]

use std::path::{Path, PathBuf};

/// The rooms, folders or files of `src/`. Each may know those to its left.
const ROOMS: [&str; 14] = [
    "error",
    "toml",
    "files",
    "distributed",
    "parallel",
    "augment",
    "data",
    "model",
    "train",
    "report",
    "memory",
    "tune",
    "reproduce",
    "cli",
];

/// They put the rooms together.
const ROOTS: [&str; 2] = ["lib.rs", "main.rs"];

#[test]
fn no_room_knows_one_to_its_right() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    for file in files(&source) {
        let path = file.strip_prefix(&source).unwrap().to_str().unwrap().replace('\\', "/");
        if !ROOTS.contains(&path.as_str()) {
            faults.extend(wrong_arrows(&ROOMS, &path, &std::fs::read_to_string(&file).unwrap()));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The library's errors name fields; the program says which option that is.
#[test]
fn the_library_does_not_speak_of_options() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in files(&source).into_iter().filter(|file| !file.starts_with(source.join("cli"))) {
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in code(&text) {
            // Outside strings, Rust has no such word; a chart's custom properties of CSS are no options.
            let option = |word: &str| word.starts_with(|c: char| c.is_ascii_lowercase()) && !word.starts_with("chart-");
            let spoken = line.match_indices("--").any(|(at, _)| option(&line[at + 2..]));
            assert!(!spoken, "{}:{number}: {line}", file.display());
        }
    }
}

#[test]
fn the_check_finds_what_it_looks_for() {
    let faults = |path: &str, text: &str| wrong_arrows(&ROOMS, path, text);
    assert_eq!(
        faults("data/idx.rs", "use crate::error::Result;\n\nuse crate::model::Network;"),
        ["data/idx.rs:3: data knows model"]
    );
    assert_eq!(
        faults("data/npy/read.rs", "use super::super::super::train::Fit;"),
        ["data/npy/read.rs:1: data knows train"]
    );
    assert_eq!(faults("error.rs", "fn f() -> crate::data::Task {}"), ["error.rs:1: error knows data"]);
    assert_eq!(faults("cellar/mod.rs", ""), ["cellar/mod.rs:1: no room of the table"]);
    assert_eq!(faults("data/mod.rs", "use crate::Error;"), ["data/mod.rs:1: crate::Error is in no room of the table"]);
    assert_eq!(
        faults("data/mod.rs", "use crate::{error, augment};"),
        ["data/mod.rs:1: crate:: is in no room of the table"]
    );
    let fine = "/// As [`crate::train::Fit`].\nuse super::idx; // not crate::model\nuse crate::augment::Key;\n\
                #[cfg(test)]\nmod tests {\n    use crate::train::Fit;\n}\nuse crate::error::Error;";
    assert_eq!(faults("data/npz.rs", fine), [""; 0]);
    let nested = ["a", "net::plan", "net::run"];
    assert_eq!(
        wrong_arrows(&nested, "net/plan/map.rs", "use super::super::run::Pass;"),
        ["net/plan/map.rs:1: net::plan knows net::run"]
    );
}

/// What is wrong with the arrows of a file: `rooms` are in the order in which they may know each other.
fn wrong_arrows(rooms: &[&str], path: &str, text: &str) -> Vec<String> {
    let module: Vec<&str> = path.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").collect();
    let Some(own) = room_of(rooms, &module) else { return vec![format!("{path}:1: no room of the table")] };
    let mut faults = Vec::new();
    for (number, line) in code(text) {
        for (target, written) in targets(&module, line) {
            match room_of(rooms, &target) {
                Some(other) if other <= own => {}
                Some(other) => faults.push(format!("{path}:{number}: {} knows {}", rooms[own], rooms[other])),
                None => faults.push(format!("{path}:{number}: {written} is in no room of the table")),
            }
        }
    }
    faults
}

/// The place in the table of the room that a module is in.
fn room_of(rooms: &[&str], module: &[&str]) -> Option<usize> {
    let within = |room: &str| room.split("::").enumerate().all(|(i, part)| module.get(i) == Some(&part));
    rooms.iter().position(|room| within(room))
}

/// The lines without comments and without items for tests, numbered from 1.
fn code(text: &str) -> Vec<(usize, &str)> {
    let (mut lines, mut test) = (Vec::new(), None);
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let indent = line.len() - line.trim_start().len();
        match test {
            None if code.trim() == "#[cfg(test)]" => test = Some(indent),
            None => lines.push((number + 1, code)),
            // The item ends where a line of the same indentation ends it.
            Some(of) if indent == of && code.trim_end().ends_with(['}', ';']) => test = None,
            Some(_) => {}
        }
    }
    lines
}

/// The modules that a line of the module names by `crate::` or `super::`, each with the words that do.
fn targets<'t>(module: &[&'t str], line: &'t str) -> Vec<(Vec<&'t str>, &'t str)> {
    let mut found = Vec::new();
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    for written in line.split(|c| !is_path(c)).filter(|word| word.starts_with("crate::") || word.starts_with("super::"))
    {
        let mut target = if written.starts_with("crate::") { Vec::new() } else { module.to_vec() };
        for part in written.split("::").filter(|part| !part.is_empty() && *part != "crate") {
            match part {
                "super" => drop(target.pop()),
                part => target.push(part),
            }
        }
        found.push((target, written));
    }
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.extension().is_some_and(|ending| ending == "rs") => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}
