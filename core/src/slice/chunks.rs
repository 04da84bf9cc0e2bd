//! Chunks without a division: the standard library's `chunks_exact` divides to know how many there are, and in a `zip`
//! may panic where the compiler does not see that their size is not 0.

/// Chunks of `size` elements, without what is left behind them; none if `size` is 0.
#[inline(always)]
pub(crate) fn chunks(mut x: &[f32], size: usize) -> impl Iterator<Item = &[f32]> + Clone {
    core::iter::from_fn(move || {
        let (chunk, rest) = x.split_at_checked(size).filter(|_| size > 0)?;
        x = rest;
        Some(chunk)
    })
}

/// [`chunks`] to write.
#[inline(always)]
pub(crate) fn chunks_mut(mut x: &mut [f32], size: usize) -> impl Iterator<Item = &mut [f32]> {
    core::iter::from_fn(move || {
        let (chunk, rest) = core::mem::take(&mut x).split_at_mut_checked(size).filter(|_| size > 0)?;
        x = rest;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_the_standard_librarys() {
        let mut x = [0.0; 10];
        for size in 1..12 {
            assert!(chunks(&x, size).eq(x.chunks_exact(size)));
            let len = x.len() / size;
            assert_eq!(chunks_mut(&mut x, size).filter(|chunk| chunk.len() == size).count(), len);
        }
        assert_eq!((chunks(&x, 0).count(), chunks_mut(&mut x, 0).count()), (0, 0));
    }
}
