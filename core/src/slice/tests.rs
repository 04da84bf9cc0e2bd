use super::share::GRAIN;
use super::*;
use crate::machine::Context;
use crate::machine::Isa;
use crate::simd::{Simd, dispatch};

extern crate std;
use std::vec::Vec;

fn numbers(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + 13) % 1009) as f32 * 0.37 - 150.0).collect()
}

/// The order of rule 3 in the plainest words.
fn sum_oracle(x: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 16];
    for (i, v) in x.iter().enumerate() {
        lanes[i % 16] += v;
    }
    for half in [8, 4, 2, 1] {
        for l in 0..half {
            lanes[l] += lanes[l + half];
        }
    }
    lanes[0]
}

#[test]
fn sums_follow_the_sixteen_lanes_on_every_isa() {
    for isa in Isa::available() {
        for n in (0..70).chain([127, 128, 1009]) {
            for offset in 0..3 {
                let all = numbers(n + offset);
                let x = &all[offset..];
                let [got] = dispatch!(isa, |s| sum(
                    s,
                    [x],
                    #[inline(always)]
                    |[v]| [v]
                ));
                assert_eq!(got.to_bits(), sum_oracle(x).to_bits(), "{} n {n}", isa.name());
            }
        }
    }
}

#[test]
fn maximum_is_the_largest() {
    for isa in Isa::available() {
        for n in 0..70 {
            let x = numbers(n);
            let want = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(dispatch!(isa, |s| maximum(s, &x)), want, "{} n {n}", isa.name());
        }
    }
}

#[test]
fn map_and_update_touch_exactly_their_elements() {
    for isa in Isa::available() {
        for n in 0..70 {
            let (x, mut y, mut z) = (numbers(n), std::vec![f32::NAN; n + 2], numbers(n + 2));
            let before = z.clone();
            dispatch!(isa, |s| map(
                s,
                [&x],
                &mut y[1..n + 1],
                #[inline(always)]
                |[x]| s.add(x, x)
            ));
            dispatch!(isa, |s| update(
                s,
                [&x],
                [&mut z[1..n + 1]],
                #[inline(always)]
                |[x], [z]| [s.mul(x, z)]
            ));
            for i in 0..n {
                assert_eq!(y[i + 1], x[i] + x[i]);
                assert_eq!(z[i + 1], x[i] * before[i + 1]);
            }
            assert!(y[0].is_nan() && y[n + 1].is_nan());
            assert_eq!((z[0], z[n + 1]), (before[0], before[n + 1]));
        }
    }
}

/// Splits like a pool of `n` threads but runs the second half first.
struct Backwards(usize);
impl crate::machine::Parallel for Backwards {
    fn threads(&self) -> usize {
        self.0
    }
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        b();
        a();
    }
}

#[test]
fn sharing_covers_everything_once() {
    for threads in 1..6 {
        let pool = Backwards(threads);
        let ctx = Context::parallel(Isa::PORTABLE, &pool);
        let x = numbers(5 * GRAIN + 3);
        let mut y = std::vec![0.0; x.len()];
        share(ctx, [&x], [&mut y], &|[x], [y]| y.iter_mut().zip(x).for_each(|(y, x)| *y += x + 1.0));
        assert!(x.iter().zip(&y).all(|(x, y)| x + 1.0 == *y));
        for chunks in 0..9 {
            let mut y = std::vec![0.0; chunks * 7];
            let mut scratch = [0.0; 11];
            share_chunks(ctx, &mut y, 7, &mut scratch, 3, &|first, part, scratch| {
                assert!(scratch.len() >= 3);
                for (i, chunk) in part.chunks_mut(7).enumerate() {
                    chunk.iter_mut().for_each(|y| *y += (first + i) as f32);
                }
            });
            assert!(y.iter().enumerate().all(|(i, &y)| y == (i / 7) as f32));
        }
    }
}
