//! Initial weights: uniform or normal numbers whose size fits the layer, or an orthogonal matrix.
//!
//! All take their numbers from element 0 of a [`Stream`] on, so each tensor needs a stream of its own. A dense layer's
//! weight here is `[inputs, outputs]`, so equal streams do not give PyTorch's arrangement. [`Init`] names a rule as
//! data.
//!
//! | rule | standard deviation of the weights | for |
//! |---|---|---|
//! | [`fan_in_uniform`] | `1 / sqrt(3 * fan_in)` | PyTorch's default |
//! | [`xavier_uniform`], [`xavier_normal`] | `gain * sqrt(2 / (fan_in + fan_out))` | tanh, sigmoid |
//! | [`kaiming_uniform`], [`kaiming_normal`] | `gain / sqrt(fan)` | relu and its relatives |
//! | [`orthogonal`] | `gain / sqrt(max(rows, cols))` | deep and recurrent networks |

pub mod gain;
mod orthogonal;
mod rule;

pub use orthogonal::orthogonal;
pub use rule::{Fans, Init};

use crate::error::{Result, check_dim, check_param};
use crate::rng::Stream;
use crate::scalar::double;

/// `out` uniform in `[-bound, bound]`, from element 0 of `stream` on.
///
/// # Errors
///
/// [`Parameter`](crate::Error::Parameter) unless `bound` is finite (so is its double) and not negative.
///
/// # Numerics
///
/// `-bound + (2 * bound) * u`, each operation rounded, where `u` is [`Stream::uniform`] of elements 0, 1, ..
///
/// ```
/// use flatgrad_core::{init, rng::Stream};
/// let mut w = [0.0; 100];
/// init::uniform(Stream { seed: 1, stream: 0, step: 0 }, 0.1, &mut w)?;
/// assert!(w.iter().all(|w| w.abs() <= 0.1));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn uniform(stream: Stream, bound: f32, out: &mut [f32]) -> Result {
    stream.fill_uniform(out, 0, -bound, bound)
}

/// `out` normally distributed, from element 0 of `stream` on.
///
/// # Errors
///
/// [`Parameter`](crate::Error::Parameter) unless `mean` is finite, and `std` finite and not negative.
///
/// # Numerics
///
/// As [`Stream::fill_normal`].
///
/// ```
/// use flatgrad_core::{init, rng::Stream};
/// let mut w = [0.0; 1000];
/// init::normal(Stream { seed: 1, stream: 0, step: 0 }, 1.0, 0.01, &mut w)?;
/// assert!((w.iter().sum::<f32>() / 1000.0 - 1.0).abs() < 1e-3);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn normal(stream: Stream, mean: f32, std: f32, out: &mut [f32]) -> Result {
    stream.fill_normal(out, 0, mean, std)
}

/// PyTorch's default for the weights and biases of linear and convolution layers: uniform in
/// `[-1 / sqrt(fan_in), 1 / sqrt(fan_in)]`.
///
/// `fan_in` is the number of inputs of one output: `inputs` of a dense layer, `in_channels / groups * kh * kw` of a
/// convolution; a bias takes the fan-in of its layer. But for rounding it is [`kaiming_uniform`] with the gain
/// `1 / sqrt(3)`, which PyTorch writes as `a = sqrt(5)`.
///
/// # Errors
///
/// [`Dimension`](crate::Error::Dimension) if `fan_in` is 0.
///
/// # Numerics
///
/// The bound is `1 / sqrt(fan_in)`: a square root and a division in `f64`, each correctly rounded, and the result
/// rounded to `f32`. Then [`uniform`].
///
/// ```
/// use flatgrad_core::{init, rng::Stream};
/// let mut w = [0.0; 784 * 10];
/// init::fan_in_uniform(Stream { seed: 1, stream: 0, step: 0 }, 784, &mut w)?;
/// assert!(w.iter().all(|w| w.abs() <= 1.0 / 28.0));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn fan_in_uniform(stream: Stream, fan_in: usize, out: &mut [f32]) -> Result {
    check_dim(fan_in > 0, "fan_in", "at least 1", fan_in)?;
    uniform(stream, double::narrow(double::div(1.0, double::sqrt(double::from_usize(fan_in)))), out)
}

