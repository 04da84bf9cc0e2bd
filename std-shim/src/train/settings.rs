//! How to train.

use flatgrad_core::Context;
use flatgrad_core::net::{Config, Decay, Loss, Net, Optimizer, Plan};

use super::{Schedule, loss_for};
use crate::augment::Augmentation;
use crate::data::{DataSplit, Dataset, Loader, Normalization};
use crate::error::{Error, Result};

/// How to train.
///
/// ```
/// use flatgrad::train::{Clip, Schedule, Settings, Shape};
/// use flatgrad_core::net::Optimizer;
/// let schedule = Schedule::new(Shape::Cosine { steps: 900, min: 0.0 }).warmup(90);
/// let clip = Some(Clip::Norm(1.0));
/// let settings = Settings { epochs: 20, schedule, clip, ..Settings::new(Optimizer::adamw(3e-3)) };
/// assert_eq!((settings.batch, settings.accumulate), (32, 1));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Passes over the training part.
    pub epochs: usize,
    /// Samples that are computed at once. With [`Settings::accumulate`] 1, the samples of a step; an epoch's last step
    /// takes what is left.
    pub batch: usize,
    /// The optimizer, with its weight decay.
    pub optimizer: Optimizer,
    /// Decides initial weights, order of samples and dropout.
    pub seed: u64,
    /// Stop after so many steps, even inside an epoch.
    pub max_steps: Option<u64>,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// A limit of the gradients before each step.
    pub clip: Option<Clip>,
    /// Batches whose gradients make one step: steps of `accumulate * batch` samples in the memory of `batch`. Without
    /// batch normalization, the weights are those of one large batch, bit for bit.
    pub accumulate: usize,
    /// Keeps an exponential moving average of the parameters with this decay, 0 to 1
    /// ([`ema_update`](flatgrad_core::optim::ema_update)); evaluation and the result use it in place of the parameters.
    pub ema: Option<f64>,
    /// The share of a label's weight that is spread over all classes; 0 to 1.
    pub label_smoothing: f32,
    /// What weight decay reaches.
    pub decay: Decay,
    /// The weight of each class in the loss, as PyTorch's `weight`: a step's loss is the weighted mean over its
    /// samples. Empty: all are 1. Evaluation does not weigh.
    pub class_weights: Vec<f32>,
    /// What the network is given in place of a sample's values.
    pub normalize: Normalization,
    /// How samples are fetched.
    pub loading: Loading,
}

/// How samples are fetched. The number of workers changes the speed and no bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loading {
    /// Threads that fetch batches ahead; 0: the training thread fetches them. At most [`Loader::MAX_WORKERS`].
    pub workers: usize,
    /// Leave out an epoch's last batch if it is not full.
    pub drop_last: bool,
}

/// A limit of the gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clip {
    /// All are scaled down if their norm is larger ([`clip_by_norm`](flatgrad_core::optim::clip_by_norm)).
    Norm(f32),
    /// Each is limited to `-x..=x` ([`clip_by_value`](flatgrad_core::optim::clip_by_value)).
    Value(f32),
}

impl Settings {
    /// 20 epochs with batches of 32, and nothing else.
    pub const fn new(optimizer: Optimizer) -> Self {
        Self {
            epochs: 20,
            batch: 32,
            optimizer,
            seed: 0,
            max_steps: None,
            schedule: Schedule::CONSTANT,
            clip: None,
            accumulate: 1,
            ema: None,
            label_smoothing: 0.0,
            decay: Decay::All,
            class_weights: Vec::new(),
            normalize: Normalization::Standard,
            loading: Loading { workers: 0, drop_last: false },
        }
    }

    /// The usual length and batch: 20 epochs with batches of 32 for small samples ([`Opened::small`]), else 5 with
    /// batches of 128; no batch has more than all `samples` of the training part.
    ///
    /// [`Opened::small`]: crate::data::Opened::small
    pub fn usual(optimizer: Optimizer, small: bool, samples: usize) -> Self {
        let (epochs, batch) = if small { (20, 32) } else { (5, 128) };
        Self { epochs, batch: batch.min(samples), ..Self::new(optimizer) }
    }

    /// Steps of an epoch of so many samples.
    pub const fn steps_per_epoch(&self, samples: usize) -> u64 {
        let batch = if self.batch == 0 { 1 } else { self.batch };
        let accumulate = if self.accumulate == 0 { 1 } else { self.accumulate };
        let batches = if self.loading.drop_last { samples / batch } else { samples.div_ceil(batch) };
        batches.div_ceil(accumulate) as u64
    }

    /// The memory plan of `net` under these settings, checked against the data.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a setting is outside its range, if a batch is larger than the training part, or if the
    /// data does not fit the network; [`Error::Core`] if the plan is refused.
    pub fn plan<D: Dataset>(&self, ctx: Context, net: &Net, data: &DataSplit<D>) -> Result<Plan> {
        self.plan_for(ctx, net, [&data.train, &data.test], None, 1)
    }

