//! A training of so many steps, watched at every step.

use flatgrad_core::net::{Config, Net, Optimizer, Plan, Trainer};

use super::lab::Lab;
use crate::data::{Loader, Normalizer};
use crate::error::Result;
use crate::report::Progress;
use crate::train::{Evaluation, History, evaluate, loss_for};

/// Batches over which batch norm's averages are taken before it is evaluated.
const CALIBRATION_BATCHES: u32 = 16;
/// As the training loop does: what has faded away in the optimizer's state goes.
const FLUSH_STEPS: u64 = 32;

/// What is trained, and how.
#[derive(Clone, Copy)]
pub(super) struct Course<'a> {
    pub(super) net: Net<'a>,
    pub(super) optimizer: Optimizer,
    pub(super) batch: usize,
    pub(super) steps: u64,
    pub(super) seed: u64,
}

/// A training after one of its steps.
pub(super) struct Moment<'m, 't> {
    /// Counted from 1; 0 before the first.
    pub(super) step: u64,
    pub(super) trainer: &'m mut Trainer<'t>,
    lab: &'m Lab<'m>,
    normalizer: &'m Normalizer,
    batch: usize,
}

impl Course<'_> {
    /// Trains and gives the loss of each step's batch; `watch` is called before the first step and after each. A loss
    /// that is not finite is the last.
    pub(super) fn run(
        &self,
        lab: &Lab,
        progress: &Progress,
        mut watch: impl FnMut(&mut Moment) -> Result,
    ) -> Result<Vec<f32>> {
        let data = lab.data();
        let config = Config::new(self.batch, self.optimizer).align(16).loss(loss_for(data.train.task()));
        let plan = Plan::try_new(&self.net, config).map_err(flatgrad_core::Error::Net)?;
        let mut arena = vec![0.0; plan.train_len()];
        let mut trainer = Trainer::new(lab.context(), &plan, &mut arena, self.seed)?;
        let normalizer = Normalizer::fit(&data.train)?;
        let loader = Loader::new(&data.train, &normalizer, self.batch).seed(self.seed).drop_last(true);
        let mut losses = Vec::new();
        let mut moment = |step, trainer: &mut Trainer| {
            watch(&mut Moment { step, trainer, lab, normalizer: &normalizer, batch: self.batch })
        };
        moment(0, &mut trainer)?;
        let mut finite = true;
        for epoch in 0.. {
            let (before, done) = (losses.len(), |losses: &Vec<f32>| losses.len() as u64 >= self.steps);
            loader.epoch(epoch, |batches| {
                while let (false, true, Some(batch)) = (done(&losses), finite, batches.next_batch()?) {
                    let report = trainer.step(&self.optimizer, batch.x(), batch.target())?;
                    losses.push(report.loss_sum / batch.len() as f32);
                    let step = losses.len() as u64;
                    if step.is_multiple_of(FLUSH_STEPS) {
                        trainer.flush_state(&self.optimizer)?;
                    }
                    finite = losses.last().is_some_and(|loss| loss.is_finite());
                    progress.advance();
                    moment(step, &mut trainer)?;
                }
                Ok(())
            })?;
            if done(&losses) || !finite || losses.len() == before {
                break;
            }
        }
        Ok(losses)
    }

    /// Trains and gives the smoothed loss after each step.
    pub(super) fn smoothed(&self, lab: &Lab, progress: &Progress) -> Result<Vec<f64>> {
        Ok(smoothed(self.run(lab, progress, |_| Ok(()))?))
    }
}

/// The moving average of the losses.
pub(super) fn smoothed(step_losses: Vec<f32>) -> Vec<f64> {
    History { step_losses, ..History::default() }.smoothed_losses()
}

impl Moment<'_, '_> {
    /// Whether it is one of about `count` moments of `steps` that are looked at: evenly spread, the last among them.
    pub(super) fn is_one_of(&self, count: u64, steps: u64) -> bool {
        let every = steps.div_ceil(count.max(1)).max(1);
        self.step.is_multiple_of(every) || self.step == steps
    }

    /// Takes batch norm's averages anew, from the weights as they are.
    pub(super) fn calibrate(&mut self) -> Result {
        let loader = Loader::new(&self.lab.data().train, self.normalizer, self.batch).drop_last(true);
        loader.in_order(|batches| {
            for number in 1..=CALIBRATION_BATCHES {
                let Some(batch) = batches.next_batch()? else { break };
                self.trainer.calibrate(batch.x(), number)?;
            }
            Ok(())
        })
    }

    /// On the test part, with batch norm's averages taken anew.
    pub(super) fn test(&mut self) -> Result<Evaluation> {
        self.calibrate()?;
        evaluate(self.lab.context(), self.trainer, &Loader::new(&self.lab.data().test, self.normalizer, self.batch))
    }

    /// The first `count` training samples, as the network is given them.
    pub(super) fn probe(&self, count: usize) -> Result<Vec<f32>> {
        let loader = Loader::new(&self.lab.data().train, self.normalizer, count);
        loader.in_order(|batches| Ok(batches.next_batch()?.map(|batch| batch.x().to_vec()).unwrap_or_default()))
    }
}
