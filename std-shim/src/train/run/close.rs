//! The end of an epoch: evaluation, and what follows from it.

use flatgrad_core::net::{Kind, LayerInfo};

use super::{Parts, Run};
use crate::error::{Error, Result};
use crate::train::evaluate::evaluate_in;
use crate::train::feed::Feed;
use crate::train::{Callback, EpochEnd, EpochRecord, Flow, Position};

/// At most so many of an epoch's whole batches count for batch norm's running averages
/// ([`Trainer::calibrate`](flatgrad_core::net::Trainer::calibrate)).
const CALIBRATION_BATCHES: u32 = 64;

impl Run<'_, '_, '_> {
    /// Evaluates, tells everybody, and turns to the next epoch if this one is `whole`.
    pub(super) fn close_epoch(&mut self, parts: &Parts, whole: bool) -> Result<Flow> {
        let record = self.evaluate(parts)?;
        let Position { epoch, step, .. } = self.position;
        let loss = record.validation_loss.unwrap_or(record.test_loss);
        let stats = self.watch.as_mut().map(|watch| watch.close(epoch, step));
        let end = EpochEnd { record: &record, step, loss, weights: &self.evaluated, stats: stats.as_ref() };
        self.history.epoch(&end)?;
        let base = f64::from(self.settings.optimizer.lr());
        let mut flow = Flow::CONTINUE;
        for callback in &mut *self.callbacks {
            flow = flow | callback.epoch(&end)?;
        }
        let flow = self.agree(flow)?;
        if whole {
            self.settings.schedule.observe(base, f64::from(loss), &mut self.position.plateau);
            let Position { step, plateau, .. } = self.position;
            self.position = Position { step, plateau, epoch: epoch + 1, ..Position::default() };
            let unfinished = !flow.stop && self.position.epoch <= self.settings.epochs;
            if flow.save || flow.abort || (unfinished && self.is_over()) {
                self.checkpoint()?;
            }
        }
        if flow.abort { Err(Error::Interrupted { step }) } else { Ok(flow) }
    }

    /// Measures the weights as they are to be given back, and keeps them.
    fn evaluate(&mut self, parts: &Parts) -> Result<EpochRecord> {
        let Position { epoch, samples, loss_sum, step, .. } = self.position;
        let kept = self.average.as_ref().map(|_| self.trainer.weights().to_vec());
        if let Some(average) = &self.average {
            self.trainer.weights_mut()[..average.len()].copy_from_slice(average);
        }
        self.calibrate(&parts.train)?;
        self.check_weights()?;
        let test = evaluate_in(self.ctx, self.group, &mut self.trainer, &parts.test)?;
        self.check_finite(test.loss)?;
        let validation = match &parts.validation {
            Some(part) => Some(evaluate_in(self.ctx, self.group, &mut self.trainer, part)?),
            None => None,
        };
        let train_part = match &parts.train_eval {
            Some(part) => Some(evaluate_in(self.ctx, self.group, &mut self.trainer, part)?),
            None => None,
        };
        self.evaluated.clear();
        self.evaluated.extend(self.trainer.weights());
        if let Some(kept) = kept {
            self.trainer.weights_mut().copy_from_slice(&kept);
        }
        Ok(EpochRecord {
            epoch,
            train_loss: (loss_sum / samples.max(1) as f64) as f32,
            train_accuracy: self.position.accuracy(),
            test_loss: test.loss,
            test_accuracy: test.accuracy,
            test_mae: test.mae,
            validation_loss: validation.map(|v| v.loss),
            validation_accuracy: validation.and_then(|v| v.accuracy),
            validation_mae: validation.and_then(|v| v.mae),
            train_part_loss: train_part.map(|part| part.loss),
            train_part_accuracy: train_part.and_then(|part| part.accuracy),
            train_part_mae: train_part.and_then(|part| part.mae),
            seconds: self.pass.time.as_secs_f64(),
            samples_per_second: self.pass.rate(),
            lr: self.lr_of(step.saturating_sub(1)),
        })
    }

    /// Estimates the running averages of batch norm anew, for the weights as they are now: training goes on as it would
    /// have without, evaluation and saved weights do not depend on which batches came last. In a group, rank 0 does it
    /// for all.
    fn calibrate(&mut self, feed: &Feed) -> Result {
        let normalizes = |layer: LayerInfo| matches!(layer.kind, Kind::BatchNorm { .. });
        if !self.trainer.plan().layers().any(normalizes) {
            return Ok(());
        }
        let Position { epoch, samples, .. } = self.position;
        if self.group.rank() > 0 {
            return self.take_running();
        }
        feed.whole_batches(epoch, samples, CALIBRATION_BATCHES, |x, number| Ok(self.trainer.calibrate(x, number)?))?;
        self.take_running()
    }
}
