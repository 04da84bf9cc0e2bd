//! The SIMD layer: one zero-sized token per instruction set, about twenty-five operations on it.
//!
//! Kernels are written once, generic over [`Simd`], and instantiated per instruction set by [`dispatch!`]. A token can
//! only be had where its instructions may run, so the operations on it need no further proof. Every method and every
//! closure on the way must be `#[inline(always)]`: the code becomes part of one function that carries the target
//! feature (see [`Simd::run`]), and a call that is not inlined costs a factor of ten, silently.
//!
//! The portable table (`portable.rs`) is the definition of the bits; the others must agree with it in every lane.

pub mod portable;

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
pub mod neon;
#[cfg(any(
    test,
    all(target_arch = "arm", target_abi = "eabi"),
    all(target_arch = "riscv32", not(target_feature = "d"))
))]
mod soft;
#[cfg(all(target_arch = "arm", target_abi = "eabihf", not(target_has_atomic = "64")))]
mod thumb;

pub mod math;
#[cfg(test)]
mod tests;
mod unrolled;

use crate::machine::{Isa, Set};

pub use unrolled::unrolled;

/// The widest vector, in lanes: sums use this many virtual lanes on every instruction set.
pub const MAX_LANES: usize = 16;

/// The operations of one instruction set on vectors of [`Simd::LANES`] `f32`.
///
/// All arithmetic is IEEE: each operation rounds once, nothing is contracted, denormals are kept.
///
/// # Safety
///
/// A value of the implementing type may exist only where every instruction its methods use may run; its methods must
/// give the portable table's bits, and `load`/`store` may touch exactly the lanes they name.
pub unsafe trait Simd: Copy + Send + Sync + 'static {
    /// A vector of `LANES` lanes.
    type V: Copy;
    /// One truth value per lane.
    type M: Copy;
    /// Selects the first lanes of a vector in memory operations.
    type Tail: Copy;
    /// An instruction set with half the lanes where there is one, else the same.
    type Half: Simd;
    /// Lanes of a vector: 4, 8 or 16.
    const LANES: usize;
    /// Vectors that the registers hold: a tile of accumulators and its operands must fit in them.
    const REGISTERS: usize;

    /// Runs `f` inside a function compiled for this instruction set.
    fn run<R>(self, f: impl FnOnce(Self) -> R) -> R;
    /// The token of [`Simd::Half`].
    #[allow(dead_code, reason = "without AVX-512 no table has a narrower one beside it")]
    fn half(self) -> Self::Half;

    /// `x` in every lane.
    fn splat(self, x: f32) -> Self::V;
    /// The float with the bits `x` in every lane.
    #[inline(always)]
    fn splat_bits(self, x: u32) -> Self::V {
        self.splat(f32::from_bits(x))
    }
    /// `LANES` floats from `p`, at any alignment.
    ///
    /// # Safety
    /// `p` must be readable for `LANES` floats.
    unsafe fn load(self, p: *const f32) -> Self::V;
    /// `LANES` floats to `p`, at any alignment.
    ///
    /// # Safety
    /// `p` must be writable for `LANES` floats.
    unsafe fn store(self, p: *mut f32, v: Self::V);
    /// Selects the first `n` lanes; `n` is clamped to `LANES`.
    fn tail(self, n: usize) -> Self::Tail;
    /// True in the first `n` lanes; `n` is clamped to `LANES`.
    fn first(self, n: usize) -> Self::M;
    /// The selected lanes from `p`, zeros in the others; reads nothing else.
    ///
    /// # Safety
    /// `p` must be readable for the selected lanes.
    unsafe fn load_tail(self, p: *const f32, t: Self::Tail) -> Self::V;
    /// The selected lanes to `p`; writes nothing else.
    ///
    /// # Safety
    /// `p` must be writable for the selected lanes.
    unsafe fn store_tail(self, p: *mut f32, v: Self::V, t: Self::Tail);

    /// `a + b`
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// The square root, correctly rounded.
    fn sqrt(self, a: Self::V) -> Self::V;
    /// `a * b + c`, rounded once.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `if a < b { a } else { b }`: with a NaN on either side, `b`.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// `if a > b { a } else { b }`: with a NaN on either side, `b`.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a < b`, false for a NaN.
    fn lt(self, a: Self::V, b: Self::V) -> Self::M;
    /// `if m { a } else { b }`
    fn select(self, m: Self::M, a: Self::V, b: Self::V) -> Self::V;

    /// Bitwise and.
    fn and(self, a: Self::V, b: Self::V) -> Self::V;
    /// Bitwise or.
    fn or(self, a: Self::V, b: Self::V) -> Self::V;
    /// Bitwise exclusive or.
    fn xor(self, a: Self::V, b: Self::V) -> Self::V;
    /// Wrapping addition of the lanes' bits as 32-bit integers.
    fn add_bits(self, a: Self::V, b: Self::V) -> Self::V;
    /// The lanes' bits shifted left.
    fn shl_bits<const N: u32>(self, a: Self::V) -> Self::V;
    /// The lanes' bits shifted right, zeros shifted in.
    fn shr_bits<const N: u32>(self, a: Self::V) -> Self::V;
    /// The lanes' bits times `b` as 32-bit integers: the lower and the upper half of the 64-bit products.
    fn mul_wide(self, a: Self::V, b: u32) -> (Self::V, Self::V);

    /// `v`, of which the optimizer no longer knows how it was computed.
    ///
    /// The portable table needs it where LLVM's SLP vectorizer breaks correct code (`tests/slp.rs`). That pass leaves
    /// vectors of intrinsics alone.
    #[inline(always)]
    fn opaque(self, v: Self::V) -> Self::V {
        v
    }
    /// `(a0 b0 a1 b1 ..)` as low and high half.
    fn zip(self, a: Self::V, b: Self::V) -> (Self::V, Self::V);
    /// Transposes the first `LANES` vectors, a square block.
    #[inline(always)]
    fn transpose(self, block: &mut [Self::V; MAX_LANES]) {
        let mut rounds = Self::LANES;
        while rounds > 1 {
            let old = *block;
            for i in 0..Self::LANES / 2 {
                (block[2 * i], block[2 * i + 1]) = self.zip(old[i], old[i + Self::LANES / 2]);
            }
            rounds /= 2;
        }
    }
    /// Asks for the cache line at `p`; any address is allowed, nothing is read.
    fn prefetch(self, p: *const f32);
}

