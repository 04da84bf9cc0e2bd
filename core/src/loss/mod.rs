//! Losses: each with its value and its gradient.
//!
//! | loss | for | PyTorch |
//! |---|---|---|
//! | [`cross_entropy`] | one class of several | `cross_entropy` |
//! | [`binary_cross_entropy`] | yes or no for each feature | `binary_cross_entropy_with_logits` |
//! | [`mean_squared`] | numbers | `mse_loss` |
//! | [`huber`] | numbers, some of them wild | `huber_loss` |
//!
//! Values are sums over the samples (PyTorch's reduction `sum`), and gradients are multiplied by a `grad_scale`:
//! whoever splits a batch over several calls knows its size, the loss does not. For PyTorch's mean, divide the value by
//! the number of samples `n` (cross entropy) or of all elements `n * features` (the others), and take 1 over the same
//! as `grad_scale`.
//!
//! # Numerics
//!
//! A sample's loss is a sum over its features in 16 virtual lanes
//! ([`reference::math::sum`](crate::reference::math::sum)); the samples' losses are added one after another, in order.
//! So neither threads nor the sizes of the batches before show in a loss: only where a batch ends does.

mod binary;
mod cross_entropy;
mod regression;
mod samples;

pub use binary::{binary_cross_entropy, binary_cross_entropy_backward};
pub use cross_entropy::{Target, cross_entropy, cross_entropy_backward};
pub(crate) use cross_entropy::{Uses, cross_entropy_planned};
pub use regression::{huber, huber_backward, mean_squared, mean_squared_backward};

/// What a pass over a batch says about it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossReport {
    /// The sum of the samples' losses.
    pub loss_sum: f32,
    /// How many predictions are right: of the samples' classes, or of all features where each is a yes or no.
    pub correct: usize,
}
