//! The functions and their parameters.

use crate::error::{Result, check_param};
use crate::keys::{Keys, Value};

/// A function applied to each element; names, formulas and defaults are PyTorch's (`torch.nn`).
///
/// | function | `y` | `dy/dx` | saved |
/// |---|---|---|---|
/// | `Relu` | `max(0, x)` | 1 if `y > 0`, else 0 | output |
/// | `LeakyRelu { slope }` | `x` if `x > 0`, else `slope x` | 1 if `y > 0`, else `slope` | output, `slope >= 0` |
/// | `Elu { alpha }` | `x` if `x > 0`, else `alpha (e^x - 1)` | 1 if `y > 0`, else `y + alpha` | output, `alpha >= 0` |
/// | `Sigmoid` | `1 / (1 + e^-x)` | `(1 - y) y` | output |
/// | `Tanh` | `tanh x` | `1 - y^2` | output |
/// | `Gelu` | `x Phi(x)`, `Phi(x) = (1 + erf(x / sqrt 2)) / 2` | `Phi(x) + x Phi'(x)` | input |
/// | `GeluTanh` | `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2` | | input |
/// | `Silu` | `x sigmoid(x)` | `s (1 + x (1 - s))`, `s = sigmoid(x)` | input |
/// | `HardSwish` | `x min(max(x + 3, 0), 6) / 6` | 0, `x / 3 + 1/2`, 1 | input |
/// | `Mish` | `x tanh(ln(1 + e^x))` | `t + x (1 - t^2) sigmoid(x)`, `t = tanh(ln(1 + e^x))` | input |
/// | `Softplus { beta, .. }` | `ln(1 + e^(beta x)) / beta`, `x` above the threshold | `sigmoid(beta x)`, 1 | input |
///
/// A NaN gives NaN, and nothing else does, infinities included: where PyTorch multiplies an infinity by zero (`Gelu`,
/// `GeluTanh`, `Silu`, `HardSwish` and `Mish` of negative infinity, and the derivatives of the first three at both
/// infinities), the limit stands here: -0, and the derivatives 0 and 1. (The exception: `LeakyRelu` with slope 0 of
/// negative infinity; `Relu` is meant for that.) The derivatives of `Relu` and `HardSwish` at a NaN are 0 and 1, as
/// written there.
///
/// ```
/// use flatgrad_core::{Context, Isa, activation::{Activation, activate}};
/// let (x, mut y) = ([-1.0, 0.5, 2.0], [0.0; 3]);
/// let ctx = Context::serial(Isa::detect());
/// activate(ctx, Activation::Relu, &x, &mut y)?;
/// assert_eq!(y, [0.0, 0.5, 2.0]);
/// activate(ctx, Activation::leaky_relu(0.25), &x, &mut y)?;
/// assert_eq!(y, [-0.25, 0.5, 2.0]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// `y = if 0 > x { 0 } else { x }`: a NaN and a negative zero stay what they are. `dx = if 0 < y { dy } else { 0 }`
    /// (a NaN in `y` gives 0; PyTorch lets the gradient through there).
    Relu,
    /// `y = if 0 < x { x } else { slope * x }`, `dx = if 0 < saved { dy } else { dy * slope }` (Maas et al., "Rectifier
    /// nonlinearities improve neural network acoustic models", 2013).
    LeakyRelu {
        /// PyTorch's `negative_slope`, 0.01 by default; finite. If it is negative, the output does not tell the sign of
        /// the input, and the input is saved.
        slope: f32,
    },
    /// `y = if 0 < x { x } else { alpha * expm1(x) }`, `dx = if 0 < y { dy } else { dy * (y + alpha) }`, or
    /// `dy * (alpha * exp(x))` from the input (Clevert et al., "Fast and accurate deep network learning by exponential
    /// linear units", 2016).
    Elu {
        /// 1 by default; finite. If it is negative, the input is saved.
        alpha: f32,
    },
    /// [`math::sigmoid`](crate::math::sigmoid); `dx = dy * ((1 - y) * y)`.
    Sigmoid,
    /// [`math::tanh`](crate::math::tanh); `dx = dy * (1 - y * y)`.
    Tanh,
    /// The exact one (Hendrycks and Gimpel, "Gaussian error linear units", 2016). With `a = min(|x|, 15)`,
    /// `e = exp(-a^2 / 2)` and `Q(a) = 1 - Phi(a) = e * t(a)`
    /// ([`reference::math::scaled_tail`](crate::reference::math::scaled_tail)): `y = max(x, -15) * Q` for a negative
    /// `x`, else `x * (1 - Q)`; `dx = dy * d` with `d = e * (t - a / sqrt(2 pi))` for a negative `x`, else
    /// `dy * (1 - d)`. So the negative tail keeps a relative error of some 1e-6 down to the smallest numbers, where
    /// `1 + erf` has lost everything at -5.5.
    Gelu,
    /// PyTorch's `approximate='tanh'`, computed without the cancelling sum: `(1 + tanh(u)) / 2 = sigmoid(2 u)`, so
    /// `y = max(x, -16) * s`, `s = sigmoid(x * (a + b * x^2))`, `a = 2 sqrt(2 / pi)`, `b = 0.044715 a`;
    /// `dx = dy * (s * (1 + x * (1 - s) * (a + 3 * b * x^2)))` with `x` between -16 and 16.
    GeluTanh,
    /// `y = max(x, -104) * sigmoid(x)`; `dx = dy * (s * (1 + x * (1 - s)))` with `x` between -104 and 104, where
    /// `s = sigmoid(x)` has reached 0 and 1 (also called swish; Elfwing et al., "Sigmoid-weighted linear units for
    /// neural network function approximation in reinforcement learning", 2018).
    Silu,
    /// `y = max(x, -3) * (min(x + 3, 6) / 6)`; `dx = dy * d`, `d = 0` up to -3, `x / 3 + 0.5` below 3, 1 from there on
    /// (and for a NaN) (Howard et al., "Searching for MobileNetV3", 2019).
    HardSwish,
    /// Misra, "Mish: a self regularized non-monotonic activation function", 2019. With `e = exp(-|x|)`, `a = e^2 + 2 e`
    /// and `d = a + 2` for a negative `x`, else `a = 1 + 2 e` and `d = a + 2 e^2`, which are `t = a / d` without
    /// cancellation: `y = max(x, -104) * (a / d)`; `dx = dy * (a / d + x * (4 * (e * (1 + e)) / (d * d)))` with `x`
    /// between -104 and 104, and another factor `e` behind the 4 unless `x` is negative.
    Mish,
    /// `z = beta * x`; `y = if threshold < z { x } else { (max(z, 0) + log1p(exp(-|z|))) / beta }`, which cannot
    /// overflow; `dx = if threshold < z { dy } else { dy * sigmoid(z) }`.
    Softplus {
        /// How sharp the bend is, 1 by default; finite and positive.
        beta: f32,
        /// Above it `beta x` is taken for the result, 20 by default; not negative, infinity is allowed.
        threshold: f32,
    },
}

