//! A run's checkpoints: made, and taken up again.

use super::Run;
use super::ranks::all_or_none;
use crate::error::{Error, Result};
use crate::train::{Callback, Checkpoint, Saved};

impl Run<'_, '_, '_> {
    /// Gives everybody a checkpoint.
    pub(super) fn checkpoint(&mut self) -> Result {
        let mut saved = Saved::default();
        self.history.save(&mut saved);
        if let Some(watch) = &self.watch {
            watch.save(&mut saved);
        }
        self.callbacks.iter().for_each(|callback| callback.save(&mut saved));
        let checkpoint = Checkpoint {
            position: self.position,
            settings: self.identity.0.clone(),
            data: self.identity.1.clone(),
            weights: self.trainer.weights().to_vec(),
            optimizer: self.trainer.state().to_vec(),
            average: self.average.clone(),
            saved,
        };
        self.callbacks.iter_mut().try_for_each(|callback| callback.checkpoint(&checkpoint))
    }

    /// Goes on from a checkpoint, if there is one.
    pub(super) fn take_up(&mut self, checkpoint: Option<Checkpoint>) -> Result {
        let Some(checkpoint) = checkpoint else { return Ok(()) };
        let loaded = self.load(checkpoint);
        all_or_none(self.group, loaded)
    }

    fn load(&mut self, checkpoint: Checkpoint) -> Result {
        checkpoint.check(&self.identity.0, &self.identity.1)?;
        if checkpoint.position.epoch > self.settings.epochs {
            let fault = format!("the run has made all its {} epochs; ask for more with `epochs`", self.settings.epochs);
            return Err(Error::setting("resume", fault));
        }
        let fits = checkpoint.weights.len() == self.trainer.weights().len()
            && checkpoint.optimizer.len() == self.trainer.state().len()
            && checkpoint.average.as_ref().map(Vec::len) == self.average.as_ref().map(Vec::len);
        let steps = u32::try_from(checkpoint.position.step).ok().filter(|_| fits);
        let steps = steps.ok_or_else(|| Error::weights("checkpoint", "is not of this network"))?;
        self.trainer.weights_mut().copy_from_slice(&checkpoint.weights);
        self.trainer.state_mut().copy_from_slice(&checkpoint.optimizer);
        self.trainer.set_steps(steps);
        self.evaluated = checkpoint.weights;
        self.average = checkpoint.average;
        self.position = checkpoint.position;
        self.history.load(&checkpoint.saved)?;
        if let Some(watch) = &mut self.watch {
            watch.load(&checkpoint.saved)?;
        }
        self.callbacks.iter_mut().try_for_each(|callback| callback.load(&checkpoint.saved))
    }
}
