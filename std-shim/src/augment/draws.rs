//! Where randomness comes from.

use flatgrad_core::rng::Stream;

use crate::error::Result;

/// The random streams of samples, one for each operation; those of batches.
const SAMPLES: u32 = 0x5000_0000;
const BATCHES: u32 = 0x5100_0000;
/// The bits of a stream's number that tell operations apart.
const OPERATIONS: u32 = 0x00ff_ffff;
/// Random words for one operation on one sample in one epoch, as a power of two.
const WORDS: u32 = 32;

/// Everything that randomness may depend on: not the thread, not the order of calls, not the batch size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The seed of the run.
    pub seed: u64,
    /// The epoch, counted from 0.
    pub epoch: u64,
    /// The sample's number in its data set; for what is done to a batch, the batch's number in the epoch.
    pub sample: u64,
}

impl Key {
    /// The random numbers of operation `position` for this sample.
    ///
    /// They are the elements from `epoch * 2^32` on of the [`Stream`] with the number `0x50000000 + position`, whose
    /// step is the sample. They repeat after 2^18 epochs and 2^48 samples.
    ///
    /// ```
    /// use flatgrad::augment::Key;
    /// let key = Key { seed: 1, epoch: 0, sample: 7 };
    /// assert_eq!(key.draws(3).unit(), key.draws(3).unit());
    /// assert_ne!(key.draws(3).unit(), key.draws(4).unit());
    /// assert_ne!(key.draws(3).unit(), Key { epoch: 1, ..key }.draws(3).unit());
    /// ```
    pub const fn draws(self, position: u32) -> Draws {
        self.start(SAMPLES | position & OPERATIONS)
    }

    /// The random numbers of operation `position` for the batch with the number `sample`; the streams are `0x51000000`
    /// and on.
    pub const fn batch_draws(self, position: u32) -> Draws {
        self.start(BATCHES | position & OPERATIONS)
    }

    const fn start(self, stream: u32) -> Draws {
        Draws { stream: Stream { seed: self.seed, stream, step: self.sample }, next: self.epoch << WORDS }
    }
}

/// Random numbers, one after another: a place in a [`Stream`].
///
/// # Numerics
///
/// Everything is computed in f64, with logarithms and the like from libm: the same on every machine.
#[derive(Clone, Debug)]
pub struct Draws {
    stream: Stream,
    next: u64,
}

impl Draws {
    /// 32 random bits: the stream's next element.
    pub fn bits(&mut self) -> u32 {
        let bits = self.stream.bits(self.next);
        self.next = self.next.wrapping_add(1);
        bits
    }

    /// A number in `[0, 1)`: 32 random bits times 2^-32.
    pub fn unit(&mut self) -> f64 {
        f64::from(self.bits()) / 4_294_967_296.0
    }

    /// True with probability `p`: always for 1, never for 0.
    ///
    /// ```
    /// # use flatgrad::augment::Key;
    /// let mut draws = Key { seed: 1, epoch: 0, sample: 0 }.draws(0);
    /// let heads = (0..10_000).filter(|_| draws.chance(0.25)).count();
    /// assert!((2300..2700).contains(&heads));
    /// ```
    pub fn chance(&mut self, p: f32) -> bool {
        self.unit() < f64::from(p)
    }

    /// Uniform in `[lo, hi]`.
    pub fn between(&mut self, [lo, hi]: [f64; 2]) -> f64 {
        lo + (hi - lo) * self.unit()
    }

    /// Between two positive numbers, uniform in the logarithm: a factor and its inverse are equally likely.
    pub fn between_log(&mut self, [lo, hi]: [f64; 2]) -> f64 {
        libm::exp(self.between([libm::log(lo), libm::log(hi)])).clamp(lo, hi)
    }

    /// A whole number in `0..n`, each equally likely; 0 if `n` is 0.
    ///
    /// Lemire, "Fast random integer generation in an interval", 2019; `n` counts at most as 2^32 - 1.
    pub fn below(&mut self, n: usize) -> usize {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        loop {
            let product = u64::from(self.bits()) * u64::from(n);
            // The low half is uniform over multiples of `n`; the first 2^32 mod n values would favour some results.
            if product as u32 >= n.wrapping_neg().checked_rem(n).unwrap_or(0) {
                return (product >> 32) as usize;
            }
        }
    }

    /// Shuffles `items`, every order equally likely (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    /// Fills `out` with normally distributed numbers ([`Stream::fill_normal`]).
    ///
    /// # Errors
    ///
    /// As [`Stream::fill_normal`].
    pub fn fill_normal(&mut self, out: &mut [f32], mean: f32, deviation: f32) -> Result {
        // It takes numbers in pairs.
        let first = self.next.next_multiple_of(2);
        self.stream.fill_normal(out, first, mean, deviation)?;
        self.next = first.wrapping_add(out.len().next_multiple_of(2) as u64);
        Ok(())
    }

    /// One normally distributed number: mean 0, deviation 1.
    pub fn normal(&mut self) -> f64 {
        // Box and Muller; 1 - u is in (0, 1].
        let radius = (-2.0 * libm::log(1.0 - self.unit())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// From the distribution Beta(a, a), `a` above 0: mixing weights.
    ///
    /// ```
    /// # use flatgrad::augment::Key;
    /// let mut draws = Key { seed: 1, epoch: 0, sample: 0 }.draws(0);
    /// let mean = (0..1000).map(|_| draws.beta(0.2)).sum::<f64>() / 1000.0;
    /// assert!((mean - 0.5).abs() < 0.05);
    /// ```
    pub fn beta(&mut self, a: f64) -> f64 {
        // G1 / (G1 + G2) for two draws from Gamma(a), in logarithms: for a small `a` both may be below the smallest
        // number.
        let (first, second) = (self.log_gamma(a), self.log_gamma(a));
        1.0 / (1.0 + libm::exp(second - first))
    }

    /// The logarithm of a number from the distribution Gamma(a, 1): Marsaglia and Tsang, "A simple method for
    /// generating gamma variables", 2000.
    fn log_gamma(&mut self, a: f64) -> f64 {
        if a < 1.0 {
            return self.log_gamma(a + 1.0) + libm::log(1.0 - self.unit()) / a;
        }
        let d = a - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = 1.0 + c * x;
            let cube = v * v * v;
            if v > 0.0 && libm::log(1.0 - self.unit()) < 0.5 * x * x + d - d * cube + d * libm::log(cube) {
                return libm::log(d * cube);
            }
        }
    }
}
