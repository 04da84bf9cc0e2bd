//! Initial weights.

mod common;

use common::assert_bits;
use flatgrad_core::init::{self, Fans, Init, gain};
use flatgrad_core::rng::Stream;
use flatgrad_core::{Error, Result};

const STREAM: Stream = Stream { seed: 77, stream: 3, step: 0 };

/// The largest distance of `gain^-2 * W W^T` (of `W^T W` for a tall matrix) from the identity.
fn defect(w: &[f32], [rows, cols]: [usize; 2], gain: f64) -> f64 {
    let at = |v: usize, i: usize| (if rows <= cols { w[v * cols + i] } else { w[i * cols + v] }) as f64 / gain;
    let (vectors, len) = (rows.min(cols), rows.max(cols));
    let mut worst = 0.0f64;
    for v in 0..vectors {
        for u in 0..=v {
            let dot: f64 = (0..len).map(|i| at(v, i) * at(u, i)).sum();
            worst = worst.max((dot - if u == v { 1.0 } else { 0.0 }).abs());
        }
    }
    worst
}

#[test]
fn orthogonal_matrices_are_orthogonal() {
    let shapes = [[1, 1], [1, 9], [9, 1], [3, 3], [5, 17], [33, 64], [70, 33], [128, 128], [300, 40], [512, 512]];
    for shape in shapes {
        for gain in [1.0, gain::RELU] {
            let mut w = vec![f32::NAN; shape[0] * shape[1]];
            init::orthogonal(STREAM, shape, gain, &mut w).unwrap();
            let defect = defect(&w, shape, gain as f64);
            assert!(defect < 5e-7, "{shape:?}: {defect:e}");
        }
    }
    for shape in [[0, 0], [0, 5], [5, 0]] {
        init::orthogonal(STREAM, shape, 1.0, &mut []).unwrap();
    }
}

/// Neither process prefers a direction: over many 2 x 2 matrices all signs and both determinants are equally likely.
#[test]
fn orthogonal_matrices_are_evenly_distributed() {
    let (mut positive, mut determinants, n) = ([0; 4], 0, 4000);
    for step in 0..n {
        let mut w = [0.0; 4];
        init::orthogonal(Stream { step, ..STREAM }, [2, 2], 1.0, &mut w).unwrap();
        w.iter().zip(&mut positive).for_each(|(w, count)| *count += i32::from(*w > 0.0));
        determinants += i32::from(w[0] * w[3] > w[1] * w[2]);
    }
    // Five standard deviations.
    let even = |count: i32| (count as f64 - n as f64 / 2.0).abs() < 2.5 * (n as f64).sqrt();
    assert!(positive.into_iter().all(even) && even(determinants), "{positive:?} {determinants}");
}

/// Standard deviations, to five standard errors of the estimate.
#[test]
fn sizes_are_those_of_the_rules() {
    let (shape, n) = (Fans::conv2d([64, 32, 3, 3]), 64 * 32 * 9);
    assert_eq!((shape.fan_in, shape.fan_out, shape.rows, shape.cols), (288, 576, 64, 288));
    assert_eq!(Fans::dense(5, 7), Fans { fan_in: 5, fan_out: 7, rows: 5, cols: 7 });
    let g = gain::TANH as f64;
    for (rule, want) in [
        (Init::Default, (1.0 / (3.0 * 288.0f64)).sqrt()),
        (Init::Uniform { bound: 0.3 }, 0.3 / 3f64.sqrt()),
        (Init::Normal { std: 0.02 }, 0.02),
        (Init::KaimingUniform { gain: gain::TANH }, g / 288f64.sqrt()),
        (Init::KaimingNormal { gain: gain::TANH }, g / 288f64.sqrt()),
        (Init::XavierUniform { gain: gain::TANH }, g * (2.0 / 864.0f64).sqrt()),
        (Init::XavierNormal { gain: gain::TANH }, g * (2.0 / 864.0f64).sqrt()),
        (Init::Orthogonal { gain: gain::TANH }, g / 288f64.sqrt()),
    ] {
        let mut w = vec![f32::NAN; n];
        rule.fill(STREAM, shape, &mut w).unwrap();
        let std = (w.iter().map(|&w| w as f64 * w as f64).sum::<f64>() / n as f64).sqrt();
        assert!((std / want - 1.0).abs() < 5.0 / (2.0 * n as f64).sqrt(), "{rule:?}: {std} {want}");
    }
    let mut w = vec![f32::NAN; n];
    Init::Constant { value: 0.25 }.fill(STREAM, shape, &mut w).unwrap();
    assert!(w.iter().all(|w| *w == 0.25));
}

