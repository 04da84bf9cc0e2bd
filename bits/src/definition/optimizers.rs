//! Steps of optimizers.

use super::{Print, fill, nan};
use flatgrad_core::optim::{Adam, Sgd, adam_step, sgd_step};
use flatgrad_core::{Context, Result};

const N: usize = 333;

pub(super) fn run(ctx: Context, print: Print) -> Result {
    let sgd = Sgd { lr: 0.1, momentum: 0.9, weight_decay: 0.01, ..Sgd::DEFAULT };
    let (mut w, mut buffer) = (fill(80, N), nan(N));
    for step in 1..=3 {
        sgd_step(ctx, &sgd, step, &fill(80 + step, N), &mut w, &mut buffer)?;
    }
    print("sgd_momentum_weight_decay/parameters", &w);
    print("sgd_momentum_weight_decay/momentum", &buffer);

    let usual = Adam { lr: 3e-3, ..Adam::DEFAULT };
    adam(ctx, print, "adam", &usual)?;
    adam(ctx, print, "adam_amsgrad_weight_decay", &Adam { weight_decay: 0.1, amsgrad: true, ..usual })?;
    adam(ctx, print, "adam_decoupled_weight_decay", &Adam { weight_decay: 0.1, decoupled: true, ..usual })?;
    adam(ctx, print, "adam_small_betas", &Adam { betas: [0.4, 0.7], ..usual })
}

fn adam(ctx: Context, print: Print, name: &str, adam: &Adam) -> Result {
    let (mut w, mut m, mut v) = (fill(80, N), vec![0.0; N], vec![0.0; N]);
    let mut top = vec![0.0; if adam.amsgrad { N } else { 0 }];
    for step in 1..=5 {
        adam_step(ctx, adam, step, &fill(80 + step, N), &mut w, &mut m, &mut v, &mut top)?;
    }
    print(&format!("{name}/parameters"), &w);
    print(&format!("{name}/average"), &m);
    print(&format!("{name}/average_of_squares"), &v);
    Ok(())
}
