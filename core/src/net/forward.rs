//! The forward pass, in training and at test time.

use super::add::{add, add_to};
use super::kind::Kind;
use super::linked::{Everything, Linked, Parts};
use super::parts::{MISSING, check_linked};
use super::pass::{Noise, Pass, halves, halves_mut, place, samples};
use super::plan::{Plan, View};
use super::slot::{EXTERNAL, Slot};
use super::work::{NOTHING, pieces, range};
use crate::activation::{Activation, Function, apply, apply_in_place, log_softmax, softmax};
use crate::conv::conv2d_planned;
use crate::dense::{Pass as Product, dense_planned};
use crate::dropout::{Dropout, dropout, dropout_in_place, dropout_infer, dropout_infer_in_place};
use crate::error::{Result, check_at_least, check_len};
use crate::gemm::{Bias, Epilogue};
use crate::machine::Context;
use crate::norm::{batch_norm_infer, batch_norm_train, group_norm, layer_norm, rms_norm};
use crate::pool::{avg_pool2d, global_avg_pool, max_pool2d_planned};
use crate::update::Update;

/// Runs a trained network: outputs `[n, outputs]` of the samples `x` `[n, c, h, w]`, in `work`.
///
/// `weights` are the first [`Plan::weights_len`] elements of a training arena (they may live in flash); the number of
/// samples follows from `x`.
///
/// # Errors
///
/// [`Error::Length`](crate::Error::Length) unless `weights` has exactly that length and `x` is a whole number of samples;
/// [`Error::Dimension`](crate::Error::Dimension) if there are more samples than the plan's batch;
/// [`Error::TooShort`](crate::Error::TooShort) if `work` is shorter than [`Plan::infer_work_len`].
///
/// # Numerics
///
/// The bits do not depend on the batch: a sample's logits are those it has alone.
///
/// ```
/// use flatgrad_core::net::{self, Config, Layer, Net, Optimizer, Plan};
/// use flatgrad_core::{Context, Isa};
/// const NET: Net = Net::new([2, 1, 1], &[Layer::dense(1)]);
/// const PLAN: Plan = Plan::new(&NET, Config::new(1, Optimizer::sgd(0.1)));
/// let weights = [2.0, 3.0, 0.5]; // a weight for each input, then the bias
/// let mut work = [0.0; PLAN.infer_work_len()];
/// let y = net::infer(Context::serial(Isa::BASELINE), &PLAN, &weights, &[10.0, 100.0], &mut work)?;
/// assert_eq!(y, [320.5]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn infer<'w>(
    ctx: Context,
    plan: &Plan<impl AsRef<[Slot]>>,
    weights: &[f32],
    x: &'w [f32],
    work: &'w mut [f32],
) -> Result<&'w [f32]> {
    run::<Everything>(ctx, plan.view(), weights, x, work)
}

/// [`infer`] in a program that contains no more than it needs.
///
/// # Errors
///
/// As [`infer`]; [`Error::NotLinked`](crate::Error::NotLinked) for a plan that needs more than `L` says.
///
/// # Numerics
///
/// As [`infer`].
///
/// ```
/// use flatgrad_core::net::{self, Config, Layer, Linked, Net, Optimizer, Parts, Plan};
/// use flatgrad_core::{Context, Isa};
/// const NET: Net = Net::new([2, 1, 1], &[Layer::dense(1)]);
/// const PLAN: Plan = Plan::new(&NET, Config::new(1, Optimizer::sgd(0.1)));
/// struct Used;
/// impl Linked for Used {
///     const PARTS: Parts = PLAN.parts();
/// }
/// let mut work = [0.0; PLAN.infer_work_len()];
/// let ctx = Context::serial(Isa::BASELINE);
/// let y = net::infer_linked::<Used>(ctx, &PLAN, &[2.0, 3.0, 0.5], &[10.0, 100.0], &mut work)?;
/// assert_eq!(y, [320.5]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn infer_linked<'w, L: Linked>(
    ctx: Context,
    plan: &Plan<impl AsRef<[Slot]>>,
    weights: &[f32],
    x: &'w [f32],
    work: &'w mut [f32],
) -> Result<&'w [f32]> {
    check_linked::<L>(plan.view(), false)?;
    run::<L>(ctx, plan.view(), weights, x, work)
}

pub(super) fn run<'w, L: Linked>(
    ctx: Context,
    plan: View,
    weights: &[f32],
    x: &'w [f32],
    work: &'w mut [f32],
) -> Result<&'w [f32]> {
    check_len("weights", plan.weights_len(), weights.len())?;
    check_at_least("work", plan.infer_work, work.len())?;
    let n = samples(plan, x)?;
    let (params, running) = weights.split_at_checked(plan.params).unwrap_or((weights, &[]));
    layers::<L>(ctx, plan, params, n, x, work, Mode::Infer { running })?;
    Ok(output(plan, n, x, work))
}

