//! Prints hashes of the bits that this build of flatgrad-core computes: of every kernel, over awkward sizes, options
//! and misaligned slices, and of training runs, on every instruction set. Two builds agree if they print the same
//! lines.
//!
//! usage: flatgrad-bits [brief | definition]
//!
//! `brief` leaves out most of the work, for emulators. `definition` prints the lines that `definition.c` prints, too.

mod definition;
mod kernels;
#[path = "../../firmware/digits/src/sha256.rs"]
mod sha256;

use flatgrad_core::{Context, Isa};
use std::process::ExitCode;

/// How much is done.
#[derive(Clone, Copy, PartialEq)]
enum Work {
    Brief,
    All,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [] => everything(Work::All),
        ["brief"] => everything(Work::Brief),
        ["definition"] => print(&definition(Isa::PORTABLE, Work::All)),
        _ => {
            eprintln!("usage: flatgrad-bits [brief | definition]");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn everything(work: Work) {
    kernels::run(work);
    let portable = definition(Isa::PORTABLE, work);
    for isa in Isa::available() {
        assert_eq!(definition(isa, work), portable, "{} and portable (right) differ", isa.name());
    }
    print(&portable);
    let names: Vec<_> = Isa::available().map(Isa::name).collect();
    eprintln!("instruction sets: {}", names.join(" "));
}

fn definition(isa: Isa, work: Work) -> Vec<String> {
    let mut lines = Vec::new();
    let done = definition::run(Context::serial(isa), work, &mut |name, bits| lines.push(line(name, bits)));
    done.expect("calls that are right");
    lines
}

fn print(lines: &[String]) {
    lines.iter().for_each(|line| println!("{line}"));
}

/// The name and the hash of the numbers' bits.
fn line(name: &str, numbers: &[f32]) -> String {
    let hash: String = sha256::of(numbers).iter().map(|word| format!("{word:08x}")).collect();
    format!("{name} {hash}")
}
