//! Exponential averages as `torch.lerp` computes them.

use crate::scalar::double;
use crate::simd::Simd;

/// `keep * old + (1 - keep) * new`, as one difference from the nearer of the two: exact where `keep` is 0 or 1, or
/// where both are equal.
#[derive(Clone, Copy)]
pub(super) struct Lerp {
    from_old: bool,
    /// `1 - keep`, or one less from the other end, where PyTorch subtracts after rounding.
    toward: f32,
}

impl Lerp {
    pub(super) const fn new(keep: f64) -> Self {
        let (from_old, weight) = (double::above(keep, 0.5), double::narrow(double::one_minus(keep)));
        Self { from_old, toward: if from_old { weight } else { -(1.0 - weight) } }
    }

    /// The same for a `keep` of more than a half.
    pub(super) const fn from_old(keep: f64) -> Self {
        Self { from_old: true, toward: double::narrow(double::one_minus(keep)) }
    }

    /// The same, if it starts from the old end, in a form that the compiler knows to.
    #[inline(always)]
    pub(super) fn only_from_old(self) -> Option<Self> {
        if self.from_old { Some(Self { from_old: true, ..self }) } else { None }
    }

    #[inline(always)]
    pub(super) fn of<S: Simd>(self, s: S, old: S::V, new: S::V) -> S::V {
        s.add(if self.from_old { old } else { new }, s.mul(s.splat(self.toward), s.sub(new, old)))
    }
}
