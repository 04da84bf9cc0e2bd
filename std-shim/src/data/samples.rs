//! What training takes of its data.

use std::sync::Arc;

use super::{DataSplit, Dataset, Standardized, TargetScaling, split};
use crate::error::{Error, Result};

/// Which samples a run trains on, and by which it chooses.
///
/// ```
/// use flatgrad::data::{self, Dataset, SampleOptions};
/// let options = SampleOptions { limit: Some(1000), validation: Some(0.1), ..SampleOptions::default() };
/// let samples = options.choose(data::digits()?.shared())?;
/// let validation = samples.validation.map_or(0, |part| part.len());
/// assert!((samples.data.train.len() + validation).abs_diff(1000) <= 10);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SampleOptions {
    /// Leave out training samples until there are about so many, the same share of each class.
    pub limit: Option<usize>,
    /// The share of the training samples that is held out for validation.
    pub validation: Option<f64>,
    /// Values to predict stay as they are. Else they get mean 0 and deviation 1.
    pub raw_targets: bool,
    /// Chooses the samples.
    pub seed: u64,
}

/// A part of the data, of any kind.
type Part = Arc<dyn Dataset>;

/// All samples of a run.
#[derive(Clone)]
pub struct Samples {
    /// Those to learn, and those for testing.
    pub data: DataSplit,
    /// Those to choose by.
    pub validation: Option<Part>,
    /// How values to predict were standardized; nothing if they are classes.
    pub targets: Option<TargetScaling>,
}

impl SampleOptions {
    /// Chooses them. What is measured of values to predict is measured on the samples to learn.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for an option that does not fit the data.
    pub fn choose(&self, data: DataSplit) -> Result<Samples> {
        let (train, validation) = self.hold_out(self.limited(data.train)?)?;
        let targets = match TargetScaling::fit(&train) {
            None if self.raw_targets => {
                return Err(Error::setting("raw_targets", "is for numbers to predict; these are classes"));
            }
            Some(_) if self.raw_targets => Some(TargetScaling::identity(train.task().outputs())),
            fitted => fitted,
        };
        let standardized = |part| -> Result<Part> {
            let Some(targets) = &targets else { return Ok(part) };
            Ok(Arc::new(Standardized::new(part, targets.clone())?))
        };
        let validation = validation.map(standardized).transpose()?;
        let data = DataSplit { train: standardized(train)?, test: standardized(data.test)? };
        Ok(Samples { data, validation, targets })
    }

    fn limited(&self, train: Part) -> Result<Part> {
        let samples = train.len();
        let Some(limit) = self.limit.filter(|&limit| limit != samples) else { return Ok(train) };
        if limit == 0 || limit > samples {
            return Err(Error::setting("limit", format!("must be from 1 to {samples}, got {limit}")));
        }
        Ok(Arc::new(split(train, 1.0 - limit as f64 / samples as f64, self.seed)?.train))
    }

    fn hold_out(&self, train: Part) -> Result<(Part, Option<Part>)> {
        let Some(share) = self.validation else { return Ok((train, None)) };
        if !(share > 0.0 && share < 1.0) {
            return Err(Error::setting("validation", "must be above 0 and below 1: the share of the training part"));
        }
        let samples = train.len();
        let leaves_none = |_| Error::setting("validation", format!("leaves no samples on one side of {samples}"));
        let parts = split(train, share, self.seed).map_err(leaves_none)?.shared();
        Ok((parts.train, Some(parts.test)))
    }
}
