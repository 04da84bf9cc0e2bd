//! How a function is computed: a type per [`Function`](super::Function), so that no loop has to ask which it is.

use crate::simd::Simd;

/// One element, forward and backward.
pub(super) trait Formula: Copy + Sync {
    /// `f(x)`
    fn forward<S: Simd>(self, s: S, x: S::V) -> S::V;
    /// `dy f'(x)`; `saved` is what [`Function::saved`](super::Function::saved) says.
    fn backward<S: Simd>(self, s: S, saved: S::V, dy: S::V) -> S::V;
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
            Softplus { beta, threshold } => sigmoid::Softplus { beta, threshold },
            Gelu => gelu::Gelu,
            GeluTanh => gelu::GeluTanh,
        )
    };
    ($function:expr, |$f:ident| $body:expr, $($name:ident $({ $($field:ident),* })? => $file:ident::$formula:ident $({ $($value:ident),* })?,)*) => {
        match $function {
            $(Function::$name $({ $($field),* })? => {
                let $f = $crate::activation::$file::$formula $({ $($value),* })?;
                $body
            })*
        }
    };
}
pub(super) use with_formula;
