//! What a program contains: kinds of layers, losses and optimizers that no plan of it uses are left out of the firmware.

use super::kind::Kind;
use super::loss::Loss;
use super::optimizer::Optimizer;
use super::plan::View;
use super::slot::Slot;
use crate::activation::Function;
use crate::error::{Error, Result};
use crate::init::Init;

/// A set of kinds of layers, losses, optimizers and initializations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts(u64);

/// What a program contains, as a type: the code for all else is never linked.
///
/// ```
/// use flatgrad_core::net::{Config, Layer, Linked, Net, Optimizer, Parts, Plan, Trainer};
/// use flatgrad_core::{Context, Isa};
/// const NET: Net = Net::new([4, 1, 1], &[Layer::dense(2)]);
/// const PLAN: Plan = Plan::new(&NET, Config::new(1, Optimizer::sgd(0.1)));
///
/// struct Used;
/// impl Linked for Used {
///     const PARTS: Parts = PLAN.parts();
/// }
///
/// let mut arena = [0.0; PLAN.train_len()];
/// let ctx = Context::serial(Isa::BASELINE);
/// let mut trainer = Trainer::<Used>::linked(ctx, &PLAN, &mut arena, 0)?;
/// trainer.step(&Optimizer::sgd(0.1), &[1.0, 2.0, 3.0, 4.0], &[1])?;
/// // Another optimizer is not there.
/// assert!(trainer.step(&Optimizer::adam(0.1), &[1.0, 2.0, 3.0, 4.0], &[1]).is_err());
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub trait Linked {
    /// The plan's [`Plan::parts`](super::Plan::parts), or those of several plans together.
    const PARTS: Parts;
}

/// All there is: what programs on large machines contain.
#[derive(Clone, Copy, Debug)]
pub struct Everything;

impl Linked for Everything {
    const PARTS: Parts = Parts::ALL;
}

macro_rules! parts {
    ($($name:ident = $bit:literal $doc:literal)*) => {
        /// One thing each, for programs whose networks are not known when they are built.
        impl Parts {
            $(#[doc = $doc] pub const $name: Self = Self(1 << $bit);)*
        }
    };
}

parts! {
    CONV2D = 0 "Convolutions."
    DENSE = 1 "Dense layers."
    BATCH_NORM = 2 "Batch normalization."
    GROUP_NORM = 3 "Group and instance normalization."
    LAYER_NORM = 4 "Layer normalization."
    RMS_NORM = 5 "Root mean square normalization."
    RELU = 6 "Relu."
    FUNCTIONS = 7 "All other element-wise functions."
    SOFTMAX = 8 "Softmax."
    LOG_SOFTMAX = 9 "Log-softmax."
    MAX_POOL = 10 "Max pooling."
    AVG_POOL = 11 "Average pooling."
    GLOBAL_AVG_POOL = 12 "Global average pooling."
    DROPOUT = 13 "Dropout."
    ADD = 14 "Additions at the ends of residual blocks."
    SGD = 20 "Gradient descent, with momentum or without."
    ADAGRAD = 21 "Adagrad."
    RMSPROP = 22 "RMSprop."
    ADAM = 23 "Adam and AdamW."
    CROSS_ENTROPY = 30 "Cross-entropy."
    BINARY_CROSS_ENTROPY = 31 "Binary cross-entropy."
    MEAN_SQUARED = 32 "Mean squared error."
    HUBER = 33 "Huber's loss."
    INIT = 40 "Initializations other than the default."
    MAX_NORM = 41 "Limits of the norms of weights."
}

impl Parts {
    /// All there is.
    pub const ALL: Self = Self(u64::MAX);
    /// Flatten layers, which are no code.
    pub const NONE: Self = Self(0);

    /// Both together.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `parts` are among these.
    pub const fn has(self, parts: Self) -> bool {
        parts.0 & !self.0 == 0
    }

    pub(super) const fn of_optimizer(optimizer: &Optimizer) -> Self {
        match optimizer {
            Optimizer::Sgd(_) => Self::SGD,
            Optimizer::Adagrad(_) => Self::ADAGRAD,
            Optimizer::RmsProp(_) => Self::RMSPROP,
            Optimizer::Adam(_) => Self::ADAM,
        }
    }

    pub(super) const fn of_loss(loss: &Loss) -> Self {
        match loss {
            Loss::CrossEntropy { .. } => Self::CROSS_ENTROPY,
            Loss::BinaryCrossEntropy => Self::BINARY_CROSS_ENTROPY,
            Loss::MeanSquared => Self::MEAN_SQUARED,
            Loss::Huber { .. } => Self::HUBER,
        }
    }

    /// With how it is initialized and limited.
    pub(super) const fn of_layer(slot: &Slot) -> Self {
        let kind = match slot.kind {
            Kind::Conv2d { .. } => Self::CONV2D,
            Kind::Dense { .. } => Self::DENSE,
            Kind::BatchNorm { .. } => Self::BATCH_NORM,
            Kind::GroupNorm { .. } => Self::GROUP_NORM,
            Kind::LayerNorm { .. } => Self::LAYER_NORM,
            Kind::RmsNorm { .. } => Self::RMS_NORM,
            Kind::Activation(Function::Relu) => Self::RELU,
            Kind::Activation(_) => Self::FUNCTIONS,
            Kind::Softmax => Self::SOFTMAX,
            Kind::LogSoftmax => Self::LOG_SOFTMAX,
            Kind::MaxPool2d { .. } => Self::MAX_POOL,
            Kind::AvgPool2d { .. } => Self::AVG_POOL,
            Kind::GlobalAvgPool => Self::GLOBAL_AVG_POOL,
            Kind::Flatten => Self::NONE,
            Kind::Dropout { .. } => Self::DROPOUT,
            Kind::Add => Self::ADD,
        };
        let init = if matches!(slot.options.init, Init::Default) { Self::NONE } else { Self::INIT };
        let limited = if slot.options.max_norm < f32::INFINITY { Self::MAX_NORM } else { Self::NONE };
        kind.and(init).and(limited)
    }
}

/// What a pass answers where code was left out.
pub(super) const MISSING: Error = Error::NotLinked { what: "an optimizer or loss" };

/// Whether a plan runs in a program that contains `L`; to train, with the plan's loss and optimizer.
pub(super) fn check_linked<L: Linked>(plan: View, to_train: bool) -> Result {
    if L::PARTS == Parts::ALL {
        return Ok(());
    }
    if let Some(slot) = plan.slots.iter().find(|slot| !L::PARTS.has(Parts::of_layer(slot))) {
        return Err(Error::NotLinked { what: slot.kind.name() });
    }
    let config = &plan.config;
    let training = Parts::of_optimizer(&config.optimizer).and(Parts::of_loss(&config.loss));
    if to_train && !L::PARTS.has(training) { Err(MISSING) } else { Ok(()) }
}
