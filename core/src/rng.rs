//! Counter-based random numbers: Philox 4x32-10.
//!
//! There is no generator with a state to carry around. A [`Stream`] names an endless sequence, and element `i` of it is a
//! function of the name and `i` alone: the same on every target, in any order, from any thread, forward and backward.
//!
//! Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; the known-answer vectors
//! of its library Random123 are part of the tests.

use crate::error::{Result, check_dim, check_param};

/// Blocks that are computed side by side, one to a vector lane.
const LANES: usize = 8;
/// Elements of as many blocks.
const GROUP: usize = 4 * LANES;

/// Ten rounds of Philox on `L` counters under one key.
///
/// A word lives in the lower half of a `u64`, and the upper half may hold anything: so a round is two multiplications of
/// 32-bit numbers, two shifts and four exclusive ors in each lane, which LLVM finds vector instructions for.
#[inline(always)]
const fn philox<const L: usize>(counter: [[u64; L]; 4], key: [u32; 2]) -> [[u64; L]; 4] {
    let ([mut a, mut b, mut c, mut d], [mut k0, mut k1]) = (counter, key);
    let mut round = 0;
    while round < 10 {
        let mut l = 0;
        while l < L {
            let p = 0xd251_1f53 * (a[l] & 0xffff_ffff);
            let q = 0xcd9e_8d57 * (c[l] & 0xffff_ffff);
            a[l] = (q >> 32) ^ b[l] ^ k0 as u64;
            c[l] = (p >> 32) ^ d[l] ^ k1 as u64;
            b[l] = q;
            d[l] = p;
            l += 1;
        }
        k0 = k0.wrapping_add(0x9e37_79b9);
        k1 = k1.wrapping_add(0xbb67_ae85);
        round += 1;
    }
    [a, b, c, d]
}

/// One block: four random words from a counter and a key.
///
/// ```
/// # use flatgrad_core::rng::philox4x32_10;
/// assert_eq!(philox4x32_10([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
/// ```
pub const fn philox4x32_10(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [a, b, c, d] = counter;
    let [[a], [b], [c], [d]] = philox([[a as u64], [b as u64], [c as u64], [d as u64]], key);
    [a as u32, b as u32, c as u32, d as u32]
}

/// The name of an endless random sequence.
///
/// `seed` makes the key. The counter of block `b` is `[b low, b high | step high << 16, step low, stream]`, with 48 bits
/// each for `b` and `step` (higher bits are ignored), and element `i` is word `i % 4` of block `i / 4`: streams repeat after
/// 2^50 elements and 2^48 steps.
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

    /// The words of 16 blocks, from `block` on.
    #[inline(always)]
    fn group(self, block: u64) -> [u32; GROUP] {
        let mut counter = [[0; LANES]; 4];
        for l in 0..LANES {
            let word = self.counter(block.wrapping_add(l as u64));
            for w in 0..4 {
                counter[w][l] = word[w] as u64;
            }
        }
        let block = philox(counter, self.key());
        let mut words = [0; GROUP];
        for l in 0..LANES {
            for w in 0..4 {
                words[4 * l + w] = block[w][l] as u32;
            }
        }
        words
    }

    /// `out[i] = f(bits(first + i), out[i])`, compiled for the instruction set of the caller.
    #[inline(always)]
    pub(crate) fn update(self, first: u64, out: &mut [f32], f: impl Fn(u32, f32) -> f32) {
        // Elements before the first whole block, whole groups of blocks, and the rest of one group.
        let lead = out.len().min((first.wrapping_neg() % 4) as usize);
        let (lead, out) = out.split_at_mut_checked(lead).unwrap_or_default();
        for (i, x) in (0..).zip(lead) {
            *x = f(self.bits(first.wrapping_add(i)), *x);
        }
        let mut block = first.div_ceil(4);
        let (groups, rest) = out.as_chunks_mut::<GROUP>();
        for group in groups {
            let words = self.group(block);
            for i in 0..GROUP {
                group[i] = f(words[i], group[i]);
            }
            block += LANES as u64;
        }
        if !rest.is_empty() {
            for (x, word) in rest.iter_mut().zip(self.group(block)) {
                *x = f(word, *x);
            }
        }
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
    /// One subtraction, one multiplication, one addition, each rounded. The last may round up to `hi` where `hi - lo` is
    /// small beside `lo`.
    pub fn fill_uniform(self, out: &mut [f32], first: u64, lo: f32, hi: f32) -> Result {
        let range = hi - lo;
        check_param(lo.is_finite(), "lo", "finite", lo)?;
        check_param(hi >= lo && range.is_finite(), "hi", "at least lo, and finitely far from it", hi)?;
        self.update(first, out, |word, _| lo + range * unit(word));
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
    /// `r = sqrt(-2 ln u)`, `z(2j) = r cos t` and `z(2j + 1) = r sin t`; all in `f64` with the functions of libm (software,
    /// the same everywhere), rounded to `f32` once; then one multiplication and one addition in `f32`.
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
        const UNIT: f64 = 1.0 / 4_294_967_296.0;
        let u = (self.bits(even) as f64 + 1.0) * UNIT;
        let t = self.bits(even | 1) as f64 * UNIT * core::f64::consts::TAU;
        let r = libm::sqrt(-2.0 * libm::log(u));
        [(r * libm::cos(t)) as f32, (r * libm::sin(t)) as f32]
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
    let mut words = (0..).flat_map(|block| stream.block(block));
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
