//! Training runs on the digits.

use super::{Print, nan};
use crate::Work;
use flatgrad_core::net::{Config, Layer, Net, Optimizer, Plan, Trainer};
use flatgrad_core::{Context, Result};

#[allow(dead_code)] // of what is for testing
#[path = "../../../firmware/digits/src/data.rs"]
mod data;

const ADAM: Optimizer = Optimizer::adam(3e-3);
const SGD: Optimizer = Optimizer::momentum(0.01, 0.9);

/// The network of `firmware/digits`.
const DIGITS: Net = Net::new(
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

const NOISY: Net = Net::new(
    [1, 8, 8],
    &[
        Layer::conv2d(8, 3).padding(1).no_bias(),
        Layer::batch_norm(),
        Layer::relu(),
        Layer::max_pool(2),
        Layer::conv2d(16, 3).padding(1),
        Layer::relu(),
        Layer::flatten(),
        Layer::dropout(0.3),
        Layer::dense(10),
    ],
);

pub(super) fn run(ctx: Context, work: Work, print: Print) -> Result {
    const ADAM_PLAN: Plan = Plan::new(&DIGITS, Config::new(1, ADAM));
    const SGD_PLAN: Plan = Plan::new(&DIGITS, Config::new(1, SGD));
    digits(ctx, work, print, "digits_adam", &ADAM_PLAN, &ADAM)?;
    digits(ctx, work, print, "digits_sgd", &SGD_PLAN, &SGD)?;
    noisy(ctx, print)
}

/// Batches of 4, of which each sample is passed through the network alone; a whole batch has the same bits.
fn digits(ctx: Context, work: Work, print: Print, name: &str, plan: &Plan, optimizer: &Optimizer) -> Result {
    const BATCH: usize = 4;
    let mut arena = nan(plan.train_len());
    let mut trainer = Trainer::new(ctx, plan, &mut arena, 1)?;
    for epoch in 0..3 {
        for step in 0..data::TRAIN / BATCH {
            for i in 0..BATCH {
                let (x, label) = data::train(epoch, BATCH * step + i);
                trainer.accumulate(&x, &[label], BATCH)?;
            }
            trainer.update(optimizer)?;
            if trainer.steps() == 20 {
                print(&format!("{name}/weights_after_20_steps"), trainer.weights());
                if work == Work::Brief {
                    return Ok(());
                }
            }
        }
    }
    print(&format!("{name}/weights_after_3_epochs"), trainer.weights());
    Ok(())
}

fn noisy(ctx: Context, print: Print) -> Result {
    const BATCH: usize = 16;
    const PLAN: Plan = Plan::new(&NOISY, Config::new(BATCH, ADAM));
    let mut arena = nan(PLAN.train_len());
    let mut trainer = Trainer::new(ctx, &PLAN, &mut arena, 7)?;
    for step in 0..60 {
        let (x, labels): (Vec<_>, Vec<u32>) = (0..BATCH).map(|i| data::train(0, BATCH * step + i)).unzip();
        trainer.step(&ADAM, x.as_flattened(), &labels)?;
    }
    let (parameters, running) = trainer.weights().split_at(PLAN.parameters());
    let (means, variances) = running.split_at(running.len() / 2);
    print("digits_batch_norm_dropout/weights_after_60_steps", parameters);
    print("digits_batch_norm_dropout/running_means", means);
    print("digits_batch_norm_dropout/running_variances", variances);
    Ok(())
}
