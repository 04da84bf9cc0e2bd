//! The forward pass, in training and at test time.

use super::observer::Observer;
use super::work::{NOTHING, check_linked, pieces, place, samples};
use crate::error::{Result, check_at_least, check_len};
use crate::machine::Context;
use crate::net::layers::{self, EXTERNAL, Forward, Mode, Pass, Slot, Training, range};
use crate::net::linked::{Everything, Linked, Parts};
use crate::net::plan::{Plan, View};

/// Runs a trained network: outputs `[n, outputs]` of the samples `x` `[n, c, h, w]`, in `work`.
///
/// `weights` are the first [`Plan::weights_len`] elements of a training arena (they may live in flash); the number of
/// samples follows from `x`.
///
/// # Errors
///
/// [`Error::Length`](crate::Error::Length) unless `weights` has exactly that length and `x` is a whole number of
/// samples; [`Error::Dimension`](crate::Error::Dimension) if there are more samples than the plan's batch;
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
    each::<L, ()>(ctx, plan, params, n, x, work, Mode::Infer { running }, ())?;
    Ok(output(plan, n, x, work))
}

/// The forward pass of `n` samples in training; everything the backward pass needs stays in `work`. Gives the observer
/// back: as a value, one that looks at nothing takes no register.
pub(super) fn train<L: Linked, O: Observer>(
    ctx: Context,
    plan: View,
    params: &[f32],
    n: usize,
    x: &[f32],
    work: &mut [f32],
    training: Training,
    observer: O,
) -> Result<O> {
    each::<L, _>(ctx, plan, params, n, x, work, Mode::Train(training), observer)
}

/// All forward passes, first layer first.
#[inline(never)]
fn each<L: Linked, O: Observer>(
    ctx: Context,
    plan: View,
    params: &[f32],
    n: usize,
    x: &[f32],
    work: &mut [f32],
    mut mode: Mode,
    mut observer: O,
) -> Result<O> {
    let infers = matches!(mode, Mode::Infer { .. });
    for (i, slot) in plan.slots.iter().enumerate() {
        let y = |slot: &Slot| if infers { slot.y_infer } else { slot.y };
        let (saved, scratch) =
            if infers { (slot.saved_infer, slot.scratch_infer) } else { (slot.saved, slot.scratch_forward) };
        let (from, other) = (place(plan, slot.from, y), place(plan, slot.other, y));
        let at = Places { x: from, other, y: y(slot), saved, scratch };
        layer::<L>(&Pass { ctx, n, params, slot, i }, x, work, at, &mut mode)?;
        observer.output(i, work.get(range((y(slot), n * slot.output_len()))).unwrap_or(x));
    }
    Ok(observer)
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
    let slot = pass.slot;
    let adds = L::PARTS.has(Parts::ADD) && slot.kind.is_add();
    let [input, other, y, scratch, saved, ..] = pieces(
        work,
        [
            if slot.in_place { NOTHING } else { (at.x, pass.input_len()) },
            if adds { (at.other, pass.output_len()) } else { NOTHING },
            (at.y, pass.output_len()),
            (at.scratch, slot.scratch_forward_len),
            (at.saved, slot.saved_len(pass.n)),
            NOTHING,
            NOTHING,
            NOTHING,
        ],
    )?;
    let x = if at.x == EXTERNAL { external } else { &*input };
    let other = if at.other == EXTERNAL { external } else { &*other };
    layers::forward::<L>(pass, Forward { x, other, y, saved, scratch }, mode)
}

/// The last layer's output at test time.
fn output<'w>(plan: View, n: usize, x: &'w [f32], work: &'w [f32]) -> &'w [f32] {
    let Some(last) = plan.slots.last() else { return &[] };
    if last.y_infer == EXTERNAL {
        return x;
    }
    work.get(range((last.y_infer, n * last.output_len()))).unwrap_or(&[])
}
