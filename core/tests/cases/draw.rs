//! Where a case's sizes, options and values come from: a round of awkward sizes, a random seed, a fuzzer's bytes, or
//! the one set of sizes at which speed is measured.

use super::common::{LENGTHS, numbers};

/// Draws what a case asks for, in the order it asks.
pub struct Draw<'a> {
    source: Source<'a>,
    seed: u32,
    drawn: u32,
}

enum Source<'a> {
    /// The first size is this one, if the case allows it; the rest comes from the state.
    Round(Option<usize>, u64),
    Bytes(&'a [u8]),
    Bench,
}

/// Values among which kernels go wrong first.
const FINITE: [f32; 8] = [0.0, -0.0, 1e-45, -1e-40, 1e-20, -1e20, 3e38, 1.0];
const ANY: [f32; 8] = [0.0, -0.0, 1e-45, -3e38, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1.0];

impl<'a> Draw<'a> {
    /// Sizes around every vector width and primes: `LENGTHS[round]` comes first.
    pub fn awkward(round: usize) -> Self {
        let first = LENGTHS[round % LENGTHS.len()];
        Self::from(Source::Round(Some(first), round as u64 + 1), round as u32)
    }

    /// Everything from one seed.
    pub fn random(seed: u64) -> Self {
        Self::from(Source::Round(None, seed), seed as u32)
    }

    /// Everything from a fuzzer's bytes; zeros when they are used up.
    pub fn bytes(bytes: &'a [u8]) -> Self {
        let mut draw = Self::from(Source::Bytes(bytes), 0);
        draw.seed = draw.next() as u32;
        draw
    }

    /// The sizes at which speed is measured, large enough to be shared out over threads.
    pub fn bench() -> Self {
        Self::from(Source::Bench, 12345)
    }

    fn from(source: Source<'a>, seed: u32) -> Self {
        Self { source, seed, drawn: 0 }
    }

    fn next(&mut self) -> u64 {
        match &mut self.source {
            Source::Round(_, state) => {
                // SplitMix64.
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^ (z >> 31)
            }
            Source::Bytes(bytes) => {
                let (head, rest) = bytes.split_at(bytes.len().min(2));
                *bytes = rest;
                head.iter().fold(0, |n, &b| n << 8 | u64::from(b))
            }
            Source::Bench => 0,
        }
    }

    /// A size of `min..=max`: most often one of `LENGTHS`; `bench` where speed is measured.
    pub fn size(&mut self, min: usize, max: usize, bench: usize) -> usize {
        if let Source::Bench = self.source {
            return bench;
        }
        if let Source::Round(first, _) = &mut self.source
            && let Some(first) = first.take()
            && (min..=max).contains(&first)
        {
            return first;
        }
        let (kind, n) = (self.next(), self.next());
        let below = |bound: usize| (n % bound as u64) as usize; // the same where usize has 32 bits
        let awkward: Vec<usize> = LENGTHS.into_iter().filter(|l| (min..=max).contains(l)).collect();
        if kind % 4 > 0 && !awkward.is_empty() { awkward[below(awkward.len())] } else { min + below(max - min + 1) }
    }

    /// One of `options`; the first where speed is measured.
    pub fn pick<T: Copy>(&mut self, options: &[T]) -> T {
        options[(self.next() % options.len() as u64) as usize]
    }

    /// A bool; false where speed is measured.
    pub fn flag(&mut self) -> bool {
        self.pick(&[false, true])
    }

    /// Finite values in `[-1, 1)` whose products round.
    pub fn values(&mut self, len: usize) -> Vec<f32> {
        self.drawn += 1;
        numbers(len, self.seed ^ self.drawn.wrapping_mul(0x85eb_ca6b))
    }

    /// Values in `[-1, 1)`, in some draws with zeros, denormals, tiny and huge numbers among them.
    pub fn finite(&mut self, len: usize) -> Vec<f32> {
        self.mixed(len, &FINITE)
    }

    /// The same, in some draws with infinities and NaN among them.
    pub fn any(&mut self, len: usize) -> Vec<f32> {
        self.mixed(len, &ANY)
    }

    fn mixed(&mut self, len: usize, special: &[f32]) -> Vec<f32> {
        let every = self.pick(&[0, 2, 3, 7, 19]);
        let mut x = self.values(len);
        if every > 0 {
            let which = self.values(len);
            for (x, w) in x.iter_mut().zip(which) {
                let w = ((w + 1.0) * 8_388_608.0) as usize;
                if w.is_multiple_of(every) {
                    *x = special[w / 256 % special.len()];
                }
            }
        }
        x
    }
}
