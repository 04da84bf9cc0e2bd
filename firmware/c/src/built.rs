//! What networks may contain in this archive: its features say so.

use flatgrad_core::net::{Linked, Parts};

/// The code for nothing else is linked.
pub(crate) struct Built;

macro_rules! parts {
    ($($feature:literal $part:ident)*) => {
        impl Linked for Built {
            const PARTS: Parts = {
                let mut parts = Parts::NONE;
                $(if cfg!(feature = $feature) {
                    parts = parts.and(Parts::$part);
                })*
                if cfg!(feature = "all") { Parts::ALL } else { parts }
            };
        }
    };
}

parts! {
    "conv2d" CONV2D "dense" DENSE "batch-norm" BATCH_NORM "group-norm" GROUP_NORM "layer-norm" LAYER_NORM
    "rms-norm" RMS_NORM "relu" RELU "activations" FUNCTIONS "softmax" SOFTMAX "log-softmax" LOG_SOFTMAX
    "max-pool" MAX_POOL "avg-pool" AVG_POOL "global-avg-pool" GLOBAL_AVG_POOL "dropout" DROPOUT "residual" ADD
    "sgd" SGD "adagrad" ADAGRAD "rmsprop" RMSPROP "adam" ADAM
    "cross-entropy" CROSS_ENTROPY "binary-cross-entropy" BINARY_CROSS_ENTROPY "mean-squared" MEAN_SQUARED "huber" HUBER
    "init" INIT "max-norm" MAX_NORM
}
