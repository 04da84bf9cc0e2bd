//! AVX2 and FMA: eight lanes.

use super::{MAX_LANES, Simd};
use core::arch::x86_64::*;

const LANES: usize = 8;

/// Token: AVX2 and FMA may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx2(());

impl Avx2 {
    /// # Safety
    /// The CPU and the operating system must support AVX2 and FMA.
    #[inline(always)]
    pub(crate) const unsafe fn new() -> Self {
        Self(())
    }
}

/// Eight set lanes, then eight clear ones: a window into it is a mask of the first lanes.
static WINDOW: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

#[inline(always)]
fn window(n: usize) -> __m256i {
    // SAFETY: the token exists, so AVX runs; 8 - min(n, 8) leaves eight elements in WINDOW.
    unsafe { _mm256_loadu_si256(WINDOW.as_ptr().add(LANES - n.min(LANES)).cast()) }
}

// SAFETY: a token is made only where AVX2 and FMA may run (`Avx2::new`); lane by lane these instructions are the
// portable table's operations; `store_tail` writes pieces of 4, 2 and 1, `load_tail` is a masked load.
unsafe impl Simd for Avx2 {
    type V = __m256;
    type M = __m256;
    type Tail = (__m256i, usize);
    type Half = Self;
    const LANES: usize = LANES;
    const REGISTERS: usize = 16;

    #[inline(always)]
    fn run<R>(self, f: impl FnOnce(Self) -> R) -> R {
        #[target_feature(enable = "avx2,fma")]
        fn inner<R>(s: Avx2, f: impl FnOnce(Avx2) -> R) -> R {
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
    fn splat(self, x: f32) -> __m256 {
        // SAFETY: the token proves the feature; so in every method below.
        unsafe { _mm256_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m256 {
        // SAFETY: the caller grants LANES readable floats.
        unsafe { _mm256_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m256) {
        // SAFETY: the caller grants LANES writable floats.
        unsafe { _mm256_storeu_ps(p, v) }
    }
    #[inline(always)]
    fn tail(self, n: usize) -> Self::Tail {
        (window(n), n.min(LANES))
    }
    #[inline(always)]
    fn first(self, n: usize) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_castsi256_ps(window(n)) }
    }
    #[inline(always)]
    unsafe fn load_tail(self, p: *const f32, t: Self::Tail) -> __m256 {
        // SAFETY: a masked load reads only the selected lanes, which the caller grants.
        unsafe { _mm256_maskload_ps(p, t.0) }
    }
    #[inline(always)]
    unsafe fn store_tail(self, p: *mut f32, v: __m256, t: Self::Tail) {
        // Masked stores are slow on AMD; the pieces 4, 2, 1 are not.
        // SAFETY: the pieces add up to the first t.1 lanes, which the caller grants.
        unsafe {
            if t.1 == LANES {
                return _mm256_storeu_ps(p, v);
            }
            let (mut rest, mut q) = (_mm256_castps256_ps128(v), p);
            if t.1 & 4 != 0 {
                _mm_storeu_ps(q, rest);
                rest = _mm256_extractf128_ps::<1>(v);
                q = q.add(4);
            }
            if t.1 & 2 != 0 {
                _mm_storel_epi64(q.cast(), _mm_castps_si128(rest));
                rest = _mm_movehl_ps(rest, rest);
                q = q.add(2);
            }
            if t.1 & 1 != 0 {
                _mm_store_ss(q, rest);
            }
        }
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_div_ps(a, b) }
    }
    #[inline(always)]
    fn sqrt(self, a: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_sqrt_ps(a) }
    }
    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_min_ps(a, b) }
    }
    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    fn lt(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_cmp_ps::<_CMP_LT_OQ>(a, b) }
    }
    #[inline(always)]
    fn select(self, m: __m256, a: __m256, b: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_blendv_ps(b, a, m) }
    }
    #[inline(always)]
    fn and(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_and_ps(a, b) }
    }
    #[inline(always)]
    fn or(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_or_ps(a, b) }
    }
    #[inline(always)]
    fn xor(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_xor_ps(a, b) }
    }
    #[inline(always)]
    fn add_bits(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b))) }
    }
    #[inline(always)]
    fn shl_bits<const N: u32>(self, a: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_castsi256_ps(_mm256_sll_epi32(_mm256_castps_si256(a), _mm_cvtsi32_si128(N as i32))) }
    }
    #[inline(always)]
    fn shr_bits<const N: u32>(self, a: __m256) -> __m256 {
        // SAFETY: token.
        unsafe { _mm256_castsi256_ps(_mm256_srl_epi32(_mm256_castps_si256(a), _mm_cvtsi32_si128(N as i32))) }
    }
    #[inline(always)]
    fn mul_wide(self, a: __m256, b: u32) -> (__m256, __m256) {
        // SAFETY: token.
        unsafe {
            let (a, b) = (_mm256_castps_si256(a), _mm256_set1_epi32(b as i32));
            let even = _mm256_mul_epu32(a, b);
            let odd = _mm256_mul_epu32(_mm256_srli_epi64::<32>(a), b);
            let low = _mm256_blend_epi32::<0xaa>(even, _mm256_slli_epi64::<32>(odd));
            let high = _mm256_blend_epi32::<0xaa>(_mm256_srli_epi64::<32>(even), odd);
            (_mm256_castsi256_ps(low), _mm256_castsi256_ps(high))
        }
    }
    #[inline(always)]
    fn zip(self, a: __m256, b: __m256) -> (__m256, __m256) {
        // SAFETY: token.
        unsafe {
            let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            (_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high))
        }
    }
    #[inline(always)]
    fn transpose(self, block: &mut [__m256; MAX_LANES]) {
        // Within halves first, then halves: half the shuffles of three rounds of `zip`.
        // SAFETY: token.
        unsafe {
            let mut quads = *block;
            for i in [0, 4] {
                let (ab, cd) =
                    (_mm256_unpacklo_ps(block[i], block[i + 1]), _mm256_unpacklo_ps(block[i + 2], block[i + 3]));
                quads[i] = _mm256_shuffle_ps::<0x44>(ab, cd);
                quads[i + 1] = _mm256_shuffle_ps::<0xee>(ab, cd);
                let (ab, cd) =
                    (_mm256_unpackhi_ps(block[i], block[i + 1]), _mm256_unpackhi_ps(block[i + 2], block[i + 3]));
                quads[i + 2] = _mm256_shuffle_ps::<0x44>(ab, cd);
                quads[i + 3] = _mm256_shuffle_ps::<0xee>(ab, cd);
            }
            for i in 0..4 {
                block[i] = _mm256_permute2f128_ps::<0x20>(quads[i], quads[i + 4]);
                block[i + 4] = _mm256_permute2f128_ps::<0x31>(quads[i], quads[i + 4]);
            }
        }
    }
    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        // SAFETY: a prefetch never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }
}
