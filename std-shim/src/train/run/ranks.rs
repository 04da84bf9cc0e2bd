//! What the ranks of a group do together. With one rank, nothing.

use sha2::{Digest, Sha256};

use super::Run;
use crate::distributed::Group;
use crate::error::{Error, Result};
use crate::files::hexadecimal;
use crate::train::Flow;

/// This rank's result, if no rank has an error.
pub(super) fn all_or_none<T>(group: &mut dyn Group, mine: Result<T>) -> Result<T> {
    if group.size() > 1 {
        group.agree(mine.as_ref().map(|_| ()).map_err(Error::to_string))?;
    }
    mine
}

impl Run<'_, '_, '_> {
    /// Adds up the gradients, losses and right answers of a step.
    pub(super) fn reduce(&mut self) -> Result {
        if self.group.size() == 1 {
            return Ok(());
        }
        self.sums.clear();
        self.sums.extend_from_slice(self.trainer.gradients());
        self.sums.extend_from_slice(&self.losses);
        // Exact: steps have far fewer than the 2^24 samples up to which f32 has every whole number.
        self.sums.push(self.correct as f32);
        self.group.sum(&mut self.sums)?;
        let (gradients, rest) = self.sums.split_at(self.trainer.gradients().len());
        self.trainer.gradients_mut().copy_from_slice(gradients);
        if let [losses @ .., correct] = rest {
            self.losses.copy_from_slice(losses);
            self.correct = *correct as usize;
        }
        Ok(())
    }

    /// What any rank's callbacks ask for.
    pub(super) fn agree(&mut self, flow: Flow) -> Result<Flow> {
        if self.group.size() == 1 {
            return Ok(flow);
        }
        let all = self.group.gather(&[flow.save, flow.stop, flow.abort].map(u8::from))?;
        let asked = |at: usize| all.iter().any(|flow| flow.get(at) == Some(&1));
        Ok(Flow { save: asked(0), stop: asked(1), abort: asked(2) })
    }

    /// Exchanges `weights` for rank 0's.
    pub(super) fn take_firsts(&mut self, weights: &mut [f32]) -> Result {
        if self.group.size() == 1 {
            return Ok(());
        }
        let bytes = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
        let firsts = self.group.broadcast(Ok(bytes))?;
        let firsts = firsts.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        weights.iter_mut().zip(firsts).for_each(|(weight, first)| *weight = first);
        Ok(())
    }

    /// The running averages of batch norm are rank 0's.
    pub(super) fn take_running(&mut self) -> Result {
        if self.group.size() == 1 {
            return Ok(());
        }
        let parameters = self.trainer.plan().parameters();
        let mut running = self.trainer.weights()[parameters..].to_vec();
        self.take_firsts(&mut running)?;
        self.trainer.weights_mut()[parameters..].copy_from_slice(&running);
        Ok(())
    }

    /// Whether all ranks are about to do the same.
    pub(super) fn check_start(&mut self, train_eval: bool) -> Result {
        if self.group.size() == 1 {
            return Ok(());
        }
        let (settings, data) = &self.identity;
        let position = serde_json::to_string(&self.position).unwrap_or_default();
        let state = hash(&[self.trainer.state(), self.average.as_deref().unwrap_or_default()]);
        let settings = settings.iter().map(|(name, value)| (name.clone(), value.clone()));
        let train_eval = train_eval.to_string();
        let rest = [
            ("data", data.clone()),
            ("position", position),
            ("optimizer's state", state),
            ("evaluation of the training part", train_eval),
        ];
        let all: Vec<_> = settings.chain(rest.map(|(name, value)| (name.to_string(), value))).collect();
        for (name, value) in all {
            self.check_same(&name, value.as_bytes())?;
        }
        self.check_weights()
    }

    /// Whether all ranks have the same weights.
    pub(super) fn check_weights(&mut self) -> Result {
        if self.group.size() == 1 {
            return Ok(());
        }
        let mine = hash(&[self.trainer.weights()]);
        self.check_same("weights", mine.as_bytes())
    }

    fn check_same(&mut self, name: &str, mine: &[u8]) -> Result {
        let all = self.group.gather(mine)?;
        let Some(other) = all.iter().position(|given| *given != all[0]) else { return Ok(()) };
        let [first, second] = [0, other].map(|rank| String::from_utf8_lossy(&all[rank]));
        let fault = format!("rank {other} has not the same {name} as rank 0: {second:.80}, and {first:.80} on rank 0");
        Err(Error::Ranks { fault })
    }
}

/// SHA-256, as text.
fn hash(rows: &[&[f32]]) -> String {
    let mut hash = Sha256::new();
    rows.iter().copied().flatten().for_each(|x| hash.update(x.to_le_bytes()));
    hexadecimal(hash)
}
