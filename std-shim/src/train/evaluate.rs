//! How good a network is on data it has not seen.

use flatgrad_core::Context;
use flatgrad_core::loss::{Target, mean_squared};
use flatgrad_core::net::{Loss, Trainer};

use crate::data::{Batch, Loader, TargetScaling, Task};
use crate::distributed::{Alone, Group};
use crate::error::Result;

/// What is measured on a test part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// The mean loss of the samples.
    pub loss: f32,
    /// Share of correct answers from 0 to 1, if the task is about classes.
    pub accuracy: Option<f64>,
    /// Mean absolute error of all values, if the task is about values; in their own unit
    /// ([`Dataset::target_scaling`](crate::data::Dataset::target_scaling)), as the loss is not.
    pub mae: Option<f64>,
}

/// What training minimizes for this task, unless told otherwise.
pub fn loss_for(task: &Task) -> Loss {
    match task {
        Task::Classes { .. } => Loss::CrossEntropy { label_smoothing: 0.0 },
        Task::Values { .. } => Loss::MeanSquared,
    }
}

/// Evaluates all samples of `loader`, in order.
///
/// # Errors
///
/// Those of the data and of [`Trainer::evaluate`].
pub fn evaluate(ctx: Context, trainer: &mut Trainer, loader: &Loader) -> Result<Evaluation> {
    evaluate_in(ctx, &mut Alone, trainer, loader)
}

/// [`evaluate`], each rank its share of every batch.
pub(super) fn evaluate_in(
    ctx: Context,
    group: &mut dyn Group,
    trainer: &mut Trainer,
    loader: &Loader,
) -> Result<Evaluation> {
    let mut sums = Sums::default();
    loader.each(|batch| match batch.is_empty() {
        true => Ok(()),
        false => sums.add(ctx, trainer, batch, loader.data().target_scaling()),
    })?;
    let sums = sums.of_all(group)?;
    let samples = sums.samples as f64;
    let classes = sums.values == 0;
    Ok(Evaluation {
        loss: (sums.loss / samples) as f32,
        accuracy: classes.then(|| sums.correct as f64 / samples),
        mae: (!classes).then(|| sums.absolute / sums.values as f64),
    })
}

#[derive(Default)]
struct Sums {
    samples: usize,
    loss: f64,
    correct: usize,
    values: usize,
    absolute: f64,
}

impl Sums {
    /// All ranks', added up in their order.
    fn of_all(self, group: &mut dyn Group) -> Result<Self> {
        if group.size() == 1 {
            return Ok(self);
        }
        let Self { samples, loss, correct, values, absolute } = self;
        let mine = [samples as u64, loss.to_bits(), correct as u64, values as u64, absolute.to_bits()];
        let mut all = Self::default();
        for given in group.gather(&mine.map(u64::to_le_bytes).concat())? {
            let mut given = given.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
            let mut next = || given.next().unwrap_or_default();
            all.samples += next() as usize;
            all.loss += f64::from_bits(next());
            all.correct += next() as usize;
            all.values += next() as usize;
            all.absolute += f64::from_bits(next());
        }
        Ok(all)
    }

    fn add(&mut self, ctx: Context, trainer: &mut Trainer, batch: &Batch, unit: Option<&TargetScaling>) -> Result {
        self.samples += batch.len();
        let Target::Values(target) = batch.target() else {
            let report = trainer.evaluate(batch.x(), batch.target())?;
            self.loss += f64::from(report.loss_sum);
            self.correct += report.correct;
            return Ok(());
        };
        // One pass gives both: the outputs are needed for the error, and the loss follows from them.
        let outputs = trainer.infer(batch.x())?;
        let each = outputs.len() / batch.len().max(1);
        let loss = mean_squared(ctx, [batch.len(), each], outputs, target)? / each as f32;
        self.loss += f64::from(loss);
        self.values += target.len();
        let std = |i: usize| unit.and_then(|unit| unit.std.get(i % each.max(1))).map_or(1.0, |&std| f64::from(std));
        let error = |(i, (y, t)): (usize, (&f32, &f32))| (f64::from(*y) - f64::from(*t)).abs() * std(i);
        self.absolute += outputs.iter().zip(target).enumerate().map(error).sum::<f64>();
        Ok(())
    }
}
