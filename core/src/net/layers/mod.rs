//! The layers: one file each, and here the only matches over their kinds.
//!
//! A layer's file has the functions that build and configure it, its part of [`Parts`], and what the matches below ask:
//! [`About`], the shape of its output, its [`Cost`], the code that it needs, its parameters by name, its passes.

mod about;
mod activation;
pub(super) mod add;
mod avg_pool;
mod batch_norm;
mod conv2d;
mod dense;
mod dropout;
mod flatten;
mod global_avg_pool;
mod group_norm;
mod layer_norm;
mod max_pool;
mod pass;
mod rms_norm;
mod shapes;
mod slot;
mod softmax;

pub(super) use about::{About, Cost, Drawn};
pub(super) use pass::{Backward, Forward, Mode, Noise, Pass, Span, Step, Training, halves_mut, range};
pub(super) use shapes::{Shapes, product};
pub use slot::Slot;
pub(super) use slot::{EXTERNAL, Gradient, Needs};

use super::describe::{Kind, Layer};
use super::linked::{Linked, Parts};
use crate::activation::Activation;
use crate::error::{Problem, Result};
use crate::keys::{Keys, Value};
use pass::{NOT_LINKED, halves, some};

/// All layers that are no activation, with the defaults of their parameters; a size of 0 must be given.
const ALL: [Layer; 14] = [
    Layer::conv2d(0, 0),
    Layer::dense(0),
    Layer::batch_norm(),
    Layer::group_norm(0),
    Layer::instance_norm(),
    Layer::layer_norm(),
    Layer::rms_norm(),
    Layer::max_pool(0),
    Layer::avg_pool(0),
    Layer::global_avg_pool(),
    Layer::softmax(),
    Layer::log_softmax(),
    Layer::flatten(),
    Layer::dropout(0.5),
];

impl Layer<'static> {
    /// All layers but blocks, with the defaults of their parameters; a size of 0 stands for one that has none. Their
    /// names are those of their kinds ([`Kind::name`]).
    ///
    /// ```
    /// use flatgrad_core::net::Layer;
    /// assert!(Layer::all().any(|layer| layer == Layer::gelu()));
    /// ```
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.into_iter().chain(Activation::ALL.into_iter().map(Layer::activation))
    }
}

impl Kind {
    /// What there is to know of it without its input.
    pub(super) const fn about(&self) -> About {
        match self {
            Self::Conv2d { .. } => conv2d::ABOUT,
            Self::Dense { .. } => dense::ABOUT,
            Self::BatchNorm { .. } => batch_norm::ABOUT,
            Self::GroupNorm { groups: Some(_), .. } => group_norm::GROUP,
            Self::GroupNorm { groups: None, .. } => group_norm::INSTANCE,
            Self::LayerNorm { .. } => layer_norm::ABOUT,
            Self::RmsNorm { .. } => rms_norm::ABOUT,
            Self::Activation(function) => activation::about(*function),
            Self::Softmax => softmax::ABOUT,
            Self::LogSoftmax => softmax::ABOUT_LOG,
            Self::MaxPool2d { .. } => max_pool::ABOUT,
            Self::AvgPool2d { .. } => avg_pool::ABOUT,
            Self::GlobalAvgPool => global_avg_pool::ABOUT,
            Self::Flatten => flatten::ABOUT,
            Self::Dropout { .. } => dropout::ABOUT,
            Self::Add => add::ABOUT,
        }
    }

