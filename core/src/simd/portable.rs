//! The portable table: four lanes of ordinary Rust. It is the definition of the bits.

use super::{Simd, unrolled};
use crate::machine::target::{ADVANCE, PORTABLE_LANES as LANES};

/// Token of the portable table; available everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portable;

/// `a * b + c`, rounded once.
#[inline(always)]
pub fn fma(a: f32, b: f32, c: f32) -> f32 {
    #[cfg(all(target_arch = "arm", target_abi = "eabihf", not(target_has_atomic = "64")))]
    return super::thumb::fma(a, b, c);
    #[cfg(any(
        all(target_arch = "arm", target_abi = "eabi"),
        all(target_arch = "riscv32", not(target_feature = "d"))
    ))]
    return super::soft::fma(a, b, c);
    #[cfg(not(any(
        all(target_arch = "arm", target_abi = "eabihf", not(target_has_atomic = "64")),
        all(target_arch = "arm", target_abi = "eabi"),
        all(target_arch = "riscv32", not(target_feature = "d"))
    )))]
    fma_f64(a, b, c)
}

/// `a * b + c`, rounded once, from `f64` operations.
///
/// The product of two `f32` is exact in `f64`. Their sum with `c` is rounded to odd (Boldo and Melquiond, "Emulation of
/// FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008), after which rounding to `f32` gives
/// the correctly rounded result.
#[inline(always)]
#[cfg_attr(any(target_arch = "arm", target_arch = "riscv32"), allow(dead_code))]
fn fma_f64(a: f32, b: f32, c: f32) -> f32 {
    let (p, c) = (a as f64 * b as f64, c as f64);
    let sum = p + c;
    // Knuth's two-sum: `error` is what the addition lost, exactly.
    let t = sum - p;
    let error = (p - (sum - t)) + (c - t);
    let bits = sum.to_bits() as i64;
    let inexact = ((error < 0.0) | (error > 0.0)) as i64;
    // Toward zero first (where the nearest value lies further out), then odd when inexact.
    let away = ((error.to_bits() as i64 ^ bits) >> 63) & 1;
    f64::from_bits(((bits - (away & inexact)) | inexact) as u64) as f32
}

/// `f` of each lane. Without vectors in a straight line: at opt-level "z" an array of one element would stay in memory.
#[inline(always)]
fn lanes<T>(f: impl FnMut(usize) -> T) -> [T; LANES] {
    if LANES == 1 { unrolled(f) } else { core::array::from_fn(f) }
}

#[inline(always)]
fn map(a: [f32; LANES], f: impl Fn(f32) -> f32) -> [f32; LANES] {
    lanes(
        #[inline(always)]
        |i| f(a[i]),
    )
}

#[inline(always)]
fn zip_with(a: [f32; LANES], b: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    lanes(
        #[inline(always)]
        |i| f(a[i], b[i]),
    )
}

#[inline(always)]
fn bits(a: [f32; LANES], b: [f32; LANES], f: impl Fn(u32, u32) -> u32) -> [f32; LANES] {
    zip_with(
        a,
        b,
        #[inline(always)]
        |a, b| f32::from_bits(f(a.to_bits(), b.to_bits())),
    )
}

// SAFETY: ordinary Rust runs everywhere; loads and stores touch the lanes they name.
unsafe impl Simd for Portable {
    type V = [f32; LANES];
    type M = [bool; LANES];
    type Tail = usize;
    type Half = Self;
    const LANES: usize = LANES;
    const REGISTERS: usize = 16;

