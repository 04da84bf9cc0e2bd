//! A trained network at work.

use flatgrad_core::Context;
use flatgrad_core::net::{Plan, infer};

use super::{StateDict, check_weights, flat_weights};
use crate::data::Scaling;
use crate::error::{Error, Result};

/// A trained network that takes images as bytes and gives its outputs.
///
/// ```
/// use flatgrad::model::{LayerStore, Network, Predictor, Recipe, named_weights};
/// use flatgrad::data::Scaling;
/// use flatgrad_core::net::{Config, Optimizer, Plan};
/// use flatgrad_core::{Context, Isa};
/// let network = Network::recipe(Recipe::Tiny, [1, 8, 8], 10);
/// let store = LayerStore::default();
/// let plan = Plan::try_new(&network.net(&store)?, Config::new(1, Optimizer::sgd(1.0))).unwrap();
/// let weights = named_weights(&plan, &vec![0.0; plan.weights_len()], 0)?;
/// let scaling = Scaling { white: 255.0, mean: vec![0.5], std: vec![0.25] };
/// let mut predictor = Predictor::new(Context::serial(Isa::detect()), &plan, &weights, scaling)?;
/// assert_eq!(predictor.outputs(&[128; 64])?, [0.0; 10]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub struct Predictor<'a> {
    ctx: Context<'a>,
    plan: &'a Plan,
    weights: Vec<f32>,
    work: Vec<f32>,
    x: Vec<f32>,
    scaling: Scaling,
}

impl<'a> Predictor<'a> {
    /// The network of `plan` with these weights; `scaling` is what its training measured.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if the weights or the scaling do not fit the network.
    pub fn new(ctx: Context<'a>, plan: &'a Plan, weights: &StateDict, scaling: Scaling) -> Result<Self> {
        let weights = flat_weights(plan, weights)?;
        check_weights(plan, &weights)?;
        let channels = plan.input()[0];
        if scaling.mean.len() != channels || scaling.std.len() != channels {
            return Err(Error::weights("scaling", format!("is not for {channels} channels")));
        }
        Ok(Self { ctx, plan, weights, work: vec![0.0; plan.infer_work_len()], x: Vec::new(), scaling })
    }

    /// The outputs `[n, outputs]` for `n` images `[n, c, h, w]`, at most as many as the plan's batch.
    ///
    /// # Errors
    ///
    /// [`Error::Core`] if they are not whole images, or too many.
    ///
    /// # Numerics
    ///
    /// Inputs are `(x / white - mean) / std`, in f64 and rounded once: as in training, bit for bit.
    pub fn outputs(&mut self, images: &[u8]) -> Result<&[f32]> {
        let [channels, height, width] = self.plan.input();
        let Scaling { white, mean, std } = &self.scaling;
        self.x.clear();
        for (i, plane) in images.chunks((height * width).max(1)).enumerate() {
            let (mean, std) = (f64::from(mean[i % channels]), f64::from(std[i % channels]));
            let scaled = plane.iter().map(|&byte| ((f64::from(byte) / f64::from(*white) - mean) / std) as f32);
            self.x.extend(scaled);
        }
        Ok(infer(self.ctx, self.plan, &self.weights, &self.x, &mut self.work)?)
    }

    /// The same for samples that are normalized already.
    ///
    /// # Errors
    ///
    /// As [`Predictor::outputs`].
    pub fn infer<'s>(&'s mut self, x: &'s [f32]) -> Result<&'s [f32]> {
        Ok(infer(self.ctx, self.plan, &self.weights, x, &mut self.work)?)
    }
}

/// The softmax of each row of `[n, outputs]`, for people: in f64.
///
/// ```
/// let p = flatgrad::model::probabilities(&[0.0, 0.0, 3f32.ln(), 0.0], 2);
/// assert!((p[0] - 0.5).abs() < 1e-7 && (p[2] - 0.75).abs() < 1e-7);
/// ```
pub fn probabilities(outputs: &[f32], classes: usize) -> Vec<f64> {
    let softmax = |row: &[f32]| {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f64> = row.iter().map(|x| libm::exp(f64::from(x - max))).collect();
        let sum: f64 = powers.iter().sum();
        powers.into_iter().map(move |power| power / sum)
    };
    outputs.chunks(classes.max(1)).flat_map(softmax).collect()
}
