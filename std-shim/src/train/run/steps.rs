//! From batches to steps.

use std::time::Instant;

use flatgrad_core::loss::Target;
use flatgrad_core::optim::ema_update;

use super::watch::Watch;
use super::{Pass, Run};
use crate::error::Result;
use crate::train::feed::{Feed, Part};
use crate::train::{Callback, Clip, Flow, StepRecord};

/// After so many steps, what has faded away in the optimizer's state is taken out of it.
const FLUSH_STEPS: u64 = 32;

impl Run<'_, '_, '_> {
    /// The rest of an epoch; says why it ended early, if it did.
    pub(super) fn epoch(&mut self, feed: &Feed) -> Result<Flow> {
        let (start, before) = (Instant::now(), self.position.samples);
        let (mut flow, mut waited) = (Flow::CONTINUE, 0.0);
        if self.position.step_in_epoch < feed.steps() && !self.is_over() {
            waited = feed.epoch(self.position.epoch, self.position.step_in_epoch, |part| {
                if let Some(watch) = &mut self.watch {
                    watch.choose(self.position.step_in_epoch, feed.steps());
                }
                self.accumulate(&part)?;
                if !part.last {
                    return Ok(true);
                }
                let samples = self.position.samples - before + part.total;
                flow = self.step(part.total, Pass { samples, time: start.elapsed(), waited: 0.0 }.rate())?;
                if flow.save && !flow.abort {
                    self.checkpoint()?;
                }
                Ok(!flow.stop && !flow.abort && !self.is_over())
            })?;
        }
        self.pass = Pass { samples: self.position.samples - before, time: start.elapsed(), waited };
        self.all.samples += self.pass.samples;
        self.all.time += self.pass.time;
        self.all.waited += waited;
        Ok(flow)
    }

    /// Adds the gradients of a batch to those of its step.
    fn accumulate(&mut self, part: &Part) -> Result {
        let (batch, [before, after]) = (part.batch, part.elsewhere);
        if batch.is_empty() {
            self.trainer.skip(before + after);
            self.losses.push(0.0);
            return Ok(());
        }
        self.trainer.skip(before);
        let target = if part.weights.is_empty() {
            batch.target()
        } else {
            let outputs = part.weights.len();
            self.targets.clear();
            self.targets.resize(outputs * batch.len(), 0.0);
            for (row, &label) in self.targets.chunks_exact_mut(outputs).zip(batch.labels()) {
                row[label as usize] = part.weights[label as usize];
            }
            Target::Values(&self.targets)
        };
        let report = match self.watch.as_mut().and_then(Watch::collector) {
            Some(collector) => self.trainer.accumulate_observed(batch.x(), target, part.total, collector)?,
            None => self.trainer.accumulate(batch.x(), target, part.total)?,
        };
        self.trainer.skip(after);
        self.losses.push(report.loss_sum);
        self.correct += report.correct;
        Ok(())
    }

    /// The step, once its gradients are there.
    fn step(&mut self, samples: usize, samples_per_second: f64) -> Result<Flow> {
        self.reduce()?;
        match self.settings.clip {
            Some(Clip::Norm(limit)) => {
                self.trainer.clip_by_norm(limit)?;
            }
            Some(Clip::Value(limit)) => self.trainer.clip_by_value(limit)?,
            None => {}
        }
        let optimizer = self.settings.optimizer.with_lr(self.lr());
        if let Some(watch) = &mut self.watch {
            watch.before_update(self.trainer.weights());
        }
        self.trainer.update(&optimizer)?;
        if let Some(watch) = &mut self.watch {
            watch.after_update(self.trainer.weights());
        }
        if self.position.step % FLUSH_STEPS == FLUSH_STEPS - 1 {
            self.trainer.flush_state(&optimizer)?;
        }
        if let (Some(average), Some(decay)) = (&mut self.average, self.settings.ema) {
            let params = &self.trainer.weights()[..average.len()];
            // The average begins with the parameters after the first step.
            match self.position.step {
                0 => average.copy_from_slice(params),
                _ => ema_update(self.ctx, decay, params, average)?,
            }
        }
        let batch_loss = self.losses.iter().fold(0.0, |sum, loss| sum + loss) / samples as f32;
        let position = &mut self.position;
        self.losses.drain(..).for_each(|loss| position.loss_sum += f64::from(loss));
        position.step += 1;
        position.step_in_epoch += 1;
        position.samples += samples;
        let correct = std::mem::take(&mut self.correct);
        if self.classes {
            position.correct += correct;
            position.answered += samples;
        }
        let record = StepRecord {
            step: position.step,
            epoch: position.epoch,
            batch_loss,
            batch_accuracy: self.classes.then(|| correct as f64 / samples as f64),
            loss: position.loss_sum / position.samples as f64,
            accuracy: position.accuracy(),
            lr: optimizer.lr(),
            samples_per_second,
        };
        self.check_finite(batch_loss)?;
        self.history.batch(&record)?;
        let mut flow = Flow::CONTINUE;
        for callback in &mut *self.callbacks {
            flow = flow | callback.batch(&record)?;
        }
        self.agree(flow)
    }

    /// The rate of the next step.
    fn lr(&self) -> f32 {
        self.lr_of(self.position.step)
    }

    pub(super) fn lr_of(&self, step: u64) -> f32 {
        let base = f64::from(self.settings.optimizer.lr());
        self.settings.schedule.lr(base, step, &self.position.plateau) as f32
    }
}
