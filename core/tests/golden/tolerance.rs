//! All tolerances in one place.

/// `|got - want| <= relative * max(|want|, floor * the tensor's largest |want|)`.
pub struct Tolerance {
    pub relative: f32,
    pub floor: f32,
}

/// All tolerances, and why: some three times the measured difference (`GOLDEN_DIFFERENCES=1 cargo test --test golden -- --nocapture` prints it). They can be tight, since our bits are the same on every machine.
pub fn tolerance(what: &str) -> Tolerance {
    let (relative, floor) = match what {
        // Chains of up to 45 roundings against f64; terms cancel, so relative to the largest element. Measured 4.6e-7.
        "product" => (1.5e-6, 1.0),
        // Two sums, a root and a division; dx subtracts nearly equal terms. Measured 1.3e-7.
        "batch_norm" => (4e-7, 1.0),
        // An ULP of the mean, 6e-5, is what every deviation from it may be wrong by. Measured 6.2e-5.
        "batch_norm, large mean" => (2e-4, 1.0),
        // Comparisons, and additions of few terms in another order. Measured 1.1e-7.
        "max_pool2d" => (4e-7, 1.0),
        // One exp of 2 ULP, a sum of ten, a logarithm. Measured 2.7e-7.
        "cross_entropy" => (1e-6, 1e-3),
        // Fifty steps in f32, in which PyTorch fuses multiply and add here and there; "exact": the same steps in f64, rounded
        // once. What is furthest off is an average whose terms cancel. Measured 6.7e-7 and 5.5e-6,
        "sgd" => (2e-6, 1e-2),
        "sgd, exact" => (1.7e-5, 1e-2),
        // 3.8e-6 and 2.8e-6 (parameters alone: 5.8e-7 and 2.8e-6),
        "adam" => (1.2e-5, 1e-2),
        "adam, exact" => (9e-6, 1e-2),
        // 1.2e-6 and 6.9e-7,
        "adagrad" => (4e-6, 1e-2),
        "adagrad, exact" => (2e-6, 1e-2),
        // 5.0e-6 and 7.2e-6 (a buffer of signs that cancel; parameters alone 2.8e-6 and 2.9e-6),
        "rmsprop" => (1.5e-5, 1e-2),
        "rmsprop, exact" => (2.2e-5, 1e-2),
        // 9.4e-7 and 4.1e-6.
        "rmsprop, centered" => (3e-6, 1e-2),
        "rmsprop, centered, exact" => (1.3e-5, 1e-2),
        // Fifty roundings that fade. Measured 1.1e-7.
        "ema" => (4e-7, 1e-2),
        // A sum of 3050 squares in another order. Measured 2.2e-7.
        "clip" => (7e-7, 1e-2),
        "clip_by_value" => (0.0, 0.0),
        // Ten steps: sums in other orders, then divided by small second moments. Measured 1.1e-7 and 1.0e-7.
        "train10 loss" => (1e-6, 0.0),
        "train10 weights" => (4e-7, 1.0),
        _ => panic!("no tolerance for {what}"),
    };
    Tolerance { relative, floor }
}
