//! The run: three epochs, or the first steps of them.

use crate::data::{self, TEST, TRAIN};
use crate::model::{BATCH, OPTIMIZER, PLAN, Used};
use crate::report::{Print, decimal, hex, number};
use crate::sha256;
use flatgrad_core::net::Trainer;
use flatgrad_core::{Context, Error, Isa};

const SEED: u64 = 1;
const EPOCHS: usize = 3;
/// Steps after which the weights are compared on all cores, slow ones too.
const FIRST_STEPS: usize = 20;

/// Trains and tests, and prints a line after the first steps and after each epoch.
pub fn run(isa: Isa, arena: &mut [f32], print: Print) -> Result<(), Error> {
    let mut trainer = Trainer::<Used>::linked(Context::serial(isa), &PLAN, arena, SEED)?;
    print(b"arena bytes      ");
    number(print, size_of::<f32>() * crate::model::ARENA);
    print(b"\n");
    for epoch in 0..EPOCHS {
        let mut loss = 0.0;
        for step in 0..TRAIN / BATCH {
            for i in 0..BATCH {
                let (x, label) = data::train(epoch, BATCH * step + i);
                loss += trainer.accumulate(&x, &[label], BATCH)?.loss_sum;
            }
            trainer.update(&OPTIMIZER)?;
            if trainer.steps() as usize == FIRST_STEPS {
                hash(&trainer, print, b" after the first steps\n");
                if cfg!(feature = "short") {
                    return Ok(());
                }
            }
        }
        print(b"loss             ");
        decimal(print, loss / (TRAIN / BATCH * BATCH) as f32);
        print(b"\n");
    }
    let mut correct = 0;
    for i in 0..TEST {
        let (x, label) = data::test(i);
        correct += trainer.evaluate(&x, &[label])?.correct;
    }
    print(b"test accuracy    ");
    decimal(print, correct as f32 / TEST as f32);
    print(b"\n");
    hash(&trainer, print, b" after all epochs\n");
    Ok(())
}

/// Prints the hash of the weights.
fn hash(trainer: &Trainer<Used>, print: Print, when: &[u8]) {
    print(b"weights sha256   ");
    hex(print, sha256::of(trainer.weights()));
    print(when);
}
