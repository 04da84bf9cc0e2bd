//! The pointer loops of every element-wise kernel: map, update in place, sum in a fixed order, and sharing out over
//! threads. Kernels pass closures over vectors and never see a tail.
//!
//! Bits: an element's result depends on that element alone, never on its position, the slice's length or the thread
//! that computes it. A sum adds element `i` into virtual lane `i mod 16` and joins the sixteen lanes by one fixed tree.

mod channels;
mod pairs;
mod words;

pub(crate) use channels::{ChannelsMut, share_channels};
pub(crate) use pairs::{map_pairs, map_to_pairs};
pub(crate) use words::{lane_numbers, update_with};

use crate::context::Context;
use crate::simd::{MAX_LANES, Simd};

/// `out[i] = f(inputs[0][i], inputs[1][i], ..)`; stops at the shortest slice.
#[inline(always)]
pub(crate) fn map<S: Simd, const N: usize>(s: S, inputs: [&[f32]; N], out: &mut [f32], f: impl Fn([S::V; N]) -> S::V) {
    let len = inputs.iter().fold(out.len(), |len, x| len.min(x.len()));
    let (out, mut i) = (out.as_mut_ptr(), 0);
    while i + S::LANES <= len {
        // SAFETY: i + LANES <= len, the shortest of all slices.
        unsafe {
            let x = inputs.map(
                #[inline(always)]
                |x| s.load(x.as_ptr().add(i)),
            );
            s.store(out.add(i), f(x));
        }
        i += S::LANES;
    }
    if i < len {
        let t = s.tail(len - i);
        // SAFETY: the tail selects the len - i floats that are left.
        unsafe {
            let x = inputs.map(
                #[inline(always)]
                |x| s.load_tail(x.as_ptr().add(i), t),
            );
            s.store_tail(out.add(i), f(x), t);
        }
    }
}

/// `[state[0][i], ..] = f([inputs[0][i], ..], [state[0][i], ..])`, in place; stops at the shortest slice.
#[inline(always)]
pub(crate) fn update<S: Simd, const N: usize, const M: usize>(
    s: S,
    inputs: [&[f32]; N],
    state: [&mut [f32]; M],
    f: impl Fn([S::V; N], [S::V; M]) -> [S::V; M],
) {
    let len = inputs.iter().map(|x| x.len()).chain(state.iter().map(|x| x.len())).min().unwrap_or(0);
    let state = state.map(|x| x.as_mut_ptr());
    let mut i = 0;
    while i + S::LANES <= len {
        // SAFETY: i + LANES <= len, the shortest of all slices.
        unsafe {
            let x = inputs.map(
                #[inline(always)]
                |x| s.load(x.as_ptr().add(i)),
            );
            let y = f(
                x,
                state.map(
                    #[inline(always)]
                    |y| s.load(y.add(i)),
                ),
            );
            for j in 0..M {
                s.store(state[j].add(i), y[j]);
            }
        }
        i += S::LANES;
    }
    if i < len {
        let t = s.tail(len - i);
        // SAFETY: the tail selects the len - i floats that are left.
        unsafe {
            let x = inputs.map(
                #[inline(always)]
                |x| s.load_tail(x.as_ptr().add(i), t),
            );
            let y = f(
                x,
                state.map(
                    #[inline(always)]
                    |y| s.load_tail(y.add(i), t),
                ),
            );
            for j in 0..M {
                s.store_tail(state[j].add(i), y[j], t);
            }
        }
    }
}

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
            core::array::from_fn(
                #[inline(always)]
                |a| s.add(acc[a], terms[a]),
            )
        },
        |a, b| a + b,
    )
}

