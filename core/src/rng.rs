//! Counter-based random numbers: Philox 4x32-10.
//!
//! There is no generator with a state to carry around. A [`Stream`] names an endless sequence, and element `i` of it is
//! a function of the name and `i` alone: the same on every target, in any order, from any thread, forward and backward.
//!
//! Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; the known-answer vectors
//! of its library Random123 are part of the tests.

use crate::error::{Result, check_dim, check_param};
use crate::scalar::{ln, sin_cos};
use crate::simd::Simd;
use crate::slice::{lane_numbers, update_with};

/// The multipliers and the key's increments; the number of rounds is in the name.
const MULTIPLIER: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
const ROUNDS: usize = 10;

/// One block: four random words from a counter and a key.
///
/// # Numerics
///
/// Ten rounds on the words `[c0, c1, c2, c3]` of the counter and `[k0, k1]` of the key. A round takes the 64-bit
/// products `p = 0xd2511f53 * c0` and `q = 0xcd9e8d57 * c2`, each of which has a high and a low word. The new words are
/// `[q high ^ c1 ^ k0, q low, p high ^ c3 ^ k1, p low]`. After a round `0x9e3779b9` is added to `k0` and `0xbb67ae85`
/// to `k1`, modulo 2^32.
///
/// ```
/// # use flatgrad_core::rng::philox4x32_10;
/// assert_eq!(philox4x32_10([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
/// ```
pub const fn philox4x32_10(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut a, mut b, mut c, mut d], [mut k0, mut k1]) = (counter, key);
    let mut round = 0;
    while round < ROUNDS {
        let p = MULTIPLIER[0] as u64 * a as u64;
        let q = MULTIPLIER[1] as u64 * c as u64;
        (a, b) = ((q >> 32) as u32 ^ b ^ k0, q as u32);
        (c, d) = ((p >> 32) as u32 ^ d ^ k1, p as u32);
        (k0, k1) = (k0.wrapping_add(WEYL[0]), k1.wrapping_add(WEYL[1]));
        round += 1;
    }
    [a, b, c, d]
}

/// [`philox4x32_10`] in each lane.
#[inline(always)]
fn philox<S: Simd>(s: S, counter: [S::V; 4], key: [u32; 2]) -> [S::V; 4] {
    let ([mut a, mut b, mut c, mut d], [mut k0, mut k1]) = (counter, key);
    for _ in 0..ROUNDS {
        let (p_low, p_high) = s.mul_wide(a, MULTIPLIER[0]);
        let (q_low, q_high) = s.mul_wide(c, MULTIPLIER[1]);
        (a, b) = (s.xor(s.xor(q_high, b), s.splat_bits(k0)), q_low);
        (c, d) = (s.xor(s.xor(p_high, d), s.splat_bits(k1)), p_low);
        (k0, k1) = (k0.wrapping_add(WEYL[0]), k1.wrapping_add(WEYL[1]));
    }
    [a, b, c, d]
}

/// The name of an endless random sequence.
///
/// The key is `[seed low, seed high]`, words of 32 bits. The counter of block `b` is
/// `[b low, b high | step high << 16, step low, stream]`, with 48 bits each for `b` and `step` (higher bits are
/// ignored), and element `i` is word `i % 4` of block `i / 4`: streams repeat after 2^50 elements and 2^48 steps.
///
/// ```
/// use flatgrad_core::rng::Stream;
/// let stream = Stream { seed: 42, stream: 3, step: 1000 };
/// let mut all = [0.0; 100];
/// stream.fill_uniform(&mut all, 0, -1.0, 1.0)?;
/// let mut some = [0.0; 10];
/// stream.fill_uniform(&mut some, 57, -1.0, 1.0)?;
/// assert_eq!(some, all[57..67]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    /// The seed of the whole run.
    pub seed: u64,
    /// What the numbers are for: a layer, a parameter tensor, the order of samples.
    pub stream: u32,
    /// The training step, the epoch, or 0.
    pub step: u64,
}

impl Stream {
    const fn key(self) -> [u32; 2] {
        [self.seed as u32, (self.seed >> 32) as u32]
    }

