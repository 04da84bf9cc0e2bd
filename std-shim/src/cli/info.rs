//! `flatgrad info`.

use std::path::PathBuf;

use clap::Args;
use flatgrad::Result;
use flatgrad::model::{dropout_notes, flat_weights, named_weights};
use flatgrad::report::{grouped, layer_rows, layer_table};

use super::net::NetArgs;
use super::output::Printer;
use super::weights_file::{Trained, load, of_file, with_plan};

#[derive(Debug, Args)]
pub struct InfoArgs {
    /// The `weights.safetensors` of a run, or a state dict of PyTorch's with --net
    #[arg(value_name = "FILE")]
    pub weights: PathBuf,
    #[command(flatten)]
    pub net: NetArgs,
}

/// What is in a file of weights.
pub fn info(args: &InfoArgs) -> Result {
    let Trained { network, weights, bytes } = load(&args.weights, args.net.named()?)?;
    let printer = Printer { to_stderr: false };
    let [channels, height, width] = network.input();
    with_plan(&network, 1, |plan| {
        // The hash in the order of the network: a file keeps none.
        let flat = flat_weights(plan, &weights).map_err(of_file(&args.weights))?;
        let sha256 = named_weights(plan, &flat, 0)?.sha256();
        printer.line(format_args!("network         {}", network.name()));
        printer.line(format_args!("input           {channels} x {height} x {width}"));
        if let Some(scaling) = network.scaling() {
            printer.line(format_args!(
                "scaling         mean {:?}, deviation {:?}, in parts of {}",
                scaling.mean, scaling.std, scaling.white
            ));
        }
        if let Ok(Some(_)) = network.test(network.samples()) {
            let [channels, height, width] = network.samples();
            printer.line(format_args!("samples         {channels} x {height} x {width}, made the input by its recipe"));
        }
        if let Some(targets) = network.targets() {
            printer.line(format_args!("values          mean {:?}, deviation {:?}", targets.mean, targets.std));
        }
        if let Some(columns) = network.columns() {
            printer.line(format_args!("columns         {} -> {}", columns.features.join(", "), columns.target));
        }
        for note in dropout_notes(plan) {
            printer.line(format_args!("dropout         {note}"));
        }
        let tensors = weights.iter().count();
        printer.line(format_args!("file            {} bytes, {tensors} tensors", grouped(bytes as u64)));
        printer.line(format_args!("weights sha256  {sha256}\n"));
        printer.line(format_args!("{}", layer_table(&layer_rows(plan))));
        Ok(())
    })
}
