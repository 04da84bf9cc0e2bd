//! What a network learns from: the loss that is minimized, and the rule by which weights change.

mod loss;
mod optimizer;

pub use loss::Loss;
pub use optimizer::Optimizer;
