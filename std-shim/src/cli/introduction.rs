//! What `flatgrad train` says before it trains.

use flatgrad::data::{DataSplit, Dataset, Scaling};
use flatgrad::model::layer_rows;
use flatgrad::report::{grouped, layer_table};
use flatgrad_core::net::Plan;

use super::args::{TrainArgs, is_table};
use super::output::{Printer, megabytes};
use super::summary::Machine;

/// The run, its data, its network and what it takes.
pub fn introduce(
    printer: Printer,
    args: &TrainArgs,
    net: &str,
    data: &DataSplit,
    scaling: Option<&Scaling>,
    plan: &Plan,
    machine: Machine,
) {
    let train = &data.train;
    printer.line(format_args!(
        "{net} on {}: {}, batches of {}, seed {}; {}",
        train.name(),
        args.optimizer_name(),
        args.batch(data),
        args.seed,
        machine.describe(),
    ));
    printer.line(format_args!("  {}\n", describe(data, scaling)));
    printer.line(format_args!("{}", layer_table(&layer_rows(plan))));
    let arena = megabytes(4 * plan.train_len() as u64);
    printer.line(format_args!("  training takes {arena} in one arena\n"));
}

/// The data in a line.
fn describe(data: &DataSplit, scaling: Option<&Scaling>) -> String {
    let (train, test) = (grouped(data.train.len() as u64), grouped(data.test.len() as u64));
    let [channels, height, width] = data.train.shape();
    let outputs = data.train.task().outputs();
    let task =
        if data.train.task().is_classes() { format!("{outputs} classes") } else { format!("{outputs} to predict") };
    if is_table(data) {
        return format!("{train} training and {test} test samples of {channels} numbers, {task}");
    }
    let measured = scaling
        .map_or(String::new(), |scaling| format!("; mean {:.4}, deviation {:.4}", scaling.mean[0], scaling.std[0]));
    format!("{train} training and {test} test images, {channels} x {height} x {width}, {task}{measured}")
}
