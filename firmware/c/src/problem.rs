//! What is wrong with a network, in core's words.

use crate::fault::ErrorText;
use flatgrad_core::net::{NetError, Problem};

/// Whether a layer is to blame.
pub(crate) fn names_layer(e: &NetError) -> bool {
    !matches!(e.problem, Problem::NoLayers | Problem::TooManyLayers { .. }) && e.kind != "network"
}

pub(crate) fn describe<'t>(e: &NetError, t: &'t mut ErrorText) -> &'t mut ErrorText {
    match e.problem {
        Problem::NoLayers => return t.str("the network has no layers"),
        Problem::TooManyLayers { max } => return t.str("the network has more than ").num(max).str(" layers"),
        _ => t.str("layer ").num(e.layer).str(" (").str(e.kind).str("): "),
    };
    match e.problem {
        Problem::Zero { what } => t.str(what).str(" must be at least 1"),
        Problem::KernelDoesNotFit { kernel, image } => {
            t.str("kernel ").dims(&kernel).str(" does not fit the padded image ").dims(&image)
        }
        Problem::Groups { groups, inputs, outputs } => {
            t.num(groups).str(" groups do not divide ").num(inputs).str(" to ").num(outputs).str(" channels")
        }
        Problem::PoolPadding { kernel, padding } => {
            t.str("padding ").dims(&padding).str(" is more than half the kernel ").dims(&kernel)
        }
        Problem::NotFlat { input } => {
            t.str("the input is an image, ").dims(&input).str("; put a flatten layer before it")
        }
        Problem::Parameter { what } => t.str(what),
        Problem::NoSuchOption { option } => t.str("has no option ").str(option),
        Problem::EmptyBlock => t.str("a residual block needs layers that compute something"),
        Problem::Shapes { body, shortcut } => {
            t.str("the body gives ").dims(&body).str(", the shortcut ").dims(&shortcut)
        }
        Problem::Overflow => t.str("a size overflows"),
        Problem::OverBudget { needed, budget } => {
            t.str("sets the peak: the plan needs ").num(needed).str(" bytes, the budget is ").num(budget)
        }
        _ => t.str("does not fit"),
    }
}
