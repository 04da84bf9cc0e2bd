//! What every kernel's test needs: awkward sizes, data, guarded buffers, all instruction sets and thread counts.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(missing_docs, reason = "test support")]

use flatgrad_core::{Context, Isa, Parallel};

/// Lengths around every vector width, and primes.
pub const LENGTHS: [usize; 20] = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 64, 97, 131, 257];

/// Repeatable numbers in `[-1, 1)`, not multiples of a coarse step: sums of their products round.
pub fn numbers(len: usize, seed: u32) -> Vec<f32> {
    let mut s = seed.wrapping_mul(0x9e37_79b9) | 1;
    (0..len)
        .map(|_| {
            s ^= s << 13;
            s ^= s >> 17;
            s ^= s << 5;
            (s >> 8) as f32 / 8_388_608.0 - 1.0
        })
        .collect()
}

const CANARY: f32 = -1.234_567_9e30;
const GUARD: usize = 19;

/// A buffer between canaries, misaligned by `shift` floats.
pub struct Guarded {
    all: Vec<f32>,
    shift: usize,
    len: usize,
}

impl Guarded {
    pub fn new(content: &[f32], shift: usize) -> Self {
        let mut all = vec![CANARY; GUARD + shift];
        all.extend_from_slice(content);
        all.extend([CANARY; GUARD]);
        Self { all, shift, len: content.len() }
    }
    /// Filled with NaN: what a kernel must not read.
    pub fn garbage(len: usize, shift: usize) -> Self {
        Self::new(&vec![f32::NAN; len], shift)
    }
    /// Checks the canaries and gives the content.
    #[track_caller]
    pub fn get(&self) -> &[f32] {
        let start = GUARD + self.shift;
        let outside = self.all[..start].iter().chain(&self.all[start + self.len..]);
        for (i, x) in outside.enumerate() {
            assert_eq!(x.to_bits(), CANARY.to_bits(), "wrote outside the buffer, guard element {i}");
        }
        &self.all[start..start + self.len]
    }
}

impl std::ops::Deref for Guarded {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.all[GUARD + self.shift..][..self.len]
    }
}

impl std::ops::DerefMut for Guarded {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.all[GUARD + self.shift..][..self.len]
    }
}

/// Real threads; each join starts one.
pub struct Threads(pub usize);

impl Parallel for Threads {
    fn threads(&self) -> usize {
        self.0
    }
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        std::thread::scope(|scope| {
            scope.spawn(a);
            b();
        });
    }
}

/// Every instruction set, serial and with 2 and 3 threads; the first is portable and serial: the definition.
pub fn contexts() -> Vec<(String, Context<'static>)> {
    let mut all = vec![];
    for isa in Isa::available() {
        all.push((isa.name().to_string(), Context::serial(isa)));
        for pool in [&Threads(2), &Threads(3)] {
            all.push((format!("{} on {} threads", isa.name(), pool.0), Context::parallel(isa, pool)));
        }
    }
    all
}

/// Equal bits; two NaN are equal whatever their sign and payload.
#[track_caller]
pub fn assert_bits(what: &str, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{what}: length");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        let same = g.to_bits() == w.to_bits() || (g.is_nan() && w.is_nan());
        assert!(same, "{what}: element {i} is {g:e} ({:#x}), expected {w:e} ({:#x})", g.to_bits(), w.to_bits());
    }
}

/// `|got - want| <= relative * max(|want|, floor)` everywhere.
#[track_caller]
pub fn assert_close(what: &str, got: &[f32], want: &[f32], relative: f32, floor: f32) {
    assert_eq!(got.len(), want.len(), "{what}: length");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((g - w).abs() <= relative * w.abs().max(floor), "{what}: element {i} is {g}, expected {w}");
    }
}

/// How many random cases a property is tried on: `n`, or what `PROPTEST_CASES` says (few, where emulation is slow).
pub fn cases(n: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(n)
}

/// The slopes of `f` at `x` by central differences in f64.
pub fn slopes(x: &[f32], f: impl Fn(&[f64]) -> f64) -> Vec<f32> {
    let mut wide: Vec<f64> = x.iter().map(|&x| x as f64).collect();
    let mut at = |i: usize, value: f64| {
        let before = std::mem::replace(&mut wide[i], value);
        let y = f(&wide);
        wide[i] = before;
        y
    };
    (0..x.len())
        .map(|i| {
            let (x, step) = (x[i] as f64, 1e-5);
            ((at(i, x + step) - at(i, x - step)) / (2.0 * step)) as f32
        })
        .collect()
}
