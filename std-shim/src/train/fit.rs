//! A run to be, and what it gives.

use std::collections::BTreeMap;

use flatgrad_core::Context;
use flatgrad_core::net::{Net, Plan};

use super::run;
use super::{Callback, Checkpoint, Evaluation, History, Settings};
use crate::augment::Augmentation;
use crate::data::{DataSplit, Dataset, Scaling};
use crate::distributed::{Alone, Group};
use crate::error::Result;
use crate::model::StateDict;

/// What training gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The trained weights.
    pub weights: StateDict,
    /// How they do on the test part.
    pub test: Evaluation,
    /// What was measured on the way; it has at least one epoch.
    pub history: History,
    /// Steps made.
    pub steps: u64,
    /// Whether training went on to its last epoch, or a callback ended it; `false` after [`Settings::max_steps`].
    pub complete: bool,
    /// Seconds from the first step to the last evaluation, of this process.
    pub seconds: f64,
    /// Training samples per second, evaluation excluded.
    pub samples_per_second: f64,
    /// Seconds of training, evaluation excluded, in which there was nothing to do but to wait for samples.
    pub data_wait_seconds: f64,
    /// How a sample becomes the network's input, as measured on the training part.
    pub scaling: Scaling,
}

/// A training run to be: what, on which data, how, and from where.
///
/// ```
/// use flatgrad::data::{self, DataSplit};
/// use flatgrad::train::{EarlyStopping, Fit, Settings};
/// use flatgrad_core::net::{Layer, Net, Optimizer};
/// use flatgrad_core::{Context, Isa};
///
/// const NET: Net = Net::new([1, 8, 8], &[Layer::flatten(), Layer::dense(10)]);
/// let digits = data::digits()?;
/// // A tenth of the training part is kept for choosing.
/// let DataSplit { train, test: validation } = data::split(&digits.train, 0.1, 0)?;
/// let settings = Settings { epochs: 30, ..Settings::new(Optimizer::adam(3e-2)) };
/// let mut stopping = EarlyStopping::new(3);
/// let fit = Fit::with_parts(NET, &train, &digits.test, &settings).validation(&validation);
/// let outcome = fit.run(Context::serial(Isa::detect()), &mut [&mut stopping])?;
/// assert!(outcome.test.accuracy > Some(0.9));
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone)]
pub struct Fit<'a> {
    pub(super) net: Net<'a>,
    pub(super) train: &'a dyn Dataset,
    pub(super) test: &'a dyn Dataset,
    pub(super) validation: Option<&'a dyn Dataset>,
    pub(super) augmentation: Option<&'a Augmentation>,
    pub(super) settings: &'a Settings,
    pub(super) resume: Option<Checkpoint>,
    pub(super) train_eval: bool,
    pub(super) stats: bool,
}

impl<'a> Fit<'a> {
    /// Training of `net` on `data.train` from scratch, with evaluation on `data.test` after every epoch.
    pub const fn new<D: Dataset>(net: Net<'a>, data: &'a DataSplit<D>, settings: &'a Settings) -> Self {
        Self::with_parts(net, &data.train, &data.test, settings)
    }

    /// [`Fit::new`] with parts of different types.
    pub const fn with_parts(
        net: Net<'a>,
        train: &'a dyn Dataset,
        test: &'a dyn Dataset,
        settings: &'a Settings,
    ) -> Self {
        Self {
            net,
            train,
            test,
            validation: None,
            augmentation: None,
            settings,
            resume: None,
            train_eval: false,
            stats: false,
        }
    }

    /// Also evaluates this part after every epoch; what depends on a loss goes by it, and the test part is only looked
    /// at.
    pub fn validation(self, validation: &'a dyn Dataset) -> Self {
        Self { validation: Some(validation), ..self }
    }

    /// Changes samples on their way: for training at random, for testing as training expects it.
    pub fn augment(self, augmentation: &'a Augmentation) -> Self {
        Self { augmentation: Some(augmentation), ..self }
    }

    /// Goes on where a checkpoint was made.
    pub fn resume(self, checkpoint: Checkpoint) -> Self {
        Self { resume: Some(checkpoint), ..self }
    }

    /// Also evaluates the whole training part after every epoch, as the test part is evaluated: without random changes
    /// of samples and without dropout. The weights are the same with and without.
    ///
    /// [`EpochRecord::train_part_loss`](super::EpochRecord::train_part_loss) and its neighbours have the result.
    /// `train_accuracy` costs nothing and is always there, but its samples are augmented, layers drop out, and the
    /// weights change from one step to the next.
    pub fn train_eval(self, train_eval: bool) -> Self {
        Self { train_eval, ..self }
    }

