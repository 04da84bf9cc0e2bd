//! The forward pass, in training and at test time.

use super::layer::{Kind, Layer};
use super::plan::Plan;
use super::slot::{EXTERNAL, Slot, batch_norm_shape, conv_shape, dense_shape, pool_shape};
use super::work::{pieces, span};
use super::{Net, Problem};
use crate::activation::{Activation, Function, activate, activate_in_place};
use crate::context::Context;
use crate::conv::conv2d;
use crate::dense::dense;
use crate::dropout::{Dropout, DropoutMask, dropout, dropout_in_place};
use crate::error::{Error, Result, check_at_least, check_dim, check_len};
use crate::norm::{BatchNorm, batch_norm_infer, batch_norm_train};
use crate::pool::max_pool2d;
use crate::rng::Stream;

/// Runs a trained network: logits `[n, outputs]` of the samples `x` `[n, c, h, w]`, in `work`.
///
/// `weights` are the first [`Plan::weights_len`] elements of a training arena (they may live in flash); the number of
/// samples follows from `x`.
///
/// # Errors
///
/// [`Error::Length`] unless `weights` has exactly that length and `x` is a whole number of samples;
/// [`Error::Dimension`] if there are more samples than the plan's batch; [`Error::TooShort`] if `work` is shorter than
/// [`Plan::infer_work_len`]; [`Error::Net`] if the plan was made for another network.
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
/// let y = net::infer(Context::serial(Isa::BASELINE), &NET, &PLAN, &weights, &[10.0, 100.0], &mut work)?;
/// assert_eq!(y, [320.5]);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn infer<'w>(
    ctx: Context,
    net: &Net,
    plan: &Plan,
    weights: &[f32],
    x: &'w [f32],
    work: &'w mut [f32],
) -> Result<&'w [f32]> {
    check_plan(net, plan)?;
    check_len("weights", plan.weights_len(), weights.len())?;
    check_at_least("work", plan.infer_work_len(), work.len())?;
    let n = samples(net, plan, x)?;
    let (params, running) = weights.split_at_checked(plan.parameters()).unwrap_or((weights, &[]));
    for (i, slot) in plan.slots().iter().enumerate() {
        let places =
            Places { input: input_place(plan, i, |s| s.y_infer), y: slot.y_infer, scratch: slot.scratch_infer };
        layer(&Pass { ctx, net, n, params, slot, i }, x, work, places, Mode::Infer { running })?;
    }
    Ok(output(plan, |s| s.y_infer, n, x, work))
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
    /// What dropout draws; nothing is dropped if there is none.
    pub(super) noise: Option<Noise>,
}

/// Dropout draws from the stream of its layer, this step, sample by sample.
#[derive(Clone, Copy)]
pub(super) struct Noise {
    pub(super) seed: u64,
    pub(super) step: u64,
    /// Position of the pass's first sample in its step.
    pub(super) first_sample: usize,
}

/// What all passes of layer `i` need to know.
pub(super) struct Pass<'a> {
    pub(super) ctx: Context<'a>,
    pub(super) net: &'a Net<'a>,
    /// Samples.
    pub(super) n: usize,
    pub(super) params: &'a [f32],
    pub(super) slot: &'a Slot,
    pub(super) i: usize,
}

impl<'a> Pass<'a> {
    pub(super) fn weight(&self) -> &'a [f32] {
        self.params.get(span(self.slot.weight, self.slot.weight_len)).unwrap_or(&[])
    }
    fn bias_slice(&self) -> &'a [f32] {
        self.params.get(span(self.slot.bias, self.slot.bias_len)).unwrap_or(&[])
    }
    pub(super) fn bias(&self) -> Option<&'a [f32]> {
        Some(self.bias_slice()).filter(|b| !b.is_empty())
    }
    pub(super) fn layers(&self) -> &'a [Layer] {
        self.net.layers
    }
}

/// Offsets into the work region, or [`EXTERNAL`].
struct Places {
    input: usize,
    y: usize,
    scratch: usize,
}

/// The forward pass of one layer.
fn layer(pass: &Pass, x: &[f32], work: &mut [f32], at: Places, mode: Mode) -> Result {
    let (ctx, n, slot, i) = (pass.ctx, pass.n, pass.slot, pass.i);
    let Some(layer) = pass.layers().get(i) else { return Ok(()) };
    let in_place = at.y == at.input;
    let channels = slot.input[0];
    let saved_len = if matches!(layer.kind, Kind::BatchNorm { .. }) && mode.is_train() { channels } else { 0 };
    let [input, y, scratch, mean, rstd] = pieces(
        work,
        [
            if in_place { 0..0 } else { span(at.input, n * slot.input_len()) },
            span(at.y, n * slot.output_len()),
            span(at.scratch, slot.scratch_forward_len),
            span(slot.saved, saved_len),
            span(slot.saved + channels, saved_len),
        ],
    )?;
    let x = if at.input == EXTERNAL { x } else { &*input };
    match layer.kind {
        Kind::Conv2d { .. } => {
            let activation = fused_relu(pass.layers(), i);
            let shape = conv_shape(n, slot, &layer.kind);
            conv2d(ctx, &shape, x, pass.weight(), pass.bias(), activation, y, scratch)
        }
        Kind::Dense { .. } => {
            let activation = fused_relu(pass.layers(), i);
            dense(ctx, &dense_shape(n, slot), x, pass.weight(), pass.bias(), activation, y, scratch)
        }
        Kind::BatchNorm { eps, momentum } => {
            let shape = batch_norm_shape(n, slot, eps, momentum);
            let (scale, shift) = (pass.weight(), pass.bias_slice());
            match mode {
                Mode::Infer { running } => {
                    let (mean, var) = halves(running.get(span(slot.running, 2 * channels)).unwrap_or(&[]));
                    batch_norm_infer(ctx, &shape, x, scale, shift, mean, var, y)
                }
                Mode::Train(Training { running, momentum, .. }) => {
                    let shape = BatchNorm { momentum: momentum.unwrap_or(shape.momentum), ..shape };
                    let averages = running.get_mut(span(slot.running, 2 * channels)).unwrap_or(&mut []);
                    let (running_mean, running_var) = averages.split_at_mut_checked(channels).unwrap_or_default();
                    batch_norm_train(ctx, &shape, x, scale, shift, running_mean, running_var, y, mean, rstd)
                }
            }
        }
        Kind::Relu if applied_before(pass.layers(), i) => Ok(()),
        Kind::Relu if in_place => activate_in_place(ctx, Function::Relu, y),
        Kind::Relu => activate(ctx, Function::Relu, x, y),
        Kind::MaxPool2d { kernel, stride, padding } => {
            max_pool2d(ctx, &pool_shape(n, slot, kernel, stride, padding), x, y)
        }
        Kind::Flatten => Ok(()),
        Kind::Dropout { p } => match mode.noise() {
            None if in_place => Ok(()),
            None => copy(x, y),
            Some(noise) => {
                let mask = noise.mask(i, slot.output_len());
                let drop = Dropout::drop(p)?;
                if in_place { dropout_in_place(ctx, drop, mask, y) } else { dropout(ctx, drop, mask, x, y) }
            }
        },
    }
}