/// What differs between the forward passes.
pub(super) enum Mode<'a> {
    /// Normalization by the running averages, no dropout.
    Infer { running: &'a [f32] },
    /// Normalization by the batch's own statistics, which the running averages follow.
    Train(Training<'a>),
}

/// How a forward pass in training differs from another.
pub(super) struct Training<'a> {
    pub(super) running: &'a mut [f32],
    /// Weight of the new value in the running averages; the layer's own if there is none.
    pub(super) momentum: Option<f32>,
    /// What dropout draws; if there is none, dropout does what it does at test time.
    pub(super) noise: Option<Noise>,
}

/// The forward pass of `n` samples in training; everything the backward pass needs stays in `work`.
pub(super) fn train<L: Linked>(
    ctx: Context,
    plan: View,
    params: &[f32],
    n: usize,
    x: &[f32],
    work: &mut [f32],
    training: Training,
) -> Result {
    layers::<L>(ctx, plan, params, n, x, work, Mode::Train(training))
}

/// All forward passes, first layer first.
#[inline(never)]
fn layers<L: Linked>(
    ctx: Context,
    plan: View,
    params: &[f32],
    n: usize,
    x: &[f32],
    work: &mut [f32],
    mut mode: Mode,
) -> Result {
    let infers = matches!(mode, Mode::Infer { .. });
    for (i, slot) in plan.slots.iter().enumerate() {
        let y = |slot: &Slot| if infers { slot.y_infer } else { slot.y };
        let (saved, scratch) =
            if infers { (slot.saved_infer, slot.scratch_infer) } else { (slot.saved, slot.scratch_forward) };
        let (from, other) = (place(plan, slot.from, y), place(plan, slot.other, y));
        let at = Places { x: from, other, y: y(slot), saved, scratch };
        layer::<L>(&Pass { ctx, n, params, slot, i }, x, work, at, &mut mode)?;
    }
    Ok(())
}

/// Offsets into the work region, or [`EXTERNAL`].
struct Places {
    x: usize,
    other: usize,
    y: usize,
    saved: usize,
    scratch: usize,
}

/// The forward pass of one layer.
fn layer<L: Linked>(pass: &Pass, external: &[f32], work: &mut [f32], at: Places, mode: &mut Mode) -> Result {
    let (ctx, n, slot) = (pass.ctx, pass.n, pass.slot);
    let adds = L::PARTS.has(Parts::ADD) && matches!(slot.kind, Kind::Add);
    let [input, other, y, scratch, saved, ..] = pieces(
        work,
        [
            if slot.in_place { NOTHING } else { (at.x, pass.input_len()) },
            if adds { (at.other, pass.output_len()) } else { NOTHING },
            (at.y, pass.output_len()),
            (at.scratch, slot.scratch_forward_len),
            (at.saved, slot.saved_len(n)),
            NOTHING,
            NOTHING,
            NOTHING,
        ],
    )?;
    let x = if at.x == EXTERNAL { external } else { &*input };
    let other = if at.other == EXTERNAL { external } else { &*other };
    let activation = if slot.fused { Activation::Relu } else { Activation::None };
    // What is not linked has been refused: the guards only tell the compiler.
    let has = |part| L::PARTS.has(part);
    match slot.kind {
        Kind::Conv2d { .. } if has(Parts::CONV) => {
            conv2d_planned::<L>(ctx, &slot.conv(n), x, pass.weight(), pass.bias(), activation, y, scratch)
        }
        Kind::Dense { .. } if has(Parts::DENSE_LAYER) => {
            let epilogue = Epilogue { bias: pass.bias().map_or(Bias::None, Bias::PerCol), activation };
            let (operands, update) = ([x, pass.weight()], Update::Overwrite);
            dense_planned::<L>(ctx, &slot.dense(n), Product::Forward, operands, update, epilogue, y, scratch)
        }
        Kind::BatchNorm { eps, momentum } if has(Parts::BATCH_NORM) => {
            batch_norm(pass, [eps, momentum], x, mode, y, saved)?
        }
        Kind::GroupNorm { groups, eps, .. } if has(Parts::GROUP_NORM) => {
            let (mean, rstd) = halves_mut(saved);
            group_norm(ctx, &slot.group_norm(n, groups, eps), x, pass.scale(), pass.bias(), y, mean, rstd)?
        }
        Kind::LayerNorm { eps, .. } if has(Parts::LAYER_NORM) => {
            let (mean, rstd) = halves_mut(saved);
            layer_norm(ctx, &slot.layer_norm(n, eps), x, pass.scale(), pass.bias(), y, mean, rstd)?
        }
        Kind::RmsNorm { eps, .. } if has(Parts::RMS_NORM) => {
            rms_norm(ctx, &slot.rms_norm(n, eps), x, pass.scale(), y, saved)?
        }
        Kind::Activation(_) if slot.fused => {}
        Kind::Activation(Function::Relu) if has(Parts::RELU_ALONE) => function(pass, Function::Relu, x, y),
        Kind::Activation(f) if has(Parts::FUNCTIONS) => function(pass, f, x, y),
        Kind::MaxPool2d { kernel, stride, padding } if has(Parts::POOL) => {
            max_pool2d_planned::<L>(ctx, &slot.max_pool(n, kernel, stride, padding), x, y)
        }
        Kind::AvgPool2d { kernel, stride, padding, count_include_pad } if has(Parts::AVG_POOL) => {
            avg_pool2d(ctx, &slot.avg_pool(n, kernel, stride, padding, count_include_pad), x, y)?
        }
        Kind::GlobalAvgPool if has(Parts::GLOBAL_AVG_POOL) => global_avg_pool(ctx, slot.planes(n), x, y)?,
        Kind::Softmax if has(Parts::SOFTMAX) => softmax(ctx, [n, slot.input_len()], x, y)?,
        Kind::LogSoftmax if has(Parts::LOG_SOFTMAX) => log_softmax(ctx, [n, slot.input_len()], x, y)?,
        Kind::Flatten => {}
        Kind::Dropout { p, form } if has(Parts::DROPOUT) => drop_out(pass, Dropout::drop(p)?.form(form), mode, x, y)?,
        Kind::Add if has(Parts::ADD) && slot.in_place => add_to(ctx, other, y)?,
        Kind::Add if has(Parts::ADD) => add(ctx, x, other, y)?,
        _ => return Err(MISSING),
    }
    Ok(())
}