    /// Also describes what the layers compute: outputs and their gradients, units without output, outputs at the ends
    /// of their range, the size of an update over that of the weights. Eight steps of each epoch are looked at, evenly
    /// spread from its first on (all, if there are fewer). The weights are the same with and without.
    ///
    /// Callbacks find it in [`EpochEnd::stats`](super::EpochEnd::stats), and [`History::stats`] keeps it. In a group,
    /// rank 0 describes its share of the batches; the others have nothing.
    ///
    /// ```
    /// use flatgrad::data;
    /// use flatgrad::train::{Fit, Settings};
    /// use flatgrad_core::net::{Layer, Net, Optimizer};
    /// use flatgrad_core::{Context, Isa};
    ///
    /// const LAYERS: [Layer; 4] = [Layer::flatten(), Layer::dense(16), Layer::tanh(), Layer::dense(10)];
    /// const NET: Net = Net::new([1, 8, 8], &LAYERS);
    /// let settings = Settings { epochs: 2, ..Settings::new(Optimizer::adam(1e-2)) };
    /// let digits = data::digits()?;
    /// let outcome = Fit::new(NET, &digits, &settings).stats(true).run(Context::serial(Isa::detect()), &mut [])?;
    /// let last = outcome.history.stats.last().unwrap();
    /// assert_eq!((last.epoch, last.steps, last.layers.len()), (2, 8, 4));
    /// let tanh = &last.layers[2];
    /// assert_eq!(tanh.kind, "tanh");
    /// assert!(tanh.saturated < Some(0.5) && tanh.outputs.std > 0.1);
    /// # Ok::<(), flatgrad::Error>(())
    /// ```
    pub fn stats(self, stats: bool) -> Self {
        Self { stats, ..self }
    }

    /// The memory plan, checked against the data.
    ///
    /// # Errors
    ///
    /// As [`Settings::plan`].
    pub fn plan(&self, ctx: Context) -> Result<Plan> {
        self.plan_in(ctx, &Alone)
    }

    /// The memory plan of each rank of a group: one for its share of a batch.
    ///
    /// # Errors
    ///
    /// As [`Fit::plan`]; [`Error::Setting`](crate::Error::Setting) if a batch has fewer samples than the group has
    /// ranks.
    pub fn plan_in(&self, ctx: Context, group: &dyn Group) -> Result<Plan> {
        self.settings.plan_for(ctx, &self.net, [self.train, self.test], self.augmentation, group.size())
    }

    /// What makes this run the one it is: the settings by name, and a hash of the data.
    pub(crate) fn identity(&self, plan: &Plan) -> Result<(BTreeMap<String, String>, String)> {
        run::identity::identity(self, plan, 1)
    }

    /// Trains.
    ///
    /// The weights depend on the network, the data, the settings and the augmentation alone, not on the context, the
    /// number of workers or interruptions: bit for bit.
    ///
    /// # Errors
    ///
    /// As [`Settings::plan`]; [`Error::Setting`] if there is no memory for the plan, if class weights come together
    /// with samples that are mixed, or if the checkpoint is of other settings, another network or other data;
    /// [`Error::Diverged`] at the first loss that is not finite; [`Error::Interrupted`] if a callback ends it at once;
    /// [`Error::Core`] if a kernel refuses a hyper-parameter; those of callbacks, and of reading the data.
    ///
    /// [`Error::Setting`]: crate::Error::Setting
    /// [`Error::Diverged`]: crate::Error::Diverged
    /// [`Error::Interrupted`]: crate::Error::Interrupted
    /// [`Error::Core`]: crate::Error::Core
    pub fn run(self, ctx: Context, callbacks: &mut [&mut dyn Callback]) -> Result<Outcome> {
        self.run_in(ctx, &mut Alone, callbacks)
    }

    /// Trains as one rank of a group; all have the same network, data and settings, and get the same outcome.
    ///
    /// [`distributed`](crate::distributed) says what each rank does, and on what the weights depend. Each rank has
    /// callbacks of its own: all ranks do what one of them asks for. [`Callback::end`] may change the weights on rank 0
    /// only. Files are best written by the callbacks of rank 0; a checkpoint is everything that any rank needs to go
    /// on, in a group of the same size.
    ///
    /// # Errors
    ///
    /// As [`Fit::run`], and [`Error::Ranks`] on all ranks if they have not the same settings or data, or, which would
    /// be a defect of a machine, not the same weights after an epoch. An error for which not
    /// [`is_everybodys`](crate::Error::is_everybodys) is this rank's alone: the others wait until it leaves the group.
    ///
    /// [`Error::Ranks`]: crate::Error::Ranks
    pub fn run_in(self, ctx: Context, group: &mut dyn Group, callbacks: &mut [&mut dyn Callback]) -> Result<Outcome> {
        run::run(self, ctx, group, callbacks)
    }
}
