//! A trained network at work.

use flatgrad_core::Context;
use flatgrad_core::net::{Plan, infer};

use super::{StateDict, check_weights, flat_weights};
use crate::augment::average_crops;
use crate::data::{Batch, Loader};
use crate::error::Result;

/// A trained network that gives its outputs for normalized samples.
///
/// ```
/// use flatgrad::model::{Architecture, LayerStore, Network, Predictor, named_weights};
/// use flatgrad_core::net::{Config, Optimizer, Plan};
/// use flatgrad_core::{Context, Isa};
/// let network = Network::new(Architecture::Tiny, [1, 8, 8], 10);
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

    /// The outputs `[n, outputs]` for `n` samples `[n, c, h, w]`, at most as many as the plan's batch; they are
    /// normalized by the [`Scaling`](crate::data::Scaling) of the training.
    ///
    /// # Errors
    ///
    /// [`Error::Core`](crate::Error::Core) if they are not whole samples, or too many.
    pub fn outputs<'s>(&'s mut self, x: &'s [f32]) -> Result<&'s [f32]> {
        Ok(infer(self.ctx, self.plan, &self.weights, x, &mut self.work)?)
    }

    /// Gives all batches of `loader` to `consume`, in order and with their outputs.
    ///
    /// # Errors
    ///
    /// Those of the data and of `consume`; as [`Predictor::outputs`].
    pub fn each(&mut self, loader: &Loader, mut consume: impl FnMut(&Batch, &[f32]) -> Result) -> Result {
        loader.each(|batch| consume(batch, self.outputs(batch.x())?))
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

/// The logits of classes for each of `n` samples whose softmax is the mean of the softmax of its `views`: `outputs` is
/// `[n, views, classes]`. So Krizhevsky, Sutskever and Hinton average ten crops ("ImageNet classification with deep
/// convolutional neural networks", 2012). Of values to predict, [`average_crops`](crate::augment::average_crops) is the
/// mean.
///
/// # Numerics
///
/// Probabilities in f64, rounded to f32; their mean by [`average_crops`](crate::augment::average_crops); the logarithm
/// in f64, rounded. A mean below the smallest normal number counts as that.
///
/// # Errors
///
/// [`Error::Augment`](crate::Error::Augment) if the outputs are not so many.
///
/// ```
/// use flatgrad::model::{average_logits, probabilities};
/// // Two views of one sample: sure of the first class, and undecided.
/// let logits = average_logits(&[100.0, 0.0, 3.0, 3.0], 2, 2)?;
/// assert!((probabilities(&logits, 2)[0] - 0.75).abs() < 1e-6);
/// # Ok::<(), flatgrad::Error>(())
/// ```
pub fn average_logits(outputs: &[f32], views: usize, classes: usize) -> Result<Vec<f32>> {
    let p: Vec<f32> = probabilities(outputs, classes).into_iter().map(|p| p as f32).collect();
    let samples = outputs.len().checked_div(views.saturating_mul(classes)).unwrap_or(0);
    let mut mean = vec![0.0; samples.saturating_mul(classes)];
    average_crops(samples, views, &p, &mut mean)?;
    Ok(mean.into_iter().map(|p: f32| libm::log(f64::from(p.max(f32::MIN_POSITIVE))) as f32).collect())
}