/// The largest element (`if a > b { a } else { b }`), negative infinity for an empty slice. Any order gives the same
/// value but for the sign of a zero and NaN; the fixed order settles those.
#[inline(always)]
pub(crate) fn maximum<S: Simd>(s: S, x: &[f32]) -> f32 {
    let [m] = fold(
        s,
        [x],
        f32::NEG_INFINITY,
        #[inline(always)]
        |[acc], [x]| [s.max(x, acc)],
        |a, b| if b > a { b } else { a },
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
    // MAX_LANES / LANES is 1, 2 or 4: as many vectors make up the sixteen lanes.
    match MAX_LANES / S::LANES {
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
    let len = inputs.iter().map(|x| x.len()).min().unwrap_or(0);
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
    core::array::from_fn(|a| {
        let mut lanes = [init; MAX_LANES];
        for g in 0..G {
            // SAFETY: G * LANES == 16 floats.
            unsafe { s.store(lanes.as_mut_ptr().add(g * S::LANES), acc[g][a]) }
        }
        let mut half = MAX_LANES / 2;
        while half > 0 {
            for l in 0..half {
                lanes[l] = join(lanes[l], lanes[l + half]);
            }
            half /= 2;
        }
        lanes[0]
    })
}

/// Below this many elements a part is not worth a thread.
const GRAIN: usize = 16 * 1024;

/// `ctx`, or one thread where `len` elements are not worth more.
pub(crate) fn worth(ctx: Context, len: usize) -> Context {
    if len < 2 * GRAIN { ctx.without_threads() } else { ctx }
}

/// Runs on one part of every input and output.
type Parts<'a, const N: usize, const M: usize> = &'a (dyn Fn([&[f32]; N], [&mut [f32]; M]) + Sync);

/// Runs on some chunks: the index of the first, the chunks, scratch.
type Chunks<'a> = &'a (dyn Fn(usize, &mut [f32], &mut [f32]) + Sync);

/// Cuts all slices (which are equally long) at the same places and runs `f` on the parts, on as many threads as
/// `ctx` has. `f` must treat elements independently.
pub(crate) fn share<const N: usize, const M: usize>(
    ctx: Context,
    inputs: [&[f32]; N],
    outputs: [&mut [f32]; M],
    f: Parts<N, M>,
) {
    let len = inputs.iter().map(|x| x.len()).chain(outputs.iter().map(|x| x.len())).min().unwrap_or(0);
    share_parts(ctx, ctx.threads().min(len / GRAIN), inputs, outputs, len, f);
}

fn share_parts<const N: usize, const M: usize>(
    ctx: Context,
    parts: usize,
    inputs: [&[f32]; N],
    mut outputs: [&mut [f32]; M],
    len: usize,
    f: Parts<N, M>,
) {
    if parts <= 1 {
        return f(inputs, outputs);
    }
    let left = parts / 2;
    let mid = (len / parts * left).min(len);
    let cut = inputs.map(|x| x.split_at_checked(mid).unwrap_or((x, &[])));
    let (left_in, right_in) = (cut.map(|c| c.0), cut.map(|c| c.1));
    let mut right_out: [&mut [f32]; M] = core::array::from_fn(|_| Default::default());
    for (x, right) in outputs.iter_mut().zip(&mut right_out) {
        if let Some((a, b)) = core::mem::take(x).split_at_mut_checked(mid) {
            (*x, *right) = (a, b);
        }
    }
    let (mut left_out, mut right_out) = (Some(outputs), Some(right_out));
    ctx.join(
        || {
            if let Some(out) = left_out.take() {
                share_parts(ctx, left, left_in, out, mid, f);
            }
        },
        || {
            if let Some(out) = right_out.take() {
                share_parts(ctx, parts - left, right_in, out, len - mid, f);
            }
        },
    );
}

/// Runs `f(first, chunks, scratch)` over runs of whole chunks of `out` (a sample, a row, a channel: `chunk` floats
/// each), on as many threads as `ctx` has and as there are pieces of `per_thread` floats in `scratch`.
///
/// `first` is the index of the first chunk of the run; `f` must treat chunks independently.
pub(crate) fn share_chunks(
    ctx: Context,
    out: &mut [f32],
    chunk: usize,
    scratch: &mut [f32],
    per_thread: usize,
    f: Chunks,
) {
    let chunks = out.len().checked_div(chunk).unwrap_or(0);
    let parts = ctx.threads().min(chunks).min(scratch.len().checked_div(per_thread).unwrap_or(usize::MAX));
    chunk_parts(ctx, parts, 0, out, chunk, scratch, per_thread, f);
}

fn chunk_parts(
    ctx: Context,
    parts: usize,
    first: usize,
    out: &mut [f32],
    chunk: usize,
    scratch: &mut [f32],
    per_thread: usize,
    f: Chunks,
) {
    let chunks = out.len().checked_div(chunk).unwrap_or(0);
    if parts <= 1 {
        return f(first, out, scratch);
    }
    let left = parts / 2;
    let mid = chunks * left / parts;
    let (Some((a, b)), Some((sa, sb))) =
        (out.split_at_mut_checked(mid * chunk), scratch.split_at_mut_checked(left * per_thread))
    else {
        return; // cannot be: mid <= chunks, and scratch holds per_thread floats for each part
    };
    ctx.join(
        || chunk_parts(ctx, left, first, a, chunk, sa, per_thread, f),
        || chunk_parts(ctx, parts - left, first + mid, b, chunk, sb, per_thread, f),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::simd::dispatch;

    extern crate std;
    use std::vec::Vec;

    fn numbers(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919 + 13) % 1009) as f32 * 0.37 - 150.0).collect()
    }

    /// The order of rule 3 in the plainest words.
    fn sum_oracle(x: &[f32]) -> f32 {
        let mut lanes = [0.0f32; 16];
        for (i, v) in x.iter().enumerate() {
            lanes[i % 16] += v;
        }
        for half in [8, 4, 2, 1] {
            for l in 0..half {
                lanes[l] += lanes[l + half];
            }
        }
        lanes[0]
    }

    #[test]
    fn sums_follow_the_sixteen_lanes_on_every_isa() {
        for isa in Isa::available() {
            for n in (0..70).chain([127, 128, 1009]) {
                for offset in 0..3 {
                    let all = numbers(n + offset);
                    let x = &all[offset..];
                    let [got] = dispatch!(isa, |s| sum(
                        s,
                        [x],
                        #[inline(always)]
                        |[v]| [v]
                    ));
                    assert_eq!(got.to_bits(), sum_oracle(x).to_bits(), "{} n {n}", isa.name());
                }
            }
        }
    }

    #[test]
    fn maximum_is_the_largest() {
        for isa in Isa::available() {
            for n in 0..70 {
                let x = numbers(n);
                let want = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                assert_eq!(dispatch!(isa, |s| maximum(s, &x)), want, "{} n {n}", isa.name());
            }
        }
    }

    #[test]
    fn map_and_update_touch_exactly_their_elements() {
        for isa in Isa::available() {
            for n in 0..70 {
                let (x, mut y, mut z) = (numbers(n), std::vec![f32::NAN; n + 2], numbers(n + 2));
                let before = z.clone();
                dispatch!(isa, |s| map(
                    s,
                    [&x],
                    &mut y[1..n + 1],
                    #[inline(always)]
                    |[x]| s.add(x, x)
                ));
                dispatch!(isa, |s| update(
                    s,
                    [&x],
                    [&mut z[1..n + 1]],
                    #[inline(always)]
                    |[x], [z]| [s.mul(x, z)]
                ));
                for i in 0..n {
                    assert_eq!(y[i + 1], x[i] + x[i]);
                    assert_eq!(z[i + 1], x[i] * before[i + 1]);
                }
                assert!(y[0].is_nan() && y[n + 1].is_nan());
                assert_eq!((z[0], z[n + 1]), (before[0], before[n + 1]));
            }
        }
    }

    /// Splits like a pool of `n` threads but runs the second half first.
    struct Backwards(usize);
    impl crate::context::Parallel for Backwards {
        fn threads(&self) -> usize {
            self.0
        }
        fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
            b();
            a();
        }
    }

    #[test]
    fn sharing_covers_everything_once() {
        for threads in 1..6 {
            let pool = Backwards(threads);
            let ctx = Context::parallel(Isa::PORTABLE, &pool);
            let x = numbers(5 * GRAIN + 3);
            let mut y = std::vec![0.0; x.len()];
            share(ctx, [&x], [&mut y], &|[x], [y]| y.iter_mut().zip(x).for_each(|(y, x)| *y += x + 1.0));
            assert!(x.iter().zip(&y).all(|(x, y)| x + 1.0 == *y));
            for chunks in 0..9 {
                let mut y = std::vec![0.0; chunks * 7];
                let mut scratch = [0.0; 11];
                share_chunks(ctx, &mut y, 7, &mut scratch, 3, &|first, part, scratch| {
                    assert!(scratch.len() >= 3);
                    for (i, chunk) in part.chunks_mut(7).enumerate() {
                        chunk.iter_mut().for_each(|y| *y += (first + i) as f32);
                    }
                });
                assert!(y.iter().enumerate().all(|(i, &y)| y == (i / 7) as f32));
            }
        }
    }
}
