//! Losses.

use crate::activation::{exp_row, sum_exp};
use crate::context::Context;
use crate::error::{Error, Result, check_len, checked_len};
use crate::simd::{Simd, dispatch};
use crate::slice::{self, ChannelsMut};

/// What a pass over a batch says about it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossReport {
    /// The sum of the samples' losses; divided by the batch size it is PyTorch's mean.
    pub loss_sum: f32,
    /// How many samples have their largest logit (the first, if several are equal) at their label.
    pub correct: usize,
}

/// Samples whose losses wait on the stack to be added in order.
const BLOCK: usize = 64;

/// Softmax cross entropy from logits `[n, classes]` and one class index per sample:
/// `loss_i = ln(sum_j exp(x_ij - max_i)) - (x_i,label - max_i)` (PyTorch's `cross_entropy`, reduction `sum`).
///
/// # Numerics
///
/// Maximum and sum as in [`softmax`](crate::activation::softmax), the logarithm is `libm::logf`; samples' losses are
/// added one after another, in order. A NaN counts as smaller than every number when the prediction is taken.
///
/// # Errors
///
/// [`Error::Length`] unless `logits` holds `n * classes` elements and `labels` holds `n`; [`Error::Overflow`] if the
/// product overflows; [`Error::Label`] for the first label that is not below `classes`.
///
/// ```
/// use flatgrad_core::{Context, Isa, loss::cross_entropy};
/// let report = cross_entropy(Context::serial(Isa::detect()), [1, 2], &[3.0, 3.0], &[0])?;
/// assert!((report.loss_sum - 2f32.ln()).abs() < 1e-6);
/// assert_eq!(report.correct, 1);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn cross_entropy(ctx: Context, [n, classes]: [usize; 2], logits: &[f32], labels: &[u32]) -> Result<LossReport> {
    check([n, classes], logits, labels)?;
    Ok(blocks(ctx, classes, logits, labels, &mut [], &|x, label, _| {
        dispatch!(ctx.isa(), |s| {
            let (max, sum) = sum_exp(s, x);
            score(x, label, max, sum)
        })
    }))
}

/// [`cross_entropy`] and its gradient: `dlogits = (softmax(logits) - onehot(labels)) * grad_scale`; `grad_scale` is
/// `1 / n` for the gradient of the mean.
///
/// # Numerics
///
/// [`softmax`](crate::activation::softmax), then at the label `- 1`, then `* grad_scale`, each rounded. The report has
/// the bits of [`cross_entropy`].
///
/// # Errors
///
/// As [`cross_entropy`], and [`Error::Length`] unless `dlogits` is as long as `logits`.
///
/// ```
/// use flatgrad_core::{Context, Isa, loss::cross_entropy_backward};
/// let mut dlogits = [0.0; 2];
/// let report = cross_entropy_backward(Context::serial(Isa::detect()), [1, 2], &[3.0, 3.0], &[0], 1.0, &mut dlogits)?;
/// assert_eq!(dlogits, [-0.5, 0.5]);
/// assert_eq!(report.correct, 1);
/// # Ok::<(), flatgrad_core::Error>(())
/// ```
pub fn cross_entropy_backward(
    ctx: Context,
    [n, classes]: [usize; 2],
    logits: &[f32],
    labels: &[u32],
    grad_scale: f32,
    dlogits: &mut [f32],
) -> Result<LossReport> {
    check_len("dlogits", checked_len("logits", &[n, classes])?, dlogits.len())?;
    check([n, classes], logits, labels)?;
    Ok(blocks(ctx, classes, logits, labels, dlogits, &|x, label, dx| {
        dispatch!(ctx.isa(), |s| {
            let (max, sum) = exp_row(s, x, dx);
            gradient_row(s, dx, label, sum, grad_scale);
            score(x, label, max, sum)
        })
    }))
}

fn check([n, classes]: [usize; 2], logits: &[f32], labels: &[u32]) -> Result {
    check_len("logits", checked_len("logits", &[n, classes])?, logits.len())?;
    check_len("labels", n, labels.len())?;
    match labels.iter().enumerate().find(|(_, label)| **label as usize >= classes) {
        Some((index, &label)) => Err(Error::Label { index, label, classes }),
        None => Ok(()),
    }
}

/// One sample: `(logits, label, dlogits)` to its loss and whether the prediction is right.
type Row<'a> = dyn Fn(&[f32], usize, &mut [f32]) -> (f32, bool) + Sync + 'a;

/// Runs `row` on all samples: on a block of them with all threads, then the block's losses are added in order.
/// `dlogits` may be empty.
fn blocks(
    ctx: Context,
    classes: usize,
    logits: &[f32],
    labels: &[u32],
    mut dlogits: &mut [f32],
    row: &Row,
) -> LossReport {
    let mut report = LossReport::default();
    let width = if dlogits.is_empty() { 0 } else { classes };
    for (labels, logits) in labels.chunks(BLOCK).zip(logits.chunks(BLOCK.saturating_mul(classes.max(1)))) {
        let samples = labels.len();
        let (head, tail) =
            core::mem::take(&mut dlogits).split_at_mut_checked(samples * width).unwrap_or((&mut [], &mut []));
        dlogits = tail;
        let (mut loss, mut right) = ([0.0; BLOCK], [0.0; BLOCK]);
        // Samples stand where channels do: each has `width` elements of the gradient, one loss, one verdict.
        let outputs = [
            ChannelsMut::new(head, [1, samples, width]),
            ChannelsMut::new(&mut loss, [1, samples, 1]),
            ChannelsMut::new(&mut right, [1, samples, 1]),
        ];
        slice::share_channels(ctx, logits.len(), outputs, &|[mut dx, mut loss, mut right]| {
            let first = loss.first();
            let x = logits.get(first * classes..).unwrap_or(&[]).chunks_exact(classes.max(1));
            let labels = labels.get(first..).unwrap_or(&[]);
            let verdicts = loss.sample(0).iter_mut().zip(right.sample(0));
            for (i, ((x, &label), (loss, right))) in x.zip(labels).zip(verdicts).enumerate() {
                let (l, r) = row(x, label as usize, dx.plane(0, i));
                (*loss, *right) = (l, r as u32 as f32);
            }
        });
        for (loss, right) in loss.iter().zip(&right).take(samples) {
            report.loss_sum += loss;
            report.correct += (*right > 0.0) as usize;
        }
    }
    report
}

/// A sample's loss, and whether its first maximum is at its label.
fn score(x: &[f32], label: usize, max: f32, sum: f32) -> (f32, bool) {
    let (before, rest) = x.split_at_checked(label).unwrap_or((x, &[]));
    let own = rest.first().copied().unwrap_or(f32::NAN);
    (libm::logf(sum) - (own - max), own == max && !before.contains(&max))
}

/// From `e` to `(e / sum - onehot) * scale`.
#[inline(always)]
fn gradient_row<S: Simd>(s: S, e: &mut [f32], label: usize, sum: f32, scale: f32) {
    let own = e.get(label).map_or(0.0, |e| (e / sum - 1.0) * scale);
    let (sum, scale) = (s.splat(sum), s.splat(scale));
    slice::update(
        s,
        [],
        [&mut *e],
        #[inline(always)]
        |[], [e]| [s.mul(s.div(e, sum), scale)],
    );
    if let Some(e) = e.get_mut(label) {
        *e = own;
    }
}
