//! How exact the vector functions are, and what they promise at the edges. That the kernels have the bits of
//! `reference::math` is checked elsewhere (`kernels.rs`), so here the plain functions stand for them.

use flatgrad_core::reference::math::*;

struct Activation {
    name: &'static str,
    f: fn(f32) -> f32,
    /// In `f64`.
    truth: fn(f64) -> f64,
    /// The input with the largest error of all, from a run over all of them.
    worst: f32,
    /// Where two formulas meet or something else happens: dense grids of neighbours.
    places: &'static [f32],
    /// Whether it never falls.
    monotonic: bool,
}

const FUNCTIONS: [Activation; 8] = [
    Activation {
        name: "exp",
        f: exp,
        truth: f64::exp,
        worst: 70.4031,
        places: &[-103.97, -87.33, 0.0, 88.72],
        monotonic: true,
    },
    Activation {
        name: "ln",
        f: ln,
        truth: f64::ln,
        worst: 0.705_924,
        places: &[0.0, 0.707, 1.0, 1.414],
        monotonic: true,
    },
    Activation {
        name: "log1p",
        f: log1p,
        truth: f64::ln_1p,
        worst: 0.418_961_38,
        places: &[-1.0, -0.29, 0.0, 0.42, 1e9],
        monotonic: true,
    },
    Activation {
        name: "expm1",
        f: expm1,
        truth: f64::exp_m1,
        worst: 17.146_378,
        places: &[-17.3, -0.34, 0.0, 0.35, 88.72],
        monotonic: true,
    },
    Activation {
        name: "tanh",
        f: tanh,
        truth: f64::tanh,
        worst: 0.628_309_55,
        places: &[0.0, 0.625, 9.01],
        monotonic: true,
    },
    Activation {
        name: "sigmoid",
        f: sigmoid,
        truth: logistic,
        worst: -6.237_699,
        places: &[-103.97, -87.33, 0.0, 17.3],
        monotonic: false,
    },
    Activation { name: "erf", f: erf, truth: libm::erf, worst: 0.996_785, places: &[0.0, 1.0, 3.92], monotonic: false },
    Activation {
        name: "rsqrt",
        f: rsqrt,
        truth: |x| 1.0 / x.sqrt(),
        worst: 1.182_765_8e-38,
        places: &[0.0, 1.0, 4.0],
        monotonic: false,
    },
];