/// He initialization, uniform: within `gain * sqrt(3 / fan)`.
///
/// With `fan_in` the activations keep their size through the network, with `fan_out` the gradients do. Source: He,
/// Zhang, Ren and Sun, "Delving deep into rectifiers", 2015; `nn.init.kaiming_uniform_`.
///
/// # Errors
///
/// [`Dimension`](crate::Error::Dimension) if `fan` is 0, [`Parameter`](crate::Error::Parameter) unless `gain` is from
/// 0 to 1e30.
///
/// # Numerics
///
/// The bound is computed in `f64` and rounded to `f32` once.
///
/// ```
/// use flatgrad_core::{init, rng::Stream};
/// let mut w = [0.0; 600 * 10];
/// init::kaiming_uniform(Stream { seed: 1, stream: 0, step: 0 }, 600, init::gain::RELU, &mut w)?;
/// let largest = w.iter().fold(0.0f32, |l, w| l.max(w.abs()));
/// assert!(largest <= 0.1 && largest > 0.099);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn kaiming_uniform(stream: Stream, fan: usize, gain: f32, out: &mut [f32]) -> Result {
    uniform(stream, spread(gain, 3.0, fan as f64)?, out)
}

/// He initialization, normal: standard deviation `gain / sqrt(fan)`. See [`kaiming_uniform`];
/// `nn.init.kaiming_normal_`.
///
/// # Errors
///
/// As [`kaiming_uniform`].
///
/// # Numerics
///
/// The deviation is computed in `f64` and rounded to `f32` once; then [`Stream::fill_normal`].
///
/// ```
/// use flatgrad_core::{init, rng::Stream};
/// let mut w = [0.0; 200 * 10];
/// init::kaiming_normal(Stream { seed: 1, stream: 0, step: 0 }, 200, init::gain::RELU, &mut w)?;
/// let variance = w.iter().map(|w| w * w).sum::<f32>() / 2000.0;
/// assert!((variance * 100.0 - 1.0).abs() < 0.1, "2 / 200");
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn kaiming_normal(stream: Stream, fan: usize, gain: f32, out: &mut [f32]) -> Result {
    normal(stream, 0.0, spread(gain, 1.0, fan as f64)?, out)
}

/// Glorot initialization, uniform: within `gain * sqrt(6 / (fan_in + fan_out))`, a compromise between the sizes of
/// activations and of gradients.
///
/// Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010;
/// `nn.init.xavier_uniform_`.
///
/// # Errors
///
/// [`Dimension`](crate::Error::Dimension) if both fans are 0, [`Parameter`](crate::Error::Parameter) unless `gain` is
/// from 0 to 1e30.
///
/// # Numerics
///
/// The bound is computed in `f64` and rounded to `f32` once.
///
/// ```
/// use flatgrad_core::{init, rng::Stream};
/// let mut w = [0.0; 500 * 100];
/// init::xavier_uniform(Stream { seed: 1, stream: 0, step: 0 }, [500, 100], 1.0, &mut w)?;
/// let largest = w.iter().fold(0.0f32, |l, w| l.max(w.abs()));
/// assert!(largest <= 0.1 && largest > 0.099);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn xavier_uniform(stream: Stream, [fan_in, fan_out]: [usize; 2], gain: f32, out: &mut [f32]) -> Result {
    uniform(stream, spread(gain, 6.0, fan_in as f64 + fan_out as f64)?, out)
}

/// Glorot initialization, normal: standard deviation `gain * sqrt(2 / (fan_in + fan_out))`. See [`xavier_uniform`];
/// `nn.init.xavier_normal_`.
///
/// # Errors
///
/// As [`xavier_uniform`].
///
/// # Numerics
///
/// The deviation is computed in `f64` and rounded to `f32` once; then [`Stream::fill_normal`].
///
/// ```
/// use flatgrad_core::{init, rng::Stream};
/// let mut w = [0.0; 150 * 50];
/// init::xavier_normal(Stream { seed: 1, stream: 0, step: 0 }, [150, 50], 1.0, &mut w)?;
/// let variance = w.iter().map(|w| w * w).sum::<f32>() / 7500.0;
/// assert!((variance * 100.0 - 1.0).abs() < 0.1, "2 / 200");
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn xavier_normal(stream: Stream, [fan_in, fan_out]: [usize; 2], gain: f32, out: &mut [f32]) -> Result {
    normal(stream, 0.0, spread(gain, 2.0, fan_in as f64 + fan_out as f64)?, out)
}

/// Up to where no bound and no deviation overflows.
const fn check_gain(gain: f32) -> Result {
    check_param(gain >= 0.0 && gain <= 1e30, "gain", "from 0 to 1e30", gain)
}

/// `gain * sqrt(factor / fan)`
fn spread(gain: f32, factor: f64, fan: f64) -> Result<f32> {
    check_gain(gain)?;
    check_dim(fan > 0.0, "fan", "at least 1", fan as usize)?;
    Ok(double::narrow(double::mul(double::wide(gain), double::sqrt(double::div(factor, fan)))))
}
