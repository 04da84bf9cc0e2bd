//! What can be asked for, and its defaults.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use flatgrad::Result;
use flatgrad::data::Normalization;
use flatgrad_core::net::Optimizer;

use super::augment::AugmentArgs;
use super::data::DataArgs;
use super::eval::EvalArgs;
use super::info::InfoArgs;
use super::method_args::{MethodArgs, above_zero};
use super::net::{self, BiasArgs, NetChoice};
use super::optimizer_args::usual;
use super::plan_args::PlanArgs;
use super::predict::PredictArgs;
use super::reproduce::ReproduceArgs;
use super::tune::TuneArgs;
use super::weights::{ExportArgs, ImportArgs};

/// Trains small networks: the same seed gives the same weights, bit for bit, on every instruction set and for every
/// number of threads.
#[derive(Debug, Parser)]
#[command(name = "flatgrad", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub train: TrainArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Trains a network on images and evaluates it; this is what happens without a command, too
    ///
    /// Built with the cargo feature `mpi`, `mpirun -n 4 flatgrad train ..` trains with 4 processes, on one machine or
    /// on several, that share every batch. Their number changes how sums are rounded, and so the weights.
    Train(Box<TrainArgs>),
    /// Diagnose a training run: its data, its first loss, a small sample, its rate, its curves
    ///
    /// Takes every option of train and says what is wrong with the run that they describe, and what to do. Writes a
    /// page and JSON to --out. Exit status 0 if nothing was found, 3 if something was.
    Check(Box<TrainArgs>),
    /// Choose rate, weight decay and schedule by the six steps of the recipe, within a budget of time
    ///
    /// Takes every option of train, diagnoses that run, searches around it by a validation part, and prints the command
    /// line to train with. The test part is not looked at. The same seed gives the same choice for any number of
    /// threads.
    Tune(Box<TuneArgs>),
    /// Shows how much memory a network needs, what lives where in it, and what would fit in less
    ///
    /// As firmware has it: one thread, tensors without alignment. The exit status is 1 if training does not fit in
    /// --ram.
    Plan(PlanArgs),
    /// Shows what a recipe for data augmentation does to images
    Augment(AugmentArgs),
    /// Turns trained weights into what firmware compiles in or reads from flash memory
    ///
    /// The numbers are in the order in which an arena holds them, ready to be copied into `Trainer::weights_mut()`. A
    /// file of a run says its network; for others, name it with --net.
    Export(ExportArgs),
    /// Turns the weights that a device dumped into a safetensors file with PyTorch's names
    Import(ImportArgs),
    /// Measures trained weights on a data set: accuracy, precision and recall of each class, confusion matrix
    Eval(EvalArgs),
    /// Says which classes images, rows of a table or samples of an array are of, or their values
    ///
    /// The answers are a table in CSV: the class and the probability of every class, or of a network that predicts
    /// numbers, these.
    Predict(PredictArgs),
    /// Says what is in a file of weights
    Info(InfoArgs),
    /// Does well-known experiments again: optimizers, dropout, batch normalization and more, each with a picture
    ///
    /// Each experiment trains networks of its own, draws a picture and says which of its claims hold on this data. The
    /// exit status is 3 if one does not.
    Reproduce(ReproduceArgs),
}

