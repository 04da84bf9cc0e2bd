//! How a function is computed: a type per [`Activation`](super::Activation), so that no loop has to ask which it is.

use crate::simd::Simd;

/// One element, forward and backward.
pub(super) trait Formula: Copy + Sync {
    /// `f(x)`
    fn forward<S: Simd>(self, s: S, x: S::V) -> S::V;
    /// `dy f'(x)`; `saved` is what [`Activation::saved`](super::Activation::saved) says.
    fn backward<S: Simd>(self, s: S, saved: S::V, dy: S::V) -> S::V;
}