    const fn counter(self, block: u64) -> [u32; 4] {
        let high = (block >> 32) as u32 & 0xffff | ((self.step >> 32) as u32) << 16;
        [block as u32, high, self.step as u32, self.stream]
    }

    const fn block(self, block: u64) -> [u32; 4] {
        philox4x32_10(self.counter(block), self.key())
    }

    /// The elements from `first` on.
    fn words(self, first: u64) -> impl Iterator<Item = u32> {
        let (mut i, mut block) = (first, [0; 4]);
        core::iter::from_fn(move || {
            if i == first || i.is_multiple_of(4) {
                block = self.block(i / 4);
            }
            let word = block[(i % 4) as usize];
            i = i.wrapping_add(1);
            Some(word)
        })
    }

    /// The words of `LANES` blocks from `block` on, in order; `lanes` holds 0, 1, 2, ...
    #[inline(always)]
    fn group<S: Simd>(self, s: S, lanes: S::V, block: u64) -> [S::V; 4] {
        let [low, high, step, stream] = self.counter(block).map(
            #[inline(always)]
            |w| s.splat_bits(w),
        );
        let low_lanes = s.add_bits(low, lanes);
        // Where the addition wraps, the highest bit turns from 1 to 0.
        let carry = s.shr_bits::<31>(s.and(low, s.xor(low_lanes, s.splat_bits(u32::MAX))));
        let (high_bits, step_bits) = (s.splat_bits(0xffff), s.splat_bits(0xffff_0000));
        let high_lanes = s.or(s.and(s.add_bits(high, carry), high_bits), s.and(high, step_bits));
        let [a, b, c, d] = philox(s, [low_lanes, high_lanes, step, stream], self.key());
        // Rounds and interleaving in one piece are what LLVM 22 breaks at opt-level 3.
        let [a, b, c, d] = [s.opaque(a), s.opaque(b), s.opaque(c), s.opaque(d)];
        let ((ac, ac_high), (bd, bd_high)) = (s.zip(a, c), s.zip(b, d));
        let ((first, second), (third, fourth)) = (s.zip(ac, bd), s.zip(ac_high, bd_high));
        [first, second, third, fourth]
    }

    /// `x[i] = f(bits(first + i), x[i])`.
    #[inline(always)]
    pub(crate) fn update<S: Simd>(self, s: S, first: u64, x: &mut [f32], f: impl Fn(S::V, S::V) -> S::V) {
        let lanes = lane_numbers(s);
        update_with(
            s,
            (first % 4) as usize,
            x,
            #[inline(always)]
            |g| self.group(s, lanes, (first / 4).wrapping_add((g * S::LANES) as u64)),
            f,
        );
    }

    /// Element `i`: 32 random bits.
    pub const fn bits(self, i: u64) -> u32 {
        self.block(i / 4)[(i % 4) as usize]
    }

    /// Element `i` as a number in `[0, 1)`: its upper 24 bits, times 2^-24.
    ///
    /// ```
    /// # use flatgrad_core::rng::Stream;
    /// let u = Stream { seed: 1, stream: 2, step: 3 }.uniform(4);
    /// assert!((0.0..1.0).contains(&u));
    /// ```
    pub const fn uniform(self, i: u64) -> f32 {
        unit(self.bits(i))
    }

    /// `out[i] = lo + (hi - lo) * uniform(first + i)`.
    ///
    /// # Errors
    ///
    /// [`Parameter`](crate::Error::Parameter) unless `lo <= hi`, both finite and `hi - lo` too.
    ///
    /// # Numerics
    ///
    /// One subtraction, one multiplication, one addition, each rounded. The last may round up to `hi` where `hi - lo`
    /// is small beside `lo`.
    pub fn fill_uniform(self, out: &mut [f32], first: u64, lo: f32, hi: f32) -> Result {
        let range = hi - lo;
        check_param(lo.is_finite(), "lo", "finite", lo)?;
        check_param(hi >= lo && range.is_finite(), "hi", "at least lo, and finitely far from it", hi)?;
        for (x, word) in out.iter_mut().zip(self.words(first)) {
            *x = lo + range * unit(word);
        }
        Ok(())
    }