#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    pub data: DataArgs,
    #[arg(long, value_name = "NAME|FILE", value_parser = NetChoice::parse,
          help = net::help("its network, from scratch") + "\n[default: mlp for a table, else cnn]")]
    pub net: Option<NetChoice>,
    #[command(flatten)]
    pub biases: BiasArgs,
    /// Change the training samples at random: `light`, `digits`, `cifar`, `fashion`, `imagenet`, `signal`, or a recipe
    /// in TOML (`flatgrad augment` shows what it does)
    #[arg(long, value_name = "NAME|FILE")]
    pub augment: Option<PathBuf>,
    /// Train on about so many samples only, the same share of each class; --seed chooses which [default: all]
    #[arg(long, value_name = "N", value_parser = positive::<NonZeroUsize>, allow_negative_numbers = true)]
    pub train_samples: Option<NonZeroUsize>,
    /// What the network is given in place of a sample's values
    #[arg(long, value_enum, default_value_t = NormalizeName::Standard)]
    pub normalize: NormalizeName,
    /// Passes over the training samples [default: 20 for digits and tables, else 5]
    #[arg(long, value_name = "N", value_parser = positive::<NonZeroUsize>, allow_negative_numbers = true)]
    pub epochs: Option<NonZeroUsize>,
    /// Samples per step [default: 32 for digits and tables, else 128, and never more than there are]
    #[arg(long, value_name = "N", value_parser = positive::<NonZeroUsize>, allow_negative_numbers = true)]
    pub batch: Option<NonZeroUsize>,
    /// The optimizer; sgd has momentum 0.9
    #[arg(long, value_name = "OPTIMIZER", default_value = "adam",
          value_parser = PossibleValuesParser::new(Optimizer::NAMES))]
    pub optimizer: String,
    /// The learning rate [default: a usual one for the optimizer: 0.001 for adam, 0.01 for sgd, 0.0001 for lion]
    #[arg(long, value_name = "X", value_parser = above_zero, allow_negative_numbers = true)]
    pub lr: Option<f32>,
    /// Decides initial weights, order of images and dropout
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub seed: u64,
    /// The instruction set: changes the speed only
    #[arg(long, value_parser = ["auto", "portable", "avx2", "avx512", "neon"], default_value = "auto")]
    pub isa: String,
    /// How many threads: changes the speed only [default: as many as there are]
    #[arg(long, value_name = "N", value_parser = positive::<NonZeroUsize>, allow_negative_numbers = true)]
    pub threads: Option<NonZeroUsize>,
    /// Threads that read samples ahead of the training: changes the speed only [default: up to 4 for a folder of
    /// images, else none]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub workers: Option<usize>,
    /// Leave out an epoch's last batch if it is not full
    #[arg(long)]
    pub drop_last: bool,
    /// Learn the numbers to predict as they are, not with mean 0 and deviation 1: for networks that end with a sigmoid
    /// or a softmax
    #[arg(long)]
    pub raw_targets: bool,
    /// Stop after so many steps
    #[arg(long, value_name = "N", value_parser = positive::<NonZeroU64>, allow_negative_numbers = true)]
    pub max_steps: Option<NonZeroU64>,
    /// Go on with an interrupted run: the folder of its results; its options are known
    ///
    /// The run ends with the weights that it would have had without the interruption, bit for bit. Options given anew
    /// must not change its course; --epochs, --max-steps, --threads and --isa may differ.
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    pub resume: Option<PathBuf>,
    /// Where the results go; an earlier run's are replaced once this one has succeeded [default: runs/DATA-NET]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Also write event files for TensorBoard, into this folder
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
    /// After each epoch, also evaluate the whole training part as the test part is evaluated: without augmentation and
    /// dropout
    ///
    /// The accuracy beside the training loss is that of the samples on their way into the steps, and costs nothing.
    #[arg(long)]
    pub train_eval: bool,
    /// Describe what each layer computes: stats.jsonl, stats.svg and stats.png, in the folder of the results
    ///
    /// Mean, deviation and percentiles of outputs and of their gradients, the share of units whose output is always 0,
    /// the share of outputs at the ends of their range, the size of updates over that of the weights. It looks at 8
    /// steps of each epoch and changes no weight. Of several processes, the first describes its share. With
    /// --tensorboard, histograms go there, too.
    #[arg(long)]
    pub stats: bool,
    /// End stdout with one line of JSON; everything for people goes to stderr
    #[arg(long)]
    pub json: bool,
    /// Print the result only
    #[arg(long)]
    pub quiet: bool,
    #[command(flatten, next_help_heading = "Training methods")]
    pub method: MethodArgs,
    /// The arguments as they were given.
    #[arg(skip)]
    pub given: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum NormalizeName {
    /// Numbers with mean 0 and standard deviation 1 in every channel of the training part
    Standard,
    /// Bytes as 0 to 1, numbers as they are
    Unit,
}

impl From<NormalizeName> for Normalization {
    fn from(name: NormalizeName) -> Self {
        match name {
            NormalizeName::Standard => Self::Standard,
            NormalizeName::Unit => Self::Unit,
        }
    }
}

impl TrainArgs {
    pub fn optimizer(&self) -> Result<Optimizer> {
        self.method.optimizer.optimizer(&self.optimizer, self.lr)
    }
    pub fn lr(&self) -> f32 {
        self.lr.unwrap_or(usual(&self.optimizer).map_or(f32::NAN, |usual| usual.lr()))
    }
}

/// A number that is at least 1.
pub fn positive<N: FromStr>(text: &str) -> std::result::Result<N, String> {
    text.parse().map_err(|_| "must be a whole number from 1 on".to_string())
}
