//! Trains a small convolutional network on the handwritten digits of 8 by 8 pixels that lie in flash, tests it, and
//! prints what it took: the loss, the accuracy, the memory, and a hash of the weights.
//!
//! The same program runs on a Cortex-M and on the host, on every instruction set, and the hashes are the same.

#![cfg_attr(target_os = "none", no_std, no_main)]

mod data;
mod model;
mod report;
mod run;
mod sha256;

#[cfg(target_os = "none")]
mod board;
#[cfg(target_os = "none")]
mod mem;

#[cfg(not(target_os = "none"))]
fn main() -> Result<(), flatgrad_core::Error> {
    use flatgrad_core::Isa;
    let isa = Isa::by_name(&std::env::args().nth(1).unwrap_or("auto".into()))?;
    let mut arena = [0.0; model::ARENA];
    run::run(isa, &mut arena, |text| print!("{}", String::from_utf8_lossy(text)))
}
