//! What activation functions promise beside their bits.

mod common;
use common::{assert_bits, contexts, numbers};
use flatgrad_core::activation::*;
use flatgrad_core::{Context, Error, Isa};
use proptest::prelude::*;
use std::f64::consts::{PI, SQRT_2};

const ALL: [Activation; 14] = [
    Activation::Relu,
    Activation::LEAKY_RELU,
    Activation::leaky_relu(-0.5),
    Activation::ELU,
    Activation::elu(0.3),
    Activation::elu(-0.7),
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Silu,
    Activation::HardSwish,
    Activation::SOFTPLUS,
    Activation::softplus(2.5, 8.0),
];

fn ctx() -> Context<'static> {
    Context::serial(Isa::detect())
}

fn forward(function: Activation, x: &[f32]) -> Vec<f32> {
    let mut y = vec![f32::NAN; x.len()];
    activate(ctx(), function, x, &mut y).unwrap();
    y
}

/// `dx` for `dy = 1`.
fn derivative(function: Activation, x: &[f32]) -> Vec<f32> {
    let saved = if function.saved() == Saved::Input { x.to_vec() } else { forward(function, x) };
    let mut dx = vec![f32::NAN; x.len()];
    activate_backward(ctx(), function, &saved, &vec![1.0; x.len()], &mut dx).unwrap();
    dx
}

/// The textbook formula in `f64`.
fn formula(function: Activation, x: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    match function {
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu { slope } => x * if x > 0.0 { 1.0 } else { f64::from(slope) },
        Activation::Elu { alpha } => {
            if x > 0.0 {
                x
            } else {
                f64::from(alpha) * x.exp_m1()
            }
        }
        Activation::Sigmoid => sigmoid(x),
        Activation::Tanh => x.tanh(),
        Activation::Gelu => x * 0.5 * libm::erfc(-x / SQRT_2),
        Activation::GeluTanh => x * sigmoid(2.0 * (2.0 / PI).sqrt() * (x + 0.044715 * x.powi(3))),
        Activation::Silu => x * sigmoid(x),
        Activation::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::Softplus { beta, threshold } => {
            let (beta, threshold) = (f64::from(beta), f64::from(threshold));
            if beta * x > threshold { x } else { (beta * x).exp().ln_1p() / beta }
        }
        _ => unreachable!(),
    }
}

/// The slope of `f` at `x`, by a central difference of fourth order.
fn slope(f: impl Fn(f64) -> f64, x: f64) -> f64 {
    let h = 1e-3;
    (8.0 * (f(x + h) - f(x - h)) - (f(x + 2.0 * h) - f(x - 2.0 * h))) / (12.0 * h)
}

/// -20 to 20, a little off the corners at 0, -3 and 3 and off the thresholds.
fn grid() -> Vec<f32> {
    (-2000..2000).map(|i| i as f32 * 0.01 + 0.0049).collect()
}

#[test]
fn outputs_against_f64() {
    let x = grid();
    for function in ALL {
        let mut worst = 0.0f64;
        for (&x, &y) in x.iter().zip(&forward(function, &x)) {
            let want = formula(function, f64::from(x));
            // Near the smallest normal number results underflow gradually.
            worst = worst.max((f64::from(y) - want).abs() / want.abs().max(1e-30));
        }
        println!("{function:?}: relative error {worst:.1e}");
        // The tanh approximation hands its sigmoid an argument of up to 80, rounded three times; softplus with a beta
        // its exponential one of 50, rounded once.
        let limit = match function {
            Activation::GeluTanh => 2e-5,
            Activation::Softplus { .. } => 4e-6,
            _ => 5e-7,
        };
        assert!(worst < limit, "{function:?}: {worst:e}");
    }
}

#[test]
fn derivatives_by_finite_differences() {
    let x = grid();
    for function in ALL {
        let dx = derivative(function, &x);
        let mut worst = 0.0f64;
        for (&x, &dx) in x.iter().zip(&dx) {
            worst = worst.max((f64::from(dx) - slope(|x| formula(function, x), f64::from(x))).abs());
        }
        println!("{function:?}: derivative off by {worst:.1e}");
        // `1 - s` is off by half an ULP of 1; silu multiplies it by up to 17, the tanh approximation by up to 30.
        let limit = match function {
            Activation::GeluTanh => 2e-6,
            Activation::Silu => 1e-6,
            _ => 2e-7,
        };
        assert!(worst < limit, "{function:?}: {worst:e}");
    }
}

