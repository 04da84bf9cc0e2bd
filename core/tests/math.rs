//! The exponential against f64.

use flatgrad_core::reference::math::exp;

/// Units in the last place of the `f32` nearest to `want`.
fn ulps(got: f32, want: f64) -> f64 {
    let nearest = want as f32;
    let spacing = (f32::from_bits(nearest.to_bits() + 1) - nearest) as f64;
    (got as f64 - want).abs() / spacing
}

#[test]
fn exp_is_within_two_ulps_over_all_finite_inputs() {
    let (mut worst, mut at) = (0.0, 0.0);
    let mut check = |x: f32| {
        let want = (x as f64).exp();
        if !x.is_finite() || want > f32::MAX as f64 {
            return assert_eq!(exp(x).is_finite(), x < 88.8 && exp(x) == f32::MAX, "exp({x})");
        }
        let u = ulps(exp(x), want);
        if u > worst {
            (worst, at) = (u, x);
        }
    };
    // Every exponent, both signs, some thousand mantissas each; then densely where the result is not 0, 1 or infinite.
    for high in 0..512u32 {
        for low in 0..3000 {
            let x = f32::from_bits((high << 23) | (low * 2796));
            if x.is_finite() {
                check(x);
            }
        }
    }
    for i in -1_050_000..890_000 {
        check(i as f32 * 1e-4);
    }
    println!("exp: at most {worst:.3} ULP, at {at:e}");
    assert!(worst <= 2.0, "{worst} ULP at {at:e}");
    assert!(worst > 0.5, "the measure itself is broken");
}

#[test]
fn exp_at_the_edges() {
    assert_eq!(exp(0.0), 1.0);
    assert_eq!(exp(-0.0), 1.0);
    assert_eq!(exp(f32::NEG_INFINITY), 0.0);
    assert_eq!(exp(f32::MIN), 0.0);
    assert_eq!(exp(f32::INFINITY), f32::INFINITY);
    assert_eq!(exp(f32::MAX), f32::INFINITY);
    assert!(exp(f32::NAN).is_nan());
    assert!(exp(88.722).is_finite());
    assert_eq!(exp(88.73), f32::INFINITY);
    // Gradual underflow down to the smallest subnormal.
    assert_eq!(exp(-103.0), f32::from_bits(1));
    assert_eq!(exp(-104.0), 0.0);
    assert!(exp(-88.0) > 0.0 && exp(-88.0) < f32::MIN_POSITIVE);
}

#[test]
fn exp_does_not_fall() {
    let mut last = 0.0;
    for i in -1_050_000..890_000 {
        let y = exp(i as f32 * 1e-4);
        assert!(y >= last * (1.0 - 1.2e-7), "at {i}");
        last = y;
    }
}
