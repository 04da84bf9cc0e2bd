//! Arrays of a few elements without loops.

use core::mem::MaybeUninit;

/// `[f(0), f(1), ..]`, as [`core::array::from_fn`], but in a straight line: at opt-level "s" the compiler keeps a loop
/// over three slices as a loop, and the arrays in memory.
#[inline(always)]
pub fn unrolled<T, const N: usize>(mut f: impl FnMut(usize) -> T) -> [T; N] {
    if N > 4 {
        return core::array::from_fn(f);
    }
    let mut all = MaybeUninit::<[T; N]>::uninit();
    let first = all.as_mut_ptr().cast::<T>();
    // SAFETY: writes the elements below N, all that there are.
    unsafe {
        if N > 0 {
            first.write(f(0));
        }
        if N > 1 {
            first.add(1).write(f(1));
        }
        if N > 2 {
            first.add(2).write(f(2));
        }
        if N > 3 {
            first.add(3).write(f(3));
        }
        all.assume_init()
    }
}
