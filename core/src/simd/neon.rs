//! NEON (Advanced SIMD) on AArch64: four lanes.

use super::Simd;
use core::arch::aarch64::*;

const LANES: usize = 4;

/// Token: NEON may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neon(());

impl Neon {
    /// # Safety
    /// The CPU must support NEON.
    #[inline(always)]
    pub(crate) const unsafe fn new() -> Self {
        Self(())
    }
}

/// Four set lanes, then four clear ones: a window into it is a mask of the first lanes.
static WINDOW: [u32; 8] = [!0, !0, !0, !0, 0, 0, 0, 0];

// SAFETY: a token is made only where NEON may run (`Neon::new`); lane by lane these instructions are the portable
// table's operations (minimum and maximum are a comparison and a select: the instructions differ for NaN and zeros);
// `load_tail` and `store_tail` go lane by lane.
unsafe impl Simd for Neon {
    type V = float32x4_t;
    type M = uint32x4_t;
    type Tail = usize;
    type Half = Self;
    const LANES: usize = LANES;
    const REGISTERS: usize = 32;

    #[inline(always)]
    fn run<R>(self, f: impl FnOnce(Self) -> R) -> R {
        #[target_feature(enable = "neon")]
        fn inner<R>(s: Neon, f: impl FnOnce(Neon) -> R) -> R {
            f(s)
        }
        // SAFETY: the token proves the features.
        unsafe { inner(self, f) }
    }
    #[inline(always)]
    fn half(self) -> Self {
        self
    }
    #[inline(always)]
    fn splat(self, x: f32) -> float32x4_t {
        // SAFETY: the token proves the feature; so in every method below.
        unsafe { vdupq_n_f32(x) }
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> float32x4_t {
        // SAFETY: the caller grants LANES readable floats.
        unsafe { vld1q_f32(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: float32x4_t) {
        // SAFETY: the caller grants LANES writable floats.
        unsafe { vst1q_f32(p, v) }
    }
    #[inline(always)]
    fn tail(self, n: usize) -> Self::Tail {
        n.min(LANES)
    }
    #[inline(always)]
    fn first(self, n: usize) -> uint32x4_t {
        // SAFETY: LANES - min(n, LANES) leaves four elements in WINDOW.
        unsafe { vld1q_u32(WINDOW.as_ptr().add(LANES - n.min(LANES))) }
    }
    #[inline(always)]
    unsafe fn load_tail(self, p: *const f32, t: Self::Tail) -> float32x4_t {
        let mut lanes = [0.0; LANES];
        for (i, lane) in lanes.iter_mut().enumerate() {
            if i < t {
                // SAFETY: the caller grants the first t floats, and only those are read.
                *lane = unsafe { *p.add(i) };
            }
        }
        // SAFETY: `lanes` holds four floats.
        unsafe { vld1q_f32(lanes.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn store_tail(self, p: *mut f32, v: float32x4_t, t: Self::Tail) {
        let mut lanes = [0.0; LANES];
        // SAFETY: `lanes` holds four floats.
        unsafe { vst1q_f32(lanes.as_mut_ptr(), v) };
        for (i, lane) in lanes.into_iter().enumerate() {
            if i < t {
                // SAFETY: the caller grants the first t floats, and only those are written.
                unsafe { *p.add(i) = lane };
            }
        }
    }
    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: token.
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: token.
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: token.
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    fn div(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: token.
        unsafe { vdivq_f32(a, b) }
    }
    #[inline(always)]
    fn sqrt(self, a: float32x4_t) -> float32x4_t {
        // SAFETY: token.
        unsafe { vsqrtq_f32(a) }
    }
    #[inline(always)]
    fn mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: token.
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    fn min(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: token.
        unsafe { vbslq_f32(vcltq_f32(a, b), a, b) }
    }
    #[inline(always)]
    fn max(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: token.
        unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) }
    }
    #[inline(always)]
    fn lt(self, a: float32x4_t, b: float32x4_t) -> uint32x4_t {
        // SAFETY: token.
        unsafe { vcltq_f32(a, b) }
    }
    #[inline(always)]
    fn select(self, m: uint32x4_t, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: token.
        unsafe { vbslq_f32(m, a, b) }
    }
    #[inline(always)]
    fn and(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: token.
        unsafe { vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b))) }
    }
    #[inline(always)]
    fn or(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: token.
        unsafe { vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b))) }
    }
    #[inline(always)]
    fn xor(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: token.
        unsafe { vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b))) }
    }
    #[inline(always)]
    fn add_bits(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: token.
        unsafe { vreinterpretq_f32_u32(vaddq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b))) }
    }
    #[inline(always)]
    fn shl_bits<const N: u32>(self, a: float32x4_t) -> float32x4_t {
        // SAFETY: token.
        unsafe { vreinterpretq_f32_u32(vshlq_u32(vreinterpretq_u32_f32(a), vdupq_n_s32(N as i32))) }
    }
    #[inline(always)]
    fn shr_bits<const N: u32>(self, a: float32x4_t) -> float32x4_t {
        // SAFETY: token.
        unsafe { vreinterpretq_f32_u32(vshlq_u32(vreinterpretq_u32_f32(a), vdupq_n_s32(-(N as i32)))) }
    }
    #[inline(always)]
    fn mul_wide(self, a: float32x4_t, b: u32) -> (float32x4_t, float32x4_t) {
        // SAFETY: token.
        unsafe {
            let (a, b) = (vreinterpretq_u32_f32(a), vdupq_n_u32(b));
            let first = vreinterpretq_f32_u64(vmull_u32(vget_low_u32(a), vget_low_u32(b)));
            let last = vreinterpretq_f32_u64(vmull_high_u32(a, b));
            (vuzp1q_f32(first, last), vuzp2q_f32(first, last))
        }
    }
    #[inline(always)]
    fn zip(self, a: float32x4_t, b: float32x4_t) -> (float32x4_t, float32x4_t) {
        // SAFETY: token.
        unsafe { (vzip1q_f32(a, b), vzip2q_f32(a, b)) }
    }
    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        // SAFETY: a prefetch never faults.
        unsafe { core::arch::asm!("prfm pldl1keep, [{p}]", p = in(reg) p, options(nostack, readonly, preserves_flags)) }
    }
}
