//! Activation functions.

/// What is applied to a result on its way to memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// `y = x`
    #[default]
    None,
    /// `y = max(0, x)`: `if 0 > x { 0 } else { x }`, so a NaN and a negative zero stay what they are.
    Relu,
}