    /// The kind's name in tables and messages.
    pub const fn name(&self) -> &'static str {
        self.about().name
    }

    /// Its parameters by the names that they have in files.
    pub const fn keys(&self) -> Keys {
        match *self {
            Self::Conv2d { .. } => conv2d::keys(self),
            Self::Dense { outputs, bias } => dense::keys(outputs, bias),
            Self::BatchNorm { eps, momentum } => batch_norm::keys(eps, momentum),
            Self::GroupNorm { groups, eps, affine } => group_norm::keys(groups, eps, affine),
            Self::LayerNorm { eps, affine } => layer_norm::keys(eps, affine),
            Self::RmsNorm { eps, affine } => rms_norm::keys(eps, affine),
            Self::Activation(function) => function.keys(),
            Self::MaxPool2d { kernel, stride, padding } => max_pool::keys(kernel, stride, padding),
            Self::AvgPool2d { kernel, stride, padding, count_include_pad } => {
                avg_pool::keys(kernel, stride, padding, count_include_pad)
            }
            Self::Dropout { p, form } => dropout::keys(p, form),
            Self::Softmax | Self::LogSoftmax | Self::GlobalAvgPool | Self::Flatten | Self::Add => Keys::NONE,
        }
    }

    /// The same with other values, in the order of [`Kind::keys`]; `None` if they are not those of its keys.
    ///
    /// ```
    /// use flatgrad_core::net::{Layer, Value};
    /// let dense = Layer::dense(1).kind();
    /// assert_eq!(dense.with(&[Value::Size(10), Value::Flag(false)]), Some(Layer::dense(10).no_bias().kind()));
    /// assert_eq!(dense.with(&[Value::Size(10)]), None);
    /// ```
    pub fn with(&self, values: &[Value]) -> Option<Self> {
        match self {
            Self::Conv2d { .. } => conv2d::with(values),
            Self::Dense { .. } => dense::with(values),
            Self::BatchNorm { .. } => batch_norm::with(values),
            Self::GroupNorm { .. } => group_norm::with(values),
            Self::LayerNorm { .. } => layer_norm::with(values),
            Self::RmsNorm { .. } => rms_norm::with(values),
            Self::Activation(function) => function.with(values).map(Self::Activation),
            Self::MaxPool2d { .. } => max_pool::with(values),
            Self::AvgPool2d { .. } => avg_pool::with(values),
            Self::Dropout { .. } => dropout::with(values),
            Self::Softmax | Self::LogSoftmax | Self::GlobalAvgPool | Self::Flatten | Self::Add => {
                values.is_empty().then_some(*self)
            }
        }
    }

    /// Whether it is the end of a residual block.
    pub(super) const fn is_add(&self) -> bool {
        matches!(self, Self::Add)
    }

    /// The output's shape and the parameters' lengths of a layer on `input` (`[c, h, w]`).
    pub(super) const fn shapes(&self, input: [usize; 3]) -> Result<Shapes, Problem> {
        match *self {
            Self::Conv2d { .. } => conv2d::shapes(self, input),
            Self::Dense { outputs, bias } => dense::shapes(outputs, bias, input),
            Self::BatchNorm { eps, momentum } => batch_norm::shapes(eps, momentum, input),
            Self::GroupNorm { groups, eps, affine } => group_norm::shapes(groups, eps, affine, input),
            Self::LayerNorm { eps, affine } => layer_norm::shapes(eps, affine, input),
            Self::RmsNorm { eps, affine } => rms_norm::shapes(eps, affine, input),
            Self::Activation(function) => activation::shapes(function, input),
            Self::Softmax | Self::LogSoftmax => softmax::shapes(input),
            Self::MaxPool2d { kernel, stride, padding } | Self::AvgPool2d { kernel, stride, padding, .. } => {
                shapes::pool(input, kernel, stride, padding)
            }
            Self::GlobalAvgPool => Ok(global_avg_pool::shapes(input)),
            Self::Flatten => flatten::shapes(input),
            Self::Dropout { p, .. } => dropout::shapes(p, input),
            // Its two inputs are compared where the block is known.
            Self::Add => Ok(Shapes::same(input)),
        }
    }
}

impl Slot {
    /// What its passes take for batches of `n`.
    pub(super) const fn cost(&self, n: usize) -> Cost {
        match self.kind {
            Kind::Conv2d { .. } => conv2d::cost(self, n),
            Kind::Dense { .. } => dense::cost(self, n),
            Kind::BatchNorm { .. } => batch_norm::cost(self),
            Kind::GroupNorm { groups, .. } => group_norm::cost(self, groups),
            Kind::LayerNorm { .. } => layer_norm::COST,
            Kind::RmsNorm { .. } => rms_norm::COST,
            Kind::Activation(_) | Kind::Softmax | Kind::LogSoftmax | Kind::MaxPool2d { .. } => Cost::NONE,
            Kind::AvgPool2d { .. } | Kind::GlobalAvgPool | Kind::Flatten | Kind::Dropout { .. } => Cost::NONE,
            Kind::Add => Cost::NONE,
        }
    }