fn halves(both: &[f32]) -> (&[f32], &[f32]) {
    both.split_at_checked(both.len() / 2).unwrap_or((both, &[]))
}

fn copy(x: &[f32], y: &mut [f32]) -> Result {
    check_len("y", x.len(), y.len())?;
    y.iter_mut().zip(x).for_each(|(y, x)| *y = *x);
    Ok(())
}

impl Mode<'_> {
    fn is_train(&self) -> bool {
        matches!(self, Self::Train(_))
    }

    fn noise(&self) -> Option<Noise> {
        match self {
            Self::Infer { .. } => None,
            Self::Train(training) => training.noise,
        }
    }
}

impl Noise {
    /// The mask of dropout layer `layer`. The streams lie above those of the initialization, one per layer.
    pub(super) fn mask(self, layer: usize, features: usize) -> DropoutMask {
        let stream = Stream { seed: self.seed, stream: 0x8000_0000 | layer as u32, step: self.step };
        DropoutMask { stream, first: self.first_sample as u64 * features as u64 }
    }
}

/// The forward pass in training; everything the backward pass needs stays in `work`.
pub(super) fn train(
    ctx: Context,
    net: &Net,
    plan: &Plan,
    params: &[f32],
    x: &[f32],
    work: &mut [f32],
    Training { running, momentum, noise }: Training,
) -> Result {
    let n = samples(net, plan, x)?;
    for (i, slot) in plan.slots().iter().enumerate() {
        let places = Places { input: input_place(plan, i, |s| s.y), y: slot.y, scratch: slot.scratch_forward };
        let mode = Mode::Train(Training { running: &mut *running, momentum, noise });
        layer(&Pass { ctx, net, n, params, slot, i }, x, work, places, mode)?;
    }
    Ok(())
}

/// Whether a linear layer applies the relu that follows it.
fn fused_relu(layers: &[Layer], i: usize) -> Activation {
    match layers.get(i + 1).map(Layer::kind) {
        Some(Kind::Relu) => Activation::Relu,
        _ => Activation::None,
    }
}

/// Whether the layer before a relu has applied it.
fn applied_before(layers: &[Layer], relu: usize) -> bool {
    let before = relu.checked_sub(1).and_then(|i| layers.get(i)).map(Layer::kind);
    matches!(before, Some(Kind::Conv2d { .. } | Kind::Dense { .. }))
}

/// The plan belongs to this network, as far as shapes tell.
pub(super) fn check_plan(net: &Net, plan: &Plan) -> Result {
    let slots = plan.slots();
    let same = slots.len() == net.layers.len()
        && slots.first().is_some_and(|s| s.input == net.input)
        && (0..slots.len()).all(|i| slots.get(i).is_some_and(|s| s.output == net.output_shape(i)));
    let problem = Problem::Parameter { what: "the plan was made for another network" };
    if same && plan.parameters() == net.parameters() {
        return Ok(());
    }
    Err(Error::Net(super::NetError { layer: slots.len(), kind: "plan", problem }))
}

/// How many samples `x` holds.
pub(super) fn samples(net: &Net, plan: &Plan, x: &[f32]) -> Result<usize> {
    let [c, h, w] = net.input;
    let len = c * h * w;
    let n = x.len().checked_div(len).unwrap_or(0);
    check_len("x", n * len, x.len())?;
    check_dim(n <= plan.config.batch, "samples in x", "at most the plan's batch", n)?;
    Ok(n)
}

/// Where layer `i` finds its input.
pub(super) fn input_place(plan: &Plan, i: usize, y: impl Fn(&Slot) -> usize) -> usize {
    i.checked_sub(1).and_then(|before| plan.slots().get(before)).map_or(EXTERNAL, y)
}

/// The last layer's output.
fn output<'w>(plan: &Plan, y: impl Fn(&Slot) -> usize, n: usize, x: &'w [f32], work: &'w [f32]) -> &'w [f32] {
    let Some(last) = plan.slots().last() else { return &[] };
    if y(last) == EXTERNAL {
        return x;
    }
    work.get(span(y(last), n * last.output_len())).unwrap_or(&[])
}
