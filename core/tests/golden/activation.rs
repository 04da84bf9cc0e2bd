//! Activation functions, softmax, and the functions of `math`.

use super::{Golden, ctx, garbage};
use flatgrad_core::activation::{self, Activation, Saved};
use flatgrad_core::math;

fn function(kind: &str, parameters: &[f64]) -> Activation {
    let p = |i: usize| parameters[i] as f32;
    match kind {
        "relu" => Activation::Relu,
        "leaky_relu" => Activation::leaky_relu(p(0)),
        "elu" => Activation::elu(p(0)),
        "sigmoid" => Activation::Sigmoid,
        "tanh" => Activation::Tanh,
        "gelu" => Activation::Gelu,
        "gelu_tanh" => Activation::GeluTanh,
        "silu" => Activation::Silu,
        "hard_swish" => Activation::HardSwish,
        "mish" => Activation::Mish,
        "softplus" => Activation::softplus(p(0), p(1)),
        _ => panic!("{kind}"),
    }
}

#[test]
fn functions() {
    let golden = Golden::read("activation");
    for kind in Activation::ALL.map(|function| function.name()) {
        for case in golden.cases(kind) {
            let function = function(kind, &golden.numbers[&format!("{case}parameters")]);
            let (x, dy) = (golden.get(&format!("{case}x")), golden.get(&format!("{case}dy")));
            let (mut y, mut dx) = (garbage(x.len()), garbage(x.len()));
            activation::activate(ctx(), function, x, &mut y).unwrap();
            golden.check(kind, &format!("{case}y"), &y);
            let saved = if function.saved() == Saved::Input { x } else { &y };
            activation::activate_backward(ctx(), function, saved, dy, &mut dx).unwrap();
            golden.check(&format!("{kind} backward"), &format!("{case}dx"), &dx);
        }
    }
}

#[test]
fn softmaxes() {
    let golden = Golden::read("activation");
    for kind in ["softmax", "log_softmax"] {
        for case in golden.cases(kind) {
            let shape = golden.shape(&format!("{case}x"));
            let (x, dy) = (golden.get(&format!("{case}x")), golden.get(&format!("{case}dy")));
            let (mut y, mut dx) = (garbage(x.len()), garbage(x.len()));
            if kind == "softmax" {
                activation::softmax(ctx(), shape, x, &mut y).unwrap();
                activation::softmax_backward(ctx(), shape, &y, dy, &mut dx).unwrap();
            } else {
                activation::log_softmax(ctx(), shape, x, &mut y).unwrap();
                activation::log_softmax_backward(ctx(), shape, &y, dy, &mut dx).unwrap();
            }
            golden.check(kind, &format!("{case}y"), &y);
            golden.check(&format!("{kind} backward"), &format!("{case}dx"), &dx);
        }
    }
}

#[test]
fn vector_mathematics() {
    let golden = Golden::read("activation");
    let (x, positive) = (golden.get("math/x"), golden.get("math/positive"));
    let mut y = garbage(x.len());
    let mut check = |name: &str, x: &[f32], kernel: fn(_, &[f32], &mut [f32]) -> _| {
        flatgrad_core::Result::unwrap(kernel(ctx(), x, &mut y));
        golden.check("math", &format!("math/{name}"), &y);
    };
    check("exp", x, math::exp);
    check("expm1", x, math::expm1);
    check("tanh", x, math::tanh);
    check("sigmoid", x, math::sigmoid);
    check("erf", x, math::erf);
    check("log", positive, math::ln);
    check("log1p", positive, math::log1p);
    check("rsqrt", positive, math::rsqrt);
}
