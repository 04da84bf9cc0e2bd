//! Element by element.

use super::shortest;
use crate::machine::target::ADVANCE;
use crate::simd::Simd;
use crate::simd::unrolled;

/// `out[i] = f(inputs[0][i], inputs[1][i], ..)`; stops at the shortest slice.
#[inline(always)]
pub(crate) fn map<S: Simd, const N: usize>(s: S, inputs: [&[f32]; N], out: &mut [f32], f: impl Fn([S::V; N]) -> S::V) {
    let len = shortest(&inputs, &[&mut *out]);
    let (out, mut i) = (out.as_mut_ptr(), 0);
    while i + S::LANES <= len {
        // SAFETY: i + LANES <= len, the shortest of all slices.
        unsafe {
            let x = unrolled(
                #[inline(always)]
                |j| s.load(inputs[j].as_ptr().add(i)),
            );
            s.store(out.add(i), f(x));
        }
        i += S::LANES;
    }
    if S::LANES > 1 && i < len {
        let t = s.tail(len - i);
        // SAFETY: the tail selects the len - i floats that are left.
        unsafe {
            let x = unrolled(
                #[inline(always)]
                |j| s.load_tail(inputs[j].as_ptr().add(i), t),
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
    mut state: [&mut [f32]; M],
    f: impl Fn([S::V; N], [S::V; M]) -> [S::V; M],
) {
    let len = shortest(&inputs, &state);
    let mut from: [*const f32; N] = unrolled(
        #[inline(always)]
        |j| inputs[j].as_ptr(),
    );
    let mut to: [*mut f32; M] = unrolled(
        #[inline(always)]
        |j| state[j].as_mut_ptr(),
    );
    let mut i = 0;
    // Where there is no addressing with an index, pointers that advance save a quarter of the instructions.
    while i + S::LANES <= len {
        let at = if ADVANCE { 0 } else { i };
        // SAFETY: i + LANES <= len, the shortest of all slices.
        unsafe {
            let x = unrolled(
                #[inline(always)]
                |j| s.load(from[j].add(at)),
            );
            let old = unrolled(
                #[inline(always)]
                |j| s.load(to[j].add(at)),
            );
            let new = f(x, old);
            let _: [(); M] = unrolled(
                #[inline(always)]
                |j| s.store(to[j].add(at), new[j]),
            );
        }
        if ADVANCE {
            from = unrolled(
                #[inline(always)]
                |j| from[j].wrapping_add(S::LANES),
            );
            to = unrolled(
                #[inline(always)]
                |j| to[j].wrapping_add(S::LANES),
            );
        }
        i += S::LANES;
    }
    if S::LANES > 1 && i < len {
        // SAFETY: the tail selects the len - i floats that are left.
        unsafe { update_tail(s, s.tail(len - i), if ADVANCE { 0 } else { i }, from, to, f) }
    }
}

/// The elements of [`update`] that fill no vector: those that `t` selects, from `at` on.
///
/// # Safety
/// They must lie in the slices.
#[inline(always)]
unsafe fn update_tail<S: Simd, const N: usize, const M: usize>(
    s: S,
    t: S::Tail,
    at: usize,
    from: [*const f32; N],
    to: [*mut f32; M],
    f: impl Fn([S::V; N], [S::V; M]) -> [S::V; M],
) {
    // SAFETY: granted by the caller.
    unsafe {
        let x = unrolled(
            #[inline(always)]
            |j| s.load_tail(from[j].add(at), t),
        );
        let old = unrolled(
            #[inline(always)]
            |j| s.load_tail(to[j].add(at), t),
        );
        let new = f(x, old);
        let _: [(); M] = unrolled(
            #[inline(always)]
            |j| s.store_tail(to[j].add(at), new[j], t),
        );
    }
}
