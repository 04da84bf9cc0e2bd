//! Vectors of neighbouring windows, at a horizontal stride of 1 or 2 (`STEP`): each tap, the element at the same place
//! in every window, is one load from a row. Lanes whose tap lies in the padding are replaced by what changes nothing.
//!
//! A lane sees its window's elements in row-major order, so the bits are those of one window at a time.

use super::window::Windows;
use crate::scalar::ceil_div;
use crate::simd::unrolled;
use crate::simd::{MAX_LANES, Simd, math};
use crate::slice::{chunks_mut, keep, load_every, store_every};

/// Whether these functions can take the windows: at other strides there is no cheap load, and wider windows than rows
/// would be walked outside the image only.
#[inline(always)]
pub(super) const fn step<S: Simd>(s: S, windows: &Windows) -> usize {
    let fits = windows.kernel[1] <= windows.w && windows.size() < UNKNOWN.to_bits() as usize;
    if fits && are_there(s) { windows.stride[1] } else { 0 }
}

/// Whether there are vectors at all: without, one loop over windows is enough.
#[inline(always)]
pub(super) const fn are_there<S: Simd>(_: S) -> bool {
    S::LANES > 1
}

/// Stands for the chosen element of a window where it must be looked for one by one: all elements are negative
/// infinity, or one is NaN.
pub(super) const UNKNOWN: f32 = f32::from_bits(u32::MAX);

/// Where a window's chosen element lies, counted from its first tap; the number travels as the bits of a float.
#[inline(always)]
pub(super) const fn offset(place: f32) -> Option<usize> {
    let place = place.to_bits();
    if place == UNKNOWN.to_bits() { None } else { Some(place as usize) }
}

/// `n / STEP`, rounded up, for a step of 1 or 2.
#[inline(always)]
const fn div_ceil<const STEP: usize>(n: isize) -> isize {
    if STEP == 1 { n } else { (n + 1) >> 1 }
}

/// Folds the taps of the windows `ox, ox + 1, ..` of window row `oy` with `f(acc, tap, place)`, where `place` counts
/// from the window's first element as if rows followed one another `w` elements apart.
#[inline(always)]
fn fold<S: Simd, const STEP: usize, A>(
    s: S,
    windows: &Windows,
    x: &[f32],
    [oy, ox]: [usize; 2],
    outside: f32,
    mut acc: A,
    f: impl Fn(A, S::V, usize) -> A,
) -> A {
    let (rows, width, w) = (windows.rows(oy), windows.kernel[1], windows.w);
    // The column of the first window's first tap, and how far it is from there to the last window's.
    let first = (ox * STEP) as isize - windows.padding[1] as isize;
    let span = (S::LANES.min(windows.out_w() - ox).saturating_sub(1) * STEP) as isize;
    for (i, row) in rows.enumerate() {
        let mut tap = 0;
        while tap < width {
            let column = first + tap as isize;
            let v = load_every::<S, STEP>(s, x, (row * w) as isize + column);
            for r in 0..STEP {
                let (mut v, column) = (v[r], column + r as isize);
                if column < 0 || column + span >= w as isize {
                    let (from, to) = (div_ceil::<STEP>(-column), div_ceil::<STEP>(w as isize - column));
                    v = keep(s, v, from, to, s.splat(outside));
                }
                if tap + r < width {
                    acc = f(acc, v, i * w + tap + r);
                }
            }
            tap += STEP;
        }
    }
    acc
}

/// The maxima of one plane's windows.
#[inline(always)]
pub(super) fn maximum<S: Simd, const STEP: usize>(s: S, windows: &Windows, x: &[f32], y: &mut [f32]) {
    for (oy, y) in chunks_mut(y, windows.out_w()).enumerate() {
        let mut ox = 0;
        while ox < y.len() {
            let (max, nan) = fold::<S, STEP, _>(
                s,
                windows,
                x,
                [oy, ox],
                f32::NEG_INFINITY,
                (s.splat(f32::NEG_INFINITY), s.splat(0.0)),
                #[inline(always)]
                |(max, nan), x, _| (s.max(x, max), s.add(nan, magnitude(s, x))),
            );
            store_every(s, y, ox, [s.select(math::is_nan(s, nan), nan, max)]);
            ox += S::LANES;
        }
    }
}

