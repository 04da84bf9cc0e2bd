//! Vectors of every first, second, .. element from an offset that may lie outside the slice.

use super::pairs::unzip;
use crate::simd::unrolled;
use crate::simd::{MAX_LANES, Simd};

/// `[v0, .., v(STEP - 1)]` with `vr = (x[at + r], x[at + r + STEP], x[at + r + 2 STEP], ..)`, zeros outside the slice.
/// `STEP` is 1 or 2.
#[inline(always)]
pub(crate) fn load_every<S: Simd, const STEP: usize>(s: S, x: &[f32], at: isize) -> [S::V; STEP] {
    let first = load_at(s, x, at);
    if STEP == 1 {
        return [first; STEP];
    }
    let (even, odd) = unzip(s, first, load_at(s, x, at.wrapping_add(S::LANES as isize)));
    unrolled(
        #[inline(always)]
        |r| if r == 0 { even } else { odd },
    )
}

/// `(x[at], x[at + 1], ..)`, zeros outside the slice.
#[inline(always)]
fn load_at<S: Simd>(s: S, x: &[f32], at: isize) -> S::V {
    if at >= 0 {
        let room = x.len().saturating_sub(at as usize);
        if room >= S::LANES {
            // SAFETY: LANES elements are there from `at` on.
            return unsafe { s.load(x.as_ptr().add(at as usize)) };
        }
        if room > 0 {
            // SAFETY: `at` is an element, and the tail selects the `room` elements from there to the end.
            return unsafe { s.load_tail(x.as_ptr().add(at as usize), s.tail(room)) };
        }
    } else if at.wrapping_add(S::LANES as isize) > 0 {
        // Rare: a few lanes in front of the slice.
        let mut lanes = [0.0; MAX_LANES];
        for (lane, x) in lanes.iter_mut().skip(at.unsigned_abs()).zip(x) {
            *lane = *x;
        }
        // SAFETY: LANES <= MAX_LANES.
        return unsafe { s.load(lanes.as_ptr()) };
    }
    s.splat(0.0)
}

/// The inverse of [`load_every`]: stores to the elements that exist.
#[inline(always)]
pub(crate) fn store_every<S: Simd, const STEP: usize>(s: S, y: &mut [f32], at: usize, v: [S::V; STEP]) {
    match v.as_slice() {
        [v] => store_at(s, y, at, *v),
        [even, odd] => {
            let (low, high) = s.zip(*even, *odd);
            store_at(s, y, at, low);
            store_at(s, y, at.saturating_add(S::LANES), high);
        }
        _ => {}
    }
}

/// `v` to the elements from `at` on that exist.
#[inline(always)]
fn store_at<S: Simd>(s: S, y: &mut [f32], at: usize, v: S::V) {
    let room = y.len().saturating_sub(at);
    if room >= S::LANES {
        // SAFETY: LANES elements are there from `at` on.
        unsafe { s.store(y.as_mut_ptr().add(at), v) }
    } else if room > 0 {
        // SAFETY: `at` is an element, and the tail selects the `room` elements from there to the end.
        unsafe { s.store_tail(y.as_mut_ptr().add(at), v, s.tail(room)) }
    }
}

/// `v` in lanes `from..to`, `outside` in the others; `from` may be negative.
#[inline(always)]
pub(crate) fn keep<S: Simd>(s: S, v: S::V, from: isize, to: isize, outside: S::V) -> S::V {
    let v = s.select(s.first(to.max(0) as usize), v, outside);
    if from > 0 { s.select(s.first(from as usize), outside, v) } else { v }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Isa;
    use crate::simd::dispatch;

    extern crate std;
    use std::vec::Vec;

    fn check<const STEP: usize>(isa: Isa, x: &[f32], at: isize) {
        let want = |i: isize| usize::try_from(i).ok().and_then(|i| x.get(i)).copied().unwrap_or(0.0);
        let (mut y, mut lanes) = (std::vec![-1.0; x.len() + 1], 0);
        let end = x.len();
        dispatch!(isa, |s| {
            lanes = lanes_of(s);
            let v = load_every::<_, STEP>(s, x, at);
            store_every(s, &mut y[..end], 1.min(end), v);
        });
        for (i, y) in y.iter().enumerate() {
            let stored = i >= 1 && i < end && i < 1 + STEP * lanes;
            let want = if stored { want(at + i as isize - 1) } else { -1.0 };
            assert_eq!(*y, want, "{} step {STEP} from {at}, {end} elements, element {i}", isa.name());
        }
    }

    fn lanes_of<S: Simd>(_: S) -> usize {
        S::LANES
    }

    #[test]
    fn loads_and_stores_stop_at_the_ends() {
        for isa in Isa::available() {
            for len in 0..40 {
                let x: Vec<f32> = (0..len).map(|i| i as f32 + 1.0).collect();
                for at in -40..45 {
                    check::<1>(isa, &x, at);
                    check::<2>(isa, &x, at);
                }
            }
        }
    }

    #[test]
    fn lanes_outside_are_replaced() {
        for isa in Isa::available() {
            for (from, to) in (-3..20).flat_map(|from| (-3..20).map(move |to| (from, to))) {
                let mut y = [7.0; MAX_LANES];
                let lanes = dispatch!(isa, |s| {
                    let v = keep(s, s.splat(1.0), from, to, s.splat(2.0));
                    store_every(s, &mut y, 0, [v]);
                    lanes_of(s)
                });
                for (i, y) in y[..lanes].iter().enumerate() {
                    let inside = (from..to).contains(&(i as isize));
                    assert_eq!(*y, if inside { 1.0 } else { 2.0 }, "{} {from}..{to}", isa.name());
                }
            }
        }
    }
}
