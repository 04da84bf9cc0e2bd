//! Noise, for images and signals.

use super::check::{check, check_len};
use super::{Canvas, Draws, Place, Transform};
use crate::error::Result;

/// Adds normally distributed noise (`GaussianNoise`).
///
/// ```
/// use flatgrad::augment::{GaussianNoise, Transform};
/// assert_eq!(GaussianNoise::DEFAULT.out_shape([1, 28, 28])?, [1, 28, 28]);
/// assert!(GaussianNoise { sigma: -1.0, ..GaussianNoise::DEFAULT }.out_shape([1, 28, 28]).is_err());
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianNoise {
    /// The mean of the noise.
    pub mean: f32,
    /// Its standard deviation.
    pub sigma: f32,
    /// Whether to clamp the result to `[0, 1]`.
    pub clip: bool,
}

impl GaussianNoise {
    /// torchvision's defaults.
    pub const DEFAULT: Self = Self { mean: 0.0, sigma: 0.1, clip: true };
}

impl Transform for GaussianNoise {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        check("gaussian_noise", self.mean.is_finite(), "mean", "finite", self.mean)?;
        check_sigma("gaussian_noise", self.sigma)?;
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let shape = self.out_shape(canvas.shape())?;
        let (image, noise) = canvas.with_spare();
        place.draws().fill_normal(noise, self.mean, self.sigma)?;
        add_noise(shape, noise, self.clip, image)
    }
}

/// `x + noise`, clamped to `[0, 1]` if `clip`.
///
/// ```
/// let mut image = [0.5, 0.75];
/// flatgrad::augment::add_noise([1, 1, 2], &[-0.25, 0.5], true, &mut image)?;
/// assert_eq!(image, [0.25, 1.0]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Augment`](crate::Error::Augment) if a length does not fit.
pub fn add_noise(shape: [usize; 3], noise: &[f32], clip: bool, image: &mut [f32]) -> Result {
    check_len("add_noise", noise, shape)?;
    check_len("add_noise", image, shape)?;
    let pixels = image.iter_mut().zip(noise);
    if clip {
        pixels.for_each(|(x, noise)| *x = (*x + noise).clamp(0.0, 1.0));
    } else {
        pixels.for_each(|(x, noise)| *x += noise);
    }
    Ok(())
}

/// Adds noise to a signal `[c, 1, len]`: as [`GaussianNoise`], with mean 0 and without clamping.
///
/// This and [`SignalScaling`] are from Um et al., "Data augmentation of wearable sensor data for Parkinson's disease
/// monitoring using convolutional neural networks", 2017.
///
/// ```
/// use flatgrad::augment::{SignalJitter, Transform};
/// assert_eq!(SignalJitter { sigma: 0.05 }.out_shape([3, 1, 128])?, [3, 1, 128]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalJitter {
    /// The noise's standard deviation, in units of the signal.
    pub sigma: f32,
}

impl SignalJitter {
    /// 0.05, for signals of deviation 1.
    pub const DEFAULT: Self = Self { sigma: 0.05 };
}

impl Transform for SignalJitter {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        check_sigma("signal_jitter", self.sigma)?;
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        GaussianNoise { mean: 0.0, sigma: self.sigma, clip: false }.apply(place, canvas)
    }
}

/// Multiplies each channel by a factor of its own, normally distributed around 1.
///
/// ```
/// use flatgrad::augment::{SignalScaling, Transform};
/// assert_eq!(SignalScaling { sigma: 0.1 }.out_shape([3, 1, 128])?, [3, 1, 128]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalScaling {
    /// The factors' standard deviation.
    pub sigma: f32,
}

impl SignalScaling {
    /// 0.1.
    pub const DEFAULT: Self = Self { sigma: 0.1 };

    /// The next channel's factor.
    pub fn params(&self, draws: &mut Draws) -> f32 {
        (1.0 + f64::from(self.sigma) * draws.normal()) as f32
    }
}

impl Transform for SignalScaling {
    fn out_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        check_sigma("signal_scaling", self.sigma)?;
        Ok(shape)
    }

    fn apply(&self, place: Place, canvas: &mut Canvas) -> Result {
        let ([_, height, width], mut draws) = (canvas.shape(), place.draws());
        for channel in canvas.image_mut().chunks_exact_mut((height * width).max(1)) {
            let factor = self.params(&mut draws);
            channel.iter_mut().for_each(|x| *x *= factor);
        }
        Ok(())
    }
}

fn check_sigma(operation: &'static str, sigma: f32) -> Result {
    check(operation, sigma >= 0.0 && sigma.is_finite(), "sigma", "finite and not negative", sigma)
}
