//! Every operation of every table against its definition in scalar Rust, lane by lane.

extern crate std;

use super::{MAX_LANES, Simd, dispatch, portable};
use crate::machine::Isa;
use std::vec::Vec;

type Lanes = [f32; MAX_LANES];

/// Zeros, denormals, the edges of the normal range, values that round, infinities and NaNs (the last one signalling).
const SPECIAL: [u32; 28] = [
    0x0000_0000, // 0
    0x8000_0000,
    0x0000_0001, // the smallest denormal
    0x8000_0001,
    0x0000_0003,
    0x007f_ffff, // the largest denormal
    0x807f_ffff,
    0x0080_0000, // the smallest normal
    0x8080_0000,
    0x0080_0001,
    0x3f80_0000, // 1
    0xbf80_0000,
    0x3f80_0001,
    0x3f7f_ffff,
    0xbf7f_ffff,
    0x3eaa_aaab, // 1/3
    0x4049_0fdb, // pi
    0xc0a0_0000, // -5
    0x4b80_0000, // 2^24
    0x4b80_0001,
    0x3380_0000, // 2^-24
    0x5f00_0000, // 2^63
    0x1f80_0000, // 2^-64
    0x7f7f_ffff, // the largest finite
    0xff7f_ffff,
    0x7f80_0000, // infinity
    0xff80_0000,
    0x7fc0_0000, // NaN
];

/// What `mul_wide` multiplies by: one of Philox's constants.
const FACTOR: u32 = 0xd251_1f53;

/// A small generator of bit patterns.
struct Bits(u32);

impl Bits {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0.wrapping_mul(0x9e37_79b9)
    }
    /// Any sign and mantissa, the exponent in `lo..lo + count`.
    fn float(&mut self, lo: u32, count: u32) -> f32 {
        let exponent = lo + self.next() % count;
        f32::from_bits((self.next() & 0x807f_ffff) | exponent << 23)
    }
}

