//! One lane at a time, for functions that have no vector form.

use crate::simd::{MAX_LANES, Simd};

/// `f` of each lane.
#[inline(always)]
pub(crate) fn each_lane<S: Simd>(s: S, v: S::V, f: impl Fn(f32) -> f32) -> S::V {
    let mut lanes = [0.0; MAX_LANES];
    // SAFETY: LANES <= MAX_LANES.
    unsafe { s.store(lanes.as_mut_ptr(), v) };
    lanes.iter_mut().take(S::LANES).for_each(|x| *x = f(*x));
    // SAFETY: LANES <= MAX_LANES.
    unsafe { s.load(lanes.as_ptr()) }
}