    #[inline(always)]
    fn run<R>(self, f: impl FnOnce(Self) -> R) -> R {
        f(self)
    }
    #[inline(always)]
    fn half(self) -> Self {
        self
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        // An array repeat stays a loop at opt-level "s".
        lanes(
            #[inline(always)]
            |_| x,
        )
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> Self::V {
        if ADVANCE {
            // As floats, one by one: as a block they would pass through integer registers.
            return lanes(
                #[inline(always)]
                // SAFETY: the caller grants LANES readable floats.
                |i| unsafe { *p.add(i) },
            );
        }
        // SAFETY: the caller grants LANES readable floats.
        unsafe { p.cast::<[f32; LANES]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: Self::V) {
        if ADVANCE {
            for (i, x) in v.into_iter().enumerate() {
                // SAFETY: the caller grants LANES writable floats.
                unsafe { *p.add(i) = x }
            }
            return;
        }
        // SAFETY: the caller grants LANES writable floats.
        unsafe { p.cast::<[f32; LANES]>().write_unaligned(v) }
    }
    #[inline(always)]
    fn tail(self, n: usize) -> usize {
        n.min(LANES)
    }
    #[inline(always)]
    fn first(self, n: usize) -> Self::M {
        lanes(
            #[inline(always)]
            |i| i < n,
        )
    }
    #[inline(always)]
    unsafe fn load_tail(self, p: *const f32, t: usize) -> Self::V {
        lanes(
            #[inline(always)]
            |i| {
                // SAFETY: the caller grants the first t floats, and only those are read.
                if i < t { unsafe { *p.add(i) } } else { 0.0 }
            },
        )
    }
    #[inline(always)]
    unsafe fn store_tail(self, p: *mut f32, v: Self::V, t: usize) {
        for (i, x) in v.into_iter().enumerate() {
            if i < t {
                // SAFETY: the caller grants the first t floats, and only those are written.
                unsafe { *p.add(i) = x }
            }
        }
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        zip_with(
            a,
            b,
            #[inline(always)]
            |a, b| a + b,
        )
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        zip_with(
            a,
            b,
            #[inline(always)]
            |a, b| a - b,
        )
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        zip_with(
            a,
            b,
            #[inline(always)]
            |a, b| a * b,
        )
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        zip_with(
            a,
            b,
            #[inline(always)]
            |a, b| a / b,
        )
    }
    #[inline(always)]
    fn sqrt(self, a: Self::V) -> Self::V {
        #[cfg(all(target_arch = "arm", target_abi = "eabihf", not(target_has_atomic = "64")))]
        return map(a, super::thumb::sqrt);
        #[cfg(not(all(target_arch = "arm", target_abi = "eabihf", not(target_has_atomic = "64"))))]
        map(a, libm::sqrtf)
    }
    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        lanes(
            #[inline(always)]
            |i| fma(a[i], b[i], c[i]),
        )
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        zip_with(
            a,
            b,
            #[inline(always)]
            |a, b| if a < b { a } else { b },
        )
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        zip_with(
            a,
            b,
            #[inline(always)]
            |a, b| if a > b { a } else { b },
        )
    }
    #[inline(always)]
    fn lt(self, a: Self::V, b: Self::V) -> Self::M {
        lanes(
            #[inline(always)]
            |i| a[i] < b[i],
        )
    }
    #[inline(always)]
    fn select(self, m: Self::M, a: Self::V, b: Self::V) -> Self::V {
        lanes(
            #[inline(always)]
            |i| if m[i] { a[i] } else { b[i] },
        )
    }
    #[inline(always)]
    fn and(self, a: Self::V, b: Self::V) -> Self::V {
        bits(
            a,
            b,
            #[inline(always)]
            |a, b| a & b,
        )
    }
    #[inline(always)]
    fn or(self, a: Self::V, b: Self::V) -> Self::V {
        bits(
            a,
            b,
            #[inline(always)]
            |a, b| a | b,
        )
    }
    #[inline(always)]
    fn xor(self, a: Self::V, b: Self::V) -> Self::V {
        bits(
            a,
            b,
            #[inline(always)]
            |a, b| a ^ b,
        )
    }
    #[inline(always)]
    fn add_bits(self, a: Self::V, b: Self::V) -> Self::V {
        bits(a, b, u32::wrapping_add)
    }
    #[inline(always)]
    fn shl_bits<const N: u32>(self, a: Self::V) -> Self::V {
        map(
            a,
            #[inline(always)]
            |a| f32::from_bits(a.to_bits() << N),
        )
    }
    #[inline(always)]
    fn shr_bits<const N: u32>(self, a: Self::V) -> Self::V {
        map(
            a,
            #[inline(always)]
            |a| f32::from_bits(a.to_bits() >> N),
        )
    }
    #[inline(always)]
    fn mul_wide(self, a: Self::V, b: u32) -> (Self::V, Self::V) {
        let product = a.map(
            #[inline(always)]
            |a| a.to_bits() as u64 * b as u64,
        );
        (
            product.map(
                #[inline(always)]
                |p| f32::from_bits(p as u32),
            ),
            product.map(
                #[inline(always)]
                |p| f32::from_bits((p >> 32) as u32),
            ),
        )
    }
    #[inline(always)]
    fn opaque(self, v: Self::V) -> Self::V {
        // A single lane is nothing that could be vectorized, and stays in its register.
        if LANES == 1 { v } else { core::hint::black_box(v) }
    }
    #[inline(always)]
    fn zip(self, a: Self::V, b: Self::V) -> (Self::V, Self::V) {
        let woven = |i: usize| if i.is_multiple_of(2) { a[i / 2] } else { b[i / 2] };
        if LANES == 1 {
            return (a, b);
        }
        (core::array::from_fn(woven), core::array::from_fn(|i| woven(LANES + i)))
    }
    #[inline(always)]
    fn prefetch(self, _: *const f32) {}
}
