//! How good a network is on data it has not seen.

use flatgrad_core::Context;
use flatgrad_core::loss::{Target, mean_squared};
use flatgrad_core::net::{Loss, Trainer};

use crate::data::{Batch, Loader, Task};
use crate::error::Result;

/// What is measured on a test part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// The mean loss of the samples.
    pub loss: f32,
    /// Share of correct answers from 0 to 1, if the task is about classes.
    pub accuracy: Option<f64>,
    /// Mean absolute error of all values, if the task is about values.
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
    let mut sums = Sums::default();
    loader.in_order(|batches| {
        while let Some(batch) = batches.next_batch()? {
            sums.add(ctx, trainer, batch)?;
        }
        Ok(())
    })?;
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
    fn add(&mut self, ctx: Context, trainer: &mut Trainer, batch: &Batch) -> Result {
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
        self.absolute += outputs.iter().zip(target).map(|(y, t)| (f64::from(*y) - f64::from(*t)).abs()).sum::<f64>();
        Ok(())
    }
}