/// The token of an instruction set, whose existence is the proof that its instructions may run.
#[derive(Clone, Copy)]
pub enum Level {
    Portable(portable::Portable),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    Neon(neon::Neon),
}

impl Level {
    #[inline(always)]
    pub const fn of(isa: Isa) -> Self {
        match isa.set() {
            Set::Portable => Self::Portable(portable::Portable),
            // SAFETY: an `Isa` can only be had where its instructions may run.
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => Self::Avx2(unsafe { avx2::Avx2::new() }),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Set::Avx512 => Self::Avx512(unsafe { avx512::Avx512::new() }),
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            // SAFETY: as above.
            Set::Neon => Self::Neon(unsafe { neon::Neon::new() }),
        }
    }
}

/// Evaluates `$body` with `$s` bound to the token of `$isa`, compiled for that instruction set.
macro_rules! dispatch {
    ($isa:expr, |$s:ident| $body:expr) => {
        match $crate::simd::Level::of($isa) {
            $crate::simd::Level::Portable(t) => $crate::simd::Simd::run(
                t,
                #[inline(always)]
                |$s| $body,
            ),
            #[cfg(target_arch = "x86_64")]
            $crate::simd::Level::Avx2(t) => $crate::simd::Simd::run(
                t,
                #[inline(always)]
                |$s| $body,
            ),
            #[cfg(target_arch = "x86_64")]
            $crate::simd::Level::Avx512(t) => $crate::simd::Simd::run(
                t,
                #[inline(always)]
                |$s| $body,
            ),
            #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
            $crate::simd::Level::Neon(t) => $crate::simd::Simd::run(
                t,
                #[inline(always)]
                |$s| $body,
            ),
        }
    };
}
pub(crate) use dispatch;