    pub(super) fn plan_for(
        &self,
        ctx: Context,
        net: &Net,
        [train, test]: [&dyn Dataset; 2],
        augmentation: Option<&Augmentation>,
        ranks: usize,
    ) -> Result<Plan> {
        self.check(train.len(), net.outputs())?;
        if self.batch < ranks {
            let fault = format!("must be at least {ranks}, a sample for each rank, got {}", self.batch);
            return Err(Error::setting("batch", fault));
        }
        check_data(net, train, test, augmentation)?;
        if augmentation.is_some_and(|augmentation| augmentation.mixing().mixes()) {
            let fault = "cannot be had together with mixed samples: they have no class";
            if !self.class_weights.is_empty() || !train.task().is_classes() {
                return Err(Error::setting(if train.task().is_classes() { "class_weights" } else { "augment" }, fault));
            }
        }
        let loss = self.loss(train)?;
        let batch = self.batch.div_ceil(ranks);
        let config = Config::new(batch, self.optimizer).threads(ctx.threads()).align(16).decay(self.decay);
        Ok(Plan::try_new(net, config.loss(loss)).map_err(flatgrad_core::Error::Net)?)
    }

    /// What is minimized: cross entropy with its smoothing for classes, else what the task asks for.
    fn loss(&self, train: &dyn Dataset) -> Result<Loss> {
        if train.task().is_classes() {
            return Ok(Loss::CrossEntropy { label_smoothing: self.label_smoothing });
        }
        let fault = "is for classes; this data has numbers to predict";
        if self.label_smoothing != 0.0 {
            return Err(Error::setting("label_smoothing", fault));
        }
        if !self.class_weights.is_empty() {
            return Err(Error::setting("class_weights", fault));
        }
        Ok(loss_for(train.task()))
    }

    fn check(&self, samples: usize, outputs: usize) -> Result {
        let require = |ok: bool, what, fault: &str| if ok { Ok(()) } else { Err(Error::setting(what, fault)) };
        require(self.epochs > 0, "epochs", "must be at least 1")?;
        require(self.max_steps != Some(0), "max_steps", "must be at least 1")?;
        require(self.accumulate > 0, "accumulate", "must be at least 1")?;
        if self.batch == 0 || self.batch > samples {
            let fault = format!("must be from 1 to the {samples} training samples, got {}", self.batch);
            return Err(Error::setting("batch", fault));
        }
        let limit = match self.clip {
            Some(Clip::Norm(limit) | Clip::Value(limit)) => limit,
            None => 1.0,
        };
        require(limit > 0.0 && limit.is_finite(), "clip", "must be a finite number above 0")?;
        require(self.ema.is_none_or(|ema| (0.0..=1.0).contains(&ema)), "ema", "must be from 0 to 1")?;
        let workers = format!("must be at most {}", Loader::MAX_WORKERS);
        require(self.loading.workers <= Loader::MAX_WORKERS, "workers", &workers)?;
        require((0.0..=1.0).contains(&self.label_smoothing), "label_smoothing", "must be from 0 to 1")?;
        let weights = &self.class_weights;
        if !weights.is_empty() {
            let fault = format!("must be {outputs}, one for each output, got {}", weights.len());
            require(weights.len() == outputs, "class_weights", &fault)?;
            let good = weights.iter().all(|w| w.is_finite() && *w > 0.0);
            require(good, "class_weights", "must be finite numbers above 0")?;
            let fault = "cannot be had together with label smoothing: the smoothed part would not be weighed";
            require(self.label_smoothing == 0.0, "class_weights", fault)?;
        }
        self.schedule.check()
    }
}

/// Whether both parts fit the network, and each other.
fn check_data(net: &Net, train: &dyn Dataset, test: &dyn Dataset, augmentation: Option<&Augmentation>) -> Result {
    for part in [train, test] {
        let (count, input, outputs) = (part.task().outputs(), net.input(), net.outputs());
        let shape = match augmentation {
            Some(augmentation) if augmentation.shape() != part.shape() => {
                let fault = format!("is for samples {:?}, not {:?}", augmentation.shape(), part.shape());
                return Err(Error::setting("augment", fault));
            }
            Some(augmentation) => augmentation.out_shape(),
            None => part.shape(),
        };
        let classes = part.task().is_classes();
        let fits = if classes { count <= outputs } else { count == outputs };
        if shape != input || !fits {
            let what = if classes { format!("in {count} classes") } else { format!("with {count} values to predict") };
            let fault = format!("samples {shape:?} {what}; the network takes {input:?} and gives {outputs}");
            return Err(Error::setting("data", fault));
        }
    }
    if train.white() != test.white() || train.task() != test.task() {
        return Err(Error::setting("data", "the training and the test part are not of one kind"));
    }
    Ok(())
}
