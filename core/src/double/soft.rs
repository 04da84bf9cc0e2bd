//! The operations of `double` in integers, each rounded to nearest and ties to even.

/// The exponent of an integer, for [`round`].
pub(super) const UNIT: i32 = 1023 + 63;

/// A number's mantissa, with its leading bit at 63, and its biased exponent; 0 and subnormal numbers have the mantissa 0.
#[inline(never)]
const fn parts(x: f64) -> (u64, i32) {
    let bits = x.to_bits();
    let exponent = (bits >> 52) as i32 & 0x7ff;
    (if exponent == 0 { 0 } else { bits << 11 | 1 << 63 }, exponent)
}

/// The `f64` nearest to `m`, of which bit 63 has the biased exponent `e`. Bit 0 also stands for all bits below it.
#[inline(never)]
pub(super) const fn round(m: u64, e: i32) -> f64 {
    let zeros = m.leading_zeros();
    let (m, e) = (m.wrapping_shl(zeros), e - zeros as i32);
    if m == 0 || e <= 0 {
        return 0.0;
    }
    // With its leading bit the mantissa adds one to the exponent; so does rounding up to the next power of two.
    let bits = ((e as u64 - 1) << 52) + (m >> 11);
    let (rest, odd) = (m & 0x7ff, bits & 1);
    f64::from_bits(bits + (rest + odd > 0x400) as u64)
}

/// `x`, negative if just one of `a` and `b` is.
#[inline(always)]
const fn signed(x: f64, a: u32, b: u32) -> f64 {
    f64::from_bits(x.to_bits() | ((a ^ b) as u64 >> 31) << 63)
}

/// Where the sign is.
#[inline(always)]
const fn high(x: f64) -> u32 {
    (x.to_bits() >> 32) as u32
}

pub(super) const fn wide(x: f32) -> f64 {
    let bits = x.to_bits();
    let (exponent, mantissa) = ((bits >> 23) as i32 & 0xff, bits as u64 & 0x7f_ffff);
    let (m, e) = if exponent == 0 { (mantissa, 1) } else { (mantissa | 1 << 23, exponent) };
    signed(round(m, UNIT - 150 + e), bits, 0)
}

#[inline(never)]
pub(super) const fn narrow(x: f64) -> f32 {
    let sign = high(x) & 1 << 31;
    let (m, e) = parts(x);
    // From the leading bit on, the last bits as one; subnormal numbers have fewer.
    let (mut m, mut e) = ((m >> 32) as u32 | (m as u32 != 0) as u32, e - (1023 - 127));
    if e <= 0 {
        let by = 1 - e as i64;
        m = if by < 32 { m >> by | (m << (32 - by) != 0) as u32 } else { 0 };
        e = 1;
    } else if e > 254 {
        (m, e) = (0, 256);
    }
    let bits = ((e as u32 - 1) << 23) + (m >> 8);
    let (rest, odd) = (m & 0xff, bits & 1);
    f32::from_bits(sign | (bits + (rest + odd > 0x80) as u32))
}

#[inline(never)]
pub(super) const fn mul(a: f64, b: f64) -> f64 {
    let ((ma, ea), (mb, eb)) = (parts(a), parts(b));
    let product = ma as u128 * mb as u128;
    signed(round((product >> 64) as u64 | (product as u64 != 0) as u64, ea + eb - 1022), high(a), high(b))
}

#[inline(never)]
pub(super) const fn div(a: f64, b: f64) -> f64 {
    let ((ma, ea), (mb, eb)) = (parts(a), parts(b));
    let (mut rest, divisor) = (ma >> 2, mb >> 2);
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
    // Its first bit is the integer one.
    signed(round(quotient << 1 | (rest != 0) as u64, ea - eb + UNIT - 56), high(a), high(b))
}

/// One bit of the root after the other, each with two bits of `x`.
#[inline(never)]
pub(super) const fn sqrt(x: f64) -> f64 {
    let (m, e) = parts(x);
    // An even power of two times a number in 1..4, of which the last bits are zeros.
    let mut x = if e & 1 == 1 { m >> 1 } else { m };
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
pub(super) const fn one_minus(x: f64) -> f64 {
    let (m, e) = parts(x);
    let negative = e >= 1023;
    let (large, mut small) = if negative { (m, 1 << 63) } else { (1 << 63, m) };
    let mut by = (1023 - e).unsigned_abs();
    while by > 0 && small > 1 {
        small = small >> 1 | small & 1; // no bit is lost unless the result has bits to spare
        by -= 1;
    }
    let difference = round(large - small, if negative { e } else { 1023 });
    if negative && large != small { -difference } else { difference }
}
