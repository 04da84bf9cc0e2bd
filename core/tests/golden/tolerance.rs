//! All tolerances in one place.

/// `|got - want| <= relative * max(|want|, floor * the tensor's largest |want|)`.
pub struct Tolerance {
    pub relative: f32,
    pub floor: f32,
}

/// All tolerances, and why: some three times the measured difference
/// (`GOLDEN_DIFFERENCES=1 cargo test --test golden -- --nocapture` prints it). They can be tight, since our bits are
/// the same on every machine.
pub fn tolerance(what: &str) -> Tolerance {
    let (relative, floor) = match what {
        // Chains of up to 111 roundings against f64; terms cancel, so relative to the largest element. Measured 3.7e-7.
        "product" => (1.5e-6, 1.0),
        // Two sums, a root and a division; dx subtracts nearly equal terms. Measured 1.3e-7.
        "batch_norm" => (4e-7, 1.0),
        // An ULP of the mean, 6e-5, is what every deviation from it may be wrong by. Measured 6.2e-5.
        "batch_norm, large mean" => (2e-4, 1.0),
        // Group, layer and RMS normalization: the same operations. Measured 1.5e-7.
        "norm" => (5e-7, 1.0),
        // Half an ULP of the mean, 3e-5, is what every deviation from it may be wrong by. Measured 2.1e-5.
        "norm, large mean" => (6e-5, 1.0),
        // Comparisons, and additions of few terms in another order. Measured 1.1e-7.
        "max_pool2d" => (4e-7, 1.0),
        // Sums of up to nine terms and a division; dx takes the reciprocal. Measured 1.3e-7.
        "avg_pool2d" => (4e-7, 1.0),
        // One exp of 2 ULP, a sum of ten, a logarithm. Measured 2.7e-7.
        "cross_entropy" => (1e-6, 1e-3),
        // Comparisons, and a slope that f32 rounds. Measured 0 and 1.1e-7.
        "relu" | "relu backward" => (0.0, 1.0),
        "leaky_relu" | "leaky_relu backward" => (3e-7, 0.0),
        // Vector functions of at most 2 ULP, 2.4e-7, and a multiplication. Measured 1.2e-7.
        "math" | "elu" | "sigmoid" | "tanh" | "hard_swish" => (4e-7, 0.0),
        // At -90 the sigmoid is subnormal. Measured 4.1e-7.
        "silu" => (1.2e-6, 0.0),
        // An exponential and a division. Measured 2.0e-7.
        "mish" => (6e-7, 0.0),
        // In the far tail PyTorch's own sum cancels, in f64. Measured 1.8e-7.
        "gelu" => (6e-7, 1e-8),
        // What is rounded before an exponential: up to 250, up to 200. Measured 1.7e-6 and 1.1e-6.
        "gelu_tanh" => (5e-6, 1e-8),
        "softplus" => (4e-6, 0.0),
        // `1 - y` cancels where y is near 1: relative to the largest element. Measured 6.5e-8, 3.2e-7, 2.0e-7, 2.6e-7.
        "elu backward" | "tanh backward" | "gelu backward" => (2e-7, 1.0),
        "hard_swish backward" | "softplus backward" => (2e-7, 1.0),
        "sigmoid backward" => (1e-6, 1.0),
        "silu backward" | "gelu_tanh backward" | "mish backward" => (8e-7, 1.0),
        // An exponential of a rounded difference of up to 60. Measured 3.8e-6, 7.5e-8, 5.3e-7.
        "softmax" => (1e-5, 0.0),
        "log_softmax" => (2e-7, 1.0),
        "softmax backward" | "log_softmax backward" => (1.5e-6, 1.0),
        // The same; targets between 0 and 1 nearly cancel some gradients, so relative to the largest. Measured 1.6e-7.
        "cross_entropy, soft" => (4e-7, 1.0),
        "binary_cross_entropy" => (4e-7, 1.0),
        // Sums of 161 terms; gradients have two roundings. Measured 1.5e-7.
        "regression" => (4e-7, 1e-3),
        // Fifty steps in f32: parameters and state are PyTorch's bit for bit.
        "optim" => (0.0, 0.0),
        // The same steps in f64, rounded once: what f32 costs, in PyTorch as here. What is furthest off are averages
        // whose terms cancel. Measured 1.7e-5, of Lion.
        "optim, exact" => (5e-5, 1e-2),
        // A sum of 3050 squares in another order. Measured 2.3e-7.
        "clip" => (7e-7, 1e-2),
        "clip_by_value" => (0.0, 0.0),
        // Ten steps: sums in other orders, then divided by small second moments. Measured 1.1e-7 and 1.0e-7.
        "train10 loss" => (1e-6, 0.0),
        "train10 weights" => (4e-7, 1.0),
        _ => panic!("no tolerance for {what}"),
    };
    Tolerance { relative, floor }
}
