//! Initial weights.

use crate::error::{Result, check_dim};
use crate::rng::Stream;

/// `out` uniform in `[-bound, bound]`, from element 0 of `stream` on.
///
/// # Errors
///
/// [`Parameter`](crate::Error::Parameter) unless `bound` is finite (so is its double) and not negative.
///
/// # Numerics
///
/// `2 * bound * u - bound` for `u` in `[0, 1)` with 24 bits: [`Stream::fill_uniform`].
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

/// PyTorch's default for the weights and biases of linear and convolution layers: uniform in
/// `[-1 / sqrt(fan_in), 1 / sqrt(fan_in)]`.
///
/// `fan_in` is the number of inputs of one output: `inputs` of a dense layer, `in_channels / groups * kh * kw` of a
/// convolution; a bias takes the fan-in of its layer. The general form is He et al., "Delving deep into rectifiers", 2015,
/// with `a = sqrt(5)` (`nn.init.kaiming_uniform_`). A dense layer's weight here is `[inputs, outputs]`, so equal streams do
/// not give PyTorch's arrangement.
///
/// # Errors
///
/// [`Dimension`](crate::Error::Dimension) if `fan_in` is 0.
///
/// # Numerics
///
/// The bound is computed in `f64` and rounded to `f32` once.
///
/// ```
/// use flatgrad_core::{init, rng::Stream};
/// let mut w = [0.0; 784 * 10];
/// init::kaiming_uniform(Stream { seed: 1, stream: 0, step: 0 }, 784, &mut w)?;
/// assert!(w.iter().all(|w| w.abs() <= 1.0 / 28.0));
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn kaiming_uniform(stream: Stream, fan_in: usize, out: &mut [f32]) -> Result {
    check_dim(fan_in > 0, "fan_in", "at least 1", fan_in)?;
    uniform(stream, (1.0 / libm::sqrt(fan_in as f64)) as f32, out)
}
