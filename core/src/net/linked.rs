//! What a program contains, as a type: what no plan of it uses is left out of the firmware.

use crate::conv::Ways;
use crate::gemm::Tiles;
use crate::{conv, gemm, loss, optim, pool};

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
    /// The plan's [`Plan::parts`](crate::net::Plan::parts), or those of several plans together.
    const PARTS: Parts;
}

/// All there is: what programs on large machines contain.
#[derive(Clone, Copy, Debug)]
pub struct Everything;

impl Linked for Everything {
    const PARTS: Parts = Parts::ALL;
}

/// One thing each, for programs whose networks are not known when they are built.
impl Parts {
    pub(crate) const CONV: Self = Self(1); // which convolutions is in the field of WAYS
    pub(crate) const DENSE_LAYER: Self = Self(1 << 1); // how large is in the field of TILES
    /// Batch normalization.
    pub const BATCH_NORM: Self = Self(1 << 2);
    /// Group and instance normalization.
    pub const GROUP_NORM: Self = Self(1 << 3);
    /// Layer normalization.
    pub const LAYER_NORM: Self = Self(1 << 4);
    /// Root mean square normalization.
    pub const RMS_NORM: Self = Self(1 << 5);
    /// Relu as the epilogue of the layer before it.
    pub(crate) const RELU_IN_PLACE: Self = Self(1 << 6);
    /// Relu that is no epilogue.
    pub(crate) const RELU_ALONE: Self = Self(1 << 7);
    /// All other element-wise functions.
    pub const FUNCTIONS: Self = Self(1 << 8);
    /// Softmax.
    pub const SOFTMAX: Self = Self(1 << 9);
    /// Log-softmax.
    pub const LOG_SOFTMAX: Self = Self(1 << 10);
    /// Max pooling of 2x2, side by side.
    pub(crate) const POOL: Self = Self(1 << 11);
    /// Max pooling with other windows.
    pub(crate) const WINDOWS: Self = Self(1 << 12);
    /// Average pooling.
    pub const AVG_POOL: Self = Self(1 << 13);
    /// Global average pooling.
    pub const GLOBAL_AVG_POOL: Self = Self(1 << 14);
    /// Dropout.
    pub const DROPOUT: Self = Self(1 << 15);
    /// Additions at the ends of residual blocks.
    pub const ADD: Self = Self(1 << 16);
    /// Gradient descent, with momentum or without.
    pub(crate) const SGD_RULE: Self = Self(1 << 17);
    /// Adagrad.
    pub(crate) const ADAGRAD_RULE: Self = Self(1 << 18);
    /// RMSprop.
    pub(crate) const RMSPROP_RULE: Self = Self(1 << 19);
    /// Adam without what `VARIANTS` are.
    pub(crate) const MOMENTS: Self = Self(1 << 20);
    /// Adam with weight decay, AMSGrad, or a first beta of at most a half.
    pub(crate) const VARIANTS: Self = Self(1 << 21);
    /// Cross-entropy of class indices.
    pub(crate) const SOFTMAX_LOSS: Self = Self(1 << 22);
    /// Label smoothing.
    pub(crate) const SMOOTHING: Self = Self(1 << 23);
    /// Cross-entropy of probabilities; plans are for class indices ([`Plan::parts`](crate::net::Plan::parts)).
    pub const PROBABILITIES: Self = Self(1 << 24);
    /// Binary cross-entropy.
    pub const BINARY_CROSS_ENTROPY: Self = Self(1 << 25);
    /// Mean squared error.
    pub const MEAN_SQUARED: Self = Self(1 << 26);
    /// Huber's loss.
    pub const HUBER: Self = Self(1 << 27);
    /// Initializations other than the default.
    pub const INIT: Self = Self(1 << 28);
    /// Limits of the norms of weights.
    pub const MAX_NORM: Self = Self(1 << 29);
    /// Parameters that are frozen, or have rates of their own; a part of every optimizer.
    pub(crate) const RATES: Self = Self(1 << 30);
    /// Products other than those of layers; no plan has any.
    pub(crate) const PRODUCTS: Self = Self(1 << 31);

    /// The fields behind the bits above: where the sets of convolutions' ways and of products' tiles begin.
    const WAYS_AT: u32 = 32;
    const TILES_AT: u32 = Self::WAYS_AT + Ways::COUNT;
    const WAYS: Self = Self::of_ways(Ways::ALL);
    const TILES: Self = Self::of_tiles(Tiles::ALL);

    pub(super) const fn of_ways(ways: Ways) -> Self {
        Self((ways.bits() as u64) << Self::WAYS_AT)
    }
    pub(super) const fn of_tiles(tiles: Tiles) -> Self {
        Self((tiles.bits() as u64) << Self::TILES_AT)
    }
}

const _: () = assert!(Parts::TILES_AT + Tiles::COUNT <= u64::BITS, "the fields of Parts do not fit");

/// The kernels' view of what is linked.
impl<L: Linked> gemm::Uses for L {
    const ANY_LAYOUT: bool = L::PARTS.has(Parts::PRODUCTS);
    const TILES: Tiles = Tiles::from_bits((L::PARTS.0 >> Parts::TILES_AT) as u32);
}
impl<L: Linked> conv::Uses for L {
    const WAYS: Ways = Ways::from_bits((L::PARTS.0 >> Parts::WAYS_AT) as u8);
}
impl<L: Linked> pool::Uses for L {
    const ANY_WINDOWS: bool = L::PARTS.has(Parts::WINDOWS);
}
impl<L: Linked> optim::Uses for L {
    const VARIANTS: bool = L::PARTS.has(Parts::VARIANTS);
}
impl<L: Linked> loss::Uses for L {
    const SMOOTHING: bool = L::PARTS.has(Parts::SMOOTHING);
    const PROBABILITIES: bool = L::PARTS.has(Parts::PROBABILITIES);
}

/// Kinds that have parts of their own.
impl Parts {
    /// Convolutions.
    pub const CONV2D: Self = Self::CONV.and(Self::WAYS).and(Self::TILES);
    /// Dense layers.
    pub const DENSE: Self = Self::DENSE_LAYER.and(Self::TILES);
    /// Relu.
    pub const RELU: Self = Self::RELU_IN_PLACE.and(Self::RELU_ALONE);
    /// Max pooling.
    pub const MAX_POOL: Self = Self::POOL.and(Self::WINDOWS);
    /// Cross-entropy.
    pub const CROSS_ENTROPY: Self = Self::SOFTMAX_LOSS.and(Self::SMOOTHING).and(Self::PROBABILITIES);
    /// Gradient descent, with momentum or without.
    pub const SGD: Self = Self::SGD_RULE.and(Self::RATES);
    /// Adagrad.
    pub const ADAGRAD: Self = Self::ADAGRAD_RULE.and(Self::RATES);
    /// RMSprop.
    pub const RMSPROP: Self = Self::RMSPROP_RULE.and(Self::RATES);
    /// Adam and AdamW.
    pub const ADAM: Self = Self::MOMENTS.and(Self::VARIANTS).and(Self::RATES);
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

    /// Whether one of `parts` is among these.
    pub(crate) const fn any(self, parts: Self) -> bool {
        parts.0 & self.0 != 0
    }

    /// Whether all of `parts` are among these.
    pub const fn has(self, parts: Self) -> bool {
        parts.0 & !self.0 == 0
    }
}
