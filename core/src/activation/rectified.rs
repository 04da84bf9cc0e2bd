//! Functions that are linear, or nearly, on one side of zero.

use super::formula::Formula;
use crate::simd::{Simd, math};

#[derive(Clone, Copy)]
pub(super) struct Relu;

impl Formula for Relu {
    #[inline(always)]
    fn forward<S: Simd>(self, s: S, x: S::V) -> S::V {
        s.max(s.splat(0.0), x)
    }
    #[inline(always)]
    fn backward<S: Simd>(self, s: S, y: S::V, dy: S::V) -> S::V {
        s.select(s.lt(s.splat(0.0), y), dy, s.splat(0.0))
    }
}

#[derive(Clone, Copy)]
pub(super) struct LeakyRelu {
    pub slope: f32,
}

impl Formula for LeakyRelu {
    #[inline(always)]
    fn forward<S: Simd>(self, s: S, x: S::V) -> S::V {
        s.select(s.lt(s.splat(0.0), x), x, s.mul(s.splat(self.slope), x))
    }
    /// With a slope that is not negative, input and output have the same sign: either will do.
    #[inline(always)]
    fn backward<S: Simd>(self, s: S, saved: S::V, dy: S::V) -> S::V {
        s.select(s.lt(s.splat(0.0), saved), dy, s.mul(dy, s.splat(self.slope)))
    }
}

#[derive(Clone, Copy)]
pub(super) struct Elu {
    pub alpha: f32,
}

impl Formula for Elu {
    #[inline(always)]
    fn forward<S: Simd>(self, s: S, x: S::V) -> S::V {
        s.select(s.lt(s.splat(0.0), x), x, s.mul(s.splat(self.alpha), math::expm1(s, x)))
    }
    #[inline(always)]
    fn backward<S: Simd>(self, s: S, saved: S::V, dy: S::V) -> S::V {
        let alpha = s.splat(self.alpha);
        let slope = if self.alpha >= 0.0 { s.add(saved, alpha) } else { s.mul(alpha, math::exp(s, saved)) };
        s.select(s.lt(s.splat(0.0), saved), dy, s.mul(dy, slope))
    }
}

#[derive(Clone, Copy)]
pub(super) struct HardSwish;

impl Formula for HardSwish {
    #[inline(always)]
    fn forward<S: Simd>(self, s: S, x: S::V) -> S::V {
        let x = s.max(s.splat(-3.0), x);
        s.mul(x, s.div(s.min(s.splat(6.0), s.add(x, s.splat(3.0))), s.splat(6.0)))
    }
    #[inline(always)]
    fn backward<S: Simd>(self, s: S, x: S::V, dy: S::V) -> S::V {
        let inside = s.add(s.div(x, s.splat(3.0)), s.splat(0.5));
        let slope = s.select(s.lt(s.splat(-3.0), x), inside, s.splat(0.0));
        s.mul(dy, s.select(s.lt(x, s.splat(3.0)), slope, s.splat(1.0)))
    }
}