/// `|x|`: a sum of these is NaN only if one of them is (infinities of both signs would cancel).
#[inline(always)]
fn magnitude<S: Simd>(s: S, x: S::V) -> S::V {
    s.and(x, s.splat_bits(0x7fff_ffff))
}

/// Calls `f([oy, ox], places)` with the places (see [`offset`]) of the first maxima of the windows `ox, ox + 1, ..`.
#[inline(always)]
pub(super) fn chosen<S: Simd, const STEP: usize>(
    s: S,
    windows: &Windows,
    x: &[f32],
    mut f: impl FnMut([usize; 2], &[f32]),
) {
    let (width, unknown) = (windows.out_w(), s.splat(UNKNOWN));
    for oy in 0..windows.out_h() {
        let mut ox = 0;
        while ox < width {
            let (_, nan, at) = fold::<S, STEP, _>(
                s,
                windows,
                x,
                [oy, ox],
                f32::NEG_INFINITY,
                (s.splat(f32::NEG_INFINITY), s.splat(0.0), unknown),
                #[inline(always)]
                |(max, nan, at), x, place| {
                    let at = s.select(s.lt(max, x), s.splat_bits(place as u32), at);
                    (s.max(x, max), s.add(nan, magnitude(s, x)), at)
                },
            );
            let mut places = [0.0; MAX_LANES];
            store_every(s, &mut places, 0, [s.select(math::is_nan(s, nan), unknown, at)]);
            f([oy, ox], places.get(..S::LANES.min(width - ox)).unwrap_or(&[]));
            ox += S::LANES;
        }
    }
}

/// `y = sum / count` of one plane's windows; `count([oy, ox])` elements count in the windows `ox, ox + 1, ..`.
#[inline(always)]
pub(super) fn average<S: Simd, const STEP: usize>(
    s: S,
    windows: &Windows,
    x: &[f32],
    y: &mut [f32],
    count: impl Fn([usize; 2]) -> S::V,
) {
    for (oy, y) in chunks_mut(y, windows.out_w()).enumerate() {
        let mut ox = 0;
        while ox < y.len() {
            let sum = fold::<S, STEP, _>(
                s,
                windows,
                x,
                [oy, ox],
                0.0,
                s.splat(0.0),
                #[inline(always)]
                |sum, x, _| s.add(sum, x),
            );
            store_every(s, y, ox, [s.div(sum, count([oy, ox]))]);
            ox += S::LANES;
        }
    }
}

/// `dx = sum of dy * weight` over the windows above each element of one plane.
///
/// Gathered, not scattered: the elements `STEP` apart that lie under the same part of their windows make up a vector,
/// which is written once.
#[inline(always)]
pub(super) fn spread<S: Simd, const STEP: usize>(s: S, windows: &Windows, dy: &[f32], weight: f32, dx: &mut [f32]) {
    let weight = s.splat(weight);
    for (iy, dx) in chunks_mut(dx, windows.w).enumerate() {
        let mut at = 0;
        while at * STEP < dx.len() {
            let sums = unrolled(
                #[inline(always)]
                |phase| gather::<S, STEP>(s, windows, dy, weight, [iy, at], phase),
            );
            store_every::<S, STEP>(s, dx, at * STEP, sums);
            at += S::LANES;
        }
    }
}

/// The gradients of the elements `at * STEP + phase, (at + 1) * STEP + phase, ..` of row `iy`.
#[inline(always)]
fn gather<S: Simd, const STEP: usize>(
    s: S,
    windows: &Windows,
    dy: &[f32],
    weight: S::V,
    [iy, at]: [usize; 2],
    phase: usize,
) -> S::V {
    let (width, columns) = (windows.kernel[1], windows.out_w() as isize);
    // The element lies under every STEP-th tap, the last of them in the window furthest to the left.
    let (place, tap) = (phase + windows.padding[1], (phase + windows.padding[1]) % STEP);
    let last = (at + (place - tap) / STEP) as isize;
    let first = last + 1 - ceil_div(width.saturating_sub(tap), STEP) as isize;
    let mut sum = s.splat(0.0);
    for oy in windows.over(iy) {
        for ox in first..=last {
            let v = load_every::<S, 1>(s, dy, oy as isize * columns + ox)[0];
            let v = if first < 0 || last + S::LANES as isize > columns {
                keep(s, v, -ox, columns - ox, s.splat(0.0))
            } else {
                v
            };
            sum = s.add(sum, s.mul(v, weight));
        }
    }
    sum
}