#[test]
fn backward_multiplies_by_dy() {
    let (x, dy) = (grid(), numbers(4000, 3));
    for function in ALL {
        let saved = if function.saved() == Saved::Input { x.clone() } else { forward(function, &x) };
        let (mut dx, mut in_place) = (vec![f32::NAN; x.len()], dy.clone());
        activate_backward(ctx(), function, &saved, &dy, &mut dx).unwrap();
        activate_backward_in_place(ctx(), function, &saved, &mut in_place).unwrap();
        assert_bits(function.name(), &in_place, &dx);
        // As numbers: where relu's derivative is 0, so is the gradient, without the sign of dy.
        let want: Vec<f32> = derivative(function, &x).iter().zip(&dy).map(|(d, dy)| d * dy).collect();
        assert_eq!(dx, want, "{function:?}");
    }
}

#[test]
fn infinities_and_huge_numbers_give_the_limits() {
    const INF: f32 = f32::INFINITY;
    let x = [-INF, f32::MIN, -1e5, 1e5, f32::MAX, INF];
    for function in ALL {
        // At the left end the limit of y is this; at the right end that of y / x or y.
        let (y, dx) = (forward(function, &x), derivative(function, &x));
        let (left, slopes, right) = match function {
            Activation::LeakyRelu { slope } => (-INF * slope, [slope, 1.0], INF),
            Activation::Elu { alpha } => (-alpha, [0.0, 1.0], INF),
            Activation::Sigmoid => (0.0, [0.0, 0.0], 1.0),
            Activation::Tanh => (-1.0, [0.0, 0.0], 1.0),
            _ => (0.0, [0.0, 1.0], INF),
        };
        assert_eq!((y[0], y[5]), (left, right), "{function:?}");
        assert!(y.iter().chain(&dx).all(|y| !y.is_nan()), "{function:?}: {y:?} {dx:?}");
        assert_eq!([dx[0], dx[1], dx[2], dx[3], dx[4], dx[5]], [0, 0, 0, 1, 1, 1].map(|i| slopes[i]), "{function:?}");
        if right == INF {
            assert_eq!(y[3..5], x[3..5], "{function:?}");
        }
        assert!(forward(function, &[f32::NAN])[0].is_nan(), "{function:?}");
    }
}

/// `x (1 + erf(x / sqrt 2)) / 2`, computed as it stands, is 0 or off by half below -5; PyTorch's is.
#[test]
fn the_far_tail_of_gelu_has_its_digits() {
    let x: Vec<f32> = (0..800).map(|i| -5.0 - i as f32 * 0.01).collect();
    for (&x, &y) in x.iter().zip(&forward(Activation::Gelu, &x)) {
        let want = formula(Activation::Gelu, f64::from(x));
        assert!((f64::from(y) / want - 1.0).abs() < 1e-6, "at {x}: {y:e}, expected {want:e}");
    }
}

#[test]
fn the_corners_are_pytorchs() {
    assert_eq!(derivative(Activation::HardSwish, &[-3.0, 3.0, 0.0]), [0.0, 1.0, 0.5]);
    assert_eq!(derivative(Activation::leaky_relu(0.25), &[-0.0, 0.0, 1.0]), [0.25, 0.25, 1.0]);
    assert_eq!(derivative(Activation::elu(0.5), &[-0.0, 0.0, 1.0]), [0.5, 0.5, 1.0]);
    assert_eq!(derivative(Activation::Relu, &[-0.0, 0.0, 1.0]), [0.0, 0.0, 1.0]);
    // At the threshold itself the formula still holds.
    let x = [4.0, 4.000_001];
    assert_eq!(forward(Activation::softplus(1.0, 4.0), &x), [4.018_15, 4.000_001]);
}

#[test]
fn defaults_and_what_is_saved() {
    assert_eq!(Activation::LEAKY_RELU, Activation::LeakyRelu { slope: 0.01 });
    assert_eq!(Activation::ELU, Activation::Elu { alpha: 1.0 });
    assert_eq!(Activation::SOFTPLUS, Activation::Softplus { beta: 1.0, threshold: 20.0 });
    use Activation::{GeluTanh, HardSwish, Relu, Sigmoid, Silu, Tanh};
    for function in [Relu, Sigmoid, Tanh, Activation::leaky_relu(0.0), Activation::elu(0.0), Activation::ELU] {
        assert_eq!(function.saved(), Saved::Output, "{function:?}");
    }
    for function in [
        Activation::Gelu,
        GeluTanh,
        Silu,
        HardSwish,
        Activation::SOFTPLUS,
        Activation::leaky_relu(-1.0),
        Activation::elu(-1.0),
    ] {
        assert_eq!(function.saved(), Saved::Input, "{function:?}");
    }
}