    /// What a program needs to run it on up to `batch` samples.
    pub(super) const fn needs_code(&self, batch: usize) -> Parts {
        match self.kind {
            Kind::Conv2d { .. } => conv2d::needs_code(self),
            Kind::Dense { .. } => dense::needs_code(self, batch),
            Kind::BatchNorm { .. } => Parts::BATCH_NORM,
            Kind::GroupNorm { .. } => Parts::GROUP_NORM,
            Kind::LayerNorm { .. } => Parts::LAYER_NORM,
            Kind::RmsNorm { .. } => Parts::RMS_NORM,
            Kind::Activation(function) => activation::needs_code(self, function),
            Kind::Softmax => Parts::SOFTMAX,
            Kind::LogSoftmax => Parts::LOG_SOFTMAX,
            Kind::MaxPool2d { .. } => max_pool::needs_code(self),
            Kind::AvgPool2d { .. } => Parts::AVG_POOL,
            Kind::GlobalAvgPool => Parts::GLOBAL_AVG_POOL,
            Kind::Flatten => Parts::NONE,
            Kind::Dropout { .. } => Parts::DROPOUT,
            Kind::Add => Parts::ADD,
        }
    }

    /// The weight of a layer that draws it at random; other weights are vectors of ones.
    pub(super) fn drawn(&self) -> Option<Drawn> {
        match self.kind {
            Kind::Conv2d { .. } => Some(conv2d::drawn(self)),
            Kind::Dense { .. } => Some(dense::drawn(self)),
            Kind::BatchNorm { .. } | Kind::GroupNorm { .. } | Kind::LayerNorm { .. } | Kind::RmsNorm { .. } => None,
            Kind::Activation(_) | Kind::Softmax | Kind::LogSoftmax | Kind::MaxPool2d { .. } => None,
            Kind::AvgPool2d { .. } | Kind::GlobalAvgPool | Kind::Flatten | Kind::Dropout { .. } => None,
            Kind::Add => None,
        }
    }
}

/// The forward pass of one layer. What is not linked has been refused: the guards only tell the compiler.
pub(super) fn forward<L: Linked>(pass: &Pass, t: Forward, mode: &mut Mode) -> Result {
    let has = |part| L::PARTS.has(part);
    match pass.slot.kind {
        Kind::Conv2d { .. } if has(Parts::CONV) => conv2d::forward::<L>(pass, t),
        Kind::Dense { .. } if has(Parts::DENSE_LAYER) => dense::forward::<L>(pass, t),
        Kind::BatchNorm { eps, momentum } if has(Parts::BATCH_NORM) => {
            batch_norm::forward(pass, eps, momentum, t, mode)?
        }
        Kind::GroupNorm { groups, eps, .. } if has(Parts::GROUP_NORM) => group_norm::forward(pass, groups, eps, t)?,
        Kind::LayerNorm { eps, .. } if has(Parts::LAYER_NORM) => layer_norm::forward(pass, eps, t)?,
        Kind::RmsNorm { eps, .. } if has(Parts::RMS_NORM) => rms_norm::forward(pass, eps, t)?,
        Kind::Activation(_) if pass.slot.fused => {} // the layer before it has done it
        Kind::Activation(Activation::Relu) if has(Parts::RELU_ALONE) => activation::forward(pass, Activation::Relu, t),
        Kind::Activation(function) if has(Parts::FUNCTIONS) => activation::forward(pass, function, t),
        Kind::Softmax if has(Parts::SOFTMAX) => softmax::forward(pass, t)?,
        Kind::LogSoftmax if has(Parts::LOG_SOFTMAX) => softmax::log_forward(pass, t)?,
        Kind::MaxPool2d { .. } if has(Parts::POOL) => max_pool::forward::<L>(pass, t),
        Kind::AvgPool2d { .. } if has(Parts::AVG_POOL) => avg_pool::forward(pass, t)?,
        Kind::GlobalAvgPool if has(Parts::GLOBAL_AVG_POOL) => global_avg_pool::forward(pass, t)?,
        Kind::Flatten => {}
        Kind::Dropout { p, form } if has(Parts::DROPOUT) => dropout::forward(pass, p, form, t, mode)?,
        Kind::Add if has(Parts::ADD) => add::forward(pass, t)?,
        Kind::Conv2d { .. }
        | Kind::Dense { .. }
        | Kind::BatchNorm { .. }
        | Kind::GroupNorm { .. }
        | Kind::LayerNorm { .. }
        | Kind::RmsNorm { .. }
        | Kind::Activation(_)
        | Kind::Softmax
        | Kind::LogSoftmax
        | Kind::MaxPool2d { .. }
        | Kind::AvgPool2d { .. }
        | Kind::GlobalAvgPool
        | Kind::Dropout { .. }
        | Kind::Add => return NOT_LINKED,
    }
    Ok(())
}

