//! Divisions of which the compiler sees that nothing is divided by 0. Otherwise the panic machinery would be linked in.

/// `n`, or 1 for the 0 that a check has excluded.
#[inline(always)]
pub(crate) const fn nonzero(n: usize) -> usize {
    if n == 0 { 1 } else { n }
}

/// `n / divisor`, rounded up. At opt-level "z" the standard library's `div_ceil` is a function that can panic.
#[inline(always)]
pub(crate) const fn ceil_div(n: usize, divisor: usize) -> usize {
    let divisor = nonzero(divisor);
    let quotient = n / divisor;
    quotient + (quotient * divisor < n) as usize
}