#[test]
fn parameters_without_sense_are_refused_and_nothing_is_written() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    for (function, parameter) in [
        (Activation::leaky_relu(nan), "slope"),
        (Activation::leaky_relu(inf), "slope"),
        (Activation::elu(nan), "alpha"),
        (Activation::elu(-inf), "alpha"),
        (Activation::softplus(0.0, 20.0), "beta"),
        (Activation::softplus(-1.0, 20.0), "beta"),
        (Activation::softplus(inf, 20.0), "beta"),
        (Activation::softplus(nan, 20.0), "beta"),
        (Activation::softplus(1.0, -1.0), "threshold"),
        (Activation::softplus(1.0, nan), "threshold"),
    ] {
        let (x, mut y) = ([1.0; 3], [7.0; 3]);
        let named = |result: flatgrad_core::Result| match result {
            Err(Error::Parameter { what, .. }) => assert_eq!(what, parameter, "{function:?}"),
            other => panic!("{function:?}: {other:?}"),
        };
        named(function.check());
        named(activate(ctx(), function, &x, &mut y));
        named(activate_in_place(ctx(), function, &mut y));
        named(activate_backward(ctx(), function, &x, &x, &mut y));
        named(activate_backward_in_place(ctx(), function, &x, &mut y));
        assert_eq!(y, [7.0; 3]);
    }
    assert_eq!(Activation::softplus(1.0, inf).check(), Ok(()));
}

#[test]
fn relu_keeps_nan_and_negative_zero() {
    let mut y = [f32::NAN, -0.0];
    activate_in_place(ctx(), Activation::Relu, &mut y).unwrap();
    assert!(y[0].is_nan());
    assert_eq!(y[1].to_bits(), (-0.0f32).to_bits());
}

/// The gradients of `sum_i dy_i f(x)_i` for both softmaxes.
#[test]
fn softmax_gradients_by_finite_differences() {
    let (x, dy) = (numbers(11, 5).iter().map(|x| x * 4.0).collect::<Vec<f32>>(), numbers(11, 6));
    let loss = |log: bool, at: usize, move_by: f64| {
        let mut x: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
        x[at] += move_by;
        let total: f64 = x.iter().map(|x| x.exp()).sum();
        let y = x.iter().map(|x| if log { x - total.ln() } else { x.exp() / total });
        y.zip(&dy).map(|(y, &dy)| y * f64::from(dy)).sum::<f64>()
    };
    for log in [false, true] {
        let (mut y, mut dx) = ([0.0; 11], [f32::NAN; 11]);
        if log {
            log_softmax(ctx(), [1, 11], &x, &mut y).unwrap();
            log_softmax_backward(ctx(), [1, 11], &y, &dy, &mut dx).unwrap();
        } else {
            softmax(ctx(), [1, 11], &x, &mut y).unwrap();
            softmax_backward(ctx(), [1, 11], &y, &dy, &mut dx).unwrap();
        }
        for (i, dx) in dx.into_iter().enumerate() {
            let want = slope(|h| loss(log, i, h), 0.0);
            assert!((f64::from(dx) - want).abs() < 5e-7, "log {log}, element {i}: {dx} against {want}");
        }
    }
}

#[test]
fn the_rows_of_softmax_sum_to_one() {
    for [n, classes] in [[1, 1], [5, 10], [3, 257], [2, 50_021]] {
        let x: Vec<f32> = numbers(n * classes, 3).iter().map(|x| x * 30.0).collect();
        let mut y = vec![f32::NAN; x.len()];
        softmax(Context::serial(Isa::detect()), [n, classes], &x, &mut y).unwrap();
        for row in y.chunks_exact(classes) {
            let total: f64 = row.iter().map(|&y| y as f64).sum();
            assert!((total - 1.0).abs() < 1e-5, "{n} x {classes}: sum {total}");
        }
    }
}

