//! The Gaussian error linear unit, exact and with the tanh approximation.

use super::formula::Formula;
use super::sigmoid::clamp;
use crate::simd::{Simd, math};

/// The normal density at 0, `1 / sqrt(2 pi)`.
const DENSITY: f32 = 0.398_942_3;

/// `e^(-15^2 / 2)` is 0 in `f32`.
const FAR: f32 = 15.0;

#[derive(Clone, Copy)]
pub(super) struct Gelu;

/// `v` for a negative `x`, else `1 - v`: both `Phi` and its relative here satisfy `f(x) = 1 - f(-x)`.
#[inline(always)]
fn mirrored<S: Simd>(s: S, x: S::V, v: S::V) -> S::V {
    s.select(s.lt(x, s.splat(0.0)), v, s.sub(s.splat(1.0), v))
}

impl Formula for Gelu {
    #[inline(always)]
    fn forward<S: Simd>(self, s: S, x: S::V) -> S::V {
        let a = s.min(s.splat(FAR), math::abs(s, x));
        let tail = s.mul(math::gaussian(s, a), math::scaled_tail(s, a));
        s.mul(s.max(s.splat(-FAR), x), mirrored(s, x, tail))
    }
    #[inline(always)]
    fn backward<S: Simd>(self, s: S, x: S::V, dy: S::V) -> S::V {
        let a = s.min(s.splat(FAR), math::abs(s, x));
        let slope = s.sub(math::scaled_tail(s, a), s.mul(a, s.splat(DENSITY)));
        s.mul(dy, mirrored(s, x, s.mul(math::gaussian(s, a), slope)))
    }
}

/// `2 sqrt(2 / pi)`, and 0.044715 times it.
const LINEAR: f32 = 1.595_769_2;
const CUBIC: f32 = 0.071_354_82;

/// The sigmoid is 0 at the cubic of `-EDGE`, and 1 at that of `EDGE`.
const EDGE: f32 = 16.0;

#[derive(Clone, Copy)]
pub(super) struct GeluTanh;

impl Formula for GeluTanh {
    #[inline(always)]
    fn forward<S: Simd>(self, s: S, x: S::V) -> S::V {
        let x = s.max(s.splat(-EDGE), x);
        let z = s.mul(x, s.add(s.splat(LINEAR), s.mul(s.splat(CUBIC), s.mul(x, x))));
        s.mul(x, math::sigmoid(s, z))
    }
    #[inline(always)]
    fn backward<S: Simd>(self, s: S, x: S::V, dy: S::V) -> S::V {
        let one = s.splat(1.0);
        let x = clamp(s, x, EDGE);
        let square = s.mul(x, x);
        let y = math::sigmoid(s, s.mul(x, s.add(s.splat(LINEAR), s.mul(s.splat(CUBIC), square))));
        let slope = s.add(s.splat(LINEAR), s.mul(s.splat(3.0 * CUBIC), square));
        s.mul(dy, s.mul(y, s.add(one, s.mul(s.mul(x, s.sub(one, y)), slope))))
    }
}
