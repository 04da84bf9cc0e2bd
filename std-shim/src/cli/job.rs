//! All that a run of `flatgrad train` is made of.

use std::num::NonZeroUsize;
use std::sync::Arc;

use flatgrad::augment::{Augmentation, Recipe};
use flatgrad::data::{Columns, Dataset, Opened, SampleOptions, Samples, Task};
use flatgrad::distributed::Group;
use flatgrad::model::{Architecture, Network};
use flatgrad::train::{Fit, Loading, Outcome, Settings};
use flatgrad::tune::Subject;
use flatgrad::{Error, Pool, Result};
use flatgrad_core::net::{Net, Plan};
use flatgrad_core::{Context, Isa};

use super::args::TrainArgs;
use super::augment;
use super::net::NetChoice;
use super::summary::Machine;

/// More than this must be asked for.
const MAX_DEFAULT_WORKERS: usize = 4;

/// A run to be: its options, read and looked up. Nothing has been written yet.
pub struct Job<'a> {
    pub args: &'a TrainArgs,
    isa: Isa,
    pool: Pool,
    pub samples: Samples,
    columns: Option<Columns>,
    /// Whether samples are decoded on the way.
    pub streams: bool,
    recipe: Option<Recipe>,
    augmentation: Option<Augmentation>,
    pub network: Network,
    pub settings: Settings,
}

impl<'a> Job<'a> {
    pub fn open(args: &'a TrainArgs) -> Result<Self> {
        let isa = instruction_set(&args.isa)?;
        let pool = Pool::new(args.threads.map_or_else(Pool::available, NonZeroUsize::get))?;
        let Opened { split, columns, streams, small } = args.data.open()?;
        let options = SampleOptions {
            limit: args.train_samples.map(NonZeroUsize::get),
            validation: args.method.val,
            raw_targets: args.raw_targets,
            seed: args.seed,
        };
        let samples = options.choose(split)?;
        let data = &samples.data;
        let recipe = args.augment.as_deref().map(augment::find).transpose()?;
        let augmentation = recipe.as_ref().map(|recipe| recipe.augmentation(data.train.shape())).transpose()?;
        let shape = augmentation.as_ref().map_or(data.train.shape(), Augmentation::out_shape);
        let usual = || NetChoice::Architecture(Architecture::usual(&data.train));
        let network =
            args.net.clone().unwrap_or_else(usual).network(shape, data.train.task().outputs(), args.biases)?;
        let network = match args.method.max_norm {
            Some(limit) => network.with_max_norm(limit),
            None => network,
        };
        let usual = Settings::usual(args.optimizer()?, small, data.train.len());
        let settings = settings(args, usual, data.train.len(), streams)?;
        Ok(Self { args, isa, pool, samples, columns, streams, recipe, augmentation, network, settings })
    }

    /// The run of this job's network, `net`.
    pub fn fit<'s>(&'s self, net: Net<'s>) -> Fit<'s> {
        let Self { samples, augmentation, settings, .. } = self;
        let mut fit = Fit::new(net, &samples.data, settings).train_eval(self.args.train_eval).stats(self.args.stats);
        if let Some(part) = &samples.validation {
            fit = fit.validation(part);
        }
        if let Some(augmentation) = augmentation {
            fit = fit.augment(augmentation);
        }
        fit
    }

    /// What the run takes in memory; what is wrong with the network is said in terms of its description.
    pub fn plan(&self, fit: &Fit, group: &dyn Group) -> Result<Plan> {
        fit.plan_in(self.context(), group).map_err(|error| match error {
            Error::Core(flatgrad_core::Error::Net(error)) => self.network.explain(error),
            other => other,
        })
    }

    /// Runs `task` where its kernels find this job's threads.
    pub fn compute<T: Send>(&self, task: impl FnOnce(Context) -> T + Send) -> T {
        self.pool.run(|| task(self.context()))
    }

    pub fn machine(&self, group: &dyn Group) -> Machine {
        Machine { isa: self.isa, threads: self.context().threads(), ranks: group.size() }
    }

    /// The run, to be diagnosed.
    pub fn subject(&self) -> Subject {
        Subject {
            network: self.network.clone(),
            train: Arc::clone(&self.samples.data.train),
            validation: self.samples.validation.clone(),
            test: Arc::clone(&self.samples.data.test),
            settings: self.settings.clone(),
            augmentation: self.augmentation.clone(),
        }
    }

    /// Steps from the first epoch to the last.
    pub fn steps(&self) -> u64 {
        let Settings { epochs, max_steps, .. } = self.settings;
        let all = (epochs as u64).saturating_mul(self.settings.steps_per_epoch(self.samples.data.train.len()));
        all.min(max_steps.unwrap_or(u64::MAX))
    }

    /// The network, with what those who use its weights must know of the data.
    pub fn described(&self, outcome: &Outcome) -> Network {
        let Self { samples, columns, recipe, network, .. } = self;
        let train = &samples.data.train;
        let network = network
            .clone()
            .with_test(train.shape(), recipe.as_ref())
            .with_targets(samples.targets.clone())
            .with_columns(columns.clone())
            .with_scaling(outcome.scaling.clone());
        match train.task() {
            Task::Classes { names } => network.with_classes(names),
            Task::Values { .. } => network.with_classes::<&str>([]),
        }
    }

    fn context(&self) -> Context<'_> {
        self.pool.context(self.isa)
    }
}

fn instruction_set(name: &str) -> Result<Isa> {
    Isa::by_name(name).map_err(|_| {
        let have = Isa::available().map(Isa::name).collect::<Vec<_>>().join(", ");
        Error::setting("isa", format!("this machine lacks {name}; it has {have}"))
    })
}

fn settings(args: &TrainArgs, usual: Settings, samples: usize, streams: bool) -> Result<Settings> {
    let settings = Settings {
        epochs: args.epochs.map_or(usual.epochs, NonZeroUsize::get),
        batch: args.batch.map_or(usual.batch, NonZeroUsize::get),
        seed: args.seed,
        max_steps: args.max_steps.map(|n| n.get()),
        normalize: args.normalize.into(),
        loading: Loading { workers: args.workers.unwrap_or_else(|| workers(streams)), drop_last: args.drop_last },
        ..usual
    };
    args.method.apply(settings, samples)
}

/// Decoding is worth threads, copying is not.
fn workers(streams: bool) -> usize {
    if streams { Pool::available().min(MAX_DEFAULT_WORKERS) } else { 0 }
}
