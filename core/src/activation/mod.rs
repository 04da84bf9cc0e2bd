//! Activation functions: element by element ([`Activation`]), softmax and log-softmax.

mod apply;
mod formula;
mod function;
mod gelu;
mod rectified;
mod sigmoid;
mod softmax;

pub use apply::{activate, activate_backward, activate_backward_in_place, activate_in_place};
pub(crate) use apply::{apply, apply_backward, apply_backward_in_place, apply_in_place};
pub use function::{Activation, Saved};
pub use softmax::{log_softmax, log_softmax_backward, softmax, softmax_backward};

pub(crate) use softmax::{exp_row, sum_exp};

/// What is applied to a result on its way to memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fused {
    /// `y = x`
    #[default]
    None,
    /// `y = max(0, x)`: `if 0 > x { 0 } else { x }`, so a NaN and a negative zero stay what they are.
    Relu,
}