/// What a function's backward pass needs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The input `x`.
    Input,
    /// The output `y`: the function may work in place.
    Output,
}

impl Activation {
    /// All of them, with PyTorch's parameters.
    pub const ALL: [Self; 11] = [
        Self::Relu,
        Self::LEAKY_RELU,
        Self::ELU,
        Self::Sigmoid,
        Self::Tanh,
        Self::Gelu,
        Self::GeluTanh,
        Self::Silu,
        Self::HardSwish,
        Self::Mish,
        Self::SOFTPLUS,
    ];

    /// [`Activation::LeakyRelu`] with PyTorch's slope, 0.01.
    pub const LEAKY_RELU: Self = Self::leaky_relu(0.01);
    /// [`Activation::Elu`] with PyTorch's alpha, 1.
    pub const ELU: Self = Self::elu(1.0);
    /// [`Activation::Softplus`] with PyTorch's beta, 1, and threshold, 20.
    pub const SOFTPLUS: Self = Self::softplus(1.0, 20.0);

    /// [`Activation::LeakyRelu`]
    pub const fn leaky_relu(slope: f32) -> Self {
        Self::LeakyRelu { slope }
    }

    /// [`Activation::Elu`]
    pub const fn elu(alpha: f32) -> Self {
        Self::Elu { alpha }
    }

    /// [`Activation::Softplus`]
    pub const fn softplus(beta: f32, threshold: f32) -> Self {
        Self::Softplus { beta, threshold }
    }

    /// What [`activate_backward`](super::activate_backward) needs as `saved`: the output where the derivative follows
    /// from it.
    ///
    /// ```
    /// use flatgrad_core::activation::{Activation, Saved};
    /// assert_eq!(Activation::Tanh.saved(), Saved::Output);
    /// assert_eq!(Activation::leaky_relu(-0.1).saved(), Saved::Input);
    /// ```
    pub const fn saved(&self) -> Saved {
        match self {
            Self::Relu | Self::Sigmoid | Self::Tanh => Saved::Output,
            Self::LeakyRelu { slope: of_negative } | Self::Elu { alpha: of_negative } if *of_negative >= 0.0 => {
                Saved::Output
            }
            Self::LeakyRelu { .. } | Self::Elu { .. } => Saved::Input,
            Self::Gelu | Self::GeluTanh | Self::Silu | Self::HardSwish | Self::Mish => Saved::Input,
            Self::Softplus { .. } => Saved::Input,
        }
    }

