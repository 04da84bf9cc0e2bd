//! Every function of this folder against its twin in `reference::math`.

extern crate std;

use super::*;
use crate::machine::Isa;
use crate::reference::math as reference;
use crate::simd::dispatch;
use crate::slice;
use core::f32::consts::{FRAC_1_SQRT_2, SQRT_2};
use std::vec::Vec;

fn awkward() -> Vec<f32> {
    let special = [0.0, 1e-45, 1e-38, 88.722_83, 88.722_84, 89.0, 103.9, 104.0, f32::MAX, f32::INFINITY, f32::NAN, 1.0];
    // The places where one formula gives way to another, and their neighbours.
    let seams = [f32::MIN_POSITIVE, TINY, 0.625, FRAC_1_SQRT_2, 1.0, SQRT_2, 4.0, 18.0, 1e9]
        .map(|x| [-1, 0, 1].map(|d| f32::from_bits((x.to_bits() as i32 + d) as u32)));
    let signed = special.into_iter().chain(seams.into_iter().flatten()).flat_map(|x| [x, -x]);
    let all = (0..=u32::MAX).step_by(40_009).map(f32::from_bits);
    all.chain((-1050..900).map(|i| i as f32 * 0.1)).chain(signed).collect()
}

#[track_caller]
fn same(isa: Isa, x: &[f32], y: &[f32], want: impl Fn(f32) -> f32) {
    for (x, y) in x.iter().zip(y) {
        let w = want(*x);
        let same = y.to_bits() == w.to_bits() || (y.is_nan() && w.is_nan());
        assert!(same, "{}: of {x:e} it is {y:e}, expected {w:e}", isa.name());
    }
}

/// The functions have the bits of their twins on `$x`.
macro_rules! twins {
    ($x:ident: $($name:ident),*) => { $(
        for isa in Isa::available() {
            let mut y = std::vec![0.0; $x.len()];
            dispatch!(isa, |s| slice::map(s, [&$x], &mut y, #[inline(always)] |[x]| $name(s, x)));
            same(isa, &$x, &y, reference::$name);
        }
    )* };
}

#[test]
fn functions_have_the_bits_of_the_reference() {
    let x = awkward();
    twins!(x: exp, expm1, sigmoid, tanh, ln, log1p, erf, rsqrt);
    let small: Vec<f32> = x.iter().map(|x| x.abs()).filter(|x| *x <= 15.0).collect();
    twins!(small: gaussian, scaled_tail);
}

#[test]
fn nan_is_found_and_nothing_else() {
    let x = awkward();
    for isa in Isa::available() {
        let mut y = std::vec![0.0; x.len()];
        dispatch!(isa, |s| slice::map(
            s,
            [&x],
            &mut y,
            #[inline(always)]
            |[x]| s.select(is_nan(s, x), s.splat(1.0), s.splat(0.0))
        ));
        assert!(x.iter().zip(&y).all(|(x, y)| x.is_nan() == (*y == 1.0)), "{}", isa.name());
    }
}
