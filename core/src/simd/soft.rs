//! The fused multiply-add of cores without floating-point instructions, in integers of 32 bits where it can be.

/// The bit below the leading one of what a sum is computed in: operands have their leading bit here or one higher.
const LEAD: u32 = 61;

/// Mantissa and biased exponent of a finite float; the mantissa's leading bit is bit 23, or the mantissa is 0.
#[inline(always)]
fn unpack(bits: u32) -> (u32, i32) {
    let (exponent, mantissa) = ((bits >> 23 & 255) as i32, bits & 0x7f_ffff);
    if exponent > 0 {
        (mantissa | 1 << 23, exponent)
    } else {
        let shift = mantissa.leading_zeros() as i32 - 8; // of 0 it does not matter
        (mantissa << (shift & 31), 1 - shift)
    }
}

/// The product of two 24-bit numbers, shifted left by 15: its leading bit becomes bit 61 or 62.
///
/// Four products of 12-bit halves, since the smallest cores multiply 32 bits by 32 to 32.
#[inline(always)]
fn product(a: u32, b: u32) -> u64 {
    let (ah, al, bh, bl) = (a >> 12, a & 0xfff, b >> 12, b & 0xfff);
    let (high, middle, low) = (ah * bh, ah * bl + al * bh, al * bl);
    // Two limbs of 24 bits.
    let low = low + ((middle & 0xfff) << 12);
    let high = high + (middle >> 12) + (low >> 24);
    u64::from(high << 7 | (low >> 17 & 0x7f)) << 32 | u64::from(low << 15)
}

/// `x` shifted right; the last bit is also set if any of those shifted out was ("sticky").
#[inline(always)]
fn shift_sticky(x: u64, by: u32) -> u64 {
    let (high, low) = ((x >> 32) as u32, x as u32);
    if by == 0 {
        x
    } else if by < 32 {
        let up = 32 - by; // in halves: these cores have no 64-bit shift
        u64::from(high >> by) << 32 | u64::from(low >> by | high << up) | u64::from(low << up != 0)
    } else if by < 63 {
        x >> by | u64::from(x << (64 - by) != 0)
    } else {
        u64::from(x != 0)
    }
}

/// `a * b + c`, rounded once, to nearest and ties to even; any NaN is a NaN.
#[inline(never)]
pub fn fma(a: f32, b: f32, c: f32) -> f32 {
    let (ua, ub, uc) = (a.to_bits(), b.to_bits(), c.to_bits());
    let exponent = |bits: u32| bits & 0x7f80_0000;
    if exponent(ua) == 0x7f80_0000 || exponent(ub) == 0x7f80_0000 || exponent(uc) == 0x7f80_0000 {
        // A finite product must not overflow on its way to an infinite sum of the other sign.
        let finite = exponent(ua) != 0x7f80_0000 && exponent(ub) != 0x7f80_0000;
        return if finite { c } else { a * b + c };
    }
    let ((ma, ea), (mb, eb), (mc, ec)) = (unpack(ua), unpack(ub), unpack(uc));
    if ma == 0 || mb == 0 {
        return a * b + c; // the product is a zero, exactly
    }
    let mut sign = (ua ^ ub) >> 31;
    let mut sum = product(ma, mb);
    let mut e = ea + eb - 127; // the biased exponent of bit `LEAD`
    if mc != 0 {
        let other = u64::from(mc << (LEAD - 23 - 32)) << 32;
        let subtract = sign != uc >> 31;
        let far = e - ec;
        let (large, small) = if far >= 0 { (sum, other) } else { (other, sum) };
        let small = shift_sticky(small, far.unsigned_abs());
        if far < 0 {
            e = ec;
            sign = uc >> 31;
        }
        if !subtract {
            sum = large + small;
        } else if large >= small {
            sum = large - small;
        } else {
            // The product's leading bit may be one higher than its exponent says.
            sum = small - large;
            sign ^= 1;
        }
        if sum == 0 {
            return 0.0;
        }
    }
    round(sign, sum, e)
}

/// The float nearest to `sum`, of which bit `LEAD` has the biased exponent `e`; `sum` is not 0.
#[inline(always)]
fn round(sign: u32, sum: u64, e: i32) -> f32 {
    // The leading bit to bit 62.
    let high = (sum >> 32) as u32;
    // Most sums have it at 61 or 62: there is no instruction that counts zeros, or that shifts 64 bits.
    let (mut sum, mut e) = match high >> 29 {
        1 => (sum << 1, e),
        2 | 3 => (sum, e + 1),
        4.. => (sum >> 1 | sum & 1, e + 2),
        _ => {
            let zeros = if high != 0 { high.leading_zeros() } else { 32 + (sum as u32).leading_zeros() };
            (sum << ((zeros - 1) & 63), e + 2 - zeros as i32)
        }
    };
    if e <= 0 {
        sum = shift_sticky(sum, (1 - e) as u32); // denormal: fewer bits are left
        e = 0;
    }
    let (high, low) = ((sum >> 32) as u32, sum as u32);
    let (mantissa, rest) = (high >> 7, high & 0x7f);
    // With its leading bit the mantissa adds one to the exponent; so does rounding up to the next power of two.
    let mut bits = mantissa + if e > 0 { (e as u32 - 1) << 23 } else { 0 };
    if e >= 255 {
        bits = 0x7f80_0000;
    } else if rest > 0x40 || (rest == 0x40 && (low != 0 || bits & 1 == 1)) {
        bits += 1;
    }
    f32::from_bits(sign << 31 | bits)
}
