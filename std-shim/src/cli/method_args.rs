//! How to train, beyond the plainest: schedules, limits, averages, stopping, checkpoints.

use std::num::{NonZeroU64, NonZeroUsize};

use clap::{Args, ValueEnum};
use flatgrad::train::{Clip, EarlyStopping, OneCycle, Plateau, Schedule, Settings, Shape};
use flatgrad::{Error, Result};
use flatgrad_core::net::Decay;

use super::args::positive;
use super::optimizer_args::OptimizerArgs;

#[derive(Clone, Debug, Args)]
pub struct MethodArgs {
    #[command(flatten)]
    pub optimizer: OptimizerArgs,
    /// Spare biases and the parameters of normalizations the weight decay
    #[arg(long)]
    pub decay_weights_only: bool,
    /// Limit the norm of every neuron's incoming weights
    #[arg(long, value_name = "X", value_parser = above_zero, allow_negative_numbers = true)]
    pub max_norm: Option<f32>,
    /// How the learning rate changes
    #[arg(long, value_enum, default_value_t = ScheduleName::Constant)]
    pub schedule: ScheduleName,
    /// Steps in which the learning rate rises linearly, from a third, before the schedule begins
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub warmup: u64,
    /// The factor of step (at each change), exponential (each epoch) and plateau [default: 0.1; 0.9 for exponential]
    #[arg(long, value_name = "X", value_parser = above_zero, allow_negative_numbers = true)]
    pub gamma: Option<f32>,
    /// The epochs between changes of step [default: a third of all]
    #[arg(long, value_name = "EPOCHS", value_parser = positive::<NonZeroU64>, allow_negative_numbers = true)]
    pub step_size: Option<NonZeroU64>,
    /// The learning rate below which cosine and plateau do not go
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true)]
    pub min_lr: f32,
    /// Epochs without a better validation loss before plateau lowers the learning rate
    #[arg(long, value_name = "N", default_value_t = 10, allow_negative_numbers = true)]
    pub plateau_patience: u64,
    /// Scale the gradients down where their norm is larger
    #[arg(long, value_name = "X",
          value_parser = above_zero, allow_negative_numbers = true, conflicts_with = "clip_value")]
    pub clip_norm: Option<f32>,
    /// Limit each gradient
    #[arg(long, value_name = "X", value_parser = above_zero, allow_negative_numbers = true)]
    pub clip_value: Option<f32>,
    /// Batches whose gradients make one step: large steps in little memory
    #[arg(long, value_name = "N",
          value_parser = positive::<NonZeroUsize>, default_value = "1", allow_negative_numbers = true)]
    pub accumulate: NonZeroUsize,
    /// Evaluate and give back an exponential moving average of the weights, with this decay, such as 0.999
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub ema: Option<f64>,
    /// The share of a label's weight that is spread over all classes
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true)]
    pub label_smoothing: f32,
    /// The weight of each class in the loss
    #[arg(long, value_name = "X,...", value_delimiter = ',', allow_negative_numbers = true)]
    pub class_weights: Vec<f32>,
    /// The share of the training images that is held out, to choose by
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub val: Option<f64>,
    /// Stop after so many epochs without a better validation loss, and give back the best weights
    #[arg(long, value_name = "N", value_parser = positive::<NonZeroU64>, allow_negative_numbers = true)]
    pub patience: Option<NonZeroU64>,
    /// By how much a validation loss must be better
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true)]
    pub min_delta: f32,
    /// Write a checkpoint after each N steps [default: once a minute]
    #[arg(long, value_name = "N", value_parser = positive::<NonZeroU64>, allow_negative_numbers = true)]
    pub checkpoint_steps: Option<NonZeroU64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScheduleName {
    /// Always --lr
    Constant,
    /// Times --gamma after each --step-size epochs
    Step,
    /// Times --gamma after each epoch
    Exponential,
    /// Down to --min-lr along half a cosine
    Cosine,
    /// Up from a 25th to --lr in 30 % of the steps, then down to nearly nothing
    OneCycle,
    /// Times --gamma when the validation loss no longer falls
    Plateau,
}

impl MethodArgs {
    /// What these options say, put into `settings`, for so many training samples.
    pub fn apply(&self, settings: Settings, samples: usize) -> Result<Settings> {
        let needs = "needs images held out for validation: add --val 0.1";
        if self.val.is_none() && self.patience.is_some() {
            return Err(Error::setting("patience", needs));
        }
        if self.val.is_none() && self.schedule == ScheduleName::Plateau {
            return Err(Error::setting("schedule", format!("plateau {needs}")));
        }
        if !(self.min_delta >= 0.0 && self.min_delta.is_finite()) {
            return Err(Error::setting("min-delta", "must be a finite number from 0 on"));
        }
        let clip = self.clip_norm.map(Clip::Norm).or(self.clip_value.map(Clip::Value));
        let decay = if self.decay_weights_only { Decay::Weights } else { Decay::All };
        let settings = Settings {
            clip,
            decay,
            accumulate: self.accumulate.get(),
            ema: self.ema,
            label_smoothing: self.label_smoothing,
            class_weights: self.class_weights.clone(),
            ..settings
        };
        let per_epoch = settings.steps_per_epoch(samples);
        let schedule = self.schedule(settings.epochs as u64, per_epoch);
        schedule.check()?;
        Ok(Settings { schedule, ..settings })
    }

    fn schedule(&self, epochs: u64, per_epoch: u64) -> Schedule {
        let steps = epochs.saturating_mul(per_epoch).saturating_sub(self.warmup);
        let gamma = |default: f64| self.gamma.map_or(default, decimal);
        let shape = match self.schedule {
            ScheduleName::Constant => Shape::Constant,
            ScheduleName::Step => {
                let size = self.step_size.map_or(epochs.div_ceil(3), NonZeroU64::get);
                Shape::Step { every: size.saturating_mul(per_epoch), gamma: gamma(0.1) }
            }
            ScheduleName::Exponential => Shape::Step { every: per_epoch, gamma: gamma(0.9) },
            ScheduleName::Cosine => Shape::Cosine { steps, min: decimal(self.min_lr) },
            ScheduleName::OneCycle => Shape::OneCycle(OneCycle::new(steps)),
            ScheduleName::Plateau => Shape::Plateau(Plateau {
                factor: gamma(0.1),
                patience: self.plateau_patience,
                min_lr: decimal(self.min_lr),
                ..Plateau::DEFAULT
            }),
        };
        Schedule::new(shape).warmup(self.warmup)
    }

    pub fn early_stopping(&self) -> Option<EarlyStopping> {
        self.patience.map(|patience| EarlyStopping::new(patience.get()).min_delta(self.min_delta))
    }
}

/// The f64 of the same shortest decimal: what was typed.
fn decimal(x: f32) -> f64 {
    x.to_string().parse().unwrap_or(f64::from(x))
}

pub fn above_zero(text: &str) -> std::result::Result<f32, String> {
    let number: f32 = text.parse().map_err(|_| "not a number".to_string())?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err("must be a finite number above 0".to_string()) }
}
