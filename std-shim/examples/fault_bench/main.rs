//! Plants every fault that `check` knows into several programs, and counts how often it is named.
//!
//!     cargo run --release -p flatgrad --example fault_bench -- [--seeds N] [--healthy N] [--only CODE] [--table FILE]
//!
//! Thresholds are taken from the first programs only; the others judge them. Exit status 1 if the goals are missed.

mod data;
mod faults;
mod programs;
mod table;

use std::time::Instant;

use flatgrad::tune::{Code, Severity, check};
use flatgrad::{Pool, Result};
use flatgrad_core::{Context, Isa};
use rayon::prelude::*;

use programs::{PROGRAMS, Program};
use table::{Row, Table};

struct Options {
    seeds: u64,
    healthy: u64,
    only: Option<Code>,
    program: Option<String>,
    verbose: bool,
    table: Option<String>,
}

fn options() -> Options {
    let mut options = Options { seeds: 1, healthy: 4, only: None, program: None, verbose: false, table: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut next = || arguments.next().unwrap_or_default();
        match argument.as_str() {
            "--seeds" => options.seeds = next().parse().unwrap_or(1),
            "--healthy" => options.healthy = next().parse().unwrap_or(4),
            "--only" => options.only = Code::by_name(&next()),
            "--program" => options.program = Some(next()),
            "--table" => options.table = Some(next()),
            "--verbose" => options.verbose = true,
            other => {
                eprintln!("unknown option {other}");
                std::process::exit(2);
            }
        }
    }
    options
}

fn main() -> Result {
    let options = options();
    let pool = Pool::new(Pool::available())?;
    let mut runs = Vec::new();
    for code in Code::ALL.into_iter().filter(|code| options.only.is_none_or(|only| only == *code)) {
        let seeds = if code == Code::Healthy { options.healthy } else { options.seeds };
        for program in &PROGRAMS {
            if options.program.as_ref().is_some_and(|name| !program.name.contains(name.as_str())) {
                continue;
            }
            for seed in 0..seeds {
                runs.push((code, program, seed));
            }
        }
    }
    // Side by side: the bits do not depend on it.
    let rows = pool.run(|| {
        let runs = runs.par_iter().map(|&(code, program, seed)| one(code, program, seed, &options));
        runs.collect::<Result<Vec<Option<Row>>>>()
    })?;
    let mut table = Table::default();
    rows.into_iter().flatten().for_each(|row| table.add(row));
    let text = table.text();
    print!("{text}");
    if let Some(path) = &options.table {
        flatgrad::atomic_write(std::path::Path::new(path), text.as_bytes())?;
    }
    if table.meets_goals() { Ok(()) } else { std::process::exit(1) }
}

fn one(code: Code, program: &Program, seed: u64, options: &Options) -> Result<Option<Row>> {
    let mut run = program.run(seed)?;
    if !faults::plant(code, program, &mut run, seed) {
        return Ok(None);
    }
    let subject = run.subject()?;
    let start = Instant::now();
    let checked = check(Context::serial(Isa::detect()), &subject, &mut ())?;
    let seconds = start.elapsed().as_secs_f64();
    let verdicts = checked.diagnosis.verdicts();
    let alarms: Vec<Code> = verdicts.iter().filter(|v| v.severity != Severity::Note).map(|v| v.code).collect();
    let hit = if code == Code::Healthy { alarms.is_empty() } else { alarms.iter().take(2).any(|c| *c == code) };
    if options.verbose || !hit {
        eprintln!(
            "{:22} {:22} seed {seed} {seconds:5.1} s{}",
            code.name(),
            program.name,
            if hit { "" } else { "  MISSED" }
        );
        for verdict in verdicts {
            eprintln!(
                "      {:8} {:22} {} {:?}",
                verdict.severity.name(),
                verdict.code.name(),
                verdict.text,
                verdict.evidence
            );
        }
        if options.verbose {
            let record = checked.history.epochs.last();
            eprintln!("      rates {:?} first loss {:?}", checked.rates, checked.first_loss);
            eprintln!("      last {record:?}");
        }
    }
    Ok(Some(Row { planted: code, program: program.name, judges: program.judges, alarms, seconds }))
}