    /// Normally distributed: `out[i] = mean + deviation * z(first + i)`.
    ///
    /// # Errors
    ///
    /// [`Parameter`](crate::Error::Parameter) unless `mean` is finite, and `deviation` finite and not negative.
    ///
    /// # Numerics
    ///
    /// Box-Muller on the words `(a, b)` of elements `(2j, 2j + 1)`: with `u = (a + 1) 2^-32`, `t = 2 pi b 2^-32` and
    /// `r = sqrt(-2 ln u)`, `z(2j) = r cos t` and `z(2j + 1) = r sin t`; all in `f64`, of basic operations that are the
    /// same everywhere (logarithm, sine and cosine within 1e-15), rounded to `f32` once; then one multiplication and
    /// one addition in `f32`.
    ///
    /// ```
    /// # use flatgrad_core::rng::Stream;
    /// let mut w = [0.0; 1000];
    /// Stream { seed: 1, stream: 2, step: 3 }.fill_normal(&mut w, 0, 0.0, 0.02)?;
    /// assert!(w.iter().all(|w| w.abs() < 0.02 * 7.0), "-2 ln 2^-32 is 6.7 squared");
    /// # Ok::<(), flatgrad_core::Error>(())
    /// ```
    pub fn fill_normal(self, out: &mut [f32], first: u64, mean: f32, deviation: f32) -> Result {
        check_param(mean.is_finite(), "mean", "finite", mean)?;
        check_param(deviation.is_finite() && deviation >= 0.0, "deviation", "finite and not negative", deviation)?;
        let (mut pair, mut z) = (None, [0.0; 2]);
        for (i, x) in (0..).zip(out) {
            let element = first.wrapping_add(i);
            if pair.replace(element / 2) != Some(element / 2) {
                z = self.normal_pair(element & !1);
            }
            *x = mean + deviation * z[(element % 2) as usize];
        }
        Ok(())
    }

    fn normal_pair(self, even: u64) -> [f32; 2] {
        let u = (self.bits(even) as f64 + 1.0) * (1.0 / 4_294_967_296.0);
        let [sin, cos] = sin_cos(self.bits(even | 1));
        let r = libm::sqrt(-2.0 * ln(u));
        [(r * cos) as f32, (r * sin) as f32]
    }
}

/// The upper 24 bits as a number in `[0, 1)`: every value is exact.
#[inline(always)]
const fn unit(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Fills `out` with a uniformly random permutation of `0..out.len()`: the order of samples in an epoch.
///
/// The inside-out form of the Fisher-Yates shuffle. Each draw below a bound is unbiased (Lemire, "Fast random integer
/// generation in an interval", 2019) and takes the stream's next elements, from element 0 on.
///
/// # Errors
///
/// [`Dimension`](crate::Error::Dimension) if `out` is longer than `u32::MAX`.
///
/// ```
/// use flatgrad_core::rng::{Stream, permutation};
/// let mut order = [0; 5];
/// permutation(Stream { seed: 7, stream: 0, step: 1 }, &mut order)?;
/// order.sort();
/// assert_eq!(order, [0, 1, 2, 3, 4]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn permutation(stream: Stream, out: &mut [u32]) -> Result {
    check_dim(u32::try_from(out.len()).is_ok(), "permutation", "at most u32::MAX long", out.len())?;
    let mut words = stream.words(0);
    for i in 0..out.len() {
        let j = below(i as u32 + 1, &mut words);
        let moved = out.get(j as usize).copied().unwrap_or_default();
        if let Some(x) = out.get_mut(i) {
            *x = moved;
        }
        if let Some(x) = out.get_mut(j as usize) {
            *x = i as u32;
        }
    }
    Ok(())
}

/// A number in `0..bound`, each equally likely; `bound` is at least 1.
fn below(bound: u32, words: &mut impl Iterator<Item = u32>) -> u32 {
    loop {
        let product = words.next().unwrap_or_default() as u64 * bound as u64;
        // The low half is uniform over multiples of `bound`; the first 2^32 mod bound values would favour some results.
        if product as u32 >= bound || product as u32 >= bound.wrapping_neg().checked_rem(bound).unwrap_or(0) {
            return (product >> 32) as u32;
        }
    }
}
