//! Numbers to predict, with mean 0 and standard deviation 1 for training.

use super::{DataFault, Dataset, Label, Scratch, Task, Values};
use crate::error::{Error, Result};

/// How a value to predict becomes what a network learns: `(y - mean) / std`, with the numbers of its output.
///
/// ```
/// use flatgrad::data::{Floats, TargetScaling, Targets};
/// let targets = Targets::values(1, vec![10.0, 30.0]).unwrap();
/// let rooms = Floats::new("rooms", [1, 1, 1], vec![1.0, 2.0], targets)?;
/// let scaling = TargetScaling::fit(&rooms).unwrap();
/// assert_eq!((&scaling.mean[..], &scaling.std[..]), (&[20.0][..], &[10.0][..]));
/// let mut outputs = [-1.0, 0.5];
/// scaling.undo(&mut outputs);
/// assert_eq!(outputs, [10.0, 25.0]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Numerics
///
/// Mean and (biased) standard deviation come from two passes in f64, sample after sample, rounded to f32 once; the
/// deviation of a constant is 1. Both formulas are in f64, rounded once.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetScaling {
    /// The mean of each output.
    pub mean: Vec<f32>,
    /// The standard deviation of each output.
    pub std: Vec<f32>,
}

impl TargetScaling {
    /// Measures the targets of `train`; nothing if they are classes.
    pub fn fit(train: &dyn Dataset) -> Option<Self> {
        let Task::Values { outputs } = *train.task() else { return None };
        let total = |term: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0.0; outputs];
            for index in 0..train.len() {
                if let Label::Values(values) = train.target(index) {
                    for (output, (sum, &value)) in sums.iter_mut().zip(values).enumerate() {
                        *sum += term(output, f64::from(value));
                    }
                }
            }
            sums
        };
        let count = train.len() as f64;
        let mean: Vec<f64> = total(&|_, y| y).into_iter().map(|sum| sum / count).collect();
        let squares = total(&|output, y| (y - mean[output]) * (y - mean[output]));
        let std = squares.into_iter().map(|sum| (sum / count).sqrt() as f32);
        let std = std.map(|std| if std > 0.0 && std.is_finite() { std } else { 1.0 }).collect();
        Some(Self { mean: mean.into_iter().map(|mean| mean as f32).collect(), std })
    }

    /// The one that changes nothing.
    pub fn identity(outputs: usize) -> Self {
        Self { mean: vec![0.0; outputs], std: vec![1.0; outputs] }
    }

    /// Makes of values `[n, outputs]` what a network learns.
    pub fn apply(&self, values: &mut [f32]) {
        self.each(values, |y, mean, std| (y - mean) / std);
    }

    /// Makes of a network's outputs `[n, outputs]` values: `mean + std * output`.
    pub fn undo(&self, outputs: &mut [f32]) {
        self.each(outputs, |output, mean, std| mean + std * output);
    }

    fn each(&self, values: &mut [f32], formula: impl Fn(f64, f64, f64) -> f64) {
        for row in values.chunks_mut(self.mean.len().max(1)) {
            for ((value, &mean), &std) in row.iter_mut().zip(&self.mean).zip(&self.std) {
                *value = formula(f64::from(*value), f64::from(mean), f64::from(std)) as f32;
            }
        }
    }
}

/// The samples of another data set, with standardized values to predict; as scikit-learn's
/// `TransformedTargetRegressor`. Losses are then those of standardized values; mean absolute errors are still in the
/// target's own unit ([`Dataset::target_scaling`]).
///
/// ```
/// use flatgrad::data::{Dataset, Floats, Label, Standardized, TargetScaling, Targets};
/// let targets = Targets::values(1, vec![10.0, 30.0]).unwrap();
/// let rooms = Floats::new("rooms", [1, 1, 1], vec![1.0, 2.0], targets)?;
/// let scaling = TargetScaling::fit(&rooms).unwrap();
/// let standardized = Standardized::new(rooms, scaling)?;
/// assert_eq!(standardized.target(1), Label::Values(&[1.0]));
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Standardized<D> {
    data: D,
    scaling: TargetScaling,
    /// `[n, outputs]`
    values: Vec<f32>,
}

impl<D: Dataset> Standardized<D> {
    /// The samples of `data`; `scaling` is that of the training part.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if the task is about classes, or about other numbers of values.
    pub fn new(data: D, scaling: TargetScaling) -> Result<Self> {
        let outputs = scaling.mean.len();
        if *data.task() != (Task::Values { outputs }) || scaling.std.len() != outputs {
            let fault = format!("no {outputs} values to predict, as the scaling of the targets is for");
            return Err(Error::data(data.name(), DataFault::Format(fault)));
        }
        let mut values = Vec::with_capacity(outputs * data.len());
        for index in 0..data.len() {
            if let Label::Values(row) = data.target(index) {
                values.extend(row);
            }
        }
        scaling.apply(&mut values);
        Ok(Self { data, scaling, values })
    }
}

impl<D: Dataset> Dataset for Standardized<D> {
    fn name(&self) -> &str {
        self.data.name()
    }
    fn len(&self) -> usize {
        self.data.len()
    }
    fn shape(&self) -> [usize; 3] {
        self.data.shape()
    }
    fn task(&self) -> &Task {
        self.data.task()
    }
    fn white(&self) -> Option<u8> {
        self.data.white()
    }
    fn target(&self, index: usize) -> Label<'_> {
        Label::Values(self.values.chunks_exact(self.scaling.mean.len().max(1)).nth(index).unwrap_or_default())
    }
    fn target_scaling(&self) -> Option<&TargetScaling> {
        Some(&self.scaling)
    }
    fn read<'a>(&'a self, index: usize, scratch: &'a mut Scratch) -> Result<Values<'a>> {
        self.data.read(index, scratch)
    }
}
