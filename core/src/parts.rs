//! What a program contains, as a type: what no plan of it uses is left out of the firmware.

use crate::gemm::small::log_width;

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

macro_rules! parts {
    ($($visibility:vis $name:ident = $bit:literal $doc:literal)*) => {
        /// One thing each, for programs whose networks are not known when they are built.
        impl Parts {
            $(#[doc = $doc] $visibility const $name: Self = Self(1 << $bit);)*
        }
    };
}

parts! {
    pub(crate) CONV = 0 "Convolutions, of which a plan can tell which."
    pub(crate) DENSE_LAYER = 1 "Dense layers, of which a plan can tell how large."
    pub BATCH_NORM = 2 "Batch normalization."
    pub GROUP_NORM = 3 "Group and instance normalization."
    pub LAYER_NORM = 4 "Layer normalization."
    pub RMS_NORM = 5 "Root mean square normalization."
    pub FUNCTIONS = 7 "All other element-wise functions."
    pub SOFTMAX = 8 "Softmax."
    pub LOG_SOFTMAX = 9 "Log-softmax."
    pub(crate) POOL = 10 "Max pooling of 2x2, side by side."
    pub AVG_POOL = 11 "Average pooling."
    pub GLOBAL_AVG_POOL = 12 "Global average pooling."
    pub DROPOUT = 13 "Dropout."
    pub ADD = 14 "Additions at the ends of residual blocks."
    pub(crate) SGD_RULE = 15 "Gradient descent, with momentum or without."
    pub(crate) ADAGRAD_RULE = 16 "Adagrad."
    pub(crate) RMSPROP_RULE = 17 "RMSprop."
    pub(crate) MOMENTS = 18 "Adam without what `VARIANTS` are."
    pub(crate) SOFTMAX_LOSS = 19 "Cross-entropy of class indices."
    pub BINARY_CROSS_ENTROPY = 20 "Binary cross-entropy."
    pub MEAN_SQUARED = 21 "Mean squared error."
    pub HUBER = 22 "Huber's loss."
    pub INIT = 23 "Initializations other than the default."
    pub MAX_NORM = 24 "Limits of the norms of weights."
    pub(crate) STRIDED = 25 "Convolutions with strides, dilations or groups."
    pub(crate) POINTWISE = 26 "A way of `conv/small`."
    pub(crate) THREE = 27 "A way of `conv/small`, forward."
    pub(crate) THREE_REVERSED = 28 "A way of `conv/small`, backward."
    pub(crate) UNFOLDED = 29 "A way of `conv/small`."
    pub(crate) PRODUCTS = 30 "Products other than those of layers; no plan has any."
    pub(crate) WINDOWS = 31 "Max pooling with other windows."
    pub(crate) SMOOTHING = 32 "Label smoothing."
    pub PROBABILITIES = 33 "Cross-entropy of probabilities; plans are for class indices ([`Plan::parts`](crate::net::Plan::parts))."
    pub(crate) RELU_IN_PLACE = 6 "Relu as the epilogue of the layer before it."
    pub(crate) RELU_ALONE = 35 "Relu that is no epilogue."
    pub(crate) RATES = 36 "Parameters that are frozen, or have rates of their own; a part of every optimizer."
    pub(crate) VARIANTS = 34 "Adam with weight decay, AMSGrad, or a first beta of at most a half."
}

/// Kinds that have parts of their own.
impl Parts {
    /// Convolutions.
    pub const CONV2D: Self = Self::CONV
        .and(Self::STRIDED)
        .and(Self::POINTWISE)
        .and(Self::THREE)
        .and(Self::THREE_REVERSED)
        .and(Self::UNFOLDED)
        .and(Self::TILES);
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

/// Tiles of products on microcontrollers (`gemm/small`).
impl Parts {
    pub(crate) const TILES: Self = Self(0xfffff << 40);

    /// Those of [`outers`](crate::gemm::small::outers) with two steps.
    pub(crate) const TWO_STEPS: Self = Self(0xf << 52);

    /// A tile of [`chains`](crate::gemm::small::chains) with one or two rows, and `1 << log` columns.
    pub(crate) const fn chain(two: bool, log: usize) -> Self {
        Self(1 << (40 + 4 * two as usize + log))
    }
    /// A tile of [`outers`](crate::gemm::small::outers) with one or two steps, and `1 << log` columns.
    pub(crate) const fn outer(two: bool, log: usize) -> Self {
        Self(1 << (48 + 4 * two as usize + log))
    }
    /// A tile of [`dots`](crate::gemm::small::dots) with one or two rows, and one or four columns.
    pub(crate) const fn dot(two: bool, four: bool) -> Self {
        Self(1 << (56 + 2 * two as usize + four as usize))
    }

    /// The tiles of dense layers of up to `batch` samples.
    pub(crate) const fn dense_tiles(batch: usize, inputs: usize, outputs: usize) -> Self {
        let (mut tiles, mut rows) = (Self::NONE, 0);
        while rows < 2 && rows < batch {
            let two = rows == 1;
            tiles = tiles.and(Self::row_tiles(two, outputs, true));
            if outputs == 1 {
                // The weight is one column, which is as good as rows.
                tiles = tiles.and(Self::row_tiles(two, inputs, false));
            } else if inputs >= 4 {
                tiles = tiles.and(Self::dot(two, true));
            }
            if !inputs.is_multiple_of(4) {
                tiles = tiles.and(Self::dot(two, false));
            }
            rows += 1;
        }
        tiles
    }

    /// The tiles of one row of `columns`, or two.
    pub(crate) const fn row_tiles(two: bool, columns: usize, outers: bool) -> Self {
        let (mut tiles, mut left) = (Self::NONE, columns);
        while left > 0 {
            let log = log_width(left);
            tiles = tiles.and(Self::chain(two, log));
            if outers {
                tiles = tiles.and(Self::outer(two, log));
            }
            // All but the last few columns come in eights.
            left = if left >= 16 { left % 8 + 8 } else { left - (1 << log) };
        }
        tiles
    }
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

    /// The `i`-th part after this one.
    #[allow(dead_code, reason = "only kernels in assembly ask")]
    pub(crate) const fn nth(self, i: usize) -> Self {
        Self(self.0 << i)
    }

    /// Whether all of `parts` are among these.
    pub const fn has(self, parts: Self) -> bool {
        parts.0 & !self.0 == 0
    }
}
