//! Looking at what a step computes, layer by layer.

/// Sees the outputs of all layers, and their gradients, while [`Trainer::accumulate_observed`] computes them.
///
/// Layers are counted as in [`Plan::layers`](crate::net::Plan::layers). Both methods do nothing by default. `()` looks
/// at nothing and costs nothing.
///
/// ```
/// use flatgrad_core::net::{Config, Layer, Net, Observer, Optimizer, Plan, Trainer};
/// use flatgrad_core::{Context, Isa};
///
/// /// Counts the zeros that relu gives.
/// struct Zeros(usize);
/// impl Observer for Zeros {
///     fn output(&mut self, layer: usize, values: &[f32]) {
///         if layer == 1 {
///             self.0 += values.iter().filter(|&&value| value == 0.0).count();
///         }
///     }
/// }
///
/// const NET: Net = Net::new([2, 1, 1], &[Layer::dense(8), Layer::relu(), Layer::dense(2)]);
/// let plan = Plan::try_new(&NET, Config::new(1, Optimizer::sgd(0.1)))?;
/// let mut arena = vec![0.0; plan.train_len()];
/// let mut trainer = Trainer::new(Context::serial(Isa::detect()), &plan, &mut arena, 1)?;
/// let mut zeros = Zeros(0);
/// trainer.accumulate_observed(&[1.0, -1.0], &[0], 1, &mut zeros)?;
/// assert!(zeros.0 > 0 && zeros.0 < 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Trainer::accumulate_observed`]: crate::net::Trainer::accumulate_observed
pub trait Observer {
    /// The output `[n, c, h, w]` of a layer, as the next one reads it. A convolution or dense layer that computes the
    /// relu behind it shows what relu gives.
    fn output(&mut self, layer: usize, values: &[f32]) {
        let _ = (layer, values);
    }

    /// The gradient `[n, c, h, w]` of the step's loss with respect to a layer's output, last layer first. Layers before
    /// the first that learns have none.
    fn gradient(&mut self, layer: usize, values: &[f32]) {
        let _ = (layer, values);
    }
}

impl Observer for () {}

impl<O: Observer> Observer for &mut O {
    fn output(&mut self, layer: usize, values: &[f32]) {
        (**self).output(layer, values);
    }
    fn gradient(&mut self, layer: usize, values: &[f32]) {
        (**self).gradient(layer, values);
    }
}