    /// The name in tables and messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Elu { .. } => "elu",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_tanh",
            Self::Silu => "silu",
            Self::HardSwish => "hard_swish",
            Self::Mish => "mish",
            Self::Softplus { .. } => "softplus",
        }
    }

    /// Its parameters by name.
    ///
    /// ```
    /// use flatgrad_core::{Value, activation::Activation};
    /// assert!(Activation::ELU.keys().iter().eq([("alpha", Value::Number(1.0))]));
    /// ```
    pub const fn keys(&self) -> Keys {
        match *self {
            Self::LeakyRelu { slope } => Keys::NONE.and("slope", Value::Number(slope)),
            Self::Elu { alpha } => Keys::NONE.and("alpha", Value::Number(alpha)),
            Self::Softplus { beta, threshold } => {
                Keys::NONE.and("beta", Value::Number(beta)).and("threshold", Value::Number(threshold))
            }
            Self::Relu
            | Self::Sigmoid
            | Self::Tanh
            | Self::Gelu
            | Self::GeluTanh
            | Self::Silu
            | Self::HardSwish
            | Self::Mish => Keys::NONE,
        }
    }

    /// The same with other values, in the order of [`Activation::keys`]; `None` if they are not those of its keys.
    ///
    /// ```
    /// use flatgrad_core::{Value, activation::Activation};
    /// assert_eq!(Activation::ELU.with(&[Value::Number(0.5)]), Some(Activation::elu(0.5)));
    /// assert_eq!(Activation::Relu.with(&[Value::Number(0.5)]), None);
    /// ```
    pub const fn with(&self, values: &[Value]) -> Option<Self> {
        match (*self, values) {
            (Self::LeakyRelu { .. }, [Value::Number(slope)]) => Some(Self::LeakyRelu { slope: *slope }),
            (Self::Elu { .. }, [Value::Number(alpha)]) => Some(Self::Elu { alpha: *alpha }),
            (Self::Softplus { .. }, [Value::Number(beta), Value::Number(threshold)]) => {
                Some(Self::Softplus { beta: *beta, threshold: *threshold })
            }
            (Self::LeakyRelu { .. } | Self::Elu { .. } | Self::Softplus { .. }, _) => None,
            (plain, []) => Some(plain),
            _ => None,
        }
    }

    /// Whether the parameters make sense: slope and alpha finite, beta finite and positive, threshold not negative.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`](crate::Error::Parameter) with the name of the first that does not.
    ///
    /// ```
    /// use flatgrad_core::activation::Activation;
    /// assert!(Activation::SOFTPLUS.check().is_ok());
    /// assert!(Activation::softplus(0.0, 20.0).check().is_err());
    /// ```
    pub const fn check(&self) -> Result {
        match *self {
            Self::LeakyRelu { slope } => check_param(slope.is_finite(), "slope", "finite", slope),
            Self::Elu { alpha } => check_param(alpha.is_finite(), "alpha", "finite", alpha),
            Self::Softplus { beta, threshold } => {
                match check_param(beta.is_finite() && beta > 0.0, "beta", "finite and positive", beta) {
                    Ok(()) => check_param(threshold >= 0.0, "threshold", "not negative", threshold),
                    e => e,
                }
            }
            Self::Relu
            | Self::Sigmoid
            | Self::Tanh
            | Self::Gelu
            | Self::GeluTanh
            | Self::Silu
            | Self::HardSwish
            | Self::Mish => Ok(()),
        }
    }
}

/// Evaluates `$body`, in which `$f` is the formula of `$function`: the body is compiled once for each of them.
macro_rules! with_formula {
    ($function:expr, |$f:ident| $body:expr) => {
        with_formula!($function, |$f| $body,
            Relu => rectified::Relu,
            LeakyRelu { slope } => rectified::LeakyRelu { slope },
            Elu { alpha } => rectified::Elu { alpha },
            HardSwish => rectified::HardSwish,
            Sigmoid => sigmoid::Sigmoid,
            Tanh => sigmoid::Tanh,
            Silu => sigmoid::Silu,
            Mish => sigmoid::Mish,
            Softplus { beta, threshold } => sigmoid::Softplus { beta, threshold },
            Gelu => gelu::Gelu,
            GeluTanh => gelu::GeluTanh,
        )
    };
    ($function:expr, |$f:ident| $body:expr, $($name:ident $({ $($field:ident),* })? => $file:ident::$formula:ident $({ $($value:ident),* })?,)*) => {
        match $function {
            $(Activation::$name $({ $($field),* })? => {
                let $f = $crate::activation::$file::$formula $({ $($value),* })?;
                $body
            })*
        }
    };
}
pub(super) use with_formula;
