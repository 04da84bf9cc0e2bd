//! The run: the server's weights are tested on what the sensor sees, trained on some of it, and tested again.

use crate::dump;
use crate::model::{ARENA, BATCH, OPTIMIZER, PLAN, Used};
use crate::report::{Print, decimal, hex, number};
use crate::sensor::{self, TEST, TRAIN};
use crate::server::WEIGHTS;
use crate::sha256;
use flatgrad_core::net::Trainer;
use flatgrad_core::{Context, Error, Isa};

const _: () = assert!(WEIGHTS.len() == PLAN.weights_len(), "the weights are those of another network");

const EPOCHS: usize = 20;
/// Initializes what is then loaded.
const SEED: u64 = 0;

/// What can go wrong.
#[derive(Debug)]
pub enum Failure {
    /// In the network.
    Kernel(#[allow(dead_code, reason = "printed by the host's `main`")] Error),
    /// The file with the weights could not be written.
    File,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Kernel(error)
    }
}

/// Loads, trains, tests, and writes the weights.
pub fn run(isa: Isa, arena: &mut [f32], print: Print) -> Result<(), Failure> {
    let mut trainer = Trainer::<Used>::linked(Context::serial(isa), &PLAN, arena, SEED)?;
    for (weight, trained) in trainer.weights_mut().iter_mut().zip(&WEIGHTS) {
        *weight = *trained;
    }
    for (name, n) in [("arena bytes      ", size_of::<f32>() * ARENA), ("trained weights  ", PLAN.trained_parameters())]
    {
        print(name.as_bytes());
        number(print, n);
        print(b"\n");
    }
    show(&mut trainer, print, b" before\n")?;
    let mut loss = 0.0;
    for epoch in 0..EPOCHS {
        loss = 0.0;
        for step in 0..TRAIN / BATCH {
            for i in 0..BATCH {
                let (x, label) = sensor::train(epoch, BATCH * step + i);
                loss += trainer.accumulate(&x, &[label], BATCH)?.loss_sum;
            }
            trainer.update(&OPTIMIZER)?;
        }
    }
    print(b"loss             ");
    decimal(print, loss / TRAIN as f32);
    print(b"\n");
    show(&mut trainer, print, b" after\n")?;
    dump::write(trainer.weights()).map_err(|dump::Refused| Failure::File)
}

/// Tests, and prints the accuracy and the hash of the weights.
fn show(trainer: &mut Trainer<Used>, print: Print, when: &[u8]) -> Result<(), Failure> {
    let mut correct = 0;
    for i in 0..TEST {
        let (x, label) = sensor::test(i);
        correct += trainer.evaluate(&x, &[label])?.correct;
    }
    print(b"test accuracy    ");
    decimal(print, correct as f32 / TEST as f32);
    print(when);
    // As `flatgrad export` and `import` print it: of the weights' bytes in the order of the arena.
    print(b"raw sha256       ");
    hex(print, sha256::of(trainer.weights()));
    print(when);
    Ok(())
}