fn logistic(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// Units in the last place of the `f32` nearest to `want`, below which it is not a normal number of the smallest.
fn ulps(got: f32, want: f64) -> f64 {
    let nearest = (want.abs() as f32).min(f32::from_bits(f32::MAX.to_bits() - 1));
    let spacing = f64::from(f32::from_bits(nearest.to_bits() + 1)) - f64::from(nearest);
    (f64::from(got) - want).abs() / spacing
}

impl Activation {
    /// The error at a finite `x`: 0 where the result is not finite and should not be.
    fn error(&self, x: f32) -> f64 {
        let (got, want) = ((self.f)(x), (self.truth)(f64::from(x)));
        // From here on the nearest f32 is infinite.
        let overflows = want.abs() >= f64::from(f32::MAX) * (1.0 + f64::from(f32::EPSILON) / 4.0);
        if want.is_nan() || overflows {
            let same = if want.is_nan() { got.is_nan() } else { f64::from(got) == want.signum() * f64::INFINITY };
            assert!(same, "{}({x:e}) is {got:e}, expected {want:e}", self.name);
            return 0.0;
        }
        assert!(got.is_finite(), "{}({x:e}) is {got:e}, expected {want:e}", self.name);
        ulps(got, want)
    }

    /// Every exponent, both signs, 4096 mantissas each; then the neighbours of the places of both signs, near and far.
    fn inputs(&self) -> impl Iterator<Item = f32> {
        let all = (0..1u32 << 21).map(|i| f32::from_bits((i << 11) | ((i * 1181) & 0x7ff)));
        let places = self.places.iter().chain([&self.worst]).flat_map(|&place| [place, -place]);
        let near = places
            .clone()
            .flat_map(|p| (-1000..1000).map(move |i| f32::from_bits(p.to_bits().saturating_add_signed(i))));
        let far = places.flat_map(|p| (-30_000..30_000).map(move |i| p + i as f32 * 1e-5));
        all.chain(near).chain(far).filter(|x| x.is_finite())
    }
}

/// The table of the documentation of `flatgrad_core::math`, which a run over all inputs has found, is what these inputs
/// give, too.
#[test]
fn the_largest_errors_are_those_of_the_documented_table() {
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/math.rs")).unwrap();
    for function in &FUNCTIONS {
        let (mut worst, mut at) = (0.0, 0.0);
        for x in function.inputs() {
            let error = function.error(x);
            if error > worst {
                (worst, at) = (error, x);
            }
        }
        let row = format!("| [`{}`] | {worst:.3} | {at:e} |", function.name);
        println!("{row}");
        assert!(worst > 0.5, "{}: the measure itself is broken", function.name);
        assert!(worst <= 2.0, "{row}");
        assert!(docs.contains(&row), "core/src/math.rs lacks the row {row}");
    }
}

#[test]
fn monotonic_functions_never_fall() {
    for function in FUNCTIONS.iter().filter(|f| f.monotonic) {
        let mut x: Vec<f32> = function.inputs().collect();
        x.sort_by(f32::total_cmp);
        let mut last = f32::NEG_INFINITY;
        for x in x {
            let y = (function.f)(x);
            assert!(y.is_nan() || y >= last, "{}({x:e}) is {y:e}, after {last:e}", function.name);
            last = if y.is_nan() { last } else { y };
        }
    }
}

/// Bits of `f` at some inputs; a NaN is expected as a NaN.
#[track_caller]
fn at(f: fn(f32) -> f32, pairs: &[(f32, f32)]) {
    for &(x, want) in pairs {
        let y = f(x);
        assert!(y.to_bits() == want.to_bits() || (y.is_nan() && want.is_nan()), "f({x:e}) is {y:e}, expected {want:e}");
    }
}

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;
const SMALLEST: f32 = f32::from_bits(1);

#[test]
fn exponentials_at_the_edges() {
    at(exp, &[(0.0, 1.0), (-0.0, 1.0), (-INF, 0.0), (f32::MIN, 0.0), (INF, INF), (f32::MAX, INF), (NAN, NAN)]);
    // Gradual underflow down to the smallest subnormal.
    at(exp, &[(-103.0, SMALLEST), (-104.0, 0.0), (88.73, INF)]);
    assert!(exp(88.722).is_finite() && exp(-88.0) > 0.0 && exp(-88.0) < f32::MIN_POSITIVE);
    at(expm1, &[(0.0, 0.0), (-0.0, -0.0), (SMALLEST, SMALLEST), (-SMALLEST, -SMALLEST), (-INF, -1.0), (NAN, NAN)]);
    at(expm1, &[(f32::MIN, -1.0), (-17.33, -1.0), (INF, INF), (88.73, INF), (1e-10, 1e-10)]);
    assert!(expm1(88.722).is_finite());
}

#[test]
fn logarithms_at_the_edges() {
    at(ln, &[(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (-SMALLEST, NAN), (-INF, NAN), (INF, INF), (NAN, NAN)]);
    at(ln, &[(SMALLEST, -103.278_93), (f32::MAX, 88.722_84)]);
    at(log1p, &[(0.0, 0.0), (-0.0, -0.0), (SMALLEST, SMALLEST), (-SMALLEST, -SMALLEST), (INF, INF), (NAN, NAN)]);
    at(log1p, &[(-1.0, -INF), (-1.000_000_1, NAN), (-INF, NAN), (f32::MAX, 88.722_84), (1e-10, 1e-10)]);
}

#[test]
fn sigmoids_at_the_edges() {
    for f in [tanh, erf] {
        at(f, &[(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (f32::MAX, 1.0), (f32::MIN, -1.0), (NAN, NAN)]);
        for i in 0..100_000 {
            let x = i as f32 * 1e-4;
            assert_eq!(f(-x).to_bits(), (-f(x)).to_bits(), "odd, at {x}");
        }
    }
    at(tanh, &[(SMALLEST, SMALLEST), (9.02, 1.0)]);
    at(erf, &[(3.93, 1.0), (SMALLEST, SMALLEST)]);
    at(sigmoid, &[(0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0), (17.33, 1.0), (-104.0, 0.0), (NAN, NAN)]);
    at(sigmoid, &[(f32::MAX, 1.0), (f32::MIN, 0.0), (-103.0, SMALLEST), (SMALLEST, 0.5)]);
}

#[test]
fn rsqrt_at_the_edges() {
    at(rsqrt, &[(0.0, INF), (-0.0, -INF), (INF, 0.0), (-1.0, NAN), (-INF, NAN), (NAN, NAN), (4.0, 0.5)]);
}

/// What the exact GELU is made of: no relative error grows in the tail.
#[test]
fn the_normal_tail_keeps_its_relative_accuracy() {
    let (mut worst, mut density) = (0.0, 0.0);
    for i in 0..130_000 {
        let a = i as f32 * 1e-4;
        let x = f64::from(a);
        let q = 0.5 * libm::erfc(x / std::f64::consts::SQRT_2);
        worst = f64::max(worst, ulps(gaussian(a) * scaled_tail(a), q));
        density = f64::max(density, ulps(gaussian(a), (-0.5 * x * x).exp()));
    }
    println!("normal tail: at most {worst:.2} ULP, its exponential {density:.2}");
    assert!(worst < 6.0 && density < 1.0);
}
