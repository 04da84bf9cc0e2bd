//! AVX-512F: sixteen lanes. Needs only `avx512f`, which brings AVX2 and FMA.

use super::{Simd, avx2::Avx2};
use core::arch::x86_64::*;

const LANES: usize = 16;

/// Token: AVX-512F may run, and with it AVX2 and FMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx512(());

impl Avx512 {
    /// # Safety
    /// The CPU and the operating system must support AVX-512F, AVX2 and FMA.
    #[inline(always)]
    pub(crate) const unsafe fn new() -> Self {
        Self(())
    }
}

// SAFETY: a token is made only where AVX-512F may run (`Avx512::new`); lane by lane these instructions are the portable
// table's operations; masked loads and stores touch only the selected lanes.
unsafe impl Simd for Avx512 {
    type V = __m512;
    type M = __mmask16;
    type Tail = __mmask16;
    type Half = Avx2;
    const LANES: usize = LANES;
    const REGISTERS: usize = 32;

    #[inline(always)]
    fn run<R>(self, f: impl FnOnce(Self) -> R) -> R {
        #[target_feature(enable = "avx512f")]
        fn inner<R>(s: Avx512, f: impl FnOnce(Avx512) -> R) -> R {
            f(s)
        }
        // SAFETY: the token proves the features.
        unsafe { inner(self, f) }
    }
    #[inline(always)]
    fn half(self) -> Avx2 {
        // SAFETY: this token is only made where AVX2 and FMA run too.
        unsafe { Avx2::new() }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        // SAFETY: the token proves the feature; so in every method below.
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m512 {
        // SAFETY: the caller grants LANES readable floats.
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m512) {
        // SAFETY: the caller grants LANES writable floats.
        unsafe { _mm512_storeu_ps(p, v) }
    }
    #[inline(always)]
    fn tail(self, n: usize) -> Self::Tail {
        (0xffff_u32 >> (LANES - n.min(LANES))) as __mmask16
    }
    #[inline(always)]
    fn first(self, n: usize) -> __mmask16 {
        self.tail(n)
    }
    #[inline(always)]
    unsafe fn load_tail(self, p: *const f32, t: Self::Tail) -> __m512 {
        // SAFETY: a masked load reads only the selected lanes, which the caller grants.
        unsafe { _mm512_maskz_loadu_ps(t, p) }
    }
    #[inline(always)]
    unsafe fn store_tail(self, p: *mut f32, v: __m512, t: Self::Tail) {
        // SAFETY: a masked store writes only the selected lanes, which the caller grants.
        unsafe { _mm512_mask_storeu_ps(p, t, v) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: token.
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: token.
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: token.
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: token.
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    fn sqrt(self, a: __m512) -> __m512 {
        // SAFETY: token.
        unsafe { _mm512_sqrt_ps(a) }
    }
    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: token.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: token.
        unsafe { _mm512_min_ps(a, b) }
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: token.
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    fn lt(self, a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: token.
        unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b) }
    }
    #[inline(always)]
    fn select(self, m: __mmask16, a: __m512, b: __m512) -> __m512 {
        // SAFETY: token.
        unsafe { _mm512_mask_blend_ps(m, b, a) }
    }
    #[inline(always)]
    fn and(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: token.
        unsafe { _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(a), _mm512_castps_si512(b))) }
    }
    #[inline(always)]
    fn or(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: token.
        unsafe { _mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(a), _mm512_castps_si512(b))) }
    }
    #[inline(always)]
    fn xor(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: token.
        unsafe { _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(a), _mm512_castps_si512(b))) }
    }
    #[inline(always)]
    fn add_bits(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: token.
        unsafe { _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b))) }
    }
    #[inline(always)]
    fn shl_bits<const N: u32>(self, a: __m512) -> __m512 {
        // SAFETY: token.
        unsafe { _mm512_castsi512_ps(_mm512_sll_epi32(_mm512_castps_si512(a), _mm_cvtsi32_si128(N as i32))) }
    }
    #[inline(always)]
    fn shr_bits<const N: u32>(self, a: __m512) -> __m512 {
        // SAFETY: token.
        unsafe { _mm512_castsi512_ps(_mm512_srl_epi32(_mm512_castps_si512(a), _mm_cvtsi32_si128(N as i32))) }
    }
    #[inline(always)]
    fn mul_wide(self, a: __m512, b: u32) -> (__m512, __m512) {
        // SAFETY: token.
        unsafe {
            let (a, b) = (_mm512_castps_si512(a), _mm512_set1_epi32(b as i32));
            let even = _mm512_mul_epu32(a, b);
            let odd = _mm512_mul_epu32(_mm512_srli_epi64::<32>(a), b);
            let low = _mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64::<32>(odd));
            let high = _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64::<32>(even), odd);
            (_mm512_castsi512_ps(low), _mm512_castsi512_ps(high))
        }
    }
    #[inline(always)]
    fn zip(self, a: __m512, b: __m512) -> (__m512, __m512) {
        // SAFETY: token.
        unsafe {
            let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
            (_mm512_permutex2var_ps(a, low, b), _mm512_permutex2var_ps(a, high, b))
        }
    }
    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        // SAFETY: a prefetch never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }
}
