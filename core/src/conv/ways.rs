//! What a program uses of the convolutions, as a type: code for shapes that it does not have is not linked.

use crate::gemm;

/// What of the convolutions a program uses.
pub(crate) trait Uses: gemm::Uses {
    /// Kinds of shapes, and ways of the scalar engine.
    const WAYS: Ways;
}

/// All there is.
pub(crate) struct All;

impl gemm::Uses for All {
    const ANY_LAYOUT: bool = true;
    const TILES: gemm::Tiles = gemm::Tiles::ALL;
}

impl Uses for All {
    const WAYS: Ways = Ways::ALL;
}

/// A set of kinds of shapes, and of ways of the scalar engine ([`scalar`](super::scalar)).
#[derive(Clone, Copy)]
pub(crate) struct Ways(u8);

impl Ways {
    /// How many there are.
    pub(crate) const COUNT: u32 = 5;
    pub(crate) const ALL: Self = Self((1 << Self::COUNT) - 1);
    /// Shapes with strides, dilations or groups.
    pub(crate) const STRIDED: Self = Self(1);
    /// 1x1 kernels as products.
    pub(crate) const POINTWISE: Self = Self(1 << 1);
    /// 3x3 kernels in place, forward.
    pub(crate) const THREE: Self = Self(1 << 2);
    /// The same for the input gradient.
    pub(crate) const THREE_REVERSED: Self = Self(1 << 3);
    /// All other kernels, unfolded.
    pub(crate) const UNFOLDED: Self = Self(1 << 4);

    /// A bit for each.
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }
    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }
    /// Both together.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Whether all of `ways` are among these.
    pub(crate) const fn has(self, ways: Self) -> bool {
        ways.0 & !self.0 == 0
    }
}
