//! Sums and maxima in the order of sixteen virtual lanes.

use super::shortest;
use crate::machine::target::MICROCONTROLLER;
use crate::simd::unrolled;
use crate::simd::{MAX_LANES, Simd};

/// The sums over `i` of the terms `f(inputs[0][i], ..)`, in the fixed order of 16 virtual lanes; stops at the shortest.
#[inline(always)]
pub(crate) fn sum<S: Simd, const N: usize, const A: usize>(
    s: S,
    inputs: [&[f32]; N],
    f: impl Fn([S::V; N]) -> [S::V; A],
) -> [f32; A] {
    fold(
        s,
        inputs,
        0.0,
        #[inline(always)]
        |acc, x| {
            let terms = f(x);
            unrolled(
                #[inline(always)]
                |a| s.add(acc[a], terms[a]),
            )
        },
        plus,
    )
}

/// The largest element (`if a > b { a } else { b }`), negative infinity for an empty slice. Any order gives the same
/// value but for the sign of a zero and NaN; the fixed order settles those.
#[inline(always)]
pub(crate) fn maximum<S: Simd>(s: S, x: &[f32]) -> f32 {
    if MICROCONTROLLER { shared_maximum(s, x) } else { inline_maximum(s, x) }
}

#[inline(never)]
fn shared_maximum<S: Simd>(s: S, x: &[f32]) -> f32 {
    inline_maximum(s, x)
}

#[inline(always)]
fn inline_maximum<S: Simd>(s: S, x: &[f32]) -> f32 {
    let [m] = fold(
        s,
        [x],
        f32::NEG_INFINITY,
        #[inline(always)]
        |[acc], [x]| [s.max(x, acc)],
        larger,
    );
    m
}

/// Folds element `i` into virtual lane `i mod 16` of each accumulator, then joins the lanes by the tree 8, 4, 2, 1.
#[inline(always)]
fn fold<S: Simd, const N: usize, const A: usize>(
    s: S,
    inputs: [&[f32]; N],
    init: f32,
    f: impl Fn([S::V; A], [S::V; N]) -> [S::V; A],
    join: impl Fn(f32, f32) -> f32,
) -> [f32; A] {
    // MAX_LANES / LANES is 1, 2, 4 or 16: as many vectors make up the sixteen lanes.
    match MAX_LANES / S::LANES {
        MAX_LANES => fold_elements(s, inputs, init, f, join),
        1 => fold_lanes::<S, N, A, 1>(s, inputs, init, f, join),
        2 => fold_lanes::<S, N, A, 2>(s, inputs, init, f, join),
        _ => fold_lanes::<S, N, A, 4>(s, inputs, init, f, join),
    }
}

#[inline(always)]
fn fold_lanes<S: Simd, const N: usize, const A: usize, const G: usize>(
    s: S,
    inputs: [&[f32]; N],
    init: f32,
    f: impl Fn([S::V; A], [S::V; N]) -> [S::V; A],
    join: impl Fn(f32, f32) -> f32,
) -> [f32; A] {
    let len = shortest(&inputs, &[]);
    let mut acc = [[s.splat(init); A]; G];
    let mut i = 0;
    while i + MAX_LANES <= len {
        for g in 0..G {
            // SAFETY: i + 16 <= len, and g * LANES + LANES <= 16.
            let x = inputs.map(
                #[inline(always)]
                |x| unsafe { s.load(x.as_ptr().add(i + g * S::LANES)) },
            );
            acc[g] = f(acc[g], x);
        }
        i += MAX_LANES;
    }
    for g in 0..G {
        let at = i + g * S::LANES;
        if at < len {
            let (t, live) = (s.tail(len - at), s.first(len - at));
            // SAFETY: the tail selects at most the len - at floats that are left.
            let x = inputs.map(
                #[inline(always)]
                |x| unsafe { s.load_tail(x.as_ptr().add(at), t) },
            );
            let next = f(acc[g], x);
            for a in 0..A {
                acc[g][a] = s.select(live, next[a], acc[g][a]);
            }
        }
    }
    unrolled(
        #[inline(always)]
        |a| {
            let mut lanes = [init; MAX_LANES];
            for g in 0..G {
                // SAFETY: G * LANES == 16 floats.
                unsafe { s.store(lanes.as_mut_ptr().add(g * S::LANES), acc[g][a]) }
            }
            tree(&mut lanes, &join);
            lanes[0]
        },
    )
}

/// Without vectors: one element after the other, the lanes in memory.
#[inline(always)]
fn fold_elements<S: Simd, const N: usize, const A: usize>(
    s: S,
    inputs: [&[f32]; N],
    init: f32,
    f: impl Fn([S::V; A], [S::V; N]) -> [S::V; A],
    join: impl Fn(f32, f32) -> f32,
) -> [f32; A] {
    let len = shortest(&inputs, &[]);
    let mut lanes = [[init; MAX_LANES]; A];
    for i in 0..len {
        let lane = i % MAX_LANES;
        // SAFETY: i < len, the shortest of all slices, and a vector is one element.
        let x = unrolled(
            #[inline(always)]
            |j| unsafe { s.load(inputs[j].as_ptr().add(i)) },
        );
        let acc = unrolled(
            #[inline(always)]
            |a| s.splat(lanes[a][lane]),
        );
        let next = f(acc, x);
        let _: [(); A] = unrolled(
            #[inline(always)]
            // SAFETY: a vector is one element.
            |a| unsafe { s.store(&mut lanes[a][lane], next[a]) },
        );
    }
    unrolled(
        #[inline(always)]
        |a| {
            tree(&mut lanes[a], &join);
            lanes[a][0]
        },
    )
}

#[inline(always)]
fn plus(a: f32, b: f32) -> f32 {
    a + b
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// Joins the lanes in the first: lane `l` with lane `l + 8`, then `l + 4`, `l + 2`, `l + 1`.
#[inline(always)]
fn tree(lanes: &mut [f32; MAX_LANES], join: impl Fn(f32, f32) -> f32) {
    if MICROCONTROLLER { shared_tree(lanes, join) } else { inline_tree(lanes, join) }
}

#[inline(never)]
fn shared_tree(lanes: &mut [f32; MAX_LANES], join: impl Fn(f32, f32) -> f32) {
    inline_tree(lanes, join)
}

#[inline(always)]
fn inline_tree(lanes: &mut [f32; MAX_LANES], join: impl Fn(f32, f32) -> f32) {
    let mut half = MAX_LANES / 2;
    while half > 0 {
        if let Some((low, high)) = lanes.split_at_mut_checked(half) {
            for (low, high) in low.iter_mut().zip(high) {
                *low = join(*low, *high);
            }
        }
        half /= 2;
    }
}
