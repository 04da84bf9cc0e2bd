//! What a program may read and change between steps.

use super::trainer::Trainer;
use crate::error::Result;
use crate::net::learn::Optimizer;
use crate::net::linked::Linked;
use crate::optim::{clip_by_norm, clip_by_value, flush_state};

impl<L: Linked> Trainer<'_, L> {
    /// All parameters, layer by layer, each layer's weight before its bias; behind them the running averages, layer by
    /// layer, mean before variance. [`Plan::tensors`](crate::net::Plan::tensors) says which is where.
    pub fn weights(&self) -> &[f32] {
        self.arena.get(..self.plan.weights_len()).unwrap_or(&[])
    }

    /// The same, to load trained weights.
    pub fn weights_mut(&mut self) -> &mut [f32] {
        self.arena.get_mut(..self.plan.weights_len()).unwrap_or_default()
    }

    /// The gradients accumulated last, in the order of the parameters without those that are frozen.
    pub fn gradients(&self) -> &[f32] {
        let start = self.plan.weights_len();
        self.arena.get(start..start + self.plan.trained).unwrap_or(&[])
    }

    /// Scales all gradients down if their norm is more than `limit`, and gives the norm they had
    /// ([`clip_by_norm`](crate::optim::clip_by_norm)); before [`Trainer::update`].
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`](crate::Error::Parameter) for a limit outside its range.
    pub fn clip_by_norm(&mut self, limit: f32) -> Result<f32> {
        let ctx = self.ctx;
        clip_by_norm(ctx, limit, self.regions().grads)
    }

    /// Limits every gradient to `-limit..=limit` ([`clip_by_value`](crate::optim::clip_by_value)); before
    /// [`Trainer::update`].
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`](crate::Error::Parameter) for a limit outside its range.
    pub fn clip_by_value(&mut self, limit: f32) -> Result {
        let ctx = self.ctx;
        clip_by_value(ctx, limit, self.regions().grads)
    }

    /// The gradients, to change them before [`Trainer::update`].
    pub fn gradients_mut(&mut self) -> &mut [f32] {
        self.regions().grads
    }

    /// The optimizer's state: for each kind of it, in the order in which [`Optimizer`] lists them, one element per
    /// parameter that is not frozen, in the order of the parameters. Weights, state and [`Trainer::steps`] are all that
    /// a step depends on besides its samples and settings.
    pub fn state(&self) -> &[f32] {
        let start = self.plan.weights_len() + self.plan.trained;
        self.arena.get(start..start + self.plan.trained * self.plan.config.optimizer.slots()).unwrap_or(&[])
    }

    /// The same, to go on where another trainer stopped: with its weights and [`Trainer::set_steps`], the next steps
    /// are those that it would have made, bit for bit.
    pub fn state_mut(&mut self) -> &mut [f32] {
        self.regions().state
    }

    /// Replaces what has faded away in the state of `optimizer` by 0 ([`flush_state`]): after every 32nd step or so,
    /// where arithmetic on subnormal numbers is slow. A Cortex-M4F needs it only for the bits of a machine that does
    /// it.
    ///
    /// Nothing changes if the optimizer's `eps` is below 1e-14: its steps would divide by the root of a square that is
    /// 0.
    ///
    /// # Errors
    ///
    /// None.
    pub fn flush_state(&mut self, optimizer: &Optimizer) -> Result {
        let ctx = self.ctx;
        if optimizer.divides_by_state() { Ok(()) } else { flush_state(ctx, self.regions().state) }
    }
}
