//! What a plan needs of a program: kinds of layers, losses and optimizers.

use super::kind::Kind;
use super::linked::{Linked, Parts};
use super::loss::Loss;
use super::optimizer::Optimizer;
use super::plan::{Config, Decay, View};
use super::slot::{Gradient, Slot};
use crate::activation::Function;
use crate::conv;
use crate::error::{Error, Result};
use crate::gemm::Tiles;
use crate::init::Init;

impl Parts {
    const fn of_optimizer(optimizer: &Optimizer) -> Self {
        match optimizer {
            Optimizer::Sgd(_) => Self::SGD_RULE,
            Optimizer::Adagrad(_) => Self::ADAGRAD_RULE,
            Optimizer::RmsProp(_) => Self::RMSPROP_RULE,
            Optimizer::Adam(adam) if adam.is_variant() => Self::MOMENTS.and(Self::VARIANTS),
            Optimizer::Adam(_) => Self::MOMENTS,
        }
    }

    /// What training needs beside the layers.
    pub(super) const fn of_training(config: &Config) -> Self {
        let rates = if matches!(config.decay, Decay::Weights) { Self::RATES } else { Self::NONE };
        Self::of_optimizer(&config.optimizer).and(Self::of_loss(&config.loss)).and(rates)
    }

    /// What training needs for the layer's rates.
    pub(super) const fn of_rates(slot: &Slot) -> Self {
        let frozen = slot.options.frozen && slot.parameters() > 0;
        if frozen || slot.options.lr != 1.0 || slot.options.decay != 1.0 { Self::RATES } else { Self::NONE }
    }

    const fn of_loss(loss: &Loss) -> Self {
        match loss {
            Loss::CrossEntropy { label_smoothing: 0.0 } => Self::SOFTMAX_LOSS,
            Loss::CrossEntropy { .. } => Self::SOFTMAX_LOSS.and(Self::SMOOTHING),
            Loss::BinaryCrossEntropy => Self::BINARY_CROSS_ENTROPY,
            Loss::MeanSquared => Self::MEAN_SQUARED,
            Loss::Huber { .. } => Self::HUBER,
        }
    }

    /// With how it is initialized and limited.
    pub(super) const fn of_layer(slot: &Slot, batch: usize) -> Self {
        let kind = match slot.kind {
            Kind::Conv2d { .. } => {
                let (ways, tiles) = conv::parts(&slot.conv(1), !matches!(slot.dx, Gradient::None));
                Self::CONV.and(Self::of_ways(ways)).and(Self::of_tiles(tiles))
            }
            Kind::Dense { .. } => {
                Self::DENSE_LAYER.and(Self::of_tiles(Tiles::of_dense(batch, slot.input[0], slot.output[0])))
            }
            Kind::BatchNorm { .. } => Self::BATCH_NORM,
            Kind::GroupNorm { .. } => Self::GROUP_NORM,
            Kind::LayerNorm { .. } => Self::LAYER_NORM,
            Kind::RmsNorm { .. } => Self::RMS_NORM,
            Kind::Activation(Function::Relu) if slot.fused => Self::RELU_IN_PLACE,
            Kind::Activation(Function::Relu) => Self::RELU,
            Kind::Activation(_) => Self::FUNCTIONS,
            Kind::Softmax => Self::SOFTMAX,
            Kind::LogSoftmax => Self::LOG_SOFTMAX,
            Kind::MaxPool2d { kernel, stride, padding } => {
                let plain = slot.max_pool(1, kernel, stride, padding).is_2x2();
                if plain { Self::POOL } else { Self::POOL.and(Self::WINDOWS) }
            }
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
    if let Some(slot) = plan.slots.iter().find(|slot| !L::PARTS.has(slot.parts)) {
        return Err(Error::NotLinked { what: slot.kind.name() });
    }
    if to_train && !L::PARTS.has(plan.training) { Err(MISSING) } else { Ok(()) }
}
