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
