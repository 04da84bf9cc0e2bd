//! What the targets share. A case is a small struct that `arbitrary` fills from the fuzzer's bytes: shapes, options, and a
//! seed for the values. Every instruction set and several thread counts must give the bits of the plain loops in
//! `flatgrad_core::reference`, write nothing outside their outputs and read nothing from garbage.
//!
//!     cargo install cargo-fuzz
//!     cargo +nightly fuzz run kernels -- -max_total_time=60 -len_control=0      # or layers, optim

#[path = "../../core/tests/common/mod.rs"]
mod common;

use arbitrary::{Arbitrary, Unstructured};
pub use common::{Guarded, assert_bits};
use flatgrad_core::Context;

/// Every instruction set on one thread, and the best on three: starting threads is most of a case's time.
pub fn contexts() -> Vec<(String, Context<'static>)> {
    let mut all = common::contexts();
    let threads = all.pop();
    all.retain(|(_, ctx)| ctx.threads() == 1);
    all.extend(threads);
    all
}

/// A hyper-parameter: half of the time any float at all, else one in `[0, 1)`.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Rate(u32);

impl Rate {
    /// The value.
    pub fn get(self) -> f32 {
        if self.0.is_multiple_of(2) { f32::from_bits(self.0) } else { (self.0 >> 8) as f32 / 16_777_216.0 }
    }
}

/// A number in `0..=N`.
#[derive(Clone, Copy, Debug)]
pub struct UpTo<const N: usize>(pub usize);

impl<'a, const N: usize> Arbitrary<'a> for UpTo<N> {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Self(u.int_in_range(0..=N)?))
    }
    fn size_hint(_: usize) -> (usize, Option<usize>) {
        (0, Some(size_of::<usize>()))
    }
}

/// Where values come from.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Values {
    seed: u32,
    /// One value in this many plus one is special; 0 for none.
    every: u8,
    not_finite: bool,
}

impl Values {
    /// `len` values in `[-1, 1)`, some of them zeros, denormals and very small or large ones.
    pub fn finite(self, len: usize, salt: u32) -> Vec<f32> {
        self.with(len, salt, &[0.0, -0.0, 1e-45, -1e-40, 1e-20, -1e20, 3e38])
    }
    /// The same, and where the case says so, infinities and NaN.
    pub fn any(self, len: usize, salt: u32) -> Vec<f32> {
        if self.not_finite {
            self.with(len, salt, &[0.0, -0.0, 1e-45, -3e38, f32::INFINITY, f32::NEG_INFINITY, f32::NAN])
        } else {
            self.finite(len, salt)
        }
    }
    fn with(self, len: usize, salt: u32, special: &[f32]) -> Vec<f32> {
        let seed = self.seed ^ salt.wrapping_mul(0x85eb_ca6b);
        let mut x = common::numbers(len, seed);
        if self.every > 0 {
            let which = common::numbers(len, !seed);
            for (x, w) in x.iter_mut().zip(which) {
                let w = ((w + 1.0) * 8_388_608.0) as usize;
                if w.is_multiple_of(self.every as usize + 1) {
                    *x = special[w / 256 % special.len()];
                }
            }
        }
        x
    }
}

/// An output that must be overwritten, or one that is added to.
pub fn output(accumulate: bool, old: &[f32], shift: usize) -> Guarded {
    if accumulate { Guarded::new(old, shift) } else { Guarded::garbage(old.len(), shift) }
}
