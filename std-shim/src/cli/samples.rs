//! The samples that `flatgrad train` trains on.

use std::num::NonZeroUsize;
use std::sync::Arc;

use flatgrad::Result;
use flatgrad::data::{self, Columns, DataSplit, Dataset, Opened, Standardized, TargetScaling};

use super::args::TrainArgs;
use super::method_args::setting;

/// All samples, as they go into training.
pub struct Samples {
    pub data: DataSplit,
    pub validation: Validation,
    /// How values to predict were standardized.
    pub targets: Option<TargetScaling>,
    pub columns: Option<Columns>,
    /// Whether they are decoded on the way.
    pub streams: bool,
}

impl Samples {
    pub fn open(args: &TrainArgs) -> Result<Self> {
        let Opened { split, columns, streams } = args.data.open()?;
        let (data, validation) = hold_out(limited(split, args)?, args.method.val, args.seed)?;
        let targets = targets(args, &data.train)?;
        let (data, validation) = standardized(data, validation, targets.as_ref())?;
        Ok(Self { data, validation, targets, columns, streams })
    }
}

/// Leaves out training samples, if there are to be few.
fn limited(data: DataSplit, args: &TrainArgs) -> Result<DataSplit> {
    let samples = data.train.len();
    let Some(limit) = args.train_samples.map(NonZeroUsize::get).filter(|&limit| limit != samples) else {
        return Ok(data);
    };
    if limit > samples {
        return Err(setting("train-samples", format!("must be from 1 to {samples}, got {limit}")));
    }
    let left_out = 1.0 - limit as f64 / samples as f64;
    let train: Arc<dyn Dataset> = Arc::new(data::split(data.train, left_out, args.seed)?.train);
    Ok(DataSplit { train, test: data.test })
}

/// What is held out for validation, if anything is.
type Validation = Option<Arc<dyn Dataset>>;

/// Takes a share of the training part for validation, if there is to be one.
fn hold_out(data: DataSplit, share: Option<f64>, seed: u64) -> Result<(DataSplit, Validation)> {
    let Some(share) = share else { return Ok((data, None)) };
    if !(share > 0.0 && share < 1.0) {
        return Err(setting("val", "must be above 0 and below 1: the share of the training part"));
    }
    let samples = data.train.len();
    let parts = data::split(data.train, share, seed);
    let parts = parts.map_err(|_| setting("val", format!("leaves no samples on one side of {samples}")))?.shared();
    Ok((DataSplit { train: parts.train, test: data.test }, Some(parts.test)))
}

/// How values to predict are standardized, measured on the training part; nothing if they are classes.
fn targets(args: &TrainArgs, train: &dyn Dataset) -> Result<Option<TargetScaling>> {
    match TargetScaling::fit(train) {
        None if args.raw_targets => Err(setting("raw-targets", "is for numbers to predict; these are classes")),
        Some(_) if args.raw_targets => Ok(Some(TargetScaling::identity(train.task().outputs()))),
        fitted => Ok(fitted),
    }
}

/// All parts with their values to predict standardized.
fn standardized(
    data: DataSplit,
    validation: Validation,
    targets: Option<&TargetScaling>,
) -> Result<(DataSplit, Validation)> {
    let Some(targets) = targets else { return Ok((data, validation)) };
    let one = |part| -> Result<Arc<dyn Dataset>> { Ok(Arc::new(Standardized::new(part, targets.clone())?)) };
    let validation = validation.map(one).transpose()?;
    Ok((DataSplit { train: one(data.train)?, test: one(data.test)? }, validation))
}
