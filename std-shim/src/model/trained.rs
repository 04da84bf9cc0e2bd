//! What a network in training shows of itself: its weights as a state dict.

use flatgrad_core::net::Trainer;

use super::{StateDict, named_weights};
use crate::error::Result;

/// The weights under PyTorch's names, in the order of its `state_dict()`, with `num_batches_tracked` after each batch
/// norm's running averages.
///
/// # Errors
///
/// None in practice: names differ and lengths fit by construction of a network.
pub fn state_dict(trainer: &Trainer) -> Result<StateDict> {
    named_weights(&trainer.plan(), trainer.weights(), i64::from(trainer.steps()))
}