/// The backward pass of one layer.
pub(super) fn backward<L: Linked>(pass: &Pass, step: Step, t: Backward) -> Result {
    let has = |part| L::PARTS.has(part);
    match pass.slot.kind {
        Kind::Conv2d { .. } if has(Parts::CONV) => conv2d::backward::<L>(pass, step, t),
        Kind::Dense { .. } if has(Parts::DENSE_LAYER) => dense::backward::<L>(pass, step, t),
        Kind::BatchNorm { eps, momentum } if has(Parts::BATCH_NORM) => {
            batch_norm::backward(pass, eps, momentum, step, t)?
        }
        Kind::GroupNorm { groups, eps, .. } if has(Parts::GROUP_NORM) => {
            group_norm::backward(pass, groups, eps, step, t)?
        }
        Kind::LayerNorm { eps, .. } if has(Parts::LAYER_NORM) => layer_norm::backward(pass, eps, step, t)?,
        Kind::RmsNorm { eps, .. } if has(Parts::RMS_NORM) => rms_norm::backward(pass, eps, step, t)?,
        Kind::Activation(Activation::Relu) if has(Parts::RELU_ALONE) => activation::backward(pass, Activation::Relu, t),
        Kind::Activation(Activation::Relu) if has(Parts::RELU_IN_PLACE) => activation::fused_backward(pass, t),
        Kind::Activation(function) if has(Parts::FUNCTIONS) => activation::backward(pass, function, t),
        Kind::Softmax if has(Parts::SOFTMAX) => softmax::backward(pass, t)?,
        Kind::LogSoftmax if has(Parts::LOG_SOFTMAX) => softmax::log_backward(pass, t)?,
        Kind::MaxPool2d { .. } if has(Parts::POOL) => max_pool::backward::<L>(pass, t),
        Kind::AvgPool2d { .. } if has(Parts::AVG_POOL) => avg_pool::backward(pass, t)?,
        Kind::GlobalAvgPool if has(Parts::GLOBAL_AVG_POOL) => global_avg_pool::backward(pass, t)?,
        Kind::Dropout { p, form } if has(Parts::DROPOUT) => dropout::backward(pass, p, form, step, t)?,
        // The gradients of an addition are joined where both inputs are known.
        Kind::Flatten | Kind::Add => {}
        Kind::Conv2d { .. }
        | Kind::Dense { .. }
        | Kind::BatchNorm { .. }
        | Kind::GroupNorm { .. }
        | Kind::LayerNorm { .. }
        | Kind::RmsNorm { .. }
        | Kind::Activation(_)
        | Kind::Softmax
        | Kind::LogSoftmax
        | Kind::MaxPool2d { .. }
        | Kind::AvgPool2d { .. }
        | Kind::GlobalAvgPool
        | Kind::Dropout { .. } => return NOT_LINKED,
    }
    Ok(())
}
