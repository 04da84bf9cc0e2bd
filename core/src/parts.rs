//! What a program contains, as a type: what no plan of it uses is left out of the firmware.

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
    ($($name:ident = $bit:literal $doc:literal)*) => {
        /// One thing each, for programs whose networks are not known when they are built.
        impl Parts {
            $(#[doc = $doc] pub const $name: Self = Self(1 << $bit);)*
        }
    };
}

parts! {
    DENSE = 1 "Dense layers."
    BATCH_NORM = 2 "Batch normalization."
    GROUP_NORM = 3 "Group and instance normalization."
    LAYER_NORM = 4 "Layer normalization."
    RMS_NORM = 5 "Root mean square normalization."
    RELU = 6 "Relu."
    FUNCTIONS = 7 "All other element-wise functions."
    SOFTMAX = 8 "Softmax."
    LOG_SOFTMAX = 9 "Log-softmax."
    AVG_POOL = 11 "Average pooling."
    GLOBAL_AVG_POOL = 12 "Global average pooling."
    DROPOUT = 13 "Dropout."
    ADD = 14 "Additions at the ends of residual blocks."
    SGD = 20 "Gradient descent, with momentum or without."
    ADAGRAD = 21 "Adagrad."
    RMSPROP = 22 "RMSprop."
    BINARY_CROSS_ENTROPY = 31 "Binary cross-entropy."
    MEAN_SQUARED = 32 "Mean squared error."
    HUBER = 33 "Huber's loss."
    INIT = 40 "Initializations other than the default."
    MAX_NORM = 41 "Limits of the norms of weights."
}

/// What kinds are made of, where a plan can tell which of it is needed.
impl Parts {
    pub(crate) const CONV: Self = Self(1);
    /// Convolutions with strides, dilations or groups.
    pub(crate) const STRIDED: Self = Self(1 << 44);
    /// The ways of the kernels for microcontrollers (`conv/small`).
    pub(crate) const POINTWISE: Self = Self(1 << 45);
    pub(crate) const THREE: Self = Self(1 << 46);
    pub(crate) const THREE_REVERSED: Self = Self(1 << 47);
    pub(crate) const UNFOLDED: Self = Self(1 << 48);
    /// Products other than those of dense layers; no plan has any.
    pub(crate) const PRODUCTS: Self = Self(1 << 49);
    pub(crate) const POOL: Self = Self(1 << 10);
    /// Windows of max pooling that are not 2x2 side by side.
    pub(crate) const WINDOWS: Self = Self(1 << 50);
    pub(crate) const SOFTMAX_LOSS: Self = Self(1 << 30);
    /// Label smoothing.
    pub(crate) const SMOOTHING: Self = Self(1 << 51);
    pub(crate) const MOMENTS: Self = Self(1 << 23);
    /// Adam with weight decay, AMSGrad, or a first beta of at most a half.
    pub(crate) const VARIANTS: Self = Self(1 << 52);

    /// Convolutions.
    pub const CONV2D: Self = Self::CONV
        .and(Self::STRIDED)
        .and(Self::POINTWISE)
        .and(Self::THREE)
        .and(Self::THREE_REVERSED)
        .and(Self::UNFOLDED);
    /// Max pooling.
    pub const MAX_POOL: Self = Self::POOL.and(Self::WINDOWS);
    /// Cross-entropy.
    pub const CROSS_ENTROPY: Self = Self::SOFTMAX_LOSS.and(Self::SMOOTHING).and(Self::PROBABILITIES);
    /// Cross-entropy with probabilities as targets; plans are for class indices ([`Plan::parts`](crate::net::Plan::parts)).
    pub const PROBABILITIES: Self = Self(1 << 53);
    /// Adam and AdamW.
    pub const ADAM: Self = Self::MOMENTS.and(Self::VARIANTS);
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
}
