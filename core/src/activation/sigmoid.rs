//! Functions made of the sigmoid and its kin.

use super::formula::Formula;
use crate::simd::{Simd, math};

/// Between `-limit` and `limit`; a NaN stays one.
#[inline(always)]
pub(super) fn clamp<S: Simd>(s: S, x: S::V, limit: f32) -> S::V {
    s.min(s.splat(limit), s.max(s.splat(-limit), x))
}

#[derive(Clone, Copy)]
pub(super) struct Sigmoid;

impl Formula for Sigmoid {
    #[inline(always)]
    fn forward<S: Simd>(self, s: S, x: S::V) -> S::V {
        math::sigmoid(s, x)
    }
    #[inline(always)]
    fn backward<S: Simd>(self, s: S, y: S::V, dy: S::V) -> S::V {
        s.mul(dy, s.mul(s.sub(s.splat(1.0), y), y))
    }
}

#[derive(Clone, Copy)]
pub(super) struct Tanh;

impl Formula for Tanh {
    #[inline(always)]
    fn forward<S: Simd>(self, s: S, x: S::V) -> S::V {
        math::tanh(s, x)
    }
    #[inline(always)]
    fn backward<S: Simd>(self, s: S, y: S::V, dy: S::V) -> S::V {
        s.mul(dy, s.sub(s.splat(1.0), s.mul(y, y)))
    }
}

/// The sigmoid is 0 from here down, and 1 long before here up: beyond it an infinity would be multiplied by zero.
const LIMIT: f32 = 104.0;

#[derive(Clone, Copy)]
pub(super) struct Silu;

impl Formula for Silu {
    #[inline(always)]
    fn forward<S: Simd>(self, s: S, x: S::V) -> S::V {
        s.mul(s.max(s.splat(-LIMIT), x), math::sigmoid(s, x))
    }
    #[inline(always)]
    fn backward<S: Simd>(self, s: S, x: S::V, dy: S::V) -> S::V {
        let one = s.splat(1.0);
        let x = clamp(s, x, LIMIT);
        let y = math::sigmoid(s, x);
        s.mul(dy, s.mul(y, s.add(one, s.mul(x, s.sub(one, y)))))
    }
}

#[derive(Clone, Copy)]
pub(super) struct Softplus {
    pub beta: f32,
    pub threshold: f32,
}

impl Formula for Softplus {
    #[inline(always)]
    fn forward<S: Simd>(self, s: S, x: S::V) -> S::V {
        let beta = s.splat(self.beta);
        let z = s.mul(beta, x);
        let bend = math::log1p(s, math::exp(s, math::negated(s, math::abs(s, z))));
        let y = s.div(s.add(s.max(s.splat(0.0), z), bend), beta);
        s.select(s.lt(s.splat(self.threshold), z), x, y)
    }
    #[inline(always)]
    fn backward<S: Simd>(self, s: S, x: S::V, dy: S::V) -> S::V {
        let z = s.mul(s.splat(self.beta), x);
        s.select(s.lt(s.splat(self.threshold), z), dy, s.mul(dy, math::sigmoid(s, z)))
    }
}

#[derive(Clone, Copy)]
pub(super) struct Mish;

impl Mish {
    /// `e`, numerator and denominator of `tanh(ln(1 + e^x))`, and whether `x` is negative.
    #[inline(always)]
    fn parts<S: Simd>(s: S, x: S::V) -> ([S::V; 3], S::M) {
        let negative = s.lt(x, s.splat(0.0));
        let e = math::exp(s, math::negated(s, math::abs(s, x)));
        let (square, twice) = (s.mul(e, e), s.add(e, e));
        let a = s.add(s.select(negative, square, s.splat(1.0)), twice);
        let d = s.add(a, s.select(negative, s.splat(2.0), s.add(square, square)));
        ([e, a, d], negative)
    }
}

impl Formula for Mish {
    #[inline(always)]
    fn forward<S: Simd>(self, s: S, x: S::V) -> S::V {
        let ([_, a, d], _) = Self::parts(s, x);
        s.mul(s.max(s.splat(-LIMIT), x), s.div(a, d))
    }
    #[inline(always)]
    fn backward<S: Simd>(self, s: S, x: S::V, dy: S::V) -> S::V {
        let ([e, a, d], negative) = Self::parts(s, x);
        let slope = s.mul(s.splat(4.0), s.mul(e, s.add(s.splat(1.0), e)));
        let slope = s.div(s.select(negative, slope, s.mul(slope, e)), s.mul(d, d));
        s.mul(dy, s.add(s.div(a, d), s.mul(clamp(s, x, LIMIT), slope)))
    }
}
