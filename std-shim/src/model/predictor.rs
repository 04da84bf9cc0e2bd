//! A trained network at work.

use flatgrad_core::Context;
use flatgrad_core::net::{Plan, infer};

use super::{StateDict, check_weights, flat_weights};
use crate::error::Result;

/// A trained network that gives its outputs for normalized samples.
///
/// ```
/// use flatgrad::model::{LayerStore, Network, Predictor, Recipe, named_weights};
/// use flatgrad_core::net::{Config, Optimizer, Plan};
/// use flatgrad_core::{Context, Isa};
/// let network = Network::recipe(Recipe::Tiny, [1, 8, 8], 10);
/// let store = LayerStore::default();
/// let plan = Plan::try_new(&network.net(&store)?, Config::new(1, Optimizer::sgd(1.0))).unwrap();
/// let weights = named_weights(&plan, &vec![0.0; plan.weights_len()], 0)?;
/// let mut predictor = Predictor::new(Context::serial(Isa::detect()), &plan, &weights)?;
/// assert_eq!(predictor.outputs(&[0.5; 64])?, [0.0; 10]);
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub struct Predictor<'a> {
    ctx: Context<'a>,
    plan: &'a Plan,
    weights: Vec<f32>,
    work: Vec<f32>,
}

impl<'a> Predictor<'a> {
    /// The network of `plan` with these weights.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`](crate::Error::Weights) if they do not fit the network.
    pub fn new(ctx: Context<'a>, plan: &'a Plan, weights: &StateDict) -> Result<Self> {
        let weights = flat_weights(plan, weights)?;
        check_weights(plan, &weights)?;
        Ok(Self { ctx, plan, weights, work: vec![0.0; plan.infer_work_len()] })
    }

    /// The outputs `[n, outputs]` for `n` samples `[n, c, h, w]`, at most as many as the plan's batch; they are normalized by
    /// the [`Scaling`](crate::data::Scaling) of the training.
    ///
    /// # Errors
    ///
    /// [`Error::Core`](crate::Error::Core) if they are not whole samples, or too many.
    pub fn outputs<'s>(&'s mut self, x: &'s [f32]) -> Result<&'s [f32]> {
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