/// What each operation gives in one lane, and whether a NaN's sign and payload count.
fn scalar(a: f32, b: f32, c: f32) -> [(&'static str, f32, bool); 19] {
    let (x, y) = (a.to_bits(), b.to_bits());
    [
        ("add", a + b, false),
        ("sub", a - b, false),
        ("mul", a * b, false),
        ("div", a / b, false),
        ("sqrt", a.sqrt(), false),
        ("mul_add", a.mul_add(b, c), false),
        ("min", if a < b { a } else { b }, true),
        ("max", if a > b { a } else { b }, true),
        ("lt and select", if a < b { c } else { a }, true),
        ("and", f32::from_bits(x & y), true),
        ("or", f32::from_bits(x | y), true),
        ("xor", f32::from_bits(x ^ y), true),
        ("add_bits", f32::from_bits(x.wrapping_add(y)), true),
        ("shl_bits 23", f32::from_bits(x << 23), true),
        ("shl_bits 1", f32::from_bits(x << 1), true),
        ("shr_bits 23", f32::from_bits(x >> 23), true),
        ("shr_bits 1", f32::from_bits(x >> 1), true),
        ("mul_wide, low", f32::from_bits(x.wrapping_mul(FACTOR)), true),
        ("mul_wide, high", f32::from_bits(((u64::from(x) * u64::from(FACTOR)) >> 32) as u32), true),
    ]
}

/// The same operations of the table `s`, in the same order.
#[inline(always)]
fn vector<S: Simd>(s: S, a: &Lanes, b: &Lanes, c: &Lanes) -> [Lanes; 19] {
    let mut out = [[0.0; MAX_LANES]; 19];
    for at in (0..MAX_LANES).step_by(S::LANES) {
        // SAFETY: at + LANES <= MAX_LANES, the length of every array.
        unsafe {
            let (a, b, c) = (s.load(a.as_ptr().add(at)), s.load(b.as_ptr().add(at)), s.load(c.as_ptr().add(at)));
            let (low, high) = s.mul_wide(a, FACTOR);
            let results = [
                s.add(a, b),
                s.sub(a, b),
                s.mul(a, b),
                s.div(a, b),
                s.sqrt(a),
                s.mul_add(a, b, c),
                s.min(a, b),
                s.max(a, b),
                s.select(s.lt(a, b), c, a),
                s.and(a, b),
                s.or(a, b),
                s.xor(a, b),
                s.add_bits(a, b),
                s.shl_bits::<23>(a),
                s.shl_bits::<1>(a),
                s.shr_bits::<23>(a),
                s.shr_bits::<1>(a),
                low,
                high,
            ];
            for (out, v) in out.iter_mut().zip(results) {
                s.store(out.as_mut_ptr().add(at), v);
            }
        }
    }
    out
}

fn check(isa: Isa, triples: &[[f32; 3]]) {
    for chunk in triples.chunks(MAX_LANES) {
        let lanes = |j: usize| core::array::from_fn(|i| chunk.get(i).unwrap_or(&chunk[0])[j]);
        let (a, b, c) = (lanes(0), lanes(1), lanes(2));
        let got = dispatch!(isa, |s| vector(s, &a, &b, &c));
        for i in 0..MAX_LANES {
            for (op, (name, want, payload)) in scalar(a[i], b[i], c[i]).into_iter().enumerate() {
                let got = got[op][i];
                let same = got.to_bits() == want.to_bits() || (!payload && got.is_nan() && want.is_nan());
                assert!(
                    same,
                    "{} {name}({:e}, {:e}, {:e}) in lane {i}: {got:e} ({:#x}), expected {want:e} ({:#x})",
                    isa.name(),
                    a[i],
                    b[i],
                    c[i],
                    got.to_bits(),
                    want.to_bits()
                );
            }
        }
    }
}

#[test]
fn operations_agree_with_scalar_rust_on_special_values() {
    let special = SPECIAL.map(f32::from_bits);
    let mut triples = Vec::new();
    for a in special {
        for b in special {
            triples.extend(special.map(|c| [a, b, c]));
        }
    }
    for isa in Isa::available() {
        check(isa, &triples);
    }
}

#[test]
fn operations_agree_with_scalar_rust_on_random_bits() {
    let mut bits = Bits(1);
    let triples: Vec<[f32; 3]> = (0..200_000).map(|_| core::array::from_fn(|_| f32::from_bits(bits.next()))).collect();
    for isa in Isa::available() {
        check(isa, &triples);
    }
}

#[test]
fn tails_touch_exactly_the_first_lanes() {
    fn table<S: Simd>(s: S) {
        let from: Vec<f32> = (0..MAX_LANES).map(|i| i as f32 + 1.0).collect();
        for n in 0..=S::LANES + 3 {
            let live = n.min(S::LANES);
            // As long as the tail, so that a tool that watches memory sees a read beyond it; but never a dangling
            // pointer, because QEMU's masked load touches memory even where the mask is empty.
            let (exact, mut to) = (from[..live.max(1)].to_vec(), std::vec![-1.0f32; MAX_LANES + 1]);
            let (mut all, mut picked) = ([0.0; MAX_LANES], [0.0; MAX_LANES]);
            // SAFETY: `exact` holds the selected lanes, the arrays hold MAX_LANES floats, `to` one more.
            unsafe {
                let v = s.load_tail(exact.as_ptr(), s.tail(n));
                s.store(all.as_mut_ptr(), v);
                let v = s.load(from.as_ptr());
                s.store_tail(to.as_mut_ptr().add(1), v, s.tail(n));
                s.store(picked.as_mut_ptr(), s.select(s.first(n), v, s.splat(-1.0)));
            }
            assert_eq!(to[0], -1.0);
            for i in 0..S::LANES {
                assert_eq!(all[i], if i < live { from[i] } else { 0.0 }, "load_tail({n}), lane {i}");
                assert_eq!(picked[i], if i < live { from[i] } else { -1.0 }, "first({n}), lane {i}");
            }
            for i in 0..MAX_LANES {
                assert_eq!(to[i + 1], if i < live { from[i] } else { -1.0 }, "store_tail({n}), lane {i}");
            }
        }
    }
    for isa in Isa::available() {
        dispatch!(isa, |s| table(s));
    }
}

#[test]
fn splat_zip_and_half_are_what_they_say() {
    fn table<S: Simd>(s: S) {
        let mut all = [0.0; MAX_LANES];
        let (a, b): (Lanes, Lanes) = (core::array::from_fn(|i| i as f32), core::array::from_fn(|i| 100.0 + i as f32));
        let mut zipped = [0.0; 2 * MAX_LANES];
        // SAFETY: every array holds at least LANES floats, `zipped` two vectors.
        unsafe {
            s.store(all.as_mut_ptr(), s.splat_bits(0x4049_0fdb));
            let (low, high) = s.zip(s.load(a.as_ptr()), s.load(b.as_ptr()));
            s.store(zipped.as_mut_ptr(), low);
            s.store(zipped.as_mut_ptr().add(S::LANES), high);
        }
        s.prefetch(core::ptr::null());
        for i in 0..S::LANES {
            assert_eq!(all[i].to_bits(), 0x4049_0fdb);
            assert_eq!((zipped[2 * i], zipped[2 * i + 1]), (a[i], b[i]), "zip, pair {i}");
        }
        let mut block = [s.splat(0.0); MAX_LANES];
        let mut square = [[0.0; MAX_LANES]; MAX_LANES];
        for (i, v) in block.iter_mut().enumerate().take(S::LANES) {
            let row: Lanes = core::array::from_fn(|j| (i * MAX_LANES + j) as f32);
            // SAFETY: a row holds at least LANES floats.
            *v = unsafe { s.load(row.as_ptr()) };
        }
        s.transpose(&mut block);
        for (v, row) in block.into_iter().zip(&mut square) {
            // SAFETY: as above.
            unsafe { s.store(row.as_mut_ptr(), v) };
        }
        for (i, j) in (0..S::LANES).flat_map(|i| (0..S::LANES).map(move |j| (i, j))) {
            assert_eq!(square[j][i], (i * MAX_LANES + j) as f32, "transposed element {i}, {j}");
        }
        assert!(MAX_LANES.is_multiple_of(S::LANES) && S::LANES.is_multiple_of(<S::Half as Simd>::LANES));
        let half = s.half();
        // SAFETY: `all` holds more than half a vector.
        unsafe { half.store(all.as_mut_ptr(), half.splat(2.0)) };
        assert!(all[..<S::Half as Simd>::LANES].iter().all(|&x| x == 2.0));
    }
    for isa in Isa::available() {
        dispatch!(isa, |s| table(s));
    }
}

/// Cases in which rounding twice, or losing what the addition drops, shows: against the platform's fma.
fn rounds_once(cases: usize, fma: impl Fn(f32, f32, f32) -> f32) {
    let mut bits = Bits(7);
    let check = |a: f32, b: f32, c: f32| {
        let (got, want) = (fma(a, b, c), a.mul_add(b, c));
        assert!(
            got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan()),
            "fma({a:e}, {b:e}, {c:e}) is {got:e}, expected {want:e}"
        );
    };
    let special = SPECIAL.map(f32::from_bits);
    for a in special {
        for b in special {
            special.into_iter().for_each(|c| check(a, b, c));
        }
    }
    for _ in 0..cases / 6 {
        // Anything at all.
        check(f32::from_bits(bits.next()), f32::from_bits(bits.next()), f32::from_bits(bits.next()));
        // c cancels the product up to a few units in the last place.
        let (a, b) = (bits.float(97, 60), bits.float(97, 60));
        let near = (-(a * b)).to_bits().wrapping_add(bits.next() % 9).wrapping_sub(4);
        check(a, b, f32::from_bits(near));
        // The product is half a unit in the last place of c, or just more or just less.
        let c = bits.float(60, 130);
        let ulp = f32::from_bits((c.to_bits() & 0x7f80_0000) - (24 << 23));
        let i = (bits.next() % 5) as f32 * (0.5f32).powi(12 + (bits.next() % 12) as i32);
        let sign = if bits.next() & 1 == 0 { 1.0 } else { -1.0 };
        check(sign * ulp * (1.0 + i), 1.0 - i, c);
        // The result is denormal, or nearly.
        let (a, b) = (bits.float(40, 30), bits.float(10, 30));
        check(a, b, f32::from_bits(bits.next() & 0x80ff_ffff));
        // The result overflows, or nearly.
        check(bits.float(189, 3), bits.float(189, 3), bits.float(250, 5));
        // Exponents at every distance, mantissas of few bits: exact ties.
        let few = |x: f32| f32::from_bits(x.to_bits() & 0xfff8_0000);
        let (a, b) = (few(bits.float(90, 70)), few(bits.float(90, 70)));
        let c = f32::from_bits(bits.float(50, 150).to_bits() & !(0x7f_ffff >> (bits.next() % 24)));
        check(a, b, c);
    }
}

#[test]
fn portable_fma_rounds_once() {
    rounds_once(12_000_000, portable::fma);
}

#[test]
fn integer_fma_rounds_once() {
    rounds_once(48_000_000, super::soft::fma);
}
