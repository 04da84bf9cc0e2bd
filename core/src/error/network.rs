//! What can be wrong with a network description, in words that name the layer.

use super::text::Text;
use core::fmt;

/// Why a network description or its memory plan was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetError {
    /// Index of the layer, counted from 0; means nothing where no layer is to blame (the input, the configuration, too
    /// many layers).
    pub layer: usize,
    /// The layer's kind, such as `conv2d`.
    pub kind: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a layer or a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A size that must be at least 1 is 0.
    Zero {
        /// Which size.
        what: &'static str,
    },
    /// The kernel is larger than the padded image.
    KernelDoesNotFit {
        /// Height and width that the kernel covers, dilation included.
        kernel: [usize; 2],
        /// The padded image's height and width.
        image: [usize; 2],
    },
    /// The groups do not divide the channels.
    Groups {
        /// The groups asked for.
        groups: usize,
        /// Channels that come in.
        inputs: usize,
        /// Channels that go out.
        outputs: usize,
    },
    /// The padding of a pooling layer is more than half its kernel.
    PoolPadding {
        /// The kernel.
        kernel: [usize; 2],
        /// The padding.
        padding: [usize; 2],
    },
    /// A dense layer gets an image; a flatten layer belongs before it.
    NotFlat {
        /// The shape that comes in.
        input: [usize; 3],
    },
    /// A hyper-parameter is outside its range.
    Parameter {
        /// Which, and its range.
        what: &'static str,
    },
    /// An option was set on a layer that does not have it.
    NoSuchOption {
        /// The option.
        option: &'static str,
    },
    /// Nothing is computed in the body of a residual block.
    EmptyBlock,
    /// Body and shortcut of a residual block give different shapes.
    Shapes {
        /// The body's output.
        body: [usize; 3],
        /// The shortcut's output, or the block's input.
        shortcut: [usize; 3],
    },
    /// There are more layers than a plan can hold.
    TooManyLayers {
        /// The most there may be.
        max: usize,
    },
    /// The network has no layers.
    NoLayers,
    /// A size overflows `usize`.
    Overflow,
    /// The plan needs more memory than allowed.
    OverBudget {
        /// Bytes needed.
        needed: usize,
        /// Bytes allowed.
        budget: usize,
    },
}

impl NetError {
    /// The message; `const`, so that it can be a compile error, and without `core::fmt`, which is large.
    ///
    /// ```
    /// use flatgrad_core::net::{Layer, Net};
    /// let error = Net::try_new([1, 4, 4], &[Layer::max_pool(5)]).unwrap_err();
    /// assert_eq!(error.text().as_str(), "layer 0 (max_pool2d): kernel 5x5 does not fit the padded image 4x4");
    /// ```
    pub const fn text(&self) -> Text {
        let mut text = Text::new();
        match self.problem {
            Problem::NoLayers | Problem::TooManyLayers { .. } => &mut text,
            _ => text.str("layer ").num(self.layer).str(" (").str(self.kind).str("): "),
        };
        self.problem.tell(&mut text);
        text
    }
}

impl Problem {
    const fn tell(&self, t: &mut Text) {
        match *self {
            Problem::NoLayers => t.str("the network has no layers"),
            Problem::TooManyLayers { max } => t.str("the network has more than ").num(max).str(" layers"),
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
        };
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl core::error::Error for NetError {}

impl From<NetError> for crate::Error {
    fn from(e: NetError) -> Self {
        Self::Net(e)
    }
}
