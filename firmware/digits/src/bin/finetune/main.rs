//! Fine-tunes on a microcontroller what a server has trained, for a sensor that the server knew nothing of, and gives
//! the weights back: as a file that `flatgrad import` takes.
//!
//! Like the program beside it, it runs on the host too, and gives the same bits there.

#![cfg_attr(target_os = "none", no_std, no_main)]

mod dump;
#[path = "../../model.rs"]
mod model;
#[path = "../../report.rs"]
mod report;
mod run;
mod sensor;
#[path = "../../sha256.rs"]
mod sha256;

/// What the server has trained: the file that `flatgrad export --format rust` writes.
mod server {
    include!(env!(
        "FLATGRAD_WEIGHTS",
        "there are no weights to start from. `flatgrad train --net tiny` makes some, `flatgrad export --format rust \
         --weights runs/digits-tiny/weights.safetensors --out weights.rs` turns them into source code, and \
         FLATGRAD_WEIGHTS=$PWD/weights.rs (a whole path) says where they are"
    ));
}

#[cfg(target_os = "none")]
#[path = "../../board.rs"]
mod board;
#[cfg(target_os = "none")]
#[path = "../../mem.rs"]
mod mem;

#[cfg(not(target_os = "none"))]
fn main() -> Result<(), run::Failure> {
    use flatgrad_core::Isa;
    let isa = Isa::by_name(&std::env::args().nth(1).unwrap_or("auto".into()))?;
    let mut arena = [0.0; model::ARENA];
    run::run(isa, &mut arena, |text| print!("{}", String::from_utf8_lossy(text)))
}
