//! What digits.c does, with flatgrad-core itself: the lines must be the same.

use flatgrad_core::net::{self, Config, Layer, Net, Optimizer, Plan, Trainer};
use flatgrad_core::{Context, Isa, Result};

const BATCH: usize = 16;
const STEPS: usize = 30;
const TESTED: usize = 64;
const FIRST_TESTED: usize = 1000;

const IMAGES: &[u8] = include_bytes!("../../../std-shim/data/digits-images-idx3-ubyte");
const LABELS: &[u8] = include_bytes!("../../../std-shim/data/digits-labels-idx1-ubyte");

const NET: Net = Net::new(
    [1, 8, 8],
    &[
        Layer::conv2d(8, 3).padding(1),
        Layer::relu(),
        Layer::max_pool(2),
        Layer::conv2d(16, 3).padding(1),
        Layer::relu(),
        Layer::max_pool(2),
        Layer::flatten(),
        Layer::dense(10),
    ],
);
const PLAN: Plan = Plan::new(&NET, Config::new(BATCH, Optimizer::adam(0.01)));

/// Samples `first`, `first + 1`, ...
fn load(first: usize) -> (Vec<f32>, Vec<u32>) {
    let pixels = &IMAGES[16 + first * 64..][..BATCH * 64];
    let labels = &LABELS[8 + first..][..BATCH];
    (pixels.iter().map(|p| f32::from(*p) / 16.0).collect(), labels.iter().map(|l| u32::from(*l)).collect())
}

fn main() -> Result {
    let ctx = Context::serial(Isa::detect());
    let (mut arena, mut work) = (vec![0.0; PLAN.train_len()], vec![0.0; PLAN.infer_work_len()]);
    let mut trainer = Trainer::new(ctx, &PLAN, &mut arena, 1)?;
    println!("parameters {}", PLAN.parameters());
    for step in 0..STEPS {
        let (images, labels) = load(step * BATCH);
        let report = trainer.step(&PLAN.config().optimizer, &images, &labels)?;
        if step % 10 == 9 {
            println!("step {}, loss {:.4}", step + 1, f64::from(report.loss_sum) / BATCH as f64);
        }
    }
    let mut correct = 0;
    for first in (FIRST_TESTED..FIRST_TESTED + TESTED).step_by(BATCH) {
        let (images, labels) = load(first);
        let outputs = net::infer(ctx, &PLAN, trainer.weights(), &images, &mut work)?;
        correct += outputs.chunks(10).zip(labels).filter(|(y, label)| largest(y) == *label as usize).count();
    }
    println!("correct {correct} of {TESTED}");
    println!("weights {:016x}", hash(trainer.weights()));
    Ok(())
}

fn largest(x: &[f32]) -> usize {
    (1..x.len()).fold(0, |best, i| if x[i] > x[best] { i } else { best })
}

/// FNV-1a over the bits.
fn hash(x: &[f32]) -> u64 {
    let bytes = x.iter().flat_map(|x| x.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
