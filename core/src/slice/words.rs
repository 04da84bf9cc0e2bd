//! An update with numbers that are not in memory but computed on the way.

use crate::simd::{MAX_LANES, Simd};

/// The number of each lane, 0 to `LANES - 1`, as a 32-bit integer.
#[inline(always)]
pub(crate) fn lane_numbers<S: Simd>(s: S) -> S::V {
    let numbers: [u32; MAX_LANES] = core::array::from_fn(|l| l as u32);
    // SAFETY: LANES <= MAX_LANES.
    unsafe { s.load(numbers.as_ptr().cast()) }
}

/// `x[i] = f(word(skip + i), x[i])`, where `group(g)` makes the words from `4 * LANES * g` on, in order.
#[inline(always)]
pub(crate) fn update_with<S: Simd>(
    s: S,
    skip: usize,
    x: &mut [f32],
    mut group: impl FnMut(usize) -> [S::V; 4],
    f: impl Fn(S::V, S::V) -> S::V,
) {
    let size = 4 * S::LANES;
    let (len, p) = (x.len(), x.as_mut_ptr());
    // The next word, and the element it is for.
    let (mut word, mut i) = (skip, 0);
    while i < len {
        let words = group(word / size);
        if word % size == 0 && i + size <= len {
            for (v, words) in words.into_iter().enumerate() {
                // SAFETY: i + 4 * LANES <= len.
                unsafe {
                    let p = p.add(i + v * S::LANES);
                    s.store(p, f(words, s.load(p)));
                }
            }
            (word, i) = (word + size, i + size);
            continue;
        }
        // Part of a group: from the word we are at to its end, or to the end of x.
        let mut buffer = [0.0; 4 * MAX_LANES];
        for (v, words) in words.into_iter().enumerate() {
            // SAFETY: 4 * LANES <= 4 * MAX_LANES.
            unsafe { s.store(buffer.as_mut_ptr().add(v * S::LANES), words) }
        }
        let (first, end) = (word % size, size.min(word % size + len - i));
        for at in (first..end).step_by(S::LANES) {
            let t = s.tail(end - at);
            // SAFETY: the tail selects words at..end of the buffer, and as many elements, of which len - i are left.
            unsafe {
                let p = p.add(i + at - first);
                s.store_tail(p, f(s.load_tail(buffer.as_ptr().add(at), t), s.load_tail(p, t)), t);
            }
        }
        (word, i) = (word + end - first, i + end - first);
    }
}
