//! Windows of 2x2 at stride 2: pairs of two rows come apart into four vectors, one for each element of the windows. An
//! odd last row or column belongs to no window.
//!
//! A window is decided as a knockout: each row's winner, then the winner of the two. That chooses what the row-major
//! order does: the first of equal maxima, the last NaN.

use crate::simd::{Simd, math};
use crate::slice;

/// `if x > m or x is NaN { new } else { old }`
#[inline(always)]
fn choose<S: Simd>(s: S, m: S::V, x: S::V, new: S::V, old: S::V) -> S::V {
    s.select(math::is_nan(s, x), new, s.select(s.lt(m, x), new, old))
}

/// One plane.
#[inline(always)]
pub(super) fn forward<S: Simd>(s: S, w: usize, x: &[f32], y: &mut [f32]) {
    for (rows, y) in slice::chunks(x, 2 * w).zip(slice::chunks_mut(y, w / 2)) {
        let Some((above, below)) = rows.split_at_checked(w) else { return };
        slice::map_pairs(
            s,
            [above, below],
            y,
            #[inline(always)]
            |[(a, b), (c, d)]| {
                let (above, below) = (choose(s, a, b, b, a), choose(s, c, d, d, c));
                choose(s, above, below, below, above)
            },
        );
    }
}

/// The gradient of one plane. No two windows overlap, so each element is `0 + dy` or 0.
#[inline(always)]
pub(super) fn backward<S: Simd>(s: S, w: usize, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    let mut left = dx;
    for (rows, dy) in slice::chunks(x, 2 * w).zip(slice::chunks(dy, w / 2)) {
        let Some((above, below)) = rows.split_at_checked(w) else { return };
        let Some((dabove, rest)) = core::mem::take(&mut left).split_at_mut_checked(w) else { return };
        let Some((dbelow, rest)) = rest.split_at_mut_checked(w) else { return };
        left = rest;
        slice::map_to_pairs(
            s,
            [above, below],
            dy,
            [&mut *dabove, &mut *dbelow],
            #[inline(always)]
            |[(a, b), (c, d)], dy| route(s, [a, b, c, d], dy),
        );
        if w % 2 == 1 {
            [dabove, dbelow].into_iter().filter_map(|row| row.last_mut()).for_each(|dx| *dx = 0.0);
        }
    }
    left.fill(0.0);
}

/// All ones where `x` wins against `m`, else all zeros.
#[inline(always)]
fn wins<S: Simd>(s: S, m: S::V, x: S::V) -> S::V {
    choose(s, m, x, s.splat_bits(!0), s.splat_bits(0))
}

/// `(x where the mask is zero, x where it is ones)`, zeros elsewhere.
#[inline(always)]
fn part<S: Simd>(s: S, mask: S::V, x: S::V) -> (S::V, S::V) {
    let ones = s.and(x, mask);
    (s.xor(x, ones), ones)
}

/// `dy` in the place of the chosen one of four elements, 0 in the others.
#[inline(always)]
fn route<S: Simd>(s: S, [a, b, c, d]: [S::V; 4], dy: S::V) -> [(S::V, S::V); 2] {
    let (right_above, right_below) = (wins(s, a, b), wins(s, c, d));
    let (a, b) = (part(s, right_above, a).0, part(s, right_above, b).1);
    let (c, d) = (part(s, right_below, c).0, part(s, right_below, d).1);
    let down = wins(s, s.or(a, b), s.or(c, d));
    let (dabove, dbelow) = part(s, down, s.add(s.splat(0.0), dy));
    [part(s, right_above, dabove), part(s, right_below, dbelow)]
}