#[test]
fn softmax_against_f64() {
    let x: Vec<f32> = numbers(100, 9).iter().map(|x| x * 20.0).collect();
    let total: f64 = x.iter().map(|&x| (x as f64).exp()).sum();
    let (mut y, mut log) = (vec![0.0; 100], vec![0.0; 100]);
    let ctx = Context::serial(Isa::detect());
    softmax(ctx, [1, 100], &x, &mut y).unwrap();
    log_softmax(ctx, [1, 100], &x, &mut log).unwrap();
    for i in 0..100 {
        let want = (x[i] as f64).exp() / total;
        // The difference to the maximum, up to 40, is rounded by 2e-6 before the exponential, the logarithm as much
        // again.
        assert!((y[i] as f64 / want - 1.0).abs() < 5e-6, "{i}");
        assert!((log[i] as f64 - want.ln()).abs() < 5e-6, "{i}");
    }
}

#[test]
fn softmax_of_large_and_unusual_numbers() {
    for (name, ctx) in contexts() {
        let mut y = [0.0; 3];
        softmax(ctx, [1, 3], &[f32::MAX, f32::MIN, 0.0], &mut y).unwrap();
        assert_eq!(y, [1.0, 0.0, 0.0], "{name}");
        softmax(ctx, [1, 3], &[0.0, f32::NEG_INFINITY, 0.0], &mut y).unwrap();
        assert_eq!(y, [0.5, 0.0, 0.5], "{name}");
        for bad in [[0.0, f32::NAN, 1.0], [f32::INFINITY, 0.0, 1.0], [f32::NEG_INFINITY; 3]] {
            softmax(ctx, [1, 3], &bad, &mut y).unwrap();
            assert!(y.iter().all(|y| y.is_nan()), "{name}: {bad:?} gave {y:?}");
            log_softmax(ctx, [1, 3], &bad, &mut y).unwrap();
            assert!(y.iter().all(|y| y.is_nan()), "{name}: {bad:?} gave {y:?}");
        }
    }
}

#[test]
fn wrong_lengths_are_refused_and_nothing_is_written() {
    let ctx = Context::serial(Isa::detect());
    let x = [1.0; 6];
    let mut y = [7.0; 5];
    let length = Error::Length { what: "y", expected: 6, actual: 5 };
    assert_eq!(activate(ctx, Activation::Relu, &x, &mut y), Err(length));
    assert!(softmax(ctx, [2, 3], &x, &mut y).is_err());
    assert!(softmax(ctx, [1, 5], &x, &mut y).is_err());
    for backward in [softmax_backward, log_softmax_backward] {
        assert_eq!(
            backward(ctx, [2, 3], &x[..5], &x, &mut y),
            Err(Error::Length { what: "y", expected: 6, actual: 5 })
        );
        assert_eq!(
            backward(ctx, [2, 3], &x, &x[..5], &mut y),
            Err(Error::Length { what: "dy", expected: 6, actual: 5 })
        );
        assert_eq!(backward(ctx, [2, 3], &x, &x, &mut y), Err(Error::Length { what: "dx", expected: 6, actual: 5 }));
        assert_eq!(backward(ctx, [usize::MAX, 2], &x, &x, &mut y), Err(Error::Overflow { what: "y" }));
    }
    assert!(log_softmax(ctx, [2, 3], &x, &mut y).is_err());
    assert_eq!(softmax(ctx, [usize::MAX, 2], &x, &mut y), Err(Error::Overflow { what: "x" }));
    assert_eq!(y, [7.0; 5]);
}

proptest! {
    /// Rows do not see each other, and a constant added to all logits (exactly) changes nothing.
    #[test]
    fn softmax_rows_are_independent(classes in 1usize..40, n in 1usize..5, seed in any::<u32>()) {
        let x: Vec<f32> = numbers(n * classes, seed).iter().map(|x| (x * 64.0).round()).collect();
        for isa in Isa::available() {
            let ctx = Context::serial(isa);
            let (mut whole, mut one) = (vec![0.0; x.len()], vec![0.0; classes]);
            softmax(ctx, [n, classes], &x, &mut whole).unwrap();
            for (row, want) in x.chunks(classes).zip(whole.chunks(classes)) {
                let moved: Vec<f32> = row.iter().map(|x| x + 1024.0).collect();
                softmax(ctx, [1, classes], &moved, &mut one).unwrap();
                assert_bits(isa.name(), &one, want);
            }
        }
    }
}
