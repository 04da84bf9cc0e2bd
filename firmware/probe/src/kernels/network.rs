//! A network: three training steps and a prediction.

use super::{Print, any, fill, hash};
use flatgrad_core::net::{Config, Layer, Net, Optimizer, Plan, Trainer};
use flatgrad_core::{Context, Result};

const NET: Net = Net::new(
    [1, 8, 8],
    &[
        Layer::conv2d(5, 3).padding(1).no_bias(),
        Layer::batch_norm(),
        Layer::relu(),
        Layer::max_pool(2),
        Layer::conv2d(7, 3),
        Layer::relu(),
        Layer::flatten(),
        Layer::dropout(0.2),
        Layer::dense(10),
    ],
);

pub(super) fn run(ctx: Context, print: Print) -> Result {
    const ADAM: Plan = Plan::new(&NET, Config::new(4, Optimizer::adam(1e-2)).threads(2)).within(100 * 1024);
    train(ctx, print, any(&ADAM), any(&mut [f32::NAN; ADAM.train_len()]))?;
    const SGD: Plan = Plan::new(&NET, Config::new(4, Optimizer::momentum(0.1, 0.9)).align(16)).within(100 * 1024);
    train(ctx, print, any(&SGD), any(&mut [f32::NAN; SGD.train_len()]))
}

fn train(ctx: Context, print: Print, plan: &Plan, arena: &mut [f32]) -> Result {
    let (images, labels) = (fill::<{ 4 * 64 }>(120), [3, 1, 4, 1]);
    let optimizer = plan.config().optimizer;
    let mut trainer = Trainer::new(ctx, plan, arena, any(9))?;
    for _ in 0..any(3) {
        let report = trainer.step(&optimizer, any(&images), any(&labels))?;
        print("net: loss", hash(&[report.loss_sum]));
    }
    print("net: weights", hash(trainer.weights()));
    print("net: output", hash(trainer.infer(any(&images))?));
    Ok(())
}
