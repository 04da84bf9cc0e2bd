//! How much an activation function shrinks what passes through it, to be made up for by the weights before it:
//! `torch.nn.init.calculate_gain`.

/// No activation function, or sigmoid.
pub const LINEAR: f32 = 1.0;
/// `sqrt(2)`: relu drops half of the variance.
pub const RELU: f32 = core::f32::consts::SQRT_2;
/// `5 / 3`
pub const TANH: f32 = 5.0 / 3.0;
/// `3 / 4`
pub const SELU: f32 = 0.75;

/// `sqrt(2 / (1 + slope^2))`
///
/// # Numerics
///
/// Computed in `f64`, rounded once.
///
/// ```
/// use flatgrad_core::init::gain;
/// assert_eq!(gain::leaky_relu(0.0), gain::RELU);
/// assert_eq!(gain::leaky_relu(1.0), gain::LINEAR);
/// ```
pub fn leaky_relu(slope: f32) -> f32 {
    let slope = slope as f64;
    libm::sqrt(2.0 / (1.0 + slope * slope)) as f32
}