/// PyTorch's `kaiming_uniform_(a = sqrt(5))` is the default, up to the rounding of its gain.
#[test]
fn the_default_is_kaimings_rule_with_a_gain() {
    let (mut a, mut b, mut c) = (vec![0.0; 270], vec![0.0; 270], vec![0.0; 270]);
    init::fan_in_uniform(STREAM, 27, &mut a).unwrap();
    init::kaiming_uniform(STREAM, 27, gain::leaky_relu(5f32.sqrt()), &mut b).unwrap();
    common::assert_close("gain", &b, &a, 1e-6, 0.1);
    Init::default().fill(STREAM, Fans::dense(27, 10), &mut c).unwrap();
    assert_bits("default", &c, &a);
}

#[test]
fn gains_are_pytorchs() {
    assert_eq!(gain::RELU, 2f32.sqrt());
    assert_eq!((gain::TANH, gain::SELU, gain::LINEAR), (5.0 / 3.0, 0.75, 1.0));
    assert_eq!(gain::leaky_relu(0.01), 1.414_142_9);
}

#[test]
fn wrong_arguments_write_nothing() {
    let mut out = [3.0; 6];
    let (nan, shape) = (f32::NAN, Fans::dense(2, 3));
    for (rule, name) in [
        (Init::Uniform { bound: -1.0 }, "bound"),
        (Init::Uniform { bound: f32::MAX }, "bound"),
        (Init::Normal { std: nan }, "std"),
        (Init::KaimingUniform { gain: -1.0 }, "gain"),
        (Init::KaimingNormal { gain: nan }, "gain"),
        (Init::XavierUniform { gain: f32::INFINITY }, "gain"),
        (Init::XavierNormal { gain: nan }, "gain"),
        (Init::Orthogonal { gain: nan }, "gain"),
        (Init::Constant { value: nan }, "value"),
    ] {
        let got = rule.fill(STREAM, shape, &mut out);
        assert!(matches!(got, Err(Error::Parameter { what, .. }) if what == name), "{rule:?}: {got:?}");
    }
    let dimension = |got: Result| assert!(matches!(got, Err(Error::Dimension { .. })), "{got:?}");
    dimension(init::fan_in_uniform(STREAM, 0, &mut out));
    dimension(init::kaiming_uniform(STREAM, 0, 1.0, &mut out));
    dimension(init::kaiming_normal(STREAM, 0, 1.0, &mut out));
    dimension(init::xavier_uniform(STREAM, [0, 0], 1.0, &mut out));
    dimension(init::xavier_normal(STREAM, [0, 0], 1.0, &mut out));
    dimension(Init::Default.fill(STREAM, Fans { fan_in: 0, ..shape }, &mut out));
    let length = Err(Error::Length { what: "out", expected: 9, actual: 6 });
    assert_eq!(init::orthogonal(STREAM, [3, 3], 1.0, &mut out), length);
    assert_eq!(Init::Default.fill(STREAM, Fans::dense(3, 3), &mut out), length);
    assert_eq!(init::orthogonal(STREAM, [usize::MAX, 2], 1.0, &mut out), Err(Error::Overflow { what: "out" }));
    assert_eq!(out, [3.0; 6]);
}
