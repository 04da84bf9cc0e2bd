//! The operations of `double` in integers, each rounded to nearest and ties to even. Numbers come and go as their bits:
//! floating-point registers would only be a detour.

/// The exponent of an integer, for [`round`].
pub(super) const UNIT: i32 = 1023 + 63;

/// Where the sign is.
const SIGN: u64 = 1 << 63;

/// The mantissa, with its leading bit at 63; 0 of a 0 and of subnormal numbers.
#[inline(never)]
const fn mantissa(x: u64) -> u64 {
    if exponent(x) == 0 { 0 } else { x << 11 | 1 << 63 }
}

/// The biased exponent.
#[inline(always)]
const fn exponent(x: u64) -> i32 {
    (x >> 52) as i32 & 0x7ff
}

/// The `f64` nearest to `m`, of which bit 63 has the biased exponent `e`. Bit 0 also stands for all bits below it.
#[inline(never)]
pub(super) const fn round(m: u64, e: i32) -> u64 {
    let zeros = m.leading_zeros();
    let (m, e) = (m.wrapping_shl(zeros), e - zeros as i32);
    if m == 0 || e <= 0 {
        return 0;
    }
    // With its leading bit the mantissa adds one to the exponent; so does rounding up to the next power of two.
    let bits = ((e as u64 - 1) << 52) + (m >> 11);
    let (rest, odd) = (m as u32 & 0x7ff, bits as u32 & 1);
    bits + (rest + odd > 0x400) as u64
}

#[inline(never)]
pub(super) const fn wide(x: f32) -> u64 {
    let bits = x.to_bits();
    let (exponent, mantissa) = ((bits >> 23) as i32 & 0xff, bits & 0x7f_ffff);
    let (m, e) = if exponent == 0 { (mantissa, 1) } else { (mantissa | 1 << 23, exponent) };
    round(m as u64, UNIT - 150 + e) | (bits as u64) << 32 & SIGN
}

#[inline(never)]
pub(super) const fn narrow(x: u64) -> f32 {
    let sign = (x >> 32) as u32 & 1 << 31;
    let m = mantissa(x);
    // From the leading bit on, the last bits as one; subnormal numbers have fewer.
    let (mut m, mut e) = ((m >> 32) as u32 | (m as u32 != 0) as u32, exponent(x) - (1023 - 127));
    if e <= 0 {
        let by = 1 - e;
        m = if by < 32 { m >> by | (m << (32 - by) != 0) as u32 } else { 0 };
        e = 1;
    } else if e > 254 {
        let nan = exponent(x) == 0x7ff && m != 1 << 31;
        (m, e) = (if nan { 1 << 30 } else { 0 }, 256);
    }
    let bits = ((e as u32 - 1) << 23) + (m >> 8);
    let (rest, odd) = (m & 0xff, bits & 1);
    f32::from_bits(sign | (bits + (rest + odd > 0x80) as u32))
}

#[inline(never)]
pub(super) const fn mul(a: u64, b: u64) -> u64 {
    let product = mantissa(a) as u128 * mantissa(b) as u128;
    let m = (product >> 64) as u64 | (product as u64 != 0) as u64;
    round(m, exponent(a) + exponent(b) - 1022) | (a ^ b) & SIGN
}

/// One bit of the quotient after the other; the first is the integer one.
#[inline(never)]
pub(super) const fn div(a: u64, b: u64) -> u64 {
    let (mut rest, divisor) = (mantissa(a) >> 2, mantissa(b) >> 2);
    let (mut quotient, mut bits) = (0, 0);
    while bits < 56 {
        quotient <<= 1;
        if rest >= divisor {
            rest -= divisor;
            quotient |= 1;
        }
        rest <<= 1;
        bits += 1;
    }
    round(quotient << 1 | (rest != 0) as u64, exponent(a) - exponent(b) + UNIT - 56) | (a ^ b) & SIGN
}

/// One bit of the root after the other, each with two bits of `x`.
#[inline(never)]
pub(super) const fn sqrt(x: u64) -> u64 {
    let e = exponent(x);
    // An even power of two times a number in 1..4, of which the last bits are zeros.
    let mut x = mantissa(x) >> (e & 1);
    let (mut rest, mut root, mut bits) = (0, 0, 0);
    while bits < 56 {
        rest = rest << 2 | x >> 62;
        x <<= 2;
        let next = root << 2 | 1;
        root <<= 1;
        if rest >= next {
            rest -= next;
            root |= 1;
        }
        bits += 1;
    }
    round(root << 1 | (rest != 0) as u64, ((e + 1023) >> 1) + 63 - 56)
}

#[inline(never)]
pub(super) const fn one_minus(x: u64) -> u64 {
    let (m, e) = (mantissa(x), exponent(x));
    let negative = e >= 1023;
    let (large, mut small) = if negative { (m, 1 << 63) } else { (1 << 63, m) };
    let mut by = (1023 - e).unsigned_abs();
    while by > 0 && small > 1 {
        small = small >> 1 | small & 1; // no bit is lost unless the result has bits to spare
        by -= 1;
    }
    let difference = round(large - small, if negative { e } else { 1023 });
    if negative && difference != 0 { difference | SIGN } else { difference }
}
