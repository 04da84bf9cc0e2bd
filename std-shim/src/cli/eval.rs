//! `flatgrad eval`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use flatgrad::data::{Columns, Dataset, Loader, Normalizer, Task};
use flatgrad::model::{Network, Predictor};
use flatgrad::train::metrics::{MeanAbsoluteError, Metric, measure_all};
use flatgrad::{Error, Pool, Result};
use flatgrad_core::Isa;

use super::args::positive;
use super::crops::CropArgs;
use super::data::DataArgs;
use super::measured::{Classes, report_error};
use super::net::{BiasArgs, NetChoice};
use super::weights_file::{Trained, load, of_file, with_plan};

/// Samples that are computed at once.
const BATCH: usize = 64;

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// The `weights.safetensors` of a run, or a state dict of PyTorch's with --net
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    #[command(flatten)]
    pub data: DataArgs,
    /// The network, if the weights do not say it: a name, or a network file
    #[arg(long, value_name = "NAME|FILE", value_parser = NetChoice::parse)]
    pub net: Option<NetChoice>,
    #[command(flatten)]
    pub biases: BiasArgs,
    /// Which part of the data
    #[arg(long, value_enum, default_value_t = Part::Test)]
    pub part: Part,
    /// Also the share of samples whose class is among the K most probable
    #[arg(long, value_name = "K",
          value_parser = positive::<NonZeroUsize>, default_value = "3", allow_negative_numbers = true)]
    pub top: NonZeroUsize,
    #[command(flatten)]
    pub crops: CropArgs,
    /// One line of JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Part {
    Train,
    Test,
}

/// Measures trained weights on a data set.
pub fn eval(args: &EvalArgs) -> Result {
    let opened = args.data.open()?;
    let (data, columns, workers) = (opened.split, opened.columns, if opened.streams { Pool::available() } else { 0 });
    let outputs = data.train.task().outputs();
    let named = match &args.net {
        Some(net) => Some(net.network(data.train.shape(), outputs, args.biases)?),
        None => args.biases.check_unused().map(|()| None)?,
    };
    let Trained { network, weights, .. } = load(&args.weights, named)?;
    // A state dict from elsewhere does not say how samples are scaled: as training would have done it.
    let scaling = match network.scaling() {
        Some(scaling) => scaling.clone(),
        None => Normalizer::fit_with(&data.train, workers)?.scaling().clone(),
    };
    let part = match args.part {
        Part::Train => data.train,
        Part::Test => data.test,
    };
    let entrance = args.crops.entrance(&network, part.shape())?;
    check(&part, &network, entrance.views.shape(part.shape()), scaling.white)?;
    check_task(&part, &network)?;
    check_columns(columns.as_ref(), &network)?;
    // Crops take the place of samples in a batch.
    let views = &entrance.views;
    let batch = (BATCH / views.count()).max(1);
    with_plan(&network, batch * views.count(), |plan| {
        let pool = Pool::new(Pool::available())?;
        let predictor = Predictor::new(pool.context(Isa::detect()), plan, &weights);
        let mut predictor = predictor.map_err(of_file(&args.weights))?;
        let classes = part.task().is_classes();
        if classes && plan.outputs() < outputs || !classes && plan.outputs() != outputs {
            let fault = format!("{outputs} to tell; the network gives {}", plan.outputs());
            return Err(Error::setting("data", fault));
        }
        let normalizer = Normalizer::with_scaling(scaling.clone(), &part);
        let loader = Loader::new(&part, &normalizer, batch).workers(workers).pipeline(views.pipeline());
        if classes {
            let [mut measured, mut plain] = [(); 2].map(|()| Classes::new(args.top.get(), plan.outputs()));
            measure_all(&mut predictor, &loader, views, None, &mut measured.metrics(), &mut plain.metrics())?;
            measured.report(args, &part, Some((&entrance, &plain)).filter(|_| views.count() > 1));
        } else {
            let [mut error, mut plain] = [MeanAbsoluteError::default(); 2];
            measure_all(&mut predictor, &loader, views, network.targets(), &mut [&mut error], &mut [&mut plain])?;
            let plain = Some((&entrance, plain.value())).filter(|_| views.count() > 1);
            report_error(args, part.len(), error.value(), plain);
        }
        Ok(())
    })
}

/// Whether these are samples for the network.
fn check(part: &dyn Dataset, network: &Network, seen: [usize; 3], white: f32) -> Result {
    let found = part.white().map_or(1.0, f32::from);
    let (shape, input) = (part.shape(), network.input());
    if seen == input && found == white {
        return Ok(());
    }
    let becomes = if seen == shape { String::new() } else { format!(", which become {seen:?}") };
    let fault = format!("samples {shape:?} of 0 to {found}{becomes}; the network takes {input:?} of 0 to {white}");
    Err(Error::setting("data", fault))
}

/// Whether classes are asked of classes, and values of values.
fn check_task(part: &dyn Dataset, network: &Network) -> Result {
    match (part.task(), network.targets()) {
        (Task::Classes { .. }, Some(_)) => {
            Err(Error::setting("data", "has classes; the network predicts numbers (--regression)"))
        }
        (Task::Values { .. }, None) if !network.classes().is_empty() => {
            Err(Error::setting("data", "has numbers to predict; the network tells classes apart"))
        }
        _ => Ok(()),
    }
}

/// Whether a table has the features of training, in their order.
fn check_columns(found: Option<&Columns>, network: &Network) -> Result {
    let (Some(found), Some(known)) = (found, network.columns()) else { return Ok(()) };
    let differ = |(a, b): &(&String, &String)| a.replace(char::is_control, "\u{fffd}") != **b;
    match found.features.iter().zip(&known.features).find(differ) {
        Some((found, known)) => Err(Error::setting(
            "data",
            format!("has the feature {found:?} where training had {known:?}: the same columns, in order"),
        )),
        None => Ok(()),
    }
}
