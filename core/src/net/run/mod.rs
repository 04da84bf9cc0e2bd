//! What runs: inference, training steps.

mod arena;
mod backward;
mod forward;
mod state;
mod trainer;
mod update;
mod work;

pub use forward::{infer, infer_linked};
pub use trainer::Trainer;
