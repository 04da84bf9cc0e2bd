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
    /// Products other than those of layers; no plan has any.
    const PRODUCTS: Self = Self(1 << 63);
    /// Max pooling with other windows than 2x2, side by side.
    pub(super) const WINDOWS: Self = Self::layer(12);
    /// Adam with weight decay, AMSGrad, or a first beta of at most a half.
    pub(super) const VARIANTS: Self = Self::rule(4);
    /// Parameters that are frozen, or have rates of their own; a part of every optimizer.
    pub(super) const RATES: Self = Self::rule(5);
    /// Initializations other than the default.
    pub const INIT: Self = Self::rule(6);
    /// Limits of the norms of weights.
    pub const MAX_NORM: Self = Self::rule(7);
    /// Label smoothing.
    pub(super) const SMOOTHING: Self = Self::loss(1);
    /// Cross-entropy of probabilities; plans are for class indices ([`Plan::parts`](crate::net::Plan::parts)).
    pub const PROBABILITIES: Self = Self::loss(2);

    /// The fields, one behind the other: layers, rules (of learning), losses, ways of convolutions, tiles of products.
    /// Who has a bit says so in its own file.
    const LAYERS: u32 = 20;
    const RULES_AT: u32 = Self::LAYERS;
    const RULES: u32 = 10;
    const LOSSES_AT: u32 = Self::RULES_AT + Self::RULES;
    const LOSSES: u32 = 8;
    const WAYS_AT: u32 = Self::LOSSES_AT + Self::LOSSES;
    const TILES_AT: u32 = Self::WAYS_AT + Ways::COUNT;

    pub(super) const fn layer(i: u32) -> Self {
        assert!(i < Self::LAYERS);
        Self(1 << i)
    }
    pub(super) const fn rule(i: u32) -> Self {
        assert!(i < Self::RULES);
        Self(1 << (Self::RULES_AT + i))
    }
    pub(super) const fn loss(i: u32) -> Self {
        assert!(i < Self::LOSSES);
        Self(1 << (Self::LOSSES_AT + i))
    }
    pub(super) const WAYS: Self = Self::of_ways(Ways::ALL);
    pub(super) const TILES: Self = Self::of_tiles(Tiles::ALL);

    pub(super) const fn of_ways(ways: Ways) -> Self {
        Self((ways.bits() as u64) << Self::WAYS_AT)
    }
    pub(super) const fn of_tiles(tiles: Tiles) -> Self {
        Self((tiles.bits() as u64) << Self::TILES_AT)
    }
}

const _: () = assert!(Parts::TILES_AT + Tiles::COUNT < u64::BITS, "the fields of Parts do not fit");

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
