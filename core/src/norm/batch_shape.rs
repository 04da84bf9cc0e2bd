//! The shape of a batch normalization.

use crate::error::{Result, check_dim, check_param, checked_len};

/// The shape and the parameters of a batch normalization: data `[n, channels, spatial]`, where `spatial` is `h * w` for
/// images and 1 for a dense layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Samples.
    pub n: usize,
    /// Channels: each has its own statistics, weight and bias.
    pub channels: usize,
    /// Elements of one channel of one sample.
    pub spatial: usize,
    /// Added to the variance; default 1e-5.
    pub eps: f32,
    /// The weight of the new value in a running statistic (Keras means the old one's); default 0.1.
    pub momentum: f32,
}

impl BatchNorm {
    /// With PyTorch's defaults: eps 1e-5, momentum 0.1.
    ///
    /// ```
    /// use flatgrad_core::norm::BatchNorm;
    /// const BN: BatchNorm = BatchNorm::new(128, 32, 28 * 28).momentum(0.01);
    /// assert_eq!(BN.input_len(), 128 * 32 * 28 * 28);
    /// ```
    pub const fn new(n: usize, channels: usize, spatial: usize) -> Self {
        Self { n, channels, spatial, eps: 1e-5, momentum: 0.1 }
    }

    /// The same with this `eps`.
    pub const fn eps(mut self, eps: f32) -> Self {
        self.eps = eps;
        self
    }

    /// The same with this `momentum`.
    pub const fn momentum(mut self, momentum: f32) -> Self {
        self.momentum = momentum;
        self
    }

    /// The same with the momentum that makes the running statistics the plain average of all batches so far (PyTorch's
    /// `momentum=None`): `1 / (batches + 1)`, where `batches` is the number of training batches before this one, 0 for
    /// the first.
    ///
    /// ```
    /// use flatgrad_core::{Context, Isa, norm::{Affine, BatchNorm, Running, Saved, batch_norm_train}};
    /// let (ctx, bn) = (Context::serial(Isa::detect()), BatchNorm::new(2, 1, 1));
    /// let (mut mean, mut var, mut y, mut means, mut rstds) = ([0.0], [1.0], [0.0; 2], [0.0], [0.0]);
    /// for (batches, x) in [[1.0, 3.0], [5.0, 7.0]].iter().enumerate() {
    ///     let (bn, affine) = (bn.cumulative(batches), Affine { weight: &[1.0][..], bias: &[0.0][..] });
    ///     let running = Running { mean: &mut mean[..], var: &mut var[..] };
    ///     let saved = Saved { mean: &mut means[..], rstd: &mut rstds[..] };
    ///     batch_norm_train(ctx, &bn, x, affine, running, &mut y, saved)?;
    /// }
    /// assert_eq!((mean, var), ([4.0], [2.0])); // of the means 2 and 6, and of the variances 2 and 2
    /// # Ok::<(), flatgrad_core::Error>(())
    /// ```
    pub const fn cumulative(self, batches: usize) -> Self {
        self.momentum(1.0 / batches.saturating_add(1) as f32)
    }

    /// Whether shape and parameters make sense.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`](crate::Error::Parameter) unless `eps` is finite and at least 0 and `momentum` is in 0 to 1;
    /// [`Error::Overflow`](crate::Error::Overflow) if the tensor's length overflows.
    pub const fn check(&self) -> Result {
        if let Err(e) = check_param(self.eps >= 0.0 && self.eps.is_finite(), "eps", "finite and at least 0", self.eps) {
            return Err(e);
        }
        let momentum = check_param(self.momentum >= 0.0 && self.momentum <= 1.0, "momentum", "0 to 1", self.momentum);
        if let Err(e) = momentum {
            return Err(e);
        }
        match checked_len("x", &[self.n, self.channels, self.spatial]) {
            Ok(_) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Elements of the input and of the output: `n * channels * spatial`.
    pub const fn input_len(&self) -> usize {
        self.n.saturating_mul(self.channels).saturating_mul(self.spatial)
    }

    /// Elements that share one mean.
    pub(super) const fn count(&self) -> usize {
        self.n * self.spatial
    }

    pub(super) const fn check_train(&self) -> Result {
        match self.check() {
            Ok(()) => check_dim(self.count() != 1, "n * spatial", "more than 1 in training", self.count()),
            e => e,
        }
    }

    pub(super) const fn dims(&self) -> [usize; 3] {
        [self.n, self.channels, self.spatial]
    }
}
