//! Element by element.

use crate::simd::Simd;

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
    if S::LANES > 1 && i < len {
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
    // Where there is no addressing with an index, pointers that advance save a quarter of the instructions.
    let (mut at_inputs, mut at_state) = (inputs.map(|x| x.as_ptr()), state);
    let advance = cfg!(target_arch = "arm");
    while i + S::LANES <= len {
        // SAFETY: i + LANES <= len, the shortest of all slices.
        unsafe {
            let x = core::array::from_fn(
                #[inline(always)]
                |j| s.load(if advance { at_inputs[j] } else { inputs[j].as_ptr().add(i) }),
            );
            let to: [*mut f32; M] = core::array::from_fn(
                #[inline(always)]
                |j| if advance { at_state[j] } else { state[j].add(i) },
            );
            let y = f(
                x,
                to.map(
                    #[inline(always)]
                    |y| s.load(y),
                ),
            );
            for j in 0..M {
                s.store(to[j], y[j]);
            }
        }
        at_inputs = at_inputs.map(|x| x.wrapping_add(S::LANES));
        at_state = at_state.map(|x| x.wrapping_add(S::LANES));
        i += S::LANES;
    }
    if S::LANES > 1 && i < len {
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
