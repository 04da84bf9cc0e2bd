//! Loops over neighbours: two elements in and one out, or two elements in and two out.

use super::shortest;
use crate::simd::Simd;
use crate::simd::unrolled;

/// The even and the odd elements of the `2 * LANES` elements of `a` and `b`.
///
/// `zip` is a perfect shuffle of `2 * LANES` elements: `log2(LANES) + 1` rounds of it are the identity, so
/// `log2(LANES)` rounds undo one.
#[inline(always)]
pub(super) fn unzip<S: Simd>(s: S, mut a: S::V, mut b: S::V) -> (S::V, S::V) {
    let mut rounds = S::LANES;
    while rounds > 1 {
        (a, b) = s.zip(a, b);
        rounds /= 2;
    }
    (a, b)
}

/// The even and the odd elements of `n` pairs at `p`, at most `LANES` of them.
///
/// A whole vector is loaded plainly even where the second is a tail; so in [`store_pairs`]. Rows of 28 on AVX-512
/// showed why: the gradient of 2x2 pooling took 2.3 ms with tails for both, 1.3 with plain loads, 0.8 with plain stores
/// too.
///
/// # Safety
/// `p` must be readable for `2 * min(n, LANES)` floats.
#[inline(always)]
unsafe fn load_pairs<S: Simd>(s: S, p: *const f32, n: usize) -> (S::V, S::V) {
    // SAFETY: both vectors together are at most the floats the caller grants.
    unsafe {
        if 2 * n < S::LANES {
            return unzip(s, s.load_tail(p, s.tail(2 * n)), s.splat(0.0));
        }
        let b = p.add(S::LANES);
        let b = if n >= S::LANES { s.load(b) } else { s.load_tail(b, s.tail(2 * n - S::LANES)) };
        unzip(s, s.load(p), b)
    }
}

/// Interleaves `even` and `odd` and stores the first `n` pairs, at most `LANES` of them.
///
/// # Safety
/// `p` must be writable for `2 * min(n, LANES)` floats.
#[inline(always)]
unsafe fn store_pairs<S: Simd>(s: S, p: *mut f32, (even, odd): (S::V, S::V), n: usize) {
    let (a, b) = s.zip(even, odd);
    // SAFETY: both vectors together are at most the floats the caller grants.
    unsafe {
        if 2 * n < S::LANES {
            return s.store_tail(p, a, s.tail(2 * n));
        }
        s.store(p, a);
        if n >= S::LANES {
            s.store(p.add(S::LANES), b);
        } else {
            s.store_tail(p.add(S::LANES), b, s.tail(2 * n - S::LANES));
        }
    }
}

/// `out[i] = x[2i]`; stops at the shorter slice. (Written out: this runs inside functions so large that LLVM no longer
/// inlines an array's `map`, which costs a factor of thirty.)
#[inline(always)]
pub(crate) fn every_other<S: Simd>(s: S, x: &[f32], out: &mut [f32]) {
    let len = out.len().min(x.len() / 2);
    let mut i = 0;
    while i < len {
        // SAFETY: len - i outputs and 2 * (len - i) inputs are left.
        unsafe {
            let (v, _) = load_pairs(s, x.as_ptr().add(2 * i), len - i);
            let out = out.as_mut_ptr().add(i);
            if i + S::LANES <= len { s.store(out, v) } else { s.store_tail(out, v, s.tail(len - i)) }
        }
        i += S::LANES;
    }
    // The last one may have no neighbour.
    if let (Some(out), Some(x)) = (out.get_mut(len), x.get(2 * len)) {
        *out = *x;
    }
}

/// `out[i] = f([(inputs[0][2i], inputs[0][2i + 1]), ..])`; stops at the shortest slice.
#[inline(always)]
pub(crate) fn map_pairs<S: Simd, const N: usize>(
    s: S,
    inputs: [&[f32]; N],
    out: &mut [f32],
    f: impl Fn([(S::V, S::V); N]) -> S::V,
) {
    let len = out.len().min(shortest(&inputs, &[]) / 2);
    let out = out.as_mut_ptr();
    let mut i = 0;
    while i < len {
        // SAFETY: len - i outputs and 2 * (len - i) inputs are left in every slice.
        unsafe {
            let x = unrolled(
                #[inline(always)]
                |j| load_pairs(s, inputs[j].as_ptr().add(2 * i), len - i),
            );
            if i + S::LANES <= len {
                s.store(out.add(i), f(x));
            } else {
                s.store_tail(out.add(i), f(x), s.tail(len - i));
            }
        }
        i += S::LANES;
    }
}

/// `[(out[0][2i], out[0][2i + 1]), ..] = f([(inputs[0][2i], inputs[0][2i + 1]), ..], single[i])`; stops at the
/// shortest.
#[inline(always)]
pub(crate) fn map_to_pairs<S: Simd, const N: usize, const M: usize>(
    s: S,
    inputs: [&[f32]; N],
    single: &[f32],
    out: [&mut [f32]; M],
    f: impl Fn([(S::V, S::V); N], S::V) -> [(S::V, S::V); M],
) {
    let len = single.len().min(shortest(&inputs, &out) / 2);
    let out = out.map(
        #[inline(always)]
        |x| x.as_mut_ptr(),
    );
    let mut i = 0;
    while i < len {
        // SAFETY: len - i pairs are left in every slice of pairs, and as many elements in `single`.
        unsafe {
            let x = unrolled(
                #[inline(always)]
                |j| load_pairs(s, inputs[j].as_ptr().add(2 * i), len - i),
            );
            let p = single.as_ptr().add(i);
            let v = if i + S::LANES <= len { s.load(p) } else { s.load_tail(p, s.tail(len - i)) };
            let y = f(x, v);
            for m in 0..M {
                store_pairs(s, out[m].add(2 * i), y[m], len - i);
            }
        }
        i += S::LANES;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Isa;
    use crate::simd::dispatch;

    extern crate std;
    use std::vec::Vec;

    #[test]
    fn pairs_come_apart_and_together() {
        for isa in Isa::available() {
            for n in 0..70 {
                let x: Vec<f32> = (0..2 * n).map(|i| i as f32).collect();
                let (mut y, mut z) = (std::vec![-1.0; n + 1], std::vec![-1.0; 2 * n + 1]);
                dispatch!(isa, |s| map_pairs(
                    s,
                    [&x],
                    &mut y[..n],
                    #[inline(always)]
                    |[(a, b)]| s.sub(s.mul(b, b), a)
                ));
                dispatch!(isa, |s| map_to_pairs(
                    s,
                    [&x],
                    &y,
                    [&mut z[..2 * n]],
                    #[inline(always)]
                    |[(a, b)], y| [(b, s.add(a, y))]
                ));
                for i in 0..n {
                    let (a, b) = (x[2 * i], x[2 * i + 1]);
                    assert_eq!(y[i], b * b - a, "{} n {n}", isa.name());
                    assert_eq!((z[2 * i], z[2 * i + 1]), (b, a + y[i]), "{} n {n}", isa.name());
                }
                assert_eq!((y[n], z[2 * n]), (-1.0, -1.0), "{} n {n}: wrote too far", isa.name());
                for last in 0..2.min(n + 1) {
                    let x = &x[..(2 * n).saturating_sub(last)];
                    y.fill(-1.0);
                    dispatch!(isa, |s| every_other(s, x, &mut y[..n]));
                    assert!(y[..n].iter().zip(0..).all(|(y, i)| *y == (2 * i) as f32), "{} n {n}", isa.name());
                    assert_eq!(y[n], -1.0, "{} n {n}: wrote too far", isa.name());
                }
            }
        }
    }
}
