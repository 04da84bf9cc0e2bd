//! Random numbers and initial weights.

mod common;

use common::{Guarded, assert_bits};
use flatgrad_core::rng::{Stream, permutation, philox4x32_10};
use flatgrad_core::{Error, init};
use proptest::prelude::*;

const STREAM: Stream = Stream { seed: 0x0123_4567_89ab_cdef, stream: 0xfedc_ba98, step: 0x7654_3210_0f1e };

/// The lines `philox4x32 10` of Random123's kat_vectors.
#[test]
fn known_answers() {
    let ones = u32::MAX;
    let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
    for (counter, key, want) in [
        ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        ([ones; 4], [ones; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        (pi, [0xa409_3822, 0x299f_31d0], [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]),
    ] {
        assert_eq!(philox4x32_10(counter, key), want);
    }
}

/// The definition of a stream, written out once more.
#[test]
fn element_i_is_word_i_mod_4_of_block_i_div_4() {
    for i in [0, 1, 2, 3, 4, 5, 97, (1 << 34) - 1, 1 << 34, (1 << 50) - 1] {
        let block: u64 = i / 4;
        let counter = [
            block as u32,
            (block >> 32) as u32 | ((STREAM.step >> 32) as u32) << 16,
            STREAM.step as u32,
            STREAM.stream,
        ];
        let want = philox4x32_10(counter, [0x89ab_cdef, 0x0123_4567])[i as usize % 4];
        assert_eq!(STREAM.bits(i), want, "element {i}");
        assert_eq!(STREAM.uniform(i), (want >> 8) as f32 / 16_777_216.0);
    }
}

#[test]
fn streams_differ_in_every_part_of_their_name() {
    let mut words = vec![STREAM.bits(0), STREAM.bits(1), STREAM.bits(4), STREAM.bits(1 << 34)];
    for bit in 0..64 {
        words.push(Stream { seed: STREAM.seed ^ 1 << bit, ..STREAM }.bits(0));
    }
    for bit in 0..32 {
        words.push(Stream { stream: STREAM.stream ^ 1 << bit, ..STREAM }.bits(0));
    }
    for bit in 0..48 {
        words.push(Stream { step: STREAM.step ^ 1 << bit, ..STREAM }.bits(0));
    }
    let count = words.len();
    words.sort();
    words.dedup();
    assert_eq!(words.len(), count);
}

#[test]
fn a_fill_is_its_elements_at_any_start_and_length() {
    for first in [0, 1, 2, 3, 4, 63, 64, 65, (1 << 34) - 30, (1 << 50) - 30, u64::MAX - 30] {
        for len in common::LENGTHS {
            let mut out = Guarded::garbage(len, len % 5);
            STREAM.fill_uniform(&mut out, first, -0.3, 1.7).unwrap();
            let element = |i| STREAM.uniform(first.wrapping_add(i as u64));
            let want: Vec<f32> = (0..len).map(|i| -0.3 + (1.7 - -0.3) * element(i)).collect();
            assert_bits("uniform", out.get(), &want);

            let mut out = Guarded::garbage(len, len % 5);
            STREAM.fill_normal(&mut out, first, 1.5, 0.25).unwrap();
            let want: Vec<f32> = (0..len).map(|i| 1.5 + 0.25 * box_muller(first.wrapping_add(i as u64))).collect();
            assert_bits("normal", out.get(), &want);
        }
    }
}

fn box_muller(i: u64) -> f32 {
    let [a, b] = [i & !1, i | 1].map(|i| STREAM.bits(i) as f64 / 2f64.powi(32));
    let r = libm::sqrt(-2.0 * libm::log(a + 2f64.powi(-32)));
    let t = std::f64::consts::TAU * b;
    (r * if i.is_multiple_of(2) { libm::cos(t) } else { libm::sin(t) }) as f32
}

/// 2^20 numbers: each bound is five standard deviations of the estimate.
#[test]
fn moments_are_those_of_the_distribution() {
    let n = 1 << 20;
    let mut x = vec![0.0; n];
    let moments = |x: &[f32]| {
        let m = |k: i32| x.iter().map(|&x| (x as f64).powi(k)).sum::<f64>() / x.len() as f64;
        [m(1), m(2), m(3), m(4)]
    };
    STREAM.fill_uniform(&mut x, 0, 0.0, 1.0).unwrap();
    for (k, m) in (1..).zip(moments(&x)) {
        let deviation = (1.0 / (2 * k + 1) as f64 - 1.0 / ((k + 1) * (k + 1)) as f64).sqrt();
        assert!((m - 1.0 / (k + 1) as f64).abs() < 5.0 * deviation / 1024.0, "uniform: moment {k} is {m}");
    }
    STREAM.fill_normal(&mut x, 0, 0.0, 1.0).unwrap();
    for (m, (want, variance)) in moments(&x).into_iter().zip([(0.0, 1.0), (1.0, 2.0), (0.0, 15.0), (3.0, 96.0f64)]) {
        assert!((m - want).abs() < 5.0 * variance.sqrt() / 1024.0, "normal: moment {m}, expected {want}");
    }
    // Neighbours, which share a block or a pair, must not be correlated.
    for lag in 1..5 {
        let c = x.windows(lag + 1).map(|w| (w[0] * w[lag]) as f64).sum::<f64>() / n as f64;
        assert!(c.abs() < 5.0 / 1024.0, "correlation {c} at distance {lag}");
    }
}

#[test]
fn permutations_are_permutations() {
    for len in common::LENGTHS {
        let mut out = vec![u32::MAX; len];
        permutation(STREAM, &mut out).unwrap();
        let mut again = vec![7; len];
        permutation(STREAM, &mut again).unwrap();
        assert_eq!(out, again, "the old content does not matter");
        out.sort();
        assert!(out.iter().copied().eq(0..len as u32));
    }
}

/// All 24 orders of 4, 48,000 times: chi-squared with 23 degrees of freedom exceeds 60 once in 30,000 seeds.
#[test]
fn permutations_are_equally_likely() {
    let mut counts = std::collections::HashMap::new();
    for step in 0..48_000 {
        let mut out = [0; 4];
        permutation(Stream { seed: 5, stream: 1, step }, &mut out).unwrap();
        *counts.entry(out).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 24);
    let chi: f64 = counts.values().map(|&c: &i32| (c as f64 - 2000.0).powi(2) / 2000.0).sum();
    assert!(chi < 60.0, "chi-squared {chi}");
}

#[test]
fn fan_in_uniform_is_pytorchs_default() {
    let (mut w, mut want) = (vec![0.0; 1001], vec![0.0; 1001]);
    init::fan_in_uniform(STREAM, 27, &mut w).unwrap();
    let bound = (1.0 / 27f64.sqrt()) as f32;
    STREAM.fill_uniform(&mut want, 0, -bound, bound).unwrap();
    assert_bits("kaiming", &w, &want);
    let largest = w.iter().fold(0.0f32, |a, w| a.max(w.abs()));
    assert!(largest <= bound && largest > 0.99 * bound);
    assert!(w.iter().any(|w| *w < -0.9 * bound) && w.iter().any(|w| *w > 0.9 * bound));
}

#[test]
fn wrong_parameters_write_nothing() {
    let mut out = [3.0; 5];
    for (lo, hi) in [(1.0, 0.0), (f32::NAN, 1.0), (0.0, f32::NAN), (f32::NEG_INFINITY, 0.0), (f32::MIN, f32::MAX)] {
        assert!(matches!(STREAM.fill_uniform(&mut out, 0, lo, hi), Err(Error::Parameter { .. })), "{lo} {hi}");
    }
    for (mean, deviation) in [(f32::NAN, 1.0), (0.0, -1.0), (0.0, f32::NAN), (0.0, f32::INFINITY)] {
        assert!(matches!(STREAM.fill_normal(&mut out, 0, mean, deviation), Err(Error::Parameter { .. })));
    }
    for bound in [-1.0, f32::NAN, f32::INFINITY, f32::MAX] {
        assert!(matches!(init::uniform(STREAM, bound, &mut out), Err(Error::Parameter { .. })), "{bound}");
    }
    assert!(matches!(init::fan_in_uniform(STREAM, 0, &mut out), Err(Error::Dimension { .. })));
    assert_eq!(out, [3.0; 5]);
}

proptest! {
    #[test]
    fn uniform_stays_in_its_range(lo in -1e3f32..1e3, range in 0f32..1e3, first: u64) {
        let mut out = [f32::NAN; 70];
        STREAM.fill_uniform(&mut out, first, lo, lo + range).unwrap();
        prop_assert!(out.iter().all(|x| (lo..=lo + range).contains(x)));
    }

    #[test]
    fn any_cut_gives_the_same_numbers(len in 0usize..300, cut in 0usize..300, first in 0u64..1000) {
        let (mut whole, mut parts) = (vec![0.0; len], vec![0.0; len]);
        let cut = cut.min(len);
        STREAM.fill_normal(&mut whole, first, 0.0, 1.0).unwrap();
        let (a, b) = parts.split_at_mut(cut);
        STREAM.fill_normal(b, first + cut as u64, 0.0, 1.0).unwrap();
        STREAM.fill_normal(a, first, 0.0, 1.0).unwrap();
        prop_assert_eq!(whole, parts);
    }
}