/// A function of each element; inlined, so that a constant one leaves out the others.
#[inline(always)]
fn function(pass: &Pass, f: Function, x: &[f32], y: &mut [f32]) {
    if pass.slot.in_place { apply_in_place(pass.ctx, f, y) } else { apply(pass.ctx, f, x, y) }
}

fn batch_norm(
    pass: &Pass,
    [eps, momentum]: [f32; 2],
    x: &[f32],
    mode: &mut Mode,
    y: &mut [f32],
    saved: &mut [f32],
) -> Result {
    let (ctx, slot, scale, shift) = (pass.ctx, pass.slot, pass.weight(), pass.bias_slice());
    let averages = range((slot.running, 2 * slot.input[0]));
    let shape = slot.batch_norm(pass.n, eps, momentum);
    match mode {
        Mode::Train(Training { running, momentum, .. }) if !slot.options.frozen => {
            let shape = shape.momentum(momentum.unwrap_or(shape.momentum));
            let (mean, var) = halves_mut(running.get_mut(averages).unwrap_or_default());
            let (saved_mean, saved_rstd) = halves_mut(saved);
            batch_norm_train(ctx, &shape, x, scale, shift, mean, var, y, saved_mean, saved_rstd)
        }
        mode => {
            let (mean, var) = halves(mode.running().get(averages).unwrap_or_default());
            batch_norm_infer(ctx, &shape, x, scale, shift, mean, var, y)
        }
    }
}

fn drop_out(pass: &Pass, drop: Dropout, mode: &Mode, x: &[f32], y: &mut [f32]) -> Result {
    let (ctx, slot) = (pass.ctx, pass.slot);
    match mode {
        Mode::Infer { .. } | Mode::Train(Training { noise: None, .. }) => {
            if slot.in_place {
                dropout_infer_in_place(ctx, drop, y)
            } else {
                dropout_infer(ctx, drop, x, y)
            }
        }
        Mode::Train(Training { noise: Some(noise), .. }) => {
            let mask = noise.mask(pass.i, slot.output_len());
            if slot.in_place { dropout_in_place(ctx, drop, mask, y) } else { dropout(ctx, drop, mask, x, y) }
        }
    }
}

impl Mode<'_> {
    fn running(&self) -> &[f32] {
        match self {
            Self::Infer { running } => running,
            Self::Train(training) => training.running,
        }
    }
}

/// The last layer's output at test time.
fn output<'w>(plan: View, n: usize, x: &'w [f32], work: &'w [f32]) -> &'w [f32] {
    let Some(last) = plan.slots.last() else { return &[] };
    if last.y_infer == EXTERNAL {
        return x;
    }
    work.get(range((last.y_infer, n * last.output_len()))).unwrap_or(&[])
}
