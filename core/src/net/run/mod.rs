//! What runs: inference, training steps.

mod arena;
mod backward;
mod forward;
mod observer;
mod state;
mod trainer;
mod update;
mod work;

pub use forward::{infer, infer_linked};
pub use observer::Observer;
pub use trainer::Trainer;
