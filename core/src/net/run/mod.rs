//! What runs: inference, training steps.

mod backward;
mod forward;
mod trainer;
mod update;
mod work;

pub use forward::{infer, infer_linked};
pub use trainer::Trainer;
