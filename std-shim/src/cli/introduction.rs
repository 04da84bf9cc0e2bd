//! What `flatgrad train` says before it trains.

use flatgrad::Result;
use flatgrad::data::{DataSplit, Dataset, Normalizer, Scaling, is_rows};
use flatgrad::report::{grouped, layer_rows, layer_table};
use flatgrad_core::net::Plan;

use super::job::Job;
use super::output::{Printer, megabytes};
use super::summary::Machine;

/// The run, its data, its network and what it takes.
pub fn introduce(job: &Job, plan: &Plan, printer: Printer, machine: Machine) -> Result {
    let Job { args, samples, network, settings, .. } = job;
    let data = &samples.data;
    printer.line(format_args!(
        "{} on {}: {}, batches of {}, seed {}; {}",
        network.name(),
        data.train.name(),
        args.optimizer,
        settings.batch,
        args.seed,
        machine.describe(),
    ));
    // Files are not all decoded for a line of text.
    let measured = if job.streams { None } else { Some(settings.normalize.fit(&data.train, 0)?) };
    printer.line(format_args!("  {}\n", describe(data, measured.as_ref().map(Normalizer::scaling))));
    printer.line(format_args!("{}", layer_table(&layer_rows(plan))));
    let arena = megabytes(4 * plan.train_len() as u64);
    printer.line(format_args!("  training takes {arena} in one arena\n"));
    Ok(())
}

/// The data in a line.
fn describe(data: &DataSplit, scaling: Option<&Scaling>) -> String {
    let (train, test) = (grouped(data.train.len() as u64), grouped(data.test.len() as u64));
    let [channels, height, width] = data.train.shape();
    let outputs = data.train.task().outputs();
    let task =
        if data.train.task().is_classes() { format!("{outputs} classes") } else { format!("{outputs} to predict") };
    if is_rows(&data.train) {
        return format!("{train} training and {test} test samples of {channels} numbers, {task}");
    }
    let measured = scaling
        .map_or(String::new(), |scaling| format!("; mean {:.4}, deviation {:.4}", scaling.mean[0], scaling.std[0]));
    format!("{train} training and {test} test images, {channels} x {height} x {width}, {task}{measured}")
}
